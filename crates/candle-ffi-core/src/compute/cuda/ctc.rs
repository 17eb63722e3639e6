//! Connectionist temporal classification.

use super::{refuse_outside, together};
use crate::compute::Alignment;
use crate::compute::copy::{cast, copy};
use crate::compute::ctc::Forward;
use crate::value::Value;
use crate::{Result, shape};
use candle_ffi_cuda as kernels;

/// What the gradient needs.
pub(crate) struct CtcForward {
    sequences: kernels::Sequences,
    alpha: candle_core::Tensor,
}

pub(in crate::compute) fn ctc(log_probs: &Value, alignment: &Alignment) -> Result<Option<(Value, Forward)>> {
    let Alignment { labels, targets, blank } = alignment;
    if !together(&[log_probs, labels]) || !log_probs.dtype.is_float() {
        return Ok(None);
    }
    // The gradient needs the labels as they are now.
    let (x, labels) = (cast(log_probs, log_probs.dtype.wide())?, copy(labels)?);
    shape::check_on_device(&[targets.len(), x.dims()[0], alignment.states()], x.dtype)?;
    let targets: Vec<_> = targets
        .iter()
        .map(|target| kernels::Labels { start: target.start, len: target.len, steps: target.steps })
        .collect();
    let sequences = kernels::Sequences::new(labels.array, &targets, *blank)?;
    let Some(found) = kernels::ctc(&x.array, &sequences)? else { return Ok(None) };
    refuse_outside(&x)?;
    let forward = Forward::OnDevice(CtcForward { sequences, alpha: found.forward });
    // The losses of halves stay in float32, as on the CPU.
    Ok(Some((Value::new(found.losses, x.dtype), forward)))
}

pub(in crate::compute) fn ctc_grad(
    log_probs: &Value,
    losses: &Value,
    forward: &Forward,
    grad: &Value,
    zero_infinity: bool,
) -> Result<Option<Value>> {
    let Forward::OnDevice(CtcForward { sequences, alpha }) = forward else { return Ok(None) };
    if !together(&[log_probs, losses, grad]) {
        return Ok(None);
    }
    let wide = log_probs.dtype.wide();
    let (x, losses, grad) = (cast(log_probs, wide)?, cast(losses, wide)?, cast(grad, wide)?);
    let found = kernels::ctc_grad(&x.array, sequences, &losses.array, alpha, &grad.array, zero_infinity)?;
    found.map(|array| cast(&Value::new(array, wide), log_probs.dtype)).transpose()
}
