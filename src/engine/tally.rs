//! Tallies: how many there are of each of some small numbers.
//!
//! * Numbers of which there are none take no room, the others eight bytes each; a count is found in O(log n).
//! * Counting a list of ascending numbers is O(list × log n), and O(n) where a number is new or goes.
//! * A clone is O(1); the first change after it copies the tally.
//!
//! Nothing here knows what is counted.

use std::sync::Arc;

/// Counts by number, ascending, none of them zero; `None` rather than an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(Option<Arc<Vec<(u32, u32)>>>);

impl Tally {
    /// How many there are of a number.
    pub(super) fn get(&self, number: u32) -> usize {
        let Some(counts) = &self.0 else {
            return 0;
        };
        let found = counts.binary_search_by_key(&number, |(other, _)| *other).ok();
        found.and_then(|at| counts.get(at)).map_or(0, |(_, count)| *count as usize)
    }

    /// Counts one more of each of these numbers, which ascend.
    pub(super) fn add(&mut self, numbers: &[u32]) {
        if numbers.is_empty() {
            return;
        }
        let counts = Arc::make_mut(self.0.get_or_insert_default());
        let absent = alter(counts, numbers, |count| *count += 1);
        if !absent.is_empty() {
            // Two ascending runs, which a stable sort merges in one go.
            counts.extend(absent.into_iter().map(|number| (number, 1)));
            counts.sort_by_key(|(number, _)| *number);
        }
    }

    /// Counts one less of each of these numbers, which ascend and have been counted.
    pub(super) fn take(&mut self, numbers: &[u32]) {
        let Some(counts) = self.0.as_mut().filter(|_| !numbers.is_empty()) else {
            return;
        };
        let counts = Arc::make_mut(counts);
        let mut is_last = false;
        alter(counts, numbers, |count| {
            *count -= 1;
            is_last |= *count == 0;
        });
        if is_last {
            counts.retain(|(_, count)| *count > 0);
        }
        if counts.is_empty() {
            self.0 = None;
        }
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        if let Some(counts) = &mut self.0 {
            Arc::make_mut(counts).shrink_to_fit();
        }
    }
}

impl<'n> FromIterator<&'n [u32]> for Tally {
    fn from_iter<I: IntoIterator<Item = &'n [u32]>>(lists: I) -> Self {
        let mut tally = Self::default();
        lists.into_iter().for_each(|numbers| tally.add(numbers));
        tally
    }
}

/// Alters the counts of some ascending numbers; returns those that have none.
fn alter(counts: &mut [(u32, u32)], numbers: &[u32], mut alter: impl FnMut(&mut u32)) -> Vec<u32> {
    let mut absent = Vec::new();
    let mut rest = counts;
    for number in numbers {
        // Those who read one conversation read the next, so that the numbers mostly follow each other here too.
        let is_next = rest.first().is_some_and(|(other, _)| other == number);
        let skipped = if is_next { 0 } else { rest.partition_point(|(other, _)| other < number) };
        rest = rest.split_at_mut(skipped).1;
        match rest {
            [(other, count), ..] if other == number => alter(count),
            _ => absent.push(*number),
        }
    }
    absent
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn counts_come_and_go_with_lists() {
        let list = |step: u32| (0..40).filter(|number| (number * 7 + step * 3).is_multiple_of(2 + step % 5)).collect();
        let lists: Vec<Vec<u32>> = (0..30).map(list).collect();
        let mut tally = Tally::default();
        let mut expected: BTreeMap<u32, usize> = BTreeMap::new();
        for list in &lists {
            let snapshot = tally.clone();
            let before: Vec<usize> = (0..41).map(|number| tally.get(number)).collect();
            tally.add(list);
            list.iter().for_each(|number| *expected.entry(*number).or_default() += 1);
            assert!((0..41).all(|number| tally.get(number) == expected.get(&number).copied().unwrap_or(0)));
            assert!((0..41).map(|number| snapshot.get(number)).eq(before));
        }
        assert_eq!(tally, lists.iter().rev().map(|list| &list[..]).collect());
        for list in &lists {
            tally.take(list);
            list.iter().for_each(|number| *expected.entry(*number).or_default() -= 1);
            assert!((0..41).all(|number| tally.get(number) == expected.get(&number).copied().unwrap_or(0)));
        }
        assert_eq!(tally, Tally::default());
    }
}
