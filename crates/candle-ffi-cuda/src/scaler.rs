//! Gradients of a scaled loss, brought back to their size: one launch for all of a dtype.

use crate::array::{address, device};
use crate::clip::FLOATS;
use crate::copy::fill;
use crate::launch::Launch;
use crate::ptx;
use crate::tables::{self, Access};
use candle_core::{DType, Result, Tensor};

/// Multiplies all elements by a number, and gives a tensor without dimensions that is 0 where all of them are finite then, and
/// NaN otherwise. None unless all tensors are contiguous floats on one device, and there is one; nothing has been changed
/// then.
pub fn unscale_all(tensors: &[&Tensor], inverse_scale: f64) -> Result<Option<Tensor>> {
    let fits = |tensor: &&Tensor| FLOATS.contains(&tensor.dtype()) && tensor.is_contiguous();
    let Some(first) = tensors.first().filter(|_| tensors.iter().all(fits)) else { return Ok(None) };
    let device = device(first)?;
    let found = fill(device, 0.0, &[], DType::F32)?;
    let start = address(&found)?;
    for of in FLOATS {
        let group: Vec<_> = tensors.iter().filter(|tensor| tensor.dtype() == of).map(|&tensor| [tensor]).collect();
        // SAFETY: as `unscale` of scaler.cu is declared; memory is freed in the order of the stream.
        unsafe {
            tables::over(
                Access::Write,
                &group,
                || Launch::of(device, ptx::SCALER, "unscale", of),
                |launch, _| {
                    launch.value(inverse_scale).value(start);
                    Ok(())
                },
            )
        }?;
    }
    Ok(Some(found))
}
