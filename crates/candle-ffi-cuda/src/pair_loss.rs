//! Losses of two arrays, element by element, and their gradients.

use crate::array::{device, empty};
use crate::launch::Launch;
use crate::{is_float, ptx};
use candle_core::{Result, Tensor};
use candle_ffi_kernels::pair_loss::{LEAST_VARIANCE, PairLoss, Side};

/// What the kernels call a loss (`Loss` in `pair_loss.cu`), and where its parabola ends.
fn code(loss: PairLoss) -> (u32, f64) {
    match loss {
        PairLoss::Absolute => (0, 0.0),
        PairLoss::SmoothL1 { beta } => (1, beta),
        PairLoss::Huber { delta } => (2, delta),
        PairLoss::BinaryCrossEntropy => (3, 0.0),
        PairLoss::BinaryCrossEntropyWithLogits => (4, 0.0),
        PairLoss::SoftMargin => (5, 0.0),
        PairLoss::KlDivergence => (6, 0.0),
        PairLoss::KlDivergenceOfLogs => (7, 0.0),
    }
}

/// The loss of each pair of elements of two arrays of one shape and floating dtype.
pub fn pair_loss(loss: PairLoss, input: &Tensor, target: &Tensor) -> Result<Option<Tensor>> {
    let dtype = input.dtype();
    if !is_float(dtype) || target.dtype() != dtype || target.shape() != input.shape() {
        return Ok(None);
    }
    let result = empty(device(input)?, input.shape(), dtype)?;
    let (code, bound) = code(loss);
    let mut launch = Launch::of(device(input)?, ptx::PAIR_LOSS, "pair_loss_value", dtype)?;
    launch.value(code).value(bound).strided(input)?.strided(target)?.tensor(&result)?;
    // SAFETY: as the kernels of pair_loss.cu are declared; all three have the same number of elements.
    unsafe { launch.over(input.elem_count()) }?;
    Ok(Some(result))
}

/// The gradient of one operand from `scale` times that of the losses: one for each, or one number for all.
pub fn pair_loss_grad(
    loss: PairLoss,
    side: Side,
    input: &Tensor,
    target: &Tensor,
    grad: &Tensor,
    scale: f64,
) -> Result<Option<Tensor>> {
    let (dtype, count) = (input.dtype(), input.elem_count());
    let same = grad.elem_count() == 1;
    let alike = |other: &Tensor| other.dtype() == dtype && other.elem_count() == count;
    if !is_float(dtype) || !alike(target) || grad.dtype() != dtype || !(same || alike(grad)) {
        return Ok(None);
    }
    let result = empty(device(input)?, input.shape(), dtype)?;
    let (code, bound) = code(loss);
    let mut launch = Launch::of(device(input)?, ptx::PAIR_LOSS, "pair_loss_grad", dtype)?;
    launch.value(code).value(bound).value(f64::from(LEAST_VARIANCE));
    launch.value(u32::from(side == Side::Target)).value(scale);
    launch.strided(input)?.strided(target)?.strided(grad)?.value(u32::from(same)).tensor(&result)?;
    // SAFETY: as the kernels of pair_loss.cu are declared; all have `count` elements, but for one gradient for all.
    unsafe { launch.over(count) }?;
    Ok(Some(result))
}
