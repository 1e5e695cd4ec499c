//! Short lists of small numbers, one per row: the tags and contacts of a conversation, the tags of a contact.
//!
//! * A list of up to `N` numbers takes `N` places in a column; a longer one, or one with a number that a place cannot
//!   hold, is kept apart, found by row.
//! * Order is kept, for it is shown.

use smallvec::SmallVec;

use super::column::Column;
use super::sparse::Sparse;

/// A number in a list's place: the two largest values mean "nothing" and "kept apart".
pub(super) trait Place: Copy + Eq + std::fmt::Debug {
    const EMPTY: Self;
    const APART: Self;
    fn pack(number: u32) -> Option<Self>;
    fn unpack(self) -> u32;
}

impl Place for u16 {
    const EMPTY: Self = u16::MAX;
    const APART: Self = u16::MAX - 1;

    fn pack(number: u32) -> Option<Self> {
        u16::try_from(number).ok().filter(|number| *number < Self::APART)
    }

    fn unpack(self) -> u32 {
        u32::from(self)
    }
}

impl Place for u32 {
    const EMPTY: Self = u32::MAX;
    const APART: Self = u32::MAX - 1;

    fn pack(number: u32) -> Option<Self> {
        Some(number).filter(|number| *number < Self::APART)
    }

    fn unpack(self) -> u32 {
        self
    }
}

/// A list as read.
pub(super) type Numbers = SmallVec<[u32; 8]>;

#[derive(Clone, Debug)]
pub(super) struct Lists<P, const N: usize> {
    places: Column<[P; N]>,
    apart: Sparse<Box<[u32]>>,
}

impl<P, const N: usize> Default for Lists<P, N> {
    fn default() -> Self {
        Self { places: Column::default(), apart: Sparse::default() }
    }
}

impl<P: Place, const N: usize> Lists<P, N> {
    pub(super) fn push(&mut self, numbers: &[u32]) {
        let row = self.places.len() as u32;
        self.places.push([P::EMPTY; N]);
        self.set(row, numbers);
    }

    pub(super) fn set(&mut self, row: u32, numbers: &[u32]) {
        let places = pack(numbers);
        let was_apart = self.places.get(row).first() == Some(&P::APART);
        match places {
            Some(places) => self.places.set(row, places),
            None => {
                self.places.set(row, [P::APART; N]);
                self.apart.insert(row, numbers.into());
            }
        }
        if was_apart && places.is_some() {
            self.apart.remove(row);
        }
    }

    /// Calls `each` with the numbers in order.
    #[inline]
    pub(super) fn for_each(&self, row: u32, mut each: impl FnMut(u32)) {
        let places = self.places.get(row);
        if places.first() == Some(&P::APART) {
            self.apart.get(row).into_iter().flatten().copied().for_each(each);
            return;
        }
        places.iter().take_while(|place| **place != P::EMPTY).for_each(|place| each(place.unpack()));
    }

    pub(super) fn get(&self, row: u32) -> Numbers {
        let mut numbers = Numbers::new();
        self.for_each(row, |number| numbers.push(number));
        numbers
    }

    #[inline]
    pub(super) fn any(&self, row: u32, fits: impl Fn(u32) -> bool) -> bool {
        let mut found = false;
        self.for_each(row, |number| found = found || fits(number));
        found
    }
}

fn pack<P: Place, const N: usize>(numbers: &[u32]) -> Option<[P; N]> {
    let mut places = [P::EMPTY; N];
    if numbers.len() > N {
        return None;
    }
    for (place, number) in places.iter_mut().zip(numbers) {
        *place = P::pack(*number)?;
    }
    Some(places)
}
