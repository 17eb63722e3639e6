//! Recurrent layers: all layers, directions and steps in one call.
//!
//! `params` are the weights layer by layer, in each layer the forward direction before the reverse one:
//! `weight_ih [gates · hidden, input]`, `weight_hh [gates · hidden, hidden]`, with `has_biases` `bias_ih`
//! and `bias_hh [gates · hidden]`.

pub(super) mod check;
mod composed;
pub(super) mod layout;
pub(super) mod run;

use crate::compute::Cell;
use crate::{Generator, LstmOutput, Result, RnnOutput, Tensor, autocast};
use candle_ffi_kernels::recurrent::Nonlinearity;
use check::{Options, packed_sizes, sizes};
use layout::Layout;
use run::run;

fn lstm_output(results: Vec<Tensor>) -> Result<LstmOutput> {
    match <[Tensor; 3]>::try_from(results) {
        Ok([output, h_n, c_n]) => Ok(LstmOutput { output, h_n, c_n }),
        Err(_) => Err(crate::Error::internal("an LSTM gives three tensors")),
    }
}

fn rnn_output(results: Vec<Tensor>) -> Result<RnnOutput> {
    match <[Tensor; 2]>::try_from(results) {
        Ok([output, h_n]) => Ok(RnnOutput { output, h_n }),
        Err(_) => Err(crate::Error::internal("a recurrent layer gives two tensors")),
    }
}

/// Long short-term memory.
///
/// `i f g o` are the gates, `c' = σ(f) c + σ(i) tanh(g)` and `h' = σ(o) tanh(c')`.
///
/// `input` is `[steps, sequences, input]`, with `batch_first` `[sequences, steps, input]`, for one sequence
/// `[steps, input]`; `hx` are the first state and cell state, each
/// `[layers · directions, sequences, hidden]`. When the states differ in size, the smaller one is projected and
/// each layer's weights end with `weight_hr [projection, hidden]`.
/// `output` are the states of the last layer after each step, both directions side by side. With `train`,
/// elements between layers are dropped with probability `dropout`. Differentiable. Source: Hochreiter and
/// Schmidhuber, 1997.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// `Shape` when shapes do not fit or there is no step, `DType` when dtypes differ or are not floating,
/// `InvalidArgument` for a wrong number of weights or a `dropout` that is no probability.
///
/// # PyTorch
/// `torch.lstm`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(8, 3), cf.zeros(8, 2)]
/// >>> state = [cf.zeros(1, 4, 2), cf.zeros(1, 4, 2)]
/// >>> output, h, c = cf.lstm(cf.ones(5, 4, 3), state, params, False, 1, 0.0, False, False, False)
/// >>> output.shape, h.shape, c.shape
/// ((5, 4, 2), (1, 4, 2), (1, 4, 2))
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn lstm(
    input: &Tensor,
    hx: &[&Tensor],
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    generator: Option<&Generator>,
) -> Result<LstmOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return lstm(
            &cast.of(input)?,
            &cast.list(hx)?.iter().collect::<Vec<_>>(),
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            batch_first,
            generator,
        );
    }
    let options = Options { cell: Cell::Lstm, has_biases, num_layers, dropout, train, bidirectional };
    let (layout, steps) = sizes(input, batch_first)?;
    let plan = options.plan(layout, steps, input, hx, params)?;
    lstm_output(run("lstm", plan, layout, input, hx, params, generator)?)
}

/// Long short-term memory on packed sequences of unequal lengths.
///
/// `data` is `[rows, input]`: the rows of all sequences' first steps, then of their second ones, and so on;
/// `batch_sizes` (`int64`) says how many sequences each step has, never more than the one before. Otherwise
/// as `lstm`. Differentiable.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// As `lstm`; `InvalidArgument` for `batch_sizes` that rise or are not positive, `Shape` unless they add up
/// to the rows.
///
/// # PyTorch
/// `torch.lstm`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(8, 3), cf.zeros(8, 2)]
/// >>> state = [cf.zeros(1, 2, 2), cf.zeros(1, 2, 2)]
/// >>> sizes = cf.tensor([2, 1])
/// >>> cf.lstm_packed(cf.ones(3, 3), sizes, state, params, False, 1, 0.0, False, False).output.shape
/// (3, 2)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn lstm_packed(
    data: &Tensor,
    batch_sizes: &Tensor,
    hx: &[&Tensor],
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    generator: Option<&Generator>,
) -> Result<LstmOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[data]) {
        return lstm_packed(
            &cast.of(data)?,
            &cast.of(batch_sizes)?,
            &cast.list(hx)?.iter().collect::<Vec<_>>(),
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            generator,
        );
    }
    let options = Options { cell: Cell::Lstm, has_biases, num_layers, dropout, train, bidirectional };
    let plan = options.plan(Layout::Packed, packed_sizes(data, batch_sizes)?, data, hx, params)?;
    lstm_output(run("lstm_packed", plan, Layout::Packed, data, hx, params, generator)?)
}

/// Gated recurrent units.
///
/// `r z` are gates, `n = tanh(x_n + r h_n)` and `h' = (1 - z) n + z h`.
///
/// `input` is `[steps, sequences, input]`, with `batch_first` `[sequences, steps, input]`, for one sequence
/// `[steps, input]`; `hx` is the first state, `[layers · directions, sequences, hidden]`.
/// `output` are the states of the last layer after each step, both directions side by side. With `train`,
/// elements between layers are dropped with probability `dropout`. Differentiable. Source: Cho and others, 2014.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// `Shape` when shapes do not fit or there is no step, `DType` when dtypes differ or are not floating,
/// `InvalidArgument` for a wrong number of weights or a `dropout` that is no probability.
///
/// # PyTorch
/// `torch.gru`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(6, 3), cf.zeros(6, 2)]
/// >>> state = cf.zeros(1, 4, 2)
/// >>> output, h = cf.gru(cf.ones(5, 4, 3), state, params, False, 1, 0.0, False, False, False)
/// >>> output.shape, h.shape
/// ((5, 4, 2), (1, 4, 2))
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn gru(
    input: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return gru(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            batch_first,
            generator,
        );
    }
    let options = Options { cell: Cell::Gru, has_biases, num_layers, dropout, train, bidirectional };
    let (layout, steps) = sizes(input, batch_first)?;
    let plan = options.plan(layout, steps, input, &[hx], params)?;
    rnn_output(run("gru", plan, layout, input, &[hx], params, generator)?)
}

/// Gated recurrent units on packed sequences of unequal lengths.
///
/// `data` is `[rows, input]`: the rows of all sequences' first steps, then of their second ones, and so on;
/// `batch_sizes` (`int64`) says how many sequences each step has, never more than the one before. Otherwise
/// as `gru`. Differentiable.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// As `gru`; `InvalidArgument` for `batch_sizes` that rise or are not positive, `Shape` unless they add up
/// to the rows.
///
/// # PyTorch
/// `torch.gru`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(6, 3), cf.zeros(6, 2)]
/// >>> state, sizes = cf.zeros(1, 2, 2), cf.tensor([2, 1])
/// >>> cf.gru_packed(cf.ones(3, 3), sizes, state, params, False, 1, 0.0, False, False).output.shape
/// (3, 2)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn gru_packed(
    data: &Tensor,
    batch_sizes: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[data]) {
        return gru_packed(
            &cast.of(data)?,
            &cast.of(batch_sizes)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            generator,
        );
    }
    let options = Options { cell: Cell::Gru, has_biases, num_layers, dropout, train, bidirectional };
    let plan = options.plan(Layout::Packed, packed_sizes(data, batch_sizes)?, data, &[hx], params)?;
    rnn_output(run("gru_packed", plan, Layout::Packed, data, &[hx], params, generator)?)
}

/// A recurrent layer with a hyperbolic tangent.
///
/// `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`.
///
/// `input` is `[steps, sequences, input]`, with `batch_first` `[sequences, steps, input]`, for one sequence
/// `[steps, input]`; `hx` is the first state, `[layers · directions, sequences, hidden]`.
/// `output` are the states of the last layer after each step, both directions side by side. With `train`,
/// elements between layers are dropped with probability `dropout`. Differentiable. Source: Elman, 1990.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// `Shape` when shapes do not fit or there is no step, `DType` when dtypes differ or are not floating,
/// `InvalidArgument` for a wrong number of weights or a `dropout` that is no probability.
///
/// # PyTorch
/// `torch.rnn_tanh`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(2, 3), cf.zeros(2, 2)]
/// >>> state = cf.zeros(1, 4, 2)
/// >>> output, h = cf.rnn_tanh(cf.ones(5, 4, 3), state, params, False, 1, 0.0, False, False, False)
/// >>> output.shape, h.shape
/// ((5, 4, 2), (1, 4, 2))
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn rnn_tanh(
    input: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return rnn_tanh(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            batch_first,
            generator,
        );
    }
    let options =
        Options { cell: Cell::Plain(Nonlinearity::Tanh), has_biases, num_layers, dropout, train, bidirectional };
    let (layout, steps) = sizes(input, batch_first)?;
    let plan = options.plan(layout, steps, input, &[hx], params)?;
    rnn_output(run("rnn_tanh", plan, layout, input, &[hx], params, generator)?)
}

/// A recurrent layer with a hyperbolic tangent on packed sequences of unequal lengths.
///
/// `data` is `[rows, input]`: the rows of all sequences' first steps, then of their second ones, and so on;
/// `batch_sizes` (`int64`) says how many sequences each step has, never more than the one before. Otherwise
/// as `rnn_tanh`. Differentiable.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// As `rnn_tanh`; `InvalidArgument` for `batch_sizes` that rise or are not positive, `Shape` unless they add up
/// to the rows.
///
/// # PyTorch
/// `torch.rnn_tanh`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(2, 3), cf.zeros(2, 2)]
/// >>> state, sizes = cf.zeros(1, 2, 2), cf.tensor([2, 1])
/// >>> cf.rnn_tanh_packed(cf.ones(3, 3), sizes, state, params, False, 1, 0.0, False, False).output.shape
/// (3, 2)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn rnn_tanh_packed(
    data: &Tensor,
    batch_sizes: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[data]) {
        return rnn_tanh_packed(
            &cast.of(data)?,
            &cast.of(batch_sizes)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            generator,
        );
    }
    let options =
        Options { cell: Cell::Plain(Nonlinearity::Tanh), has_biases, num_layers, dropout, train, bidirectional };
    let plan = options.plan(Layout::Packed, packed_sizes(data, batch_sizes)?, data, &[hx], params)?;
    rnn_output(run("rnn_tanh_packed", plan, Layout::Packed, data, &[hx], params, generator)?)
}

/// A recurrent layer with a ReLU.
///
/// `h' = max(W_ih x + b_ih + W_hh h + b_hh, 0)`.
///
/// `input` is `[steps, sequences, input]`, with `batch_first` `[sequences, steps, input]`, for one sequence
/// `[steps, input]`; `hx` is the first state, `[layers · directions, sequences, hidden]`.
/// `output` are the states of the last layer after each step, both directions side by side. With `train`,
/// elements between layers are dropped with probability `dropout`. Differentiable. Source: Elman, 1990.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// `Shape` when shapes do not fit or there is no step, `DType` when dtypes differ or are not floating,
/// `InvalidArgument` for a wrong number of weights or a `dropout` that is no probability.
///
/// # PyTorch
/// `torch.rnn_relu`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(2, 3), cf.zeros(2, 2)]
/// >>> state = cf.zeros(1, 4, 2)
/// >>> output, h = cf.rnn_relu(cf.ones(5, 4, 3), state, params, False, 1, 0.0, False, False, False)
/// >>> output.shape, h.shape
/// ((5, 4, 2), (1, 4, 2))
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn rnn_relu(
    input: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return rnn_relu(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            batch_first,
            generator,
        );
    }
    let options =
        Options { cell: Cell::Plain(Nonlinearity::Relu), has_biases, num_layers, dropout, train, bidirectional };
    let (layout, steps) = sizes(input, batch_first)?;
    let plan = options.plan(layout, steps, input, &[hx], params)?;
    rnn_output(run("rnn_relu", plan, layout, input, &[hx], params, generator)?)
}

/// A recurrent layer with a ReLU on packed sequences of unequal lengths.
///
/// `data` is `[rows, input]`: the rows of all sequences' first steps, then of their second ones, and so on;
/// `batch_sizes` (`int64`) says how many sequences each step has, never more than the one before. Otherwise
/// as `rnn_relu`. Differentiable.
///
/// # Defaults
/// generator = None
///
/// # Errors
/// As `rnn_relu`; `InvalidArgument` for `batch_sizes` that rise or are not positive, `Shape` unless they add up
/// to the rows.
///
/// # PyTorch
/// `torch.rnn_relu`
///
/// # Examples
/// ```python
/// >>> params = [cf.zeros(2, 3), cf.zeros(2, 2)]
/// >>> state, sizes = cf.zeros(1, 2, 2), cf.tensor([2, 1])
/// >>> cf.rnn_relu_packed(cf.ones(3, 3), sizes, state, params, False, 1, 0.0, False, False).output.shape
/// (3, 2)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn rnn_relu_packed(
    data: &Tensor,
    batch_sizes: &Tensor,
    hx: &Tensor,
    params: &[&Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    generator: Option<&Generator>,
) -> Result<RnnOutput> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[data]) {
        return rnn_relu_packed(
            &cast.of(data)?,
            &cast.of(batch_sizes)?,
            &cast.of(hx)?,
            &cast.list(params)?.iter().collect::<Vec<_>>(),
            has_biases,
            num_layers,
            dropout,
            train,
            bidirectional,
            generator,
        );
    }
    let options =
        Options { cell: Cell::Plain(Nonlinearity::Relu), has_biases, num_layers, dropout, train, bidirectional };
    let plan = options.plan(Layout::Packed, packed_sizes(data, batch_sizes)?, data, &[hx], params)?;
    rnn_output(run("rnn_relu_packed", plan, Layout::Packed, data, &[hx], params, generator)?)
}
