//! Activation functions with parameters, and their gradients, in one pass each. Compiled for `f32` and `f64` alone;
//! smaller types are converted by the caller.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, build};
use crate::simd::{self, Kernel};

/// An activation function with its parameters. All gradients are written in terms of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x where positive, else slope · x
    LeakyRelu {
        /// The slope below zero.
        slope: f64,
    },
    /// scale · x where positive, else scale · alpha · (exp(steepness · x) - 1)
    Elu {
        /// The limit below zero.
        alpha: f64,
        /// A factor of the whole.
        scale: f64,
        /// A factor of negative inputs.
        steepness: f64,
    },
    /// x within `min..=max`, else the nearer bound
    Hardtanh {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// x above the threshold, else the value
    Threshold {
        /// The threshold.
        threshold: f64,
        /// What stands below it.
        value: f64,
    },
    /// ln(1 + exp(beta · x)) / beta; x where beta · x is above the threshold
    Softplus {
        /// The sharpness.
        beta: f64,
        /// Where the function is taken as the identity.
        threshold: f64,
    },
    /// ln(sigmoid(x))
    LogSigmoid,
    /// x · tanh(ln(1 + exp(x)))
    Mish,
    /// x / (1 + |x|)
    Softsign,
    /// x - tanh(x)
    Tanhshrink,
    /// x · min(max(x + 3, 0), 6) / 6
    Hardswish,
    /// min(max(x + 3, 0), 6) / 6
    Hardsigmoid,
    /// x where |x| is above lambda, else 0
    Hardshrink {
        /// The border.
        lambda: f64,
    },
    /// x moved toward zero by lambda, at most to zero
    Softshrink {
        /// By how much.
        lambda: f64,
    },
}

/// The slope of [`Activation::Hardsigmoid`]: a sixth, in `f32` for every type, as in PyTorch.
pub const HARDSIGMOID_SLOPE: f64 = (1.0f32 / 6.0) as f64;

/// One function with its parameters in the computing type.
trait Function<C>: Copy + Send + Sync {
    fn value<const FMA: bool>(self, x: C) -> C;
    /// The gradient that reaches the input.
    fn slope<const FMA: bool>(self, x: C, grad: C) -> C;
}

macro_rules! functions {
    ($($name:ident { $($field:ident),* }: |$x:ident| $value:expr, |$at:ident, $grad:ident| $slope:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $name<C> {
                $($field: C,)*
                _type: std::marker::PhantomData<C>,
            }

            impl<C: Compute> Function<C> for $name<C> {
                #[inline(always)]
                fn value<const FMA: bool>(self, $x: C) -> C {
                    $(let $field = self.$field; let _ = $field;)*
                    $value
                }
                #[inline(always)]
                fn slope<const FMA: bool>(self, $at: C, $grad: C) -> C {
                    $(let $field = self.$field; let _ = $field;)*
                    $slope
                }
            }
        )*
    };
}

/// ln(1 + exp(x)) without overflow.
#[inline(always)]
fn softplus<C: Compute, const FMA: bool>(x: C) -> C {
    let above = if x > C::ZERO { x } else { C::ZERO };
    // Also when x is NaN.
    above + (-x.abs()).exp::<FMA>().log1p::<FMA>()
}

functions! {
    LeakyRelu { slope }:
        |x| if x > C::ZERO { x } else { x * slope },
        |x, grad| if x > C::ZERO { grad } else { grad * slope };
    Elu { positive, negative, steepness }:
        |x| {
            let below = (x * steepness).expm1::<FMA>() * negative;
            if x <= C::ZERO { below } else { x * positive }
        },
        |x, grad| {
            let below = negative * steepness * (x * steepness).exp_flush::<FMA>();
            if x <= C::ZERO { grad * below } else { grad * positive }
        };
    Hardtanh { min, max }:
        |x| {
            let low = if x < min { min } else { x };
            if low > max { max } else { low }
        },
        |x, grad| if (x <= min) | (x >= max) { C::ZERO } else { grad };
    Threshold { threshold, value }:
        |x| if x <= threshold { value } else { x },
        |x, grad| if x <= threshold { C::ZERO } else { grad };
    Softplus { beta, threshold }:
        |x| {
            let scaled = x * beta;
            let curved = softplus::<C, FMA>(scaled) / beta;
            if scaled > threshold { x } else { curved }
        },
        |x, grad| {
            let scaled = x * beta;
            let curved = grad * scaled.sigmoid::<FMA>();
            if scaled > threshold { grad } else { curved }
        };
    LogSigmoid {}:
        |x| -softplus::<C, FMA>(-x),
        |x, grad| grad * (-x).sigmoid::<FMA>();
    Mish {}:
        |x| x * softplus::<C, FMA>(x).tanh::<FMA>(),
        |x, grad| {
            let gate = softplus::<C, FMA>(x).tanh::<FMA>();
            grad * (gate + x * x.sigmoid::<FMA>() * (C::ONE - gate * gate))
        };
    Softsign {}:
        |x| x / (C::ONE + x.abs()),
        |x, grad| {
            let below = C::ONE + x.abs();
            grad / (below * below)
        };
    Tanhshrink {}:
        |x| x - x.tanh::<FMA>(),
        |x, grad| {
            let tanh = x.tanh::<FMA>();
            grad * tanh * tanh
        };
    Hardswish {}:
        |x| x * clamp(x + C::of(3.0), C::of(6.0)) / C::of(6.0),
        |x, grad| {
            let between = grad * (x / C::of(3.0) + C::HALF);
            let above = if x < C::of(3.0) { between } else { grad };
            if x <= C::of(-3.0) { C::ZERO } else { above }
        };
    Hardsigmoid {}:
        |x| clamp(x + C::of(3.0), C::of(6.0)) / C::of(6.0),
        |x, grad| if (x > C::of(-3.0)) & (x < C::of(3.0)) { grad * C::of(HARDSIGMOID_SLOPE) } else { C::ZERO };
    Hardshrink { lambda }:
        |x| if (x >= -lambda) & (x <= lambda) { C::ZERO } else { x },
        |x, grad| if (x >= -lambda) & (x <= lambda) { C::ZERO } else { grad };
    Softshrink { lambda }:
        |x| {
            let below = if x < -lambda { x + lambda } else { x * C::ZERO };
            if x > lambda { x - lambda } else { below }
        },
        |x, grad| if (x >= -lambda) & (x <= lambda) { C::ZERO } else { grad };
}

/// x limited to `0..=high`; NaN stays.
#[inline(always)]
fn clamp<C: Compute>(x: C, high: C) -> C {
    let x = if x < C::ZERO { C::ZERO } else { x };
    if x > high { high } else { x }
}

/// Something to do with a function chosen at run time.
trait Visitor<C> {
    fn visit(self, function: impl Function<C>) -> Vec<C>;
}

fn visit<C: Compute>(op: Activation, visitor: impl Visitor<C>) -> Vec<C> {
    let (of, _type) = (C::of, std::marker::PhantomData);
    match op {
        Activation::LeakyRelu { slope } => visitor.visit(LeakyRelu { slope: of(slope), _type }),
        Activation::Elu { alpha, scale, steepness } => {
            visitor.visit(Elu { positive: of(scale), negative: of(alpha * scale), steepness: of(steepness), _type })
        }
        Activation::Hardtanh { min, max } => visitor.visit(Hardtanh { min: of(min), max: of(max), _type }),
        Activation::Threshold { threshold, value } => {
            visitor.visit(Threshold { threshold: of(threshold), value: of(value), _type })
        }
        Activation::Softplus { beta, threshold } => {
            visitor.visit(Softplus { beta: of(beta), threshold: of(threshold), _type })
        }
        Activation::LogSigmoid => visitor.visit(LogSigmoid { _type }),
        Activation::Mish => visitor.visit(Mish { _type }),
        Activation::Softsign => visitor.visit(Softsign { _type }),
        Activation::Tanhshrink => visitor.visit(Tanhshrink { _type }),
        Activation::Hardswish => visitor.visit(Hardswish { _type }),
        Activation::Hardsigmoid => visitor.visit(Hardsigmoid { _type }),
        Activation::Hardshrink { lambda } => visitor.visit(Hardshrink { lambda: of(lambda), _type }),
        Activation::Softshrink { lambda } => visitor.visit(Softshrink { lambda: of(lambda), _type }),
    }
}

struct Values<'a, C, F> {
    src: &'a [C],
    out: &'a mut [MaybeUninit<C>],
    function: F,
}

impl<C: Compute, F: Function<C>> Kernel for Values<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (cell, x) in self.out.iter_mut().zip(self.src) {
            cell.write(self.function.value::<FMA>(*x));
        }
    }
}

struct Slopes<'a, C, F> {
    src: &'a [C],
    grad: &'a [C],
    out: &'a mut [MaybeUninit<C>],
    function: F,
}

impl<C: Compute, F: Function<C>> Kernel for Slopes<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for ((cell, x), grad) in self.out.iter_mut().zip(self.src).zip(self.grad) {
            cell.write(self.function.slope::<FMA>(*x, *grad));
        }
    }
}

struct Forward<'a, C>(&'a [C]);

impl<C: Compute> Visitor<C> for Forward<'_, C> {
    fn visit(self, function: impl Function<C>) -> Vec<C> {
        // SAFETY: the loop writes every element.
        unsafe {
            build(self.0.len(), GRAIN_MATH, |start, out| {
                simd::run(Values { src: &self.0[start..start + out.len()], out, function });
            })
        }
    }
}

struct Backward<'a, C>(&'a [C], &'a [C]);

impl<C: Compute> Visitor<C> for Backward<'_, C> {
    fn visit(self, function: impl Function<C>) -> Vec<C> {
        // SAFETY: the loop writes every element, as the slices have one length.
        unsafe {
            build(self.0.len(), GRAIN_MATH, |start, out| {
                let range = start..start + out.len();
                simd::run(Slopes { src: &self.0[range.clone()], grad: &self.1[range], out, function });
            })
        }
    }
}

/// The function of each element.
pub fn activation<C: Compute>(op: Activation, src: &[C]) -> Vec<C> {
    let _span = profile::kernel("activation");
    visit(op, Forward(src))
}

/// The gradient of the input, from the input and the gradient of the output.
pub fn activation_grad<C: Compute>(op: Activation, src: &[C], grad: &[C]) -> Vec<C> {
    let _span = profile::kernel("activation_grad");
    assert_eq!(src.len(), grad.len(), "input and gradient differ in length");
    visit(op, Backward(src, grad))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 14] = [
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Elu { alpha: 1.5, scale: 1.0, steepness: 1.0 },
        Activation::Elu { alpha: 1.3, scale: 0.7, steepness: 0.6 },
        Activation::Hardtanh { min: -1.0, max: 2.0 },
        Activation::Threshold { threshold: 0.5, value: 7.0 },
        Activation::Softplus { beta: 2.0, threshold: 20.0 },
        Activation::LogSigmoid,
        Activation::Mish,
        Activation::Softsign,
        Activation::Tanhshrink,
        Activation::Hardswish,
        Activation::Hardsigmoid,
        Activation::Hardshrink { lambda: 0.5 },
        Activation::Softshrink { lambda: 0.5 },
    ];

    #[test]
    fn gradients_equal_differences() {
        // No multiple of this step is a kink of one of the functions.
        let x: Vec<f64> = (0..400).map(|i| f64::from(i) * 0.0237 - 4.731).collect();
        let step = 1e-6;
        let shifted = |by: f64| x.iter().map(|x| x + by).collect::<Vec<_>>();
        for op in ALL {
            let (above, below) = (activation(op, &shifted(step)), activation(op, &shifted(-step)));
            for (i, grad) in activation_grad(op, &x, &vec![2.0; x.len()]).iter().enumerate() {
                let expected = (above[i] - below[i]) / step;
                assert!((grad - expected).abs() < 1e-6, "{op:?} at {}: {grad} {expected}", x[i]);
            }
        }
    }

    #[test]
    fn both_types_agree_and_nan_stays() {
        let x: Vec<f64> = (0..300).map(|i| f64::from(i) * 0.3 - 45.0).collect();
        let narrow: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        for op in ALL {
            for ((wide, narrow), x) in activation(op, &x).iter().zip(activation(op, &narrow)).zip(&x) {
                assert!((wide - f64::from(narrow)).abs() <= 2e-6 * wide.abs() + 1e-6, "{op:?} at {x}: {wide} {narrow}");
            }
            assert!(activation(op, &[f32::NAN])[0].is_nan(), "{op:?}");
            assert!(activation::<f64>(op, &[]).is_empty() && activation_grad::<f64>(op, &[], &[]).is_empty());
        }
    }

    #[test]
    fn far_from_zero() {
        let inf = f32::INFINITY;
        let softplus = Activation::Softplus { beta: 1.0, threshold: 20.0 };
        assert_eq!(activation(softplus, &[-200.0f32, 200.0, inf, -inf]), [0.0, 200.0, inf, 0.0]);
        assert_eq!(activation(Activation::LogSigmoid, &[-200.0f32, 200.0, inf, -inf]), [-200.0, 0.0, 0.0, -inf]);
        assert_eq!(activation(Activation::Mish, &[-200.0f32, 200.0]), [0.0, 200.0]);
        let elu = Activation::Elu { alpha: 1.0, scale: 1.0, steepness: 1.0 };
        assert_eq!(activation(elu, &[-200.0f32, 200.0, inf, -inf]), [-1.0, 200.0, inf, -1.0]);
        assert_eq!(activation_grad(elu, &[200.0f32, -inf], &[3.0, 3.0]), [3.0, 0.0]);
    }
}
