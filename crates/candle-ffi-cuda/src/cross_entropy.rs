//! Cross entropy of rows of logits against class indices.

use crate::array::{address, device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::lines::Lines;
use crate::reduce::Plan;
use crate::report;
use crate::{is_float, ptx, wide};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor, bail};

/// What the loss is taken against.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The `i64` class of each row, contiguous.
    pub classes: &'a Tensor,
    /// A factor for each class, contiguous, in the dtype that is computed in: `f64` for itself, else `f32`.
    pub weight: Option<&'a Tensor>,
    /// The class whose rows do not count.
    pub ignored: i64,
    /// The part of each target that is spread over all classes.
    pub smoothing: f64,
}

/// `Targets` in `cross_entropy.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Given {
    classes: u64,
    weight: u64,
    ignored: i64,
    smoothing: f64,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Given {}

impl Targets<'_> {
    fn given(&self, rows: usize, n: usize, wide: DType) -> Result<Given> {
        let weighted = self.weight.is_none_or(|weight| weight.elem_count() == n && weight.dtype() == wide);
        let right = self.classes.elem_count() == rows && self.classes.dtype() == DType::I64 && weighted;
        let contiguous = self.classes.is_contiguous() && self.weight.is_none_or(Tensor::is_contiguous);
        if !right || !contiguous {
            bail!("the targets disagree with the logits");
        }
        Ok(Given {
            classes: address(self.classes)?,
            weight: self.weight.map(address).transpose()?.unwrap_or(0),
            ignored: self.ignored,
            smoothing: self.smoothing,
        })
    }
}

/// The losses of rows, and what their gradient needs.
pub struct CrossEntropy {
    /// One for each row.
    pub losses: Tensor,
    /// For each row its maximum, and the sum of the exponentials of the differences from it.
    pub statistics: Tensor,
    /// The sum of the weights of the rows that count, one `f64`.
    pub total: Tensor,
}

/// The losses of logits `[rows, n]`, contiguous, of a floating dtype. A class that is not there is reported, see
/// [`crate::report`]; the losses are of no use then.
pub fn cross_entropy(x: &Tensor, targets: Targets<'_>) -> Result<Option<CrossEntropy>> {
    let (dtype, (rows, n)) = (x.dtype(), x.dims2()?);
    if !is_float(dtype) {
        return Ok(None);
    }
    let (x, wide) = (contiguous(x)?, wide(dtype));
    let (device, given) = (device(&x)?, targets.given(rows, n, wide)?);
    let Some(plan) = Plan::of(targets.classes, &[0])? else { return Ok(None) };
    let total = empty(device, (), DType::F64)?;
    let outside = report::slot(device, n)?;
    let arguments = |launch: &mut Launch| {
        launch.value(given).value(n as i64).tensor(&total)?.value(outside);
        Ok(())
    };
    // SAFETY: as the kernels are declared; there is one total, and one place and class.
    unsafe { plan.run(device, ptx::CROSS_ENTROPY, "cross_entropy_count", wide, arguments) }?;
    let (losses, statistics) = (empty(device, rows, dtype)?, empty(device, (rows, 2), wide)?);
    let mut launch = Launch::of(device, ptx::CROSS_ENTROPY, "cross_entropy_forward", dtype)?;
    launch.tensor(&x)?.value(given).tensor(&losses)?.tensor(&statistics)?;
    // SAFETY: as the kernels are declared; classes outside are not looked up.
    unsafe { Lines::of(rows, n, 1).run(&mut launch) }?;
    Ok(Some(CrossEntropy { losses, statistics, total }))
}

/// The gradient of the logits from the statistics and the gradient of the losses, one for each row or one for all,
/// divided by `total` where it is given.
pub fn cross_entropy_grad(
    x: &Tensor,
    statistics: &Tensor,
    targets: Targets<'_>,
    grad: &Tensor,
    total: Option<&Tensor>,
) -> Result<Option<Tensor>> {
    let (dtype, (rows, n)) = (x.dtype(), x.dims2()?);
    let same = grad.elem_count() == 1;
    if !is_float(dtype) || grad.dtype() != dtype || !(same || grad.elem_count() == rows) {
        return Ok(None);
    }
    let (x, grad, wide) = (contiguous(x)?, contiguous(grad)?, wide(dtype));
    if statistics.elem_count() != 2 * rows || statistics.dtype() != wide || !statistics.is_contiguous() {
        bail!("the statistics disagree with the logits");
    }
    let (device, given) = (device(&x)?, targets.given(rows, n, wide)?);
    let result = empty(device, (rows, n), dtype)?;
    let mut launch = Launch::of(device, ptx::CROSS_ENTROPY, "cross_entropy_grad", dtype)?;
    launch.tensor(&x)?.tensor(statistics)?.value(given).tensor(&grad)?.value(u32::from(same)).value(1.0f64);
    launch.optional(total)?.tensor(&result)?;
    // SAFETY: as the kernels are declared, with the sizes that were compared above.
    unsafe { Lines::of(rows, n, 1).run(&mut launch) }?;
    Ok(Some(result))
}
