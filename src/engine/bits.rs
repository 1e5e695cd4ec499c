//! Sets of small numbers, one bit each, and the viewer-by-class matrix made of them.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use smallvec::SmallVec;

/// A set of small numbers: number `n` is bit `n % 64` of word `n / 64`; missing words are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(SmallVec<[u64; 16]>);

impl Bits {
    pub(super) fn from_words(words: &[u64]) -> Self {
        Self(SmallVec::from_slice(words))
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        contains(&self.0, number)
    }

    pub(super) fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    pub(super) fn remove(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    pub(super) fn union(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(super) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0.iter().chain(std::iter::repeat(&0))) {
            *word &= other;
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        ones(&self.0)
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut bits = Self::default();
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }
}

#[inline]
pub(super) fn contains(words: &[u64], number: u32) -> bool {
    words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
}

/// The numbers of the set bits, ascending.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = u32> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(at as u32 * 64 + bit)
        })
    })
}

/// Who may see which class: a row of bits for each viewer, one bit for each class.
///
/// A clone shares everything; the first change after it copies the whole, viewers × classes / 8 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Matrix {
    words: Arc<Vec<u64>>,
    stride: usize,
}

impl Matrix {
    /// All bits clear.
    pub(super) fn new(viewers: usize, classes: usize) -> Self {
        let stride = classes.div_ceil(64).next_power_of_two();
        Self { words: Arc::new(vec![0; viewers * stride]), stride }
    }

    /// Whether it has room for this many of both.
    pub(super) fn fits(&self, viewers: usize, classes: usize) -> bool {
        self.words.len() >= viewers * self.stride && self.stride * 64 >= classes
    }

    /// The classes that a viewer may see, a bit each.
    #[inline]
    pub(super) fn row(&self, viewer: u32) -> &[u64] {
        let start = viewer as usize * self.stride;
        self.words.get(start..start + self.stride).unwrap_or_default()
    }

    /// Sets or clears one class's bit for every viewer, at once.
    pub(super) fn set_column(&mut self, class: u32, viewers: &[u32]) {
        let (stride, word, bit) = (self.stride, class as usize / 64, 1 << (class % 64));
        let words = Arc::make_mut(&mut self.words);
        for row in words.chunks_exact_mut(stride) {
            row[word] &= !bit;
        }
        for viewer in viewers {
            words[*viewer as usize * stride + word] |= bit;
        }
    }
}
