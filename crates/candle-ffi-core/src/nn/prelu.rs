//! Rectified linear units with a slope below zero that is learnt or random.

use super::init::constant;
use super::{Factory, Module, Parameter};
use crate::{DType, Device, Error, Generator, Result, Tensor, ops};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

/// A learnt slope below zero. `torch.nn.PReLU`.
pub struct Prelu {
    weight: Parameter,
}

impl Prelu {
    /// `x` where positive, else `weight · x`, with a weight for all or one for each channel.
    ///
    /// # Defaults
    /// num_parameters = 1, init = 0.25
    ///
    /// # Errors
    /// `Shape` when `num_parameters` is negative.
    ///
    /// # PyTorch
    /// `torch.nn.PReLU`
    pub fn new(num_parameters: i64, init: f64, dtype: Option<DType>, device: Device) -> Result<Self> {
        let factory = Factory::new(dtype, device, None);
        Ok(Self { weight: Parameter::new(constant(&[num_parameters], init, &factory)?)? })
    }
}

impl Module for Prelu {
    fn name(&self) -> &'static str {
        "PReLU"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::prelu(input, &self.weight.get())
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        vec![("weight".into(), &self.weight)]
    }
}

/// A slope below zero that is random in training. `torch.nn.RReLU`.
pub struct Rrelu {
    lower: f64,
    upper: f64,
    training: AtomicBool,
    generator: Option<Generator>,
}

impl Rrelu {
    /// `x` where positive, else `a · x`, with `a` drawn between `lower` and `upper` in training, and their mean else.
    ///
    /// # Defaults
    /// lower = 0.125, upper = 0.3333333333333333
    ///
    /// # Errors
    /// `InvalidArgument` when `lower` is larger than `upper`.
    ///
    /// # PyTorch
    /// `torch.nn.RReLU`
    pub fn new(lower: f64, upper: f64, generator: Option<&Generator>) -> Result<Self> {
        if !(lower <= upper && (upper - lower).is_finite()) {
            let message = format!("lower {lower} must not be larger than upper {upper}, and both must be finite");
            return Err(Error::argument(message));
        }
        Ok(Self { lower, upper, training: AtomicBool::new(true), generator: generator.cloned() })
    }
}

impl Module for Rrelu {
    fn name(&self) -> &'static str {
        "RReLU"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let training = self.training.load(Ordering::Relaxed);
        ops::rrelu(input, self.lower, self.upper, training, self.generator.as_ref())
    }

    fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::Relaxed);
    }
}
