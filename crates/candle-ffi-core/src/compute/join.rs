//! Joining arrays.

use super::{Range, Region, contiguous, copy, fill};
use crate::value::Value;
use crate::{DeviceKind, Result};

/// The values one after the other along a dimension, in new memory.
pub(crate) fn join(values: &[Value], at: usize, dims: &[usize]) -> Result<Value> {
    let model = &values[0];
    if model.device().kind() == DeviceKind::Metal && values.len() > 1 {
        let arrays = values.iter().map(|value| Ok(contiguous(value)?.array)).collect::<Result<Vec<_>>>()?;
        return Ok(Value::new(candle_core::Tensor::cat(&arrays, at)?, model.dtype));
    }
    if let [only] = values {
        return copy(only);
    }
    let result = fill(0.0, dims, model.dtype, model.device())?;
    let mut start = 0;
    for value in values {
        let mut region = Region::of_whole(dims);
        region.ranges[at] = Range { start, count: value.dims()[at], step: 1 };
        region.write(&result, value)?;
        start += value.dims()[at];
    }
    Ok(result)
}
