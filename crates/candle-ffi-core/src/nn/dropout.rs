//! Dropout.

use super::Module;
use crate::{Error, Generator, Result, Tensor, ops};
use std::sync::atomic::{AtomicBool, Ordering};

/// Zeroes elements with probability `p` in training and scales the others by `1 / (1 - p)`; the
/// identity in evaluation. `torch.nn.Dropout`.
pub struct Dropout {
    p: f64,
    training: AtomicBool,
    generator: Option<Generator>,
}

impl Dropout {
    /// A new one is in training mode; `p` is between 0 and 1.
    pub fn new(p: f64, generator: Option<Generator>) -> Result<Self> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::argument(format!("the dropout probability must be between 0 and 1, and is {p}")));
        }
        Ok(Self { p, training: AtomicBool::new(true), generator })
    }
}

impl Module for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::dropout(input, self.p, self.training.load(Ordering::Relaxed), self.generator.as_ref())
    }

    fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::Relaxed);
    }
}
