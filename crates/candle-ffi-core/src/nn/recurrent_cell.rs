//! One step of a recurrent layer. Weights start uniform within `1 / √hidden_size`.

use super::init::{fan_in_bound, uniform};
use super::recurrent::{given, kernel, times};
use super::{Factory, Module, Parameter};
use crate::compute::Cell;
use crate::ops::common::sizes;
use crate::{Result, RnnNonlinearity, Tensor, ops};
use candle_ffi_kernels::recurrent::Nonlinearity;
use std::borrow::Cow;

/// What all cells are.
struct OneStep {
    cell: Cell,
    hidden_size: i64,
    /// `[gates · hidden, input]`
    weight_ih: Parameter,
    /// `[gates · hidden, hidden]`
    weight_hh: Parameter,
    /// Each `[gates · hidden]`, for input and state.
    bias: Option<[Parameter; 2]>,
}

impl OneStep {
    fn new(cell: Cell, input_size: i64, hidden_size: i64, bias: bool, factory: &Factory) -> Result<Self> {
        let maps = times(cell.gates() as i64, hidden_size)?;
        let new = |shape: &[i64]| Parameter::new(uniform(shape, fan_in_bound(hidden_size), factory)?);
        Ok(Self {
            cell,
            hidden_size,
            weight_ih: new(&[maps, input_size])?,
            weight_hh: new(&[maps, hidden_size])?,
            bias: if bias { Some([new(&[maps])?, new(&[maps])?]) } else { None },
        })
    }

    /// The next state, and the next cell state of an LSTM.
    fn run(&self, name: &str, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let (input, states) = given(name, self.cell, inputs)?;
        let zeros;
        let states = match states {
            Some(states) => states,
            None => {
                let mut shape = sizes(&input.shape());
                shape.pop();
                shape.push(self.hidden_size);
                zeros = ops::zeros(&shape, input.dtype(), input.device())?;
                vec![&zeros; self.cell.states()]
            }
        };
        let (ih, hh) = (self.weight_ih.get(), self.weight_hh.get());
        let bias = self.bias.as_ref().map(|[ih, hh]| (ih.get(), hh.get()));
        let (bias_ih, bias_hh) = (bias.as_ref().map(|bias| &bias.0), bias.as_ref().map(|bias| &bias.1));
        let one = match self.cell {
            Cell::Lstm => {
                let result = ops::lstm_cell(input, &states, &ih, &hh, bias_ih, bias_hh)?;
                return Ok(vec![result.h, result.c]);
            }
            Cell::Gru => ops::gru_cell,
            Cell::Plain(Nonlinearity::Tanh) => ops::rnn_tanh_cell,
            Cell::Plain(Nonlinearity::Relu) => ops::rnn_relu_cell,
        };
        Ok(vec![one(input, states[0], &ih, &hh, bias_ih, bias_hh)?])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let weights = [("weight_ih", &self.weight_ih), ("weight_hh", &self.weight_hh)];
        let bias = self.bias.iter().flat_map(|[ih, hh]| [("bias_ih", ih), ("bias_hh", hh)]);
        weights.into_iter().chain(bias).map(|(name, weight)| (Cow::Borrowed(name), weight)).collect()
    }
}

/// One step of a recurrent layer with a hyperbolic tangent or a ReLU. `torch.nn.RNNCell`.
pub struct RnnCell(OneStep);

impl RnnCell {
    /// One step of a recurrent layer: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with a ReLU.
    ///
    /// The inputs are `[sequences, input]` and optionally the state; the result is the next state.
    ///
    /// # Defaults
    /// bias = True, nonlinearity = tanh
    ///
    /// # Errors
    /// `InvalidArgument` for a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.RNNCell`
    pub fn new(
        input_size: i64,
        hidden_size: i64,
        bias: bool,
        nonlinearity: RnnNonlinearity,
        factory: &Factory,
    ) -> Result<Self> {
        Ok(Self(OneStep::new(Cell::Plain(kernel(nonlinearity)), input_size, hidden_size, bias, factory)?))
    }
}

/// One step of long short-term memory. `torch.nn.LSTMCell`.
pub struct LstmCell(OneStep);

impl LstmCell {
    /// One step of long short-term memory.
    ///
    /// The inputs are `[sequences, input]` and optionally the state and the cell state; the results are the next
    /// ones.
    ///
    /// # Defaults
    /// bias = True
    ///
    /// # Errors
    /// `InvalidArgument` for a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.LSTMCell`
    pub fn new(input_size: i64, hidden_size: i64, bias: bool, factory: &Factory) -> Result<Self> {
        Ok(Self(OneStep::new(Cell::Lstm, input_size, hidden_size, bias, factory)?))
    }
}

/// One step of gated recurrent units. `torch.nn.GRUCell`.
pub struct GruCell(OneStep);

impl GruCell {
    /// One step of gated recurrent units.
    ///
    /// The inputs are `[sequences, input]` and optionally the state; the result is the next state.
    ///
    /// # Defaults
    /// bias = True
    ///
    /// # Errors
    /// `InvalidArgument` for a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.GRUCell`
    pub fn new(input_size: i64, hidden_size: i64, bias: bool, factory: &Factory) -> Result<Self> {
        Ok(Self(OneStep::new(Cell::Gru, input_size, hidden_size, bias, factory)?))
    }
}

macro_rules! cells {
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
        }
    )*};
}

cells!(RnnCell is "RNNCell", LstmCell is "LSTMCell", GruCell is "GRUCell");
