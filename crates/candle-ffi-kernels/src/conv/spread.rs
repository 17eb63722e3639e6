//! Copies of a few elements.

/// Writes `values` at distances of `step`.
///
/// # Safety
/// The elements may be written.
#[inline(always)]
pub(super) unsafe fn copy_spread<T: Copy>(values: &[T], to: *mut T, step: usize) {
    // SAFETY: promised by the caller; `values` has as many elements as are read.
    unsafe {
        if step != 1 {
            for (i, value) in values.iter().enumerate() {
                to.add(i * step).write(*value);
            }
            return;
        }
        copy_short(values, to);
    }
}

/// Copies a few elements in pieces that may overlap.
#[inline(always)]
unsafe fn copy_short<T: Copy>(values: &[T], to: *mut T) {
    #[inline(always)]
    unsafe fn pieces<T: Copy, const N: usize>(values: &[T], to: *mut T) {
        let from = values.as_ptr();
        let last = values.len() - N;
        // SAFETY: each piece lies inside of both sides.
        unsafe {
            for at in (0..last).step_by(N) {
                to.add(at).cast::<[T; N]>().write_unaligned(from.add(at).cast::<[T; N]>().read_unaligned());
            }
            to.add(last).cast::<[T; N]>().write_unaligned(from.add(last).cast::<[T; N]>().read_unaligned());
        }
    }
    // SAFETY: promised by the caller.
    unsafe {
        match values.len() {
            0 => {}
            1 => *to = values[0],
            2..4 => pieces::<T, 2>(values, to),
            4..8 => pieces::<T, 4>(values, to),
            8..16 => pieces::<T, 8>(values, to),
            _ => pieces::<T, 16>(values, to),
        }
    }
}
