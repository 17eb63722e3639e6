//! The door for data of the host: storage comes in without a copy and is looked at in place.

use crate::value::Value;
use crate::{DType, Device, Error, Result, Tensor, compute, profile, shape};
use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, Storage};
use std::ops::Range;

/// The shape of signed sizes and its number of elements, once it is sure that they can be had.
pub fn checked_shape(sizes: &[i64], dtype: DType) -> Result<(Vec<usize>, usize)> {
    let dims = shape::from_sizes(sizes)?;
    let count = shape::check_allocation(&dims, dtype)?;
    Ok((dims.to_vec(), count))
}

/// The same for elements that are in memory already, so that no more of it is needed.
pub fn checked_shape_in_place(sizes: &[i64], dtype: DType) -> Result<(Vec<usize>, usize)> {
    let dims = shape::from_sizes(sizes)?;
    let count = shape::check_size(&dims, dtype)?;
    Ok((dims.to_vec(), count))
}

impl Tensor {
    /// A tensor of these elements in row-major order; bools are bytes of 0 and 1.
    pub fn from_storage(storage: CpuStorage, dims: &[usize], dtype: DType, device: Device) -> Result<Self> {
        use candle_core::backend::BackendStorage;
        let count = shape::num_elements(dims)?;
        if storage.dtype() != dtype.storage() || len(&storage) != Some(count) {
            return Err(Error::internal("the storage is not one of this shape and dtype"));
        }
        profile::made(count * dtype.size_in_bytes());
        let array = candle_core::Tensor::from_storage(Storage::Cpu(storage), dims, BackpropOp::none(), false);
        Ok(Self::from_value(Value::new(array, dtype).to_device(device)?))
    }

    /// A tensor in memory that others use too: elements in row-major order of `dims`, whose dimensions are
    /// then put into `order`.
    pub fn from_shared_storage(storage: CpuStorage, dims: &[usize], order: &[usize], dtype: DType) -> Result<Self> {
        let value = Self::from_storage(storage, dims, dtype, Device::CPU)?.value();
        Ok(Self::from_foreign(if order.is_sorted() { value } else { value.permute(order)? }))
    }

    /// As [`from_shared_storage`](Self::from_shared_storage), for a flat array of a device.
    pub fn from_device_storage(
        flat: &candle_core::Tensor,
        dims: &[usize],
        order: &[usize],
        dtype: DType,
    ) -> Result<Self> {
        let value = Value::new(flat.reshape(dims)?, dtype);
        Ok(Self::from_foreign(if order.is_sorted() { value } else { value.permute(order)? }))
    }

    /// The address of the first element; on CUDA it is the device's, which only the device can read.
    pub fn data_pointer(&self) -> Result<*mut u8> {
        self.with_value(|value| {
            #[cfg(feature = "cuda")]
            if value.array.device().is_cuda() {
                let address = candle_ffi_cuda::address(&value.array)?;
                return Ok(std::ptr::without_provenance_mut(address as usize));
            }
            let (storage, layout) = value.array.storage_and_layout();
            let start = match &*storage {
                Storage::Cpu(storage) => start_of(storage),
                _ => None,
            };
            let start = start.ok_or_else(|| {
                let device = value.device();
                Error::device(format!("elements on {device} have no address on the host"), &[device])
            })?;
            // An empty view may begin beyond the end of its storage.
            Ok(start.wrapping_add(layout.start_offset() * value.dtype.size_in_bytes()).cast_mut())
        })
    }

    /// A number that takes part in promotion only by its category, as Python's numbers do.
    pub fn from_number(number: f64) -> Self {
        Self::from_wrapped_number(compute::from_vec(vec![number], &[], DType::Float64))
    }

    /// As [`from_number`](Self::from_number), for an integer.
    pub fn from_integer(number: i64) -> Self {
        Self::from_wrapped_number(compute::from_vec(vec![number], &[], DType::Int64))
    }

    /// As [`from_number`](Self::from_number), for a truth.
    pub fn from_bool(truth: bool) -> Self {
        Self::from_wrapped_number(compute::from_vec(vec![u8::from(truth)], &[], DType::Bool))
    }

    /// Looks at the elements in row-major order: a storage, and where in it they lie.
    pub fn with_storage<R>(&self, look: impl FnOnce(&CpuStorage, Range<usize>) -> Result<R>) -> Result<R> {
        let value = compute::contiguous(&self.value().to_device(Device::CPU)?)?;
        let (storage, layout) = value.array.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            // An empty view may begin beyond the end of its storage.
            (Storage::Cpu(storage), Some((start, end))) if start == end => look(storage, 0..0),
            (Storage::Cpu(storage), Some((start, end))) => look(storage, start..end),
            _ => Err(Error::internal("elements on the host in row-major order are neither")),
        }
    }

    /// The only element as a float.
    pub fn to_number(&self) -> Result<f64> {
        self.only_element(DType::Float64)?.with_storage(|storage, at| match storage {
            CpuStorage::F64(data) => Ok(data[at.start]),
            _ => Err(Error::internal("a float64 is stored as something else")),
        })
    }

    /// The only element as an integer; floats are cut.
    pub fn to_integer(&self) -> Result<i64> {
        self.only_element(DType::Int64)?.with_storage(|storage, at| match storage {
            CpuStorage::I64(data) => Ok(data[at.start]),
            _ => Err(Error::internal("an int64 is stored as something else")),
        })
    }

    fn only_element(&self, dtype: DType) -> Result<Self> {
        if self.num_elements() != 1 {
            return Err(Error::shape(
                format!("only a tensor of one element is a number, and this has shape {:?}", self.dims()),
                &[&self.dims()],
            ));
        }
        Ok(Self::from_value(compute::cast(&self.value().to_device(Device::CPU)?, dtype)?))
    }
}

fn len(storage: &CpuStorage) -> Option<usize> {
    Some(match storage {
        CpuStorage::U8(data) => data.len(),
        CpuStorage::U32(data) => data.len(),
        CpuStorage::I16(data) => data.len(),
        CpuStorage::I32(data) => data.len(),
        CpuStorage::I64(data) => data.len(),
        CpuStorage::BF16(data) => data.len(),
        CpuStorage::F16(data) => data.len(),
        CpuStorage::F32(data) => data.len(),
        CpuStorage::F64(data) => data.len(),
        CpuStorage::F8E4M3(data) => data.len(),
        _ => return None,
    })
}

fn start_of(storage: &CpuStorage) -> Option<*const u8> {
    Some(match storage {
        CpuStorage::U8(data) => data.as_ptr().cast(),
        CpuStorage::U32(data) => data.as_ptr().cast(),
        CpuStorage::I16(data) => data.as_ptr().cast(),
        CpuStorage::I32(data) => data.as_ptr().cast(),
        CpuStorage::I64(data) => data.as_ptr().cast(),
        CpuStorage::BF16(data) => data.as_ptr().cast(),
        CpuStorage::F16(data) => data.as_ptr().cast(),
        CpuStorage::F32(data) => data.as_ptr().cast(),
        CpuStorage::F64(data) => data.as_ptr().cast(),
        CpuStorage::F8E4M3(data) => data.as_ptr().cast(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_goes_in_and_comes_out() {
        let tensor = Tensor::from_storage(CpuStorage::I32(vec![1, 2, 3]), &[3], DType::Int32, Device::CPU).unwrap();
        let sum = tensor.with_storage(|storage, range| match storage {
            CpuStorage::I32(data) => Ok(data[range].iter().sum::<i32>()),
            _ => Err(Error::internal("other")),
        });
        assert_eq!(sum.unwrap(), 6);
        assert!(tensor.to_number().is_err());
        assert!(Tensor::from_storage(CpuStorage::I32(vec![1]), &[2], DType::Int32, Device::CPU).is_err());
        assert!(Tensor::from_storage(CpuStorage::I32(vec![1]), &[1], DType::Int64, Device::CPU).is_err());
    }

    #[test]
    fn numbers_are_read_exactly() {
        assert_eq!(Tensor::from_integer(i64::MAX).to_integer().unwrap(), i64::MAX);
        assert_eq!(Tensor::from_number(-0.5).to_number().unwrap(), -0.5);
        assert_eq!(Tensor::from_bool(true).to_number().unwrap(), 1.0);
    }
}
