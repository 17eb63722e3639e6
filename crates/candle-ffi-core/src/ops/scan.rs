//! Running sums and products.

use super::common::number;
use super::{any, div, eq, expand, eye, mul, reshape, sum, to_dtype, transpose, tril, r#where};
use crate::autograd::Saved;
use crate::compute::{self, Scan};
use crate::dtype::Category;
use crate::{DType, Result, Tensor, autocast, shape};

/// Sum of the elements along a dimension up to each of them.
///
/// Integers and bools become `int64`; `dtype` is what the elements are converted to first. Keeps the shape.
/// Differentiable.
///
/// # Defaults
/// dtype = None
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.cumsum`
///
/// # Examples
/// ```python
/// >>> cf.cumsum(cf.tensor([1.0, 2.0, 3.0]), 0)
/// tensor([1., 3., 6.])
/// ```
pub fn cumsum(input: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return cumsum(&cast.of(input)?, dim, dtype);
    }
    let along = shape::dim(dim, input.rank())?;
    running_sum(&running(input, dtype)?, along, Scan::Sum)
}

/// Product of the elements along a dimension up to each of them.
///
/// Integers and bools become `int64`; `dtype` is what the elements are converted to first. Keeps the shape.
/// Differentiable.
///
/// # Defaults
/// dtype = None
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.cumprod`
///
/// # Examples
/// ```python
/// >>> cf.cumprod(cf.tensor([1.0, 2.0, 3.0]), 0)
/// tensor([1., 2., 6.])
/// ```
pub fn cumprod(input: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return cumprod(&cast.of(input)?, dim, dtype);
    }
    let along = shape::dim(dim, input.rank())?;
    let input = running(input, dtype)?;
    let value = compute::scan(&input.value(), along, Scan::Prod)?;
    Tensor::record_with_output("cumprod", value, [&input], || {
        let saved = Saved::new(&input);
        move |grad, context| {
            let x = saved.get()?;
            if any(&eq(x, &number(0.0))?, None, false)?.to_number()? != 0.0 {
                return Ok([Some(product_slope_one_by_one(x, grad, along)?)]);
            }
            let later = running_sum(&mul(grad, &context.output()?)?, along, Scan::SumFromEnd)?;
            Ok([Some(div(&later, x)?)])
        }
    })
}

/// What the elements are converted to before they are added or multiplied.
fn running(input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    let own = input.dtype();
    let wide = if own.category() == Category::Float { own } else { DType::Int64 };
    to_dtype(input, dtype.unwrap_or(wide))
}

fn running_sum(input: &Tensor, dim: usize, scan: Scan) -> Result<Tensor> {
    let value = compute::scan(&input.value(), dim, scan)?;
    let back = if scan == Scan::Sum { Scan::SumFromEnd } else { Scan::Sum };
    Tensor::record("cumsum", value, [input], || move |grad, _| Ok([Some(running_sum(grad, dim, back)?)]))
}

/// The gradient of a running product by its definition: `n` products, each with one factor replaced by 1. It is
/// right also where a factor is zero.
fn product_slope_one_by_one(x: &Tensor, grad: &Tensor, dim: usize) -> Result<Tensor> {
    if x.rank() == 0 {
        return Ok(grad.clone());
    }
    let last = |tensor: &Tensor| transpose(tensor, dim as i64, -1);
    let (x, grad) = (last(x)?, last(grad)?);
    let dims = super::common::sizes(&x.shape());
    let n = dims[dims.len() - 1];
    let square = [-1, n, n];
    let rows = expand(&reshape(&x, &[-1, 1, n])?, &square)?;
    let own = eye(n, None, DType::Bool, x.device())?;
    // Row k holds the products without factor k, which count from place k on.
    let others = cumprod(&r#where(&own, &number(1.0), &rows)?, -1, None)?;
    let before = transpose(&tril(&super::ones(&[n, n], DType::Bool, x.device())?, -1)?, 0, 1)?;
    let counts = super::logical_or(&own, &before)?;
    let counted = r#where(&counts, &others, &number(0.0))?;
    let slope = sum(&mul(&counted, &expand(&reshape(&grad, &[-1, 1, n])?, &square)?)?, Some(&[-1]), false, None)?;
    last(&reshape(&slope, &dims)?)
}
