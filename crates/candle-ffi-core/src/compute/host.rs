//! The way for devices that have no kernel for an operation: to the host and back.

use crate::value::Value;
use crate::{Device, Result, fallback};
use std::fmt;

/// Whether all values are on the CPU, where the kernels are.
pub(super) fn on_cpu(values: &[&Value]) -> bool {
    values.iter().all(|value| value.is_cpu())
}

/// Runs `compute` on host copies of the values and brings its results back to their device. `name` is the operation's,
/// for the warning that a device has no kernel for it.
pub(super) fn round_trip<const N: usize, const M: usize>(
    name: impl fmt::Display,
    values: [&Value; N],
    compute: impl FnOnce([Value; N]) -> Result<[Value; M]>,
) -> Result<[Value; M]> {
    fallback::announce(name, &values)?;
    let device = values.iter().map(|value| value.device()).find(|device| !device.is_cpu()).unwrap_or(Device::CPU);
    let mut on_host = values.map(Value::clone);
    for value in &mut on_host {
        *value = value.to_device(Device::CPU)?;
    }
    let mut results = compute(on_host)?;
    for result in &mut results {
        *result = result.to_device(device)?;
    }
    Ok(results)
}

/// The same for one result.
pub(super) fn round_trip_one<const N: usize>(
    name: impl fmt::Display,
    values: [&Value; N],
    compute: impl FnOnce([Value; N]) -> Result<Value>,
) -> Result<Value> {
    let [result] = round_trip(name, values, |on_host| Ok([compute(on_host)?]))?;
    Ok(result)
}
