//! The way back of max pooling: values at the places that they were taken from.

use super::common::same_device;
use super::index::indices as as_indices;
use super::pool::{Grid, at_places};
use super::spatial::wrong_rank;
use crate::autograd::Saved;
use crate::shape::Dims;
use crate::{Error, Result, Tensor, autocast, compute, shape};

/// Zeros, with each element at the place that an index says: what `max_pool1d` would give it for.
///
/// The input is `[N, C, L]` or `[C, L]`, and `indices` are those of `max_pool1d_with_indices`, of the same shape. The result
/// has `output_size` in its spatial dimension, or the size that such a pooling most simply came from. Of elements with one
/// index the last one stays. Differentiable with respect to `input`.
///
/// # Defaults
/// stride = None, padding = 0, output_size = None
///
/// # Errors
/// `Shape` for an input of another rank, for indices of another shape and for a size that such a pooling cannot have come from,
/// `Index` for an index outside the result, `DType` for an input that is not floating and indices that are no integers.
///
/// # PyTorch
/// `torch.nn.functional.max_unpool1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_unpool1d(cf.tensor([[5.0, 6.0]]), cf.tensor([[1, 3]]), 2)
/// tensor([[0., 5., 0., 6.]])
/// ```
pub fn max_unpool1d(
    input: &Tensor,
    indices: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    output_size: Option<&[i64]>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return max_unpool1d(&cast.of(input)?, &cast.of(indices)?, kernel_size, stride, padding, output_size);
    }
    let grid = Grid::<1>::new(kernel_size, stride, padding, &[1], false)?;
    unpool("max_unpool1d", input, indices, &grid, output_size)
}

/// Zeros, with each element at the place that an index says: what `max_pool2d` would give it for.
///
/// The input is `[N, C, H, W]` or `[C, H, W]`, and `indices` are those of `max_pool2d_with_indices`, of the same shape. The result
/// has `output_size` in its spatial dimensions, or the size that such a pooling most simply came from. Of elements with one
/// index the last one stays. Differentiable with respect to `input`.
///
/// # Defaults
/// stride = None, padding = 0, output_size = None
///
/// # Errors
/// `Shape` for an input of another rank, for indices of another shape and for a size that such a pooling cannot have come from,
/// `Index` for an index outside the result, `DType` for an input that is not floating and indices that are no integers.
///
/// # PyTorch
/// `torch.nn.functional.max_unpool2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_unpool2d(cf.tensor([[[5.0]]]), cf.tensor([[[3]]]), 2)
/// tensor([[[0., 0.],
///          [0., 5.]]])
/// ```
pub fn max_unpool2d(
    input: &Tensor,
    indices: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    output_size: Option<&[i64]>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return max_unpool2d(&cast.of(input)?, &cast.of(indices)?, kernel_size, stride, padding, output_size);
    }
    let grid = Grid::<2>::new(kernel_size, stride, padding, &[1], false)?;
    unpool("max_unpool2d", input, indices, &grid, output_size)
}

/// Zeros, with each element at the place that an index says: what `max_pool3d` would give it for.
///
/// The input is `[N, C, D, H, W]` or `[C, D, H, W]`, and `indices` are those of `max_pool3d_with_indices`, of the same shape. The result
/// has `output_size` in its spatial dimensions, or the size that such a pooling most simply came from. Of elements with one
/// index the last one stays. Differentiable with respect to `input`.
///
/// # Defaults
/// stride = None, padding = 0, output_size = None
///
/// # Errors
/// `Shape` for an input of another rank, for indices of another shape and for a size that such a pooling cannot have come from,
/// `Index` for an index outside the result, `DType` for an input that is not floating and indices that are no integers.
///
/// # PyTorch
/// `torch.nn.functional.max_unpool3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.max_unpool3d(cf.tensor([[[[5.0]]]]), cf.tensor([[[[7]]]]), 2).flatten()
/// tensor([0., 0., 0., 0., 0., 0., 0., 5.])
/// ```
pub fn max_unpool3d(
    input: &Tensor,
    indices: &Tensor,
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    output_size: Option<&[i64]>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return max_unpool3d(&cast.of(input)?, &cast.of(indices)?, kernel_size, stride, padding, output_size);
    }
    let grid = Grid::<3>::new(kernel_size, stride, padding, &[1], false)?;
    unpool("max_unpool3d", input, indices, &grid, output_size)
}

fn unpool<const N: usize>(
    name: &'static str,
    input: &Tensor,
    indices: &Tensor,
    grid: &Grid<N>,
    output_size: Option<&[i64]>,
) -> Result<Tensor> {
    same_device(&[input, indices])?;
    let (dims, indices) = (input.shape(), as_indices(indices)?);
    if dims.len() != N + 1 && dims.len() != N + 2 {
        return Err(wrong_rank(input, N));
    }
    if indices.shape() != dims {
        return Err(Error::shape(
            format!("the indices must have the shape of the input, {:?}, and have {:?}", &dims[..], indices.dims()),
            &[&dims, &indices.dims()],
        ));
    }
    let leading = dims.len() - N;
    let mut result = Dims::from_slice(&dims[..leading]);
    result.extend_from_slice(&unpooled(&dims, grid, output_size)?);
    let (count, inside) = (dims[..leading].iter().product(), shape::num_elements(&result[leading..])?);
    let value = compute::max_unpool(&input.value(), &indices.value(), count, inside, &result)?;
    Tensor::record(name, value, [input], || {
        let indices = Saved::new(&indices);
        move |grad, _| Ok([Some(at_places(grad, indices.get()?, count, &dims)?)])
    })
}

/// The size that is asked for, which must be near the one that the windows say; or that one.
fn unpooled<const N: usize>(dims: &[usize], grid: &Grid<N>, wanted: Option<&[i64]>) -> Result<[usize; N]> {
    let simplest = grid.unpooled(dims)?;
    let Some(wanted) = wanted else { return Ok(simplest) };
    // As PyTorch, also the whole shape.
    let spatial = if wanted.len() == N + 2 { &wanted[2..] } else { wanted };
    let given: [i64; N] = spatial.try_into().map_err(|_| {
        Error::shape(format!("output_size must have {N} or {} entries, and is {wanted:?}", N + 2), &[dims])
    })?;
    let mut sizes = [0; N];
    for (d, size) in given.into_iter().enumerate() {
        let (middle, stride) = (simplest[d] as i64, grid.stride()[d] as i64);
        if size <= middle - stride || size >= middle + stride || size < 0 {
            return Err(Error::shape(
                format!(
                    "output_size {wanted:?} does not fit to an input of shape {dims:?}: size {size} must be between {} and {}",
                    (middle - stride + 1).max(0),
                    middle + stride - 1
                ),
                &[dims],
            ));
        }
        sizes[d] = size as usize;
    }
    Ok(sizes)
}
