//! Element types, and what can be done with one element.

use float8::F8E4M3;
use half::{bf16, f16};

use crate::math::Compute;

/// A type of which arrays are made. Conversions are C's casts as PyTorch does them on x86.
pub trait Element: Copy + Send + Sync + Default + PartialEq + 'static {
    /// A type that the processor compares directly and that holds every value of `Self`.
    type Wide: Copy + PartialOrd + Send + Sync;

    /// The value in the type used for comparisons.
    fn widen(self) -> Self::Wide;
    /// Rounds to nearest, or truncates toward zero and wraps.
    fn from_f32(value: f32) -> Self;
    /// Rounds to nearest, or truncates toward zero and wraps.
    fn from_f64(value: f64) -> Self;
    /// Wraps, or rounds to nearest.
    fn from_i32(value: i32) -> Self;
    /// Wraps, or rounds to nearest.
    fn from_i64(value: i64) -> Self;
    /// Casts to another type.
    fn cast<D: Element>(self) -> D;

    /// The value as `f64`.
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.cast()
    }

    /// The value as `i64`, truncated toward zero.
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self.cast()
    }
}

/// A type with arithmetic. Integers wrap; floating-point NaNs propagate.
pub trait Number: Element {
    /// Whether the type is an integer.
    const INTEGER: bool;

    /// The nearest value toward zero for integers (the type's least or largest beyond its range, 0 for NaN); for floats
    /// the nearest value, as [`Element::from_f64`].
    fn saturating_from_f64(value: f64) -> Self;

    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient; of integers, truncated. The divisor of an integer is not 0.
    fn div(self, other: Self) -> Self;
    /// Quotient rounded toward minus infinity. The divisor of an integer is not 0.
    fn floor_divide(self, other: Self) -> Self;
    /// Remainder with the sign of the divisor. The divisor of an integer is not 0.
    fn remainder(self, other: Self) -> Self;
    /// Power. A negative power of an integer is truncated: 0 but for bases of 1 and -1.
    fn pow(self, exponent: Self) -> Self;
    /// The larger.
    fn maximum(self, other: Self) -> Self;
    /// The smaller.
    fn minimum(self, other: Self) -> Self;
    /// The larger; which one of a NaN and a number is not said.
    fn larger(self, other: Self) -> Self;
    /// The smaller; which one of a NaN and a number is not said.
    fn smaller(self, other: Self) -> Self;
    /// Whether the value is not a number.
    fn is_nan(self) -> bool;
}

/// An integer type.
pub trait Integer: Number {
    /// The value with its sign changed.
    fn negated(self) -> Self;
    /// The absolute value.
    fn absolute(self) -> Self;
    /// -1, 0 or 1.
    fn signum(self) -> Self;
}

/// A floating-point type, computed with as `Compute` and rounded once.
pub trait Float: Number {
    /// `f64` for `f64`, else `f32`.
    type Compute: Compute;

    /// Exact.
    fn to_compute(self) -> Self::Compute;
    /// Rounds to nearest, ties to even.
    fn from_compute(value: Self::Compute) -> Self;
}

#[inline(always)]
fn f32_to_i32(value: f32) -> i32 {
    if (-2147483648.0..2147483648.0).contains(&value) {
        // SAFETY: in range and not NaN.
        unsafe { value.to_int_unchecked() }
    } else {
        i32::MIN
    }
}

#[inline(always)]
fn f32_to_i64(value: f32) -> i64 {
    if (-9223372036854775808.0..9223372036854775808.0).contains(&value) {
        // SAFETY: in range and not NaN.
        unsafe { value.to_int_unchecked() }
    } else {
        i64::MIN
    }
}

#[inline(always)]
fn f64_to_i32(value: f64) -> i32 {
    if value > -2147483649.0 && value < 2147483648.0 {
        // SAFETY: in range after truncation and not NaN.
        unsafe { value.to_int_unchecked() }
    } else {
        i32::MIN
    }
}

#[inline(always)]
fn f64_to_i64(value: f64) -> i64 {
    if (-9223372036854775808.0..9223372036854775808.0).contains(&value) {
        // SAFETY: in range and not NaN.
        unsafe { value.to_int_unchecked() }
    } else {
        i64::MIN
    }
}

macro_rules! integer {
    ($type:ident, $from_f32:ident, $from_f64:ident, $to:ident, $wide:ident, $signed:expr) => {
        impl Element for $type {
            type Wide = $type;

            #[inline(always)]
            fn widen(self) -> $type {
                self
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                $from_f32(value) as $type
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                $from_f64(value) as $type
            }
            #[inline(always)]
            fn from_i32(value: i32) -> Self {
                value as $type
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn cast<D: Element>(self) -> D {
                D::$to(self as $wide)
            }
        }

        #[expect(clippy::allow_attributes, reason = "the macro serves signed and unsigned types")]
        impl Number for $type {
            const INTEGER: bool = true;

            #[inline(always)]
            fn saturating_from_f64(value: f64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self.wrapping_div(other)
            }
            #[inline(always)]
            fn floor_divide(self, other: Self) -> Self {
                let quotient = self.wrapping_div(other);
                let inexact = quotient.wrapping_mul(other) != self;
                #[allow(unused_comparisons, reason = "signs of unsigned types are equal")]
                let signs_differ = (self < 0) != (other < 0);
                if inexact && signs_differ { quotient.wrapping_sub(1) } else { quotient }
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                let remainder = self.wrapping_rem(other);
                #[allow(unused_comparisons, reason = "signs of unsigned types are equal")]
                let signs_differ = (remainder < 0) != (other < 0);
                if remainder != 0 && signs_differ { remainder.wrapping_add(other) } else { remainder }
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                #[allow(unused_comparisons, reason = "unsigned exponents are never negative")]
                if exponent < 0 {
                    let minus_one = (0 as $type).wrapping_sub(1);
                    let odd = exponent & 1 == 1;
                    return if self == 1 || self == minus_one && !odd {
                        1
                    } else if self == minus_one {
                        self
                    } else {
                        0
                    };
                }
                let (mut base, mut exponent, mut result) = (self, exponent, 1 as $type);
                while exponent > 0 {
                    if exponent & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    exponent >>= 1;
                }
                result
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                self.maximum(other)
            }
            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                self.minimum(other)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
        }

        #[expect(clippy::allow_attributes, reason = "the macro serves signed and unsigned types")]
        impl Integer for $type {
            #[inline(always)]
            fn negated(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn absolute(self) -> Self {
                #[allow(unused_comparisons, reason = "an unsigned value is never negative")]
                if self < 0 { self.wrapping_neg() } else { self }
            }
            #[inline(always)]
            fn signum(self) -> Self {
                #[allow(unused_comparisons, reason = "an unsigned value is never negative")]
                if self > 0 {
                    1
                } else if self < 0 {
                    (0 as $type).wrapping_sub(1)
                } else {
                    0
                }
            }
        }
    };
}

// From a float, narrow types go through the next wider integer that PyTorch's generated code goes through.
integer!(u8, f32_to_i32, f64_to_i32, from_i32, i32, false);
integer!(i16, f32_to_i32, f64_to_i32, from_i32, i32, true);
integer!(i32, f32_to_i32, f64_to_i32, from_i32, i32, true);
integer!(u32, f32_to_i64, f64_to_i64, from_i64, i64, false);
integer!(i64, f32_to_i64, f64_to_i64, from_i64, i64, true);

macro_rules! float_arithmetic {
    ($type:ident, $compute:ident) => {
        impl Number for $type {
            const INTEGER: bool = false;

            #[inline(always)]
            fn saturating_from_f64(value: f64) -> Self {
                Self::from_f64(value)
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self::from_compute(self.to_compute() + other.to_compute())
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self::from_compute(self.to_compute() - other.to_compute())
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self::from_compute(self.to_compute() * other.to_compute())
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self::from_compute(self.to_compute() / other.to_compute())
            }
            #[inline(always)]
            fn floor_divide(self, other: Self) -> Self {
                let (a, b) = (self.to_compute(), other.to_compute());
                if b == 0.0 {
                    return Self::from_compute(a / b);
                }
                let remainder = a % b;
                let mut quotient = (a - remainder) / b;
                if remainder != 0.0 && (b < 0.0) != (remainder < 0.0) {
                    quotient -= 1.0;
                }
                Self::from_compute(if quotient == 0.0 {
                    (0.0 as $compute).copysign(a / b)
                } else {
                    let floor = quotient.floor();
                    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
                })
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                let b = other.to_compute();
                let remainder = self.to_compute() % b;
                let wrong_sign = remainder != 0.0 && (b < 0.0) != (remainder < 0.0);
                Self::from_compute(if wrong_sign { remainder + b } else { remainder })
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                Self::from_compute(self.to_compute().powf(exponent.to_compute()))
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                let (a, b) = (self.to_compute(), other.to_compute());
                let chosen = if a > b { self } else { other };
                if a.is_nan() { self } else { chosen }
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                let (a, b) = (self.to_compute(), other.to_compute());
                let chosen = if a < b { self } else { other };
                if a.is_nan() { self } else { chosen }
            }
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                if self.to_compute() > other.to_compute() { self } else { other }
            }
            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                if self.to_compute() < other.to_compute() { self } else { other }
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.to_compute().is_nan()
            }
        }
    };
}

float_arithmetic!(f16, f32);
float_arithmetic!(bf16, f32);
float_arithmetic!(f32, f32);
float_arithmetic!(f64, f64);

macro_rules! float_element {
    ($type:ident, $wide:ident, $to:ident, $from_f32:expr, $from_f64:expr, $from_int:expr, $widen:expr) => {
        impl Element for $type {
            type Wide = $wide;

            #[inline(always)]
            fn widen(self) -> $wide {
                $widen(self)
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                $from_f32(value)
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                $from_f64(value)
            }
            #[inline(always)]
            fn from_i32(value: i32) -> Self {
                $from_int(value as $wide)
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                $from_int(value as $wide)
            }
            #[inline(always)]
            fn cast<D: Element>(self) -> D {
                D::$to($widen(self))
            }
        }
    };
}

float_element!(f32, f32, from_f32, same, narrow, same, same);
float_element!(f64, f64, from_f64, f64::from, same, same, same);
// As PyTorch, an f64 goes through f32 on its way to a smaller type.
float_element!(f16, f32, from_f32, f16_from_f32, |x| f16_from_f32(narrow(x)), f16_from_f32, f16_to_f32);
float_element!(bf16, f32, from_f32, bf16_from_f32, |x| bf16_from_f32(narrow(x)), bf16_from_f32, bf16_to_f32);
float_element!(F8E4M3, f32, from_f32, f8_from_f32, |x| f8_from_f32(narrow(x)), f8_from_f32, f8_to_f32);

macro_rules! float {
    ($type:ident, $compute:ident, $to:expr, $from:expr) => {
        impl Float for $type {
            type Compute = $compute;

            #[inline(always)]
            fn to_compute(self) -> $compute {
                $to(self)
            }
            #[inline(always)]
            fn from_compute(value: $compute) -> Self {
                $from(value)
            }
        }
    };
}

float!(f32, f32, same, same);
float!(f64, f64, same, same);
float!(f16, f32, f16_to_f32, f16_from_f32);
float!(bf16, f32, bf16_to_f32, bf16_from_f32);

#[inline(always)]
fn same<T>(value: T) -> T {
    value
}

#[inline(always)]
fn narrow(value: f64) -> f32 {
    value as f32
}

// The conversions of crate `half` look for processor features at each call and so cannot be vectorised; these can.

#[inline(always)]
fn bf16_to_f32(value: bf16) -> f32 {
    f32::from_bits(u32::from(value.to_bits()) << 16)
}

#[inline(always)]
fn bf16_from_f32(value: f32) -> bf16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    bf16::from_bits(if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded } as u16)
}

#[inline(always)]
fn f16_to_f32(value: f16) -> f32 {
    let bits = u32::from(value.to_bits());
    // The exponent is rebased by a product, which normalises subnormal numbers as well.
    let scaled = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits((254 - 15) << 23);
    let special = if scaled >= 65536.0 { 0x7f80_0000 } else { 0 };
    f32::from_bits(scaled.to_bits() | special | (bits & 0x8000) << 16)
}

#[inline(always)]
fn f16_from_f32(value: f32) -> f16 {
    const SUBNORMAL_SHIFT: u32 = (127 - 15 + 23 - 10 + 1) << 23;
    let bits = value.to_bits();
    let sign = bits & 0x8000_0000;
    let magnitude = bits ^ sign;
    let special = if magnitude > 0x7f80_0000 { 0x7e00 } else { 0x7c00 };
    // An addition of the right power of two lets the processor round a subnormal result.
    let subnormal =
        (f32::from_bits(magnitude) + f32::from_bits(SUBNORMAL_SHIFT)).to_bits().wrapping_sub(SUBNORMAL_SHIFT);
    let normal = magnitude.wrapping_sub(((127 - 15) << 23) - 0xfff).wrapping_add((magnitude >> 13) & 1) >> 13;
    let result = if magnitude >= (127 + 16) << 23 {
        special
    } else if magnitude < 113 << 23 {
        subnormal
    } else {
        normal
    };
    f16::from_bits((result | sign >> 16) as u16)
}

#[inline(always)]
fn f8_to_f32(value: F8E4M3) -> f32 {
    let bits = u32::from(value.to_bits());
    let magnitude = bits & 0x7f;
    let scaled = f32::from_bits(magnitude << 20) * f32::from_bits((254 - 7) << 23);
    let special = if magnitude == 0x7f { 0x7fc0_0000 } else { 0 };
    f32::from_bits(scaled.to_bits() | special | (bits & 0x80) << 24)
}

/// Beyond the largest finite value, 448 after rounding, there is only NaN, as in PyTorch.
#[inline(always)]
fn f8_from_f32(value: f32) -> F8E4M3 {
    const SUBNORMAL_SHIFT: u32 = (127 - 7 + 23 - 3 + 1) << 23;
    let bits = value.to_bits();
    let sign = bits & 0x8000_0000;
    let magnitude = bits ^ sign;
    let subnormal =
        (f32::from_bits(magnitude) + f32::from_bits(SUBNORMAL_SHIFT)).to_bits().wrapping_sub(SUBNORMAL_SHIFT);
    let normal = magnitude.wrapping_sub(((127 - 7) << 23) - 0x7ffff).wrapping_add((magnitude >> 20) & 1) >> 20;
    let result = if magnitude >= 1087 << 20 {
        0x7f
    } else if magnitude < 121 << 23 {
        subnormal
    } else {
        normal
    };
    F8E4M3::from_bits((result | sign >> 24) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_conversions_equal_those_of_crate_half() {
        for bits in 0..=u16::MAX {
            let (a, b) = (f16::from_bits(bits), bf16::from_bits(bits));
            assert!(f16_to_f32(a) == a.to_f32_const() || a.is_nan() && f16_to_f32(a).is_nan());
            assert_eq!(bf16_to_f32(b).to_bits(), u32::from(bits) << 16);
            assert!(a.is_nan() || f16_from_f32(f16_to_f32(a)).to_bits() == bits);
        }
        for i in 0..2_000_000u32 {
            let x = f32::from_bits(i.wrapping_mul(2_654_435_761));
            let (a, b) = (f16_from_f32(x), bf16_from_f32(x));
            assert!(x.is_nan() && a.is_nan() || a.to_bits() == f16::from_f32_const(x).to_bits(), "{x}");
            assert!(x.is_nan() && b.is_nan() || b.to_bits() == bf16::from_f32_const(x).to_bits(), "{x}");
        }
    }

    #[test]
    fn float8_round_trips_and_overflows_to_nan() {
        for bits in 0..=u8::MAX {
            let x = F8E4M3::from_bits(bits);
            let wide = f8_to_f32(x);
            assert!(wide.is_nan() && x.to_f32().is_nan() || wide == x.to_f32());
            assert!(wide.is_nan() || f8_from_f32(wide).to_bits() == bits);
        }
        assert_eq!(f8_to_f32(f8_from_f32(464.0)), 448.0);
        assert!(f8_to_f32(f8_from_f32(480.0)).is_nan());
        assert_eq!(f8_to_f32(f8_from_f32(0.3)), 0.3125);
    }

    #[test]
    fn casts_follow_c_on_x86() {
        assert_eq!((-1.0f32).cast::<u8>(), 255);
        assert_eq!(300.7f32.cast::<u8>(), 44);
        assert_eq!((-2.9f64).cast::<i32>(), -2);
        assert_eq!(f32::NAN.cast::<i32>(), i32::MIN);
        assert_eq!(1e20f64.cast::<i64>(), i64::MIN);
        assert_eq!((-1i64).cast::<u32>(), u32::MAX);
        assert_eq!((-1.0f32).cast::<u32>(), u32::MAX);
        assert_eq!(70000i32.cast::<i16>(), 4464);
        assert_eq!(u32::MAX.cast::<f64>(), 4294967295.0);
    }

    #[test]
    fn bounds_saturate() {
        assert_eq!([-5.0, 2.9, 300.0, f64::NAN].map(u8::saturating_from_f64), [0, 2, 255, 0]);
        assert_eq!([f64::NEG_INFINITY, 1e19].map(i64::saturating_from_f64), [i64::MIN, i64::MAX]);
        assert_eq!(f16::saturating_from_f64(1e9), f16::INFINITY);
        assert!(f32::saturating_from_f64(f64::NAN).is_nan());
    }

    #[test]
    fn division_rounds_down() {
        assert_eq!(Number::floor_divide(-7i32, 2), -4);
        assert_eq!(Number::remainder(-7i32, 2), 1);
        assert_eq!(Number::remainder(7i64, -2), -1);
        assert_eq!(Number::floor_divide(7u8, 2), 3);
        assert_eq!(Number::floor_divide(-7.0f32, 2.0), -4.0);
        assert_eq!(Number::remainder(-7.0f64, 2.0), 1.0);
        assert_eq!(Number::floor_divide(i32::MIN, -1), i32::MIN);
        assert_eq!(Number::pow(3i64, 4), 81);
        assert_eq!([2i32, -1, -1, 1].map(|base| Number::pow(base, -3 + i32::from(base == 1))), [0, -1, -1, 1]);
        assert_eq!(Number::pow(-1i16, -2), 1);
        assert!(Number::maximum(1.0f32, f32::NAN).is_nan());
        assert!(Number::minimum(f32::NAN, 1.0f32).is_nan());
    }
}
