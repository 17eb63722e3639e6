//! Basic indexing: integers, slices, an ellipsis and new axes, read as a view and written in place.

use crate::autograd;
use crate::compute::{self, Range, Region};
use crate::ops::{reshape, to_device, to_dtype};
use crate::shape;
use crate::{Error, Result, Tensor};

/// One item of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// One entry; the dimension goes. A negative one counts from the end.
    Integer(i64),
    /// The entries from `start` to before `stop`, `step` apart, with Python's meaning of negative and
    /// of missing bounds.
    Slice {
        /// The first entry, or the start of the dimension.
        start: Option<i64>,
        /// The entry before which to stop, or the end of the dimension.
        stop: Option<i64>,
        /// The distance between entries, at least 1.
        step: i64,
    },
    /// As many whole dimensions as no other item names.
    Ellipsis,
    /// A new dimension of size 1.
    NewAxis,
}

/// The part of a tensor that an index names, as a view. Differentiable.
pub fn get(input: &Tensor, indices: &[Index]) -> Result<Tensor> {
    part("getitem", input, resolve(&input.shape(), indices)?)
}

/// Writes `source` into the part of a tensor that an index names. The source broadcasts and is cast;
/// the write is part of the graph when something in it is tracked.
pub fn set(input: &Tensor, indices: &[Index], source: &Tensor) -> Result<()> {
    let region = resolve(&input.shape(), indices)?;
    let target = region.dims();
    let source = without_leading_ones(source, target.len())?;
    let from = source.shape();
    if shape::broadcast(&from, &target).map_or(true, |common| common != target) {
        return Err(Error::shape(
            format!(
                "a value of shape {:?} does not broadcast to the indexed part of shape {:?}",
                from.as_slice(),
                target.as_slice()
            ),
            &[&from, &target],
        ));
    }
    let source = to_dtype(&to_device(&source, input.device())?, input.dtype())?;
    let tracked = input.requires_grad() || source.requires_grad();
    if autograd::is_enabled() && input.dtype().is_float() && tracked {
        input.check_in_place()?;
        return input.assign(&replaced(&region, input, &source)?);
    }
    region.write(&input.value(), &source.value())?;
    input.bump_version();
    Ok(())
}

/// A region of a tensor as a view. Its gradient is placed into zeros.
pub(crate) fn part(operation: &'static str, input: &Tensor, region: Region) -> Result<Tensor> {
    let value = region.view(&input.value())?;
    Tensor::record_view(operation, value, input, || move |grad: &Tensor| placed(&region, grad))
}

/// Zeros with a tensor in a region of them: the gradient of `part`, whose gradient is `part`.
fn placed(region: &Region, input: &Tensor) -> Result<Tensor> {
    Tensor::record("place", region.place(&input.value())?, [input], || {
        let region = region.clone();
        move |grad, _| Ok([Some(part("getitem", grad, region.clone())?)])
    })
}

/// A tensor with another one in a region of it.
fn replaced(region: &Region, whole: &Tensor, source: &Tensor) -> Result<Tensor> {
    Tensor::record("setitem", region.replace(&whole.value(), &source.value())?, [whole, source], || {
        let (region, from) = (region.clone(), source.shape());
        move |grad, context| {
            Ok([
                context.wants(0, || {
                    let zero = compute::fill(0.0, &[], grad.dtype(), grad.device())?;
                    replaced(&region, grad, &Tensor::from_value(zero))
                })?,
                context.wants(1, || crate::ops::common::sum_to(&part("getitem", grad, region.clone())?, &from))?,
            ])
        }
    })
}

/// An entry of a dimension; a negative one counts from the end.
pub(crate) fn position(index: i64, dim: usize, size: usize) -> Result<usize> {
    let count = size as i64;
    if index < -count || index >= count {
        return Err(Error::index(format!("index {index} is out of range for dimension {dim} of size {size}")));
    }
    Ok(if index < 0 { index + count } else { index } as usize)
}

/// What an index means for a tensor of this shape.
fn resolve(dims: &[usize], indices: &[Index]) -> Result<Region> {
    let rank = dims.len();
    let used = indices.iter().filter(|index| matches!(index, Index::Integer(_) | Index::Slice { .. })).count();
    if used > rank {
        return Err(Error::index(format!("too many indices: {used} for a tensor of {rank} dimensions")));
    }
    if indices.iter().filter(|&&index| index == Index::Ellipsis).count() > 1 {
        return Err(Error::index("an index can have only one ellipsis"));
    }
    let mut region = Region::of_whole(dims);
    // Where the next item stands: in the whole, and in the part.
    let (mut dim, mut at) = (0, 0);
    for &index in indices {
        match index {
            Index::Integer(entry) => {
                region.ranges[dim] = Range { start: position(entry, dim, dims[dim])?, count: 1, step: 1 };
                region.removed.push(dim);
                dim += 1;
            }
            Index::Slice { start, stop, step } => {
                region.ranges[dim] = range(start, stop, step, dims[dim])?;
                dim += 1;
                at += 1;
            }
            Index::Ellipsis => {
                dim += rank - used;
                at += rank - used;
            }
            Index::NewAxis => {
                region.added.push(at);
                at += 1;
            }
        }
    }
    Ok(region)
}

/// The entries of a slice of a dimension, as Python counts them.
fn range(start: Option<i64>, stop: Option<i64>, step: i64, size: usize) -> Result<Range> {
    if step <= 0 {
        return Err(Error::argument(format!("a slice's step must be greater than zero, and is {step}")));
    }
    let size = size as i64;
    let bound = |bound: i64| if bound < 0 { (bound.saturating_add(size)).max(0) } else { bound.min(size) };
    let (start, stop) = (start.map_or(0, bound), stop.map_or(size, bound));
    let count = if start < stop { (stop - start - 1) / step + 1 } else { 0 };
    Ok(Range { start: start as usize, count: count as usize, step: step as usize })
}

/// Without dimensions of size 1 in front that are too many for the target.
fn without_leading_ones(source: &Tensor, rank: usize) -> Result<Tensor> {
    let dims = source.shape();
    let extra = dims.len().saturating_sub(rank);
    if extra == 0 || dims[..extra].iter().any(|&size| size != 1) {
        return Ok(source.clone());
    }
    reshape(source, &crate::ops::common::sizes(&dims[extra..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{arange, clone, contiguous, full, mul, sum};
    use crate::{DType, Device, ErrorCode};

    const ALL: Index = Index::Slice { start: None, stop: None, step: 1 };

    fn slice(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: i64) -> Index {
        Index::Slice { start: start.into(), stop: stop.into(), step }
    }

    fn counted(shape: &[i64]) -> Tensor {
        let count: i64 = shape.iter().product();
        let flat = arange(0.0, count as f64, 1.0, DType::Float32, Device::CPU).unwrap();
        clone(&reshape(&flat, shape).unwrap()).unwrap()
    }

    fn scalar(value: f64) -> Tensor {
        full(&[], value, DType::Float64, Device::CPU).unwrap()
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        contiguous(tensor).unwrap().value().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn indices_mean_what_numpy_means() {
        let x = counted(&[4, 3]);
        let cases: &[(&[Index], &[usize], &[f32])] = &[
            (&[Index::Integer(-1)], &[3], &[9.0, 10.0, 11.0]),
            (&[Index::Ellipsis, Index::Integer(1)], &[4], &[1.0, 4.0, 7.0, 10.0]),
            (&[slice(-3, 100, 2), slice(1, None, 1)], &[2, 2], &[4.0, 5.0, 10.0, 11.0]),
            (&[slice(3, 1, 1)], &[0, 3], &[]),
            (&[slice(i64::MIN, i64::MAX, i64::MAX), Index::Integer(2)], &[1], &[2.0]),
            (
                &[Index::NewAxis, Index::Integer(1), Index::NewAxis, ALL, Index::NewAxis],
                &[1, 1, 3, 1],
                &[3.0, 4.0, 5.0],
            ),
            (&[ALL, Index::Integer(0), Index::Ellipsis, Index::NewAxis], &[4, 1], &[0.0, 3.0, 6.0, 9.0]),
            (&[Index::Integer(2), Index::Integer(1)], &[], &[7.0]),
        ];
        for (indices, dims, values) in cases {
            let part = get(&x, indices).unwrap();
            assert_eq!((part.dims(), numbers(&part)), (dims.to_vec(), values.to_vec()), "{indices:?}");
        }
        let view = get(&x, &[Index::Integer(0)]).unwrap();
        crate::ops::zero_(&view).unwrap();
        assert_eq!(numbers(&x)[..4], [0.0, 0.0, 0.0, 3.0]);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let x = counted(&[4, 3]);
        let message = |indices: &[Index]| {
            let error = get(&x, indices).unwrap_err();
            (error.code(), error.message().to_owned())
        };
        let (code, text) = message(&[ALL, Index::Integer(-4)]);
        assert!(code == ErrorCode::Index && text.contains("-4") && text.contains("dimension 1 of size 3"), "{text}");
        let (code, text) = message(&[ALL, ALL, ALL]);
        assert!(code == ErrorCode::Index && text.contains("2 dimensions"), "{text}");
        assert_eq!(message(&[Index::Ellipsis, Index::Ellipsis]).0, ErrorCode::Index);
        assert_eq!(message(&[slice(None, None, -1)]).0, ErrorCode::InvalidArgument);
    }

    #[test]
    fn an_untracked_write_broadcasts_and_casts() {
        let x = counted(&[2, 3]);
        set(&x, &[ALL, slice(None, None, 2)], &scalar(-1.0)).unwrap();
        assert_eq!(numbers(&x), [-1.0, 1.0, -1.0, -1.0, 4.0, -1.0]);
        set(&x, &[Index::Integer(0)], &counted(&[1, 1, 3])).unwrap();
        assert_eq!(numbers(&x)[..3], [0.0, 1.0, 2.0]);
        assert_eq!(set(&x, &[Index::Integer(0)], &counted(&[2])).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(x.version(), 2);
        // From its own memory, shifted.
        set(&x, &[Index::Integer(0), slice(1, None, 1)], &get(&x, &[Index::Integer(0), slice(None, 2, 1)]).unwrap())
            .unwrap();
        assert_eq!(numbers(&x)[..3], [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_tracked_write_sends_the_gradient_to_both() {
        let (x, source) = (counted(&[2, 2]), scalar(5.0));
        x.set_requires_grad(true).unwrap();
        source.set_requires_grad(true).unwrap();
        assert_eq!(set(&x, &[Index::Integer(0)], &source).unwrap_err().code(), ErrorCode::ModifiedInPlace);
        let y = mul(&x, &x).unwrap();
        set(&y, &[Index::Integer(0)], &source).unwrap();
        assert_eq!(numbers(&y), [5.0, 5.0, 4.0, 9.0]);
        autograd::backward(&sum(&mul(&y, &y).unwrap(), None, false, None).unwrap(), None, false, false).unwrap();
        // The first row no longer depends on x; the other is x^4.
        assert_eq!(numbers(&x.grad().unwrap()), [0.0, 0.0, 32.0, 108.0]);
        let grad = source.grad().unwrap().value().array.to_scalar::<f64>().unwrap();
        assert_eq!(grad, 20.0);
    }

    #[test]
    fn the_gradient_of_a_part_has_a_gradient() {
        let x = counted(&[2, 3]);
        x.set_requires_grad(true).unwrap();
        let y = get(&x, &[ALL, slice(1, None, 1)]).unwrap();
        let cube = mul(&mul(&y, &y).unwrap(), &y).unwrap();
        let total = sum(&cube, None, false, None).unwrap();
        let first = autograd::grad(&[&total], &[&x], &[], false, true, false).unwrap();
        let first = first[0].clone().unwrap();
        assert_eq!(numbers(&first), [0.0, 3.0, 12.0, 0.0, 48.0, 75.0]);
        autograd::backward(&sum(&first, None, false, None).unwrap(), None, false, false).unwrap();
        assert_eq!(numbers(&x.grad().unwrap()), [0.0, 6.0, 12.0, 0.0, 24.0, 30.0]);
    }
}
