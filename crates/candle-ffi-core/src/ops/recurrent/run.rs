//! The call itself: one node of the graph with a fused way back, and a composed one where that way is to be
//! differentiated again.

use super::composed::composed;
use super::layout::Layout;
use crate::autograd::{self, GradContext, Gradients as InputGradients, Saved};
use crate::compute::{self, Gradients, Inputs, Kept, Plan, Wanted};
use crate::ops::{reshape, to_dtype};
use crate::value::Value;
use crate::{DType, Generator, Result, Tensor};

/// Outputs, last state, and the last cell state of an LSTM.
pub(in crate::ops) fn run(
    operation: &'static str,
    mut plan: Plan,
    layout: Layout,
    input: &Tensor,
    hx: &[&Tensor],
    params: &[&Tensor],
    generator: Option<&Generator>,
) -> Result<Vec<Tensor>> {
    let inputs: Vec<&Tensor> = std::iter::once(input).chain(hx.iter().copied()).chain(params.iter().copied()).collect();
    let dtype = plan.dtype;
    if !matches!(dtype, DType::Float32 | DType::Float64) {
        // Small floats are computed with as float32 and rounded at the end.
        plan.dtype = DType::Float32;
        let wide = inputs.iter().map(|tensor| to_dtype(tensor, DType::Float32)).collect::<Result<Vec<_>>>()?;
        let results = recorded(operation, plan, layout, &wide.iter().collect::<Vec<_>>(), generator)?;
        return results.iter().map(|result| to_dtype(result, dtype)).collect();
    }
    recorded(operation, plan, layout, &inputs, generator)
}

fn recorded(
    operation: &'static str,
    plan: Plan,
    layout: Layout,
    tensors: &[&Tensor],
    generator: Option<&Generator>,
) -> Result<Vec<Tensor>> {
    let noise = plan.noise(tensors[0].device(), generator)?;
    if !compute::has_recurrent(&plan, tensors[0].device()) {
        return composed_call(&plan, layout, tensors, &noise);
    }
    let states = plan.cell.states();
    let inputs = Inputs {
        rows: layout.rows(&tensors[0].value())?,
        h0: tensors[1].value(),
        c0: (states == 2).then(|| tensors[2].value()),
        weights: tensors[1 + states..].iter().map(|tensor| tensor.value()).collect(),
        noise,
    }
    .contiguous()?;
    let keep = autograd::is_enabled() && tensors.iter().any(|tensor| tensor.requires_grad());
    let outputs = compute::recurrent(&plan, &inputs, keep)?;
    let output = layout.outside(&outputs.output, &plan)?;
    let h_n = outputs.h_n.with_dims(&layout.state(&plan, plan.state))?;
    let c_n = outputs.c_n.map(|c_n| c_n.with_dims(&layout.state(&plan, plan.hidden))).transpose()?;
    let rule = || {
        let saved: Vec<Saved> = tensors.iter().map(|tensor| Saved::new(tensor)).collect();
        let kept = outputs.kept;
        move |grads: &[Option<Tensor>], context: &GradContext<'_>| {
            // Fails for what has been changed in place since.
            let tensors = saved.iter().map(Saved::get).collect::<Result<Vec<_>>>()?;
            if autograd::is_enabled() {
                return composed_grad(&plan, layout, &tensors, &inputs.noise, grads, context);
            }
            fused_grad(&plan, layout, &tensors, &inputs, &kept, grads, context)
        }
    };
    match c_n {
        None => Tensor::record_outputs(operation, [output, h_n], tensors, rule).map(Vec::from),
        Some(c_n) => Tensor::record_outputs(operation, [output, h_n, c_n], tensors, rule).map(Vec::from),
    }
}

fn fused_grad(
    plan: &Plan,
    layout: Layout,
    tensors: &[&Tensor],
    inputs: &Inputs,
    kept: &[Kept],
    grads: &[Option<Tensor>],
    context: &GradContext<'_>,
) -> Result<InputGradients> {
    let states = plan.cell.states();
    let output = layout.rows(&context.output()?.value())?;
    let flat = |at: usize| -> Result<Option<Value>> {
        let grad = grads.get(at).and_then(Option::as_ref);
        grad.map(|grad| compute::contiguous(&grad.value())).transpose()
    };
    let arriving = Gradients {
        rows: grads[0].as_ref().map(|grad| layout.rows(&grad.value())).transpose()?,
        h: flat(1)?,
        c: flat(2)?,
        weights: Vec::new(),
    };
    let wanted =
        Wanted { rows: context.needs(0), weights: (1 + states..tensors.len()).map(|at| context.needs(at)).collect() };
    let found = compute::recurrent_grad(plan, inputs, kept, &output, &arriving, &wanted)?;
    let rows = found.rows.filter(|_| wanted.rows).map(|rows| layout.outside(&rows, plan)).transpose()?;
    let state = |value: Option<Value>, at: usize| -> Result<Option<Value>> {
        value.filter(|_| context.needs(at)).map(|value| value.with_dims(&tensors[at].dims())).transpose()
    };
    let mut all = vec![rows, state(found.h, 1)?];
    if states == 2 {
        all.push(state(found.c, 2)?);
    }
    all.extend(found.weights);
    Ok(all.into_iter().map(|value| value.map(Tensor::from_value)).collect())
}

/// The same call made of other operations, each of which is recorded.
fn composed_call(plan: &Plan, layout: Layout, tensors: &[&Tensor], noise: &[Value]) -> Result<Vec<Tensor>> {
    let states = plan.cell.states();
    let stacked = |at: usize, width: usize| {
        let count = (plan.layers * plan.directions) as i64;
        reshape(tensors[at], &[count, plan.sequences() as i64, width as i64])
    };
    let c0 = (states == 2).then(|| stacked(2, plan.hidden)).transpose()?;
    let (rows, h0) = (layout.tensor_rows(tensors[0])?, stacked(1, plan.state)?);
    let results = composed(plan, &rows, &h0, c0.as_ref(), &tensors[1 + states..], noise)?;
    let mut outside = vec![layout.tensor_outside(&results[0], plan)?];
    for (result, width) in results[1..].iter().zip([plan.state, plan.hidden]) {
        let dims = layout.state(plan, width);
        outside.push(reshape(result, &crate::ops::common::sizes(&dims))?);
    }
    Ok(outside)
}

/// The gradients as part of a graph: those of the composed call, taken with respect to stand-ins of the inputs, so
/// that an input which another one was made from does not get that one's share.
fn composed_grad(
    plan: &Plan,
    layout: Layout,
    tensors: &[&Tensor],
    noise: &[Value],
    grads: &[Option<Tensor>],
    context: &GradContext<'_>,
) -> Result<InputGradients> {
    let stand_ins = tensors
        .iter()
        .map(|tensor| Tensor::record_view("alias", tensor.value(), tensor, || |grad| Ok(grad.clone())))
        .collect::<Result<Vec<_>>>()?;
    let results = composed_call(plan, layout, &stand_ins.iter().collect::<Vec<_>>(), noise)?;
    let (outputs, given): (Vec<&Tensor>, Vec<Option<&Tensor>>) = results
        .iter()
        .zip(grads)
        .filter(|(_, grad)| grad.is_some())
        .map(|(result, grad)| (result, grad.as_ref()))
        .unzip();
    let wanted: Vec<&Tensor> =
        stand_ins.iter().enumerate().filter(|(at, _)| context.needs(*at)).map(|(_, tensor)| tensor).collect();
    let mut found = autograd::grad(&outputs, &wanted, &given, true, true, true)?.into_iter();
    Ok((0..tensors.len()).map(|at| if context.needs(at) { found.next().flatten() } else { None }).collect())
}
