//! Recurrent layers: all layers, directions and steps, forward and backward, in float32 and float64. On a device without
//! kernels the operation is composed of others.

mod direction;

use super::copy::{contiguous, from_vec};
use super::dispatch::CpuElement;
use super::elementwise::{Binary, binary, select};
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Error, Generator, Result, compute, random, shape};
use candle_ffi_kernels::recurrent::{Nonlinearity, Real, Steps};

/// What a layer computes at each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Lstm,
    Gru,
    Plain(Nonlinearity),
}

impl Cell {
    /// How many maps of the input and of the state it has.
    pub(crate) fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru => 3,
            Cell::Plain(_) => 1,
        }
    }

    /// How many tensors its state is.
    pub(crate) fn states(self) -> usize {
        if self == Cell::Lstm { 2 } else { 1 }
    }
}

/// Where the weights of one layer in one direction stand among all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    /// `[gates · hidden, input]`
    pub(crate) ih: usize,
    /// `[gates · hidden, state]`
    pub(crate) hh: usize,
    pub(crate) bias_ih: Option<usize>,
    pub(crate) bias_hh: Option<usize>,
    /// The projection, `[state, hidden]`.
    pub(crate) hr: Option<usize>,
}

/// Sizes and options, checked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cell: Cell,
    pub(crate) dtype: DType,
    /// How many sequences each step has.
    pub(crate) sizes: Vec<usize>,
    /// The size of a layer's inner state, and of what it gives.
    pub(crate) hidden: usize,
    pub(crate) state: usize,
    pub(crate) layers: usize,
    pub(crate) directions: usize,
    /// Layer by layer, and in each the direction from the first step before the other.
    pub(crate) weights: Vec<Weights>,
    /// The probability that an element between two layers is dropped; 0 when evaluating.
    pub(crate) dropout: f64,
}

impl Plan {
    /// The number of rows of all steps.
    pub(crate) fn rows(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The number of sequences.
    pub(crate) fn sequences(&self) -> usize {
        self.sizes.first().copied().unwrap_or(0)
    }

    /// The size of a row of outputs.
    pub(crate) fn width(&self) -> usize {
        self.directions * self.state
    }

    /// What the outputs of each layer but the last are multiplied by.
    pub(crate) fn noise(&self, device: crate::Device, generator: Option<&Generator>) -> Result<Vec<Value>> {
        if self.dropout == 0.0 {
            return Ok(Vec::new());
        }
        let dims = [self.rows(), self.width()];
        let count = shape::check_allocation_on(&dims, self.dtype, device)?;
        let scalar = |number: f64| compute::fill(number, &[], self.dtype, device);
        let scale = scalar(if self.dropout == 1.0 { 0.0 } else { 1.0 / (1.0 - self.dropout) })?;
        (1..self.layers)
            .map(|_| {
                let draws = random::or_default(generator).draw_on(count, device)?;
                let keep = compute::bernoulli(draws, &dims, device, 1.0 - self.dropout)?;
                select(&keep, &scale, &scalar(0.0)?)
            })
            .collect()
    }

    fn steps(&self) -> [Steps; 2] {
        [Steps::new(&self.sizes, false), Steps::new(&self.sizes, true)]
    }
}

/// What an operation is given: `[rows, input]`, `[layers · directions, sequences, …]`, and all weights; contiguous.
pub(crate) struct Inputs {
    pub(crate) rows: Value,
    pub(crate) h0: Value,
    pub(crate) c0: Option<Value>,
    pub(crate) weights: Vec<Value>,
    pub(crate) noise: Vec<Value>,
}

/// `[rows, directions · state]`, the last states, and what the gradient needs.
pub(crate) struct Outputs {
    pub(crate) output: Value,
    pub(crate) h_n: Value,
    pub(crate) c_n: Option<Value>,
    pub(crate) kept: Vec<Kept>,
}

/// What a layer keeps for its gradient.
pub(crate) struct Kept {
    /// Its inputs and outputs; those of the first and of the last layer are the operation's own.
    pub(super) input: Option<Value>,
    pub(super) output: Option<Value>,
    /// For each direction.
    pub(super) directions: Vec<Vec<Value>>,
}

/// Gradients of the results, or of the inputs; `None` where there is none.
pub(crate) struct Gradients {
    pub(crate) rows: Option<Value>,
    pub(crate) h: Option<Value>,
    pub(crate) c: Option<Value>,
    pub(crate) weights: Vec<Option<Value>>,
}

macro_rules! with_real {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            DType::Float32 => {
                type $T = f32;
                $body
            }
            DType::Float64 => {
                type $T = f64;
                $body
            }
            dtype => Err(Error::internal(format!("a recurrent layer reached its kernel with {dtype}"))),
        }
    };
}

/// Whether a device has kernels for layers like these.
pub(crate) fn has_recurrent(plan: &Plan, device: crate::Device) -> bool {
    device.is_cpu()
        || (cfg!(feature = "cuda") && !device.is_cpu() && plan.rows() > 0 && plan.hidden > 0 && plan.state > 0)
}

/// All layers. Without `keep` there is no way back.
pub(crate) fn recurrent(plan: &Plan, inputs: &Inputs, keep: bool) -> Result<Outputs> {
    on_cuda!(recurrent(plan, inputs, keep));
    shape::check_allocation(&[plan.rows(), plan.directions, plan.cell.gates(), plan.hidden], plan.dtype)?;
    with_real!(plan.dtype, T => layers::<T>(plan, inputs, keep))
}

/// The gradients of what is wanted, from those of the results. `output` is the operation's.
pub(crate) fn recurrent_grad(
    plan: &Plan,
    inputs: &Inputs,
    kept: &[Kept],
    output: &Value,
    grad: &Gradients,
    wanted: &Wanted,
) -> Result<Gradients> {
    on_cuda!(recurrent_grad(plan, inputs, kept, output, grad, wanted));
    with_real!(plan.dtype, T => layers_grad::<T>(plan, inputs, kept, output, grad, wanted))
}

/// Which gradients somebody waits for.
pub(crate) struct Wanted {
    pub(crate) rows: bool,
    pub(crate) weights: Vec<bool>,
}

fn layers<T: CpuElement + Real>(plan: &Plan, inputs: &Inputs, keep: bool) -> Result<Outputs> {
    let steps = plan.steps();
    let (rows, sequences) = (plan.rows(), plan.sequences());
    let (mut h_n, mut c_n) = (Vec::<T>::new(), Vec::<T>::new());
    let mut kept = Vec::new();
    let mut input = inputs.rows.clone();
    for layer in 0..plan.layers {
        let mut out = vec![T::ZERO; rows * plan.width()];
        let mut directions = Vec::new();
        for (direction, steps) in steps[..plan.directions].iter().enumerate() {
            let place = direction::Place { plan, steps, inputs, layer, direction };
            let last = place.forward::<T>(&input, &mut out, keep)?;
            h_n.extend_from_slice(&last.h_n);
            c_n.extend_from_slice(&last.c_n);
            directions.push(last.kept);
        }
        let output = from_vec(out, &[rows, plan.width()], plan.dtype);
        let next = match inputs.noise.get(layer) {
            Some(noise) => binary(Binary::Mul, &output, noise)?,
            None => output.clone(),
        };
        if keep {
            let own_input = (layer > 0).then(|| input.clone());
            kept.push(Kept { input: own_input, output: (layer + 1 < plan.layers).then_some(output), directions });
        }
        input = next;
    }
    let count = plan.layers * plan.directions;
    let c_n = (plan.cell == Cell::Lstm).then(|| from_vec(c_n, &[count, sequences, plan.hidden], plan.dtype));
    Ok(Outputs { output: input, h_n: from_vec(h_n, &[count, sequences, plan.state], plan.dtype), c_n, kept })
}

fn layers_grad<T: CpuElement + Real>(
    plan: &Plan,
    inputs: &Inputs,
    kept: &[Kept],
    output: &Value,
    grad: &Gradients,
    wanted: &Wanted,
) -> Result<Gradients> {
    let steps = plan.steps();
    let count = plan.layers * plan.directions;
    let (mut h0, mut c0) = (vec![Vec::<T>::new(); count], vec![Vec::<T>::new(); count]);
    let mut weights = vec![None; inputs.weights.len()];
    let mut above = grad.rows.clone();
    for layer in (0..plan.layers).rev() {
        let own = &kept[layer];
        let input = own.input.as_ref().unwrap_or(&inputs.rows);
        let output = own.output.as_ref().unwrap_or(output);
        if let (Some(noise), Some(grad)) = (inputs.noise.get(layer), &above) {
            above = Some(binary(Binary::Mul, grad, noise)?);
        }
        let mut below: Option<Vec<T>> = None;
        for (direction, steps) in steps[..plan.directions].iter().enumerate() {
            let place = direction::Place { plan, steps, inputs, layer, direction };
            let found = place.backward::<T>(
                input,
                output,
                &own.directions[direction],
                &direction::Arriving { out: above.as_ref(), h_n: grad.h.as_ref(), c_n: grad.c.as_ref() },
                layer > 0 || wanted.rows,
                &wanted.weights,
                &mut weights,
            )?;
            h0[layer * plan.directions + direction] = found.h0;
            c0[layer * plan.directions + direction] = found.c0;
            below = match (below, found.rows) {
                (Some(mut sum), Some(other)) => {
                    sum.iter_mut().zip(other).for_each(|(x, y)| *x += y);
                    Some(sum)
                }
                (before, other) => before.or(other),
            };
        }
        above = below.map(|rows| from_vec(rows, input.dims(), plan.dtype));
    }
    let joined =
        |parts: Vec<Vec<T>>, width: usize| from_vec(parts.concat(), &[count, plan.sequences(), width], plan.dtype);
    let c = (plan.cell == Cell::Lstm).then(|| joined(c0, plan.hidden));
    Ok(Gradients { rows: above, h: Some(joined(h0, plan.state)), c, weights })
}
