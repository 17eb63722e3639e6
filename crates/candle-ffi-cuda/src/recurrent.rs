//! Recurrent layers, one layer in one direction: the map of the inputs of all steps is one product, and a step is one product
//! and one kernel. In float32 and float64.
//!
//! The rows of all steps lie one after the other, the first step's first; a step may have fewer than the one before.

use crate::array::{address, device, empty};
use crate::binary::binary;
use crate::copy::{copied, fill};
use crate::gemm::{Gemm, Matrix};
use crate::launch::Launch;
use crate::matmul::matmul;
use crate::ptx;
use candle_core::{CudaDevice, DType, Result, Tensor, bail};
use candle_ffi_kernels::binary::Binary;
use candle_ffi_kernels::recurrent::Nonlinearity;

/// What a layer computes at each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentCell {
    /// Long short-term memory, with or without a projection.
    Lstm,
    /// The gated recurrent unit.
    Gru,
    /// A function of one map.
    Plain(Nonlinearity),
}

/// A layer in one direction; all tensors are contiguous.
pub struct Recurrent<'a> {
    /// What it computes.
    pub cell: RecurrentCell,
    /// How many sequences each step has.
    pub sizes: &'a [usize],
    /// Whether the last step comes first.
    pub reverse: bool,
    /// The size of the inner state, and of what it gives.
    pub hidden: usize,
    /// See `hidden`.
    pub state: usize,
    /// `[gates · hidden, input]`
    pub weight_ih: &'a Tensor,
    /// `[gates · hidden, state]`
    pub weight_hh: &'a Tensor,
    /// `[gates · hidden]`
    pub bias_ih: Option<&'a Tensor>,
    /// `[gates · hidden]`
    pub bias_hh: Option<&'a Tensor>,
    /// The projection, `[state, hidden]`.
    pub weight_hr: Option<&'a Tensor>,
    /// `[sequences, state]`
    pub h0: &'a Tensor,
    /// `[sequences, hidden]`, of an LSTM.
    pub c0: Option<&'a Tensor>,
    /// The first of this direction's columns in matrices of outputs.
    pub first: usize,
}

/// The last states of a direction, and what its gradient needs.
pub struct RecurrentLast {
    /// `[sequences, state]`
    pub h_n: Tensor,
    /// `[sequences, hidden]`, of an LSTM.
    pub c_n: Option<Tensor>,
    /// For [`Recurrent::backward`].
    pub kept: Vec<Tensor>,
}

/// The gradients that arrive at a direction.
#[derive(Clone, Copy)]
pub struct RecurrentGrad<'a> {
    /// Of all outputs, `[rows, width]`.
    pub out: Option<&'a Tensor>,
    /// Of the last state, `[sequences, state]`.
    pub h_n: Option<&'a Tensor>,
    /// Of the last cell state, `[sequences, hidden]`.
    pub c_n: Option<&'a Tensor>,
}

/// What the gradients of the weights are made of, and those of the first states.
pub struct RecurrentFound {
    /// `[rows, gates · hidden]`: the gradient of the map of the inputs.
    pub gates: Tensor,
    /// Of the map of the states, where it is another.
    pub hidden_gates: Option<Tensor>,
    /// `[rows, state]`: the states before each row's step.
    pub before: Option<Tensor>,
    /// `[sequences, state]`
    pub h0: Tensor,
    /// `[sequences, hidden]`, of an LSTM.
    pub c0: Option<Tensor>,
    /// Of a projection `[rows, state]`, the gradients of its results, and `[rows, hidden]`, what it was given.
    pub projection: Option<(Tensor, Tensor)>,
}

/// A step's rows.
#[derive(Clone, Copy)]
struct Step {
    start: usize,
    count: usize,
}

/// Where some columns of rows are.
#[derive(Clone, Copy)]
struct Place {
    address: u64,
    stride: usize,
}

impl Recurrent<'_> {
    fn dtype(&self) -> DType {
        self.weight_hh.dtype()
    }

    fn device(&self) -> Result<&CudaDevice> {
        device(self.weight_hh)
    }

    fn gates(&self) -> usize {
        match self.cell {
            RecurrentCell::Lstm => 4,
            RecurrentCell::Gru => 3,
            RecurrentCell::Plain(_) => 1,
        }
    }

    fn maps(&self) -> usize {
        self.gates() * self.hidden
    }

    /// The steps in the order of the direction.
    fn steps(&self) -> Vec<Step> {
        let mut start = 0;
        let mut steps: Vec<Step> = self
            .sizes
            .iter()
            .map(|&count| {
                start += count;
                Step { start: start - count, count }
            })
            .collect();
        if self.reverse {
            steps.reverse();
        }
        steps
    }

    fn empty(&self, dims: (usize, usize)) -> Result<Tensor> {
        empty(self.device()?, dims, self.dtype())
    }

    /// The address of a row.
    fn row(&self, x: &Tensor, row: usize, width: usize) -> Result<u64> {
        Ok(address(x)? + (row * width * self.dtype().size_in_bytes()) as u64)
    }

    /// This direction's columns of a matrix of outputs, from a row on.
    fn columns(&self, x: &Tensor, row: usize) -> Result<Place> {
        let stride = x.dim(1)?;
        let bytes = (row * stride + self.first) * self.dtype().size_in_bytes();
        Ok(Place { address: address(x)? + bytes as u64, stride })
    }

    fn launch(&self, name: &'static str) -> Result<Launch> {
        Launch::of(self.device()?, ptx::RECURRENT, name, self.dtype())
    }

    /// Copies rows, and adds others to the copy.
    fn copy_rows(&self, from: Place, other: Option<Place>, to: Place, [count, width]: [usize; 2]) -> Result<()> {
        let other = other.unwrap_or(Place { address: 0, stride: 0 });
        let mut launch = self.launch("recurrent_rows")?;
        for place in [from, other, to] {
            launch.value(place.address).value(place.stride);
        }
        // SAFETY: as the kernel is declared; callers have so many rows at each place.
        unsafe { launch.value(width).over(count * width) }
    }

    /// `rows × weightᵀ` of a weight `[n, k]`, or `rows × weight` of a weight `[k, n]`, into rows without gaps.
    fn product(
        &self,
        from: u64,
        weight: &Tensor,
        transposed: bool,
        into: u64,
        [m, n, k]: [usize; 3],
        keep: f64,
    ) -> Result<()> {
        let at = address(weight)?;
        let weight = if transposed { Matrix::columns(at, k) } else { Matrix::rows(at, n) };
        let gemm = Gemm { keep, ..Gemm::new([m, n, k], self.dtype()) };
        // SAFETY: callers have m rows at either place.
        unsafe { gemm.run(self.device()?, Matrix::rows(from, k), weight, Matrix::rows(into, n)) }
    }

    /// Writes the outputs into this direction's columns of `out`. `input` is `[rows, input]`.
    pub fn forward(&self, input: &Tensor, out: &Tensor, keep: bool) -> Result<RecurrentLast> {
        let (hidden, state, maps) = (self.hidden, self.state, self.maps());
        let bias = match (self.bias_ih, self.bias_hh) {
            // The last map of a GRU has its bias inside.
            (bias, _) if self.cell == RecurrentCell::Gru => bias.cloned(),
            (Some(one), Some(other)) => binary(Binary::Add, one, other, one.dims())?,
            (one, other) => one.or(other).cloned(),
        };
        let Some(gates) = matmul(input, &self.weight_ih.t()?, bias.as_ref())? else { bail!("no product of inputs") };
        let h = copied(self.h0)?;
        let c = self.c0.map(copied).transpose()?;
        let (rows, sequences) = (input.dim(0)?, self.h0.dim(0)?);
        let kept = if keep { rows } else { 0 };
        // Of an LSTM both; of a GRU the first is the map of the state inside of the last gate.
        let (first, second) = match self.cell {
            RecurrentCell::Lstm => (self.empty((kept, hidden))?, self.empty((kept, hidden))?),
            RecurrentCell::Gru => (self.empty((kept, hidden))?, self.empty((0, hidden))?),
            RecurrentCell::Plain(_) => (self.empty((0, hidden))?, self.empty((0, hidden))?),
        };
        let at = |x: &Tensor, step: Step| if keep { self.row(x, step.start, hidden) } else { Ok(0) };
        // The maps of a GRU's states, and what a projection is given.
        let scratch = self.empty((sequences, if self.cell == RecurrentCell::Gru { maps } else { hidden }))?;
        let (states, scratched) = (address(&h)?, address(&scratch)?);
        for step in self.steps() {
            let (count, to) = (step.count, self.columns(out, step.start)?);
            let own = self.row(&gates, step.start, maps)?;
            let elements = count * hidden;
            match self.cell {
                RecurrentCell::Lstm => {
                    self.product(states, self.weight_hh, true, own, [count, maps, state], 1.0)?;
                    let mut launch = self.launch("recurrent_lstm")?;
                    launch.value(own).optional(c.as_ref())?;
                    match self.weight_hr {
                        Some(_) => launch.value(scratched).value(0u64).value(0usize),
                        None => launch.value(states).value(to.address).value(to.stride),
                    };
                    launch.value(at(&first, step)?).value(at(&second, step)?).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                    if let Some(weight) = self.weight_hr {
                        self.product(scratched, weight, true, states, [count, state, hidden], 0.0)?;
                        self.copy_rows(Place { address: states, stride: state }, None, to, [count, state])?;
                    }
                }
                RecurrentCell::Gru => {
                    self.product(states, self.weight_hh, true, scratched, [count, maps, hidden], 0.0)?;
                    let mut launch = self.launch("recurrent_gru")?;
                    launch.value(own).value(scratched).optional(self.bias_hh)?.value(states);
                    launch.value(to.address).value(to.stride).value(at(&first, step)?).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                }
                RecurrentCell::Plain(nonlinearity) => {
                    self.product(states, self.weight_hh, true, own, [count, maps, hidden], 1.0)?;
                    let mut launch = self.launch("recurrent_plain")?;
                    launch.value(own).value(states).value(to.address).value(to.stride);
                    launch.value(i32::from(nonlinearity == Nonlinearity::Relu)).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                }
            }
        }
        let kept = match self.cell {
            _ if !keep => Vec::new(),
            RecurrentCell::Lstm => vec![gates, first, second],
            RecurrentCell::Gru => vec![gates, first],
            RecurrentCell::Plain(_) => vec![gates],
        };
        Ok(RecurrentLast { h_n: h, c_n: c, kept })
    }

    /// From what [`Self::forward`] kept and wrote to `out`.
    pub fn backward(
        &self,
        kept: &[Tensor],
        out: &Tensor,
        grad: RecurrentGrad<'_>,
        wants_before: bool,
    ) -> Result<RecurrentFound> {
        let (hidden, state, maps) = (self.hidden, self.state, self.maps());
        let (rows, sequences) = (out.dim(0)?, self.h0.dim(0)?);
        let begin = |grad: Option<&Tensor>, like: &Tensor| match grad {
            Some(grad) => copied(grad),
            None => fill(device(like)?, 0.0, like.dims(), like.dtype()),
        };
        let saved = |at: usize| match kept.get(at) {
            Some(kept) => Ok(kept),
            None => bail!("nothing was kept"),
        };
        let dh = begin(grad.h_n, self.h0)?;
        let dc = self.c0.map(|c0| begin(grad.c_n, c0)).transpose()?;
        let dgates = self.empty((rows, maps))?;
        let is_gru = self.cell == RecurrentCell::Gru;
        let hidden_gates = if is_gru { Some(self.empty((rows, maps))?) } else { None };
        let before = if wants_before || is_gru { Some(self.before(out)?) } else { None };
        let projection = match self.weight_hr {
            Some(_) => Some((self.empty((rows, state))?, self.empty((rows, hidden))?)),
            None => None,
        };
        let through = self.empty((sequences, hidden))?;
        let states = address(&dh)?;
        let none = Place { address: 0, stride: 0 };
        for step in self.steps().into_iter().rev() {
            let (count, elements) = (step.count, step.count * hidden);
            let arriving = grad.out.map(|out| self.columns(out, step.start)).transpose()?;
            let of = |x: &Tensor, width: usize| self.row(x, step.start, width);
            let own = of(&dgates, maps)?;
            match self.cell {
                RecurrentCell::Lstm => {
                    let (mut dstates, mut arriving, mut inner) = (states, arriving, 0);
                    if let (Some((results, given)), Some(weight)) = (&projection, self.weight_hr) {
                        let result = Place { address: of(results, state)?, stride: state };
                        self.copy_rows(Place { address: states, stride: state }, arriving, result, [count, state])?;
                        dstates = address(&through)?;
                        self.product(result.address, weight, false, dstates, [count, hidden, state], 0.0)?;
                        (arriving, inner) = (None, of(given, hidden)?);
                    }
                    let mut launch = self.launch("recurrent_lstm_grad")?;
                    launch.value(of(saved(0)?, maps)?).value(of(saved(1)?, hidden)?).value(of(saved(2)?, hidden)?);
                    let arriving = arriving.unwrap_or(none);
                    launch.value(dstates).value(arriving.address).value(arriving.stride).optional(dc.as_ref())?;
                    launch.value(own).value(inner).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                    self.product(own, self.weight_hh, false, states, [count, state, maps], 0.0)?;
                }
                RecurrentCell::Gru => {
                    let (Some(hidden_gates), Some(before)) = (&hidden_gates, &before) else {
                        bail!("a gradient of a GRU without its states")
                    };
                    let arriving = arriving.unwrap_or(none);
                    let other = of(hidden_gates, maps)?;
                    let mut launch = self.launch("recurrent_gru_grad")?;
                    launch.value(of(saved(0)?, maps)?).value(of(saved(1)?, hidden)?).value(of(before, hidden)?);
                    launch.value(states).value(arriving.address).value(arriving.stride);
                    launch.value(own).value(other).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                    self.product(other, self.weight_hh, false, states, [count, hidden, maps], 1.0)?;
                }
                RecurrentCell::Plain(nonlinearity) => {
                    let arriving = arriving.unwrap_or(none);
                    let mut launch = self.launch("recurrent_plain_grad")?;
                    launch.value(of(saved(0)?, maps)?).value(states).value(arriving.address).value(arriving.stride);
                    launch.value(own).value(i32::from(nonlinearity == Nonlinearity::Relu)).value(hidden);
                    // SAFETY: as the kernel is declared; each has rows for the step.
                    unsafe { launch.over(elements) }?;
                    self.product(own, self.weight_hh, false, states, [count, hidden, maps], 0.0)?;
                }
            }
        }
        Ok(RecurrentFound { gates: dgates, hidden_gates, before, h0: dh, c0: dc, projection })
    }

    /// The state before each row's step: that of the step before, or the first one.
    fn before(&self, out: &Tensor) -> Result<Tensor> {
        let state = self.state;
        let before = self.empty((out.dim(0)?, state))?;
        let fresh = |row: usize| self.row(&before, row, state).map(|address| Place { address, stride: state });
        let first = |row: usize| self.row(self.h0, row, state).map(|address| Place { address, stride: state });
        let steps = self.steps();
        let Some(start) = steps.first() else { return Ok(before) };
        self.copy_rows(first(0)?, None, fresh(start.start)?, [start.count, state])?;
        if steps.iter().all(|step| step.count == start.count) {
            // All other rows together.
            let rest = out.dim(0)? - start.count;
            let (from, to) = if self.reverse { (start.count, 0) } else { (0, start.count) };
            self.copy_rows(self.columns(out, from)?, None, fresh(to)?, [rest, state])?;
            return Ok(before);
        }
        for pair in steps.windows(2) {
            let (earlier, step) = (pair[0], pair[1]);
            let both = earlier.count.min(step.count);
            self.copy_rows(self.columns(out, earlier.start)?, None, fresh(step.start)?, [both, state])?;
            // Sequences that begin here.
            let new = step.count - both;
            self.copy_rows(first(both)?, None, fresh(step.start + both)?, [new, state])?;
        }
        Ok(before)
    }
}
