//! Copies from device to device.

use super::copy::contiguous;
use crate::value::Value;
use crate::{Device, Result};

/// The elements on another device, row-major; itself where it is there already.
///
/// Only what the value shows is moved, not the whole storage of a view. The host waits until the memory that it gave or
/// asked for can be used; with `non_blocking` it does not wait for a device to read pinned memory.
#[cfg_attr(not(feature = "cuda"), expect(unused_variables, reason = "only CUDA copies without waiting"))]
pub(crate) fn to_device(value: &Value, device: Device, non_blocking: bool) -> Result<Value> {
    if value.device() == device {
        return Ok(value.clone());
    }
    let value = contiguous(value)?;
    on_cuda!(to_device(&value, device, non_blocking));
    Ok(Value::new(value.array.to_device(&device.to_candle()?)?, value.dtype))
}

/// What the host has made for a device, there. Nobody waits for the device to read it.
pub(crate) fn send(value: &Value, device: Device) -> Result<Value> {
    if value.device() == device {
        return Ok(value.clone());
    }
    let value = contiguous(value)?;
    on_cuda!(send(&value, device));
    to_device(&value, device, false)
}
