//! Matrix products.

use super::common::{same_device, sizes};
use super::{add, expand, reshape, squeeze, sum, transpose, unsqueeze};
use crate::autograd::Saved;
use crate::{DType, Error, Result, Tensor, autocast, compute, shape};

/// Matrix product over the last two dimensions; leading dimensions broadcast.
///
/// Shapes `[…, m, k] × […, k, n] → […, m, n]`; a one-dimensional `input` is a row, a one-dimensional
/// `other` a column, and that dimension is dropped from the result. Integers wrap around. Differentiable.
///
/// # Errors
/// `Shape` when the inner sizes differ or an input is a scalar, `DType` when the dtypes differ or are
/// bool.
///
/// # PyTorch
/// `torch.matmul`
///
/// # Examples
/// ```python
/// >>> cf.matmul(cf.tensor([[1.0, 2.0], [3.0, 4.0]]), cf.tensor([1.0, 1.0]))
/// tensor([3., 7.])
/// ```
pub fn matmul(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return matmul(&cast.of(input)?, &cast.of(other)?);
    }
    check(input, other)?;
    match (input.rank(), other.rank()) {
        (2, 2) => product(input, other),
        (1, 1) => squeeze(&product(&unsqueeze(input, 0)?, &unsqueeze(other, 1)?)?, None),
        (1, _) => squeeze(&matmul(&unsqueeze(input, 0)?, other)?, Some(&[-2])),
        (_, 1) => squeeze(&matmul(input, &unsqueeze(other, 1)?)?, Some(&[-1])),
        // One matrix for all rows of a batch: a single tall product.
        (_, 2) if input.is_contiguous() => {
            let dims = input.shape();
            let (rows, inner) = dims.split_at(dims.len() - 1);
            let flat = reshape(input, &[rows.iter().product::<usize>() as i64, inner[0] as i64])?;
            let mut result = sizes(rows);
            result.push(other.shape()[1] as i64);
            reshape(&product(&flat, other)?, &result)
        }
        _ => {
            let (left, right) = (input.shape(), other.shape());
            let (left_batch, left_matrix) = left.split_at(left.len() - 2);
            let (right_batch, right_matrix) = right.split_at(right.len() - 2);
            let batch = shape::broadcast(left_batch, right_batch).map_err(|_| batches_differ(&left, &right))?;
            let with = |matrix: &[usize]| sizes(&[&batch, matrix].concat());
            product(&expand(input, &with(left_matrix))?, &expand(other, &with(right_matrix))?)
        }
    }
}

#[cold]
fn batches_differ(left: &[usize], right: &[usize]) -> Error {
    Error::shape(format!("the leading dimensions of {left:?} × {right:?} do not broadcast"), &[left, right])
}

/// The product of matrices, or of batches of equal sizes.
fn product(lhs: &Tensor, rhs: &Tensor) -> Result<Tensor> {
    let value = compute::matmul(&lhs.value(), &rhs.value())?;
    Tensor::record("matmul", value, [lhs, rhs], || {
        let (left, right) = (Saved::new(lhs), Saved::new(rhs));
        move |grad, context| {
            Ok([
                context.wants(0, || product(grad, &transpose(right.get()?, -2, -1)?))?,
                context.wants(1, || product(&transpose(left.get()?, -2, -1)?, grad))?,
            ])
        }
    })
}

/// Affine map of the last dimension: `input × weightᵀ + bias`.
///
/// Shapes `[…, in_features]`, `[out_features, in_features]`, `[out_features]` → `[…, out_features]`.
/// Differentiable.
///
/// # Defaults
/// bias = None
///
/// # Errors
/// `Shape` when the sizes differ, `DType` when the dtypes differ or are bool.
///
/// # PyTorch
/// `torch.nn.functional.linear`
///
/// # Examples
/// ```python
/// >>> cf.linear(cf.tensor([1.0, 2.0]), cf.tensor([[3.0, 4.0]]), cf.tensor([0.5]))
/// tensor([11.5000])
/// ```
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return linear(&cast.of(input)?, &cast.of(weight)?, cast.optional(bias)?.as_ref());
    }
    let (dims, weight_dims) = (input.shape(), weight.shape());
    let fits = weight_dims.len() == 2 && dims.last() == Some(&weight_dims[1]);
    let bias_fits = |bias: &Tensor| bias.shape().as_slice() == &weight_dims[..1];
    if !fits || !bias.is_none_or(bias_fits) {
        let bias = bias.map_or_else(String::new, |bias| format!(" and bias {:?}", bias.dims()));
        return Err(Error::shape(
            format!(
                "input {:?}, weight {:?}{bias} do not fit: they must be […, in], [out, in] and [out]",
                &dims[..],
                &weight_dims[..]
            ),
            &[&dims, &weight_dims],
        ));
    }
    let Some(bias) = bias else { return matmul(input, &transpose(weight, 0, 1)?) };
    check_kinds(&[input, weight, bias])?;
    if !input.dtype().is_float() {
        return add(&matmul(input, &transpose(weight, 0, 1)?)?, bias);
    }
    if dims.len() != 2 {
        let rows: usize = dims[..dims.len() - 1].iter().product();
        let flat = reshape(input, &[rows as i64, dims[dims.len() - 1] as i64])?;
        let mut result = sizes(&dims[..dims.len() - 1]);
        result.push(weight_dims[0] as i64);
        return reshape(&linear(&flat, weight, Some(bias))?, &result);
    }
    let value = compute::matmul_add(&input.value(), &weight.value().permute(&[1, 0])?, &bias.value())?;
    Tensor::record("linear", value, [input, weight, bias], || {
        let (input, weight) = (Saved::new(input), Saved::new(weight));
        move |grad, context| {
            Ok([
                context.wants(0, || product(grad, weight.get()?))?,
                context.wants(1, || product(&transpose(grad, 0, 1)?, input.get()?))?,
                context.wants(2, || sum(grad, Some(&[0]), false, None))?,
            ])
        }
    })
}

fn check(input: &Tensor, other: &Tensor) -> Result<()> {
    let (left, right) = (input.shape(), other.shape());
    let inner = match (left.as_slice(), right.as_slice()) {
        ([], _) | (_, []) => {
            return Err(Error::shape(
                format!(
                    "both inputs need at least one dimension, and the shapes are {:?} and {:?}",
                    &left[..],
                    &right[..]
                ),
                &[&left, &right],
            ));
        }
        ([.., k], [n]) => (*k, *n),
        ([.., k], [.., n, _]) => (*k, *n),
    };
    if inner.0 != inner.1 {
        return Err(Error::shape(
            format!("the inner sizes of {:?} × {:?} differ: {} and {}", &left[..], &right[..], inner.0, inner.1),
            &[&left, &right],
        ));
    }
    check_kinds(&[input, other])
}

/// Matrix products do not promote: one dtype, floating, on one device.
fn check_kinds(inputs: &[&Tensor]) -> Result<()> {
    let dtypes: Vec<_> = inputs.iter().map(|input| input.dtype()).collect();
    if let Some(&other) = dtypes.iter().find(|&&dtype| dtype != dtypes[0]) {
        return Err(Error::dtype(
            format!("the inputs must have one dtype, and have {} and {other}; convert one with to(dtype)", dtypes[0]),
            &dtypes,
        ));
    }
    if matches!(dtypes[0], DType::Bool | DType::Float8E4M3) {
        return Err(Error::dtype(
            format!("matrix products of {} are not available; convert with to(float32) or to(int64)", dtypes[0]),
            &dtypes,
        ));
    }
    same_device(inputs)
}
