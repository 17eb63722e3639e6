//! Where the elements of tensors lie on a device, and room for new ones.

use crate::divisor::Divisor;
use crate::{capture, memory};
use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, CudaStorageSlice};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Result, Shape, Storage, Tensor, bail};

/// As many dimensions as a kernel can follow; adjacent ones are merged first, so that few tensors have more.
pub(crate) const MAX_RANK: usize = 12;

/// How elements lie, as the kernels see it (`Layout` in `common.cuh`). Rank 0: one after the other.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strides {
    rank: u32,
    dims: [Divisor; MAX_RANK],
    strides: [i64; MAX_RANK],
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Strides {}

impl Strides {
    /// Elements without gaps.
    pub(crate) const CONTIGUOUS: Self = Self { rank: 0, dims: [Divisor::NONE; MAX_RANK], strides: [0; MAX_RANK] };

    /// The strides of a layout, adjacent dimensions merged where they lie as one; None where that leaves too many,
    /// or one is too long for the kernels.
    pub(crate) fn of(layout: &Layout) -> Option<Self> {
        if layout.is_contiguous() {
            return Some(Self::CONTIGUOUS);
        }
        let mut merged = Self::CONTIGUOUS;
        let mut rank = 0;
        for (&size, &stride) in layout.dims().iter().zip(layout.stride()) {
            if size == 1 {
                continue;
            }
            let (size, stride) = (u32::try_from(size).ok()?, i64::try_from(stride).ok()?);
            let joined = (rank > 0 && merged.strides[rank - 1] == i64::from(size) * stride)
                .then(|| merged.dims[rank - 1].size().checked_mul(size))
                .flatten();
            match joined {
                Some(dim) => {
                    merged.dims[rank - 1] = Divisor::of(dim);
                    merged.strides[rank - 1] = stride;
                }
                None => {
                    *merged.dims.get_mut(rank)? = Divisor::of(size);
                    merged.strides[rank] = stride;
                    rank += 1;
                }
            }
        }
        merged.rank = u32::try_from(rank).ok()?;
        // One element, or one run without gaps.
        if rank == 0 || (rank == 1 && merged.strides[0] == 1) { Some(Self::CONTIGUOUS) } else { Some(merged) }
    }
}

/// The device of a tensor; an error for one that is not on CUDA.
pub(crate) fn device(tensor: &Tensor) -> Result<&CudaDevice> {
    tensor.device().as_cuda_device()
}

/// Where the first element of a tensor is. It stays there for as long as the tensor lives, and, for work that is on the
/// device's stream already, beyond: memory is freed in the order of the stream.
pub fn address(tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else {
        bail!("a tensor on {:?} reached a CUDA kernel", tensor.device().location());
    };
    let stream = storage.device().cuda_stream();
    let start = match &storage.slice {
        CudaStorageSlice::U8(slice) => start(slice, &stream),
        CudaStorageSlice::U32(slice) => start(slice, &stream),
        CudaStorageSlice::I16(slice) => start(slice, &stream),
        CudaStorageSlice::I32(slice) => start(slice, &stream),
        CudaStorageSlice::I64(slice) => start(slice, &stream),
        CudaStorageSlice::BF16(slice) => start(slice, &stream),
        CudaStorageSlice::F16(slice) => start(slice, &stream),
        CudaStorageSlice::F32(slice) => start(slice, &stream),
        CudaStorageSlice::F64(slice) => start(slice, &stream),
        CudaStorageSlice::F8E4M3(slice) => start(slice, &stream),
        _ => bail!("{:?} has no kernels", storage.dtype()),
    };
    // A graph that is captured goes on using what is used now.
    capture::keep(storage.device(), tensor, start);
    Ok(start + (layout.start_offset() * tensor.dtype().size_in_bytes()) as u64)
}

fn start<T>(slice: &CudaSlice<T>, stream: &CudaStream) -> u64 {
    slice.device_ptr(stream).0
}

/// A new tensor whose elements are not set: a kernel is to write every one of them.
pub(crate) fn empty(device: &CudaDevice, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
    let shape = shape.into();
    // The driver has no empty allocation.
    let count = shape.elem_count().max(1);
    let allocate = || match dtype {
        DType::U8 => room::<u8>(device, count),
        DType::U32 => room::<u32>(device, count),
        DType::I16 => room::<i16>(device, count),
        DType::I32 => room::<i32>(device, count),
        DType::I64 => room::<i64>(device, count),
        DType::BF16 => room::<half::bf16>(device, count),
        DType::F16 => room::<half::f16>(device, count),
        DType::F32 => room::<f32>(device, count),
        DType::F64 => room::<f64>(device, count),
        DType::F8E4M3 => room::<float8::F8E4M3>(device, count),
        dtype => bail!("{dtype:?} has no kernels"),
    };
    let storage = memory::allocate(device, count * dtype.size_in_bytes(), shape.dims(), dtype, allocate)?;
    Ok(Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false))
}

/// A flat tensor in memory that is there already.
///
/// # Safety
///
/// So many elements of the dtype are there, and freeing the address with the driver is right (see [`crate::adopted`]).
pub(crate) unsafe fn wrap(device: &CudaDevice, address: u64, count: usize, dtype: DType) -> Result<Tensor> {
    // SAFETY: passed on from the caller.
    let storage = unsafe {
        match dtype {
            DType::U8 => at::<u8>(device, address, count),
            DType::U32 => at::<u32>(device, address, count),
            DType::I16 => at::<i16>(device, address, count),
            DType::I32 => at::<i32>(device, address, count),
            DType::I64 => at::<i64>(device, address, count),
            DType::BF16 => at::<half::bf16>(device, address, count),
            DType::F16 => at::<half::f16>(device, address, count),
            DType::F32 => at::<f32>(device, address, count),
            DType::F64 => at::<f64>(device, address, count),
            DType::F8E4M3 => at::<float8::F8E4M3>(device, address, count),
            dtype => bail!("{dtype:?} has no kernels"),
        }
    };
    Ok(Tensor::from_storage(Storage::Cuda(storage), count, BackpropOp::none(), false))
}

unsafe fn at<T: CudaDType>(device: &CudaDevice, address: u64, count: usize) -> CudaStorage {
    // SAFETY: passed on from the caller of `wrap`.
    let slice = unsafe { device.cuda_stream().upgrade_device_ptr::<T>(address, count) };
    CudaStorage::wrap_cuda_slice(slice, device.clone())
}

fn room<T>(device: &CudaDevice, count: usize) -> Result<CudaStorage>
where
    T: CudaDType + DeviceRepr,
{
    // SAFETY: the elements are plain numbers, and callers have them all written before anything reads them.
    let slice = unsafe { device.alloc::<T>(count) }?;
    Ok(CudaStorage::wrap_cuda_slice(slice, device.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_dimensions_are_merged() {
        let of = |dims: &[usize], strides: &[usize]| {
            Strides::of(&Layout::new(Shape::from(dims), strides.to_vec(), 0)).unwrap()
        };
        assert_eq!(of(&[2, 3, 4], &[12, 4, 1]), Strides::CONTIGUOUS);
        assert_eq!(of(&[1, 5], &[77, 1]), Strides::CONTIGUOUS);
        let row = of(&[2, 3, 4], &[0, 0, 1]);
        let sizes = [row.dims[0], row.dims[1]].map(Divisor::size);
        assert_eq!((row.rank, sizes, row.strides[..2].to_vec()), (2, [6, 4], vec![0, 1]));
        let every_second = of(&[2, 3, 4], &[24, 8, 2]);
        assert_eq!((every_second.rank, every_second.dims[0].size(), every_second.strides[0]), (1, 24, 2));
        assert_eq!(of(&[3, 2], &[1, 3]).rank, 2);
    }
}
