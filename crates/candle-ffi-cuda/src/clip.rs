//! What clipping gradients needs. Nothing here waits for the device.

use crate::array::{address, device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::ptx;
use crate::tables::{self, Access};
use candle_core::{DType, Result, Tensor};

/// The dtypes that are computed with, each once.
pub(crate) const FLOATS: [DType; 4] = [DType::F32, DType::F16, DType::BF16, DType::F64];

/// The root of the sum of the squares of all elements, as a tensor without dimensions of this dtype. None unless all are
/// floats; they are on one device, and there is one at least.
pub fn norm_of_all(tensors: &[&Tensor], dtype: DType) -> Result<Option<Tensor>> {
    let is_float = |dtype: DType| FLOATS.contains(&dtype);
    if tensors.is_empty() || !is_float(dtype) || !tensors.iter().all(|tensor| is_float(tensor.dtype())) {
        return Ok(None);
    }
    let tensors = tensors.iter().map(|tensor| contiguous(tensor)).collect::<Result<Vec<_>>>()?;
    let device = device(&tensors[0])?;
    let count: usize = tensors.iter().map(tables::chunks).sum();
    let sums = empty(device, count, DType::F64)?;
    let start = address(&sums)?;
    let mut done = 0;
    for of in FLOATS {
        let group: Vec<_> = tensors.iter().filter(|tensor| tensor.dtype() == of).map(|tensor| [tensor]).collect();
        // SAFETY: as `clip_squares` of clip.cu is declared; each chunk has its place among the sums.
        unsafe {
            tables::over(
                Access::Read,
                &group,
                || Launch::of(device, ptx::CLIP, "clip_squares", of),
                |launch, before| {
                    launch.value(start + ((done + before) * size_of::<f64>()) as u64);
                    Ok(())
                },
            )
        }?;
        done += group.iter().map(|[tensor]| tables::chunks(tensor)).sum::<usize>();
    }
    let norm = empty(device, (), dtype)?;
    let mut launch = Launch::of(device, ptx::CLIP, "clip_norm", dtype)?;
    launch.value(start).tensor(&norm)?.value(count);
    // SAFETY: as `clip_norm` of clip.cu is declared, for one block.
    unsafe { launch.run([1, 1, 1], [1024, 1, 1], 0) }?;
    Ok(Some(norm))
}

/// Multiplies all elements by a factor, a tensor of one element on the same device; those of a tensor that is there twice,
/// twice. False unless all tensors are contiguous floats; then nothing has been changed.
pub fn scale_all(tensors: &[&Tensor], factor: &Tensor) -> Result<bool> {
    let fits = |tensor: &&&Tensor| FLOATS.contains(&tensor.dtype()) && tensor.is_contiguous();
    if tensors.iter().filter(fits).count() != tensors.len() || factor.elem_count() != 1 {
        return Ok(false);
    }
    let device = device(factor)?;
    for of in FLOATS {
        let group: Vec<_> = tensors.iter().filter(|tensor| tensor.dtype() == of).map(|&tensor| [tensor]).collect();
        if group.is_empty() {
            continue;
        }
        let Some(factor) = crate::copy::cast(factor, of)? else { return Ok(false) };
        let factor = address(&factor)?;
        // SAFETY: as `clip_scale` of clip.cu is declared; memory is freed in the order of the stream.
        unsafe {
            tables::over(
                Access::Write,
                &group,
                || Launch::of(device, ptx::CLIP, "clip_scale", of),
                |launch, _| {
                    launch.value(factor);
                    Ok(())
                },
            )
        }?;
    }
    Ok(true)
}
