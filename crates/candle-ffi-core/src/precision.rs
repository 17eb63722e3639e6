//! Whether matrix products on a GPU may be less exact than their dtype: TF32, and sums in half precision.
//!
//! The switches are those of the process; without CUDA they are kept and change nothing.

use crate::{DType, Error, Result};
use std::sync::atomic::{AtomicU8, Ordering};

/// A bit for each dtype.
static ALLOWED: AtomicU8 = AtomicU8::new(0);
const FLOAT32: u8 = 1;
const FLOAT16: u8 = 2;
const BFLOAT16: u8 = 4;

fn bit(dtype: DType) -> Result<u8> {
    match dtype {
        DType::Float32 => Ok(FLOAT32),
        DType::Float16 => Ok(FLOAT16),
        DType::BFloat16 => Ok(BFLOAT16),
        other => Err(Error::dtype(
            format!("products of {other} have one precision; float32 (TF32), float16 and bfloat16 have a choice"),
            &[other],
        )),
    }
}

/// Whether products of a dtype may be less exact on a GPU: TF32 for `float32`, sums in half precision for `float16` and
/// `bfloat16`.
pub fn reduced_precision(dtype: DType) -> Result<bool> {
    Ok(ALLOWED.load(Ordering::Relaxed) & bit(dtype)? != 0)
}

/// Sets it for the whole process.
pub fn set_reduced_precision(dtype: DType, allowed: bool) -> Result<()> {
    let bit = bit(dtype)?;
    if allowed {
        ALLOWED.fetch_or(bit, Ordering::Relaxed);
    } else {
        ALLOWED.fetch_and(!bit, Ordering::Relaxed);
    }
    #[cfg(feature = "cuda")]
    match dtype {
        DType::Float32 => candle_core::cuda::set_gemm_reduced_precision_f32(allowed),
        DType::Float16 => candle_core::cuda::set_gemm_reduced_precision_f16(allowed),
        _ => candle_core::cuda::set_gemm_reduced_precision_bf16(allowed),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dtype_has_its_own_switch() {
        assert!(!reduced_precision(DType::Float32).unwrap());
        set_reduced_precision(DType::Float32, true).unwrap();
        assert!(reduced_precision(DType::Float32).unwrap() && !reduced_precision(DType::BFloat16).unwrap());
        set_reduced_precision(DType::Float32, false).unwrap();
        assert!(!reduced_precision(DType::Float32).unwrap());
        assert!(reduced_precision(DType::Float64).is_err());
    }
}
