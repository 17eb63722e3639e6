//! Attention.

use super::together;
use crate::compute::AttentionOptions;
use crate::value::Value;
use crate::{DType, Result, compute};
use candle_ffi_cuda::AttentionDropout;

/// Runs `kernel` with the options as the kernels take them.
fn with_options<R>(
    inputs: [&Value; 3],
    options: &AttentionOptions,
    kernel: impl FnOnce(&candle_ffi_cuda::AttentionOptions<'_>) -> candle_ffi_cuda::Result<R>,
) -> Result<R> {
    let [query, key, _] = inputs.map(Value::dims);
    let dims = [query[0], query[1], query[2], key[2]];
    let wide = inputs[0].dtype.wide();
    let seen = |mask: &Value| {
        let mask = if mask.dtype == DType::Bool { mask.clone() } else { compute::cast(mask, wide)? };
        mask.broadcast_to(&dims)
    };
    let mask = options.mask.as_ref().map(seen).transpose()?;
    let dropout = options.dropout.as_ref().map(|(draws, p)| {
        let place = draws.place.as_ref().map(|place| &place.array);
        AttentionDropout { seed: draws.seed, offset: draws.offset, place, p: *p }
    });
    let (scale, causal) = (options.scale, options.causal);
    let mask = mask.as_ref().map(|mask| &mask.array);
    Ok(kernel(&candle_ffi_cuda::AttentionOptions { scale, causal, mask, dropout })?)
}

fn on_one_device(inputs: [&Value; 3], options: &AttentionOptions) -> bool {
    together(&inputs) && options.mask.as_ref().is_none_or(|mask| together(&[inputs[0], mask]))
}

pub(in crate::compute) fn attention(inputs: [&Value; 3], options: &AttentionOptions) -> Result<Option<[Value; 2]>> {
    if !on_one_device(inputs, options) {
        return Ok(None);
    }
    let dtype = inputs[0].dtype;
    let arrays = inputs.map(|input| &input.array);
    let found = with_options(inputs, options, |options| candle_ffi_cuda::attention(arrays, options))?;
    Ok(found.map(|[out, statistics]| [Value::new(out, dtype), Value::new(statistics, dtype.wide())]))
}

pub(in crate::compute) fn attention_grad(
    grad: &Value,
    out: &Value,
    statistics: &Value,
    inputs: [&Value; 3],
    options: &AttentionOptions,
) -> Result<Option<[Value; 3]>> {
    if !on_one_device(inputs, options) || !together(&[inputs[0], grad, out, statistics]) {
        return Ok(None);
    }
    let dtype = inputs[0].dtype;
    let (grad, out, statistics) = (&grad.array, &out.array, &statistics.array);
    let arrays = inputs.map(|input| &input.array);
    let found = with_options(inputs, options, |options| {
        candle_ffi_cuda::attention_grad(grad, out, statistics, arrays, options)
    })?;
    Ok(found.map(|gradients| gradients.map(|gradient| Value::new(gradient, dtype))))
}
