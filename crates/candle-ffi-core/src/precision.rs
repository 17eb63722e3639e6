//! Whether matrix products on a GPU may be less exact than their dtype: TF32, and sums in half precision.
//!
//! The switches are those of the process; without CUDA they are kept and change nothing.

use crate::{DType, Error, Result};
use std::sync::atomic::{AtomicU8, Ordering};

/// What makes a product less exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Factors of `float32` that are rounded to TF32.
    Factors,
    /// Sums of `float16` in `float16`.
    Sums,
    /// Parts of a long sum of halves that are added up in the dtype of the result.
    Parts,
}

/// A bit for each switch.
static ALLOWED: AtomicU8 = AtomicU8::new(0);

fn bit(dtype: DType, reduction: Reduction) -> Result<u8> {
    match (dtype, reduction) {
        (DType::Float32, Reduction::Factors) => Ok(1),
        (DType::Float16, Reduction::Sums) => Ok(2),
        (DType::BFloat16, Reduction::Parts) => Ok(4),
        (DType::Float16, Reduction::Parts) => Ok(8),
        (other, _) => Err(Error::dtype(
            format!("products of {other} have one precision; float32 (TF32), float16 and bfloat16 have a choice"),
            &[other],
        )),
    }
}

/// What may make products of a dtype less exact on a GPU.
pub fn choices(dtype: DType) -> Result<&'static [Reduction]> {
    match dtype {
        DType::Float32 => Ok(&[Reduction::Factors]),
        DType::Float16 => Ok(&[Reduction::Sums, Reduction::Parts]),
        other => bit(other, Reduction::Parts).map(|_| &[Reduction::Parts][..]),
    }
}

/// Whether products of a dtype may be less exact on a GPU in this way.
pub fn reduced_precision(dtype: DType, reduction: Reduction) -> Result<bool> {
    Ok(ALLOWED.load(Ordering::Relaxed) & bit(dtype, reduction)? != 0)
}

/// Sets it for the whole process.
pub fn set_reduced_precision(dtype: DType, reduction: Reduction, allowed: bool) -> Result<()> {
    let bit = bit(dtype, reduction)?;
    if allowed {
        ALLOWED.fetch_or(bit, Ordering::Relaxed);
    } else {
        ALLOWED.fetch_and(!bit, Ordering::Relaxed);
    }
    #[cfg(feature = "cuda")]
    match reduction {
        Reduction::Factors => candle_core::cuda::set_gemm_reduced_precision_f32(allowed),
        Reduction::Sums => candle_core::cuda::set_gemm_reduced_precision_f16(allowed),
        Reduction::Parts => candle_ffi_cuda::allow_reduced_parts(dtype.storage(), allowed),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dtype_has_its_own_switches() {
        let all = [DType::Float32, DType::Float16, DType::BFloat16];
        let switches: Vec<_> =
            all.into_iter().flat_map(|dtype| choices(dtype).unwrap().iter().map(move |way| (dtype, *way))).collect();
        assert_eq!(switches.len(), 4);
        let on = || switches.iter().filter(|(dtype, way)| reduced_precision(*dtype, *way).unwrap()).collect::<Vec<_>>();
        for switch @ (dtype, way) in &switches {
            assert!(on().is_empty());
            set_reduced_precision(*dtype, *way, true).unwrap();
            assert_eq!(on(), [switch]);
            set_reduced_precision(*dtype, *way, false).unwrap();
        }
        assert!(choices(DType::Float64).is_err());
        assert!(reduced_precision(DType::BFloat16, Reduction::Sums).is_err());
    }
}
