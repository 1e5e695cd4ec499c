//! Word kernels over masks, written once and compiled twice on x86-64: as for any machine, and for those
//! with the population-count instruction, found at run time.
//!
//! The only unsafe code of the crate is here: the call into the second form, after its features have been detected,
//! and the hint that fetches memory ahead.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

#[inline(always)]
pub(super) fn and<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] & two[word])
}

#[inline(always)]
pub(super) fn or<const N: usize>(one: &[u64; N], two: &[u64; N]) -> [u64; N] {
    std::array::from_fn(|word| one[word] | two[word])
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
/// `any`.
pub(super) struct Counted<'a, const N: usize> {
    pub(super) within: &'a [u64; N],
    pub(super) also: &'a [u64; N],
    pub(super) flip: u64,
    pub(super) any: [&'a [u64; N]; 4],
}

impl<const N: usize> Counted<'_, N> {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        let [one, two, three, four] = self.any;
        self.within[at] & (self.also[at] ^ self.flip) & (one[at] | two[at] | three[at] | four[at])
    }

    /// How many bits those are, and how many of them are clear in `read`. All in one go, nothing is stored; meanwhile
    /// `next` is fetched, what will be counted after this.
    #[inline(always)]
    pub(super) fn count(&self, read: &[u64; N], next: [&[u64; N]; 4]) -> (usize, usize) {
        let (mut total, mut unread) = (0_u64, 0_u64);
        for (line, read) in read.as_chunks::<LINE>().0.iter().enumerate() {
            next.iter().for_each(|next| prefetch_line(&next[line * LINE]));
            for (at, read) in read.iter().enumerate() {
                let word = self.word(line * LINE + at);
                total += u64::from(word.count_ones());
                unread += u64::from((word & !read).count_ones());
            }
        }
        (total as usize, unread as usize)
    }
}

/// Words of a cache line; whole lines make a leaf.
const LINE: usize = if cfg!(test) { 2 } else { 8 };

/// Has memory fetched that is about to be read, without waiting for it.
#[inline(always)]
pub(super) fn prefetch(values: &[impl Copy]) {
    let per_line = 64 / size_of_val(values).checked_div(values.len()).unwrap_or(1).clamp(1, 64);
    values.iter().step_by(per_line).for_each(prefetch_line);
}

/// Has the cache line fetched that a value starts in.
#[inline(always)]
pub(super) fn prefetch_line<T>(value: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "a hint that reads and writes nothing")]
        // SAFETY: the address is that of a reference; SSE, which has the instruction, is part of every x86-64.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = value;
}

/// Work over many masks. Its `run` is always inlined, so that it is compiled for whatever calls it; a closure would
/// not be.
pub(super) trait Pass {
    type Output;

    fn run(self) -> Self::Output;
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
    pass.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn fast<P: Pass>(pass: P) -> P::Output {
    pass.run()
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
