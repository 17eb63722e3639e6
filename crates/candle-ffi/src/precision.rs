//! Precision of matrix products.
//!
//! On a GPU, products of `float32` may be of TF32, and those of `float16` and `bfloat16` summed in half precision, wholly or
//! where parts of a sum are added up: faster and less exact. At first none may. Without CUDA the switches are kept and change nothing.

use crate::dtype::{CandleDType, dtype_of};
use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use candle_ffi_core::{Error, precision};

/// In which ways products of a dtype may be less exact on a GPU, added up; 0 when in none.
///
/// 1 is TF32 for `float32`, sums in `float16` for `float16`, and for `bfloat16` that cuBLAS adds up the parts of a long sum in
/// `bfloat16`. 2 is the latter for `float16`.
#[unsafe(no_mangle)]
pub extern "C" fn candle_reduced_precision(dtype: CandleDType) -> i32 {
    forward!(candle_reduced_precision(dtype));
    neutral(0, || {
        let dtype = dtype_of(dtype, "dtype")?;
        let ways = precision::choices(dtype)?.iter().zip(0..);
        ways.map(|(way, at)| Ok(i32::from(precision::reduced_precision(dtype, *way)?) << at)).sum()
    })
}

/// Sets it (0: in no way) for the whole process. PyTorch: `torch.backends.cuda.matmul.allow_tf32`
///
/// Fails with `CANDLE_ERROR_DTYPE` for another dtype than `float32`, `float16` and `bfloat16`, and with
/// `CANDLE_ERROR_INVALID_ARGUMENT` for a way that the dtype has not.
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
            let dtype = dtype_of(dtype, "dtype")?;
            let ways = precision::choices(dtype)?;
            if !(0..1 << ways.len()).contains(&allowed) {
                let most = (1 << ways.len()) - 1;
                return Err(Error::argument(format!("allowed must be from 0 to {most} for {dtype}, and is {allowed}")));
            }
            ways.iter()
                .zip(0..)
                .try_for_each(|(way, at)| precision::set_reduced_precision(dtype, *way, allowed >> at & 1 == 1))
        })
    }
}
