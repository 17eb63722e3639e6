//! Padding: dimensions with more elements at their ends, or fewer.

use super::common::sizes;
use super::index_select;
use super::resample::{resampled, resampling};
use crate::compute::{self, Range, Region};
use crate::shape::{self, Dims};
use crate::{DType, Error, PadMode, Result, Tensor, autocast};
use candle_ffi_kernels::resample::Taps;

/// The input with elements added at the ends of its last dimensions, or taken away.
///
/// `pad` has two numbers for each dimension, from the last one on: how much is added before and after. Negative numbers take
/// away. With the mode `constant` the new elements are `value`, or 0, of any dtype. The other modes fill from the input: its
/// mirror image without the border (`reflect`), the border (`replicate`), or the other end (`circular`); they pad the last
/// one, two or three dimensions of an input that has one or two more. Differentiable.
///
/// # Defaults
/// mode = constant, value = None
///
/// # Errors
/// `InvalidArgument` for an odd number of sizes and for a `value` with another mode, `Shape` where too much is taken away,
/// where there are more sizes than dimensions and where the input has less than a mode fills from.
///
/// # PyTorch
/// `torch.nn.functional.pad`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.pad(cf.tensor([1.0, 2.0]), (1, 2))
/// tensor([0., 1., 2., 0., 0.])
/// >>> cf.nn.functional.pad(cf.tensor([[1.0, 2.0, 3.0]]), (2, 0), mode="reflect")
/// tensor([[3., 2., 1., 2., 3.]])
/// ```
pub fn pad(input: &Tensor, pad: &[i64], mode: PadMode, value: Option<f64>) -> Result<Tensor> {
    if !pad.len().is_multiple_of(2) {
        return Err(Error::argument(format!("pad must have two sizes for each dimension, and is {pad:?}")));
    }
    if mode == PadMode::Constant {
        return constant(input, pad, value.unwrap_or(0.0));
    }
    if value.is_some_and(|value| value != 0.0) {
        return Err(Error::argument("only the mode constant takes a value"));
    }
    // PyTorch's list lacks reflection in three dimensions, and circular padding, which is made of copies.
    let listed = mode == PadMode::Replicate || mode == PadMode::Reflect && pad.len() < 6;
    if listed && let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return fill_from_input(&cast.of(input)?, pad, mode);
    }
    fill_from_input(input, pad, mode)
}

/// The sizes that are added before and after each dimension, first dimension first.
fn by_dimension(dims: &[usize], pad: &[i64]) -> Result<Vec<(i64, i64)>> {
    let Some(untouched) = dims.len().checked_sub(pad.len() / 2) else {
        return Err(Error::shape(
            format!("pad {pad:?} is for {} dimensions, and the shape is {dims:?}", pad.len() / 2),
            &[dims],
        ));
    };
    let mut found = vec![(0, 0); untouched];
    found.extend(pad.chunks_exact(2).rev().map(|pair| (pair[0], pair[1])));
    Ok(found)
}

/// The size of a dimension after padding; fails when it is below `least`.
fn padded(dims: &[usize], dim: usize, (before, after): (i64, i64), least: i64) -> Result<usize> {
    let size = i64::try_from(dims[dim])
        .ok()
        .and_then(|size| size.checked_add(before))
        .and_then(|size| size.checked_add(after));
    match size {
        Some(size) if size >= least => Ok(size as usize),
        _ => Err(Error::shape(
            format!(
                "padding of {before} and {after} leaves too little or too much of dimension {dim} of shape {dims:?}"
            ),
            &[dims],
        )),
    }
}

fn constant(input: &Tensor, pad: &[i64], value: f64) -> Result<Tensor> {
    let dims = input.shape();
    let pairs = by_dimension(&dims, pad)?;
    if pairs.iter().all(|pair| *pair == (0, 0)) {
        return super::clone(input);
    }
    let result: Dims = (0..dims.len()).map(|d| padded(&dims, d, pairs[d], 0)).collect::<Result<_>>()?;
    let (mut kept, mut place) = (Region::of_whole(&dims), Region::of_whole(&result));
    for (d, &(before, after)) in pairs.iter().enumerate() {
        let (cut_before, cut_after) = (before.min(0).unsigned_abs() as usize, after.min(0).unsigned_abs() as usize);
        let Some(count) = dims[d].checked_sub(cut_before).and_then(|left| left.checked_sub(cut_after)) else {
            return Err(Error::shape(
                format!(
                    "padding of {before} and {after} takes away more than dimension {d} of shape {:?} has",
                    &dims[..]
                ),
                &[&dims],
            ));
        };
        kept.ranges[d] = Range { start: cut_before, count, step: 1 };
        place.ranges[d] = Range { start: before.max(0) as usize, count, step: 1 };
    }
    let whole = compute::fill(value, &result, input.dtype(), input.device())?;
    place.write(&whole, &kept.view(&input.value())?)?;
    Tensor::record("pad", whole, [input], || {
        let back: Vec<i64> = pad.iter().map(|size| -size).collect();
        move |grad, _| Ok([Some(constant(grad, &back, 0.0)?)])
    })
}

fn fill_from_input(input: &Tensor, pad: &[i64], mode: PadMode) -> Result<Tensor> {
    let dims = input.shape();
    let count = pad.len() / 2;
    if !(1..=3).contains(&count) || !(count + 1..=count + 2).contains(&dims.len()) {
        return Err(Error::shape(
            format!(
                "this mode pads the last 1, 2 or 3 dimensions of an input with one or two more; pad is {pad:?} and the shape {:?}",
                &dims[..]
            ),
            &[&dims],
        ));
    }
    let (leading, pairs) = (dims.len() - count, by_dimension(&dims, pad)?);
    let first = if dims.len() == count + 2 { 1 } else { 0 };
    if dims[first..].contains(&0) {
        return Err(Error::shape(format!("only the batch may be empty, and the shape is {:?}", &dims[..]), &[&dims]));
    }
    let mut result = Dims::new();
    for d in leading..dims.len() {
        let (size, (before, after)) = (dims[d] as i64, pairs[d]);
        let most = match mode {
            PadMode::Reflect => size - 1,
            PadMode::Circular => size,
            _ => i64::MAX,
        };
        if before > most || after > most {
            return Err(Error::shape(
                format!("padding of {before} and {after} is more than dimension {d} of shape {:?} can fill", &dims[..]),
                &[&dims],
            ));
        }
        result.push(padded(&dims, d, pairs[d], 1)?);
        // What is left of the input between the ends, from which they are filled.
        if size + before.min(0) + after.min(0) <= 0 {
            padded(&dims, d, (before.min(0), after.min(0)), 1)?;
        }
    }
    let picks = |d: usize, size: usize, result: usize| {
        let (last, (before, after)) = (size as i64 - 1, pairs[leading + d]);
        // What is taken away at one end does not come back at the other.
        let (first, left) = ((-before).max(0), last + 1 + before.min(0) + after.min(0));
        (0..result as i64)
            .map(|at| {
                let place = at - before;
                let place = match mode {
                    PadMode::Reflect if place < 0 => -place,
                    PadMode::Reflect if place > last => 2 * last - place,
                    PadMode::Circular => first + (place - first).rem_euclid(left),
                    _ => place,
                };
                place.clamp(0, last) as usize
            })
            .collect::<Vec<_>>()
    };
    if matches!(input.dtype(), DType::Float16 | DType::BFloat16 | DType::Float32 | DType::Float64) {
        let plan = resampling(&dims, &result, |d, size, result| Taps::picks(size, picks(d, size, result)))?;
        return resampled("pad", input, &plan);
    }
    let mut output = input.clone();
    for (d, &size) in result.iter().enumerate() {
        shape::check_allocation(&[size], DType::Int64)?;
        let index: Vec<i64> = sizes(&picks(d, dims[leading + d], size));
        let index = Tensor::from_value(compute::from_vec(index, &[size], DType::Int64).send_to(input.device())?);
        output = index_select(&output, (leading + d) as i64, &index)?;
    }
    Ok(output)
}
