//! Dtypes.
//!
//! The type of a tensor's elements. The constants are grouped (bool and integers below 16, floats from
//! 16 on) and never reused.

use crate::error::{CandleError, CandleStatus};
use crate::panic::guard;
use crate::pointer::{output, text};
use candle_ffi_core::{DType, Error, ErrorCode, Result, default_dtype, set_default_dtype};
use std::ffi::c_char;

/// The type of elements: one of the `CANDLE_DTYPE_*` constants.
pub type CandleDType = i32;

/// Not given: the operation's default.
pub const CANDLE_DTYPE_NONE: CandleDType = 0;
/// True or false, one byte each.
pub const CANDLE_DTYPE_BOOL: CandleDType = 1;
/// 8-bit unsigned integer.
pub const CANDLE_DTYPE_UINT8: CandleDType = 2;
/// 16-bit signed integer.
pub const CANDLE_DTYPE_INT16: CandleDType = 5;
/// 32-bit unsigned integer.
pub const CANDLE_DTYPE_UINT32: CandleDType = 6;
/// 32-bit signed integer.
pub const CANDLE_DTYPE_INT32: CandleDType = 7;
/// 64-bit signed integer.
pub const CANDLE_DTYPE_INT64: CandleDType = 9;
/// 8-bit float with 4 exponent and 3 mantissa bits, without infinities.
pub const CANDLE_DTYPE_FLOAT8_E4M3: CandleDType = 16;
/// IEEE half precision.
pub const CANDLE_DTYPE_FLOAT16: CandleDType = 17;
/// bfloat16: 8 exponent and 7 mantissa bits.
pub const CANDLE_DTYPE_BFLOAT16: CandleDType = 18;
/// IEEE single precision.
pub const CANDLE_DTYPE_FLOAT32: CandleDType = 19;
/// IEEE double precision.
pub const CANDLE_DTYPE_FLOAT64: CandleDType = 20;

/// The dtype of a constant that must be given.
pub(crate) fn dtype_of(code: CandleDType, name: &str) -> Result<DType> {
    DType::from_code(code).ok_or_else(|| {
        Error::new(ErrorCode::DType, format!("`{name}` is {code}, which is no dtype; see the CANDLE_DTYPE_* constants"))
    })
}

/// The dtype of a constant, with `CANDLE_DTYPE_NONE` meaning none.
pub(crate) fn dtype_optional(code: CandleDType, name: &str) -> Result<Option<DType>> {
    if code == CANDLE_DTYPE_NONE { Ok(None) } else { dtype_of(code, name).map(Some) }
}

/// The bytes of one element; 0 for a number that is no dtype.
#[unsafe(no_mangle)]
pub extern "C" fn candle_dtype_size(dtype: CandleDType) -> usize {
    forward!(candle_dtype_size(dtype));
    DType::from_code(dtype).map_or(0, DType::size_in_bytes)
}

/// PyTorch's name of a dtype, such as "float32"; "none" for a number that is no dtype.
#[unsafe(no_mangle)]
pub extern "C" fn candle_dtype_name(dtype: CandleDType) -> *const c_char {
    forward!(candle_dtype_name(dtype));
    DType::from_code(dtype).map_or(c"none", DType::c_name).as_ptr()
}

/// 1 for a floating dtype, which can require gradients, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_dtype_is_float(dtype: CandleDType) -> i32 {
    forward!(candle_dtype_is_float(dtype));
    DType::from_code(dtype).is_some_and(DType::is_float).into()
}

/// The dtype that two dtypes promote to; `CANDLE_DTYPE_NONE` when one of them is none.
#[unsafe(no_mangle)]
pub extern "C" fn candle_dtype_promote(a: CandleDType, b: CandleDType) -> CandleDType {
    forward!(candle_dtype_promote(a, b));
    match (DType::from_code(a), DType::from_code(b)) {
        (Some(a), Some(b)) => a.promote(b).code(),
        _ => CANDLE_DTYPE_NONE,
    }
}

/// The floating dtype that numbers have, and that integers become where a result is no integer.
#[unsafe(no_mangle)]
pub extern "C" fn candle_default_dtype() -> CandleDType {
    forward!(candle_default_dtype());
    default_dtype().code()
}

/// Sets it for the whole process: `float16`, `bfloat16`, `float32` (at first) or `float64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_default_dtype(dtype: CandleDType, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_set_default_dtype(dtype, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "set_default_dtype", || set_default_dtype(dtype_of(dtype, "dtype")?)) }
}

/// The dtype of a name such as "float32".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_dtype_from_name(
    name: *const c_char,
    out: *mut CandleDType,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_dtype_from_name(name, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "dtype", || {
            let out = output(out, "out")?;
            let name = text(name, "name")?;
            let dtype = DType::from_name(name).ok_or_else(|| unknown(name))?;
            out.set(dtype.code());
            Ok(())
        })
    }
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = DType::ALL.into_iter().map(DType::name).collect();
    Error::new(ErrorCode::DType, format!("unknown dtype {name:?}; dtypes are {}", known.join(", ")))
}
