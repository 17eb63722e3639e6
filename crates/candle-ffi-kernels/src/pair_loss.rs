//! Losses of two arrays, element by element, and their gradients, in one pass each. Compiled for `f32` and `f64` alone;
//! smaller types are converted by the caller.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, build};
use crate::simd::{self, Kernel};

/// A loss of an input x and a target t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PairLoss {
    /// |x - t|
    Absolute,
    /// (x - t)² / (2 beta) within beta, else |x - t| - beta / 2
    SmoothL1 {
        /// Where the parabola ends.
        beta: f64,
    },
    /// (x - t)² / 2 within delta, else delta (|x - t| - delta / 2)
    Huber {
        /// Where the parabola ends.
        delta: f64,
    },
    /// -(t ln x + (1 - t) ln(1 - x)), each logarithm at least -100
    BinaryCrossEntropy,
    /// The same with x the logit of the probability
    BinaryCrossEntropyWithLogits,
    /// ln(1 + exp(-t x))
    SoftMargin,
    /// t (ln t - x)
    KlDivergence,
    /// exp(t) (t - x)
    KlDivergenceOfLogs,
}

/// Which operand a gradient is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The input.
    Input,
    /// The target.
    Target,
}

/// The gradient of the losses: one for each, or the same for all.
#[derive(Clone, Copy, Debug)]
pub enum Upstream<'a, C> {
    /// The same for all.
    Same(C),
    /// One for each.
    Each(&'a [C]),
}

/// What the variance x (1 - x) of a probability is taken for at least, in `f32` for every type, as in PyTorch.
pub const LEAST_VARIANCE: f32 = 1e-12;

trait Function<C>: Copy + Send + Sync {
    fn value<const FMA: bool>(self, x: C, t: C) -> C;
    fn input_slope<const FMA: bool>(self, x: C, t: C) -> C;
    fn target_slope<const FMA: bool>(self, x: C, t: C) -> C;
}

macro_rules! functions {
    ($($name:ident { $($field:ident),* }: |$x:ident, $t:ident| $value:expr, $input:expr, $target:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $name<C> {
                $($field: C,)*
                _type: std::marker::PhantomData<C>,
            }

            impl<C: Compute> Function<C> for $name<C> {
                #[inline(always)]
                fn value<const FMA: bool>(self, $x: C, $t: C) -> C {
                    $(let $field = self.$field;)*
                    let _ = ($x, $t);
                    $value
                }
                #[inline(always)]
                fn input_slope<const FMA: bool>(self, $x: C, $t: C) -> C {
                    $(let $field = self.$field;)*
                    let _ = ($x, $t);
                    $input
                }
                #[inline(always)]
                fn target_slope<const FMA: bool>(self, $x: C, $t: C) -> C {
                    $(let $field = self.$field;)*
                    let _ = ($x, $t);
                    $target
                }
            }
        )*
    };
}

#[inline(always)]
fn sign<C: Compute>(x: C) -> C {
    let below = if x < C::ZERO { -C::ONE } else { x };
    if x > C::ZERO { C::ONE } else { below }
}

/// x limited to `-bound..=bound`; NaN stays.
#[inline(always)]
fn limited<C: Compute>(x: C, bound: C) -> C {
    let x = if x < -bound { -bound } else { x };
    if x > bound { bound } else { x }
}

#[inline(always)]
fn at_least<C: Compute>(x: C, least: C) -> C {
    if x < least { least } else { x }
}

/// ln(1 + exp(x)) without overflow.
#[inline(always)]
fn softplus<C: Compute, const FMA: bool>(x: C) -> C {
    at_least(x, C::ZERO) + (-x.abs()).exp::<FMA>().log1p::<FMA>()
}

functions! {
    Absolute {}: |x, t| (x - t).abs(), sign(x - t), sign(t - x);
    SmoothL1 { beta }:
        |x, t| {
            let distance = (x - t).abs();
            if distance < beta { C::HALF * distance * distance / beta } else { distance - C::HALF * beta }
        },
        limited(x - t, beta) / beta,
        limited(t - x, beta) / beta;
    Huber { delta }:
        |x, t| {
            let distance = (x - t).abs();
            if distance <= delta { C::HALF * distance * distance } else { delta * (distance - C::HALF * delta) }
        },
        limited(x - t, delta),
        limited(t - x, delta);
    BinaryCrossEntropy {}:
        |x, t| {
            let floor = C::of(-100.0);
            let (log, log_other) = (at_least(x.log::<FMA>(), floor), at_least((-x).log1p::<FMA>(), floor));
            (t - C::ONE) * log_other - t * log
        },
        (x - t) / at_least((C::ONE - x) * x, C::of(f64::from(LEAST_VARIANCE))),
        (C::ONE - x).log::<FMA>() - x.log::<FMA>();
    BinaryCrossEntropyWithLogits {}:
        |x, t| (C::ONE - t) * x + softplus::<C, FMA>(-x),
        x.sigmoid::<FMA>() - t,
        -x;
    SoftMargin {}:
        |x, t| softplus::<C, FMA>(-t * x),
        -t * (-t * x).sigmoid::<FMA>(),
        -x * (-t * x).sigmoid::<FMA>();
    KlDivergence {}:
        |x, t| {
            let entropy = if t == C::ZERO { C::ZERO } else { t * t.log::<FMA>() };
            entropy - t * x
        },
        -t,
        t.log::<FMA>() + C::ONE - x;
    KlDivergenceOfLogs {}:
        |x, t| t.exp::<FMA>() * (t - x),
        -t.exp::<FMA>(),
        t.exp::<FMA>() * (t - x + C::ONE);
}

trait Visitor<C> {
    fn visit(self, function: impl Function<C>) -> Vec<C>;
}

fn visit<C: Compute>(loss: PairLoss, visitor: impl Visitor<C>) -> Vec<C> {
    let _type = std::marker::PhantomData;
    match loss {
        PairLoss::Absolute => visitor.visit(Absolute { _type }),
        PairLoss::SmoothL1 { beta } => visitor.visit(SmoothL1 { beta: C::of(beta), _type }),
        PairLoss::Huber { delta } => visitor.visit(Huber { delta: C::of(delta), _type }),
        PairLoss::BinaryCrossEntropy => visitor.visit(BinaryCrossEntropy { _type }),
        PairLoss::BinaryCrossEntropyWithLogits => visitor.visit(BinaryCrossEntropyWithLogits { _type }),
        PairLoss::SoftMargin => visitor.visit(SoftMargin { _type }),
        PairLoss::KlDivergence => visitor.visit(KlDivergence { _type }),
        PairLoss::KlDivergenceOfLogs => visitor.visit(KlDivergenceOfLogs { _type }),
    }
}

struct Values<'a, C, F> {
    x: &'a [C],
    t: &'a [C],
    out: &'a mut [MaybeUninit<C>],
    function: F,
}

impl<C: Compute, F: Function<C>> Kernel for Values<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for ((cell, x), t) in self.out.iter_mut().zip(self.x).zip(self.t) {
            cell.write(self.function.value::<FMA>(*x, *t));
        }
    }
}

struct Slopes<'a, C, F> {
    x: &'a [C],
    t: &'a [C],
    upstream: Upstream<'a, C>,
    side: Side,
    out: &'a mut [MaybeUninit<C>],
    function: F,
}

impl<C: Compute, F: Function<C>> Kernel for Slopes<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Slopes { x, t, upstream, side, out, function } = self;
        match (side, upstream) {
            (Side::Input, Upstream::Same(grad)) => {
                for ((cell, x), t) in out.iter_mut().zip(x).zip(t) {
                    cell.write(grad * function.input_slope::<FMA>(*x, *t));
                }
            }
            (Side::Input, Upstream::Each(grads)) => {
                for (((cell, x), t), grad) in out.iter_mut().zip(x).zip(t).zip(grads) {
                    cell.write(*grad * function.input_slope::<FMA>(*x, *t));
                }
            }
            (Side::Target, upstream) => {
                for (i, ((cell, x), t)) in out.iter_mut().zip(x).zip(t).enumerate() {
                    let grad = match upstream {
                        Upstream::Same(grad) => grad,
                        Upstream::Each(grads) => grads[i],
                    };
                    cell.write(grad * function.target_slope::<FMA>(*x, *t));
                }
            }
        }
    }
}

struct Forward<'a, C>(&'a [C], &'a [C]);

impl<C: Compute> Visitor<C> for Forward<'_, C> {
    fn visit(self, function: impl Function<C>) -> Vec<C> {
        // SAFETY: the loop writes every element, as the slices have one length.
        unsafe {
            build(self.0.len(), GRAIN_MATH, |start, out| {
                let range = start..start + out.len();
                simd::run(Values { x: &self.0[range.clone()], t: &self.1[range], out, function });
            })
        }
    }
}

struct Backward<'a, C> {
    x: &'a [C],
    t: &'a [C],
    upstream: Upstream<'a, C>,
    side: Side,
}

impl<C: Compute> Visitor<C> for Backward<'_, C> {
    fn visit(self, function: impl Function<C>) -> Vec<C> {
        let Backward { x, t, upstream, side } = self;
        // SAFETY: the loop writes every element, as the slices have one length.
        unsafe {
            build(x.len(), GRAIN_MATH, |start, out| {
                let range = start..start + out.len();
                let upstream = match upstream {
                    Upstream::Same(grad) => Upstream::Same(grad),
                    Upstream::Each(grads) => Upstream::Each(&grads[range.clone()]),
                };
                simd::run(Slopes { x: &x[range.clone()], t: &t[range], upstream, side, out, function });
            })
        }
    }
}

/// The loss of each pair of elements.
pub fn pair_loss<C: Compute>(loss: PairLoss, input: &[C], target: &[C]) -> Vec<C> {
    let _span = profile::kernel("pair_loss");
    assert_eq!(input.len(), target.len(), "input and target differ in length");
    visit(loss, Forward(input, target))
}

/// The gradient of one operand, from both and the gradient of the losses.
pub fn pair_loss_grad<C: Compute>(
    loss: PairLoss,
    side: Side,
    input: &[C],
    target: &[C],
    upstream: Upstream<'_, C>,
) -> Vec<C> {
    let _span = profile::kernel("pair_loss_grad");
    assert_eq!(input.len(), target.len(), "input and target differ in length");
    if let Upstream::Each(grads) = upstream {
        assert_eq!(input.len(), grads.len(), "input and gradient differ in length");
    }
    visit(loss, Backward { x: input, t: target, upstream, side })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_equal_differences() {
        let x: Vec<f64> = (0..97).map(|i| f64::from(i) * 0.0097 + 0.0301).collect();
        let t: Vec<f64> = (0..97).map(|i| f64::from((i * 37) % 97) * 0.0093 + 0.0402).collect();
        let each: Vec<f64> = (0..97).map(|i| f64::from(i % 5) - 1.5).collect();
        let step = 1e-6;
        let moved = |values: &[f64], by: f64| values.iter().map(|x| x + by).collect::<Vec<_>>();
        for loss in [
            PairLoss::Absolute,
            PairLoss::SmoothL1 { beta: 0.21 },
            PairLoss::Huber { delta: 0.21 },
            PairLoss::BinaryCrossEntropy,
            PairLoss::BinaryCrossEntropyWithLogits,
            PairLoss::SoftMargin,
            PairLoss::KlDivergence,
            PairLoss::KlDivergenceOfLogs,
        ] {
            let of = |side, by: f64| match side {
                Side::Input => pair_loss(loss, &moved(&x, by), &t),
                Side::Target => pair_loss(loss, &x, &moved(&t, by)),
            };
            for side in [Side::Input, Side::Target] {
                let (above, below) = (of(side, step), of(side, -step));
                let found = pair_loss_grad(loss, side, &x, &t, Upstream::Each(&each));
                let same = pair_loss_grad(loss, side, &x, &t, Upstream::Same(2.0));
                for i in 0..x.len() {
                    let expected = (above[i] - below[i]) / (2.0 * step);
                    assert!((found[i] - each[i] * expected).abs() < 1e-5, "{loss:?} {side:?} {i}");
                    assert!((same[i] - 2.0 * expected).abs() < 1e-5, "{loss:?} {side:?} {i}");
                }
            }
        }
    }

    #[test]
    fn certain_probabilities_are_limited() {
        let loss = pair_loss(PairLoss::BinaryCrossEntropy, &[0.0f32, 1.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(loss, [100.0, 100.0, 0.0, 0.0]);
        let loss = pair_loss(PairLoss::BinaryCrossEntropyWithLogits, &[200.0f32, -200.0], &[0.0, 1.0]);
        assert_eq!(loss, [200.0, 200.0]);
        assert_eq!(pair_loss(PairLoss::KlDivergence, &[-1.0f32], &[0.0]), [0.0]);
        assert!(pair_loss::<f64>(PairLoss::Absolute, &[], &[]).is_empty());
    }
}
