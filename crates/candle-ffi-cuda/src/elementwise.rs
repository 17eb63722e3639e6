//! Elementwise operations.

use crate::array::{device, empty};
use crate::launch::Launch;
use crate::ptx;
use candle_core::{Result, Tensor};
use candle_ffi_kernels::unary::Unary;

/// A function of each element of a floating tensor; None for other dtypes.
pub fn unary(op: Unary, x: &Tensor) -> Result<Option<Tensor>> {
    let name = match op {
        Unary::Exp => "unary_exp",
        Unary::Expm1 => "unary_expm1",
        _ => return Ok(None),
    };
    if !x.dtype().is_float() || x.dtype() == candle_core::DType::F8E4M3 {
        return Ok(None);
    }
    let result = empty(device(x)?, x.shape(), x.dtype())?;
    let mut launch = Launch::of(device(x)?, ptx::UNARY, name, x.dtype())?;
    launch.strided(x)?.tensor(&result)?;
    // SAFETY: as the kernels of unary.cu are declared; the result has as many elements as x.
    unsafe { launch.over(x.elem_count()) }?;
    Ok(Some(result))
}
