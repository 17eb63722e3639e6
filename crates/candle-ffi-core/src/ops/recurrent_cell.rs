//! One step of a recurrent layer.

use super::recurrent::check::{check, state_sizes};
use super::recurrent::layout::Layout;
use super::recurrent::run::run;
use crate::compute::{Cell, Plan, Weights};
use crate::{Error, LstmState, Result, Tensor, autocast};
use candle_ffi_kernels::recurrent::Nonlinearity;

/// One step: the next state, and the next cell state of an LSTM.
fn step(
    operation: &'static str,
    cell: Cell,
    input: &Tensor,
    hx: &[&Tensor],
    [w_ih, w_hh]: [&Tensor; 2],
    [b_ih, b_hh]: [Option<&Tensor>; 2],
) -> Result<(Tensor, Option<Tensor>)> {
    let dims = input.shape();
    let (layout, sequences) = match dims.as_slice() {
        [_] => (Layout::CellOfOne, 1),
        [sequences, _] => (Layout::Cell, *sequences),
        _ => {
            return Err(Error::shape(
                format!("Expected input to be 1D or 2D, got {}D instead: its shape is {:?}", dims.len(), &dims[..]),
                &[&dims],
            ));
        }
    };
    let (hidden, state) = state_sizes(cell, hx)?;
    if hidden != state {
        return Err(Error::shape(
            format!("the two states of a cell have one size, and have {:?} and {:?}", hx[0].dims(), hx[1].dims()),
            &[&hx[0].dims(), &hx[1].dims()],
        ));
    }
    let params: Vec<&Tensor> = [Some(w_ih), Some(w_hh), b_ih, b_hh].into_iter().flatten().collect();
    let (bias_ih, bias_hh) = (b_ih.map(|_| 2), b_hh.map(|_| 2 + usize::from(b_ih.is_some())));
    let plan = Plan {
        cell,
        dtype: input.dtype(),
        sizes: vec![sequences],
        hidden,
        state,
        layers: 1,
        directions: 1,
        weights: vec![Weights { ih: 0, hh: 1, bias_ih, bias_hh, hr: None }],
        dropout: 0.0,
    };
    check(&plan, layout, input, hx, &params)?;
    let mut results = run(operation, plan, layout, input, hx, &params, None)?.into_iter();
    // The output of the one step is the next state.
    let h = results.next().ok_or_else(|| Error::internal("a step gives its state"))?;
    Ok((h, results.nth(1)))
}

/// One step of long short-term memory.
///
/// `i f g o` are the gates, `c' = σ(f) c + σ(i) tanh(g)` and `h' = σ(o) tanh(c')`. `input` is `[sequences, input]` or `[input]`,
/// `hx` are the state and the cell state, each `[sequences, hidden]` or `[hidden]`, `w_ih`
/// `[4 hidden, input]`, `w_hh` `[4 hidden, hidden]`, the biases `[4 hidden]`. Differentiable.
///
/// # Defaults
/// b_ih = None, b_hh = None
///
/// # Errors
/// `Shape` when shapes do not fit, `DType` when dtypes differ or are not floating.
///
/// # PyTorch
/// `torch.lstm_cell`
///
/// # Examples
/// ```python
/// >>> state = [cf.zeros(4, 2), cf.ones(4, 2)]
/// >>> h, c = cf.lstm_cell(cf.ones(4, 3), state, cf.zeros(8, 3), cf.zeros(8, 2))
/// >>> h.shape, float(c[0, 0])
/// ((4, 2), 0.5)
/// ```
pub fn lstm_cell(
    input: &Tensor,
    hx: &[&Tensor],
    w_ih: &Tensor,
    w_hh: &Tensor,
    b_ih: Option<&Tensor>,
    b_hh: Option<&Tensor>,
) -> Result<LstmState> {
    if let Some(cast) = autocast::enter(autocast::LOWER_ON_GPU, &[input]) {
        return lstm_cell(
            &cast.of(input)?,
            &cast.list(hx)?.iter().collect::<Vec<_>>(),
            &cast.of(w_ih)?,
            &cast.of(w_hh)?,
            cast.optional(b_ih)?.as_ref(),
            cast.optional(b_hh)?.as_ref(),
        );
    }
    let (h, c) = step("lstm_cell", Cell::Lstm, input, hx, [w_ih, w_hh], [b_ih, b_hh])?;
    Ok(LstmState { h, c: c.ok_or_else(|| Error::internal("an LSTM has two states"))? })
}

/// One step of gated recurrent units.
///
/// `r z` are gates, `n = tanh(x_n + r h_n)` and `h' = (1 - z) n + z h`. `input` is `[sequences, input]` or `[input]`,
/// `hx` is the state, `[sequences, hidden]` or `[hidden]`, `w_ih`
/// `[3 hidden, input]`, `w_hh` `[3 hidden, hidden]`, the biases `[3 hidden]`. Differentiable.
///
/// # Defaults
/// b_ih = None, b_hh = None
///
/// # Errors
/// `Shape` when shapes do not fit, `DType` when dtypes differ or are not floating.
///
/// # PyTorch
/// `torch.gru_cell`
///
/// # Examples
/// ```python
/// >>> cf.gru_cell(cf.ones(4, 3), cf.zeros(4, 2), cf.zeros(6, 3), cf.zeros(6, 2)).shape
/// (4, 2)
/// ```
pub fn gru_cell(
    input: &Tensor,
    hx: &Tensor,
    w_ih: &Tensor,
    w_hh: &Tensor,
    b_ih: Option<&Tensor>,
    b_hh: Option<&Tensor>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER_ON_GPU, &[input]) {
        return gru_cell(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.of(w_ih)?,
            &cast.of(w_hh)?,
            cast.optional(b_ih)?.as_ref(),
            cast.optional(b_hh)?.as_ref(),
        );
    }
    Ok(step("gru_cell", Cell::Gru, input, &[hx], [w_ih, w_hh], [b_ih, b_hh])?.0)
}

/// One step of a recurrent layer with a hyperbolic tangent.
///
/// `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`. `input` is `[sequences, input]` or `[input]`,
/// `hx` is the state, `[sequences, hidden]` or `[hidden]`, `w_ih`
/// `[hidden, input]`, `w_hh` `[hidden, hidden]`, the biases `[hidden]`. Differentiable.
///
/// # Defaults
/// b_ih = None, b_hh = None
///
/// # Errors
/// `Shape` when shapes do not fit, `DType` when dtypes differ or are not floating.
///
/// # PyTorch
/// `torch.rnn_tanh_cell`
///
/// # Examples
/// ```python
/// >>> cf.rnn_tanh_cell(cf.ones(4, 3), cf.zeros(4, 2), cf.zeros(2, 3), cf.zeros(2, 2)).shape
/// (4, 2)
/// ```
pub fn rnn_tanh_cell(
    input: &Tensor,
    hx: &Tensor,
    w_ih: &Tensor,
    w_hh: &Tensor,
    b_ih: Option<&Tensor>,
    b_hh: Option<&Tensor>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER_ON_GPU, &[input]) {
        return rnn_tanh_cell(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.of(w_ih)?,
            &cast.of(w_hh)?,
            cast.optional(b_ih)?.as_ref(),
            cast.optional(b_hh)?.as_ref(),
        );
    }
    Ok(step("rnn_tanh_cell", Cell::Plain(Nonlinearity::Tanh), input, &[hx], [w_ih, w_hh], [b_ih, b_hh])?.0)
}

/// One step of a recurrent layer with a ReLU.
///
/// `h' = max(W_ih x + b_ih + W_hh h + b_hh, 0)`. `input` is `[sequences, input]` or `[input]`,
/// `hx` is the state, `[sequences, hidden]` or `[hidden]`, `w_ih`
/// `[hidden, input]`, `w_hh` `[hidden, hidden]`, the biases `[hidden]`. Differentiable.
///
/// # Defaults
/// b_ih = None, b_hh = None
///
/// # Errors
/// `Shape` when shapes do not fit, `DType` when dtypes differ or are not floating.
///
/// # PyTorch
/// `torch.rnn_relu_cell`
///
/// # Examples
/// ```python
/// >>> cf.rnn_relu_cell(cf.ones(4, 3), cf.zeros(4, 2), cf.zeros(2, 3), cf.zeros(2, 2)).shape
/// (4, 2)
/// ```
pub fn rnn_relu_cell(
    input: &Tensor,
    hx: &Tensor,
    w_ih: &Tensor,
    w_hh: &Tensor,
    b_ih: Option<&Tensor>,
    b_hh: Option<&Tensor>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER_ON_GPU, &[input]) {
        return rnn_relu_cell(
            &cast.of(input)?,
            &cast.of(hx)?,
            &cast.of(w_ih)?,
            &cast.of(w_hh)?,
            cast.optional(b_ih)?.as_ref(),
            cast.optional(b_hh)?.as_ref(),
        );
    }
    Ok(step("rnn_relu_cell", Cell::Plain(Nonlinearity::Relu), input, &[hx], [w_ih, w_hh], [b_ih, b_hh])?.0)
}
