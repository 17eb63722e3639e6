//! Types, memory spaces and modes of instructions.

/// The type that an instruction gives its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Pred,
    B8,
    B16,
    B32,
    B64,
    B128,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F16,
    F16x2,
    Bf16,
    Bf16x2,
    F32,
    F64,
    E4m3x2,
    E5m2x2,
    Tf32,
}

impl Type {
    /// From a suffix without its dot.
    pub(crate) fn parse(name: &str) -> Option<Type> {
        Some(match name {
            "pred" => Type::Pred,
            "b8" => Type::B8,
            "b16" => Type::B16,
            "b32" => Type::B32,
            "b64" => Type::B64,
            "b128" => Type::B128,
            "u8" => Type::U8,
            "u16" => Type::U16,
            "u32" => Type::U32,
            "u64" => Type::U64,
            "s8" => Type::S8,
            "s16" => Type::S16,
            "s32" => Type::S32,
            "s64" => Type::S64,
            "f16" => Type::F16,
            "f16x2" => Type::F16x2,
            "bf16" => Type::Bf16,
            "bf16x2" => Type::Bf16x2,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "e4m3x2" => Type::E4m3x2,
            "e5m2x2" => Type::E5m2x2,
            "tf32" => Type::Tf32,
            _ => return None,
        })
    }

    /// Bytes of one value; zero for a predicate, which is a bit.
    #[inline]
    pub(crate) fn size(self) -> u8 {
        match self {
            Type::Pred => 0,
            Type::B8 | Type::U8 | Type::S8 => 1,
            Type::B16 | Type::U16 | Type::S16 | Type::F16 | Type::Bf16 | Type::E4m3x2 | Type::E5m2x2 => 2,
            Type::B32 | Type::U32 | Type::S32 | Type::F16x2 | Type::Bf16x2 | Type::F32 | Type::Tf32 => 4,
            Type::B64 | Type::U64 | Type::S64 | Type::F64 => 8,
            Type::B128 => 16,
        }
    }

    #[inline]
    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Type::S8 | Type::S16 | Type::S32 | Type::S64)
    }

    #[inline]
    pub(crate) fn is_float(self) -> bool {
        self.is_packed() || matches!(self, Type::F16 | Type::Bf16 | Type::F32 | Type::F64 | Type::Tf32)
    }

    /// Two values in one register.
    #[inline]
    pub(crate) fn is_packed(self) -> bool {
        matches!(self, Type::F16x2 | Type::Bf16x2 | Type::E4m3x2 | Type::E5m2x2)
    }

    /// The unsigned integer of this size.
    pub(crate) fn unsigned(self) -> Type {
        match self.size() {
            1 => Type::U8,
            2 => Type::U16,
            4 => Type::U32,
            8 => Type::U64,
            _ => Type::B128,
        }
    }
}

/// Where an address points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Global memory, and the windows of the other spaces in it.
    Generic,
    Global,
    Shared,
    /// A thread's own memory: local variables and the parameters of called functions.
    Local,
    /// The parameters of the kernel.
    Param,
}

/// How a result that has no exact place is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearest, of two the even one.
    Nearest,
    /// To the nearest, of two the one away from zero.
    Away,
    Zero,
    Down,
    Up,
}

/// What else an instruction on floating-point numbers does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) rounding: Rounding,
    /// Subnormal numbers are zeros, in operands and result.
    pub(crate) flush: bool,
    /// The result is brought between 0 and 1.
    pub(crate) saturate: bool,
    /// The larger or smaller of a number and NaN is NaN.
    pub(crate) nan: bool,
    /// The result is at least zero.
    pub(crate) relu: bool,
    /// Absolute values are compared.
    pub(crate) absolute: bool,
}

impl Mode {
    pub(crate) const PLAIN: Mode =
        Mode { rounding: Rounding::Nearest, flush: false, saturate: false, nan: false, relu: false, absolute: false };
}

/// A comparison. The last six are also true if an operand is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    EqualOrNan,
    NotEqualOrNan,
    LessOrNan,
    LessEqualOrNan,
    GreaterOrNan,
    GreaterEqualOrNan,
    Number,
    Nan,
}

impl Comparison {
    /// `lo`, `ls`, `hi` and `hs` are the unsigned ones of integers; the type says that here.
    pub(crate) fn parse(name: &str) -> Option<Comparison> {
        Some(match name {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "lt" | "lo" => Comparison::Less,
            "le" | "ls" => Comparison::LessEqual,
            "gt" | "hi" => Comparison::Greater,
            "ge" | "hs" => Comparison::GreaterEqual,
            "equ" => Comparison::EqualOrNan,
            "neu" => Comparison::NotEqualOrNan,
            "ltu" => Comparison::LessOrNan,
            "leu" => Comparison::LessEqualOrNan,
            "gtu" => Comparison::GreaterOrNan,
            "geu" => Comparison::GreaterEqualOrNan,
            "num" => Comparison::Number,
            "nan" => Comparison::Nan,
            _ => return None,
        })
    }
}

/// How bits, or predicates, are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logic {
    And,
    Or,
    Xor,
}
