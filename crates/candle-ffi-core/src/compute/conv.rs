//! Convolutions, as the three products of their two sides and the weight.

use super::copy::{cast, contiguous, from_vec};
use super::dispatch::with_wide;
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{Device, Result, shape};
use candle_ffi_kernels::conv::{self as kernels, Geometry};

/// Which of the three is the result; the other two are given in the order large side, small side, weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ConvResult {
    Small,
    Large,
    Weight,
}

/// One of the products, of shape `dims`; `bias` is added to each channel of a side.
pub(crate) fn conv(
    result: ConvResult,
    first: &Value,
    second: &Value,
    bias: Option<&Value>,
    geometry: &Geometry,
    dims: &[usize],
) -> Result<Value> {
    if !host::on_cpu(&[first, second]) {
        shape::check_size(dims, first.dtype)?;
        on_cuda!(conv(result, first, second, bias, geometry, dims));
        let bias = bias.map(|bias| bias.to_device(Device::CPU)).transpose()?;
        return host::round_trip_one("conv", [first, second], |[first, second]| {
            conv(result, &first, &second, bias.as_ref(), geometry, dims)
        });
    }
    let dtype = first.dtype;
    let computed = dtype.wide();
    shape::check_allocation(dims, computed)?;
    let wide = |value: &Value| contiguous(&cast(value, computed)?);
    let (first, second, bias) = (wide(first)?, wide(second)?, bias.map(wide).transpose()?);
    // What is absent is not looked at.
    let locked = lock([&first, &second, bias.as_ref().unwrap_or(&first)]);
    let value = with_wide!(computed, T => {
        let bias = bias.as_ref().map(|_| locked.slice::<T>(2)).transpose()?;
        let (first, second) = (locked.slice::<T>(0)?, locked.slice::<T>(1)?);
        let elements = match result {
            ConvResult::Small => kernels::conv(geometry, first, second, bias),
            ConvResult::Large => kernels::conv_transpose(geometry, first, second, bias),
            ConvResult::Weight => kernels::conv_weight_grad(geometry, first, second),
        };
        Ok(from_vec(elements, dims, computed))
    })?;
    cast(&value, dtype)
}
