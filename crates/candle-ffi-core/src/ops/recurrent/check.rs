//! Checks of what a recurrent operation is given: sizes are known before anything is computed.

use super::layout::Layout;
use crate::compute::{Cell, Plan, Weights};
use crate::ops::common::same_device;
use crate::{DType, Error, Result, Tensor, shape};

/// What a call of a whole layer says besides its tensors.
pub(super) struct Options {
    pub(super) cell: Cell,
    pub(super) has_biases: bool,
    pub(super) num_layers: i64,
    pub(super) dropout: f64,
    pub(super) train: bool,
    pub(super) bidirectional: bool,
}

impl Options {
    /// The plan of a call, from the shapes of its tensors; `sizes` are the sequences of each step.
    pub(super) fn plan(
        &self,
        layout: Layout,
        sizes: Vec<usize>,
        input: &Tensor,
        hx: &[&Tensor],
        params: &[&Tensor],
    ) -> Result<Plan> {
        if !(0.0..=1.0).contains(&self.dropout) {
            return Err(Error::argument(format!(
                "dropout is a probability and must be within 0 to 1, and is {}",
                self.dropout
            )));
        }
        let layers = usize::try_from(self.num_layers).ok().filter(|layers| *layers > 0);
        let Some(layers) = layers else {
            return Err(Error::argument(format!("num_layers must be greater than zero, and is {}", self.num_layers)));
        };
        let directions = if self.bidirectional { 2 } else { 1 };
        let (hidden, state) = state_sizes(self.cell, hx)?;
        let projects = hidden != state;
        let each = 2 + 2 * usize::from(self.has_biases) + usize::from(projects);
        let wanted = each.checked_mul(directions).and_then(|each| each.checked_mul(layers));
        if wanted != Some(params.len()) {
            let kind = if projects { " with a projection" } else { "" };
            return Err(Error::argument(format!(
                "{layers} layers in {directions} directions{kind} need {each} weights each, and {} were given",
                params.len()
            )));
        }
        let weights = (0..layers * directions)
            .map(|at| {
                let (first, biased) = (at * each, self.has_biases);
                Weights {
                    ih: first,
                    hh: first + 1,
                    bias_ih: biased.then_some(first + 2),
                    bias_hh: biased.then_some(first + 3),
                    hr: projects.then_some(first + each - 1),
                }
            })
            .collect();
        let plan = Plan {
            cell: self.cell,
            dtype: input.dtype(),
            sizes,
            hidden,
            state,
            layers,
            directions,
            weights,
            dropout: if self.train { self.dropout } else { 0.0 },
        };
        check(&plan, layout, input, hx, params)?;
        Ok(plan)
    }
}

/// The sizes of the inner state and of what a layer gives: an LSTM whose two states differ has a projection.
pub(in crate::ops) fn state_sizes(cell: Cell, hx: &[&Tensor]) -> Result<(usize, usize)> {
    if hx.len() != cell.states() {
        return Err(Error::argument(format!("{} states are needed, and {} were given", cell.states(), hx.len())));
    }
    let last = |tensor: &Tensor| tensor.shape().last().copied();
    match (last(hx[0]), last(hx[hx.len() - 1])) {
        (Some(state), Some(hidden)) => Ok((hidden, state)),
        _ => Err(Error::shape("a state needs at least one dimension, and this has none", &[])),
    }
}

/// Dtypes, devices, and all shapes.
pub(in crate::ops) fn check(
    plan: &Plan,
    layout: Layout,
    input: &Tensor,
    hx: &[&Tensor],
    params: &[&Tensor],
) -> Result<()> {
    let all: Vec<&Tensor> = std::iter::once(input).chain(hx.iter().copied()).chain(params.iter().copied()).collect();
    same_device(&all)?;
    if let Some(other) = all.iter().find(|tensor| tensor.dtype() != plan.dtype) {
        return Err(Error::dtype(
            format!("input, states and weights must have one dtype, and have {} and {}", plan.dtype, other.dtype()),
            &[plan.dtype, other.dtype()],
        ));
    }
    if !plan.dtype.is_float() {
        return Err(Error::dtype(format!("not defined for {}: it needs a floating dtype", plan.dtype), &[plan.dtype]));
    }
    let named = |kind: &str, at: usize| if hx.len() > 1 { format!("{kind}[{at}]") } else { kind.to_owned() };
    for (at, (tensor, width)) in hx.iter().zip([plan.state, plan.hidden]).enumerate() {
        let (expected, found) = (layout.state(plan, width), tensor.dims());
        if expected != found {
            return Err(Error::shape(
                format!("Expected {} size {}, got {found:?}", named("hidden", at), tuple(&expected)),
                &[&expected, &found],
            ));
        }
    }
    let maps = plan.cell.gates().checked_mul(plan.hidden).ok_or_else(|| Error::argument("the state is too large"))?;
    let mut size = input.shape().last().copied().unwrap_or(0);
    for (at, weights) in plan.weights.iter().enumerate() {
        if at == plan.directions {
            size = plan.width();
        }
        let (layer, way) = (at / plan.directions, if at % plan.directions == 1 { "_reverse" } else { "" });
        if let [_, expected] = params[weights.ih].dims()[..]
            && layer == 0
            && expected != size
        {
            return Err(Error::shape(
                format!("input.size(-1) must be equal to input_size. Expected {expected}, got {size}"),
                &[&input.dims(), &params[weights.ih].dims()],
            ));
        }
        let expected = [
            ("weight_ih", Some(weights.ih), vec![maps, size]),
            ("weight_hh", Some(weights.hh), vec![maps, plan.state]),
            ("bias_ih", weights.bias_ih, vec![maps]),
            ("bias_hh", weights.bias_hh, vec![maps]),
            ("weight_hr", weights.hr, vec![plan.state, plan.hidden]),
        ];
        for (name, place, expected) in expected {
            let Some(found) = place.map(|place| params[place].dims()) else { continue };
            if found != expected {
                return Err(Error::shape(
                    format!("{name}_l{layer}{way} must have shape {expected:?}, and has {found:?}"),
                    &[&expected, &found],
                ));
            }
        }
    }
    Ok(())
}

/// A shape as Python writes a tuple.
fn tuple(dims: &[usize]) -> String {
    let sizes: Vec<String> = dims.iter().map(ToString::to_string).collect();
    format!("({}{})", sizes.join(", "), if sizes.len() == 1 { "," } else { "" })
}

/// The steps and sequences of an input that is not packed.
pub(super) fn sizes(input: &Tensor, batch_first: bool) -> Result<(Layout, Vec<usize>)> {
    let dims = input.shape();
    let (layout, steps, sequences) = match (dims.as_slice(), batch_first) {
        ([steps, _], _) => (Layout::One, *steps, 1),
        ([steps, sequences, _], false) => (Layout::Steps, *steps, *sequences),
        ([sequences, steps, _], true) => (Layout::Batches, *steps, *sequences),
        _ => {
            return Err(Error::shape(
                format!("Expected input to be 2D or 3D, got {}D instead: its shape is {:?}", dims.len(), &dims[..]),
                &[&dims],
            ));
        }
    };
    if steps == 0 {
        return Err(Error::shape("Expected sequence length to be larger than 0 in RNN", &[&dims]));
    }
    // What is noted of each step takes memory even where a step has no sequence.
    shape::check_allocation(&[steps, 8], DType::Int64)?;
    Ok((layout, vec![sequences; steps]))
}

/// The same of a packed one.
pub(super) fn packed_sizes(data: &Tensor, batch_sizes: &Tensor) -> Result<Vec<usize>> {
    let dims = data.shape();
    if dims.len() != 2 {
        return Err(Error::shape(
            format!("packed data must have 2 dimensions, and its shape is {:?}", &dims[..]),
            &[&dims],
        ));
    }
    if batch_sizes.dtype() != crate::DType::Int64 || batch_sizes.rank() != 1 {
        return Err(Error::argument(format!(
            "batch_sizes must be an int64 tensor of one dimension, and is {} of shape {:?}",
            batch_sizes.dtype(),
            batch_sizes.dims()
        )));
    }
    let sizes = batch_sizes.value().to_device(crate::Device::CPU)?.array.to_vec1::<i64>()?;
    let falls = sizes.is_sorted_by(|before, after| before >= after);
    let rows = sizes.iter().try_fold(0i64, |sum, size| sum.checked_add(*size));
    if sizes.is_empty() || !falls || sizes.last().is_none_or(|last| *last <= 0) {
        return Err(Error::argument(format!("batch_sizes must be positive and never rise, and are {sizes:?}")));
    }
    if rows != i64::try_from(dims[0]).ok() {
        return Err(Error::shape(
            format!("batch_sizes {sizes:?} do not add up to the {} rows of the data", dims[0]),
            &[&dims],
        ));
    }
    Ok(sizes.into_iter().map(|size| size as usize).collect())
}
