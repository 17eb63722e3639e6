//! Elementary functions without branches or calls, so that loops over them vectorise.
//!
//! f32: Cephes' polynomials after an exact reduction, at most 2 units in the last place for exp and log, 3 for the
//! rest. f64: fdlibm's exp and log, at most 1; functions that are rare in f64 call the platform's library.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, Sub, SubAssign};

/// A type to compute in: `f32` or `f64`.
///
/// `FMA` says whether a fused multiply-add is one instruction.
pub trait Compute:
    crate::Element
    + crate::Float<Compute = Self>
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Rem<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 0.5.
    const HALF: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;
    /// Beyond this magnitude `sin` and `cos` need `sin_large` and `cos_large`.
    const LARGE_ANGLE: Self;

    /// The nearest value to a constant.
    fn of(value: f64) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Rounded down.
    fn floor(self) -> Self;
    /// Rounded up.
    fn ceil(self) -> Self;
    /// Rounded toward zero.
    fn trunc(self) -> Self;
    /// Rounded to nearest, ties to even.
    fn round(self) -> Self;
    /// The magnitude of `self` with the sign of `other`.
    fn copysign(self, other: Self) -> Self;
    /// `a * b + c`, fused where that is one instruction.
    fn fma<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// e to the power of `self`.
    fn exp<const FMA: bool>(self) -> Self;
    /// The same, but 0 where the result would be subnormal: for results that go into a sum.
    fn exp_flush<const FMA: bool>(self) -> Self;
    /// Beyond this magnitude `exp_flush` may differ from `exp`.
    const LARGE_EXPONENT: Self;
    /// exp(self) - 1, accurate near 0.
    fn expm1<const FMA: bool>(self) -> Self;
    /// Natural logarithm.
    fn log<const FMA: bool>(self) -> Self;
    /// log(1 + self), accurate near 0.
    fn log1p<const FMA: bool>(self) -> Self;
    /// Sine of an angle up to `LARGE_ANGLE`.
    fn sin<const FMA: bool>(self) -> Self;
    /// Cosine of an angle up to `LARGE_ANGLE`.
    fn cos<const FMA: bool>(self) -> Self;
    /// Sine of any angle.
    fn sin_large(self) -> Self;
    /// Cosine of any angle.
    fn cos_large(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh<const FMA: bool>(self) -> Self;
    /// Error function.
    fn erf<const FMA: bool>(self) -> Self;
    /// Error function with an absolute error of at most 4e-7, in half the time: for what is added to 1.
    fn erf_near<const FMA: bool>(self) -> Self;
    /// `self` to the power of `exponent`.
    fn powf(self, exponent: Self) -> Self;

    /// 1 / (1 + exp(-x)).
    #[inline(always)]
    fn sigmoid<const FMA: bool>(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp_flush::<FMA>())
    }
}

#[inline(always)]
fn poly32<const FMA: bool, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut result = coefficients[0];
    let mut i = 1;
    while i < N {
        result = Compute::fma::<FMA>(result, x, coefficients[i]);
        i += 1;
    }
    result
}

#[inline(always)]
fn poly64<const FMA: bool, const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut result = coefficients[0];
    let mut i = 1;
    while i < N {
        result = Compute::fma::<FMA>(result, x, coefficients[i]);
        i += 1;
    }
    result
}

/// Adding this rounds an f32 below 2^22 to an integer, which then stands in the low bits.
const SHIFT32: f32 = 12_582_912.0;
/// The same for an f64 below 2^51.
const SHIFT64: f64 = 6_755_399_441_055_744.0;

#[inline(always)]
fn power_of_two32(exponent: i32) -> f32 {
    f32::from_bits((exponent.wrapping_add(127) as u32) << 23)
}

#[inline(always)]
fn power_of_two64(exponent: i64) -> f64 {
    f64::from_bits((exponent.wrapping_add(1023) as u64) << 52)
}

/// x = n ln 2 + r: returns n and exp(r) - 1 - r. NaN stays in r.
#[inline(always)]
fn exp_parts32<const FMA: bool>(x: f32) -> (i32, f32, f32) {
    let shifted = Compute::fma::<FMA>(x, std::f32::consts::LOG2_E, SHIFT32);
    let n = shifted - SHIFT32;
    let r = Compute::fma::<FMA>(n, -0.693_359_4, x);
    let r = Compute::fma::<FMA>(n, 2.121_944_4e-4, r);
    let p = poly32::<FMA, 6>(r, [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5]);
    let n = (shifted.to_bits() as i32).wrapping_sub(SHIFT32.to_bits() as i32);
    (n, r, p * r * r)
}

#[inline(always)]
fn clamp32(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

#[inline(always)]
fn clamp64(x: f64, low: f64, high: f64) -> f64 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// x = quadrant pi/2 + r with r in [-pi/4, pi/4], through f64 so that no digit is lost.
#[inline(always)]
fn quadrant32(x: f32) -> (u32, f32) {
    let x = f64::from(x);
    let shifted = x * std::f64::consts::FRAC_2_PI + SHIFT64;
    let n = shifted - SHIFT64;
    // The first part of pi/2 has 33 bits: its product with n is exact.
    let r = (x - n * 1.570_796_326_734_125_6) - n * 6.077_100_506_506_192e-11;
    (shifted.to_bits() as u32, r as f32)
}

#[inline(always)]
fn sin_of_quadrant32<const FMA: bool>(quadrant: u32, r: f32) -> f32 {
    let z = r * r;
    let sin = poly32::<FMA, 3>(z, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
    let sin = Compute::fma::<FMA>(sin * z, r, r);
    let cos = poly32::<FMA, 3>(z, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
    let cos = Compute::fma::<FMA>(cos * z, z, Compute::fma::<FMA>(z, -0.5, 1.0));
    let value = if quadrant & 1 == 0 { sin } else { cos };
    f32::from_bits(value.to_bits() ^ ((quadrant & 2) << 30))
}

impl Compute for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    const HALF: f32 = 0.5;
    const NEG_INFINITY: f32 = f32::NEG_INFINITY;
    const LARGE_ANGLE: f32 = 500_000.0;

    #[inline(always)]
    fn of(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn abs(self) -> f32 {
        f32::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn floor(self) -> f32 {
        f32::floor(self)
    }
    #[inline(always)]
    fn ceil(self) -> f32 {
        f32::ceil(self)
    }
    #[inline(always)]
    fn trunc(self) -> f32 {
        f32::trunc(self)
    }
    #[inline(always)]
    fn round(self) -> f32 {
        f32::round_ties_even(self)
    }
    #[inline(always)]
    fn copysign(self, other: f32) -> f32 {
        f32::copysign(self, other)
    }
    #[inline(always)]
    fn fma<const FMA: bool>(self, b: f32, c: f32) -> f32 {
        if FMA { self.mul_add(b, c) } else { self * b + c }
    }

    #[inline(always)]
    fn exp<const FMA: bool>(self) -> f32 {
        let (n, r, p) = exp_parts32::<FMA>(clamp32(self, -104.0, 89.0));
        // Two factors, as 2^n itself may be out of range where the result is not.
        let half = n >> 1;
        (p + r + 1.0) * power_of_two32(half) * power_of_two32(n.wrapping_sub(half))
    }

    const LARGE_EXPONENT: f32 = 87.0;

    #[inline(always)]
    fn exp_flush<const FMA: bool>(self) -> f32 {
        let shifted = Compute::fma::<FMA>(self, std::f32::consts::LOG2_E, SHIFT32);
        let (_, r, p) = exp_parts32::<FMA>(self);
        // n stands in the low bits of the shifted value; only they remain.
        let result = f32::from_bits((p + r + 1.0).to_bits().wrapping_add(shifted.to_bits() << 23));
        let result = if self > 88.722_84 { f32::INFINITY } else { result };
        let result = if self < -87.336_54 { 0.0 } else { result };
        if self.is_nan() { self } else { result }
    }

    #[inline(always)]
    fn expm1<const FMA: bool>(self) -> f32 {
        let (n, r, p) = exp_parts32::<FMA>(clamp32(self, -30.0, 89.0));
        let half = n >> 1;
        let (low, high) = (power_of_two32(half), power_of_two32(n.wrapping_sub(half)));
        let m = r + p;
        let small = Compute::fma::<FMA>(low * high, m, low * high - 1.0);
        let result = if n >= 127 { (m + 1.0) * low * high } else { small };
        // Keeps the sign of zero.
        if self == 0.0 { self } else { result }
    }

    #[inline(always)]
    fn log<const FMA: bool>(self) -> f32 {
        let subnormal = self < f32::MIN_POSITIVE;
        let x = if subnormal { self * 16_777_216.0 } else { self };
        // The mantissa in [sqrt(1/2), sqrt(2)), and the exponent that belongs to it.
        let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
        let exponent = (bits as i32) >> 23;
        let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
        let e = exponent as f32 - if subnormal { 24.0 } else { 0.0 };
        let z = f * f;
        let p = poly32::<FMA, 9>(
            f,
            [
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_87e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_7e-1,
                2.000_071_5e-1,
                -2.499_999_4e-1,
                3.333_333e-1,
            ],
        );
        let y = Compute::fma::<FMA>(e, -2.121_944_4e-4, p * f * z);
        let y = Compute::fma::<FMA>(z, -0.5, y);
        let result = Compute::fma::<FMA>(e, 0.693_359_4, f + y);
        let result = if self == f32::INFINITY { self } else { result };
        let result = if self == 0.0 { f32::NEG_INFINITY } else { result };
        // Also when `self` is NaN.
        if self >= 0.0 { result } else { f32::NAN }
    }

    #[inline(always)]
    fn log1p<const FMA: bool>(self) -> f32 {
        let u = 1.0 + self;
        // What the addition above lost.
        let lost = if u.abs() < f32::INFINITY && u != 0.0 { (self - (u - 1.0)) / u } else { 0.0 };
        let result = Compute::log::<FMA>(u) + lost;
        if self.abs() < 1e-7 { self } else { result }
    }

    #[inline(always)]
    fn sin<const FMA: bool>(self) -> f32 {
        let (quadrant, r) = quadrant32(self);
        let result = sin_of_quadrant32::<FMA>(quadrant, r);
        if self == 0.0 { self } else { result }
    }

    #[inline(always)]
    fn cos<const FMA: bool>(self) -> f32 {
        let (quadrant, r) = quadrant32(self);
        sin_of_quadrant32::<FMA>(quadrant.wrapping_add(1), r)
    }

    fn sin_large(self) -> f32 {
        libm::sinf(self)
    }
    fn cos_large(self) -> f32 {
        libm::cosf(self)
    }

    #[inline(always)]
    fn tanh<const FMA: bool>(self) -> f32 {
        let x = clamp32(self.abs(), 0.0, 10.0);
        let (n, r, p) = exp_parts32::<FMA>(x + x);
        let power = power_of_two32(n);
        // exp(2x) - 1
        let e = Compute::fma::<FMA>(power, r + p, power - 1.0);
        (e / (e + 2.0)).copysign(self)
    }

    #[inline(always)]
    fn erf<const FMA: bool>(self) -> f32 {
        let t = clamp32(self.abs(), 0.0, 4.0);
        let s = t * t;
        let r = Compute::fma::<FMA>(-1.728_534_7e-5, t, 3.831_972e-4);
        let u = Compute::fma::<FMA>(-3.883_964_5e-3, t, 2.425_462_2e-2);
        let r = Compute::fma::<FMA>(r, s, u);
        let r = Compute::fma::<FMA>(r, t, -1.067_778_8e-1);
        let r = Compute::fma::<FMA>(r, t, -6.348_469e-1);
        let r = Compute::fma::<FMA>(r, t, -1.287_175_1e-1);
        let r = Compute::fma::<FMA>(r, t, -t);
        let large = 1.0 - Compute::exp_flush::<FMA>(r);
        let p = poly32::<FMA, 6>(
            s,
            [-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 1.128_199_3e-1, -3.761_253_4e-1, 1.283_791_7e-1],
        );
        let small = Compute::fma::<FMA>(p, t, t);
        (if t > 0.921_875 { large } else { small }).copysign(self)
    }

    #[inline(always)]
    fn erf_near<const FMA: bool>(self) -> f32 {
        // A quotient of polynomials; beyond the last the result is 1 after rounding.
        let x = clamp32(self, -4.0, 4.0);
        let s = x * x;
        let p = poly32::<FMA, 7>(
            s,
            [
                -2.726_142_3e-10,
                2.770_681_4e-8,
                -2.101_024_1e-6,
                -5.692_506_4e-5,
                -7.349_906_3e-4,
                -2.954_6e-3,
                -1.609_603_3e-2,
            ],
        );
        let q =
            poly32::<FMA, 5>(s, [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2]);
        let result = x * p / q;
        if self.abs() >= 3.9 { (1.0f32).copysign(self) } else { result }
    }
    #[inline(always)]
    fn powf(self, exponent: f32) -> f32 {
        f32::powf(self, exponent)
    }
}

impl Compute for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const HALF: f64 = 0.5;
    const NEG_INFINITY: f64 = f64::NEG_INFINITY;
    const LARGE_ANGLE: f64 = f64::INFINITY;

    #[inline(always)]
    fn of(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn floor(self) -> f64 {
        f64::floor(self)
    }
    #[inline(always)]
    fn ceil(self) -> f64 {
        f64::ceil(self)
    }
    #[inline(always)]
    fn trunc(self) -> f64 {
        f64::trunc(self)
    }
    #[inline(always)]
    fn round(self) -> f64 {
        f64::round_ties_even(self)
    }
    #[inline(always)]
    fn copysign(self, other: f64) -> f64 {
        f64::copysign(self, other)
    }
    #[inline(always)]
    fn fma<const FMA: bool>(self, b: f64, c: f64) -> f64 {
        if FMA { self.mul_add(b, c) } else { self * b + c }
    }

    #[inline(always)]
    fn exp<const FMA: bool>(self) -> f64 {
        let x = clamp64(self, -746.0, 710.0);
        let shifted = Compute::fma::<FMA>(x, std::f64::consts::LOG2_E, SHIFT64);
        let n = shifted - SHIFT64;
        let high = Compute::fma::<FMA>(n, -6.931_471_803_691_238e-1, x);
        let low = n * 1.908_214_929_270_587_7e-10;
        let r = high - low;
        let t = r * r;
        let p = poly64::<FMA, 5>(
            t,
            [
                4.138_136_797_057_238_5e-8,
                -1.653_390_220_546_525_2e-6,
                6.613_756_321_437_934e-5,
                -2.777_777_777_701_559_3e-3,
                1.666_666_666_666_660_2e-1,
            ],
        );
        let c = r - t * p;
        let y = 1.0 + (r * c / (2.0 - c) - low + high);
        let n = (shifted.to_bits() as i64).wrapping_sub(SHIFT64.to_bits() as i64);
        let half = n >> 1;
        y * power_of_two64(half) * power_of_two64(n.wrapping_sub(half))
    }

    const LARGE_EXPONENT: f64 = f64::INFINITY;

    #[inline(always)]
    fn exp_flush<const FMA: bool>(self) -> f64 {
        Compute::exp::<FMA>(self)
    }

    #[inline(always)]
    fn expm1<const FMA: bool>(self) -> f64 {
        f64::exp_m1(self)
    }

    #[inline(always)]
    fn log<const FMA: bool>(self) -> f64 {
        const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
        let subnormal = self < f64::MIN_POSITIVE;
        let x = if subnormal { self * 18_014_398_509_481_984.0 } else { self };
        let bits = x.to_bits().wrapping_sub(ROOT_HALF);
        let exponent = (bits as i64) >> 52;
        let f = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT_HALF)) - 1.0;
        let e = exponent as f64 - if subnormal { 54.0 } else { 0.0 };
        let s = f / (2.0 + f);
        let z = s * s;
        let r = z * poly64::<FMA, 7>(
            z,
            [
                1.479_819_860_511_658_6e-1,
                1.531_383_769_920_937_3e-1,
                1.818_357_216_161_805e-1,
                2.222_219_843_214_978_4e-1,
                2.857_142_874_366_239e-1,
                3.999_999_999_940_942e-1,
                6.666_666_666_666_735e-1,
            ],
        );
        let half_square = 0.5 * f * f;
        let low = e * 1.908_214_929_270_587_7e-10;
        let result =
            Compute::fma::<FMA>(e, 6.931_471_803_691_238e-1, f - (half_square - (s * (half_square + r) + low)));
        let result = if self == f64::INFINITY { self } else { result };
        let result = if self == 0.0 { f64::NEG_INFINITY } else { result };
        if self >= 0.0 { result } else { f64::NAN }
    }

    #[inline(always)]
    fn log1p<const FMA: bool>(self) -> f64 {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn sin<const FMA: bool>(self) -> f64 {
        f64::sin(self)
    }
    #[inline(always)]
    fn cos<const FMA: bool>(self) -> f64 {
        f64::cos(self)
    }
    fn sin_large(self) -> f64 {
        f64::sin(self)
    }
    fn cos_large(self) -> f64 {
        f64::cos(self)
    }
    #[inline(always)]
    fn tanh<const FMA: bool>(self) -> f64 {
        f64::tanh(self)
    }
    #[inline(always)]
    fn erf<const FMA: bool>(self) -> f64 {
        libm::erf(self)
    }
    #[inline(always)]
    fn erf_near<const FMA: bool>(self) -> f64 {
        libm::erf(self)
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> f64 {
        f64::powf(self, exponent)
    }
}
