//! Arithmetic on shapes and dimensions, checked before any memory is touched.

use crate::{DType, Device, DeviceKind, Error, ErrorCode, Result, memory};
use smallvec::SmallVec;

/// Sizes or strides of a tensor; up to six dimensions without an allocation.
pub(crate) type Dims = SmallVec<[usize; 6]>;

/// A shape from signed sizes.
pub(crate) fn from_sizes(sizes: &[i64]) -> Result<Dims> {
    sizes
        .iter()
        .map(|&size| {
            usize::try_from(size).map_err(|_| {
                Error::new(ErrorCode::Shape, format!("a size must not be negative, and shape {sizes:?} has {size}"))
            })
        })
        .collect()
}

/// The number of elements; fails when the product overflows.
pub(crate) fn num_elements(dims: &[usize]) -> Result<usize> {
    // Without its zeros too the product must fit: strides are made of it, and reductions drop the zeros.
    dims.iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size.max(1)))
        .filter(|&product| isize::try_from(product).is_ok())
        .map(|product| if dims.contains(&0) { 0 } else { product })
        .ok_or_else(|| Error::shape(format!("the number of elements of shape {dims:?} overflows"), &[dims]))
}

/// Makes sure that the host has room for a result of this shape, and gives its number of elements.
pub(crate) fn check_allocation(dims: &[usize], dtype: DType) -> Result<usize> {
    let count = check_size(dims, dtype)?;
    let bytes = count * dtype.size_in_bytes();
    if !memory::can_allocate(bytes) {
        return Err(out_of_memory(&bytes.to_string(), dims, dtype));
    }
    Ok(count)
}

/// The same for a result on any device. Memory of its own a device is asked for when the result is made.
pub(crate) fn check_allocation_on(dims: &[usize], dtype: DType, device: Device) -> Result<usize> {
    match device.kind() {
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => check_on_device(dims, dtype),
        #[cfg(not(feature = "cuda"))]
        DeviceKind::Cuda => check_size(dims, dtype),
        // The memory of Metal's devices is the host's.
        DeviceKind::Cpu | DeviceKind::Metal => check_allocation(dims, dtype),
    }
}

/// The number of elements of a result on a device with memory of its own. Whether there is room only its allocation knows,
/// which fails with what was asked for and what is free; Candle's own do not know what for, so it is noted here.
#[cfg(feature = "cuda")]
pub(crate) fn check_on_device(dims: &[usize], dtype: DType) -> Result<usize> {
    let count = check_size(dims, dtype)?;
    memory::note(count * dtype.size_in_bytes(), dtype);
    Ok(count)
}

/// Makes sure that an address space can hold this shape, and gives its number of elements.
pub(crate) fn check_size(dims: &[usize], dtype: DType) -> Result<usize> {
    let count = num_elements(dims)?;
    let bytes = count.checked_mul(dtype.size_in_bytes());
    match bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) {
        Some(_) => Ok(count),
        None => Err(out_of_memory("more than 2^63", dims, dtype)),
    }
}

fn out_of_memory(bytes: &str, dims: &[usize], dtype: DType) -> Error {
    let shape = &dims[..dims.len().min(16)];
    Error::new(ErrorCode::OutOfMemory, format!("cannot allocate {bytes} bytes for shape {shape:?} of {dtype}"))
}

/// The shape that two shapes broadcast to.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Dims> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], at: usize| (at + dims.len()).checked_sub(rank).map_or(1, |index| dims[index]);
    (0..rank)
        .map(|at| match (size(a, at), size(b, at)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            (x, y) => Err(Error::shape(
                format!("shapes {a:?} and {b:?} do not broadcast: sizes {x} and {y} at dimension {at} differ and neither is 1"),
                &[a, b],
            )),
        })
        .collect()
}

/// A dimension of a tensor of this rank; negative ones count from the end. A scalar has dimension 0 and -1.
pub(crate) fn dim(dim: i64, rank: usize) -> Result<usize> {
    let count = rank.max(1) as i64;
    if dim < -count || dim >= count {
        return Err(Error::index(format!(
            "dimension {dim} is out of range: a tensor of {rank} dimensions has {} to {}",
            -count,
            count - 1
        )));
    }
    Ok(if dim < 0 { dim + count } else { dim } as usize)
}

/// Several dimensions, checked and each at most once, in ascending order; `None` or none means all.
pub(crate) fn dims(dims: Option<&[i64]>, rank: usize) -> Result<Dims> {
    let Some(list) = dims.filter(|list| !list.is_empty()) else {
        return Ok((0..rank).collect());
    };
    let mut result = list.iter().map(|&one| dim(one, rank)).collect::<Result<Dims>>()?;
    result.sort_unstable();
    if let Some(twice) = result.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::argument(format!("dimension {} appears more than once in {list:?}", twice[0])));
    }
    // A scalar's only dimension is an imagined one.
    if rank == 0 {
        result.clear();
    }
    Ok(result)
}

/// A new shape for `count` elements, with at most one -1 that is computed.
pub(crate) fn infer(sizes: &[i64], dims: &[usize]) -> Result<Dims> {
    let count = num_elements(dims)?;
    let wrong = || Error::shape(format!("shape {dims:?} cannot become {sizes:?}: it has {count} elements"), &[dims]);
    let unknown = sizes.iter().position(|&size| size == -1);
    let mut known = Dims::new();
    for (at, &size) in sizes.iter().enumerate() {
        known.push(if Some(at) == unknown { 1 } else { usize::try_from(size).map_err(|_| wrong())? });
    }
    let product = num_elements(&known)?;
    if let Some(at) = unknown {
        if product == 0 || count % product != 0 {
            return Err(wrong());
        }
        known[at] = count / product;
    } else if product != count {
        return Err(wrong());
    }
    Ok(known)
}

/// The number of elements before, along and after a dimension. A scalar counts as one row of one element.
pub(crate) fn around(dims: &[usize], dim: usize) -> (usize, usize, usize) {
    if dims.is_empty() {
        return (1, 1, 1);
    }
    (dims[..dim].iter().product(), dims[dim], dims[dim + 1..].iter().product())
}

/// Strides of a contiguous tensor.
pub(crate) fn contiguous_strides(dims: &[usize]) -> Dims {
    let mut strides: Dims = SmallVec::from_elem(1, dims.len());
    for at in (1..dims.len()).rev() {
        strides[at - 1] = strides[at] * dims[at];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_and_its_errors() {
        assert_eq!(broadcast(&[3, 1], &[2]).unwrap().as_slice(), [3, 2]);
        assert_eq!(broadcast(&[], &[0, 2]).unwrap().as_slice(), [0, 2]);
        let error = broadcast(&[2, 3], &[4]).unwrap_err();
        assert_eq!(error.shapes(), [vec![2, 3], vec![4]]);
    }

    #[test]
    fn sizes_are_checked_before_memory_is_touched() {
        assert_eq!(from_sizes(&[2, -1]).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(num_elements(&[usize::MAX, 2]).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(num_elements(&[1 << 40, 0]).unwrap(), 0);
        assert!(num_elements(&[usize::MAX, 2, 0]).is_err());
        assert_eq!(check_allocation(&[1 << 60], DType::UInt8).unwrap_err().code(), ErrorCode::OutOfMemory);
    }

    #[test]
    fn dimensions_count_from_the_end() {
        assert_eq!(dim(-1, 3).unwrap(), 2);
        assert_eq!(dim(-1, 0).unwrap(), 0);
        assert_eq!(dim(3, 3).unwrap_err().code(), ErrorCode::Index);
        assert_eq!(dims(Some(&[-1, 0]), 3).unwrap().as_slice(), [0, 2]);
        assert!(dims(Some(&[0, -3]), 3).is_err());
    }

    #[test]
    fn one_size_can_be_inferred() {
        assert_eq!(infer(&[-1, 2], &[3, 4]).unwrap().as_slice(), [6, 2]);
        assert!(infer(&[5, -1], &[3, 4]).is_err());
        assert!(infer(&[-1, -1], &[4]).is_err());
    }
}
