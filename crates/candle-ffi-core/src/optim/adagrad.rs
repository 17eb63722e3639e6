//! Adagrad.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Adagrad`], with PyTorch's names.
    AdagradOptions {
        /// The learning rate.
        lr: NonNegative = 1e-2,
        /// How fast the learning rate falls: it is `lr / (1 + (t - 1) · lr_decay)` in step `t`.
        lr_decay: NonNegative = 0.0,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// What the sum of squared gradients starts with.
        initial_accumulator_value: NonNegative = 0.0,
        /// What is added to the denominator.
        eps: NonNegative = 1e-10,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Steps by the gradient over the root of the sum of all squared ones. `torch.optim.Adagrad`.
///
/// With gradient `g`, `s += g²`; the update is `p -= lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)` in step `t`.
pub type Adagrad = Stepper<AdagradRule>;

/// The rule of [`Adagrad`].
pub enum AdagradRule {}

#[derive(Clone, Copy)]
struct Sum {
    pull: Pull,
    rate: f64,
    eps: f64,
}

impl Formula<1> for Sum {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [sum]: [Q; 1]) -> (Q, [Q; 1]) {
        let (x, g) = self.pull.apply(x, gradient);
        let sum = sum + g.clone() * g.clone();
        (x - g * Q::of(self.rate) / (sum.clone().sqrt() + Q::of(self.eps)), [sum])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_adagrad", 1, &[self.rate, self.eps]))
    }
}

impl Rule for AdagradRule {
    type Options = AdagradOptions;
    const NAME: &'static str = "Adagrad";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["sum"];
    const EAGER: bool = true;

    fn initial(options: &AdagradOptions, name: &str) -> f64 {
        if name == "sum" { options.initial_accumulator_value } else { 0.0 }
    }

    fn update(options: &AdagradOptions, target: &mut Target<'_>) -> Result<()> {
        let rate = options.lr / (1.0 + (target.count() - 1.0) * options.lr_decay);
        let pull = Pull::coupled(options.maximize, options.weight_decay);
        target.apply([0], Sum { pull, rate, eps: options.eps })
    }
}
