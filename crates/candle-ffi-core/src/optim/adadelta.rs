//! Adadelta.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average_square};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Adadelta`], with PyTorch's names.
    AdadeltaOptions {
        /// The factor of the step.
        lr: NonNegative = 1.0,
        /// How much of the averages of squares remains.
        rho: UpToOne = 0.9,
        /// What is added to the averages.
        eps: NonNegative = 1e-6,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Steps as large as past steps were for gradients as large. `torch.optim.Adadelta`.
///
/// With gradient `g`, `v = rho · v + (1 - rho) g²` and `d = g · √(u + eps) / √(v + eps)`; then
/// `u = rho · u + (1 - rho) d²` and `p -= lr · d`.
pub type Adadelta = Stepper<AdadeltaRule>;

/// The rule of [`Adadelta`].
pub enum AdadeltaRule {}

#[derive(Clone, Copy)]
struct Deltas {
    pull: Pull,
    lr: f64,
    rho: f64,
    eps: f64,
}

impl Formula<2> for Deltas {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [square, deltas]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let square = average_square(square, g.clone(), self.rho);
        let root = |value: Q| (value + Q::of(self.eps)).sqrt();
        let delta = root(deltas.clone()) / root(square.clone()) * g;
        let deltas = average_square(deltas, delta.clone(), self.rho);
        (x - delta * Q::of(self.lr), [square, deltas])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_adadelta", 2, &[self.lr, self.rho, self.eps]))
    }
}

impl Rule for AdadeltaRule {
    type Options = AdadeltaOptions;
    const NAME: &'static str = "Adadelta";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["square_avg", "acc_delta"];

    fn update(options: &AdadeltaOptions, target: &mut Target<'_>) -> Result<()> {
        let &AdadeltaOptions { lr, rho, eps, weight_decay, maximize } = options;
        target.count();
        target.apply([0, 1], Deltas { pull: Pull::coupled(maximize, weight_decay), lr, rho, eps })
    }
}
