//! Words of device memory, read and written whole.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A word that is read and written whole, whoever else does so at the same time.
pub(super) trait Atom: Copy {
    /// # Safety
    /// `place` is aligned and may be read.
    unsafe fn read(place: *mut u8) -> Self;
    /// # Safety
    /// `place` is aligned and may be written.
    unsafe fn write(place: *mut u8, value: Self);
}

macro_rules! atom {
    ($($ty:ty, $atomic:ty;)*) => {$(
        impl Atom for $ty {
            #[inline(always)]
            unsafe fn read(place: *mut u8) -> Self {
                // SAFETY: the caller's promise; device memory is only touched by such words.
                unsafe { <$atomic>::from_ptr(place.cast()) }.load(Relaxed)
            }
            #[inline(always)]
            unsafe fn write(place: *mut u8, value: Self) {
                // SAFETY: as above.
                unsafe { <$atomic>::from_ptr(place.cast()) }.store(value, Relaxed);
            }
        }
    )*};
}

atom! { u8, AtomicU8; u16, AtomicU16; u32, AtomicU32; u64, AtomicU64; }

/// # Safety
/// As [`Atom::read`].
#[inline(always)]
pub(super) unsafe fn read<T: Atom>(place: *mut u8) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::read(place) }
}

/// # Safety
/// As [`Atom::write`].
#[inline(always)]
pub(super) unsafe fn write<T: Atom>(place: *mut u8, value: T) {
    // SAFETY: the caller's promise.
    unsafe { T::write(place, value) }
}

/// # Safety
/// As [`Atom::read`], for a word of this size.
pub(super) unsafe fn read_bits(place: *mut u8, size: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => u64::from(read::<u8>(place)),
            2 => u64::from(read::<u16>(place)),
            4 => u64::from(read::<u32>(place)),
            _ => read::<u64>(place),
        }
    }
}
