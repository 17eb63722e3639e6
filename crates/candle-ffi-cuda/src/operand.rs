//! Inputs of elementwise kernels: tensors, and numbers that travel with the launch.

use crate::array::{MAX_RANK, address};
use crate::divisor::Divisor;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CpuStorage, Device, Result, Storage, Tensor};

/// An input as the kernels see it (`Operand` in `elementwise.cuh`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    address: u64,
    bits: u64,
    kind: Kind,
}

/// Where the elements of an operand come from.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One for each element of the result.
    Each = 0,
    /// One in memory for all.
    One = 1,
    /// One that comes with the launch.
    Number = 2,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Operand {}

impl Operand {
    /// A tensor on the device, or one of a single element on the host.
    pub(crate) fn of(tensor: &Tensor) -> Result<Self> {
        if let Some(bits) = number(tensor) {
            return Ok(Self { address: 0, bits, kind: Kind::Number });
        }
        let kind = if is_one(tensor) { Kind::One } else { Kind::Each };
        Ok(Self { address: address(tensor)?, bits: 0, kind })
    }
}

/// Whether all elements are one in memory.
fn is_one(tensor: &Tensor) -> bool {
    tensor.elem_count() == 1
}

/// The bits of the only element of a tensor on the host.
pub(crate) fn number(tensor: &Tensor) -> Option<u64> {
    if !matches!(tensor.device(), Device::Cpu) || tensor.elem_count() != 1 {
        return None;
    }
    let (storage, layout) = tensor.storage_and_layout();
    let at = layout.start_offset();
    let Storage::Cpu(storage) = &*storage else { return None };
    Some(match storage {
        CpuStorage::U8(data) => data[at].into(),
        CpuStorage::U32(data) => data[at].into(),
        CpuStorage::I16(data) => u64::from(data[at].cast_unsigned()),
        CpuStorage::I32(data) => u64::from(data[at].cast_unsigned()),
        CpuStorage::I64(data) => data[at].cast_unsigned(),
        CpuStorage::BF16(data) => data[at].to_bits().into(),
        CpuStorage::F16(data) => data[at].to_bits().into(),
        CpuStorage::F32(data) => data[at].to_bits().into(),
        CpuStorage::F64(data) => data[at].to_bits(),
        CpuStorage::F8E4M3(data) => data[at].to_bits().into(),
        _ => return None,
    })
}

/// Whether the kernels for contiguous arrays can read a tensor for a result of these dimensions.
pub(crate) fn is_direct(tensor: &Tensor, dims: &[usize]) -> bool {
    is_one(tensor) || (tensor.dims() == dims && tensor.is_contiguous())
}

/// How the elements of several arrays lie, in one shape (`Joint` in `elementwise.cuh`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joint<const N: usize> {
    rank: u32,
    dims: [Divisor; MAX_RANK],
    strides: [[i64; MAX_RANK]; N],
}

// SAFETY: plain numbers in C layout.
unsafe impl<const N: usize> DeviceRepr for Joint<N> {}

impl<const N: usize> Joint<N> {
    /// Tensors that broadcast to `dims`; None where kernels cannot follow them, or there is no element.
    pub(crate) fn of(dims: &[usize], tensors: [&Tensor; N]) -> Option<Self> {
        let stride_of = |tensor: &Tensor, at: usize| {
            // A dimension that the tensor has not, or once, is repeated.
            let own = (at + tensor.rank()).checked_sub(dims.len())?;
            (tensor.dims()[own] != 1).then(|| tensor.layout().stride()[own])
        };
        Self::new(
            dims.iter().enumerate().map(|(at, &size)| (size, tensors.map(|tensor| stride_of(tensor, at).unwrap_or(0)))),
        )
    }

    /// From sizes and strides, the outermost dimension first. Adjacent dimensions are merged where all arrays let them.
    pub(crate) fn new(entries: impl Iterator<Item = (usize, [usize; N])>) -> Option<Self> {
        let mut joint = Self { rank: 0, dims: [Divisor::NONE; MAX_RANK], strides: [[0; MAX_RANK]; N] };
        let mut rank = 0;
        for (size, strides) in entries {
            if size == 1 {
                continue;
            }
            let size = u32::try_from(size).ok().filter(|&size| size > 0)?;
            let mut steps = [0i64; N];
            for (step, stride) in steps.iter_mut().zip(strides) {
                *step = i64::try_from(stride).ok()?;
            }
            let runs_on = rank > 0 && (0..N).all(|n| joint.strides[n][rank - 1] == i64::from(size) * steps[n]);
            let joined = if runs_on { joint.dims[rank - 1].size().checked_mul(size) } else { None };
            if let Some(dim) = joined {
                joint.dims[rank - 1] = Divisor::of(dim);
            } else {
                *joint.dims.get_mut(rank)? = Divisor::of(size);
                rank += 1;
            }
            for (n, step) in steps.into_iter().enumerate() {
                joint.strides[n][rank - 1] = step;
            }
        }
        if rank == 0 {
            // One element.
            joint.dims[0] = Divisor::of(1);
            rank = 1;
        }
        joint.rank = u32::try_from(rank).ok()?;
        Some(joint)
    }

    /// The same arrays in packs of `pack` elements along the innermost dimension, along which each runs on or repeats one
    /// element. None where one lies otherwise, or where it would not be whole packs.
    pub(crate) fn in_packs(&self, pack: u32) -> Option<Self> {
        let last = self.rank as usize - 1;
        let size = self.dims[last].size();
        let mut packs = *self;
        packs.dims[last] = size.is_multiple_of(pack).then(|| Divisor::of(size / pack))?;
        for strides in &mut packs.strides {
            strides[last] = match strides[last] {
                0 => 0,
                1 if strides[..last].iter().all(|stride| stride % i64::from(pack) == 0) => i64::from(pack),
                _ => return None,
            };
        }
        Some(packs)
    }

    /// Whether an array repeats one element along the innermost dimension.
    pub(crate) fn repeats(&self, array: usize) -> bool {
        self.strides[array][self.rank as usize - 1] == 0
    }

    /// The size of a dimension.
    pub(crate) fn size(&self, at: usize) -> u32 {
        self.dims[at].size()
    }

    /// Sizes and strides, the outermost dimension first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = (u32, [i64; N])> + ExactSizeIterator {
        (0..self.rank as usize).map(|at| (self.dims[at].size(), std::array::from_fn(|n| self.strides[n][at])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Tensor};

    #[test]
    fn dimensions_are_merged_where_all_arrays_let_them() {
        let cpu = Device::Cpu;
        let x = Tensor::zeros((2, 3, 4), DType::F32, &cpu).unwrap();
        let row = Tensor::zeros(4, DType::F32, &cpu).unwrap();
        let joint = Joint::of(&[2, 3, 4], [&x, &row, &x]).unwrap();
        assert_eq!(joint.entries().collect::<Vec<_>>(), [(6, [4, 0, 4]), (4, [1, 1, 1])]);
        let one = Tensor::zeros((1, 1), DType::F32, &cpu).unwrap();
        let joint = Joint::of(&[2, 3, 4], [&x, &one]).unwrap();
        assert_eq!(joint.entries().collect::<Vec<_>>(), [(24, [1, 0])]);
        let turned = x.transpose(0, 2).unwrap();
        let joint = Joint::of(&[4, 3, 2], [&turned]).unwrap();
        assert_eq!(joint.entries().collect::<Vec<_>>(), [(4, [1]), (3, [4]), (2, [12])]);
        assert_eq!(Joint::of(&[1, 1], [&one]).unwrap().entries().collect::<Vec<_>>(), [(1, [0])]);
        assert!(Joint::of(&[0, 3], [&one]).is_none());
    }

    #[test]
    fn packs_are_whole_or_repeated() {
        let cpu = Device::Cpu;
        let x = Tensor::zeros((6, 8), DType::F32, &cpu).unwrap();
        let (row, column) = (x.narrow(0, 0, 1).unwrap(), x.narrow(1, 0, 1).unwrap());
        let packs = Joint::of(&[6, 8], [&row, &column, &x]).unwrap().in_packs(4).unwrap();
        assert_eq!(packs.entries().collect::<Vec<_>>(), [(6, [0, 8, 8]), (2, [4, 0, 4])]);
        assert_eq!([0, 1, 2].map(|array| packs.repeats(array)), [false, true, false]);
        // 4 does not divide the size, the distance of rows; columns are not neighbours.
        let (short, part) = (x.narrow(1, 0, 6).unwrap(), Tensor::zeros((8, 6), DType::F32, &cpu).unwrap());
        assert!(Joint::of(&[6, 6], [&short]).unwrap().in_packs(4).is_none());
        assert!(Joint::of(&[8, 4], [&part.narrow(1, 0, 4).unwrap()]).unwrap().in_packs(4).is_none());
        assert!(Joint::of(&[8, 6], [&x.t().unwrap(), &part]).unwrap().in_packs(2).is_none());
    }

    #[test]
    fn numbers_are_bits() {
        let of = |tensor: Tensor| number(&tensor);
        assert_eq!(of(Tensor::new(1.5f32, &Device::Cpu).unwrap()), Some(u64::from(1.5f32.to_bits())));
        assert_eq!(of(Tensor::new(-1i64, &Device::Cpu).unwrap()), Some(u64::MAX));
        assert_eq!(of(Tensor::new(&[1u8, 2], &Device::Cpu).unwrap()), None);
    }
}
