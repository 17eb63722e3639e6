//! Padding.
//!
//! A `padding` is a list of sizes, one for each spatial dimension or one for all, each of which is added
//! on both sides; or one of these constants as its only entry.

use crate::pointer::slice;
use candle_ffi_core::{Padding, Result};

/// As much as makes the output as large as the input, for a stride of 1: PyTorch's `padding="same"`.
pub const CANDLE_PADDING_SAME: i64 = -1;

/// None: PyTorch's `padding="valid"`.
pub const CANDLE_PADDING_VALID: i64 = -2;

const _: () = assert!(CANDLE_PADDING_SAME == Padding::SAME && CANDLE_PADDING_VALID == Padding::VALID);

/// The padding of a list.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn padding_of<'a>(padding: *const i64, num_padding: usize) -> Result<Padding<'a>> {
    // SAFETY: passed on from the caller.
    Ok(Padding::from_sizes(unsafe { slice(padding, num_padding, "padding") }?))
}
