//! An allocator that counts bytes, on each thread for itself.

#![allow(dead_code, reason = "each program uses its part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// Bytes that this thread has ever asked for.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// Bytes that it has not given back, and the most that they ever were; less than none where it frees what
    /// another has made.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn take(size: usize) {
    ASKED.set(ASKED.get() + size);
    HELD.set(HELD.get() + size as isize);
    PEAK.set(PEAK.get().max(HELD.get()));
}

fn give_back(size: usize) {
    HELD.set(HELD.get() - size as isize);
}

// SAFETY: every call is the system allocator's, with the caller's own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Both blocks count, for both may be there at once.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        give_back(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes asked for meanwhile.
pub(crate) fn asked<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ASKED.get();
    let made = run();
    (ASKED.get() - before, made)
}

/// Bytes held now.
pub(crate) fn held_now() -> isize {
    HELD.get()
}

/// The most bytes held since [`start_peak`].
pub(crate) fn peak() -> isize {
    PEAK.get()
}

pub(crate) fn start_peak() {
    PEAK.set(HELD.get());
}

/// Bytes that what is made holds.
pub(crate) fn held<T>(make: impl FnOnce() -> T) -> (f64, T) {
    let before = HELD.get();
    let made = make();
    ((HELD.get() - before) as f64, made)
}
