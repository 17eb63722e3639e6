//! Reductions over one, several or all dimensions.

use super::copy::{contiguous, from_vec};
use super::dispatch::{self, CpuElement, with_float, with_integer, with_number};
use super::elementwise::through_float32;
use super::host;
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_kernels::reduce as kernels;

/// A reduction to one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reduce {
    Sum,
    Mean,
    Prod,
    Max,
    Min,
    Any,
    All,
}

/// A reduction to the position of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Select {
    ArgMax,
    ArgMin,
}

/// A value laid out as `[outer, n, inner]`, the middle being what is reduced.
struct Folded {
    value: Value,
    outer: usize,
    n: usize,
    inner: usize,
}

/// Brings the reduced dimensions (ascending) together; copies only when they are not neighbours.
fn fold(value: &Value, dims: &[usize]) -> Result<Folded> {
    let shape = value.shape();
    let adjacent = dims.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    if adjacent {
        let (first, last) = match (dims.first(), dims.last()) {
            (Some(&first), Some(&last)) => (first, last + 1),
            _ => (shape.len(), shape.len()),
        };
        return Ok(Folded {
            value: contiguous(value)?,
            outer: product(&shape[..first]),
            n: product(&shape[first..last]),
            inner: product(&shape[last..]),
        });
    }
    let kept: Dims = (0..shape.len()).filter(|dim| !dims.contains(dim)).collect();
    let order: Dims = kept.iter().chain(dims).copied().collect();
    let n = dims.iter().map(|&dim| shape[dim]).product();
    let outer = kept.iter().map(|&dim| shape[dim]).product();
    Ok(Folded { value: contiguous(&value.permute(&order)?)?, outer, n, inner: 1 })
}

pub(super) fn reduced_dims(shape: &[usize], dims: &[usize], keepdim: bool) -> Dims {
    shape
        .iter()
        .enumerate()
        .filter_map(|(at, &size)| match (dims.contains(&at), keepdim) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect()
}

/// Reduces `dims` (ascending). Sums and products of bools and integers are `int64`; `Any` and `All` take bools.
pub(crate) fn reduce(op: Reduce, x: &Value, dims: &[usize], keepdim: bool) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(reduce(op, x, dims, keepdim));
        return on_device(op, x, dims, keepdim)
            .unwrap_or_else(|| host::round_trip_one(format_args!("{op:?}"), [x], |[x]| reduce(op, &x, dims, keepdim)));
    }
    if x.dtype == DType::Float8E4M3 {
        return through_float32([x], |[x]| reduce(op, &x, dims, keepdim));
    }
    let shape = reduced_dims(x.dims(), dims, keepdim);
    // Wider than every result; also of no elements there can be many sums.
    shape::check_allocation(&shape, DType::Int64)?;
    let Folded { value, outer, n, inner } = fold(x, dims)?;
    let dtype = value.dtype;
    match op {
        Reduce::Any | Reduce::All => dispatch::with_slice::<u8, _>(&value, |src| {
            let kernel = if op == Reduce::Any { kernels::any } else { kernels::all };
            Ok(from_vec(kernel(src, outer, n, inner), &shape, DType::Bool))
        }),
        Reduce::Max => {
            with_number!(dtype, T => one::<T, T>(&value, &shape, dtype, |src| kernels::max(src, outer, n, inner)))
        }
        Reduce::Min => {
            with_number!(dtype, T => one::<T, T>(&value, &shape, dtype, |src| kernels::min(src, outer, n, inner)))
        }
        Reduce::Mean => {
            with_float!(dtype, T => one::<T, T>(&value, &shape, dtype, |src| kernels::mean(src, outer, n, inner)))
        }
        Reduce::Sum if dtype.is_float() => {
            with_float!(dtype, T => one::<T, T>(&value, &shape, dtype, |src| kernels::sum(src, outer, n, inner)))
        }
        Reduce::Prod if dtype.is_float() => {
            with_float!(dtype, T => one::<T, T>(&value, &shape, dtype, |src| kernels::prod(src, outer, n, inner)))
        }
        Reduce::Sum => {
            with_integer!(dtype, T => one::<T, i64>(&value, &shape, DType::Int64, |src| kernels::sum_integer(src, outer, n, inner)))
        }
        Reduce::Prod => {
            with_integer!(dtype, T => one::<T, i64>(&value, &shape, DType::Int64, |src| kernels::prod_integer(src, outer, n, inner)))
        }
    }
}

fn one<T: CpuElement, R: CpuElement>(
    value: &Value,
    shape: &[usize],
    dtype: DType,
    kernel: impl FnOnce(&[T]) -> Vec<R>,
) -> Result<Value> {
    dispatch::with_slice::<T, _>(value, |src| Ok(from_vec(kernel(src), shape, dtype)))
}

/// Candle's own reductions where they mean the same.
fn on_device(op: Reduce, x: &Value, dims: &[usize], keepdim: bool) -> Option<Result<Value>> {
    let wide = matches!(x.dtype, DType::Float32 | DType::Float64);
    if !wide || !matches!(op, Reduce::Sum | Reduce::Mean) || x.num_elements() == 0 || dims.is_empty() {
        return None;
    }
    let sum = || -> Result<Value> {
        let sum = Value::new(x.array.sum_keepdim(dims)?, x.dtype);
        let count: usize = dims.iter().map(|&dim| x.dims()[dim]).product();
        let sum = if op == Reduce::Mean { Value::new((sum.array / count as f64)?, x.dtype) } else { sum };
        sum.with_dims(&reduced_dims(x.dims(), dims, keepdim))
    };
    Some(sum())
}

/// The extreme values over `dims` and their flat `int64` positions among them.
pub(crate) fn argselect(op: Select, x: &Value, dims: &[usize], keepdim: bool) -> Result<(Value, Value)> {
    if !x.is_cpu() {
        on_cuda!(argselect(op, x, dims, keepdim));
        let [values, indices] = host::round_trip(format_args!("{op:?}"), [x], |[x]| {
            let (values, indices) = argselect(op, &x, dims, keepdim)?;
            Ok([values, indices])
        })?;
        return Ok((values, indices));
    }
    let shape = reduced_dims(x.dims(), dims, keepdim);
    // Wider than every result; also of no elements there can be many sums.
    shape::check_allocation(&shape, DType::Int64)?;
    let Folded { value, outer, n, inner } = fold(x, dims)?;
    with_number!(value.dtype, T => dispatch::with_slice::<T, _>(&value, |src| {
        let (values, indices) = match op {
            Select::ArgMax => kernels::argmax(src, outer, n, inner),
            Select::ArgMin => kernels::argmin(src, outer, n, inner),
        };
        Ok((from_vec(values, &shape, value.dtype), from_vec(indices, &shape, DType::Int64)))
    }))
}

/// The variance over `dims`, divided by `max(0, n - correction)`.
pub(crate) fn var(x: &Value, dims: &[usize], correction: f64, keepdim: bool) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(var(x, dims, correction, keepdim));
        return host::round_trip_one("var", [x], |[x]| var(&x, dims, correction, keepdim));
    }
    let shape = reduced_dims(x.dims(), dims, keepdim);
    // Wider than every result; also of no elements there can be many sums.
    shape::check_allocation(&shape, DType::Int64)?;
    let Folded { value, outer, n, inner } = fold(x, dims)?;
    with_float!(value.dtype, T => one::<T, T>(&value, &shape, value.dtype, |src| kernels::var(src, outer, n, inner, correction).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;
    use crate::compute::cast;

    #[test]
    fn dimensions_that_are_not_neighbours_are_brought_together() {
        let x = from_vec((0..24).map(|i| i as f32).collect(), &[2, 3, 4], DType::Float32);
        let sum = reduce(Reduce::Sum, &x, &[0, 2], true).unwrap();
        assert_eq!(sum.dims(), [1, 3, 1]);
        assert_eq!(sum.array.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [60.0, 92.0, 124.0]);
        assert_eq!(sum.device(), Device::CPU);
    }

    #[test]
    fn no_dimension_leaves_the_elements() {
        let x = from_vec(vec![1.0f32, 2.0], &[2], DType::Float32);
        let sum = cast(&reduce(Reduce::Sum, &x, &[], false).unwrap(), DType::Float64).unwrap();
        assert_eq!(sum.array.to_vec1::<f64>().unwrap(), [1.0, 2.0]);
    }
}
