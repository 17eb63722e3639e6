//! Reductions over one, several or all dimensions.
//!
//! `dim` may be negative; `None` or an empty list means all dimensions. With `keepdim` the reduced
//! dimensions stay with size 1.

use super::common::{number, sizes, to_float};
use super::{
    div, eq, exp, expand, eye, isnan, logical_and, logical_or, mul, permute, reshape, scatter_add, sub, to_dtype,
    r#where, zeros_like,
};
use crate::autograd::{self, Saved};
use crate::compute::{self, Reduce, Select};
use crate::results::ValuesAndIndices;
use crate::shape::{self, Dims};
use crate::{DType, Error, Result, Tensor, autocast};

/// What a rule needs to bring a reduced tensor back to the shape before.
struct Reduced {
    before: Dims,
    dims: Dims,
}

impl Reduced {
    fn new(input: &Tensor, dim: Option<&[i64]>) -> Result<Self> {
        let before = input.shape();
        let dims = shape::dims(dim, before.len())?;
        Ok(Self { before, dims })
    }

    /// The number of elements that become one.
    fn count(&self) -> usize {
        self.dims.iter().map(|&dim| self.before[dim]).product()
    }

    /// The shape with the reduced dimensions kept at size 1.
    fn kept(&self) -> Vec<i64> {
        let size = |(at, &size): (usize, &usize)| if self.dims.contains(&at) { 1 } else { size as i64 };
        self.before.iter().enumerate().map(size).collect()
    }

    /// A reduced tensor with its dimensions of size 1 back in place, so that it broadcasts.
    fn restore(&self, reduced: &Tensor) -> Result<Tensor> {
        reshape(reduced, &self.kept())
    }

    /// A reduced tensor repeated to the shape before.
    fn spread(&self, reduced: &Tensor) -> Result<Tensor> {
        expand(&self.restore(reduced)?, &sizes(&self.before))
    }

    /// The dimensions as public functions take them; an explicit list even when it is of all.
    fn dim(&self) -> Vec<i64> {
        sizes(&self.dims)
    }

    fn refuse_empty(&self, operation: &str) -> Result<()> {
        if self.count() > 0 {
            return Ok(());
        }
        Err(Error::shape(
            format!(
                "{operation} of no elements is not defined; the shape is {:?} and the reduced dimensions are {:?}",
                &self.before[..],
                &self.dims[..]
            ),
            &[&self.before],
        ))
    }
}

/// Sum of the elements.
///
/// Integers and bools are summed as `int64`. `dtype` is what the elements are converted to first.
/// Half precision is accumulated in `float32`. Differentiable.
///
/// # Defaults
/// dim = None, keepdim = False, dtype = None
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.sum`
///
/// # Examples
/// ```python
/// >>> cf.sum(cf.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
/// tensor([4., 6.])
/// ```
pub fn sum(input: &Tensor, dim: Option<&[i64]>, keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return sum(&cast.of(input)?, dim, keepdim, dtype);
    }
    let input = to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    let reduced = Reduced::new(&input, dim)?;
    let value = compute::reduce(Reduce::Sum, &input.value(), &reduced.dims, keepdim)?;
    let value = compute::cast(&value, dtype.unwrap_or(value.dtype))?;
    Tensor::record("sum", value, [&input], || move |grad, _| Ok([Some(reduced.spread(grad)?)]))
}

/// Mean of the elements.
///
/// `dtype` is what the elements are converted to first; the mean of no elements is NaN. Differentiable.
///
/// # Defaults
/// dim = None, keepdim = False, dtype = None
///
/// # Errors
/// `DType` for integers and bools, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.mean`
///
/// # Examples
/// ```python
/// >>> cf.mean(cf.tensor([[1.0, 2.0], [3.0, 4.0]]))
/// tensor(2.5000)
/// ```
pub fn mean(input: &Tensor, dim: Option<&[i64]>, keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let input = to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    if !input.dtype().is_float() {
        let message =
            format!("the mean of {} is not an integer; convert with to(float32), or give dtype", input.dtype());
        return Err(Error::dtype(message, &[input.dtype()]));
    }
    let reduced = Reduced::new(&input, dim)?;
    let value = compute::reduce(Reduce::Mean, &input.value(), &reduced.dims, keepdim)?;
    Tensor::record("mean", value, [&input], || {
        move |grad, _| {
            let share = mul(grad, &number(1.0 / reduced.count() as f64))?;
            Ok([Some(reduced.spread(&share)?)])
        }
    })
}

/// Product of the elements.
///
/// Integers and bools are multiplied as `int64`. `dtype` is what the elements are converted to first.
/// Differentiable.
///
/// # Defaults
/// dim = None, keepdim = False, dtype = None
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.prod`
///
/// # Examples
/// ```python
/// >>> cf.prod(cf.tensor([1.0, 2.0, 3.0]))
/// tensor(6.)
/// ```
pub fn prod(input: &Tensor, dim: Option<&[i64]>, keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return prod(&cast.of(input)?, dim, keepdim, dtype);
    }
    let input = to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    let reduced = Reduced::new(&input, dim)?;
    let value = compute::reduce(Reduce::Prod, &input.value(), &reduced.dims, keepdim)?;
    let value = compute::cast(&value, dtype.unwrap_or(value.dtype))?;
    Tensor::record("prod", value, [&input], || {
        let saved = Saved::new(&input);
        move |grad, _| {
            let slope = product_of_others(saved.get()?, &reduced)?;
            Ok([Some(mul(&reduced.restore(grad)?, &slope)?)])
        }
    })
}

/// A reduction by `dim`, `keepdim` and `dtype`.
type Reduction = fn(&Tensor, Option<&[i64]>, bool, Option<DType>) -> Result<Tensor>;

/// For each element the product of the others along the reduced dimensions, exact where one is zero.
///
/// The choice between the cases is right for the value and not for its derivative, so that a gradient
/// that is to be differentiated again takes the long way when there is a zero.
fn product_of_others(x: &Tensor, reduced: &Reduced) -> Result<Tensor> {
    let (zero, one) = (number(0.0), number(1.0));
    let is_zero = eq(x, &zero)?;
    if autograd::is_enabled() && any(&is_zero, None, false)?.to_number()? != 0.0 {
        return product_of_others_one_by_one(x, reduced);
    }
    let dim = reduced.dim();
    // A scalar has no dimension to name.
    let total = |tensor: &Tensor, of: Reduction| {
        if dim.is_empty() { Ok(tensor.clone()) } else { of(tensor, Some(&dim), true, None) }
    };
    let others = r#where(&is_zero, &one, x)?;
    let product = total(&others, prod)?;
    let zeros = total(&to_dtype(&is_zero, DType::Int64)?, sum)?;
    let only_zero = logical_and(&is_zero, &eq(&zeros, &one)?)?;
    let without_zero = r#where(&eq(&zeros, &zero)?, &div(&product, &others)?, &zero)?;
    r#where(&only_zero, &product, &without_zero)
}

/// The same by its definition: `n` products of `n` factors, each with one factor replaced by 1.
fn product_of_others_one_by_one(x: &Tensor, reduced: &Reduced) -> Result<Tensor> {
    let rank = reduced.before.len();
    let kept = (0..rank).filter(|dim| !reduced.dims.contains(dim));
    let order: Vec<usize> = kept.chain(reduced.dims.iter().copied()).collect();
    let mut back = vec![0; rank];
    order.iter().enumerate().for_each(|(at, &dim)| back[dim] = at as i64);
    let ordered = permute(x, &sizes(&order))?;
    let n = reduced.count() as i64;
    let rows = reshape(&ordered, &[-1, 1, n])?;
    let own = eye(n, None, DType::Bool, x.device())?;
    let others = prod(&r#where(&own, &number(1.0), &rows)?, Some(&[-1]), false, None)?;
    permute(&reshape(&others, &sizes(&ordered.shape()))?, &back)
}

/// Variance of the elements: the sum of squared distances from the mean, divided by `n - correction`.
///
/// A correction of 1 is Bessel's. Differentiable.
///
/// # Defaults
/// dim = None, correction = 1.0, keepdim = False
///
/// # Errors
/// `DType` for integers and bools, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.var`
///
/// # Examples
/// ```python
/// >>> cf.var(cf.tensor([1.0, 2.0, 3.0]))
/// tensor(1.)
/// ```
pub fn var(input: &Tensor, dim: Option<&[i64]>, correction: f64, keepdim: bool) -> Result<Tensor> {
    let reduced = Reduced::new(input, dim)?;
    let value = compute::var(&input.value(), &reduced.dims, correction, keepdim)?;
    Tensor::record("var", value, [input], || {
        let saved = Saved::new(input);
        move |grad, _| Ok([Some(variance_slope(saved.get()?, &reduced, correction, grad)?)])
    })
}

/// `grad · 2 (x - mean) / (n - correction)`.
fn variance_slope(x: &Tensor, reduced: &Reduced, correction: f64, grad: &Tensor) -> Result<Tensor> {
    let centre = if reduced.dims.is_empty() { x.clone() } else { mean(x, Some(&reduced.dim()), true, None)? };
    let degrees = (reduced.count() as f64 - correction).max(0.0);
    let scaled = mul(&reduced.restore(grad)?, &number(2.0 / degrees))?;
    mul(&scaled, &sub(x, &centre)?)
}

/// Standard deviation of the elements: the square root of the variance.
///
/// A correction of 1 is Bessel's. Differentiable; the gradient is zero where the deviation is zero.
///
/// # Defaults
/// dim = None, correction = 1.0, keepdim = False
///
/// # Errors
/// `DType` for integers and bools, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.std`
///
/// # Examples
/// ```python
/// >>> cf.std(cf.tensor([1.0, 2.0, 3.0]))
/// tensor(1.)
/// ```
pub fn std(input: &Tensor, dim: Option<&[i64]>, correction: f64, keepdim: bool) -> Result<Tensor> {
    let reduced = Reduced::new(input, dim)?;
    let variance = compute::var(&input.value(), &reduced.dims, correction, keepdim)?;
    let value = compute::unary(compute::Unary::Sqrt, &variance)?;
    Tensor::record_with_output("std", value, [input], || {
        let saved = Saved::new(input);
        move |grad, context| {
            let out = context.output()?;
            let zero = number(0.0);
            let root_slope = r#where(&eq(&out, &zero)?, &zero, &div(grad, &mul(&out, &number(2.0))?)?)?;
            Ok([Some(variance_slope(saved.get()?, &reduced, correction, &root_slope)?)])
        }
    })
}

/// Greatest element of all.
///
/// NaN wins. Differentiable; equal greatest elements share the gradient.
///
/// # Errors
/// `Shape` for a tensor without elements.
///
/// # PyTorch
/// `torch.max` with one argument
///
/// # Examples
/// ```python
/// >>> cf.max(cf.tensor([[1.0, 4.0], [3.0, 2.0]]))
/// tensor(4.)
/// ```
pub fn max(input: &Tensor) -> Result<Tensor> {
    extreme("max", Reduce::Max, input, None, false)
}

/// Least element of all.
///
/// NaN wins. Differentiable; equal least elements share the gradient.
///
/// # Errors
/// `Shape` for a tensor without elements.
///
/// # PyTorch
/// `torch.min` with one argument
///
/// # Examples
/// ```python
/// >>> cf.min(cf.tensor([[1.0, 4.0], [3.0, 2.0]]))
/// tensor(1.)
/// ```
pub fn min(input: &Tensor) -> Result<Tensor> {
    extreme("min", Reduce::Min, input, None, false)
}

/// Greatest elements along dimensions.
///
/// NaN wins. Differentiable; equal greatest elements share the gradient.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.amax`
///
/// # Examples
/// ```python
/// >>> cf.amax(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=0)
/// tensor([3., 4.])
/// ```
pub fn amax(input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    extreme("amax", Reduce::Max, input, dim, keepdim)
}

/// Least elements along dimensions.
///
/// NaN wins. Differentiable; equal least elements share the gradient.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.amin`
///
/// # Examples
/// ```python
/// >>> cf.amin(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=0)
/// tensor([1., 2.])
/// ```
pub fn amin(input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    extreme("amin", Reduce::Min, input, dim, keepdim)
}

fn extreme(name: &'static str, op: Reduce, input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    let reduced = Reduced::new(input, dim)?;
    reduced.refuse_empty(name)?;
    let value = compute::reduce(op, &input.value(), &reduced.dims, keepdim)?;
    Tensor::record_with_output(name, value, [input], || {
        let saved = Saved::new(input);
        move |grad, context| {
            let x = saved.get()?;
            let best = reduced.restore(&context.output()?)?;
            let chosen = logical_or(&eq(x, &best)?, &logical_and(&isnan(x)?, &isnan(&best)?)?)?;
            let dim = reduced.dim();
            let count = if dim.is_empty() { chosen.clone() } else { sum(&chosen, Some(&dim), true, None)? };
            // Half precision cannot count far.
            let wide = x.dtype().wide();
            let share = div(&to_dtype(&reduced.restore(grad)?, wide)?, &to_dtype(&count, wide)?)?;
            Ok([Some(r#where(&chosen, &to_dtype(&share, x.dtype())?, &number(0.0))?)])
        }
    })
}

/// Greatest elements along one dimension, and their positions.
///
/// The first of equal ones is chosen and NaN wins. Positions are `int64`. The values are
/// differentiable; the chosen element gets the whole gradient.
///
/// # Defaults
/// keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.max` with a dimension
///
/// # Examples
/// ```python
/// >>> cf.max_dim(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), 1).indices
/// tensor([1, 0])
/// ```
pub fn max_dim(input: &Tensor, dim: i64, keepdim: bool) -> Result<ValuesAndIndices> {
    chosen_along("max", Select::ArgMax, input, dim, keepdim)
}

/// Least elements along one dimension, and their positions.
///
/// The first of equal ones is chosen and NaN wins. Positions are `int64`. The values are
/// differentiable; the chosen element gets the whole gradient.
///
/// # Defaults
/// keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.min` with a dimension
///
/// # Examples
/// ```python
/// >>> cf.min_dim(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), 1).indices
/// tensor([0, 1])
/// ```
pub fn min_dim(input: &Tensor, dim: i64, keepdim: bool) -> Result<ValuesAndIndices> {
    chosen_along("min", Select::ArgMin, input, dim, keepdim)
}

fn chosen_along(name: &'static str, op: Select, input: &Tensor, dim: i64, keepdim: bool) -> Result<ValuesAndIndices> {
    let reduced = Reduced::new(input, Some(&[dim]))?;
    reduced.refuse_empty(name)?;
    let (values, indices) = compute::argselect(op, &input.value(), &reduced.dims, keepdim)?;
    let indices = Tensor::from_value(indices);
    let values = Tensor::record(name, values, [input], || {
        let (saved, indices) = (Saved::new(input), Saved::new(&indices));
        move |grad, _| {
            // A scalar is its own extreme.
            let Some(&along) = reduced.dims.first() else { return Ok([Some(grad.clone())]) };
            let (grad, index) = (reduced.restore(grad)?, reduced.restore(indices.get()?)?);
            Ok([Some(scatter_add(&zeros_like(saved.get()?, None)?, along as i64, &index, &grad)?)])
        }
    })?;
    Ok(ValuesAndIndices { values, indices })
}

/// Position of the greatest element.
///
/// Without `dim`, the position in the flattened tensor. The first of equal ones is chosen and NaN wins;
/// the result is `int64`. Not differentiable.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.argmax`
///
/// # Examples
/// ```python
/// >>> cf.argmax(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
/// tensor([1, 0])
/// ```
pub fn argmax(input: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    position("argmax", Select::ArgMax, input, dim, keepdim)
}

/// Position of the least element.
///
/// Without `dim`, the position in the flattened tensor. The first of equal ones is chosen and NaN wins;
/// the result is `int64`. Not differentiable.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Shape` when there is nothing to choose from, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.argmin`
///
/// # Examples
/// ```python
/// >>> cf.argmin(cf.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
/// tensor([0, 1])
/// ```
pub fn argmin(input: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    position("argmin", Select::ArgMin, input, dim, keepdim)
}

fn position(name: &str, op: Select, input: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    let reduced = Reduced::new(input, dim.as_ref().map(std::slice::from_ref))?;
    reduced.refuse_empty(name)?;
    Ok(Tensor::from_value(compute::argselect(op, &input.value(), &reduced.dims, keepdim)?.1))
}

/// Whether all elements are different from zero.
///
/// The result is `bool`, for `uint8` it is `uint8`; all of no elements is true. Not differentiable.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.all`
///
/// # Examples
/// ```python
/// >>> cf.all(cf.tensor([[True, False], [True, True]]), dim=1)
/// tensor([False,  True])
/// ```
pub fn all(input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    truth(Reduce::All, input, dim, keepdim)
}

/// Whether any element is different from zero.
///
/// The result is `bool`, for `uint8` it is `uint8`; any of no elements is false. Not differentiable.
///
/// # Defaults
/// dim = None, keepdim = False
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.any`
///
/// # Examples
/// ```python
/// >>> cf.any(cf.tensor([[True, False], [False, False]]), dim=1)
/// tensor([ True, False])
/// ```
pub fn any(input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    truth(Reduce::Any, input, dim, keepdim)
}

fn truth(op: Reduce, input: &Tensor, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    let dims = shape::dims(dim, input.rank())?;
    let result = compute::reduce(op, &compute::cast(&input.value(), DType::Bool)?, &dims, keepdim)?;
    let dtype = if input.dtype() == DType::UInt8 { DType::UInt8 } else { DType::Bool };
    Ok(Tensor::from_value(compute::cast(&result, dtype)?))
}

/// Logarithm of the sum of the exponentials, without overflow.
///
/// Integers and bools become `float32`. Differentiable.
///
/// # Defaults
/// keepdim = False
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.logsumexp`
///
/// # Examples
/// ```python
/// >>> cf.logsumexp(cf.tensor([1000.0, 1000.0]), dim=0)
/// tensor(1000.6932)
/// ```
pub fn logsumexp(input: &Tensor, dim: &[i64], keepdim: bool) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return logsumexp(&cast.of(input)?, dim, keepdim);
    }
    let input = to_float(input)?;
    let reduced = Reduced::new(&input, Some(dim))?;
    if let &[along] = reduced.dims.as_slice() {
        let value = compute::logsumexp(&input.value(), along)?;
        let value = if keepdim { value.with_dims(&kept_dims(&reduced))? } else { value };
        return Tensor::record_with_output("logsumexp", value, [&input], || {
            let saved = Saved::new(&input);
            move |grad, context| {
                let share = exp(&sub(saved.get()?, &finite_or_zero(&reduced.restore(&context.output()?)?)?)?)?;
                Ok([Some(mul(&reduced.restore(grad)?, &share)?)])
            }
        });
    }
    if reduced.dims.is_empty() {
        return mul(&input, &number(1.0));
    }
    // Several dimensions: one after the other, since a sum of sums of exponentials is their sum.
    let mut result = input;
    for &along in reduced.dims.iter().rev() {
        result = logsumexp(&result, &[along as i64], true)?;
    }
    if keepdim {
        return Ok(result);
    }
    let left: Vec<i64> =
        (0..reduced.before.len()).filter(|at| !reduced.dims.contains(at)).map(|at| reduced.before[at] as i64).collect();
    reshape(&result, &left)
}

fn kept_dims(reduced: &Reduced) -> Dims {
    reduced.kept().iter().map(|&size| size as usize).collect()
}

/// Minus infinity minus itself would be NaN: rows of nothing but minus infinity get no gradient.
fn finite_or_zero(out: &Tensor) -> Result<Tensor> {
    r#where(&eq(out, &number(f64::NEG_INFINITY))?, &number(0.0), out)
}
