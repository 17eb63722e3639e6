//! One layer in one direction: the products over all steps, around the kernel that goes from step to step.

use super::{Cell, Inputs, Plan, Weights, contiguous, from_vec, lock};
use crate::Result;
use crate::compute::dispatch::CpuElement;
use crate::value::Value;
use candle_ffi_kernels::matmul::{matmul, matmul_add};
use candle_ffi_kernels::recurrent::{
    Columns, ColumnsMut, GruInput, Incoming, LstmInput, LstmKept, PlainInput, Real, Steps, gru, gru_grad, lstm,
    lstm_grad, plain, plain_grad,
};
use candle_ffi_kernels::{Strided, reduce};

/// Which layer and direction of what.
pub(super) struct Place<'a> {
    pub(super) plan: &'a Plan,
    pub(super) steps: &'a Steps,
    pub(super) inputs: &'a Inputs,
    pub(super) layer: usize,
    pub(super) direction: usize,
}

/// The last states of a direction, and what its gradient needs.
pub(super) struct Last<T> {
    pub(super) h_n: Vec<T>,
    pub(super) c_n: Vec<T>,
    pub(super) kept: Vec<Value>,
}

/// The gradients that arrive at a layer: of its outputs, and of the last states of all layers.
pub(super) struct Arriving<'a> {
    pub(super) out: Option<&'a Value>,
    pub(super) h_n: Option<&'a Value>,
    pub(super) c_n: Option<&'a Value>,
}

/// The gradients of what is not a weight.
pub(super) struct Found<T> {
    pub(super) rows: Option<Vec<T>>,
    pub(super) h0: Vec<T>,
    pub(super) c0: Vec<T>,
}

/// A matrix of rows that lie one after the other.
fn rows<'a, T>(data: &'a [T], shape: &'a [usize; 2], strides: &'a [usize; 2]) -> Strided<'a, T>
where
    T: CpuElement,
{
    Strided::new(data, 0, shape, strides)
}

/// `aᵀ b` of `[rows, n]` and `[rows, m]`: the gradient of a weight.
fn transposed_product<T: CpuElement + Real>(a: &[T], b: &[T], [count, n, m]: [usize; 3]) -> Vec<T> {
    matmul(rows(a, &[n, count], &[1, n]), rows(b, &[count, m], &[m, 1]))
}

/// The part of a state that belongs to one layer and direction.
fn part<T>(data: &[T], at: usize, size: usize) -> &[T] {
    &data[at * size..(at + 1) * size]
}

impl Place<'_> {
    fn index(&self) -> usize {
        self.layer * self.plan.directions + self.direction
    }

    fn weights(&self) -> Weights {
        self.plan.weights[self.index()]
    }

    /// The weights as the lock takes them: what is absent is not looked at.
    fn values(&self) -> [&Value; 8] {
        let (Weights { ih, hh, bias_ih, bias_hh, hr }, inputs) = (self.weights(), self.inputs);
        let optional = |at: Option<usize>| &inputs.weights[at.unwrap_or(ih)];
        let c0 = inputs.c0.as_ref().unwrap_or(&inputs.h0);
        let weights = &inputs.weights;
        [&inputs.rows, &weights[ih], &weights[hh], optional(bias_ih), optional(bias_hh), optional(hr), &inputs.h0, c0]
    }

    /// Writes the outputs into this direction's columns of `out`.
    pub(super) fn forward<T: CpuElement + Real>(&self, input: &Value, out: &mut [T], keep: bool) -> Result<Last<T>> {
        let Plan { cell, hidden, state, dtype, .. } = *self.plan;
        let Weights { bias_ih, bias_hh, hr, .. } = self.weights();
        let [_, weight_ih, weight_hh, first_bias, second_bias, weight_hr, h0, c0] = self.values();
        let locked = lock([input, weight_ih, weight_hh, first_bias, second_bias, weight_hr, h0, c0]);
        let (count, size, maps) = (self.steps.rows(), input.dims()[1], cell.gates() * hidden);
        let bias_ih = bias_ih.map(|_| locked.slice::<T>(3)).transpose()?;
        let bias_hh = bias_hh.map(|_| locked.slice::<T>(4)).transpose()?;
        let sum;
        let bias = match (bias_ih, bias_hh) {
            // The last map of a GRU has its bias inside.
            (bias, _) if cell == Cell::Gru => bias,
            (Some(one), Some(other)) => {
                sum = one.iter().zip(other).map(|(x, y)| *x + *y).collect::<Vec<T>>();
                Some(&sum[..])
            }
            (one, other) => one.or(other),
        };
        let (left, right) = ([count, size], [size, maps]);
        let (left_strides, right_strides) = ([size, 1], [1, size]);
        let left = rows(locked.slice(0)?, &left, &left_strides);
        let right = rows(locked.slice(1)?, &right, &right_strides);
        let gates = match bias {
            Some(bias) => matmul_add(left, right, bias),
            None => matmul(left, right),
        };
        let (steps, weight_hh) = (self.steps, locked.slice(2)?);
        let h0 = part(locked.slice(6)?, self.index(), steps.sequences() * state);
        let out = ColumnsMut { data: out, stride: self.plan.width(), first: self.direction * state };
        let keep_all = |values: Vec<Vec<T>>| -> Vec<Value> {
            if !keep {
                return Vec::new();
            }
            values
                .into_iter()
                .map(|value| {
                    let len = value.len();
                    from_vec(value, &[len], dtype)
                })
                .collect()
        };
        Ok(match cell {
            Cell::Lstm => {
                let weight_hr = hr.map(|_| locked.slice(5)).transpose()?;
                let c0 = part(locked.slice(7)?, self.index(), steps.sequences() * hidden);
                let result = lstm(&LstmInput { steps, hidden, weight_hh, weight_hr, h0, c0 }, gates, out, keep);
                let LstmKept { gates, c_before, tanh_c } = result.kept;
                Last { h_n: result.h_n, c_n: result.c_n, kept: keep_all(vec![gates, c_before, tanh_c]) }
            }
            Cell::Gru => {
                let result = gru(&GruInput { steps, hidden, weight_hh, bias_hh, h0 }, gates, out, keep);
                Last { h_n: result.h_n, c_n: Vec::new(), kept: keep_all(vec![result.gates, result.inner]) }
            }
            Cell::Plain(nonlinearity) => {
                let result = plain(&PlainInput { steps, hidden, nonlinearity, weight_hh, h0 }, gates, out);
                Last { h_n: result.h_n, c_n: Vec::new(), kept: keep_all(vec![result.states]) }
            }
        })
    }

    /// Puts the wanted gradients of this direction's weights into their places.
    #[expect(clippy::too_many_arguments, reason = "what a layer has, what arrives, and what is asked for")]
    pub(super) fn backward<T: CpuElement + Real>(
        &self,
        input: &Value,
        output: &Value,
        kept: &[Value],
        arriving: &Arriving<'_>,
        wants_rows: bool,
        wanted: &[bool],
        found: &mut [Option<Value>],
    ) -> Result<Found<T>> {
        let Plan { cell, hidden, state, dtype, .. } = *self.plan;
        let Weights { ih, hh, bias_ih, bias_hh, hr } = self.weights();
        let [_, weight_ih, weight_hh, _, second_bias, weight_hr, h0, c0] = self.values();
        let absent = h0;
        let [out, h_n, c_n] = [arriving.out, arriving.h_n, arriving.c_n].map(|grad| grad.unwrap_or(absent));
        let saved = |at: usize| kept.get(at).unwrap_or(absent);
        let locked = lock([
            input,
            weight_ih,
            weight_hh,
            second_bias,
            weight_hr,
            h0,
            c0,
            output,
            out,
            h_n,
            c_n,
            saved(0),
            saved(1),
            saved(2),
        ]);
        let steps = self.steps;
        let (count, sequences, size, maps) = (steps.rows(), steps.sequences(), input.dims()[1], cell.gates() * hidden);
        let (stride, first) = (self.plan.width(), self.direction * state);
        let columns = |data| Columns { data, stride, first };
        let h0 = part(locked.slice::<T>(5)?, self.index(), sequences * state);
        let last = |at: usize, size: usize| -> Result<&[T]> {
            Ok(part(locked.slice::<T>(at)?, self.index(), sequences * size))
        };
        let grad = Incoming {
            out: arriving.out.map(|_| locked.slice(8).map(columns)).transpose()?,
            h_n: arriving.h_n.map(|_| last(9, state)).transpose()?,
            c_n: arriving.c_n.map(|_| last(10, hidden)).transpose()?,
        };
        let weight_hh = locked.slice(2)?;
        let wants_hh = wanted[hh];
        let mut before = Vec::new();
        if wants_hh || cell == Cell::Gru {
            before = steps.before(columns(locked.slice(7)?), h0, state);
        }
        let mut keep = |at: usize, data: Vec<T>| {
            found[at] = Some(from_vec(data, self.inputs.weights[at].dims(), dtype));
        };
        // Of the maps of the inputs, and of the states where they are others.
        let (gates, hidden_gates, h0, c0) = match cell {
            Cell::Lstm => {
                let weight_hr = hr.map(|_| locked.slice(4)).transpose()?;
                let c0 = part(locked.slice(6)?, self.index(), sequences * hidden);
                let input = LstmInput { steps, hidden, weight_hh, weight_hr, h0, c0 };
                let result = lstm_grad(&input, locked.slice(11)?, locked.slice(12)?, locked.slice(13)?, &grad);
                if let (Some((results, inner)), Some(at)) = (&result.projection, hr.filter(|at| wanted[*at])) {
                    keep(at, transposed_product(results, inner, [count, state, hidden]));
                }
                (result.gates, None, result.h0, result.c0)
            }
            Cell::Gru => {
                let bias_hh = bias_hh.map(|_| locked.slice(3)).transpose()?;
                let input = GruInput { steps, hidden, weight_hh, bias_hh, h0 };
                let result = gru_grad(&input, locked.slice(11)?, locked.slice(12)?, &before, &grad);
                (result.input_gates, Some(result.hidden_gates), result.h0, Vec::new())
            }
            Cell::Plain(nonlinearity) => {
                let input = PlainInput { steps, hidden, nonlinearity, weight_hh, h0 };
                let result = plain_grad(&input, locked.slice(11)?, &grad);
                (result.gates, None, result.h0, Vec::new())
            }
        };
        let of_states = hidden_gates.as_deref().unwrap_or(&gates);
        if wanted[ih] {
            keep(ih, transposed_product(&gates, locked.slice(0)?, [count, maps, size]));
        }
        if wants_hh {
            keep(hh, transposed_product(of_states, &before, [count, maps, state]));
        }
        let wants = |bias: Option<usize>| bias.filter(|at| wanted[*at]);
        match (wants(bias_ih), wants(bias_hh)) {
            (Some(one), Some(other)) if hidden_gates.is_none() => {
                let sum = reduce::sum(&gates, 1, count, maps);
                keep(one, sum.clone());
                keep(other, sum);
            }
            (one, other) => {
                if let Some(at) = one {
                    keep(at, reduce::sum(&gates, 1, count, maps));
                }
                if let Some(at) = other {
                    keep(at, reduce::sum(of_states, 1, count, maps));
                }
            }
        }
        let rows = wants_rows.then(|| -> Result<Vec<T>> {
            let (left, right) = ([count, maps], [maps, size]);
            Ok(matmul(rows(&gates, &left, &[maps, 1]), rows(locked.slice(1)?, &right, &[size, 1])))
        });
        Ok(Found { rows: rows.transpose()?, h0, c0 })
    }
}

/// The inputs of an operation, contiguous.
impl Inputs {
    /// The same, made contiguous.
    pub(crate) fn contiguous(self) -> Result<Self> {
        let weights = self.weights.iter().map(contiguous).collect::<Result<_>>()?;
        let c0 = self.c0.as_ref().map(contiguous).transpose()?;
        Ok(Self { rows: contiguous(&self.rows)?, h0: contiguous(&self.h0)?, c0, weights, noise: self.noise })
    }
}
