//! Looking up rows of a table.

use super::common::{number, same_device};
use super::index::{in_dimension, indices, zeros_for};
use super::{abs, amax, amin, div, eq, index_add, index_select, masked_fill, mul_, ne, pow, reshape, sum, unsqueeze};
use crate::autograd::{GradMode, Saved};
use crate::indexing::{self, Index};
use crate::{DType, Device, Error, Result, Tensor, compute};

/// The row that `padding_idx` means; a negative one counts from the end.
pub(crate) fn padding_row(padding_idx: i64, rows: i64) -> Result<i64> {
    if padding_idx < -rows || padding_idx >= rows {
        return Err(Error::argument(format!("padding_idx {padding_idx} is not a row of a weight of {rows} rows")));
    }
    Ok(if padding_idx < 0 { padding_idx + rows } else { padding_idx })
}

/// The rows and columns of a table.
pub(super) fn table_sizes(weight: &Tensor) -> Result<[usize; 2]> {
    let table = weight.shape();
    match table.as_slice() {
        &[rows, width] => Ok([rows, width]),
        _ => {
            let message = format!("weight must have two dimensions, and has shape {:?}", table.as_slice());
            Err(Error::shape(message, &[&table]))
        }
    }
}

/// Rows of a table, by their numbers.
///
/// Shapes `[…]` of any integer dtype and `[n, d]` give `[…, d]`. Differentiable with respect to
/// `weight`; the row `padding_idx` gets no gradient. With `scale_grad_by_freq` the gradient of a row is
/// divided by how often its number appears in `input`.
///
/// # Defaults
/// padding_idx = None, scale_grad_by_freq = False
///
/// # Errors
/// `Index` for a number that is negative or too large, `Shape` unless `weight` is a matrix,
/// `InvalidArgument` when there is no row `padding_idx`.
///
/// # PyTorch
/// `torch.nn.functional.embedding`
///
/// # C
/// `embedding_scaled`; `embedding` without `scale_grad_by_freq`
///
/// # Examples
/// ```python
/// >>> cf.embedding(cf.tensor([1, 0]), cf.tensor([[1.0, 2.0], [3.0, 4.0]]))
/// tensor([[3., 4.],
///         [1., 2.]])
/// ```
pub fn embedding(
    input: &Tensor,
    weight: &Tensor,
    padding_idx: Option<i64>,
    scale_grad_by_freq: bool,
) -> Result<Tensor> {
    same_device(&[weight, input])?;
    let [rows, width] = table_sizes(weight)?;
    let padding = padding_idx.map(|index| padding_row(index, rows as i64)).transpose()?;
    let mut dims = input.shape();
    let index = reshape(&indices(input)?, &[-1])?;
    dims.push(width);
    let value = compute::index_select(&weight.value(), 0, &index.value()).map_err(|error| in_dimension(error, 0))?;
    Tensor::record("embedding", value.with_dims(&dims)?, [weight], || {
        let index = Saved::new(&index);
        move |grad, _| {
            let index = index.get()?;
            let mut picked = reshape(grad, &[index.num_elements() as i64, width as i64])?;
            if let Some(padding) = padding {
                let is_padding =
                    eq(index, &Tensor::from_value(compute::fill(padding as f64, &[], DType::Int64, index.device())?))?;
                picked = masked_fill(&picked, &unsqueeze(&is_padding, 1)?, &number(0.0))?;
            }
            if scale_grad_by_freq {
                picked = div(&picked, &unsqueeze(&counts(index, rows, grad)?, 1)?)?;
            }
            Ok([Some(index_add(&zeros_for(grad, &[rows, width])?, 0, index, &picked)?)])
        }
    })
}

/// For each number how often it appears.
fn counts(index: &Tensor, rows: usize, grad: &Tensor) -> Result<Tensor> {
    let ones = Tensor::from_value(compute::fill(1.0, &[index.num_elements()], DType::Float64, grad.device())?);
    let zeros = Tensor::from_value(compute::fill(0.0, &[rows], DType::Float64, grad.device())?);
    super::to_dtype(&index_select(&index_add(&zeros, 0, index, &ones)?, 0, index)?, grad.dtype())
}

/// Scales rows of a table, in place, so that none of those that are named has a norm above `max_norm`.
///
/// `norm_type` is the p of the norm. Not differentiable.
///
/// # Defaults
/// norm_type = 2.0
///
/// # Errors
/// `Index` for a number that is negative or too large, `Shape` unless `input` is a matrix,
/// `ModifiedInPlace` for a leaf that requires grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.embedding_renorm_`
///
/// # Examples
/// ```python
/// >>> cf.embedding_renorm_(cf.tensor([[3.0, 4.0], [3.0, 4.0]]), cf.tensor([1]), 1.0)
/// tensor([[3.0000, 4.0000],
///         [0.6000, 0.8000]])
/// ```
pub fn embedding_renorm_(input: &Tensor, indices: &Tensor, max_norm: f64, norm_type: f64) -> Result<()> {
    same_device(&[input, indices])?;
    table_sizes(input)?;
    if autograd_forbids(input) {
        input.check_in_place()?;
    }
    let _mode = GradMode::new(false);
    let index = reshape(&self::indices(indices)?, &[-1])?;
    let mut named = index.value().to_device(Device::CPU)?.array.to_vec1::<i64>()?;
    named.sort_unstable();
    named.dedup();
    let unique =
        Tensor::from_value(compute::from_vec(named.clone(), &[named.len()], DType::Int64).send_to(input.device())?);
    let norms = norm_of_rows(&index_select(input, 0, &unique)?, norm_type)?;
    let norms = compute::cast(&norms.value().to_device(Device::CPU)?, DType::Float64)?.array.to_vec1::<f64>()?;
    for (row, norm) in named.into_iter().zip(norms) {
        if norm > max_norm {
            mul_(&indexing::get(input, &[Index::Integer(row)])?, &number(max_norm / (norm + 1e-7)))?;
        }
    }
    Ok(())
}

fn autograd_forbids(tensor: &Tensor) -> bool {
    crate::autograd::is_enabled() && tensor.requires_grad()
}

/// The p-norm of each row.
fn norm_of_rows(rows: &Tensor, p: f64) -> Result<Tensor> {
    let along: Option<&[i64]> = Some(&[1]);
    let sizes = abs(rows)?;
    if p == f64::INFINITY {
        return amax(&sizes, along, false);
    }
    if p == f64::NEG_INFINITY {
        return amin(&sizes, along, false);
    }
    if p == 0.0 {
        return sum(&ne(rows, &number(0.0))?, along, false, Some(rows.dtype()));
    }
    pow(&sum(&pow(&sizes, &number(p))?, along, false, None)?, &number(1.0 / p))
}
