//! Precision of matrix products.
//!
//! On a GPU, products of `float32` may be of TF32, and those of `float16` and `bfloat16` summed in half precision: faster
//! and less exact. At first none may. Without CUDA the switches are kept and change nothing.

use crate::dtype::{CandleDType, dtype_of};
use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use candle_ffi_core::precision;

/// 1 when products of a dtype may be less exact on a GPU, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_reduced_precision(dtype: CandleDType) -> i32 {
    forward!(candle_reduced_precision(dtype));
    neutral(0, || Ok(precision::reduced_precision(dtype_of(dtype, "dtype")?)?.into()))
}

/// Sets it (1) or not (0), for the whole process. PyTorch: `torch.backends.cuda.matmul.allow_tf32`
///
/// Fails with `CANDLE_ERROR_DTYPE` for another dtype than `float32`, `float16` and `bfloat16`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_reduced_precision(
    dtype: CandleDType,
    allowed: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_set_reduced_precision(dtype, allowed, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_reduced_precision", || {
            precision::set_reduced_precision(dtype_of(dtype, "dtype")?, allowed != 0)
        })
    }
}
