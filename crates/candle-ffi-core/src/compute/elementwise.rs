//! Elementwise operations. Operands of binary ones are brought to one dtype and device by the caller;
//! shapes broadcast here.

use super::copy::{cast, contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, CpuElement, with_element, with_float, with_integer, with_number};
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Error, Result, shape};
use candle_ffi_kernels as kernels;
pub(crate) use candle_ffi_kernels::binary::Binary;
pub(crate) use candle_ffi_kernels::compare::{Compare, Logical};
pub(crate) use candle_ffi_kernels::unary::Unary;
pub(crate) use candle_ffi_kernels::unary_grad::UnaryGrad;

pub(crate) fn unary(op: Unary, x: &Value) -> Result<Value> {
    if x.dtype == DType::Float8E4M3 {
        return through_float32([x], |[x]| unary(op, &x));
    }
    if !x.is_cpu() {
        on_cuda!(unary(op, x));
        return match on_device(op, x) {
            Some(result) => Ok(Value::new(result?, x.dtype)),
            None => host::round_trip_one(format_args!("{op:?}"), [x], |[x]| unary(op, &x)),
        };
    }
    let x = contiguous_for_result(x)?;
    if x.dtype.is_float() {
        return with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
            Ok(from_vec(kernels::unary::unary(op, src), x.dims(), x.dtype))
        }));
    }
    with_integer!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        let result = kernels::unary::unary_integer(op, src);
        Ok(from_vec(result.ok_or_else(|| dispatch::not_for(x.dtype, "needs a floating dtype"))?, x.dims(), x.dtype))
    }))
}

/// 8-bit floats have no arithmetic of their own: each operation rounds its result once.
pub(super) fn through_float32<const N: usize>(
    values: [&Value; N],
    compute: impl FnOnce([Value; N]) -> Result<Value>,
) -> Result<Value> {
    let mut wide = values.map(Value::clone);
    for value in &mut wide {
        *value = cast(value, DType::Float32)?;
    }
    cast(&compute(wide)?, DType::Float8E4M3)
}

/// Candle's own operation where it means the same as PyTorch's.
fn on_device(op: Unary, x: &Value) -> Option<candle_core::Result<candle_core::Tensor>> {
    if !x.dtype.is_float() {
        return None;
    }
    let x = &x.array;
    Some(match op {
        Unary::Neg => x.neg(),
        Unary::Abs => x.abs(),
        Unary::Square => x.sqr(),
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => x.recip(),
        Unary::Exp => x.exp(),
        Unary::Log => x.log(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => candle_nn::ops::sigmoid(x),
        Unary::Relu => x.relu(),
        Unary::Gelu => x.gelu_erf(),
        Unary::GeluTanh => x.gelu(),
        Unary::Silu => x.silu(),
        Unary::Erf => x.erf(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        _ => return None,
    })
}

/// The gradient of a unary operation in one pass, from its saved input or output and the gradient.
pub(crate) fn unary_grad(op: UnaryGrad, saved: &Value, grad: &Value) -> Result<Value> {
    if !host::on_cpu(&[saved, grad]) {
        on_cuda!(unary_grad(op, saved, grad));
        return host::round_trip_one(format_args!("{op:?}_grad"), [saved, grad], |[saved, grad]| {
            unary_grad(op, &saved, &grad)
        });
    }
    let (saved, grad) = (contiguous_for_result(saved)?, contiguous(grad)?);
    let locked = lock([&saved, &grad]);
    with_float!(grad.dtype, T => {
        Ok(from_vec(kernels::unary_grad::unary_grad::<T>(op, locked.slice(0)?, locked.slice(1)?), grad.dims(), grad.dtype))
    })
}

/// Runs a kernel on two operands seen in their common shape.
#[inline]
fn broadcast<T: CpuElement, R>(
    lhs: &Value,
    rhs: &Value,
    result: DType,
    run: impl FnOnce(kernels::Strided<'_, T>, kernels::Strided<'_, T>) -> Result<Vec<R>>,
) -> Result<Value>
where
    R: CpuElement,
{
    // The ordinary case, kept free of any allocation besides the result.
    if lhs.dims() == rhs.dims() {
        shape::check_allocation(lhs.dims(), result)?;
        let locked = lock([lhs, rhs]);
        return Ok(from_vec(run(locked.strided(0)?, locked.strided(1)?)?, lhs.dims(), result));
    }
    let dims = shape::broadcast(lhs.dims(), rhs.dims())?;
    shape::check_allocation(&dims, result)?;
    let (lhs, rhs) = (lhs.broadcast_to(&dims)?, rhs.broadcast_to(&dims)?);
    let locked = lock([&lhs, &rhs]);
    Ok(from_vec(run(locked.strided(0)?, locked.strided(1)?)?, &dims, result))
}

pub(crate) fn binary(op: Binary, lhs: &Value, rhs: &Value) -> Result<Value> {
    debug_assert_eq!(lhs.dtype, rhs.dtype);
    if lhs.dtype == DType::Float8E4M3 {
        return through_float32([lhs, rhs], |[lhs, rhs]| binary(op, &lhs, &rhs));
    }
    if !host::on_cpu(&[lhs, rhs]) {
        on_cuda!(binary(op, lhs, rhs));
        let direct = match op {
            _ if !lhs.dtype.is_float() || lhs.device() != rhs.device() => None,
            Binary::Add => Some(lhs.array.broadcast_add(&rhs.array)),
            Binary::Sub => Some(lhs.array.broadcast_sub(&rhs.array)),
            Binary::Mul => Some(lhs.array.broadcast_mul(&rhs.array)),
            Binary::Div => Some(lhs.array.broadcast_div(&rhs.array)),
            _ => None,
        };
        return match direct {
            Some(result) => Ok(Value::new(result?, lhs.dtype)),
            None => host::round_trip_one(format_args!("{op:?}"), [lhs, rhs], |[lhs, rhs]| binary(op, &lhs, &rhs)),
        };
    }
    with_number!(lhs.dtype, T => broadcast::<T, T>(lhs, rhs, lhs.dtype, |a, b| Ok(kernels::binary::binary(op, a, b)?)))
}

pub(crate) fn compare(op: Compare, lhs: &Value, rhs: &Value) -> Result<Value> {
    debug_assert_eq!(lhs.dtype, rhs.dtype);
    if lhs.dtype == DType::Float8E4M3 {
        return compare(op, &cast(lhs, DType::Float32)?, &cast(rhs, DType::Float32)?);
    }
    if !host::on_cpu(&[lhs, rhs]) {
        on_cuda!(compare(op, lhs, rhs));
        return host::round_trip_one(format_args!("{op:?}"), [lhs, rhs], |[lhs, rhs]| compare(op, &lhs, &rhs));
    }
    with_number!(lhs.dtype, T => broadcast::<T, u8>(lhs, rhs, DType::Bool, |a, b| Ok(kernels::compare::compare(op, a, b))))
}

pub(crate) fn logical(op: Logical, lhs: &Value, rhs: &Value) -> Result<Value> {
    if !host::on_cpu(&[lhs, rhs]) {
        on_cuda!(logical(op, lhs, rhs));
        return host::round_trip_one(format_args!("{op:?}"), [lhs, rhs], |[lhs, rhs]| logical(op, &lhs, &rhs));
    }
    broadcast::<u8, u8>(lhs, rhs, DType::Bool, |a, b| Ok(kernels::compare::logical(op, a, b)))
}

pub(crate) fn logical_not(x: &Value) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(logical_not(x));
        return host::round_trip_one("logical_not", [x], |[x]| logical_not(&x));
    }
    let x = contiguous_for_result(x)?;
    dispatch::with_slice::<u8, _>(&x, |src| Ok(from_vec(kernels::compare::logical_not(src), x.dims(), DType::Bool)))
}

/// `on_true` where the bool condition holds, else `on_false`; all three broadcast.
pub(crate) fn select(condition: &Value, on_true: &Value, on_false: &Value) -> Result<Value> {
    if condition.dtype != DType::Bool {
        return Err(Error::dtype(
            format!("the condition must be bool, and is {}", condition.dtype),
            &[condition.dtype],
        ));
    }
    if !host::on_cpu(&[condition, on_true, on_false]) {
        on_cuda!(select(condition, on_true, on_false));
        return host::round_trip_one("where", [condition, on_true, on_false], |[condition, a, b]| {
            select(&condition, &a, &b)
        });
    }
    let dims = shape::broadcast(&shape::broadcast(condition.dims(), on_true.dims())?, on_false.dims())?;
    let dtype = on_true.dtype;
    shape::check_allocation(&dims, dtype)?;
    let condition = condition.broadcast_to(&dims)?;
    let (on_true, on_false) = (on_true.broadcast_to(&dims)?, on_false.broadcast_to(&dims)?);
    let locked = lock([&condition, &on_true, &on_false]);
    with_element!(dtype, T => {
        let result = kernels::compare::select::<T>(locked.strided(0)?, locked.strided(1)?, locked.strided(2)?);
        Ok(from_vec(result, &dims, dtype))
    })
}

pub(crate) fn clamp(x: &Value, min: Option<f64>, max: Option<f64>) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(clamp(x, min, max));
        return host::round_trip_one("clamp", [x], |[x]| clamp(&x, min, max));
    }
    let x = contiguous_for_result(x)?;
    with_number!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        let bound = |bound: Option<f64>| bound.map(<T as kernels::Number>::saturating_from_f64);
        Ok(from_vec(kernels::binary::clamp(src, bound(min), bound(max)), x.dims(), x.dtype))
    }))
}

/// True where `clamp` lets the gradient pass.
pub(crate) fn clamp_mask(x: &Value, min: Option<f64>, max: Option<f64>) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(clamp_mask(x, min, max));
        return host::round_trip_one("clamp_grad", [x], |[x]| clamp_mask(&x, min, max));
    }
    let x = contiguous_for_result(x)?;
    with_number!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        let bound = |bound: Option<f64>| bound.map(<T as kernels::Number>::saturating_from_f64);
        Ok(from_vec(kernels::binary::clamp_mask(src, bound(min), bound(max)), x.dims(), DType::Bool))
    }))
}
