//! Optimizers: they change parameters in place from the gradients that `backward` has left there.
//!
//! An optimizer is a [`Rule`] in a file of its own: options, what is remembered of a parameter, and the
//! formula of its step. [`Stepper`] drives every rule. [`Lbfgs`] alone is none, since its step looks at all
//! parameters together and computes the loss several times.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod asgd;
mod clip;
mod composed;
mod lbfgs;
mod line_search;
mod lion;
mod nadam;
mod optimizer;
mod options;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod scaler;
mod sgd;
mod stepper;

pub use adadelta::{Adadelta, AdadeltaOptions};
pub use adagrad::{Adagrad, AdagradOptions};
pub use adam::{Adam, AdamOptions, Adamw, AdamwOptions};
pub use adamax::{Adamax, AdamaxOptions};
pub use asgd::{Asgd, AsgdOptions};
pub use clip::{clip_grad_norm, clip_grad_value, total_norm};
pub use lbfgs::{Closure, Lbfgs, LbfgsOptions, Search};
pub use lion::{Lion, LionOptions};
pub use nadam::{Nadam, NadamOptions};
pub use optimizer::Optimizer;
pub use options::Options;
pub use radam::{Radam, RadamOptions};
pub use rmsprop::{Rmsprop, RmspropOptions};
pub use rprop::{Rprop, RpropOptions};
pub use rule::{Rule, Target};
pub use scaler::unscale_grads;
pub use sgd::{Sgd, SgdOptions};
pub use stepper::Stepper;
