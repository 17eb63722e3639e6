//! The dtypes, their promotion, and how Candle stores them.

use crate::{Error, Result};
use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};

/// The type of a tensor's elements. `Bool` is a type in its own right; Candle stores it as `u8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DType {
    /// True or false, one byte each.
    Bool = 1,
    /// 8-bit unsigned integer.
    UInt8 = 2,
    /// 16-bit signed integer.
    Int16 = 5,
    /// 32-bit unsigned integer.
    UInt32 = 6,
    /// 32-bit signed integer.
    Int32 = 7,
    /// 64-bit signed integer.
    Int64 = 9,
    /// 8-bit float, 4 exponent and 3 mantissa bits, no infinities.
    Float8E4M3 = 16,
    /// IEEE half precision.
    Float16 = 17,
    /// bfloat16: 8 exponent and 7 mantissa bits.
    BFloat16 = 18,
    /// IEEE single precision.
    Float32 = 19,
    /// IEEE double precision.
    Float64 = 20,
}

static DEFAULT: AtomicI32 = AtomicI32::new(DType::Float32 as i32);

/// The floating dtype of numbers, and of integers where a result is no integer.
pub fn default_dtype() -> DType {
    DType::from_code(DEFAULT.load(Ordering::Relaxed)).unwrap_or(DType::Float32)
}

/// Sets it, for the whole process; `float16`, `bfloat16`, `float32` or `float64`.
pub fn set_default_dtype(dtype: DType) -> Result<()> {
    if !dtype.is_float() || dtype == DType::Float8E4M3 {
        return Err(Error::dtype(
            format!("the default dtype must be float16, bfloat16, float32 or float64, not {dtype}"),
            &[dtype],
        ));
    }
    DEFAULT.store(dtype.code(), Ordering::Relaxed);
    Ok(())
}

/// Promotion looks at the category first: a higher one wins whatever the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Bool,
    Integer,
    Float,
}

impl DType {
    /// Every dtype, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Bool,
        Self::UInt8,
        Self::Int16,
        Self::UInt32,
        Self::Int32,
        Self::Int64,
        Self::Float8E4M3,
        Self::Float16,
        Self::BFloat16,
        Self::Float32,
        Self::Float64,
    ];

    /// The dtype of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.code() == code)
    }

    /// The dtype of a PyTorch name such as `"float32"`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The number of the ABI.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// PyTorch's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::UInt8 => "uint8",
            Self::Int16 => "int16",
            Self::UInt32 => "uint32",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float8E4M3 => "float8_e4m3fn",
            Self::Float16 => "float16",
            Self::BFloat16 => "bfloat16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// The same name, NUL-terminated for C.
    pub fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            Self::Bool => c"bool",
            Self::UInt8 => c"uint8",
            Self::Int16 => c"int16",
            Self::UInt32 => c"uint32",
            Self::Int32 => c"int32",
            Self::Int64 => c"int64",
            Self::Float8E4M3 => c"float8_e4m3fn",
            Self::Float16 => c"float16",
            Self::BFloat16 => c"bfloat16",
            Self::Float32 => c"float32",
            Self::Float64 => c"float64",
        }
    }

    /// Bytes of one element.
    pub fn size_in_bytes(self) -> usize {
        match self {
            Self::Bool | Self::UInt8 | Self::Float8E4M3 => 1,
            Self::Int16 | Self::Float16 | Self::BFloat16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 => 4,
            Self::Int64 | Self::Float64 => 8,
        }
    }

    /// Whether this is a floating-point dtype: those can require gradients.
    pub fn is_float(self) -> bool {
        self.category() == Category::Float
    }

    /// Whether this is an integer dtype (`Bool` is not).
    pub fn is_integer(self) -> bool {
        self.category() == Category::Integer
    }

    /// The dtype that sums and the like of this one are computed in: float64 for itself, float32 for all others.
    pub(crate) fn wide(self) -> Self {
        if self == Self::Float64 { self } else { Self::Float32 }
    }

    pub(crate) fn category(self) -> Category {
        match self {
            Self::Bool => Category::Bool,
            Self::UInt8 | Self::Int16 | Self::UInt32 | Self::Int32 | Self::Int64 => Category::Integer,
            _ => Category::Float,
        }
    }

    /// The dtype of a result of two tensors, as PyTorch's table.
    ///
    /// PyTorch refuses `uint32` with a signed integer, and 8-bit floats with other floats; here the
    /// first gives the signed type that holds both, the second the wider float.
    pub fn promote(self, other: Self) -> Self {
        use DType::*;
        if self == other {
            return self;
        }
        match self.category().cmp(&other.category()) {
            std::cmp::Ordering::Less => return other,
            std::cmp::Ordering::Greater => return self,
            std::cmp::Ordering::Equal => {}
        }
        let (low, high) = if (self as i32) < (other as i32) { (self, other) } else { (other, self) };
        match (low, high) {
            (Float16, BFloat16) => Float32,
            (UInt32, Int32 | Int64) | (Int16, UInt32) => Int64,
            // The numbers of the constants rise with the width within a category.
            _ => high,
        }
    }

    /// The dtype in which Candle stores the elements.
    pub fn storage(self) -> candle_core::DType {
        match self {
            Self::Bool | Self::UInt8 => candle_core::DType::U8,
            Self::Int16 => candle_core::DType::I16,
            Self::UInt32 => candle_core::DType::U32,
            Self::Int32 => candle_core::DType::I32,
            Self::Int64 => candle_core::DType::I64,
            Self::Float8E4M3 => candle_core::DType::F8E4M3,
            Self::Float16 => candle_core::DType::F16,
            Self::BFloat16 => candle_core::DType::BF16,
            Self::Float32 => candle_core::DType::F32,
            Self::Float64 => candle_core::DType::F64,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::DType::{self, *};

    #[test]
    fn promotion_is_commutative_and_keeps_pytorchs_rows() {
        for a in DType::ALL {
            for b in DType::ALL {
                assert_eq!(a.promote(b), b.promote(a));
            }
        }
        assert_eq!(Bool.promote(UInt8), UInt8);
        assert_eq!(UInt8.promote(Int16), Int16);
        assert_eq!(Int64.promote(Float16), Float16);
        assert_eq!(Float16.promote(BFloat16), Float32);
        assert_eq!(Float32.promote(Float64), Float64);
        assert_eq!(UInt8.promote(UInt32), UInt32);
    }

    #[test]
    fn names_and_codes_round_trip() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_name(dtype.name()), Some(dtype));
            assert_eq!(DType::from_code(dtype.code()), Some(dtype));
            assert_eq!(dtype.c_name().to_str(), Ok(dtype.name()));
        }
        assert_eq!(DType::from_code(0), None);
    }
}
