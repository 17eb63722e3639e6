//! All layers, directions and steps out of ordinary operations: for second derivatives, and for devices without kernels.

use crate::compute::{Cell, Plan, Weights};
use crate::ops::{add, cat, chunk, linear, mul, narrow, relu, select, sigmoid, stack, sub, tanh};
use crate::value::Value;
use crate::{Result, Tensor};
use candle_ffi_kernels::recurrent::Nonlinearity;

/// `[rows, directions · state]`, the last states, and the last cell states of an LSTM.
pub(super) fn composed(
    plan: &Plan,
    rows: &Tensor,
    h0: &Tensor,
    c0: Option<&Tensor>,
    weights: &[&Tensor],
    noise: &[Value],
) -> Result<Vec<Tensor>> {
    let mut input = rows.clone();
    let (mut h_n, mut c_n) = (Vec::new(), Vec::new());
    for layer in 0..plan.layers {
        let mut outputs = Vec::new();
        for direction in 0..plan.directions {
            let at = layer * plan.directions + direction;
            let cell = Step { cell: plan.cell, weights: plan.weights[at], all: weights };
            let mut state = vec![select(h0, 0, at as i64)?];
            if let Some(c0) = c0 {
                state.push(select(c0, 0, at as i64)?);
            }
            outputs.push(one_direction(plan, &cell, &input, &mut state, direction == 1)?);
            let mut state = state.into_iter();
            h_n.extend(state.next());
            c_n.extend(state.next());
        }
        input = joined(outputs, 1)?;
        if let Some(noise) = noise.get(layer) {
            input = mul(&input, &Tensor::from_value(noise.clone()))?;
        }
    }
    let mut results = vec![input, stack(&h_n.iter().collect::<Vec<_>>(), 0)?];
    if !c_n.is_empty() {
        results.push(stack(&c_n.iter().collect::<Vec<_>>(), 0)?);
    }
    Ok(results)
}

/// The outputs of one direction; `state` becomes the last one.
fn one_direction(plan: &Plan, cell: &Step<'_>, input: &Tensor, state: &mut [Tensor], reverse: bool) -> Result<Tensor> {
    let mapped = cell.map(input, cell.weights.ih, cell.weights.bias_ih)?;
    let mut start = 0;
    let mut steps = Vec::new();
    for &size in &plan.sizes {
        steps.push((start, size as i64));
        start += size as i64;
    }
    if reverse {
        steps.reverse();
    }
    let mut outputs = Vec::new();
    for (start, size) in steps {
        let before = state.iter().map(|state| narrow(state, 0, 0, size)).collect::<Result<Vec<_>>>()?;
        let after = cell.step(&narrow(&mapped, 0, start, size)?, &before)?;
        outputs.push(after[0].clone());
        for (state, after) in state.iter_mut().zip(after) {
            let ended = plan.sequences() as i64 - size;
            // Sequences that are shorter keep their last state.
            *state = if ended == 0 { after } else { cat(&[&after, &narrow(state, 0, size, ended)?], 0)? };
        }
    }
    if reverse {
        outputs.reverse();
    }
    joined(outputs, 0)
}

fn joined(mut parts: Vec<Tensor>, dim: i64) -> Result<Tensor> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    cat(&parts.iter().collect::<Vec<_>>(), dim)
}

/// A cell with its weights.
struct Step<'a> {
    cell: Cell,
    weights: Weights,
    all: &'a [&'a Tensor],
}

impl Step<'_> {
    fn map(&self, x: &Tensor, weight: usize, bias: Option<usize>) -> Result<Tensor> {
        linear(x, self.all[weight], bias.map(|at| self.all[at]))
    }

    /// The next state, from the mapped input and the state.
    fn step(&self, mapped: &Tensor, state: &[Tensor]) -> Result<Vec<Tensor>> {
        let h = &state[0];
        let from_state = self.map(h, self.weights.hh, self.weights.bias_hh)?;
        match self.cell {
            Cell::Plain(Nonlinearity::Tanh) => Ok(vec![tanh(&add(mapped, &from_state)?)?]),
            Cell::Plain(Nonlinearity::Relu) => Ok(vec![relu(&add(mapped, &from_state)?)?]),
            Cell::Lstm => {
                let gates = chunk(&add(mapped, &from_state)?, 4, 1)?;
                let (i, f, o) = (sigmoid(&gates[0])?, sigmoid(&gates[1])?, sigmoid(&gates[3])?);
                let c = add(&mul(&f, &state[1])?, &mul(&i, &tanh(&gates[2])?)?)?;
                let mut h = mul(&o, &tanh(&c)?)?;
                if let Some(hr) = self.weights.hr {
                    h = self.map(&h, hr, None)?;
                }
                Ok(vec![h, c])
            }
            Cell::Gru => {
                let (x, inner) = (chunk(mapped, 3, 1)?, chunk(&from_state, 3, 1)?);
                let r = sigmoid(&add(&x[0], &inner[0])?)?;
                let z = sigmoid(&add(&x[1], &inner[1])?)?;
                let n = tanh(&add(&x[2], &mul(&r, &inner[2])?)?)?;
                Ok(vec![add(&mul(&sub(h, &n)?, &z)?, &n)?])
            }
        }
    }
}
