//! Asking for memory ahead of its use.
//!
//! Answers for one instruction that a table larger than the caches gains a quarter by, and that has no safe name.

#![allow(
    unsafe_code,
    reason = "the intrinsic is unsafe for taking any address; it is given that of a reference"
)]

/// Asks the processor to fetch what `place` refers to; does nothing where there is no such instruction.
#[inline]
pub(super) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has it; it reads nothing, and `place` is valid.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
