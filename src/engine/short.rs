//! Short lists of small numbers, taken out of a word: the contacts and tags of a conversation, the tags of a contact.
//!
//! * [`Run`] is any of them, whoever packed it; a [`Word`] says of itself how it is packed.
//! * Reading is O(length). Order is kept, for it is shown.

use smallvec::SmallVec;

/// A list to be kept.
pub(super) type Numbers = SmallVec<[u32; 8]>;

/// Numbers of a list in order, taken out as they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run<'l> {
    packed: u64,
    width: u32,
    left: u32,
    /// Those that did not fit into a word.
    apart: &'l [u32],
}

impl Run<'static> {
    /// So many numbers of `width` bits each, the first in the lowest bits.
    #[inline]
    pub(super) fn packed(packed: u64, width: u8, left: u64) -> Self {
        Self { packed, width: width.into(), left: left as u32, apart: &[] }
    }
}

impl<'l> From<&'l [u32]> for Run<'l> {
    fn from(apart: &'l [u32]) -> Self {
        Self { apart, ..Self::default() }
    }
}

impl Iterator for Run<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let Some(left) = self.left.checked_sub(1) else {
            let (first, rest) = self.apart.split_first()?;
            self.apart = rest;
            return Some(*first);
        };
        let number = self.packed & ((1 << self.width) - 1);
        self.left = left;
        self.packed >>= self.width;
        Some(number as u32)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left as usize + self.apart.len();
        (left, Some(left))
    }

    /// Without asking after each number where the next one is: `for_each`, `sum` and the like go by it.
    #[inline]
    fn fold<B, F: FnMut(B, u32) -> B>(self, start: B, mut f: F) -> B {
        let (mut all, mut packed) = (start, self.packed);
        let ones = (1 << self.width) - 1;
        for _ in 0..self.left {
            all = f(all, (packed & ones) as u32);
            packed >>= self.width;
        }
        self.apart.iter().fold(all, |all, number| f(all, *number))
    }
}

impl ExactSizeIterator for Run<'_> {}

/// How many bits a number takes.
pub(super) fn width(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// Bits of a word that hold its list's length, and behind them the bits that each number takes.
const LENGTH: u32 = 3;
const HEAD: u32 = 8;

/// The length that says "kept apart".
const APART: u64 = 7;

/// A list in a word, or a mark that it did not fit and is kept apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word(u64);

impl Word {
    pub(super) const APART: Self = Self(APART);

    /// A list as a word; `None` if it does not fit into one.
    pub(super) fn of(numbers: &[u32]) -> Option<Self> {
        let width = numbers.iter().map(|number| width(*number)).max().unwrap_or_default();
        let length = numbers.len() as u64;
        let fits = length < APART && width < 32 && length * u64::from(width) <= u64::from(u64::BITS - HEAD);
        let packed = |rest: u64, number: &u32| rest << width | u64::from(*number);
        fits.then(|| Self(numbers.iter().rev().fold(0, packed) << HEAD | u64::from(width) << LENGTH | length))
    }

    /// The numbers in order; `None` if they are kept apart.
    #[inline]
    pub(super) fn run(self) -> Option<Run<'static>> {
        match self.0 % (1 << LENGTH) {
            APART => None,
            length => Some(Run::packed(self.0 >> HEAD, (self.0 >> LENGTH) as u8 % 32, length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_a_word_is_given_back() {
        for (numbers, fits) in [
            (&[][..], true),
            (&[0; 6], true),
            (&[0; 7], false),
            (&[511, 0, 1, 2, 3, 510], true),
            (&[512, 511, 0, 0, 0, 0], false),
            (&[u32::MAX >> 1], true),
            (&[u32::MAX], false),
        ] {
            let word = Word::of(numbers);
            assert_eq!(word.is_some(), fits, "{numbers:?}");
            assert!(word.and_then(Word::run).is_none_or(|run| run.eq(numbers.iter().copied())), "{numbers:?}");
        }
        assert!(Word::APART.run().is_none());
        assert!(Run::from(&[3, 0, u32::MAX][..]).eq([3, 0, u32::MAX]));
    }
}
