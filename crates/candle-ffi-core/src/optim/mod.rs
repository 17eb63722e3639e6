//! Optimizers: they change parameters in place from the gradients that `backward` has left there.

mod optimizer;
mod sgd;

pub use candle_ffi_kernels::optim::SgdOptions;
pub use optimizer::{Group, Optimizer};
pub use sgd::Sgd;
