//! Word kernels over masks, written once and compiled twice on x86-64: as for any machine, and for those
//! with the population-count instruction, found at run time.
//!
//! The only unsafe code of the crate is here: the call into the second form, after its features have been detected; a
//! permutation of eight rows and a comparison of sixteen bytes, called with a value that exists only after that; another
//! comparison, and the hint that fetches memory ahead, which every x86-64 has instructions for; and a write to a
//! [`Part`] that nobody shares.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

#[inline(always)]
pub(super) fn and<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] & two[word])
}

#[inline(always)]
pub(super) fn or<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] | two[word])
}

#[inline(always)]
fn xor<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] ^ two[word])
}

#[inline(always)]
pub(super) fn and_not<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] & !two[word])
}

#[inline(always)]
pub(super) fn is_clear<const N: usize>(mask: &[u64; N]) -> bool {
    mask.iter().fold(0, |all, word| all | word) == 0
}

/// Where to count: the bits of `within` that are set in `also`, or in none of it if `flip` is all ones, and in any of
/// `any`, if there are any.
pub(super) struct Counted<'a, const N: usize, const ANY: usize> {
    pub(super) within: &'a [u64; N],
    pub(super) also: &'a [u64; N],
    pub(super) flip: u64,
    pub(super) any: [&'a [u64; N]; ANY],
}

impl<const N: usize, const ANY: usize> Counted<'_, N, ANY> {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        let any = self.any.iter().fold(0, |any, mask| any | mask[at]);
        self.within[at] & (self.also[at] ^ self.flip) & if ANY == 0 { u64::MAX } else { any }
    }

    #[inline(always)]
    fn words(&self, at: usize) -> Words {
        let mut words = [0; COUNTED];
        words.iter_mut().enumerate().for_each(|(place, word)| *word = self.word(at + place));
        words
    }

    /// How many bits those are, and how many of them are clear in `read`. All in one go, nothing is stored; meanwhile
    /// `next` is fetched, what will be counted after this.
    #[inline(always)]
    pub(super) fn count(&self, read: &[u64; N], next: [&[u64; N]; ANY]) -> (usize, usize) {
        const { assert!(N.is_multiple_of(4 * COUNTED), "no word may be passed over") }
        let (mut total, mut unread) = (Sum::default(), Sum::default());
        for (step, read) in read.as_chunks::<{ 4 * COUNTED }>().0.iter().enumerate() {
            let start = step * 4 * COUNTED;
            next.iter().for_each(|next| prefetch(&next[start..start + 4 * COUNTED]));
            let mut found = [[0; COUNTED]; 4];
            let mut left = found;
            for (place, read) in read.as_chunks::<COUNTED>().0.iter().enumerate() {
                found[place] = self.words(start + place * COUNTED);
                left[place] = and_not(&found[place], read);
            }
            total.add(&found);
            unread.add(&left);
        }
        (total.bits(), unread.bits())
    }
}

/// Words that are counted side by side.
const COUNTED: usize = if cfg!(test) { 1 } else { 4 };

type Words = [u64; COUNTED];

/// Bits that are added up like digits, by Harley and Seal (Hacker's Delight, 5-2): counting the bits of a word costs
/// twice what a step of addition does, and only every fourth is counted.
#[derive(Default)]
struct Sum {
    ones: Words,
    twos: Words,
    fours: Words,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, [a, b, c, d]: &[Words; 4]) {
        let (twos, ones) = add_digits(&self.ones, a, b);
        let (more_twos, ones) = add_digits(&ones, c, d);
        let (fours, twos) = add_digits(&self.twos, &twos, &more_twos);
        (self.ones, self.twos) = (ones, twos);
        for (sum, fours) in self.fours.iter_mut().zip(&fours) {
            *sum += u64::from(fours.count_ones());
        }
    }

    #[inline(always)]
    fn bits(&self) -> usize {
        let count = |words: &Words| words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        count(&self.ones) + 2 * count(&self.twos) + 4 * self.fours.iter().sum::<u64>() as usize
    }
}

/// The carry and the sum of three digits in each bit.
#[inline(always)]
fn add_digits(a: &Words, b: &Words, c: &Words) -> (Words, Words) {
    let either: Words = xor(a, b);
    (or(&and(a, b), &and(&either, c)), xor(&either, c))
}

/// A value that snapshots share, and that whoever writes to it copies while others have it too.
///
/// An [`Arc`] to which no weak pointer can be had, so that whoever has the only one has the value alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Part<T> {
    /// Whether two are one, of which neither has been written to.
    pub(super) fn is_same(this: &Self, other: &Self) -> bool {
        Arc::ptr_eq(&this.0, &other.0)
    }
}

impl<T> Part<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized + MakeMut> Part<T> {
    /// The value, to be written to: of a copy, if others share it, as [`Arc::make_mut`] does.
    ///
    /// Whether they do is found out by a load; `Arc` takes an exchange, which waits for all writes before it.
    #[inline]
    pub(super) fn own(this: &mut Self) -> &mut T {
        if Arc::strong_count(&this.0) != 1 {
            return T::make_mut(&mut this.0);
        }
        // What others have read before they let go of it is behind them, as `Arc` sees to when it drops its value.
        fence(Ordering::Acquire);
        #[expect(unsafe_code, reason = "a write that waits for none before it: a tenth to a third of a message")]
        // SAFETY: nobody else has the value: this is its only `Arc`, and of weak pointers, which could make another, there
        // are none, for the `Arc` is made here and handed to nobody. It is borrowed exclusively for as long as what is
        // returned, so that nobody can come to share the value. `as_ptr` keeps the right to write, which `Arc` has itself.
        unsafe {
            &mut *Arc::as_ptr(&this.0).cast_mut()
        }
    }
}

/// What [`Arc::make_mut`] copies.
pub(super) trait MakeMut {
    fn make_mut(this: &mut Arc<Self>) -> &mut Self;
}

impl<T: Clone> MakeMut for T {
    fn make_mut(this: &mut Arc<Self>) -> &mut Self {
        Arc::make_mut(this)
    }
}

impl<T: Clone> MakeMut for [T] {
    fn make_mut(this: &mut Arc<Self>) -> &mut Self {
        Arc::make_mut(this)
    }
}

impl<T: ?Sized> Deref for Part<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Default for Part<T>
where
    Arc<T>: Default,
{
    fn default() -> Self {
        Self(Arc::default())
    }
}

// Not of whatever an `Arc` is made of, for that is an `Arc` too, to which there may be weak pointers.
impl<T> From<Vec<T>> for Part<[T]> {
    fn from(values: Vec<T>) -> Self {
        Self(Arc::from(values))
    }
}

impl<T: Clone> From<&[T]> for Part<[T]> {
    fn from(values: &[T]) -> Self {
        Self(Arc::from(values))
    }
}

impl<T> FromIterator<T> for Part<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Has memory fetched that is about to be read, without waiting for it.
#[inline(always)]
pub(super) fn prefetch(values: &[impl Copy]) {
    let per_line = 64 / size_of_val(values).checked_div(values.len()).unwrap_or(1).clamp(1, 64);
    values.iter().step_by(per_line).for_each(prefetch_line);
}

/// Has the cache line fetched that a value starts in.
#[inline(always)]
pub(super) fn prefetch_line<T>(value: &T) {
    prefetch_address(std::ptr::from_ref(value).cast());
}

/// Has a value of up to a cache line fetched: where it starts, and where it ends, which may be in the next.
#[inline(always)]
pub(super) fn prefetch_value<T>(value: &T) {
    const { assert!(size_of::<T>() > 0 && size_of::<T>() <= 64, "it has an end, and no line in between is left out") }
    let start: *const i8 = std::ptr::from_ref(value).cast();
    prefetch_address(start);
    prefetch_address(start.wrapping_add(size_of::<T>() - 1));
}

/// Has the cache line of an address fetched, whatever is there.
#[inline(always)]
fn prefetch_address(address: *const i8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "a hint that reads and writes nothing")]
        // SAFETY: the hint is one for any address; SSE, which has the instruction, is part of every x86-64.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address);
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// Which of the bytes of a number are this one, a bit each, the lowest byte's the lowest.
#[inline(always)]
pub(super) fn same_bytes(bytes: u128, byte: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        #[expect(unsafe_code, reason = "the feature that the function is compiled for is every machine's")]
        // SAFETY: SSE2 is part of every x86-64.
        unsafe {
            same_bytes_by_comparison(bytes, byte)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    same_bytes_one_by_one(bytes, byte)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn same_bytes_by_comparison(bytes: u128, byte: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let bytes = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
    _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))) as u32
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn same_bytes_one_by_one(bytes: u128, byte: u8) -> u32 {
    bytes.to_le_bytes().iter().rev().fold(0, |same, other| same << 1 | u32::from(*other == byte))
}

/// Places of the set bits of a byte, highest first, a byte each; what follows them is 0.
const PLACES: [u64; 256] = {
    let mut places = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut shift) = (8, 0);
        while bit > 0 {
            bit -= 1;
            if byte >> bit & 1 != 0 {
                places[byte] |= bit << shift;
                shift += 8;
            }
        }
        byte += 1;
    }
    places
};

/// What a machine does with several numbers at once.
pub(super) trait Lanes: Copy {
    /// Those of `rows` whose bits are set, the last first; what follows them is of no meaning.
    fn pack(self, rows: &[u32; 8], bits: u8) -> [u32; 8];

    /// Which of the bytes of two words are not zero, a bit each, the last byte's the lowest.
    fn filled(self, pair: [u64; 2]) -> u16;

    /// The same of a mask of up to eight words.
    #[inline(always)]
    fn filled_bytes<const N: usize>(self, mask: &[u64; N]) -> u64 {
        const { assert!(N.is_multiple_of(2) && N <= 8, "no word may be passed over") }
        let pairs = mask.as_chunks().0.iter();
        pairs.fold(0, |filled, pair| filled << 16 | u64::from(self.filled(*pair)))
    }
}

/// Any machine.
#[derive(Clone, Copy)]
struct Plain;

impl Lanes for Plain {
    #[inline(always)]
    fn pack(self, rows: &[u32; 8], bits: u8) -> [u32; 8] {
        let places = PLACES[usize::from(bits)].to_le_bytes();
        places.map(|place| rows[usize::from(place) % 8])
    }

    #[inline(always)]
    fn filled(self, pair: [u64; 2]) -> u16 {
        let bytes = pair.map(u64::to_le_bytes);
        bytes.as_flattened().iter().fold(0, |filled, byte| filled << 1 | u16::from(*byte != 0))
    }
}

/// A machine on which the features of [`fast`] were detected; nothing else makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Fast(());

#[cfg(target_arch = "x86_64")]
impl Lanes for Fast {
    #[inline(always)]
    fn pack(self, rows: &[u32; 8], bits: u8) -> [u32; 8] {
        #[expect(unsafe_code, reason = "a value of this type exists only where the features were detected")]
        // SAFETY: AVX2 was detected before `self` was made.
        unsafe {
            pack_by_permutation(rows, bits)
        }
    }

    #[inline(always)]
    fn filled(self, pair: [u64; 2]) -> u16 {
        #[expect(unsafe_code, reason = "a value of this type exists only where the features were detected")]
        // SAFETY: AVX2 was detected before `self` was made.
        unsafe {
            filled_by_comparison(pair)
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn pack_by_permutation(rows: &[u32; 8], bits: u8) -> [u32; 8] {
    use std::arch::x86_64::{
        _mm_cvtsi64_si128, _mm256_cvtepu8_epi32, _mm256_extract_epi32, _mm256_permutevar8x32_epi32, _mm256_setr_epi32,
    };
    let [a, b, c, d, e, f, g, h] = rows.map(|row| row as i32);
    let places = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(PLACES[usize::from(bits)] as i64));
    let packed = _mm256_permutevar8x32_epi32(_mm256_setr_epi32(a, b, c, d, e, f, g, h), places);
    // Lane by lane in words, a single store in the instructions.
    [
        _mm256_extract_epi32::<0>(packed),
        _mm256_extract_epi32::<1>(packed),
        _mm256_extract_epi32::<2>(packed),
        _mm256_extract_epi32::<3>(packed),
        _mm256_extract_epi32::<4>(packed),
        _mm256_extract_epi32::<5>(packed),
        _mm256_extract_epi32::<6>(packed),
        _mm256_extract_epi32::<7>(packed),
    ]
    .map(|row| row as u32)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn filled_by_comparison([low, high]: [u64; 2]) -> u16 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi8, _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi8,
    };
    let last_first = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let bytes = _mm_shuffle_epi8(_mm_set_epi64x(high as i64, low as i64), last_first);
    !_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) as u16
}

/// Work over many masks. Its `run` is always inlined, so that it is compiled for whatever calls it; a closure would
/// not be.
pub(super) trait Pass {
    type Output;

    fn run(self, lanes: impl Lanes) -> Self::Output;
}

/// Runs a pass, compiled for machines that count bits in one instruction where this is one.
#[inline]
pub(super) fn run<P: Pass>(pass: P) -> P::Output {
    #[cfg(target_arch = "x86_64")]
    if is_fast() {
        #[expect(unsafe_code, reason = "the features that the function is compiled for were detected just above")]
        // SAFETY: `is_fast` has found AVX2, BMI1, BMI2, LZCNT and POPCNT on this machine.
        return unsafe { fast(pass) };
    }
    pass.run(Plain)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn fast<P: Pass>(pass: P) -> P::Output {
    pass.run(Fast(()))
}

#[cfg(target_arch = "x86_64")]
fn is_fast() -> bool {
    static IS_FAST: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    });
    *IS_FAST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::LEAP;

    struct PackAll;

    impl Pass for PackAll {
        type Output = Vec<[u32; 8]>;

        fn run(self, lanes: impl Lanes) -> Self::Output {
            (0..=255).map(|bits| lanes.pack(&[10, 11, 12, 13, 14, 15, 16, 17], bits)).collect()
        }
    }

    /// Words of which many a byte is zero.
    fn sparse_words<const N: usize>(seed: u64) -> [u64; N] {
        std::array::from_fn(|at| {
            let word = (seed + at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            word & word << 7 & word >> 13 & word.rotate_left(31)
        })
    }

    #[test]
    fn a_value_is_copied_for_a_write_while_others_share_it_and_not_after() {
        let (mut one, mut list) = (Part::new(vec![1]), Part::<[u64]>::from(vec![1, 2]));
        let (places, snapshot) = ((&raw const *one, &raw const *list), (one.clone(), list.clone()));
        Part::own(&mut one).push(2);
        Part::own(&mut list)[1] = 3;
        assert_eq!((&snapshot.0[..], &snapshot.1[..]), (&[1][..], &[1, 2][..]));
        assert_eq!((&one[..], &list[..]), (&[1, 2][..], &[1, 3][..]));
        drop((one, list));
        let (mut one, mut list) = snapshot;
        Part::own(&mut one).push(4);
        Part::own(&mut list)[0] = 4;
        assert_eq!((&raw const *one, &raw const *list), places);
        assert_eq!((&one[..], &list[..]), (&[1, 4][..], &[4, 2][..]));
    }

    /// Where this is interpreted, a write that does not wait for what was read is found.
    #[test]
    fn a_write_comes_after_what_a_thread_has_read_that_let_go() {
        let mut list = Part::<[u64]>::from(vec![1, 2]);
        let (place, snapshot) = (&raw const *list, list.clone());
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || snapshot.iter().sum::<u64>());
            while Arc::strong_count(&list.0) > 1 {
                std::thread::yield_now();
            }
            Part::own(&mut list)[0] = 5;
            assert_eq!(reader.join().unwrap(), 3);
        });
        assert_eq!((&raw const *list, &list[..]), (place, &[5, 2][..]));
    }

    #[test]
    fn bytes_that_are_the_same_are_found_on_any_machine() {
        for seed in (0..1_000).step_by(LEAP) {
            let [low, high] = sparse_words(seed);
            let bytes = u128::from(high) << 64 | u128::from(low);
            for byte in bytes.to_le_bytes().into_iter().chain([0, 1, 255]) {
                let expected = (0..16).filter(|at| (bytes >> (8 * at)) as u8 == byte).map(|at| 1 << at).sum::<u32>();
                assert_eq!(same_bytes(bytes, byte), expected, "{bytes:x}, {byte:x}");
                assert_eq!(same_bytes_one_by_one(bytes, byte), expected, "{bytes:x}, {byte:x}");
            }
        }
    }

    struct FindFilled([u64; 8]);

    impl Pass for FindFilled {
        type Output = u64;

        fn run(self, lanes: impl Lanes) -> u64 {
            lanes.filled_bytes(&self.0)
        }
    }

    #[test]
    fn bytes_that_hold_bits_are_found_and_the_last_is_the_lowest_on_any_machine() {
        for seed in (0..1_000).step_by(LEAP) {
            let mask = sparse_words(seed);
            let bytes = mask.map(u64::to_le_bytes);
            let expected = bytes.as_flattened().iter().fold(0, |filled, byte| filled << 1 | u64::from(*byte != 0));
            assert_eq!(run(FindFilled(mask)), expected, "{mask:x?}");
            assert_eq!(FindFilled(mask).run(Plain), expected, "{mask:x?}");
        }
    }

    #[test]
    fn bits_that_are_added_up_are_as_many_as_those_that_are_counted() {
        for seed in (0..1_000).step_by(LEAP) {
            let [within, also, read, one, two] =
                [0, 1, 2, 3, 4].map(|at| sparse_words::<16>(seed * 5 + at).map(|word| !word));
            let flip = if seed % 2 == 0 { 0 } else { u64::MAX };
            let found = std::array::from_fn(|at| within[at] & (also[at] ^ flip) & (one[at] | two[at]));
            let bits = |words: [u64; 16]| words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
            let counted = Counted { within: &within, also: &also, flip, any: [&one, &two] }.count(&read, [&one, &two]);
            assert_eq!(counted, (bits(found), bits(and_not(&found, &read))), "{seed}");
        }
    }

    #[test]
    fn packing_takes_what_is_set_and_the_last_first_on_any_machine() {
        let (here, plain) = (run(PackAll), PackAll.run(Plain));
        for bits in 0..=255_u8 {
            let expected: Vec<u32> = (0..8).rev().filter(|bit| bits >> bit & 1 != 0).map(|bit| bit + 10).collect();
            for packed in [here[usize::from(bits)], plain[usize::from(bits)]] {
                assert_eq!(packed[..expected.len()], expected, "{bits:08b}");
            }
        }
    }
}
