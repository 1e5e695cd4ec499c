//! A value for each of some small numbers; most have none.
//!
//! * Numbers whose value is zero take no room, the others eight bytes each; a value is found in O(log n).
//! * Altering the values of a list of ascending numbers is O(list × log n) at most, O(list + n) where numbers come or go.
//! * A clone is O(1); the first change after it copies all.
//!
//! Nothing here knows what the numbers or the values mean.

use super::kernel::Part;
use super::room::{give_back, make_room};

/// Values by number, ascending, none of them zero; `None` rather than an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(Option<Part<Vec<(u32, u32)>>>);

impl Counts {
    pub(super) const NONE: Self = Self(None);

    /// The value of a number.
    pub(super) fn get(&self, number: u32) -> u32 {
        let counts = self.as_slice();
        let found = counts.binary_search_by_key(&number, |(other, _)| *other).ok();
        found.and_then(|at| counts.get(at)).map_or(0, |(_, count)| *count)
    }

    /// The numbers that have a value, ascending, with it.
    pub(super) fn as_slice(&self) -> &[(u32, u32)] {
        self.0.as_ref().map_or(&[], |counts| counts)
    }

    /// Counts one more of each of these numbers, which ascend.
    pub(super) fn add(&mut self, numbers: &[u32]) {
        self.alter(numbers, |count| *count += 1);
    }

    /// Counts one less of each of these numbers, which ascend and have been counted.
    pub(super) fn take(&mut self, numbers: &[u32]) {
        self.alter(numbers, |count| *count -= 1);
    }

    /// Alters the values of these numbers, which ascend.
    pub(super) fn alter(&mut self, numbers: &[u32], mut alter: impl FnMut(&mut u32)) {
        if numbers.is_empty() {
            return;
        }
        let counts = Part::own(self.0.get_or_insert_default());
        let (mut new, mut has_gone) = (Vec::new(), false);
        let mut rest = &mut counts[..];
        for number in numbers {
            let passed = passed(rest, *number);
            rest = rest.split_at_mut(passed).1;
            match rest {
                [(other, count), ..] if other == number => {
                    alter(count);
                    has_gone |= *count == 0;
                }
                _ => {
                    let mut count = 0;
                    alter(&mut count);
                    new.extend((count > 0).then_some((*number, count)));
                }
            }
        }
        if has_gone {
            counts.retain(|(_, count)| *count > 0);
            give_back(counts);
        }
        if !new.is_empty() {
            // Two ascending runs, which a stable sort merges in one go.
            make_room(counts, new.len());
            counts.append(&mut new);
            counts.sort_by_key(|(number, _)| *number);
        }
        if counts.is_empty() {
            self.0 = None;
        }
    }

    /// Alters all values, and is told the numbers of which each is. O(n).
    pub(super) fn alter_all(&mut self, mut alter: impl FnMut(u32, &mut u32)) {
        let Some(counts) = self.0.as_mut().map(Part::own) else {
            return;
        };
        counts.retain_mut(|(number, count)| {
            alter(*number, count);
            *count > 0
        });
        give_back(counts);
        if counts.is_empty() {
            self.0 = None;
        }
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        if let Some(counts) = &mut self.0 {
            Part::own(counts).shrink_to_fit();
        }
    }
}

/// How many entries come before a number: mostly few, so that the steps are small at first.
fn passed(counts: &[(u32, u32)], number: u32) -> usize {
    let is_before = |(other, _): &(u32, u32)| *other < number;
    let mut end = 1;
    while counts.get(end - 1).is_some_and(is_before) {
        end *= 2;
    }
    let (start, end) = (end / 2, end.min(counts.len()));
    start + counts.get(start..end).map_or(0, |counts| counts.partition_point(is_before))
}

impl<L: AsRef<[u32]>> FromIterator<L> for Counts {
    fn from_iter<I: IntoIterator<Item = L>>(lists: I) -> Self {
        let mut counts = Self::default();
        lists.into_iter().for_each(|numbers| counts.add(numbers.as_ref()));
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::tests::LEAP;

    fn assert_counts(counts: &Counts, expected: &BTreeMap<u32, u32>) {
        assert!((0..41).all(|number| counts.get(number) == expected.get(&number).copied().unwrap_or(0)));
        let expected = expected.iter().filter(|(_, count)| **count > 0);
        assert!(counts.as_slice().iter().map(|(number, count)| (number, count)).eq(expected));
    }

    #[test]
    fn counts_come_and_go_with_lists() {
        let list = |step: u32| (0..40).filter(|number| (number * 7 + step * 3).is_multiple_of(2 + step % 5)).collect();
        let lists: Vec<Vec<u32>> = (0..30).map(list).collect();
        let mut counts = Counts::default();
        let mut expected = BTreeMap::new();
        for list in &lists {
            let (snapshot, before) = (counts.clone(), expected.clone());
            counts.add(list);
            list.iter().for_each(|number| *expected.entry(*number).or_default() += 1);
            assert_counts(&counts, &expected);
            assert_counts(&snapshot, &before);
        }
        assert_eq!(counts, lists.iter().rev().collect());
        for list in &lists {
            counts.take(list);
            list.iter().for_each(|number| *expected.entry(*number).or_default() -= 1);
            assert_counts(&counts, &expected);
        }
        assert_eq!(counts, Counts::default());
    }

    #[test]
    fn memory_is_that_of_the_numbers_that_are_there() {
        let mut counts = Counts::default();
        let memory = |counts: &Counts| counts.0.as_ref().map_or(0, |counts| counts.capacity());
        (0..100).for_each(|number| counts.add(&[number]));
        assert!(memory(&counts) < 115);
        (0..97).for_each(|number| counts.take(&[number]));
        assert_eq!(counts.as_slice(), [(97, 1), (98, 1), (99, 1)]);
        assert!(memory(&counts) <= 8);
    }

    #[test]
    fn what_comes_before_a_number_is_found_from_any_place() {
        let counts: Vec<(u32, u32)> = (0..100).map(|number| (number * 3, 1)).collect();
        for start in (0..=100).step_by(LEAP) {
            for number in 0..305 {
                let expected = counts[start..].partition_point(|(other, _)| *other < number);
                assert_eq!(passed(&counts[start..], number), expected, "{number} from {start}");
            }
        }
    }
}
