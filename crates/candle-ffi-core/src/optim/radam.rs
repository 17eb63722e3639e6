//! RAdam.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average, average_square};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Radam`], with PyTorch's names; its `betas` are `beta1` and `beta2`.
    RadamOptions {
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
        /// Let the weights decay on their own, as AdamW does.
        decoupled_weight_decay: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Adam that trusts its average of squares only after some steps. `torch.optim.RAdam`.
///
/// With `ρ∞ = 2 / (1 - beta2) - 1` and `ρ = ρ∞ - 2 t beta2ᵗ / (1 - beta2ᵗ)`, the update is `p -= lr · m̂ · r / (√v̂ + …)`
/// with `r² = (ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ)` where `ρ > 5`, and `p -= lr · m̂` before.
pub type Radam = Stepper<RadamRule>;

/// The rule of [`Radam`].
pub enum RadamRule {}

#[derive(Clone, Copy)]
struct Rectified {
    pull: Pull,
    beta1: f64,
    beta2: f64,
    eps: f64,
    rate: f64,
    /// Whether the average of squares has a part.
    adaptive: bool,
}

impl Formula<2> for Rectified {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m, v]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let m = average(m, g.clone(), 1.0 - self.beta1);
        let v = average_square(v, g, self.beta2);
        let step = m.clone() * Q::of(self.rate);
        let step = if self.adaptive { step / (v.clone().sqrt() + Q::of(self.eps)) } else { step };
        (x - step, [m, v])
    }

    fn kernel(self) -> Option<Kernel> {
        let Self { pull, beta1, beta2, eps, rate, adaptive } = self;
        Some(pull.kernel("optim_radam", 2, &[beta1, beta2, eps, rate, f64::from(adaptive)]))
    }
}

impl Rule for RadamRule {
    type Options = RadamOptions;
    const NAME: &'static str = "RAdam";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn update(options: &RadamOptions, target: &mut Target<'_>) -> Result<()> {
        let &RadamOptions { lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize } = options;
        let step = target.count();
        let correction = 1.0 - beta2.powf(step);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * step * beta2.powf(step) / correction;
        let adaptive = length > 5.0;
        let factor = if adaptive {
            let above = (length - 4.0) * (length - 2.0) * longest;
            (above / ((longest - 4.0) * (longest - 2.0) * length)).sqrt() * correction.sqrt()
        } else {
            1.0
        };
        let rate = lr * factor / (1.0 - beta1.powf(step));
        let pull = Pull::new(maximize, lr, weight_decay, decoupled_weight_decay);
        target.apply([0, 1], Rectified { pull, beta1, beta2, eps, rate, adaptive })
    }
}
