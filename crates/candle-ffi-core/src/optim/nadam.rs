//! NAdam.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, as_kept, average, average_square};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Nadam`], with PyTorch's names; its `betas` are `beta1` and `beta2`.
    NadamOptions {
        /// The learning rate.
        lr: NonNegative = 2e-3,
        /// How much of the average of gradients remains.
        beta1: BelowOne = 0.9,
        /// How much of the average of squared gradients remains.
        beta2: BelowOne = 0.999,
        /// What is added to the denominator.
        eps: NonNegative = 1e-8,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// How fast the momentum rises to `beta1`.
        momentum_decay: NonNegative = 4e-3,
        /// Let the weights decay on their own, as AdamW does.
        decoupled_weight_decay: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Adam with Nesterov's momentum. `torch.optim.NAdam`.
///
/// With `μₜ = beta1 (1 - ½ · 0.96^(t · momentum_decay))` and the averages `m` and `v` of Adam, the update is
/// `p -= lr · ((1 - μₜ) g / (1 - ∏μ) + μₜ₊₁ m / (1 - ∏μ · μₜ₊₁)) / (√v̂ + eps)`.
pub type Nadam = Stepper<NadamRule>;

/// The rule of [`Nadam`].
pub enum NadamRule {}

const MU_PRODUCT: usize = 1;

#[derive(Clone, Copy)]
struct Nesterov {
    pull: Pull,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// The correction of `v`.
    correction: f64,
    of_gradient: f64,
    of_average: f64,
}

impl Formula<2> for Nesterov {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m, v]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let m = average(m, g.clone(), 1.0 - self.beta1);
        let v = average_square(v, g.clone(), self.beta2);
        let below = (v.clone() / Q::of(self.correction)).sqrt() + Q::of(self.eps);
        let x = x - g * Q::of(self.of_gradient) / below.clone();
        (x - m.clone() * Q::of(self.of_average) / below, [m, v])
    }

    fn kernel(self) -> Option<Kernel> {
        let Self { pull, beta1, beta2, eps, correction, of_gradient, of_average } = self;
        Some(pull.kernel("optim_nadam", 2, &[beta1, beta2, eps, correction, of_gradient, of_average]))
    }
}

impl Rule for NadamRule {
    type Options = NadamOptions;
    const NAME: &'static str = "NAdam";
    const NUMBERS: &'static [&'static str] = &["step", "mu_product"];
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn initial(_: &NadamOptions, name: &str) -> f64 {
        if name == "mu_product" { 1.0 } else { 0.0 }
    }

    fn update(options: &NadamOptions, target: &mut Target<'_>) -> Result<()> {
        let &NadamOptions { lr, beta1, beta2, eps, weight_decay, momentum_decay, .. } = options;
        let step = target.count();
        let momentum = |step: f64| beta1 * (1.0 - 0.5 * 0.96f64.powf(step * momentum_decay));
        let (now, next) = (momentum(step), momentum(step + 1.0));
        // The product is taken in the type in which it is kept.
        let product = as_kept(target.number(MU_PRODUCT) * as_kept(now));
        target.set_number(MU_PRODUCT, product);
        let formula = Nesterov {
            pull: Pull::new(options.maximize, lr, weight_decay, options.decoupled_weight_decay),
            beta1,
            beta2,
            eps,
            correction: 1.0 - beta2.powf(step),
            of_gradient: lr * (1.0 - now) / (1.0 - product),
            of_average: lr * next / (1.0 - product * next),
        };
        target.apply([0, 1], formula)
    }
}
