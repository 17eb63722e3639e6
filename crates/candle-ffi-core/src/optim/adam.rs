//! Adam, and with the decay of weights on its own AdamW.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average, average_square};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Adam`], with PyTorch's names; its `betas` are `beta1` and `beta2`.
    AdamOptions {
        /// The learning rate.
        lr: NonNegative = 1e-3,
        /// How much of the average of gradients remains.
        beta1: BelowOne = 0.9,
        /// How much of the average of squared gradients remains.
        beta2: BelowOne = 0.999,
        /// What is added to the denominator.
        eps: NonNegative = 1e-8,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// Divide by the largest average of squares so far.
        amsgrad: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
        /// Let the weights decay on their own, as AdamW does.
        decoupled_weight_decay: Switch = false,
    }
}

options! {
    /// The options of [`Adamw`], with PyTorch's names; its `betas` are `beta1` and `beta2`.
    AdamwOptions {
        /// The learning rate.
        lr: NonNegative = 1e-3,
        /// How much of the average of gradients remains.
        beta1: BelowOne = 0.9,
        /// How much of the average of squared gradients remains.
        beta2: BelowOne = 0.999,
        /// What is added to the denominator.
        eps: NonNegative = 1e-8,
        /// How fast the weights decay.
        weight_decay: NonNegative = 1e-2,
        /// Divide by the largest average of squares so far.
        amsgrad: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Adam: steps by the average gradient over the root of the average squared one. `torch.optim.Adam`.
///
/// With gradient `g`, `m += (1 - beta1) (g - m)` and `v = beta2 · v + (1 - beta2) g²`; the update is
/// `p -= lr · m̂ / (√v̂ + eps)`, where `m̂ = m / (1 - beta1ᵗ)` and `v̂ = v / (1 - beta2ᵗ)` in step `t`.
pub type Adam = Stepper<AdamRule>;

/// Adam with weights that decay on their own, `p -= lr · weight_decay · p`. `torch.optim.AdamW`.
pub type Adamw = Stepper<AdamwRule>;

/// The rule of [`Adam`].
pub enum AdamRule {}

/// The rule of [`Adamw`].
pub enum AdamwRule {}

const EXP_AVG: usize = 0;
const EXP_AVG_SQ: usize = 1;
const MAX_EXP_AVG_SQ: usize = 2;
const NUMBERS: &[&str] = &["step"];
const TENSORS: &[&str] = &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];

#[derive(Clone, Copy)]
struct Moments {
    pull: Pull,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// The learning rate over the correction of `m`.
    rate: f64,
    /// The root of the correction of `v`.
    root: f64,
}

impl Moments {
    fn constants(self) -> [f64; 5] {
        [self.beta1, self.beta2, self.eps, self.rate, self.root]
    }

    #[inline(always)]
    fn direction<Q: Quantity>(self, average: Q, square: Q) -> Q {
        average * Q::of(self.rate) / (square.sqrt() / Q::of(self.root) + Q::of(self.eps))
    }
}

impl Formula<2> for Moments {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m, v]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let m = average(m, g.clone(), 1.0 - self.beta1);
        let v = average_square(v, g, self.beta2);
        (x - self.direction(m.clone(), v.clone()), [m, v])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_adam", 2, &self.constants()))
    }
}

/// The same with the largest average of squares.
#[derive(Clone, Copy)]
struct Amsgrad(Moments);

impl Formula<3> for Amsgrad {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m, v, largest]: [Q; 3]) -> (Q, [Q; 3]) {
        let (x, g) = self.0.pull.apply(x, gradient);
        let m = average(m, g.clone(), 1.0 - self.0.beta1);
        let v = average_square(v, g, self.0.beta2);
        let largest = largest.maximum(v.clone());
        (x - self.0.direction(m.clone(), largest.clone()), [m, v, largest])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.0.pull.kernel("optim_amsgrad", 3, &self.0.constants()))
    }
}

impl Rule for AdamRule {
    type Options = AdamOptions;
    const NAME: &'static str = "Adam";
    const NUMBERS: &'static [&'static str] = NUMBERS;
    const TENSORS: &'static [&'static str] = TENSORS;

    fn update(options: &AdamOptions, target: &mut Target<'_>) -> Result<()> {
        let &AdamOptions { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay } = options;
        let step = target.count();
        let formula = Moments {
            pull: Pull::new(maximize, lr, weight_decay, decoupled_weight_decay),
            beta1,
            beta2,
            eps,
            rate: lr / (1.0 - beta1.powf(step)),
            root: (1.0 - beta2.powf(step)).sqrt(),
        };
        if amsgrad {
            target.apply([EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ], Amsgrad(formula))
        } else {
            target.apply([EXP_AVG, EXP_AVG_SQ], formula)
        }
    }
}

impl Rule for AdamwRule {
    type Options = AdamwOptions;
    const NAME: &'static str = "AdamW";
    const NUMBERS: &'static [&'static str] = NUMBERS;
    const TENSORS: &'static [&'static str] = TENSORS;

    fn update(options: &AdamwOptions, target: &mut Target<'_>) -> Result<()> {
        let &AdamwOptions { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize } = options;
        let decoupled_weight_decay = true;
        let options = AdamOptions { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay };
        AdamRule::update(&options, target)
    }
}
