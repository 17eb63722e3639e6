//! `result = alpha · product + beta · result`, summed in `f64` and rounded once.

use super::Dnn;
use super::algorithm::factor;
use super::description::Array;
use super::problem::{Problem, Product};
use crate::driver::{Address, DeviceView, registry, report};
use crate::libraries::cublas::numbers::Number;
use crate::machine::Memory;

/// What is written into memory that an algorithm works in: what was there is lost, and what it leaves is of no use.
const GARBAGE: u8 = 0xA5;

/// All elements in the order of the dimensions: the number of each in memory.
fn places(array: &Array) -> Vec<usize> {
    let count = array.dims.iter().product::<i64>() as usize;
    let mut places = Vec::with_capacity(count);
    let mut at = vec![0; array.dims.len()];
    for _ in 0..count {
        places.push(at.iter().zip(&array.strides).map(|(index, stride)| index * stride).sum::<i64>() as usize);
        for d in (0..at.len()).rev() {
            at[d] += 1;
            if at[d] < array.dims[d] {
                break;
            }
            at[d] = 0;
        }
    }
    places
}

/// The bytes of an array, if all of them may be used so.
fn bytes(number: Number, array: &Array, address: Address, view: &DeviceView, write: bool) -> Result<*mut u8, Dnn> {
    let last: i64 = array.dims.iter().zip(&array.strides).map(|(size, stride)| (size - 1) * stride).sum();
    let length = (last as usize + 1) * number.size();
    if !address.is_multiple_of(number.size() as u64) {
        report(format_args!("an array of {} at {address:#x} is not aligned", number.name()));
        return Err(Dnn::EXECUTION_FAILED);
    }
    view.resolve(address, length, write).ok_or_else(|| {
        let complaint = registry().explain(address, length, write);
        report(format_args!("an array {:?} of {}: {complaint}", array.dims, number.name()));
        Dnn::EXECUTION_FAILED
    })
}

fn load(number: Number, array: &Array, address: Address, view: &DeviceView) -> Result<Vec<f64>, Dnn> {
    let pointer = bytes(number, array, address, view, false)?;
    let size = number.size();
    let value = |place: usize| {
        // SAFETY: the whole reach of the array has just been looked up.
        let bytes = unsafe { std::slice::from_raw_parts(pointer.add(place * size), size) };
        number.read(bytes)
    };
    Ok(places(array).into_iter().map(value).collect())
}

/// Writes over the whole of a workspace.
pub(super) fn spoil(view: &DeviceView, address: Address, size: usize) -> Result<(), Dnn> {
    if size == 0 {
        return Ok(());
    }
    let Some(pointer) = view.resolve(address, size, true) else {
        report(format_args!("a workspace of cuDNN: {}", registry().explain(address, size, true)));
        return Err(Dnn::EXECUTION_FAILED);
    };
    // SAFETY: so many bytes are there.
    unsafe { pointer.write_bytes(GARBAGE, size) };
    Ok(())
}

/// Computes the product of the arrays at three addresses: two that are read, and the result.
pub(super) fn convolve(
    problem: &Problem,
    view: &DeviceView,
    addresses: [Address; 3],
    alpha: f64,
    beta: f64,
) -> Result<(), Dnn> {
    let [first, second, third] = problem.arrays();
    let number = problem.number;
    let rounded = |array: &Array, address: Address| -> Result<Vec<f64>, Dnn> {
        Ok(load(number, array, address, view)?.into_iter().map(|value| factor(problem, value)).collect())
    };
    let (one, other) = (rounded(first, addresses[0])?, rounded(second, addresses[1])?);
    let result = sums(problem, &one, &other);
    let prior = if beta == 0.0 { None } else { Some(load(number, third, addresses[2], view)?) };
    let (pointer, size) = (bytes(number, third, addresses[2], view, true)?, number.size());
    for (at, (place, sum)) in places(third).into_iter().zip(result).enumerate() {
        let value = alpha * sum + prior.as_ref().map_or(0.0, |prior| beta * prior[at]);
        // SAFETY: the whole reach of the array has just been looked up.
        let bytes = unsafe { std::slice::from_raw_parts_mut(pointer.add(place * size), size) };
        number.write(value, bytes);
    }
    Ok(())
}

/// The sums of all products that meet, for each element of the result.
fn sums(problem: &Problem, one: &[f64], other: &[f64]) -> Vec<f64> {
    let size = |array: &Array| [0, 1, 2, 3, 4].map(|d| array.dims[d] as usize);
    let (x, w, y) = (size(&problem.x), size(&problem.w), size(&problem.y));
    let (from, to) = (w[1], w[0] / problem.groups);
    let [planes_x, planes_w, planes_y] = [x, w, y].map(|dims| dims[2] * dims[3] * dims[4]);
    let mut result = vec![0.0; problem.arrays()[2].dims.iter().product::<i64>() as usize];
    // Where a tap meets an element of y, in one dimension.
    let meets = |d: usize, tap: usize, at: usize| {
        let tap = if problem.flipped { w[2 + d] - 1 - tap } else { tap } as i64;
        let place = at as i64 * problem.stride[d] + tap * problem.dilation[d] - problem.padding[d];
        usize::try_from(place).ok().filter(|place| *place < x[2 + d])
    };
    let mut pairs = Vec::new();
    for tap in 0..planes_w {
        let taps = [tap / (w[3] * w[4]), tap / w[4] % w[3], tap % w[4]];
        for at in 0..planes_y {
            let ats = [at / (y[3] * y[4]), at / y[4] % y[3], at % y[4]];
            let [Some(a), Some(b), Some(c)] = [0, 1, 2].map(|d| meets(d, taps[d], ats[d])) else { continue };
            pairs.push(((a * x[3] + b) * x[4] + c, tap, at));
        }
    }
    for image in 0..x[0] {
        for filter in 0..w[0] {
            for channel in 0..from {
                let of_x = (image * x[1] + filter / to * from + channel) * planes_x;
                let of_w = (filter * from + channel) * planes_w;
                let of_y = (image * y[1] + filter) * planes_y;
                for &(in_x, in_w, in_y) in &pairs {
                    let (in_x, in_w, in_y) = (of_x + in_x, of_w + in_w, of_y + in_y);
                    match problem.product {
                        Product::Forward => result[in_y] += one[in_x] * other[in_w],
                        Product::BackwardData => result[in_x] += one[in_w] * other[in_y],
                        Product::BackwardFilter => result[in_w] += one[in_x] * other[in_y],
                    }
                }
            }
        }
    }
    result
}
