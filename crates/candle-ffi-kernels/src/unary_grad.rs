//! Gradients of elementwise functions that are worth one pass of their own.

use crate::profile;
use std::mem::MaybeUninit;

use crate::Float;
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, build};
use crate::simd::{self, Kernel};
use crate::unary::{GELU_CUBE, GELU_SCALE};

/// A function whose gradient is wanted. `Sigmoid`, `Tanh` and `Relu` are given their output, the others their input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryGrad {
    /// From the output y: y (1 - y)
    Sigmoid,
    /// From the output y: 1 - y²
    Tanh,
    /// From the output y: 1 where y > 0
    Relu,
    /// From the input
    Gelu,
    /// From the input
    GeluTanh,
    /// From the input
    Silu,
}

trait Rule: Copy + Send + Sync {
    /// The gradient that reaches the input.
    fn apply<C: Compute, const FMA: bool>(saved: C, grad: C) -> C;
}

macro_rules! rules {
    ($($name:ident: |$saved:ident, $grad:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $name;
            impl Rule for $name {
                #[inline(always)]
                fn apply<C: Compute, const FMA: bool>($saved: C, $grad: C) -> C {
                    $body
                }
            }
        )*
    };
}

rules! {
    Sigmoid: |y, grad| grad * (C::ONE - y) * y;
    Tanh: |y, grad| grad * (C::ONE - y * y);
    // A NaN output lets the gradient pass, as in PyTorch.
    Relu: |y, grad| if y <= C::ZERO { C::ZERO } else { grad };
    Gelu: |x, grad| {
        let cdf = C::HALF * (C::ONE + (x * C::of(std::f64::consts::FRAC_1_SQRT_2)).erf_near::<FMA>());
        // The density of the normal distribution: its factor is 1/√(2π).
        let pdf = C::of(0.398_942_280_401_432_7) * (-C::HALF * x * x).exp_flush::<FMA>();
        grad * (cdf + x * pdf)
    };
    GeluTanh: |x, grad| {
        // gelu = x s(u), u = 2 √(2/π) (x + c x³)
        let square = x * x;
        let u = C::of(2.0 * GELU_SCALE) * (x + C::of(GELU_CUBE) * square * x);
        let s = u.sigmoid::<FMA>();
        let slope = C::of(2.0 * GELU_SCALE) * (C::ONE + C::of(3.0 * GELU_CUBE) * square);
        grad * (s + x * slope * s * (C::ONE - s))
    };
    Silu: |x, grad| {
        let s = x.sigmoid::<FMA>();
        grad * s * (C::ONE + x * (C::ONE - s))
    };
}

struct Loop<'a, T, R> {
    saved: &'a [T],
    grad: &'a [T],
    out: &'a mut [MaybeUninit<T>],
    rule: R,
}

impl<T: Float, R: Rule> Kernel for Loop<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let _ = self.rule;
        for ((cell, saved), grad) in self.out.iter_mut().zip(self.saved).zip(self.grad) {
            cell.write(T::from_compute(R::apply::<T::Compute, FMA>(saved.to_compute(), grad.to_compute())));
        }
    }
}

fn apply<T: Float, R: Rule>(rule: R, saved: &[T], grad: &[T]) -> Vec<T> {
    assert_eq!(saved.len(), grad.len(), "saved values and gradient differ in length");
    // SAFETY: the loop writes every element, as the three slices have one length.
    unsafe {
        build(saved.len(), GRAIN_MATH, |start, out| {
            let range = start..start + out.len();
            simd::run(Loop { saved: &saved[range.clone()], grad: &grad[range], out, rule });
        })
    }
}

/// The gradient of the input, from the saved output or input and the gradient of the output.
pub fn unary_grad<T: Float>(op: UnaryGrad, saved: &[T], grad: &[T]) -> Vec<T> {
    let _span = profile::kernel("unary_grad");
    match op {
        UnaryGrad::Sigmoid => apply(Sigmoid, saved, grad),
        UnaryGrad::Tanh => apply(Tanh, saved, grad),
        UnaryGrad::Relu => apply(Relu, saved, grad),
        UnaryGrad::Gelu => apply(Gelu, saved, grad),
        UnaryGrad::GeluTanh => apply(GeluTanh, saved, grad),
        UnaryGrad::Silu => apply(Silu, saved, grad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unary::{Unary, unary};

    #[test]
    fn gradients_equal_differences() {
        let x: Vec<f64> = (0..400).map(|i| f64::from(i) * 0.02 - 4.01).collect();
        let step = 1e-6;
        let shifted = |by: f64| x.iter().map(|x| x + by).collect::<Vec<_>>();
        let grad = vec![2.0; x.len()];
        for (rule, op, from_output) in [
            (UnaryGrad::Sigmoid, Unary::Sigmoid, true),
            (UnaryGrad::Tanh, Unary::Tanh, true),
            (UnaryGrad::Relu, Unary::Relu, true),
            (UnaryGrad::Gelu, Unary::Gelu, false),
            (UnaryGrad::GeluTanh, Unary::GeluTanh, false),
            (UnaryGrad::Silu, Unary::Silu, false),
        ] {
            let saved = if from_output { unary(op, &x) } else { x.clone() };
            let (above, below) = (unary(op, &shifted(step)), unary(op, &shifted(-step)));
            for (i, g) in unary_grad(rule, &saved, &grad).iter().enumerate() {
                let expected = (above[i] - below[i]) / step;
                assert!((g - expected).abs() < 1e-7, "{op:?} at {}: {g} {expected}", x[i]);
            }
        }
    }

    #[test]
    fn kinks_and_nothing() {
        assert_eq!(unary_grad(UnaryGrad::Relu, &[0.0f32, 1.0], &[5.0, 6.0]), [0.0, 6.0]);
        assert!(unary_grad::<f32>(UnaryGrad::Tanh, &[], &[]).is_empty());
    }
}
