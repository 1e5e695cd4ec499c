//! Word kernels over masks, written once and compiled twice on x86-64: as for any machine, and for those
//! with the population-count instruction, found at run time.
//!
//! The only unsafe code of the crate is the call into the second form, after its features have been detected.

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

/// How many bits of `mask` are set, and how many of those are clear in `read`.
#[inline(always)]
pub(super) fn count<const N: usize>(mask: &[u64; N], read: &[u64; N]) -> (u32, u32) {
    let total = mask.iter().map(|word| word.count_ones()).sum();
    let unread = mask.iter().zip(read).map(|(word, read)| (word & !read).count_ones()).sum();
    (total, unread)
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
