//! Copies from and to CUDA devices.

use crate::value::Value;
use crate::{Device, Result};
use candle_core::Device as Candle;

/// A contiguous value of the host on CUDA, without waiting for the device.
pub(in crate::compute) fn send(value: &Value, device: Device) -> Result<Option<Value>> {
    match (value.array.device(), &device.to_candle()?) {
        (Candle::Cpu, Candle::Cuda(to)) => {
            Ok(Some(Value::new(candle_ffi_cuda::from_host_staged(&value.array, to)?, value.dtype)))
        }
        _ => Ok(None),
    }
}

/// A contiguous value on another device; None where neither is CUDA.
pub(in crate::compute) fn to_device(value: &Value, device: Device, non_blocking: bool) -> Result<Option<Value>> {
    let array = match (value.array.device(), &device.to_candle()?) {
        (Candle::Cpu, Candle::Cuda(to)) => candle_ffi_cuda::from_host(&value.array, to, non_blocking)?,
        (Candle::Cuda(from), Candle::Cpu) => {
            let array = candle_ffi_cuda::to_host(&value.array)?;
            // The device has been waited for.
            super::refuse_found(from)?;
            array
        }
        (Candle::Cuda(_), Candle::Cuda(to)) => candle_ffi_cuda::between(&value.array, to)?,
        _ => return Ok(None),
    };
    Ok(Some(Value::new(array, value.dtype)))
}
