//! Max pooling: the largest element of each window.

use super::pool::{Grid, maximum};
use crate::{Error, OutputAndIndices, Result, Tensor, autocast};

/// The largest element of each window of 1 dimension.
///
/// The input is `[N, C, L]` or `[C, L]`. Windows of `kernel_size` elements, `dilation` apart, are `stride` apart (their size, when not
/// given), with `padding` on both sides that is never chosen. With `ceil_mode` there is also a last window that reaches over
/// the end. One number, or a list of one. NaN is larger than any number. Differentiable: the gradient goes to the
/// first of equal elements.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size and for
/// padding of more than half of the kernel, `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.max_pool1d`
///
/// # Examples
/// ```python
/// >>> cf.max_pool1d(cf.arange(4.0).reshape(1, 4), 2)
/// tensor([[1., 3.]])
/// ```
pub fn max_pool1d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<Tensor> {
    let grid = Grid::<1>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    Ok(maximum("max_pool1d", input, &grid.on(input, false)?, false)?.0)
}

/// The largest element of each window of 1 dimension, and where it stands.
///
/// As `max_pool1d`; the indices are `int64` positions in the flattened spatial dimension of the input, as
/// `max_unpool1d` takes them. The output is differentiable.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// As `max_pool1d`.
///
/// # PyTorch
/// `torch.nn.functional.max_pool1d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_pool1d_with_indices(cf.arange(4.0).reshape(1, 4), 2).indices
/// tensor([[1, 3]])
/// ```
pub fn max_pool1d_with_indices(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<OutputAndIndices> {
    let grid = Grid::<1>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    both(maximum("max_pool1d", input, &grid.on(input, false)?, true)?)
}

/// The largest element of each window of 2 dimensions.
///
/// The input is `[N, C, H, W]` or `[C, H, W]`. Windows of `kernel_size` elements, `dilation` apart, are `stride` apart (their size, when not
/// given), with `padding` on both sides that is never chosen. With `ceil_mode` there is also a last window that reaches over
/// the end. Options are one number, or one for height and one for width. NaN is larger than any number. Differentiable: the gradient goes to the
/// first of equal elements.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size and for
/// padding of more than half of the kernel, `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.max_pool2d`
///
/// # Examples
/// ```python
/// >>> cf.max_pool2d(cf.arange(16.0).reshape(1, 4, 4), 2)
/// tensor([[[ 5.,  7.],
///          [13., 15.]]])
/// ```
pub fn max_pool2d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<Tensor> {
    let grid = Grid::<2>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    Ok(maximum("max_pool2d", input, &grid.on(input, false)?, false)?.0)
}

/// The largest element of each window of 2 dimensions, and where it stands.
///
/// As `max_pool2d`; the indices are `int64` positions in the flattened spatial dimensions of the input, as
/// `max_unpool2d` takes them. The output is differentiable.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// As `max_pool2d`.
///
/// # PyTorch
/// `torch.nn.functional.max_pool2d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_pool2d_with_indices(cf.arange(16.0).reshape(1, 4, 4), 2).indices
/// tensor([[[ 5,  7],
///          [13, 15]]])
/// ```
pub fn max_pool2d_with_indices(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<OutputAndIndices> {
    let grid = Grid::<2>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    both(maximum("max_pool2d", input, &grid.on(input, false)?, true)?)
}

/// The largest element of each window of 3 dimensions.
///
/// The input is `[N, C, D, H, W]` or `[C, D, H, W]`. Windows of `kernel_size` elements, `dilation` apart, are `stride` apart (their size, when not
/// given), with `padding` on both sides that is never chosen. With `ceil_mode` there is also a last window that reaches over
/// the end. Options are one number, or one for each of depth, height and width. NaN is larger than any number. Differentiable: the gradient goes to the
/// first of equal elements.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size and for
/// padding of more than half of the kernel, `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.max_pool3d`
///
/// # Examples
/// ```python
/// >>> cf.max_pool3d(cf.arange(8.0).reshape(1, 2, 2, 2), 2)
/// tensor([[[[7.]]]])
/// ```
pub fn max_pool3d(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return max_pool3d(&cast.of(input)?, kernel_size, stride, padding, dilation, ceil_mode);
    }
    let grid = Grid::<3>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    Ok(maximum("max_pool3d", input, &grid.on(input, false)?, false)?.0)
}

/// The largest element of each window of 3 dimensions, and where it stands.
///
/// As `max_pool3d`; the indices are `int64` positions in the flattened spatial dimensions of the input, as
/// `max_unpool3d` takes them. The output is differentiable.
///
/// # Defaults
/// stride = None, padding = 0, dilation = 1, ceil_mode = False
///
/// # Errors
/// As `max_pool3d`.
///
/// # PyTorch
/// `torch.nn.functional.max_pool3d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_pool3d_with_indices(cf.arange(8.0).reshape(1, 2, 2, 2), 2).indices
/// tensor([[[[7]]]])
/// ```
pub fn max_pool3d_with_indices(
    input: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<OutputAndIndices> {
    let grid = Grid::<3>::new(kernel_size, stride, padding, dilation, ceil_mode)?;
    both(maximum("max_pool3d", input, &grid.on(input, false)?, true)?)
}

/// The result that has indices.
pub(super) fn both((output, indices): (Tensor, Option<Tensor>)) -> Result<OutputAndIndices> {
    let indices = indices.ok_or_else(|| Error::internal("the positions of the maxima are missing"))?;
    Ok(OutputAndIndices { output, indices })
}
