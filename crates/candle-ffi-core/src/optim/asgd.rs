//! Averaged stochastic gradient descent.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Asgd`], with PyTorch's names.
    AsgdOptions {
        /// The learning rate.
        lr: NonNegative = 1e-2,
        /// How fast the weights decay and the rate falls.
        lambd: NonNegative = 1e-4,
        /// The power of the fall of the rate.
        alpha: NonNegative = 0.75,
        /// The step from which on the parameters are averaged.
        t0: Any = 1e6,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Gradient descent that averages its parameters. `torch.optim.ASGD`.
///
/// `p = (1 - lambd · η) p - η g` with `η = lr / (1 + lambd · lr · t)^alpha`, and `ax += μ (p - ax)` with
/// `μ = 1 / max(1, t - t0)`.
pub type Asgd = Stepper<AsgdRule>;

/// The rule of [`Asgd`].
pub enum AsgdRule {}

const ETA: usize = 1;
const MU: usize = 2;

#[derive(Clone, Copy)]
struct Averaged {
    pull: Pull,
    lambd: f64,
    eta: f64,
    mu: f64,
}

impl Formula<1> for Averaged {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [mean]: [Q; 1]) -> (Q, [Q; 1]) {
        let (x, g) = self.pull.apply(x, gradient);
        let x = x * Q::of(1.0 - self.lambd * self.eta) - g * Q::of(self.eta);
        let mean = if self.mu == 1.0 { x.clone() } else { average(mean, x.clone(), self.mu) };
        (x, [mean])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_asgd", 1, &[self.lambd, self.eta, self.mu]))
    }
}

impl Rule for AsgdRule {
    type Options = AsgdOptions;
    const NAME: &'static str = "ASGD";
    const NUMBERS: &'static [&'static str] = &["step", "eta", "mu"];
    const TENSORS: &'static [&'static str] = &["ax"];

    fn initial(options: &AsgdOptions, name: &str) -> f64 {
        match name {
            "eta" => options.lr,
            "mu" => 1.0,
            _ => 0.0,
        }
    }

    fn update(options: &AsgdOptions, target: &mut Target<'_>) -> Result<()> {
        let &AsgdOptions { lr, lambd, alpha, t0, weight_decay, maximize } = options;
        let step = target.count();
        let (eta, mu) = (target.number(ETA), target.number(MU));
        target.apply([0], Averaged { pull: Pull::coupled(maximize, weight_decay), lambd, eta, mu })?;
        target.set_number(ETA, lr / (1.0 + lambd * lr * step).powf(alpha));
        target.set_number(MU, 1.0 / (step - t0).max(1.0));
        Ok(())
    }
}
