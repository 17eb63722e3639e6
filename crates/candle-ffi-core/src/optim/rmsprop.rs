//! RMSprop.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target, average, average_square};
use crate::Result;
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Rmsprop`], with PyTorch's names.
    RmspropOptions {
        /// The learning rate.
        lr: NonNegative = 1e-2,
        /// How much of the average of squared gradients remains.
        alpha: NonNegative = 0.99,
        /// What is added to the denominator.
        eps: NonNegative = 1e-8,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// How much of the last direction remains.
        momentum: NonNegative = 0.0,
        /// Divide by the deviation of the gradients from their average.
        centered: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Steps by the gradient over the root of the average squared one. `torch.optim.RMSprop`.
///
/// With gradient `g`, `v = alpha · v + (1 - alpha) g²`; the update is `p -= lr · g / (√v + eps)`. Centered, the square
/// of the average gradient is taken off `v` first; with momentum, `b = momentum · b + g / (√v + eps)` and `p -= lr · b`.
pub type Rmsprop = Stepper<RmspropRule>;

/// The rule of [`Rmsprop`].
pub enum RmspropRule {}

const SQUARE_AVG: usize = 0;
const MOMENTUM_BUFFER: usize = 1;
const GRAD_AVG: usize = 2;

#[derive(Clone, Copy)]
struct Root {
    pull: Pull,
    lr: f64,
    alpha: f64,
    eps: f64,
    momentum: f64,
}

impl Root {
    fn constants(self) -> [f64; 4] {
        [self.lr, self.alpha, self.eps, self.momentum]
    }

    #[inline(always)]
    fn plain<Q: Quantity>(self, g: Q, v: Q) -> (Q, Q) {
        let v = average_square(v, g.clone(), self.alpha);
        (g / (v.clone().sqrt() + Q::of(self.eps)), v)
    }

    #[inline(always)]
    fn centered<Q: Quantity>(self, g: Q, v: Q, mean: Q) -> (Q, Q, Q) {
        let v = average_square(v, g.clone(), self.alpha);
        let mean = average(mean, g.clone(), 1.0 - self.alpha);
        let deviation = (v.clone() - mean.clone() * mean.clone()).sqrt();
        (g / (deviation + Q::of(self.eps)), v, mean)
    }
}

impl Formula<1> for Root {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [v]: [Q; 1]) -> (Q, [Q; 1]) {
        let (x, g) = self.pull.apply(x, gradient);
        let (direction, v) = self.plain(g, v);
        (x - direction * Q::of(self.lr), [v])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_rmsprop", 1, &self.constants()))
    }
}

/// With momentum.
impl Formula<2> for Root {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [v, buffer]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.pull.apply(x, gradient);
        let (direction, v) = self.plain(g, v);
        let buffer = buffer * Q::of(self.momentum) + direction;
        (x - buffer.clone() * Q::of(self.lr), [v, buffer])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_rmsprop_momentum", 2, &self.constants()))
    }
}

#[derive(Clone, Copy)]
struct Centered(Root);

impl Formula<2> for Centered {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [v, mean]: [Q; 2]) -> (Q, [Q; 2]) {
        let (x, g) = self.0.pull.apply(x, gradient);
        let (direction, v, mean) = self.0.centered(g, v, mean);
        (x - direction * Q::of(self.0.lr), [v, mean])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.0.pull.kernel("optim_rmsprop_centered", 2, &self.0.constants()))
    }
}

/// With momentum.
impl Formula<3> for Centered {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [v, buffer, mean]: [Q; 3]) -> (Q, [Q; 3]) {
        let (x, g) = self.0.pull.apply(x, gradient);
        let (direction, v, mean) = self.0.centered(g, v, mean);
        let buffer = buffer * Q::of(self.0.momentum) + direction;
        (x - buffer.clone() * Q::of(self.0.lr), [v, buffer, mean])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.0.pull.kernel("optim_rmsprop_centered_momentum", 3, &self.0.constants()))
    }
}

impl Rule for RmspropRule {
    type Options = RmspropOptions;
    const NAME: &'static str = "RMSprop";
    const NUMBERS: &'static [&'static str] = &["step"];
    const TENSORS: &'static [&'static str] = &["square_avg", "momentum_buffer", "grad_avg"];

    fn update(options: &RmspropOptions, target: &mut Target<'_>) -> Result<()> {
        let &RmspropOptions { lr, alpha, eps, weight_decay, momentum, centered, maximize } = options;
        target.count();
        let formula = Root { pull: Pull::coupled(maximize, weight_decay), lr, alpha, eps, momentum };
        match (momentum > 0.0, centered) {
            (false, false) => target.apply([SQUARE_AVG], formula),
            (true, false) => target.apply([SQUARE_AVG, MOMENTUM_BUFFER], formula),
            (false, true) => target.apply([SQUARE_AVG, GRAD_AVG], Centered(formula)),
            (true, true) => target.apply([SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG], Centered(formula)),
        }
    }
}
