//! Recurrent layers. Weights start uniform within `1 / √hidden_size`.

use super::init::{fan_in_bound, uniform};
use super::{Factory, Module, Parameter};
use crate::compute::Cell;
use crate::ops::common::sizes;
use crate::{Error, Generator, Result, RnnNonlinearity, Tensor, ops, shape};
use candle_ffi_kernels::recurrent::Nonlinearity;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

/// The sizes and options of a recurrent layer.
struct Options {
    cell: Cell,
    input_size: i64,
    hidden_size: i64,
    num_layers: i64,
    bias: bool,
    batch_first: bool,
    dropout: f64,
    bidirectional: bool,
    proj_size: i64,
}

/// What all recurrent layers are.
struct Stack {
    options: Options,
    weights: Vec<(String, Parameter)>,
    training: AtomicBool,
    generator: Option<Generator>,
}

impl Stack {
    fn new(options: Options, factory: &Factory) -> Result<Self> {
        let Options { hidden_size, num_layers, dropout, proj_size, .. } = options;
        if hidden_size <= 0 || num_layers <= 0 {
            let name = if hidden_size <= 0 { "hidden_size" } else { "num_layers" };
            return Err(Error::argument(format!("{name} must be greater than zero")));
        }
        if !(0.0..=1.0).contains(&dropout) {
            return Err(Error::argument(format!(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed, \
                 and is {dropout}"
            )));
        }
        if proj_size < 0 || proj_size >= hidden_size {
            return Err(Error::argument(format!(
                "proj_size has to be smaller than hidden_size and not negative, and is {proj_size} for {hidden_size}"
            )));
        }
        let mut weights = Vec::new();
        let maps = times(options.cell.gates() as i64, hidden_size)?;
        // All layers together, before the first of perhaps very many is made.
        let all = shape::from_sizes(&[num_layers, options.directions(), maps, hidden_size])?;
        shape::check_allocation_on(&all, factory.dtype, factory.device)?;
        let state = options.state_size();
        for layer in 0..num_layers {
            let size = if layer == 0 { options.input_size } else { times(state, options.directions())? };
            for way in ["", "_reverse"].into_iter().take(options.directions() as usize) {
                let mut shapes = vec![("weight_ih", vec![maps, size]), ("weight_hh", vec![maps, state])];
                if options.bias {
                    shapes.extend([("bias_ih", vec![maps]), ("bias_hh", vec![maps])]);
                }
                if proj_size > 0 {
                    shapes.push(("weight_hr", vec![proj_size, hidden_size]));
                }
                for (name, shape) in shapes {
                    let values = uniform(&shape, fan_in_bound(hidden_size), factory)?;
                    weights.push((format!("{name}_l{layer}{way}"), Parameter::new(values)?));
                }
            }
        }
        Ok(Self { options, weights, training: AtomicBool::new(true), generator: factory.generator.clone() })
    }

    /// A state of zeros for an input.
    fn zeros(&self, input: &Tensor, width: i64) -> Result<Tensor> {
        let dims = sizes(&input.shape());
        let mut shape = vec![times(self.options.num_layers, self.options.directions())?];
        if dims.len() == 3 {
            shape.push(dims[usize::from(!self.options.batch_first)]);
        }
        shape.push(width);
        ops::zeros(&shape, input.dtype(), input.device())
    }

    /// Output, last state, and the last cell state of an LSTM.
    fn run(&self, name: &str, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let (input, states) = given(name, self.options.cell, inputs)?;
        let states = match states {
            Some(states) => states.into_iter().cloned().collect(),
            None => {
                let mut states = vec![self.zeros(input, self.options.state_size())?];
                if self.options.cell == Cell::Lstm {
                    states.push(self.zeros(input, self.options.hidden_size)?);
                }
                states
            }
        };
        let weights: Vec<Tensor> = self.weights.iter().map(|(_, weight)| weight.get()).collect();
        let (hx, params): (Vec<&Tensor>, Vec<&Tensor>) = (states.iter().collect(), weights.iter().collect());
        let Options { cell, bias, num_layers, dropout, bidirectional, batch_first, .. } = self.options;
        let (train, generator) = (self.training.load(Ordering::Relaxed), self.generator.as_ref());
        let one = match cell {
            Cell::Lstm => {
                let result = ops::lstm(
                    input,
                    &hx,
                    &params,
                    bias,
                    num_layers,
                    dropout,
                    train,
                    bidirectional,
                    batch_first,
                    generator,
                )?;
                return Ok(vec![result.output, result.h_n, result.c_n]);
            }
            Cell::Gru => ops::gru,
            Cell::Plain(Nonlinearity::Tanh) => ops::rnn_tanh,
            Cell::Plain(Nonlinearity::Relu) => ops::rnn_relu,
        };
        let result =
            one(input, hx[0], &params, bias, num_layers, dropout, train, bidirectional, batch_first, generator)?;
        Ok(vec![result.output, result.h_n])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.iter().map(|(name, weight)| (Cow::Owned(name.clone()), weight)).collect()
    }
}

impl Options {
    fn directions(&self) -> i64 {
        if self.bidirectional { 2 } else { 1 }
    }

    /// The size of what a layer gives.
    fn state_size(&self) -> i64 {
        if self.proj_size > 0 { self.proj_size } else { self.hidden_size }
    }
}

pub(super) fn times(one: i64, other: i64) -> Result<i64> {
    one.checked_mul(other).ok_or_else(|| Error::argument(format!("{one} × {other} is no size")))
}

/// The input and, where they are given, the states.
pub(super) fn given<'a>(
    name: &str,
    cell: Cell,
    inputs: &[Option<&'a Tensor>],
) -> Result<(&'a Tensor, Option<Vec<&'a Tensor>>)> {
    let states = cell.states();
    let refuse = || {
        let list = if states == 2 { "input, h0 and c0" } else { "input and h0" };
        Err(Error::argument(format!("{name} takes {list}; the states are given all or not at all")))
    };
    let Some((Some(input), rest)) = inputs.split_first() else { return refuse() };
    let found: Vec<&Tensor> = rest.iter().flatten().copied().collect();
    match found.len() {
        0 if rest.len() <= states => Ok((input, None)),
        count if count == states && rest.len() == states => Ok((input, Some(found))),
        _ => refuse(),
    }
}

/// A recurrent layer with a hyperbolic tangent or a ReLU. `torch.nn.RNN`.
pub struct Rnn(Stack);

impl Rnn {
    /// A recurrent layer: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with a ReLU.
    ///
    /// The inputs are `[steps, sequences, input]` and optionally the first state; the results the states of all
    /// steps and the last one.
    ///
    /// # Defaults
    /// num_layers = 1, nonlinearity = tanh, bias = True, batch_first = False, dropout = 0.0, bidirectional = False
    ///
    /// # Errors
    /// `InvalidArgument` for sizes that are not positive, or a `dropout` that is no probability.
    ///
    /// # PyTorch
    /// `torch.nn.RNN`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        input_size: i64,
        hidden_size: i64,
        num_layers: i64,
        nonlinearity: RnnNonlinearity,
        bias: bool,
        batch_first: bool,
        dropout: f64,
        bidirectional: bool,
        factory: &Factory,
    ) -> Result<Self> {
        let cell = Cell::Plain(kernel(nonlinearity));
        let proj_size = 0;
        let options =
            Options { cell, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size };
        Ok(Self(Stack::new(options, factory)?))
    }
}

pub(super) fn kernel(nonlinearity: RnnNonlinearity) -> Nonlinearity {
    match nonlinearity {
        RnnNonlinearity::Tanh => Nonlinearity::Tanh,
        RnnNonlinearity::Relu => Nonlinearity::Relu,
    }
}

/// Long short-term memory. `torch.nn.LSTM`.
pub struct Lstm(Stack);

impl Lstm {
    /// Long short-term memory.
    ///
    /// The inputs are `[steps, sequences, input]` and optionally the first state and cell state; the results the
    /// states of all steps, the last state and the last cell state. With `proj_size` the states are projected to
    /// that size.
    ///
    /// # Defaults
    /// num_layers = 1, bias = True, batch_first = False, dropout = 0.0, bidirectional = False, proj_size = 0
    ///
    /// # Errors
    /// `InvalidArgument` for sizes that are not positive, a `dropout` that is no probability, or a projection that
    /// is not smaller than the state.
    ///
    /// # PyTorch
    /// `torch.nn.LSTM`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        input_size: i64,
        hidden_size: i64,
        num_layers: i64,
        bias: bool,
        batch_first: bool,
        dropout: f64,
        bidirectional: bool,
        proj_size: i64,
        factory: &Factory,
    ) -> Result<Self> {
        let cell = Cell::Lstm;
        let options =
            Options { cell, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size };
        Ok(Self(Stack::new(options, factory)?))
    }
}

/// Gated recurrent units. `torch.nn.GRU`.
pub struct Gru(Stack);

impl Gru {
    /// Gated recurrent units.
    ///
    /// The inputs are `[steps, sequences, input]` and optionally the first state; the results the states of all
    /// steps and the last one.
    ///
    /// # Defaults
    /// num_layers = 1, bias = True, batch_first = False, dropout = 0.0, bidirectional = False
    ///
    /// # Errors
    /// `InvalidArgument` for sizes that are not positive, or a `dropout` that is no probability.
    ///
    /// # PyTorch
    /// `torch.nn.GRU`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        input_size: i64,
        hidden_size: i64,
        num_layers: i64,
        bias: bool,
        batch_first: bool,
        dropout: f64,
        bidirectional: bool,
        factory: &Factory,
    ) -> Result<Self> {
        let (cell, proj_size) = (Cell::Gru, 0);
        let options =
            Options { cell, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size };
        Ok(Self(Stack::new(options, factory)?))
    }
}

macro_rules! stack {
    ($($layer:ident is $name:literal),*) => {$(
        impl Module for $layer {
            fn name(&self) -> &'static str {
                $name
            }

            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                Ok(self.0.run($name, &[Some(input)])?.swap_remove(0))
            }

            fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
                self.0.run($name, inputs)
            }

            fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
                self.0.parameters()
            }

            fn set_training(&self, training: bool) {
                self.0.training.store(training, Ordering::Relaxed);
            }
        }
    )*};
}

stack!(Rnn is "RNN", Lstm is "LSTM", Gru is "GRU");
