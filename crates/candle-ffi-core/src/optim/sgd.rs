//! Stochastic gradient descent.

use super::Stepper;
use super::options::options;
use super::rule::{Pull, Rule, Target};
use crate::{Error, Result};
use candle_ffi_kernels::optim::{Formula, Kernel, Quantity};

options! {
    /// The options of [`Sgd`], with PyTorch's names.
    SgdOptions {
        /// The learning rate.
        lr: NonNegative = 1e-3,
        /// How much of the last direction remains.
        momentum: NonNegative = 0.0,
        /// How much of the gradient is left out of the momentum.
        dampening: Any = 0.0,
        /// The factor of the L2 penalty.
        weight_decay: NonNegative = 0.0,
        /// Nesterov's momentum.
        nesterov: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// Stochastic gradient descent with momentum. `torch.optim.SGD`.
///
/// With gradient `g` (negated to maximize), `g += weight_decay · p`; the momentum buffer starts as `g` and then is
/// `b = momentum · b + (1 - dampening) · g`; the update is `p -= lr · b`, with Nesterov
/// `p -= lr · (g + momentum · b)`, without momentum `p -= lr · g`.
pub type Sgd = Stepper<SgdRule>;

/// The rule of [`Sgd`].
pub enum SgdRule {}

const MOMENTUM_BUFFER: usize = 0;

#[derive(Clone, Copy)]
struct Plain {
    pull: Pull,
    lr: f64,
}

impl Formula<0> for Plain {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, _: [Q; 0]) -> (Q, [Q; 0]) {
        let (x, g) = self.pull.apply(x, gradient);
        (x - g * Q::of(self.lr), [])
    }

    fn kernel(self) -> Option<Kernel> {
        Some(self.pull.kernel("optim_sgd", 0, &[self.lr]))
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    pull: Pull,
    lr: f64,
    momentum: f64,
    taken: f64,
    nesterov: bool,
    first: bool,
}

impl Formula<1> for Momentum {
    #[inline(always)]
    fn step<Q: Quantity>(self, x: Q, gradient: Q, [buffer]: [Q; 1]) -> (Q, [Q; 1]) {
        let (x, g) = self.pull.apply(x, gradient);
        let next = buffer * Q::of(self.momentum) + g.clone() * Q::of(self.taken);
        let buffer = if self.first { g.clone() } else { next };
        let direction = if self.nesterov { g + buffer.clone() * Q::of(self.momentum) } else { buffer.clone() };
        (x - direction * Q::of(self.lr), [buffer])
    }

    fn kernel(self) -> Option<Kernel> {
        let Self { pull, lr, momentum, taken, nesterov, first } = self;
        let constants = [lr, momentum, taken, f64::from(nesterov), f64::from(first)];
        Some(pull.kernel("optim_momentum", 1, &constants))
    }
}

impl Rule for SgdRule {
    type Options = SgdOptions;
    const NAME: &'static str = "SGD";
    const NUMBERS: &'static [&'static str] = &[];
    const TENSORS: &'static [&'static str] = &["momentum_buffer"];

    fn check(options: &SgdOptions) -> Result<()> {
        if options.nesterov && (options.momentum <= 0.0 || options.dampening != 0.0) {
            return Err(Error::argument("Nesterov momentum needs a momentum above zero and no dampening"));
        }
        Ok(())
    }

    fn update(options: &SgdOptions, target: &mut Target<'_>) -> Result<()> {
        let pull = Pull::coupled(options.maximize, options.weight_decay);
        if options.momentum == 0.0 {
            return target.apply([], Plain { pull, lr: options.lr });
        }
        let formula = Momentum {
            pull,
            lr: options.lr,
            momentum: options.momentum,
            taken: 1.0 - options.dampening,
            nesterov: options.nesterov,
            first: !target.remembers(MOMENTUM_BUFFER),
        };
        target.apply([MOMENTUM_BUFFER], formula)
    }
}
