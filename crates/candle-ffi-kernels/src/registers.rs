//! What kernels that keep their sums in registers need besides [`Lanes`]: vectors behind pointers, and what the machine has.

use pulp::{Arch, Simd, WithSimd};

use crate::simd::Lanes;

/// The lanes of a vector.
#[inline(always)]
pub(crate) const fn lanes<T: Lanes, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// Reads a vector.
///
/// # Safety
/// The elements behind `from` may be read.
#[inline(always)]
pub(crate) unsafe fn load<T: Lanes, S: Simd>(from: *const T) -> T::Vector<S> {
    // SAFETY: promised by the caller; a vector has no invalid values.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// Writes a vector.
///
/// # Safety
/// The elements behind `to` may be written.
#[inline(always)]
pub(crate) unsafe fn store<T: Lanes, S: Simd>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: promised by the caller.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(value) };
}

/// The vectors of this machine.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    /// The size of one, in bytes.
    pub(crate) bytes: usize,
    /// How many there are.
    pub(crate) registers: usize,
}

impl Machine {
    /// What kernels on this machine run with.
    pub(crate) fn get() -> Self {
        struct Ask;
        impl WithSimd for Ask {
            type Output = Machine;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> Machine {
                Machine { bytes: size_of::<S::f32s>(), registers: S::REGISTER_COUNT }
            }
        }
        Arch::new().dispatch(Ask)
    }

    /// The lanes of a vector.
    pub(crate) fn lanes<T>(self) -> usize {
        self.bytes / size_of::<T>()
    }
}
