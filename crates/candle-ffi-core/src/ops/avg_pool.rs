//! Average pooling, and pooling by other powers.

use super::common::number;
use super::pool::{Grid, average, divided_by};
use super::{abs, max_pool1d, max_pool2d, max_pool3d, mul, neg, pow, relu, sign};
use crate::{Error, Result, Tensor, autocast};

/// The average of each window of 1 dimension.
///
/// The input is `[N, C, L]` or `[C, L]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given), with
/// `padding` zeros on both sides, which count as elements unless `count_include_pad` is false. With `ceil_mode` there is also
/// a last window that reaches over the end. One number, or a list of one.
/// Differentiable.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size, for
/// padding of more than half of the kernel, `DType` for integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.avg_pool1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.avg_pool1d(cf.arange(4.0).reshape(1, 4), 2)
/// tensor([[0.5000, 2.5000]])
/// ```
pub fn avg_pool1d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
) -> Result<Tensor> {
    let grid = Grid::<1>::new(kernel_size, stride, padding, &[1], ceil_mode)?;
    let pool = grid.on(input, count_include_pad)?;
    average("avg_pool1d", input, &pool)
}

/// The average of each window of 2 dimensions.
///
/// The input is `[N, C, H, W]` or `[C, H, W]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given), with
/// `padding` zeros on both sides, which count as elements unless `count_include_pad` is false. With `ceil_mode` there is also
/// a last window that reaches over the end. Sums are divided by `divisor_override` where that is given. Options are one number, or one for height and one for width.
/// Differentiable.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True, divisor_override = None
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size, for
/// padding of more than half of the kernel and for a divisor of 0, `DType` for integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.avg_pool2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.avg_pool2d(cf.arange(16.0).reshape(1, 4, 4), 2)
/// tensor([[[ 2.5000,  4.5000],
///          [10.5000, 12.5000]]])
/// ```
pub fn avg_pool2d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<i64>,
) -> Result<Tensor> {
    let grid = Grid::<2>::new(kernel_size, stride, padding, &[1], ceil_mode)?;
    let mut pool = grid.on(input, count_include_pad)?;
    if let Some(divisor) = divisor_override {
        pool = divided_by(&pool, divisor)?;
    }
    average("avg_pool2d", input, &pool)
}

/// The average of each window of 3 dimensions.
///
/// The input is `[N, C, D, H, W]` or `[C, D, H, W]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given), with
/// `padding` zeros on both sides, which count as elements unless `count_include_pad` is false. With `ceil_mode` there is also
/// a last window that reaches over the end. Sums are divided by `divisor_override` where that is given. Options are one number, or one for each of depth, height and width.
/// Differentiable.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True, divisor_override = None
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size, for
/// padding of more than half of the kernel and for a divisor of 0, `DType` for integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.avg_pool3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.avg_pool3d(cf.arange(8.0).reshape(1, 2, 2, 2), 2)
/// tensor([[[[3.5000]]]])
/// ```
pub fn avg_pool3d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<i64>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return avg_pool3d(
            &cast.of(input)?,
            kernel_size,
            stride,
            padding,
            ceil_mode,
            count_include_pad,
            divisor_override,
        );
    }
    let grid = Grid::<3>::new(kernel_size, stride, padding, &[1], ceil_mode)?;
    let mut pool = grid.on(input, count_include_pad)?;
    if let Some(divisor) = divisor_override {
        pool = divided_by(&pool, divisor)?;
    }
    average("avg_pool3d", input, &pool)
}

/// The sum of powers of each window of 1 dimension, and its root: `(Σ xᵖ)^(1/p)` with `p = norm_type`.
///
/// With an infinite `p` it is the largest magnitude. The input is `[N, C, L]` or `[C, L]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given). With
/// `ceil_mode` there is also a last window that reaches over the end. Differentiable.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # Errors
/// `InvalidArgument` for a `norm_type` of 0, and those of `avg_pool1d`.
///
/// # PyTorch
/// `torch.nn.functional.lp_pool1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.lp_pool1d(cf.arange(4.0).reshape(1, 4), 2.0, 2)
/// tensor([[1.0000, 3.6056]])
/// ```
pub fn lp_pool1d(
    input: &Tensor,
    norm_type: f64,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    ceil_mode: bool,
) -> Result<Tensor> {
    if let Some(pooled) = of_extremes(input, norm_type, |x| max_pool1d(x, kernel_size, stride, &[0], &[1], ceil_mode))?
    {
        return Ok(pooled);
    }
    let mean = avg_pool1d(&pow(input, &number(norm_type))?, kernel_size, stride, &[0], ceil_mode, true)?;
    root(&mean, &super::spatial::per_dim::<1>("kernel_size", kernel_size)?, norm_type)
}

/// The sum of powers of each window of 2 dimensions, and its root: `(Σ xᵖ)^(1/p)` with `p = norm_type`.
///
/// With an infinite `p` it is the largest magnitude. The input is `[N, C, H, W]` or `[C, H, W]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given). With
/// `ceil_mode` there is also a last window that reaches over the end. Differentiable.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # Errors
/// `InvalidArgument` for a `norm_type` of 0, and those of `avg_pool2d`.
///
/// # PyTorch
/// `torch.nn.functional.lp_pool2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.lp_pool2d(cf.arange(16.0).reshape(1, 4, 4), 2.0, 2)
/// tensor([[[ 6.4807,  9.8995],
///          [21.4009, 25.3377]]])
/// ```
pub fn lp_pool2d(
    input: &Tensor,
    norm_type: f64,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    ceil_mode: bool,
) -> Result<Tensor> {
    if let Some(pooled) = of_extremes(input, norm_type, |x| max_pool2d(x, kernel_size, stride, &[0], &[1], ceil_mode))?
    {
        return Ok(pooled);
    }
    let mean = avg_pool2d(&pow(input, &number(norm_type))?, kernel_size, stride, &[0], ceil_mode, true, None)?;
    root(&mean, &super::spatial::per_dim::<2>("kernel_size", kernel_size)?, norm_type)
}

/// The sum of powers of each window of 3 dimensions, and its root: `(Σ xᵖ)^(1/p)` with `p = norm_type`.
///
/// With an infinite `p` it is the largest magnitude. The input is `[N, C, D, H, W]` or `[C, D, H, W]`. Windows of `kernel_size` elements are `stride` apart (their size, when not given). With
/// `ceil_mode` there is also a last window that reaches over the end. Differentiable.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # Errors
/// `InvalidArgument` for a `norm_type` of 0, and those of `avg_pool3d`.
///
/// # PyTorch
/// `torch.nn.functional.lp_pool3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.lp_pool3d(cf.arange(8.0).reshape(1, 2, 2, 2), 2.0, 2)
/// tensor([[[[11.8322]]]])
/// ```
pub fn lp_pool3d(
    input: &Tensor,
    norm_type: f64,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    ceil_mode: bool,
) -> Result<Tensor> {
    if let Some(pooled) = of_extremes(input, norm_type, |x| max_pool3d(x, kernel_size, stride, &[0], &[1], ceil_mode))?
    {
        return Ok(pooled);
    }
    let mean = avg_pool3d(&pow(input, &number(norm_type))?, kernel_size, stride, &[0], ceil_mode, true, None)?;
    root(&mean, &super::spatial::per_dim::<3>("kernel_size", kernel_size)?, norm_type)
}

/// For infinite powers the largest, or smallest, magnitude of each window.
fn of_extremes(
    input: &Tensor,
    norm_type: f64,
    max_pool: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Option<Tensor>> {
    if norm_type == 0.0 {
        return Err(Error::argument("norm_type must not be 0"));
    }
    if norm_type.is_finite() || norm_type.is_nan() {
        return Ok(None);
    }
    let magnitude = abs(input)?;
    let pooled = if norm_type > 0.0 { max_pool(&magnitude)? } else { neg(&max_pool(&neg(&magnitude)?)?)? };
    Ok(Some(pooled))
}

/// The root of what is left of sums without the sign of a negative one, as PyTorch has it.
fn root(mean: &Tensor, kernel: &[usize], norm_type: f64) -> Result<Tensor> {
    let magnitude = mul(&sign(mean)?, &relu(&abs(mean)?)?)?;
    let count: usize = kernel.iter().product();
    pow(&mul(&magnitude, &number(count as f64))?, &number(1.0 / norm_type))
}
