//! Batch and group normalisation over groups of planes.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::divisor::Divisor;
use crate::launch::Launch;
use crate::reduce::{Plan, shifts};
use crate::{is_float, ptx, wide};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Result, Tensor, bail};
use candle_ffi_kernels::planes::Planes;

/// `Planes` in `norm_planes.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Shape {
    channels: Divisor,
    inner: Divisor,
    own: Divisor,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Shape {}

impl Shape {
    /// None for sizes that the kernels do not count in.
    fn of(planes: Planes) -> Option<Self> {
        let own = planes.groups.map_or(0, |groups| planes.channels / groups.max(1));
        let divisor = |size: usize| u32::try_from(size).ok().map(Divisor::of);
        Some(Self { channels: divisor(planes.channels)?, inner: divisor(planes.inner)?, own: divisor(own)? })
    }
}

/// What normalisation gives: the output in the dtype of the input, and one number a group of the dtype that is computed
/// in.
pub struct PlaneNorm {
    /// The normalised elements.
    pub output: Tensor,
    /// The mean.
    pub mean: Tensor,
    /// The mean of the squared distances from the mean.
    pub var: Tensor,
    /// 1/√(variance + eps).
    pub rstd: Tensor,
}

/// Refuses numbers that are not as many as they should be, of this dtype and contiguous.
fn check(values: &Tensor, count: usize, dtype: DType) -> Result<()> {
    if values.elem_count() != count || values.dtype() != dtype || !values.is_contiguous() {
        bail!("weights or statistics disagree with the planes");
    }
    Ok(())
}

fn check_weights(values: [Option<&Tensor>; 2], planes: Planes, dtype: DType) -> Result<()> {
    values.into_iter().flatten().try_for_each(|values| check(values, planes.channels, dtype))
}

/// Normalises groups of planes by their own mean and deviation. Weight and bias are of the dtype that is computed in.
pub fn plane_norm(
    x: &Tensor,
    planes: Planes,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Option<PlaneNorm>> {
    let dtype = x.dtype();
    if !is_float(dtype) {
        return Ok(None);
    }
    let (x, wide) = (contiguous(x)?, wide(dtype));
    check_weights([weight, bias], planes, wide)?;
    let (rows, dims): (_, &[usize]) = match planes.groups {
        None => (x.reshape((planes.batch, planes.channels, planes.inner))?, &[0, 2]),
        Some(groups) => (x.reshape((planes.batch, groups, planes.channels / groups.max(1) * planes.inner))?, &[2]),
    };
    let (Some(plan), Some(shape)) = (Plan::of(&rows, dims)?, Shape::of(planes)) else { return Ok(None) };
    let device = device(&x)?;
    let [mean, var, rstd] = [(); 3].map(|()| empty(device, planes.groups(), wide));
    let (mean, var, rstd) = (mean?, var?, rstd?);
    let shifts = shifts(&x, &plan)?;
    let arguments = |launch: &mut Launch| {
        launch.tensor(&x)?.optional(shifts.as_ref())?.tensor(&mean)?.tensor(&var)?.tensor(&rstd)?.value(eps);
        Ok(())
    };
    // SAFETY: as the kernels of norm_planes.cu are declared; there is a group for each output of the plan.
    unsafe { plan.run(device, ptx::NORM_PLANES, "norm_planes_moments", dtype, arguments) }?;
    let output = affine(device, &x, shape, [&mean, &rstd], weight, bias)?;
    Ok(Some(PlaneNorm { output, mean, var, rstd }))
}

fn affine(
    device: &CudaDevice,
    x: &Tensor,
    shape: Shape,
    [mean, rstd]: [&Tensor; 2],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let output = empty(device, x.shape(), x.dtype())?;
    let mut launch = Launch::of(device, ptx::NORM_PLANES, "norm_planes_affine", x.dtype())?;
    launch.tensor(x)?.value(shape).tensor(mean)?.tensor(rstd)?;
    launch.optional(weight)?.optional(bias)?.tensor(&output)?;
    // SAFETY: as the kernels of norm_planes.cu are declared; callers have compared the sizes.
    unsafe { launch.over_packs(x.elem_count(), 16 / x.dtype().size_in_bytes()) }?;
    Ok(output)
}

/// Normalises groups of planes by a given mean and reciprocal deviation, which are, as weight and bias, of the dtype that
/// is computed in.
pub fn plane_affine(
    x: &Tensor,
    planes: Planes,
    statistics: [&Tensor; 2],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) {
        return Ok(None);
    }
    let (x, wide) = (contiguous(x)?, wide(x.dtype()));
    check_weights([weight, bias], planes, wide)?;
    statistics.into_iter().try_for_each(|values| check(values, planes.groups(), wide))?;
    let Some(shape) = Shape::of(planes) else { return Ok(None) };
    Ok(Some(affine(device(&x)?, &x, shape, statistics, weight, bias)?))
}

/// The gradients of input, weight and bias, the latter two as if there were both, of the dtype that is computed in. With
/// `fixed` the statistics are constants that do not depend on the input.
pub fn plane_norm_grad(
    grad: &Tensor,
    x: &Tensor,
    planes: Planes,
    [mean, rstd]: [&Tensor; 2],
    weight: Option<&Tensor>,
    fixed: bool,
) -> Result<Option<[Tensor; 3]>> {
    let dtype = x.dtype();
    if !is_float(dtype) || grad.dtype() != dtype || grad.elem_count() != x.elem_count() {
        return Ok(None);
    }
    let (grad, x, wide) = (contiguous(grad)?, contiguous(x)?, wide(dtype));
    check_weights([weight, None], planes, wide)?;
    check(mean, planes.groups(), wide)?;
    check(rstd, planes.groups(), wide)?;
    let device = device(&x)?;
    // Of a channel of all samples where that is a group, else of each plane.
    let dims: &[usize] = if planes.groups.is_none() { &[0, 2] } else { &[2] };
    let rows = x.reshape((planes.batch, planes.channels, planes.inner))?;
    let (Some(plan), Some(shape)) = (Plan::of(&rows, dims)?, Shape::of(planes)) else { return Ok(None) };
    let sums = empty(device, 2 * plan.outputs(), DType::F64)?;
    let arguments = |launch: &mut Launch| {
        launch
            .tensor(&grad)?
            .tensor(&x)?
            .tensor(mean)?
            .tensor(rstd)?
            .value(i64::from(shape.own.size()))
            .tensor(&sums)?;
        Ok(())
    };
    // SAFETY: as the kernels of norm_planes.cu are declared; there are two sums for each output.
    unsafe { plan.run(device, ptx::NORM_PLANES, "norm_planes_sums", dtype, arguments) }?;

    let groups = planes.groups();
    let shares = empty(device, 2 * groups, wide)?;
    let (dweight, dbias) = (empty(device, planes.channels, wide)?, empty(device, planes.channels, wide)?);
    let share = if fixed { 0.0 } else { groups as f64 / planes.len() as f64 };
    let mut launch = Launch::of(device, ptx::NORM_PLANES, "norm_planes_totals", wide)?;
    launch.tensor(&sums)?.value(shape).value(planes.batch as i64).value(groups as i64).tensor(rstd)?;
    launch.optional(weight)?.value(share).tensor(&shares)?.tensor(&dweight)?.tensor(&dbias)?;
    // SAFETY: as the kernels are declared; there are two shares for each group.
    unsafe { launch.run([groups.max(planes.channels).div_ceil(32).min(1 << 16) as u32, 1, 1], [32, 8, 1], 0) }?;

    let dx = empty(device, x.shape(), dtype)?;
    let mut launch = Launch::of(device, ptx::NORM_PLANES, "norm_planes_grad", dtype)?;
    launch.tensor(&grad)?.tensor(&x)?.value(shape).tensor(mean)?.tensor(rstd)?;
    launch.optional(weight)?.tensor(&shares)?.tensor(&dx)?;
    // SAFETY: as the kernels are declared, with the sizes that were compared.
    unsafe { launch.over_packs(x.elem_count(), 16 / dtype.size_in_bytes()) }?;
    Ok(Some([dx, dweight, dbias]))
}
