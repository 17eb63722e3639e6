//! Formulas over whole tensors: the step of a parameter that no kernel reaches, made of operations.

use crate::{DType, Result, Tensor, ops};
use candle_ffi_kernels::optim::{Formula, Quantity};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A tensor in a formula; the first failure is kept.
#[derive(Clone)]
struct Whole(Result<Tensor>);

impl Whole {
    fn unary(self, operation: impl FnOnce(&Tensor) -> Result<Tensor>) -> Self {
        Self(self.0.and_then(|x| operation(&x)))
    }

    fn binary(self, other: Self, operation: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>) -> Self {
        Self(self.0.and_then(|x| operation(&x, &other.0?)))
    }
}

impl Add for Whole {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.binary(other, ops::add)
    }
}

impl Sub for Whole {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.binary(other, ops::sub)
    }
}

impl Mul for Whole {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.binary(other, ops::mul)
    }
}

impl Div for Whole {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.binary(other, ops::div)
    }
}

impl Neg for Whole {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(ops::neg)
    }
}

impl Quantity for Whole {
    fn of(value: f64) -> Self {
        Self(Ok(ops::common::number(value)))
    }
    fn sqrt(self) -> Self {
        self.unary(ops::sqrt)
    }
    fn abs(self) -> Self {
        self.unary(ops::abs)
    }
    fn maximum(self, other: Self) -> Self {
        self.binary(other, ops::maximum)
    }
    fn minimum(self, other: Self) -> Self {
        self.binary(other, ops::minimum)
    }
    fn by_sign(self, negative: Self, zero: Self, positive: Self) -> Self {
        self.unary(|x| {
            // Numbers would agree on the default dtype among themselves.
            let like = |choice: Self| match choice.0? {
                number if number.is_wrapped_number() => ops::full(&[], number.to_number()?, x.dtype(), x.device()),
                tensor => Ok(tensor),
            };
            let nothing = ops::common::number(0.0);
            let not_negative = ops::r#where(&ops::gt(x, &nothing)?, &like(positive)?, &like(zero)?)?;
            ops::r#where(&ops::lt(x, &nothing)?, &like(negative)?, &not_negative)
        })
    }
}

/// The step of a formula, made of operations. Recording is off.
pub(super) fn step<const N: usize>(
    param: &Tensor,
    grad: &Tensor,
    memory: [&Tensor; N],
    formula: impl Formula<N>,
) -> Result<()> {
    // As in the kernels, the shorter types are computed in float32.
    let wide = |tensor: &Tensor| {
        let short = matches!(tensor.dtype(), DType::Float16 | DType::BFloat16);
        Whole(if short { ops::to_dtype(tensor, DType::Float32) } else { Ok(tensor.clone()) })
    };
    let (next, remembered) = formula.step(wide(param), wide(grad), memory.map(wide));
    // Everything is computed before anything is changed: the gradient may share the parameter's memory.
    let next = next.0?;
    for (memory, remembered) in memory.into_iter().zip(remembered) {
        ops::copy_(memory, &remembered.0?)?;
    }
    ops::copy_(param, &next)
}
