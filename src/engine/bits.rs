//! Sets of small numbers, one bit each, and the viewer-by-class matrix made of them.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use smallvec::SmallVec;

use super::kernel::Part;
use super::shared::Shared;

/// A set of small numbers: number `n` is bit `n % 64` of word `n / 64`; missing words are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(SmallVec<[u64; 16]>);

impl Bits {
    /// Adds words behind those that there are.
    pub(super) fn extend_from_words(&mut self, words: &[u64]) {
        self.0.extend_from_slice(words);
    }

    /// The places at which `fits` holds among values that come slice by slice. But for the last, a slice's length divides
    /// 64 or is a multiple of it, so that none of its chunks is in two words.
    pub(super) fn of_places<'v, T: 'v>(slices: impl Iterator<Item = &'v [T]>, fits: impl Fn(&T) -> bool) -> Self {
        let (mut bits, mut start) = (Self::default(), 0);
        for some in slices.flat_map(|slice| slice.chunks(64)) {
            let word = some.iter().rev().fold(0, |word, value| word << 1 | u64::from(fits(value)));
            bits.0.resize(start / 64 + 1, 0);
            bits.0[start / 64] |= word << (start % 64);
            start += some.len();
        }
        bits
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

    /// Has a number in the set or not.
    pub(super) fn put(&mut self, number: u32, is_in: bool) {
        match is_in {
            true => self.insert(number),
            false => self.remove(number),
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

    /// Whether all of them are in another set too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let others = other.0.iter().chain(std::iter::repeat(&0));
        self.0.iter().zip(others).all(|(word, other)| word & !other == 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many numbers there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        ones(&self.0)
    }

    /// The numbers that are in another set too, ascending.
    pub(super) fn iter_both(&self, other: &Self) -> impl Iterator<Item = u32> {
        ones_of(self.0.iter().zip(&other.0).map(|(word, other)| word & other))
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
    ones_of(words.iter().copied())
}

fn ones_of(words: impl Iterator<Item = u64>) -> impl Iterator<Item = u32> {
    words.enumerate().flat_map(|(at, word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(at as u32 * 64 + bit)
        })
    })
}

/// Makes rows of columns: bit `c` of word `r` becomes bit `r` of word `c` (Hacker's Delight, 7-3).
pub(super) fn turn_over(square: &mut [u64; 64]) {
    let (mut half, mut low) = (32, u64::MAX >> 32);
    while half > 0 {
        for row in (0..64).filter(|row| row & half == 0) {
            let swapped = (square[row] >> half ^ square[row + half]) & low;
            square[row] ^= swapped << half;
            square[row + half] ^= swapped;
        }
        half /= 2;
        low ^= low << half;
    }
}

/// Viewers whose rows are one block.
const VIEWERS: usize = if cfg!(test) { 2 } else { 16 };

/// Who may see which class: a row of bits for each viewer, one bit for each class; missing rows and words are zero.
///
/// Rows are in blocks of 16 viewers that snapshots share. A row is found as fast as in one piece. A change to one class
/// costs by the viewers whose bits change, and copies their blocks, 2 × classes bytes each, where a snapshot has them
/// too. A block's rows double when a class comes for which they have no room.
#[derive(Clone, Debug, Default)]
pub(super) struct Matrix {
    blocks: Shared<Part<[u64]>>,
}

impl Matrix {
    /// A matrix of these classes with the viewers of each, for up to so many viewers. O(its size + bits set).
    pub(super) fn of<'a>(viewers: usize, classes: usize, of_class: impl Iterator<Item = (u32, &'a [u32])>) -> Self {
        let stride = classes.div_ceil(64).next_power_of_two();
        let mut words = vec![0; viewers.div_ceil(VIEWERS) * VIEWERS * stride];
        let mut squares = Squares { word: 0, squares: vec![[0; 64]; viewers.div_ceil(64)], is_empty: true };
        for (class, of_class) in of_class {
            let word = class as usize / 64;
            if of_class.len() * 64 > viewers && words.len() > AT_HAND {
                squares.add(word, class % 64, of_class, &mut words, stride);
            } else {
                of_class.iter().for_each(|viewer| words[*viewer as usize * stride + word] |= 1 << (class % 64));
            }
        }
        squares.lay_out(&mut words, stride);
        Self { blocks: words.chunks_exact(VIEWERS * stride).map(Part::from).collect() }
    }

    /// The classes that a viewer may see, a bit each.
    #[inline]
    pub(super) fn row(&self, viewer: u32) -> &[u64] {
        let Some(block) = self.blocks.get(viewer as usize / VIEWERS) else {
            return &[];
        };
        let stride = block.len() / VIEWERS;
        let start = viewer as usize % VIEWERS * stride;
        &block[start..start + stride]
    }

    /// Sets one class's bit for these viewers, who are ascending.
    pub(super) fn set(&mut self, class: u32, viewers: &[u32]) {
        self.alter(class, viewers, |word, bit| *word |= bit);
    }

    /// Clears one class's bit for these viewers, who are ascending.
    pub(super) fn clear(&mut self, class: u32, viewers: &[u32]) {
        self.alter(class, viewers, |word, bit| *word &= !bit);
    }

    fn alter(&mut self, class: u32, viewers: &[u32], alter: impl Fn(&mut u64, u64)) {
        let (word, bit) = (class as usize / 64, 1 << (class % 64));
        for of_block in viewers.chunk_by(|one, two| *one as usize / VIEWERS == *two as usize / VIEWERS) {
            let block = self.block_mut(of_block[0] as usize / VIEWERS, word);
            let stride = block.len() / VIEWERS;
            for viewer in of_block {
                alter(&mut block[*viewer as usize % VIEWERS * stride + word], bit);
            }
        }
    }

    /// A block to write to, with room for this word in each row.
    fn block_mut(&mut self, block: usize, word: usize) -> &mut [u64] {
        let blocks = self.blocks.to_mut();
        if blocks.len() <= block {
            blocks.resize_with(block + 1, Part::default);
        }
        let block = &mut blocks[block];
        if block.len() <= word * VIEWERS {
            *block = widened(block, (word + 1).next_power_of_two());
        }
        Part::own(block)
    }
}

/// Words that are near enough to set bits all over them.
const AT_HAND: usize = if cfg!(test) { 0 } else { 1 << 16 };

/// The viewers of classes of one word that many see, 64 classes by 64 viewers in a square: a bit for each in every row
/// would be set all over memory.
struct Squares {
    word: usize,
    squares: Vec<[u64; 64]>,
    is_empty: bool,
}

impl Squares {
    /// Adds a class, the bit of a word that is not before the one of the class before.
    fn add(&mut self, word: usize, bit: u32, viewers: &[u32], words: &mut [u64], stride: usize) {
        if word != self.word {
            self.lay_out(words, stride);
            self.word = word;
        }
        viewers.iter().for_each(|viewer| self.squares[*viewer as usize / 64][bit as usize] |= 1 << (viewer % 64));
        self.is_empty = false;
    }

    /// Puts the word into the rows of its viewers.
    fn lay_out(&mut self, words: &mut [u64], stride: usize) {
        if std::mem::replace(&mut self.is_empty, true) {
            return;
        }
        for (at, square) in self.squares.iter_mut().enumerate() {
            turn_over(square);
            let rows = words.chunks_exact_mut(stride).skip(at * 64);
            rows.zip(square).for_each(|(row, bits)| row[self.word] |= std::mem::take(bits));
        }
    }
}

/// The rows of a block with so many words each.
fn widened(block: &[u64], stride: usize) -> Part<[u64]> {
    let old = block.len() / VIEWERS;
    let mut words = vec![0; VIEWERS * stride];
    if old > 0 {
        for (row, words) in block.chunks_exact(old).zip(words.chunks_exact_mut(stride)) {
            words[..old].copy_from_slice(row);
        }
    }
    Part::from(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let word = |row: u64| (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut square = std::array::from_fn(|row| word(row as u64));
        turn_over(&mut square);
        for (column, bits) in square.iter().enumerate() {
            assert!((0..64).all(|row| bits >> row & 1 == word(row) >> column & 1), "column {column}");
        }
    }

    #[test]
    fn a_matrix_of_classes_that_few_or_many_see_has_a_bit_for_each_of_them() {
        let sees = |class: u32, viewer: u32| match class % 67 {
            0..3 => viewer == class,
            3 => false,
            _ => (viewer * 7 + class).is_multiple_of(3),
        };
        let audiences: Vec<Vec<u32>> =
            (0..200).map(|class| (0..150).filter(|viewer| sees(class, *viewer)).collect()).collect();
        let matrix = Matrix::of(150, 200, (0..).zip(audiences.iter().map(|audience| &audience[..])));
        for viewer in 0..150 {
            assert!(ones(matrix.row(viewer)).eq((0..200).filter(|class| sees(*class, viewer))), "{viewer}");
        }
    }

    #[test]
    fn a_matrix_that_grows_is_like_one_made_at_once() {
        let audience = |class: u32| (0..9).filter(move |viewer| (viewer * 7 + class) % 5 < 2).collect::<Vec<u32>>();
        let mut grown = Matrix::default();
        for class in 0..300 {
            let snapshot = grown.clone();
            grown.set(class, &audience(class));
            assert!((0..9).all(|viewer| !contains(snapshot.row(viewer), class)));
        }
        let audiences: Vec<_> = (0..300).map(audience).collect();
        let made = Matrix::of(9, 300, audiences.iter().enumerate().map(|(class, one)| (class as u32, &one[..])));
        for viewer in 0..12 {
            assert!(ones(grown.row(viewer)).eq(ones(made.row(viewer))), "{viewer}");
            assert!(ones(made.row(viewer)).all(|class| audience(class).contains(&viewer)), "{viewer}");
        }
        for class in 0..300 {
            grown.clear(class, &audience(class));
        }
        assert!((0..12).all(|viewer| ones(grown.row(viewer)).next().is_none()));
    }

    #[test]
    fn a_class_of_few_copies_only_their_blocks() {
        let mut matrix = Matrix::of(20, 100, std::iter::empty());
        let snapshot = matrix.clone();
        matrix.set(7, &[3, 11]);
        let copied = matrix.blocks.iter().zip(&*snapshot.blocks).filter(|(one, two)| !Part::is_same(one, two));
        assert_eq!(copied.count(), 2);
    }
}
