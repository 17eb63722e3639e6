//! Resilient backpropagation.

use super::Stepper;
use super::options::options;
use super::rule::{Rule, Target};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Rprop`]; PyTorch's `etas` are `etaminus` and `etaplus`, its `step_sizes` `step_size_min` and
    /// `step_size_max`.
    RpropOptions {
        /// The size of the first step.
        lr: NonNegative = 1e-2,
        /// What a step is multiplied with where the gradient has turned.
        etaminus: Fraction = 0.5,
        /// What a step is multiplied with where it has not.
        etaplus: AboveOne = 1.2,
        /// The smallest step.
        step_size_min: Any = 1e-6,
        /// The largest step.
        step_size_max: Any = 50.0,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Steps in the direction of the gradient, whose sizes grow until it turns. `torch.optim.Rprop`.
pub type Rprop = Stepper<RpropRule>;

/// The rule of [`Rprop`].
pub enum RpropRule {}

#[derive(Clone, Copy)]
struct Resilient(RpropOptions);

impl Formula<2> for Resilient {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [before, size]: [Q; 2]) -> (Q, [Q; 2]) {
        let RpropOptions { etaminus, etaplus, step_size_min, step_size_max, maximize, .. } = self.0;
        let g = if maximize { -gradient } else { gradient };
        let turn = g.clone() * before;
        let size = size * turn.clone().by_sign(Q::of(etaminus), Q::of(1.0), Q::of(etaplus));
        let size = size.maximum(Q::of(step_size_min)).minimum(Q::of(step_size_max));
        // Where the gradient has turned there is no step.
        let g = turn.by_sign(Q::of(0.0), g.clone(), g);
        (x - g.clone().by_sign(-size.clone(), Q::of(0.0), size.clone()), [g, size])
    }

    fn kernel(self) -> Option<Kernel> {
        let RpropOptions { etaminus, etaplus, step_size_min, step_size_max, maximize, .. } = self.0;
        let constants = [f64::from(maximize), etaminus, etaplus, step_size_min, step_size_max];
        Some(Kernel::new("optim_rprop", 2, &constants))
    }
}

impl Rule for RpropRule {
    type Options = RpropOptions;
    const NAME: &'static str = "Rprop";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["prev", "step_size"];

    fn initial(options: &RpropOptions, name: &str) -> f64 {
        if name == "step_size" { options.lr } else { 0.0 }
    }

    fn update(options: &RpropOptions, target: &mut Target<'_>) -> Result<()> {
        target.count();
        target.apply([0, 1], Resilient(*options))
    }
}
