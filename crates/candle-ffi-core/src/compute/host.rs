//! The way for devices that have no kernel for an operation: to the host and back.

use crate::Result;
use crate::value::Value;

/// Whether all values are on the CPU, where the kernels are.
pub(super) fn on_cpu(values: &[&Value]) -> bool {
    values.iter().all(|value| value.is_cpu())
}

/// Runs `compute` on host copies of the values and brings its results back to the first value's device.
pub(super) fn round_trip<const N: usize, const M: usize>(
    values: [&Value; N],
    compute: impl FnOnce([Value; N]) -> Result<[Value; M]>,
) -> Result<[Value; M]> {
    let device = values[0].device();
    let mut on_host = values.map(Value::clone);
    for value in &mut on_host {
        *value = value.to_device(crate::Device::CPU)?;
    }
    let mut results = compute(on_host)?;
    for result in &mut results {
        *result = result.to_device(device)?;
    }
    Ok(results)
}

/// The same for one result.
pub(super) fn round_trip_one<const N: usize>(
    values: [&Value; N],
    compute: impl FnOnce([Value; N]) -> Result<Value>,
) -> Result<Value> {
    let [result] = round_trip(values, |on_host| Ok([compute(on_host)?]))?;
    Ok(result)
}
