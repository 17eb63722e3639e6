//! What normalisation layers of channels share: weight and bias, and running statistics.

use super::init::constant;
use super::{Buffer, Factory, Parameter};
use crate::autograd::GradMode;
use crate::{DType, Device, Error, Result, Tensor, ops};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of such a layer.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) num_features: i64,
    pub(super) eps: f64,
    /// How fast running statistics follow; `None` gives every batch the same share.
    pub(super) momentum: Option<f64>,
    pub(super) affine: bool,
    pub(super) track_running_stats: bool,
    /// Whether there is a bias beside the weight.
    pub(super) bias: bool,
}

/// Running statistics, and the number of batches that they were made from.
struct Running {
    mean: Buffer,
    var: Buffer,
    batches: Buffer,
}

/// The state of a layer for inputs of `num_features` channels.
pub(super) struct ChannelNorm {
    pub(super) options: Options,
    weight: Option<Parameter>,
    bias: Option<Parameter>,
    running: Option<Running>,
    training: AtomicBool,
}

/// What an operation is given of the state.
pub(super) struct State {
    pub(super) weight: Option<Tensor>,
    pub(super) bias: Option<Tensor>,
    pub(super) mean: Option<Tensor>,
    pub(super) var: Option<Tensor>,
    /// Whether the statistics are to be those of the input.
    pub(super) of_input: bool,
    pub(super) momentum: f64,
}

impl ChannelNorm {
    pub(super) fn new(options: Options, dtype: Option<DType>, device: Device) -> Result<Self> {
        let factory = Factory::new(dtype, device, None);
        let values = |value: f64| constant(&[options.num_features], value, &factory);
        let parameter = |wanted: bool, value: f64| -> Result<Option<Parameter>> {
            if options.affine && wanted { Ok(Some(Parameter::new(values(value)?)?)) } else { Ok(None) }
        };
        let running = if options.track_running_stats {
            let batches = ops::zeros(&[], DType::Int64, device)?;
            Some(Running {
                mean: Buffer::new(values(0.0)?),
                var: Buffer::new(values(1.0)?),
                batches: Buffer::new(batches),
            })
        } else {
            None
        };
        let training = AtomicBool::new(true);
        Ok(Self { options, weight: parameter(true, 1.0)?, bias: parameter(options.bias, 0.0)?, running, training })
    }

    /// The state for a call of batch normalisation, which counts it in training.
    pub(super) fn of_batch(&self) -> Result<State> {
        let training = self.is_training();
        let mut momentum = self.options.momentum.unwrap_or(0.0);
        if let Some(running) = self.running.as_ref().filter(|_| training) {
            let _mode = GradMode::new(false);
            let batches = running.batches.get();
            ops::add_(&batches, &ops::ones(&[], DType::Int64, batches.device())?)?;
            if self.options.momentum.is_none() {
                momentum = 1.0 / batches.to_number()?;
            }
        }
        Ok(State { of_input: training || self.running.is_none(), momentum, ..self.state() })
    }

    /// The state for a call of instance normalisation.
    pub(super) fn of_instances(&self) -> State {
        let of_input = self.is_training() || self.running.is_none();
        State { of_input, momentum: self.options.momentum.unwrap_or(0.0), ..self.state() }
    }

    fn state(&self) -> State {
        State {
            weight: self.weight.as_ref().map(Parameter::get),
            bias: self.bias.as_ref().map(Parameter::get),
            mean: self.running.as_ref().map(|running| running.mean.get()),
            var: self.running.as_ref().map(|running| running.var.get()),
            of_input: true,
            momentum: 0.0,
        }
    }

    fn is_training(&self) -> bool {
        self.training.load(Ordering::Relaxed)
    }

    pub(super) fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::Relaxed);
    }

    pub(super) fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let weight = self.weight.iter().map(|weight| ("weight".into(), weight));
        weight.chain(self.bias.iter().map(|bias| ("bias".into(), bias))).collect()
    }

    pub(super) fn buffers(&self) -> Vec<(Cow<'static, str>, &Buffer)> {
        self.running.iter().flat_map(Running::named).collect()
    }
}

impl Running {
    fn named(&self) -> [(Cow<'static, str>, &Buffer); 3] {
        [
            ("running_mean".into(), &self.mean),
            ("running_var".into(), &self.var),
            ("num_batches_tracked".into(), &self.batches),
        ]
    }
}

/// Fails unless an input has one of two numbers of dimensions.
pub(super) fn expect_rank(input: &Tensor, ranks: [usize; 2]) -> Result<()> {
    let rank = input.rank();
    if ranks.contains(&rank) {
        return Ok(());
    }
    let [low, high] = ranks;
    let wanted = if low == high { format!("{low}D") } else { format!("{low}D or {high}D") };
    let dims = input.dims();
    Err(Error::shape(format!("expected {wanted} input (got {rank}D input, of shape {dims:?})"), &[&dims]))
}
