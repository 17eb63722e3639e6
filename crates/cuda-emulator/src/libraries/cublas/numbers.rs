//! The types of matrices and how products of them are computed.

use half::{bf16, f16};

use super::Blas;

/// A `cudaDataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::libraries) enum Number {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    I32,
}

impl Number {
    pub(in crate::libraries) fn new(code: i32) -> Result<Self, Blas> {
        Ok(match code {
            0 => Number::F32,
            1 => Number::F64,
            2 => Number::F16,
            3 => Number::I8,
            10 => Number::I32,
            14 => Number::Bf16,
            _ => return Err(Blas::NOT_SUPPORTED),
        })
    }

    pub(in crate::libraries) fn name(self) -> &'static str {
        match self {
            Number::F16 => "f16",
            Number::Bf16 => "bf16",
            Number::F32 => "f32",
            Number::F64 => "f64",
            Number::I8 => "i8",
            Number::I32 => "i32",
        }
    }

    pub(in crate::libraries) fn size(self) -> usize {
        match self {
            Number::I8 => 1,
            Number::F16 | Number::Bf16 => 2,
            Number::F32 | Number::I32 => 4,
            Number::F64 => 8,
        }
    }

    /// A value from its bytes; `f64` holds each of these types exactly.
    pub(in crate::libraries) fn read(self, bytes: &[u8]) -> f64 {
        match self {
            Number::F16 => f16::from_le_bytes([bytes[0], bytes[1]]).to_f64(),
            Number::Bf16 => bf16::from_le_bytes([bytes[0], bytes[1]]).to_f64(),
            Number::F32 => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
            Number::F64 => {
                let mut eight = [0; 8];
                eight.copy_from_slice(&bytes[..8]);
                f64::from_le_bytes(eight)
            }
            Number::I8 => f64::from(bytes[0] as i8),
            Number::I32 => i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
        }
    }

    /// A value to its bytes, rounded once.
    pub(in crate::libraries) fn write(self, value: f64, bytes: &mut [u8]) {
        match self {
            Number::F16 => bytes.copy_from_slice(&f16::from_f64(value).to_le_bytes()),
            Number::Bf16 => bytes.copy_from_slice(&bf16::from_f64(value).to_le_bytes()),
            Number::F32 => bytes.copy_from_slice(&(value as f32).to_le_bytes()),
            Number::F64 => bytes.copy_from_slice(&value.to_le_bytes()),
            Number::I8 => bytes[0] = value as i8 as u8,
            // Wraps around, as integers of the device do.
            Number::I32 => bytes.copy_from_slice(&(value as i64 as i32).to_le_bytes()),
        }
    }
}

/// A `cublasComputeType_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::libraries) enum Compute {
    F16,
    F32,
    /// Factors rounded first, to a type that the tensor cores multiply.
    F32FastF16,
    F32FastBf16,
    F32FastTf32,
    F64,
    I32,
}

impl Compute {
    pub(in crate::libraries) fn new(code: i32) -> Result<Self, Blas> {
        Ok(match code {
            64 | 65 => Compute::F16,
            68 | 69 => Compute::F32,
            70 | 71 => Compute::F64,
            72 | 73 => Compute::I32,
            74 => Compute::F32FastF16,
            75 => Compute::F32FastBf16,
            77 => Compute::F32FastTf32,
            _ => return Err(Blas::NOT_SUPPORTED),
        })
    }

    pub(in crate::libraries) fn name(self) -> &'static str {
        match self {
            Compute::F16 => "16F",
            Compute::F32 => "32F",
            Compute::F32FastF16 => "32F_FAST_16F",
            Compute::F32FastBf16 => "32F_FAST_16BF",
            Compute::F32FastTf32 => "32F_FAST_TF32",
            Compute::F64 => "64F",
            Compute::I32 => "32I",
        }
    }

    /// The type of `alpha` and `beta`.
    pub(in crate::libraries) fn scale(self) -> Number {
        match self {
            Compute::F16 => Number::F16,
            Compute::F64 => Number::F64,
            Compute::I32 => Number::I32,
            _ => Number::F32,
        }
    }

    /// Whether the library multiplies these types this way.
    pub(in crate::libraries) fn accepts(self, a: Number, b: Number, c: Number) -> bool {
        if a != b {
            return false;
        }
        match self {
            Compute::F16 => a == Number::F16 && c == Number::F16,
            Compute::F64 => a == Number::F64 && c == Number::F64,
            Compute::I32 => a == Number::I8 && c == Number::I32,
            Compute::F32FastF16 | Compute::F32FastBf16 | Compute::F32FastTf32 => (a, c) == (Number::F32, Number::F32),
            Compute::F32 if a == Number::I8 => c == Number::F32,
            Compute::F32 => matches!(
                (a, c),
                (Number::F16, Number::F16 | Number::F32)
                    | (Number::Bf16, Number::Bf16 | Number::F32)
                    | (Number::F32, Number::F32)
            ),
        }
    }

    /// A factor as the device multiplies it.
    pub(in crate::libraries) fn factor(self, value: f64) -> f64 {
        match self {
            Compute::F32FastF16 => f16::from_f64(value).to_f64(),
            Compute::F32FastBf16 => bf16::from_f64(value).to_f64(),
            Compute::F32FastTf32 => tf32(value),
            _ => value,
        }
    }
}

/// The nearest number with ten bits after the point, ties away from zero; the exponent is that of `f32`.
pub(in crate::libraries) fn tf32(value: f64) -> f64 {
    let single = value as f32;
    if !single.is_finite() {
        return single.into();
    }
    f32::from_bits(single.to_bits().wrapping_add(1 << 12) & !((1 << 13) - 1)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_keeps_ten_bits() {
        assert_eq!(tf32(1.0), 1.0);
        assert_eq!(tf32(1.0 + 1.0 / 1024.0), 1.0 + 1.0 / 1024.0);
        assert_eq!(tf32(1.0 + 1.0 / 2048.0), 1.0 + 1.0 / 1024.0);
        assert_eq!(tf32(1.0 + 1.0 / 4096.0), 1.0);
        assert_eq!(tf32(-1.0 - 1.0 / 2048.0), -1.0 - 1.0 / 1024.0);
        assert!(tf32(f64::NAN).is_nan());
        assert_eq!(tf32(f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn values_come_back() {
        for (number, value) in [
            (Number::F16, 1.5),
            (Number::Bf16, -2.5),
            (Number::F32, 0.1_f32 as f64),
            (Number::F64, 0.1),
            (Number::I8, -7.0),
            (Number::I32, 123_456_789.0),
        ] {
            let mut bytes = vec![0; number.size()];
            number.write(value, &mut bytes);
            assert_eq!(number.read(&bytes), value, "{}", number.name());
        }
    }
}
