//! Numbers as the bits of an element, to travel with a launch.

use candle_core::{DType, Result, bail};
use candle_ffi_kernels::{Element, Number};
use float8::F8E4M3;
use half::{bf16, f16};

/// A number converted as PyTorch converts one.
pub(crate) fn converted(number: f64, dtype: DType) -> Result<u64> {
    Ok(match dtype {
        DType::U8 => <u8 as Element>::from_f64(number).into(),
        DType::U32 => <u32 as Element>::from_f64(number).into(),
        DType::I16 => <i16 as Element>::from_f64(number).cast_unsigned().into(),
        DType::I32 => <i32 as Element>::from_f64(number).cast_unsigned().into(),
        DType::I64 => <i64 as Element>::from_f64(number).cast_unsigned(),
        DType::F16 => <f16 as Element>::from_f64(number).to_bits().into(),
        DType::BF16 => <bf16 as Element>::from_f64(number).to_bits().into(),
        DType::F32 => <f32 as Element>::from_f64(number).to_bits().into(),
        DType::F64 => number.to_bits(),
        DType::F8E4M3 => <F8E4M3 as Element>::from_f64(number).to_bits().into(),
        dtype => bail!("{dtype:?} has no kernels"),
    })
}

/// A bound: for integers the nearest number that there is.
pub(crate) fn saturated(number: f64, dtype: DType) -> Result<u64> {
    Ok(match dtype {
        DType::U8 => u8::saturating_from_f64(number).into(),
        DType::U32 => u32::saturating_from_f64(number).into(),
        DType::I16 => i16::saturating_from_f64(number).cast_unsigned().into(),
        DType::I32 => i32::saturating_from_f64(number).cast_unsigned().into(),
        DType::I64 => i64::saturating_from_f64(number).cast_unsigned(),
        dtype => return converted(number, dtype),
    })
}

/// The dtype under which the kernels that only move elements of this size are named.
pub(crate) fn moved_as(dtype: DType) -> DType {
    match dtype.size_in_bytes() {
        1 => DType::U8,
        2 => DType::I16,
        4 => DType::I32,
        _ => DType::I64,
    }
}
