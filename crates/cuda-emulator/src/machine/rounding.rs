//! Numbers of all formats as `f64` and back, rounded once, in the way that the instruction says.
//!
//! What has no exact `f64` is rounded to odd there: the last bit says that there was more. A format that is at least two bits
//! shorter can then be rounded to as if from the exact value.

use half::{bf16, f16};

use crate::ptx::{Mode, Rounding, Type};

/// `value`, which was rounded to the nearest, made odd if there was an error; `error` has the sign of what is missing.
pub(super) fn odd(value: f64, error: f64) -> f64 {
    if error == 0.0 || error.is_nan() || !value.is_finite() || value.to_bits() & 1 == 1 {
        return value;
    }
    if error > 0.0 { value.next_up() } else { value.next_down() }
}

/// The error of `a + b`, exactly.
fn sum_error(a: f64, b: f64, sum: f64) -> f64 {
    let virtual_b = sum - a;
    (a - (sum - virtual_b)) + (b - virtual_b)
}

/// The sum, rounded to odd.
pub(super) fn add_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    odd(sum, sum_error(a, b, sum))
}

/// The sum, in this rounding.
pub(super) fn add(a: f64, b: f64, rounding: Rounding) -> f64 {
    let sum = a + b;
    if rounding == Rounding::Down && a == -b && a.is_sign_negative() != b.is_sign_negative() {
        return -0.0;
    }
    direct(sum, sum_error(a, b, sum), rounding)
}

/// The product, in this rounding.
pub(super) fn multiply(a: f64, b: f64, rounding: Rounding) -> f64 {
    let product = a * b;
    direct(product, a.mul_add(b, -product), rounding)
}

/// The product and sum, in this rounding.
pub(super) fn multiply_add(a: f64, b: f64, c: f64, rounding: Rounding) -> f64 {
    let result = a.mul_add(b, c);
    if rounding == Rounding::Nearest {
        return result;
    }
    let product = a * b;
    let product_error = a.mul_add(b, -product);
    let sum = product + c;
    let error = (sum - result) + sum_error(product, c, sum) + product_error;
    direct(result, error, rounding)
}

/// The quotient, rounded to odd.
pub(super) fn divide_odd(a: f64, b: f64) -> f64 {
    let quotient = a / b;
    let rest = (-quotient).mul_add(b, a);
    odd(quotient, if b < 0.0 { -rest } else { rest })
}

/// The quotient, in this rounding.
pub(super) fn divide(a: f64, b: f64, rounding: Rounding) -> f64 {
    let quotient = a / b;
    let rest = (-quotient).mul_add(b, a);
    direct(quotient, if b < 0.0 { -rest } else { rest }, rounding)
}

/// The root, in this rounding.
pub(super) fn root(a: f64, rounding: Rounding) -> f64 {
    let root = a.sqrt();
    direct(root, (-root).mul_add(root, a), rounding)
}

/// The root, rounded to odd.
pub(super) fn root_odd(a: f64) -> f64 {
    let root = a.sqrt();
    odd(root, (-root).mul_add(root, a))
}

/// `value` was rounded to the nearest with this error; now in another rounding.
fn direct(value: f64, error: f64, rounding: Rounding) -> f64 {
    if error == 0.0 || error.is_nan() || value.is_nan() {
        return value;
    }
    match rounding {
        Rounding::Nearest | Rounding::Away => value,
        Rounding::Down if error < 0.0 => value.next_down(),
        Rounding::Up if error > 0.0 => value.next_up(),
        Rounding::Zero if value > 0.0 && error < 0.0 => value.next_down(),
        Rounding::Zero if value < 0.0 && error > 0.0 => value.next_up(),
        _ => value,
    }
}

/// An `f64` as `f32`, in this rounding.
#[inline]
pub(super) fn to_f32(value: f64, rounding: Rounding) -> f32 {
    let near = value as f32;
    if rounding == Rounding::Nearest || value.is_nan() || value.is_infinite() {
        return near;
    }
    let wide = f64::from(near);
    let down = wide > value;
    let up = wide < value;
    match rounding {
        Rounding::Down if down => near.next_down(),
        Rounding::Up if up => near.next_up(),
        Rounding::Zero if down && value > 0.0 => near.next_down(),
        Rounding::Zero if up && value < 0.0 => near.next_up(),
        _ => near,
    }
}

/// A small format: bits of the exponent and of the fraction.
struct Format {
    exponent: u32,
    fraction: u32,
    /// Whether the largest exponent is that of numbers too, but for one NaN.
    finite: bool,
}

const F16: Format = Format { exponent: 5, fraction: 10, finite: false };
const BF16: Format = Format { exponent: 8, fraction: 7, finite: false };
const E4M3: Format = Format { exponent: 4, fraction: 3, finite: true };
const E5M2: Format = Format { exponent: 5, fraction: 2, finite: false };

/// The bits of `value` in a small format. With `saturate`, what is too large is the largest number, not infinity.
fn to_small(value: f64, format: &Format, rounding: Rounding, saturate: bool) -> u16 {
    let Format { exponent, fraction, finite } = *format;
    let bias = (1i32 << (exponent - 1)) - 1;
    let sign = u16::from(value.is_sign_negative()) << (exponent + fraction);
    let top = ((1u16 << exponent) - 1) << fraction;
    // The largest number, and what stands for infinity.
    let (largest, infinity) =
        if finite { (top | ((1 << fraction) - 2), top | ((1 << fraction) - 1)) } else { (top - 1, top) };
    if value.is_nan() {
        return if finite { infinity } else { 0x7fff >> (15 - exponent - fraction) };
    }
    let overflow = |away: bool| sign | if saturate || !away { largest } else { infinity };
    if value.is_infinite() {
        return overflow(true);
    }
    if value == 0.0 {
        return sign;
    }
    let magnitude = value.abs();
    let exponent_of = (((magnitude.to_bits() >> 52) as i32) - 1023).max(1 - bias);
    // In units of the last place, exactly: a power of two is between them.
    let units = magnitude * power_of_two(fraction as i32 - exponent_of);
    let whole = units.floor();
    let rest = units - whole;
    let negative = value < 0.0;
    let up = match rounding {
        Rounding::Nearest => rest > 0.5 || (rest == 0.5 && whole % 2.0 == 1.0),
        Rounding::Away => rest >= 0.5,
        Rounding::Zero => false,
        Rounding::Down => negative && rest > 0.0,
        Rounding::Up => !negative && rest > 0.0,
    };
    let count = whole as u64 + u64::from(up);
    // A carry goes into the exponent by itself.
    let base = (exponent_of + bias - 1).max(0) as u64;
    let bits = (base << fraction) + count;
    if bits > u64::from(largest) {
        let to_infinity = match rounding {
            Rounding::Nearest | Rounding::Away => true,
            Rounding::Zero => false,
            Rounding::Down => negative,
            Rounding::Up => !negative,
        };
        return overflow(to_infinity);
    }
    sign | bits as u16
}

/// For exponents of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

fn from_e4m3(bits: u8) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 3 & 15), f64::from(bits & 7));
    let value = match (exponent, bits & 7) {
        (15, 7) => f64::NAN,
        (0, _) => fraction * power_of_two(-9),
        _ => (8.0 + fraction) * power_of_two(exponent - 10),
    };
    if bits & 0x80 != 0 { -value } else { value }
}

/// One number of a type, or of a packed type's half, as `f64`.
#[inline]
pub(super) fn unpack(ty: Type, bits: u64) -> f64 {
    match ty {
        Type::F16 | Type::F16x2 => f64::from(f16::from_bits(bits as u16).to_f32()),
        Type::Bf16 | Type::Bf16x2 => f64::from(bf16::from_bits(bits as u16).to_f32()),
        Type::F32 | Type::Tf32 => f64::from(f32::from_bits(bits as u32)),
        Type::E4m3x2 => from_e4m3(bits as u8),
        Type::E5m2x2 => f64::from(f16::from_bits((bits as u16) << 8).to_f32()),
        _ => f64::from_bits(bits),
    }
}

/// The bits of a number in a type, or in a packed type's half, rounded, and brought into the mode's limits.
#[inline]
pub(super) fn pack(ty: Type, value: f64, mode: Mode) -> u64 {
    let mut value = value;
    let small = matches!(ty, Type::E4m3x2 | Type::E5m2x2);
    if mode.saturate && !small {
        // NaN is zero too.
        value = if value > 0.0 { value.min(1.0) } else { 0.0 };
    }
    if mode.relu && value <= 0.0 {
        value = 0.0;
    }
    match ty {
        Type::F16 | Type::F16x2 => u64::from(to_small(value, &F16, mode.rounding, false)),
        Type::Bf16 | Type::Bf16x2 => u64::from(to_small(value, &BF16, mode.rounding, false)),
        Type::E4m3x2 => u64::from(to_small(value, &E4M3, mode.rounding, true)),
        Type::E5m2x2 => u64::from(to_small(value, &E5M2, mode.rounding, mode.saturate)),
        Type::Tf32 => {
            let bits = u64::from((value as f32).to_bits());
            if value.is_finite() { (bits + 0x1000) & !0x1fff } else { bits }
        }
        Type::F32 => {
            let result = to_f32(value, mode.rounding);
            u64::from(canonical(if mode.flush { flush(result) } else { result }).to_bits())
        }
        _ => value.to_bits(),
    }
}

/// The one NaN of `f32` results.
#[inline(always)]
pub(super) fn canonical(value: f32) -> f32 {
    if value.is_nan() { f32::from_bits(0x7fff_ffff) } else { value }
}

/// Zero, of the same sign, for a subnormal number.
#[inline(always)]
pub(super) fn flush(value: f32) -> f32 {
    if value.abs() < f32::MIN_POSITIVE { f32::from_bits(value.to_bits() & 1 << 31) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all magnitudes, in no order.
    fn patterns(count: usize) -> impl Iterator<Item = u64> {
        let mut state = 1u64;
        (0..count).map(move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
    }

    #[test]
    fn small_formats_agree_with_another_implementation() {
        for bits in patterns(200_000) {
            let value = f32::from_bits(bits as u32);
            if value.is_nan() {
                continue;
            }
            let found = pack(Type::F16, value.into(), Mode::PLAIN);
            assert_eq!(found, f16::from_f32(value).to_bits().into(), "{value:e} as f16");
            let found = pack(Type::Bf16, value.into(), Mode::PLAIN);
            assert_eq!(found, bf16::from_f32(value).to_bits().into(), "{value:e} as bf16");
        }
        for bits in 0..=u16::MAX {
            let value = f16::from_bits(bits);
            if !value.is_nan() {
                assert_eq!(pack(Type::F16, unpack(Type::F16, bits.into()), Mode::PLAIN), bits.into());
            }
        }
        for bits in 0..=u8::MAX {
            if bits & 0x7f != 0x7f {
                let value = unpack(Type::E4m3x2, bits.into());
                assert_eq!(pack(Type::E4m3x2, value, Mode::PLAIN), bits.into(), "{value}");
            }
        }
    }

    #[test]
    fn directed_roundings_enclose_the_value() {
        for bits in patterns(100_000) {
            let value = f64::from_bits(bits);
            if value.is_nan() {
                continue;
            }
            let down = f64::from(to_f32(value, Rounding::Down));
            let up = f64::from(to_f32(value, Rounding::Up));
            let zero = f64::from(to_f32(value, Rounding::Zero));
            assert!(down <= value && value <= up, "{value:e}");
            assert_eq!(zero, if value > 0.0 { down } else { up }, "{value:e}");
            for ty in [Type::F16, Type::Bf16] {
                let one = |rounding| unpack(ty, pack(ty, value, Mode { rounding, ..Mode::PLAIN }));
                let (down, up, near) = (one(Rounding::Down), one(Rounding::Up), one(Rounding::Nearest));
                assert!(down <= value && value <= up && (near == down || near == up), "{value:e}");
            }
        }
    }

    #[test]
    fn a_sum_rounded_to_odd_is_rounded_once_in_the_end() {
        let mut bits = patterns(600_000);
        while let (Some(a), Some(b), Some(c)) = (bits.next(), bits.next(), bits.next()) {
            // Magnitudes that are near enough to each other for the last places to matter.
            let near = |bits: u64, spread: u32| {
                let exponent = 127 - spread / 2 + (bits >> 32) as u32 % spread;
                f32::from_bits(bits as u32 & 0x807f_ffff | exponent << 23)
            };
            let (a, b, c) = (near(a, 8), near(b, 8), near(c, 60));
            let found = to_f32(add_odd(f64::from(a) * f64::from(b), c.into()), Rounding::Nearest);
            assert_eq!(found.to_bits(), a.mul_add(b, c).to_bits(), "{a:e} * {b:e} + {c:e}");
            let quotient = to_f32(divide_odd(a.into(), b.into()), Rounding::Nearest);
            assert_eq!(quotient, a / b);
            let root = to_f32(root_odd(a.abs().into()), Rounding::Nearest);
            assert_eq!(root, a.abs().sqrt());
        }
    }

    #[test]
    fn wide_roundings_differ_by_one_place_where_there_is_an_error() {
        let mut bits = patterns(30_000);
        while let (Some(a), Some(b), Some(c)) = (bits.next(), bits.next(), bits.next()) {
            let near = |bits: u64| f64::from_bits(bits & 0x800f_ffff_ffff_ffff | (1023 + bits % 8) << 52);
            let (a, b, c) = (near(a), near(b), near(c));
            for f in [
                |a, b, _, rounding| add(a, b, rounding),
                |a, b, _, rounding| multiply(a, b, rounding),
                |a, b, _, rounding| divide(a, b, rounding),
                multiply_add,
            ] as [fn(f64, f64, f64, Rounding) -> f64; 4]
            {
                let (near, down) = (f(a, b, c, Rounding::Nearest), f(a, b, c, Rounding::Down));
                let (up, zero) = (f(a, b, c, Rounding::Up), f(a, b, c, Rounding::Zero));
                assert!(down == up || down.next_up() == up, "{a:e} {b:e} {c:e}");
                assert!(near == down || near == up);
                assert_eq!(zero, if near > 0.0 { down } else { up });
            }
        }
    }
}
