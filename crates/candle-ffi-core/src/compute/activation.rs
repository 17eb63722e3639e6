//! Activation functions with parameters. Half precision is computed in `float32` and rounded once.

use super::copy::{cast, contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, with_float, with_wide};
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Result, shape};
pub(crate) use candle_ffi_kernels::activation::{Activation, HARDSIGMOID_SLOPE};
use candle_ffi_kernels::{activation as kernels, binary};

/// Whether values of this dtype are computed in another one.
pub(super) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::Float16 | DType::BFloat16)
}

pub(crate) fn activation(op: Activation, x: &Value) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(activation(op, x));
        return host::round_trip_one("activation", [x], |[x]| activation(op, &x));
    }
    if is_half(x.dtype) {
        return cast(&activation(op, &cast(x, DType::Float32)?)?, x.dtype);
    }
    let x = contiguous_for_result(x)?;
    with_wide!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::activation(op, src), x.dims(), x.dtype))
    }))
}

/// The gradient of an activation in one pass, from its input and the gradient of its output.
pub(crate) fn activation_grad(op: Activation, x: &Value, grad: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, grad]) {
        on_cuda!(activation_grad(op, x, grad));
        return host::round_trip_one("activation_grad", [x, grad], |[x, grad]| activation_grad(op, &x, &grad));
    }
    if is_half(x.dtype) {
        let wide = activation_grad(op, &cast(x, DType::Float32)?, &cast(grad, DType::Float32)?)?;
        return cast(&wide, x.dtype);
    }
    let (x, grad) = (contiguous_for_result(x)?, contiguous(grad)?);
    let locked = lock([&x, &grad]);
    with_wide!(x.dtype, T => {
        Ok(from_vec(kernels::activation_grad::<T>(op, locked.slice(0)?, locked.slice(1)?), x.dims(), x.dtype))
    })
}

/// `x` where positive, else `weight · x`; the weight broadcasts to the shape of `x`.
pub(crate) fn prelu(x: &Value, weight: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, weight]) {
        on_cuda!(prelu(x, weight));
        return host::round_trip_one("prelu", [x, weight], |[x, weight]| prelu(&x, &weight));
    }
    shape::check_allocation(x.dims(), x.dtype)?;
    let weight = weight.broadcast_to(x.dims())?;
    let locked = lock([x, &weight]);
    with_float!(x.dtype, T => Ok(from_vec(binary::prelu::<T>(locked.strided(0)?, locked.strided(1)?), x.dims(), x.dtype)))
}
