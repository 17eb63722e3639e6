//! Floating-point arithmetic and comparisons.

use std::cmp::Ordering;

use super::file::{ALL, File, for_lanes};
use super::noise;
use super::rounding::{self, add_odd, canonical, flush, pack, unpack};
use crate::ptx::{Comparison, Float1, Float2, FloatClass, Logic, Mode, Slot, Type};

for_lanes! {
    fn float1(file: File, mask: u32, operation: Float1, ty: Type, mode: Mode, to: Slot, a: Slot) {
        let plain = mode == Mode::PLAIN;
        match (operation, ty) {
            (Float1::Negate, Type::F32) if plain => file.map1(mask, to, a, |a: u32| a ^ 1 << 31),
            (Float1::Absolute, Type::F32) if plain => file.map1(mask, to, a, |a: u32| a & !(1 << 31)),
            (Float1::Negate, Type::F64) => file.map1(mask, to, a, |a: u64| a ^ 1 << 63),
            (Float1::Absolute, Type::F64) => file.map1(mask, to, a, |a: u64| a & !(1 << 63)),
            (Float1::Root, Type::F32) if plain => file.map1(mask, to, a, |a: f32| canonical(a.sqrt())),
            (_, Type::F64) => file.map1(mask, to, a, |a: f64| one_f64(operation, a, mode)),
            (_, Type::F32) => file.map1(mask, to, a, |a: u32| one(operation, ty, mode, u64::from(a)) as u32),
            (_, Type::F16x2 | Type::Bf16x2) => {
                file.map1(mask, to, a, |a: u32| halves([a, 0, 0], |[a, _, _]| one(operation, ty, mode, a)));
            }
            _ => file.map1(mask, to, a, |a: u16| one(operation, ty, mode, u64::from(a)) as u16),
        }
    }
}

/// Computes for both halves of packed operands.
#[inline(always)]
fn halves(values: [u32; 3], f: impl Fn([u64; 3]) -> u64) -> u32 {
    let low = f(values.map(|value| u64::from(value & 0xffff)));
    let high = f(values.map(|value| u64::from(value >> 16)));
    (high << 16 | low & 0xffff) as u32
}

fn flushed(value: f64, mode: Mode) -> f64 {
    if mode.flush && value.abs() < f64::from(f32::MIN_POSITIVE) { 0f64.copysign(value) } else { value }
}

fn one(operation: Float1, ty: Type, mode: Mode, bits: u64) -> u64 {
    let sign = if ty == Type::F32 { 1 << 31 } else { 1 << 15 };
    let exact = Mode { flush: ty == Type::F32 && mode.flush, ..mode };
    match operation {
        Float1::Negate if !exact.flush => return bits ^ sign,
        Float1::Absolute if !exact.flush => return bits & !sign,
        _ => {}
    }
    let a = flushed(unpack(ty, bits), exact);
    let value = match operation {
        Float1::Negate => -a,
        Float1::Absolute => a.abs(),
        Float1::Root => rounding::root_odd(a),
        Float1::Reciprocal => rounding::divide_odd(1.0, a),
        Float1::ReciprocalRoot => 1.0 / a.sqrt(),
        Float1::Exp2 => a.exp2(),
        Float1::Log2 => a.log2(),
        Float1::Sine => a.sin(),
        Float1::Cosine => a.cos(),
        Float1::Tanh => a.tanh(),
    };
    pack(ty, noise::approximate(operation, ty, a, value), exact)
}

fn one_f64(operation: Float1, a: f64, mode: Mode) -> f64 {
    match operation {
        Float1::Negate => -a,
        Float1::Absolute => a.abs(),
        Float1::Root => rounding::root(a, mode.rounding),
        Float1::Reciprocal => rounding::divide(1.0, a, mode.rounding),
        Float1::ReciprocalRoot => 1.0 / a.sqrt(),
        Float1::Exp2 => a.exp2(),
        Float1::Log2 => a.log2(),
        Float1::Sine => a.sin(),
        Float1::Cosine => a.cos(),
        Float1::Tanh => a.tanh(),
    }
}

for_lanes! {
    fn float2(file: File, mask: u32, operation: Float2, ty: Type, mode: Mode, to: Slot, ab: (Slot, Slot)) {
        let plain = mode == Mode::PLAIN;
        match (operation, ty) {
            (Float2::Add, Type::F32) if plain => file.map2(mask, to, ab, |a: f32, b: f32| canonical(a + b)),
            (Float2::Sub, Type::F32) if plain => file.map2(mask, to, ab, |a: f32, b: f32| canonical(a - b)),
            (Float2::Mul, Type::F32) if plain => file.map2(mask, to, ab, |a: f32, b: f32| canonical(a * b)),
            (Float2::Div, Type::F32) if plain => file.map2(mask, to, ab, |a: f32, b: f32| canonical(a / b)),
            (Float2::Add, Type::F64) if plain => file.map2(mask, to, ab, |a: f64, b: f64| a + b),
            (Float2::Sub, Type::F64) if plain => file.map2(mask, to, ab, |a: f64, b: f64| a - b),
            (Float2::Mul, Type::F64) if plain => file.map2(mask, to, ab, |a: f64, b: f64| a * b),
            (Float2::Div, Type::F64) if plain => file.map2(mask, to, ab, |a: f64, b: f64| a / b),
            (Float2::CopySign, Type::F32) => {
                file.map2(mask, to, ab, |a: u32, b: u32| (a & 1 << 31) | (b & !(1 << 31)));
            }
            (Float2::CopySign, Type::F64) => {
                file.map2(mask, to, ab, |a: u64, b: u64| (a & 1 << 63) | (b & !(1 << 63)));
            }
            (_, Type::F64) => file.map2(mask, to, ab, |a: f64, b: f64| two_f64(operation, a, b, mode)),
            (_, Type::F32) => {
                file.map2(mask, to, ab, |a: u32, b: u32| two(operation, ty, mode, u64::from(a), u64::from(b)) as u32);
            }
            (_, Type::F16x2 | Type::Bf16x2) => {
                file.map2(mask, to, ab, |a: u32, b: u32| halves([a, b, 0], |[a, b, _]| two(operation, ty, mode, a, b)))
            }
            _ => file.map2(mask, to, ab, |a: u16, b: u16| two(operation, ty, mode, u64::from(a), u64::from(b)) as u16),
        }
    }
}

fn two(operation: Float2, ty: Type, mode: Mode, a: u64, b: u64) -> u64 {
    let mode = Mode { flush: ty == Type::F32 && mode.flush, ..mode };
    let (a, b) = (flushed(unpack(ty, a), mode), flushed(unpack(ty, b), mode));
    let value = match operation {
        Float2::Add => add_odd(a, b),
        Float2::Sub => add_odd(a, -b),
        // The product of two short numbers is exact.
        Float2::Mul => a * b,
        Float2::Div => rounding::divide_odd(a, b),
        Float2::Min | Float2::Max => extreme(operation, a, b, mode),
        Float2::CopySign => b.copysign(a),
    };
    pack(ty, value, mode)
}

fn two_f64(operation: Float2, a: f64, b: f64, mode: Mode) -> f64 {
    match operation {
        Float2::Add => rounding::add(a, b, mode.rounding),
        Float2::Sub => rounding::add(a, -b, mode.rounding),
        Float2::Mul => rounding::multiply(a, b, mode.rounding),
        Float2::Div => rounding::divide(a, b, mode.rounding),
        Float2::Min | Float2::Max => extreme(operation, a, b, mode),
        Float2::CopySign => b.copysign(a),
    }
}

/// The smaller or larger: minus zero is smaller than zero, and NaN is passed over unless the mode says otherwise.
fn extreme(operation: Float2, a: f64, b: f64, mode: Mode) -> f64 {
    let (a, b) = if mode.absolute { (a.abs(), b.abs()) } else { (a, b) };
    if a.is_nan() || b.is_nan() {
        return match (mode.nan, a.is_nan()) {
            (true, _) => f64::NAN,
            (false, true) => b,
            (false, false) => a,
        };
    }
    let a_first = if a == b { a.is_sign_negative() } else { a < b };
    if a_first == (operation == Float2::Min) { a } else { b }
}

pub(super) fn float3(
    file: File,
    mask: u32,
    operation: Float2,
    ty: Type,
    mode: Mode,
    to: Slot,
    (a, b, c): (Slot, Slot, Slot),
) {
    if ty == Type::F64 {
        let f = |a, b, c| two_f64(operation, two_f64(operation, a, b, mode), c, mode);
        file.map3(mask, to, (a, b, c), |a: f64, b, c: f64| f(a, b, c));
    } else {
        file.map3(mask, to, (a, b, c), |a: u32, b, c: u32| {
            let first = two(operation, ty, mode, u64::from(a), u64::from(b));
            two(operation, ty, mode, first, u64::from(c)) as u32
        });
    }
}

for_lanes! {
    fn fused_multiply_add(file: File, mask: u32, ty: Type, mode: Mode, to: Slot, abc: (Slot, Slot, Slot)) {
        let three = |a: u64, b: u64, c: u64| {
            let mode = Mode { flush: ty == Type::F32 && mode.flush, ..mode };
            let [a, b, c] = [a, b, c].map(|bits| flushed(unpack(ty, bits), mode));
            pack(ty, add_odd(a * b, c), mode)
        };
        match ty {
            Type::F32 if mode == Mode::PLAIN => {
                file.map3(mask, to, abc, |a: f32, b, c: f32| canonical(a.mul_add(b, c)));
            }
            Type::F64 if mode == Mode::PLAIN => file.map3(mask, to, abc, |a: f64, b, c: f64| a.mul_add(b, c)),
            Type::F64 => file.map3(mask, to, abc, |a: f64, b, c: f64| rounding::multiply_add(a, b, c, mode.rounding)),
            Type::F32 => file.map3(mask, to, abc, |a: u32, b, c: u32| three(a.into(), b.into(), c.into()) as u32),
            Type::F16x2 | Type::Bf16x2 => {
                file.map3(mask, to, abc, |a: u32, b, c: u32| halves([a, b, c], |[a, b, c]| three(a, b, c)));
            }
            _ => file.map3(mask, to, abc, |a: u16, b, c: u16| three(a.into(), b.into(), c.into()) as u16),
        }
    }
}

#[inline(always)]
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "what is not comparable is what the negation is for")]
fn holds<T: PartialOrd>(comparison: Comparison, a: T, b: T) -> bool {
    let unordered = || a.partial_cmp(&b).is_none();
    match comparison {
        Comparison::Equal => a == b,
        // Two numbers that differ; `!=` alone is true for NaN.
        Comparison::NotEqual => a.partial_cmp(&b).is_some_and(Ordering::is_ne),
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::EqualOrNan => a == b || unordered(),
        Comparison::NotEqualOrNan => a != b,
        Comparison::LessOrNan => !(a >= b),
        Comparison::LessEqualOrNan => !(a > b),
        Comparison::GreaterOrNan => !(a <= b),
        Comparison::GreaterEqualOrNan => !(a < b),
        Comparison::Number => !unordered(),
        Comparison::Nan => unordered(),
    }
}

/// One loop for each comparison, so that none of them asks which it is.
#[inline(always)]
fn tests<T: Copy, V: PartialOrd>(
    file: File,
    mask: u32,
    comparison: Comparison,
    (a, b): (Slot, Slot),
    value: impl Fn(T) -> V + Copy,
) -> u32 {
    macro_rules! each_of {
        ($($name:ident)*) => {
            match comparison {
                $(Comparison::$name => {
                    file.test2(mask, a, b, |a: T, b: T| holds(Comparison::$name, value(a), value(b)))
                })*
            }
        };
    }
    each_of!(
        Equal NotEqual Less LessEqual Greater GreaterEqual EqualOrNan NotEqualOrNan LessOrNan LessEqualOrNan
        GreaterOrNan GreaterEqualOrNan Number Nan
    )
}

for_lanes! {
    /// The lanes in which a comparison holds, of those in the mask.
    fn compare(file: File, mask: u32, comparison: Comparison, ty: Type, flushes: bool, ab: (Slot, Slot)) -> u32 {
        match ty {
            Type::B16 | Type::U16 => tests(file, mask, comparison, ab, |a: u16| a),
            Type::S16 => tests(file, mask, comparison, ab, |a: i16| a),
            Type::S32 => tests(file, mask, comparison, ab, |a: i32| a),
            Type::B64 | Type::U64 => tests(file, mask, comparison, ab, |a: u64| a),
            Type::S64 => tests(file, mask, comparison, ab, |a: i64| a),
            Type::F32 if flushes => tests(file, mask, comparison, ab, |a: f32| flush(a)),
            Type::F32 => tests(file, mask, comparison, ab, |a: f32| a),
            Type::F64 => tests(file, mask, comparison, ab, |a: f64| a),
            Type::F16 | Type::Bf16 => tests(file, mask, comparison, ab, |a: u16| unpack(ty, a.into())),
            Type::F16x2 | Type::Bf16x2 => tests(file, mask, comparison, ab, |a: u32| unpack(ty, u64::from(a & 0xffff))),
            _ => tests(file, mask, comparison, ab, |a: u32| a),
        }
    }
}

/// The same for the upper halves of packed operands.
pub(super) fn compare_upper(file: File, mask: u32, comparison: Comparison, ty: Type, ab: (Slot, Slot)) -> u32 {
    tests(file, mask, comparison, ab, |a: u32| unpack(ty, u64::from(a >> 16)))
}

/// The result of a comparison joined with a predicate.
pub(super) fn join(bits: u32, logic: Logic, with: u32) -> u32 {
    match logic {
        Logic::And => bits & with,
        Logic::Or => bits | with,
        Logic::Xor => bits ^ with,
    }
}

/// What `set` writes where the comparison holds.
pub(super) fn truth(result: Type) -> u64 {
    match result {
        Type::F32 => u64::from(1f32.to_bits()),
        Type::F16 | Type::F16x2 => 0x3c00,
        Type::Bf16 | Type::Bf16x2 => 0x3f80,
        _ => u64::from(ALL),
    }
}

pub(super) fn test_class(file: File, mask: u32, class: FloatClass, ty: Type, a: Slot) -> u32 {
    fn is(class: FloatClass, value: f64, smallest: f64) -> bool {
        match class {
            FloatClass::Finite => value.is_finite(),
            FloatClass::Infinite => value.is_infinite(),
            FloatClass::Number => !value.is_nan(),
            FloatClass::NotANumber => value.is_nan(),
            FloatClass::Normal => value.is_finite() && value.abs() >= smallest,
            FloatClass::Subnormal => value != 0.0 && value.abs() < smallest,
        }
    }
    if ty == Type::F64 {
        file.test2(mask, a, a, |a: f64, _| is(class, a, f64::MIN_POSITIVE))
    } else {
        file.test2(mask, a, a, |a: f32, _| is(class, a.into(), f32::MIN_POSITIVE.into()))
    }
}

/// Whether the sign of `c` chooses the first of two.
pub(super) fn at_least_zero(file: File, mask: u32, ty: Type, c: Slot) -> u32 {
    if ty == Type::F32 {
        file.test2(mask, c, c, |c: f32, _| c >= 0.0)
    } else {
        file.test2(mask, c, c, |c: i32, _| c >= 0)
    }
}
