//! Norms of vectors.

use super::common::{number, refuse_bool};
use super::{
    abs, amax, amin, div, eq, isnan, logical_and, logical_or, mul, ne, pow, reshape, sign, sqrt, square, sum, to_dtype,
    r#where,
};
use crate::autograd::{GradMode, Saved};
use crate::{Error, Result, Tensor, autocast, shape};

/// Norm of the vectors along dimensions: `sum(|x|^p)^(1/p)`.
///
/// `None` or an empty list means all dimensions. With `p` infinite it is the greatest absolute value, with
/// minus infinity the least, with 0 the number of elements that are not zero. Differentiable; the gradient is
/// zero where the norm is zero.
///
/// # Defaults
/// p = 2.0, dim = None, keepdim = False
///
/// # Errors
/// `DType` for integers and bools, `Index` for a dimension out of range, `Shape` for no elements with an
/// infinite `p`.
///
/// # PyTorch
/// `torch.norm`, `torch.linalg.vector_norm`
///
/// # Examples
/// ```python
/// >>> cf.norm(cf.tensor([3.0, -4.0]))
/// tensor(5.)
/// ```
pub fn norm(input: &Tensor, p: f64, dim: Option<&[i64]>, keepdim: bool) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return norm(&cast.of(input)?, p, dim, keepdim);
    }
    refuse_bool(input, "a floating dtype")?;
    if !input.dtype().is_float() {
        return Err(Error::dtype(
            format!("norm needs a floating dtype, and got {}; convert with to(float32)", input.dtype()),
            &[input.dtype()],
        ));
    }
    let rank = input.rank();
    let over = super::common::sizes(&shape::dims(dim, rank)?);
    let kept = p_norm(input, p, &over)?;
    if keepdim {
        return Ok(kept);
    }
    let left = (0..rank as i64).filter(|at| !over.contains(at)).map(|at| kept.shape()[at as usize] as i64);
    reshape(&kept, &left.collect::<Vec<_>>())
}

/// The norm with its dimensions kept at size 1.
fn p_norm(input: &Tensor, p: f64, over: &[i64]) -> Result<Tensor> {
    let dtype = input.dtype();
    // Half precision is summed in float32.
    let wide = to_dtype(input, dtype.wide())?;
    let over = over.to_vec();
    let value = {
        let _mode = GradMode::new(false);
        let total = |x: &Tensor| if over.is_empty() { Ok(x.clone()) } else { sum(x, Some(&over), true, None) };
        if p == 2.0 {
            sqrt(&total(&square(&wide)?)?)?
        } else if p == 1.0 {
            total(&abs(&wide)?)?
        } else if p == 0.0 {
            total(&to_dtype(&ne(&wide, &number(0.0))?, wide.dtype())?)?
        } else if p == f64::INFINITY {
            if over.is_empty() { abs(&wide)? } else { amax(&abs(&wide)?, Some(&over), true)? }
        } else if p == f64::NEG_INFINITY {
            if over.is_empty() { abs(&wide)? } else { amin(&abs(&wide)?, Some(&over), true)? }
        } else {
            pow(&total(&pow(&abs(&wide)?, &number(p))?)?, &number(1.0 / p))?
        }
    };
    let result = Tensor::record_with_output("norm", value.value(), [&wide], || {
        let saved = Saved::new(&wide);
        move |grad, context| Ok([Some(slope(saved.get()?, &context.output()?, grad, p, &over)?)])
    })?;
    to_dtype(&result, dtype)
}

/// The gradient of the elements from the norm and its gradient, both with their dimensions kept.
fn slope(x: &Tensor, norm: &Tensor, grad: &Tensor, p: f64, over: &[i64]) -> Result<Tensor> {
    let zero = number(0.0);
    // A quotient that is zero where the divisor is, also in its own gradient.
    let quotient = |a: &Tensor, b: &Tensor| -> Result<Tensor> {
        let nothing = eq(b, &zero)?;
        r#where(&nothing, &zero, &div(a, &r#where(&nothing, &number(1.0), b)?)?)
    };
    if p == 0.0 {
        return mul(x, &zero);
    }
    if p == 1.0 {
        return mul(&sign(x)?, grad);
    }
    if p == 2.0 {
        return mul(x, &quotient(grad, norm)?);
    }
    if p.is_infinite() {
        let size = abs(x)?;
        let chosen = logical_or(&eq(&size, norm)?, &logical_and(&isnan(x)?, &isnan(norm)?)?)?;
        let count = if over.is_empty() { chosen.clone() } else { sum(&chosen, Some(over), true, None)? };
        let share = div(grad, &to_dtype(&count, grad.dtype())?)?;
        return mul(&sign(x)?, &r#where(&chosen, &share, &zero)?);
    }
    let nothing = eq(x, &zero)?;
    let size = abs(&r#where(&nothing, &number(1.0), x)?)?;
    let steep = r#where(&nothing, &zero, &pow(&size, &number(p - 1.0))?)?;
    mul(&mul(&sign(x)?, &steep)?, &quotient(grad, &pow(norm, &number(p - 1.0))?)?)
}
