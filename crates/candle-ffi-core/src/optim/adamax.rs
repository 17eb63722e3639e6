//! Adamax.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Adamax`], with PyTorch's names; its `betas` are `beta1` and `beta2`.
    AdamaxOptions {
        /// The learning rate.
        lr: NonNegative = 2e-3,
        /// How much of the average of gradients remains.
        beta1: BelowOne = 0.9,
        /// How much of the largest gradient remains.
        beta2: BelowOne = 0.999,
        /// What is added to the magnitude of the gradient.
        eps: NonNegative = 1e-8,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Adam with the largest gradient in place of the average squared one. `torch.optim.Adamax`.
///
/// With gradient `g`, `m += (1 - beta1) (g - m)` and `u = max(beta2 · u, |g| + eps)`; the update is
/// `p -= lr / (1 - beta1ᵗ) · m / u` in step `t`.
pub type Adamax = Stepper<AdamaxRule>;

/// The rule of [`Adamax`].
pub enum AdamaxRule {}

#[derive(Clone, Copy)]
struct Largest {
    pull: Pull,
    beta1: f64,
    beta2: f64,
    eps: f64,
    rate: f64,
}

impl Formula<2> for Largest {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [m, u]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let m = average(m, g.clone(), 1.0 - self.beta1);
        let u = (u * Q::of(self.beta2)).maximum(g.abs() + Q::of(self.eps));
        (x - m.clone() * Q::of(self.rate) / u.clone(), [m, u])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_adamax", 2, &[self.beta1, self.beta2, self.eps, self.rate]))
    }
}

impl Rule for AdamaxRule {
    type Options = AdamaxOptions;
    const NAME: &'static str = "Adamax";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_inf"];

    fn update(options: &AdamaxOptions, target: &mut Target<'_>) -> Result<()> {
        let &AdamaxOptions { lr, beta1, beta2, eps, weight_decay, maximize } = options;
        let rate = lr / (1.0 - beta1.powf(target.count()));
        target.apply([0, 1], Largest { pull: Pull::coupled(maximize, weight_decay), beta1, beta2, eps, rate })
    }
}
