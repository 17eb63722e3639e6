//! Dropout. Each layer is the identity in evaluation.

use super::Module;
use crate::{Error, Generator, Result, Tensor, ops};
use std::sync::atomic::{AtomicBool, Ordering};

type Operation = fn(&Tensor, f64, bool, Option<&Generator>) -> Result<Tensor>;

/// What all of them hold.
struct Chance {
    p: f64,
    training: AtomicBool,
    generator: Option<Generator>,
}

impl Chance {
    /// A new one is in training mode.
    fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::argument(format!("the dropout probability must be between 0 and 1, and is {p}")));
        }
        Ok(Self { p, training: AtomicBool::new(true), generator: generator.cloned() })
    }

    fn apply(&self, operation: Operation, input: &Tensor) -> Result<Tensor> {
        operation(input, self.p, self.training.load(Ordering::Relaxed), self.generator.as_ref())
    }

    fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::Relaxed);
    }
}

/// `torch.nn.Dropout`.
pub struct Dropout(Chance);

impl Dropout {
    /// Zeroes elements with probability `p` in training, and scales the others by `1 / (1 - p)`.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.Dropout`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::dropout, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// `torch.nn.Dropout1d`.
pub struct Dropout1d(Chance);

impl Dropout1d {
    /// Zeroes channels of `[batch, channels, length]` with probability `p` in training, and scales the others by
    /// `1 / (1 - p)`.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.Dropout1d`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for Dropout1d {
    fn name(&self) -> &'static str {
        "Dropout1d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::dropout1d, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// `torch.nn.Dropout2d`.
pub struct Dropout2d(Chance);

impl Dropout2d {
    /// Zeroes channels of `[batch, channels, height, width]` with probability `p` in training, and scales the others by
    /// `1 / (1 - p)`.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.Dropout2d`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for Dropout2d {
    fn name(&self) -> &'static str {
        "Dropout2d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::dropout2d, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// `torch.nn.Dropout3d`.
pub struct Dropout3d(Chance);

impl Dropout3d {
    /// Zeroes channels of `[batch, channels, depth, height, width]` with probability `p` in training, and scales the
    /// others by `1 / (1 - p)`.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.Dropout3d`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for Dropout3d {
    fn name(&self) -> &'static str {
        "Dropout3d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::dropout3d, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// `torch.nn.AlphaDropout`.
pub struct AlphaDropout(Chance);

impl AlphaDropout {
    /// Sets elements to the limit of SELU with probability `p` in training, and keeps mean and variance.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.AlphaDropout`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for AlphaDropout {
    fn name(&self) -> &'static str {
        "AlphaDropout"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::alpha_dropout, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// `torch.nn.FeatureAlphaDropout`.
pub struct FeatureAlphaDropout(Chance);

impl FeatureAlphaDropout {
    /// Sets channels to the limit of SELU with probability `p` in training, and keeps mean and variance.
    ///
    /// # Defaults
    /// p = 0.5
    ///
    /// # Errors
    /// `InvalidArgument` when `p` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.FeatureAlphaDropout`
    pub fn new(p: f64, generator: Option<&Generator>) -> Result<Self> {
        Ok(Self(Chance::new(p, generator)?))
    }
}

impl Module for FeatureAlphaDropout {
    fn name(&self) -> &'static str {
        "FeatureAlphaDropout"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.apply(ops::feature_alpha_dropout, input)
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}
