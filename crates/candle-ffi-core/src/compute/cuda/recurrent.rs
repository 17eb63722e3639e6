//! Recurrent layers.

use super::together;
use crate::compute::recurrent::{Cell, Gradients, Inputs, Kept, Outputs, Plan, Wanted};
use crate::compute::{Binary, Reduce, binary, fill, join, reduce};
use crate::value::Value;
use crate::{DType, Error, Result};
use candle_core::Tensor;
use candle_ffi_cuda::{Recurrent, RecurrentCell, RecurrentGrad};

/// One layer in one direction.
fn direction<'a>(
    plan: &'a Plan,
    inputs: &'a Inputs,
    states: &'a [Tensor; 2],
    layer: usize,
    direction: usize,
) -> Recurrent<'a> {
    let weights = plan.weights[layer * plan.directions + direction];
    let array = |at: usize| &inputs.weights[at].array;
    Recurrent {
        cell: match plan.cell {
            Cell::Lstm => RecurrentCell::Lstm,
            Cell::Gru => RecurrentCell::Gru,
            Cell::Plain(nonlinearity) => RecurrentCell::Plain(nonlinearity),
        },
        sizes: &plan.sizes,
        reverse: direction == 1,
        hidden: plan.hidden,
        state: plan.state,
        weight_ih: array(weights.ih),
        weight_hh: array(weights.hh),
        bias_ih: weights.bias_ih.map(array),
        bias_hh: weights.bias_hh.map(array),
        weight_hr: weights.hr.map(array),
        h0: &states[0],
        c0: (plan.cell == Cell::Lstm).then_some(&states[1]),
        first: direction * plan.state,
    }
}

/// The part of states that belongs to one layer and direction.
fn part(states: &Value, plan: &Plan, at: usize, width: usize) -> Result<Tensor> {
    Ok(states.array.reshape((plan.layers * plan.directions, plan.sequences(), width))?.get(at)?)
}

/// The first states of one layer and direction; without cell states the second is the first again.
fn first_states(plan: &Plan, inputs: &Inputs, at: usize) -> Result<[Tensor; 2]> {
    let h0 = part(&inputs.h0, plan, at, plan.state)?;
    let c0 = match &inputs.c0 {
        Some(c0) => part(c0, plan, at, plan.hidden)?,
        None => h0.clone(),
    };
    Ok([h0, c0])
}

fn is_here(plan: &Plan, inputs: &Inputs) -> bool {
    let weights = inputs.weights.iter().all(|weight| together(&[&inputs.rows, weight]));
    let something = plan.rows() > 0 && plan.hidden > 0 && plan.state > 0;
    something && weights && together(&[&inputs.rows, &inputs.h0, inputs.c0.as_ref().unwrap_or(&inputs.h0)])
}

fn product(lhs: &Tensor, rhs: &Tensor) -> Result<Tensor> {
    candle_ffi_cuda::matmul(lhs, rhs, None)?.ok_or_else(|| Error::internal("a recurrent layer without products"))
}

pub(in crate::compute) fn recurrent(plan: &Plan, inputs: &Inputs, keep: bool) -> Result<Option<Outputs>> {
    if !is_here(plan, inputs) {
        return Ok(None);
    }
    let value = |array: Tensor| Value::new(array, plan.dtype);
    let (mut h_n, mut c_n, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut input = inputs.rows.clone();
    for layer in 0..plan.layers {
        // Every column is some direction's.
        let out = fill(0.0, &[plan.rows(), plan.width()], plan.dtype, inputs.rows.device())?;
        let mut directions = Vec::new();
        for number in 0..plan.directions {
            let states = first_states(plan, inputs, layer * plan.directions + number)?;
            let last = direction(plan, inputs, &states, layer, number).forward(&input.array, &out.array, keep)?;
            h_n.push(last.h_n);
            c_n.extend(last.c_n);
            directions.push(last.kept.into_iter().map(value).collect());
        }
        let next = match inputs.noise.get(layer) {
            Some(noise) => binary(Binary::Mul, &out, noise)?,
            None => out.clone(),
        };
        if keep {
            let own_input = (layer > 0).then(|| input.clone());
            kept.push(Kept { input: own_input, output: (layer + 1 < plan.layers).then_some(out), directions });
        }
        input = next;
    }
    let c_n = if c_n.is_empty() { None } else { Some(stacked(&c_n, plan.dtype)?) };
    Ok(Some(Outputs { output: input, h_n: stacked(&h_n, plan.dtype)?, c_n, kept }))
}

pub(in crate::compute) fn recurrent_grad(
    plan: &Plan,
    inputs: &Inputs,
    kept: &[Kept],
    output: &Value,
    grad: &Gradients,
    wanted: &Wanted,
) -> Result<Option<Gradients>> {
    if !is_here(plan, inputs) {
        return Ok(None);
    }
    let value = |array: Tensor| Value::new(array, plan.dtype);
    let count = plan.layers * plan.directions;
    let (mut h0, mut c0) = (vec![None; count], vec![None; count]);
    let mut weights = vec![None; inputs.weights.len()];
    let mut above = grad.rows.clone();
    for layer in (0..plan.layers).rev() {
        let own = &kept[layer];
        let input = own.input.as_ref().unwrap_or(&inputs.rows);
        let output = own.output.as_ref().unwrap_or(output);
        if let (Some(noise), Some(grad)) = (inputs.noise.get(layer), &above) {
            above = Some(binary(Binary::Mul, grad, noise)?);
        }
        let mut below: Option<Value> = None;
        for number in 0..plan.directions {
            let at = layer * plan.directions + number;
            let (places, states) = (plan.weights[at], first_states(plan, inputs, at)?);
            let last =
                |grad: &Option<Value>, width: usize| grad.as_ref().map(|grad| part(grad, plan, at, width)).transpose();
            let (h_n, c_n) = (last(&grad.h, plan.state)?, last(&grad.c, plan.hidden)?);
            let arriving =
                RecurrentGrad { out: above.as_ref().map(|grad| &grad.array), h_n: h_n.as_ref(), c_n: c_n.as_ref() };
            let saved: Vec<Tensor> = own.directions[number].iter().map(|kept| kept.array.clone()).collect();
            let wants_hh = wanted.weights[places.hh];
            let found =
                direction(plan, inputs, &states, layer, number).backward(&saved, &output.array, arriving, wants_hh)?;
            let of_states = found.hidden_gates.as_ref().unwrap_or(&found.gates);
            let mut keep = |at: usize, array: Tensor| weights[at] = Some(value(array));
            if wanted.weights[places.ih] {
                keep(places.ih, product(&found.gates.t()?, &input.array)?);
            }
            if let (true, Some(before)) = (wants_hh, &found.before) {
                keep(places.hh, product(&of_states.t()?, before)?);
            }
            if let (Some((results, given)), Some(at)) = (&found.projection, places.hr.filter(|at| wanted.weights[*at]))
            {
                keep(at, product(&results.t()?, given)?);
            }
            for (place, gates) in [(places.bias_ih, &found.gates), (places.bias_hh, of_states)] {
                if let Some(at) = place.filter(|at| wanted.weights[*at]) {
                    weights[at] = Some(reduce(Reduce::Sum, &value(gates.clone()), &[0], false)?);
                }
            }
            if layer > 0 || wanted.rows {
                let rows = value(product(&found.gates, &inputs.weights[places.ih].array)?);
                below = Some(match below {
                    Some(sum) => binary(Binary::Add, &sum, &rows)?,
                    None => rows,
                });
            }
            h0[at] = Some(found.h0);
            c0[at] = found.c0;
        }
        above = below;
    }
    let joined = |parts: Vec<Option<Tensor>>| -> Result<Option<Value>> {
        let parts: Vec<Tensor> = parts.into_iter().flatten().collect();
        if parts.is_empty() { Ok(None) } else { stacked(&parts, plan.dtype).map(Some) }
    };
    Ok(Some(Gradients { rows: above, h: joined(h0)?, c: joined(c0)?, weights }))
}

/// Arrays of one shape behind each other.
fn stacked(parts: &[Tensor], dtype: DType) -> Result<Value> {
    let rows = parts.iter().map(|part| Ok(Value::new(part.unsqueeze(0)?, dtype))).collect::<Result<Vec<_>>>()?;
    let dims: Vec<usize> = std::iter::once(parts.len()).chain(parts[0].dims().iter().copied()).collect();
    join(&rows, 0, &dims)
}
