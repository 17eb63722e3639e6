//! Lion.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Lion`]; its `betas` are `beta1` and `beta2`.
    LionOptions {
        /// The learning rate.
        lr: NonNegative = 1e-4,
        /// How much of the average of gradients enters the step.
        beta1: BelowOne = 0.9,
        /// How much of the average of gradients remains.
        beta2: BelowOne = 0.99,
        /// How fast the weights decay.
        weight_decay: NonNegative = 0.0,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Steps of one size, in the direction of the average gradient. Chen and others, "Symbolic Discovery of Optimization
/// Algorithms", 2023.
///
/// With gradient `g`, `p -= lr · (sign(beta1 · m + (1 - beta1) g) + weight_decay · p)` and then
/// `m = beta2 · m + (1 - beta2) g`.
pub type Lion = Stepper<LionRule>;

/// The rule of [`Lion`].
pub enum LionRule {}

#[derive(Clone, Copy)]
struct Signs {
    pull: Pull,
    lr: f64,
    beta1: f64,
    beta2: f64,
}

impl Formula<1> for Signs {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m]: [Q; 1]) -> (Q, [Q; 1]) {
        let (x, g) = self.pull.apply(x, gradient);
        let direction = m.clone() * Q::of(self.beta1) + g.clone() * Q::of(1.0 - self.beta1);
        let step = direction.by_sign(Q::of(-self.lr), Q::of(0.0), Q::of(self.lr));
        (x - step, [average(m, g, 1.0 - self.beta2)])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_lion", 1, &[self.lr, self.beta1, self.beta2]))
    }
}

impl Rule for LionRule {
    type Options = LionOptions;
    const NAME: &'static str = "Lion";
    const NUMBERS: &'static [&'static str] = &[];
    const TENSORS: &'static [&'static str] = &["exp_avg"];

    fn update(options: &LionOptions, target: &mut Target<'_>) -> Result<()> {
        let &LionOptions { lr, beta1, beta2, weight_decay, maximize } = options;
        target.apply([0], Signs { pull: Pull::decoupled(maximize, lr, weight_decay), lr, beta1, beta2 })
    }
}
