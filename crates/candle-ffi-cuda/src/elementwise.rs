//! Elementwise operations of one array, and gradients of some.

use crate::array::{device, empty};
use crate::bits;
use crate::copy::{contiguous, copied, followed};
use crate::launch::{Launch, Module};
use crate::{is_float, ptx};
use candle_core::{DType, Result, Tensor};
use candle_ffi_kernels::unary::Unary;
use candle_ffi_kernels::unary_grad::UnaryGrad;

/// Launches a kernel from one array, as far as it is given, to one of a dtype.
fn map(
    module: Module,
    name: &'static str,
    x: &Tensor,
    dtype: DType,
    more: impl FnOnce(&mut Launch),
) -> Result<Option<Tensor>> {
    let x = followed(x)?;
    let result = empty(device(&x)?, x.shape(), dtype)?;
    let mut launch = Launch::of(device(&x)?, module, name, x.dtype())?;
    launch.strided(&x)?.tensor(&result)?;
    more(&mut launch);
    let wider = x.dtype().size_in_bytes().max(dtype.size_in_bytes());
    // SAFETY: as the kernels are declared by the callers; the result has as many elements as x.
    unsafe { launch.over_packs(x.elem_count(), 16 / wider) }?;
    Ok(Some(result))
}

/// A function of each element; None for dtypes that have none.
pub fn unary(op: Unary, x: &Tensor) -> Result<Option<Tensor>> {
    let float = is_float(x.dtype());
    if x.dtype() == DType::F8E4M3 {
        return Ok(None);
    }
    let (module, name) = match op {
        Unary::Neg => (ptx::UNARY, "unary_neg"),
        Unary::Abs => (ptx::UNARY, "unary_abs"),
        Unary::Sign => (ptx::UNARY, "unary_sign"),
        Unary::Square => (ptx::UNARY, "unary_square"),
        Unary::Relu => (ptx::UNARY, "unary_relu"),
        // Integers are whole, and have no other functions.
        Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc if !float => return copied(x).map(Some),
        _ if !float => return Ok(None),
        Unary::Sqrt => (ptx::UNARY, "unary_sqrt"),
        Unary::Rsqrt => (ptx::UNARY, "unary_rsqrt"),
        Unary::Reciprocal => (ptx::UNARY, "unary_reciprocal"),
        Unary::Floor => (ptx::UNARY, "unary_floor"),
        Unary::Ceil => (ptx::UNARY, "unary_ceil"),
        Unary::Round => (ptx::UNARY, "unary_round"),
        Unary::Trunc => (ptx::UNARY, "unary_trunc"),
        Unary::Exp => (ptx::MATH, "unary_exp"),
        Unary::Expm1 => (ptx::MATH, "unary_expm1"),
        Unary::Log => (ptx::MATH, "unary_log"),
        Unary::Log1p => (ptx::MATH, "unary_log1p"),
        Unary::Sin => (ptx::MATH, "unary_sin"),
        Unary::Cos => (ptx::MATH, "unary_cos"),
        Unary::Tanh => (ptx::MATH, "unary_tanh"),
        Unary::Sigmoid => (ptx::MATH, "unary_sigmoid"),
        Unary::Gelu => (ptx::MATH, "unary_gelu"),
        Unary::GeluTanh => (ptx::MATH, "unary_gelu_tanh"),
        Unary::Silu => (ptx::MATH, "unary_silu"),
        Unary::Erf => (ptx::MATH, "unary_erf"),
    };
    map(module, name, x, x.dtype(), |_| ())
}

/// The gradient of a function from its saved input or output, of the same shape, and the gradient of its output.
pub fn unary_grad(op: UnaryGrad, saved: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
    if !is_float(grad.dtype()) || saved.dtype() != grad.dtype() || saved.dims() != grad.dims() {
        return Ok(None);
    }
    let name = match op {
        UnaryGrad::Sigmoid => "grad_sigmoid",
        UnaryGrad::Tanh => "grad_tanh",
        UnaryGrad::Relu => "grad_relu",
        UnaryGrad::Gelu => "grad_gelu",
        UnaryGrad::GeluTanh => "grad_gelu_tanh",
        UnaryGrad::Silu => "grad_silu",
    };
    let (saved, grad) = (contiguous(saved)?, contiguous(grad)?);
    let result = empty(device(&grad)?, grad.shape(), grad.dtype())?;
    let mut launch = Launch::of(device(&grad)?, ptx::MATH, name, grad.dtype())?;
    launch.tensor(&saved)?.tensor(&grad)?.tensor(&result)?;
    // SAFETY: as `GRADIENT` of math.cu is declared; all three have as many elements, without gaps.
    unsafe { launch.over_packs(grad.elem_count(), 16 / grad.dtype().size_in_bytes()) }?;
    Ok(Some(result))
}

/// The opposite of each bool, a byte of 0 or 1.
pub fn logical_not(x: &Tensor) -> Result<Option<Tensor>> {
    if x.dtype() != DType::U8 {
        return Ok(None);
    }
    map(ptx::UNARY, "logical_not", x, DType::U8, |_| ())
}

/// Each element, brought into `min..=max`.
pub fn clamp(x: &Tensor, min: Option<f64>, max: Option<f64>) -> Result<Option<Tensor>> {
    bounded("clamp", x, x.dtype(), min, max)
}

/// 1 strictly between the bounds, else 0; bytes.
pub fn clamp_mask(x: &Tensor, min: Option<f64>, max: Option<f64>) -> Result<Option<Tensor>> {
    bounded("clamp_mask", x, DType::U8, min, max)
}

fn bounded(name: &'static str, x: &Tensor, dtype: DType, min: Option<f64>, max: Option<f64>) -> Result<Option<Tensor>> {
    if x.dtype() == DType::F8E4M3 {
        return Ok(None);
    }
    let bits = |bound: Option<f64>| bits::saturated(bound.unwrap_or_default(), x.dtype());
    let (low, high) = (bits(min)?, bits(max)?);
    let given = u32::from(min.is_some()) | u32::from(max.is_some()) << 1;
    map(ptx::UNARY, name, x, dtype, |launch| {
        launch.value(low).value(high).value(given);
    })
}
