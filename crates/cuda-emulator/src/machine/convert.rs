//! `cvt`, one lane at a time but for the frequent pairs of types.

use super::file::File;
use super::rounding::{add_odd, pack, unpack};
use crate::ptx::{Mode, Place, Rounding, Slot, Type};

pub(super) struct Conversion {
    pub(super) to_type: Type,
    pub(super) from_type: Type,
    pub(super) mode: Mode,
    pub(super) to_integer: bool,
}

impl Conversion {
    #[inline(never)]
    pub(super) fn run(&self, file: File, mask: u32, to: Place, from: Place) {
        if self.mode == Mode::PLAIN && !self.to_integer {
            let exact = to.size == self.to_type.size() && from.size == self.from_type.size();
            if exact && self.frequent(file, mask, to.slot, from.slot) {
                return;
            }
        }
        // A result smaller than its register is extended as its type says.
        let (signed, bits) = (self.to_type.is_signed(), 8 * u32::from(self.to_type.size()));
        super::file::each(mask, |lane| {
            let value = self.one(file.get_bits(from, lane));
            let value = if bits >= 64 {
                value
            } else if signed {
                ((value << (64 - bits)) as i64 >> (64 - bits)) as u64
            } else {
                value & ((1 << bits) - 1)
            };
            file.put_bits(to, lane, value);
        });
    }

    fn frequent(&self, file: File, mask: u32, to: Slot, from: Slot) -> bool {
        match (self.to_type, self.from_type) {
            (Type::U64, Type::U32) => file.map1(mask, to, from, |a: u32| u64::from(a)),
            (Type::S64, Type::S32) => file.map1(mask, to, from, |a: i32| i64::from(a)),
            (Type::U32 | Type::S32, Type::U64 | Type::S64) => file.map1(mask, to, from, |a: u64| a as u32),
            (Type::U32, Type::U16) => file.map1(mask, to, from, |a: u16| u32::from(a)),
            (Type::U16 | Type::S16, Type::U32 | Type::S32) => file.map1(mask, to, from, |a: u32| a as u16),
            (Type::F32, Type::S32) => file.map1(mask, to, from, |a: i32| a as f32),
            (Type::F32, Type::U32) => file.map1(mask, to, from, |a: u32| a as f32),
            (Type::F64, Type::F32) => file.map1(mask, to, from, |a: f32| f64::from(a)),
            (Type::F32, Type::F64) => file.map1(mask, to, from, |a: f64| super::rounding::canonical(a as f32)),
            (Type::F32, Type::F16) => file.map1(mask, to, from, |a: u16| half::f16::from_bits(a).to_f32()),
            (Type::F32, Type::Bf16) => file.map1(mask, to, from, |a: u16| half::bf16::from_bits(a).to_f32()),
            (Type::F16, Type::F32) => file.map1(mask, to, from, |a: f32| match a.is_nan() {
                true => 0x7fff,
                false => half::f16::from_f32(a).to_bits(),
            }),
            (Type::Bf16, Type::F32) => file.map1(mask, to, from, |a: f32| match a.is_nan() {
                true => 0x7fff,
                false => half::bf16::from_f32(a).to_bits(),
            }),
            _ => return false,
        }
        true
    }

    /// The bits of one converted value.
    fn one(&self, bits: u64) -> u64 {
        let Conversion { to_type, from_type, mode, to_integer } = *self;
        if from_type.is_packed() {
            let part = if from_type.size() == 2 { 8 } else { 16 };
            let low = pack(to_type, unpack(from_type, bits & ((1 << part) - 1)), mode);
            let high = pack(to_type, unpack(from_type, bits >> part), mode);
            return high << 16 | low & 0xffff;
        }
        if from_type.is_float() {
            let mut value = unpack(from_type, bits);
            if mode.flush && from_type == Type::F32 && value.abs() < f64::from(f32::MIN_POSITIVE) {
                value = 0f64.copysign(value);
            }
            if to_type.is_float() {
                if to_integer {
                    value = integral(value, mode.rounding);
                }
                if to_type == Type::F64 && mode.saturate {
                    value = if value > 0.0 { value.min(1.0) } else { 0.0 };
                }
                return pack(to_type, value, mode);
            }
            if value.is_nan() {
                return nan_bits(from_type, to_type);
            }
            return to_integer_bits(integral(value, mode.rounding), to_type);
        }
        let width = 64 - 8 * u32::from(from_type.size());
        let value = if from_type.is_signed() {
            i128::from((bits << width) as i64 >> width)
        } else {
            i128::from(bits << width >> width)
        };
        if to_type.is_float() { integer_to_float(value, to_type, mode) } else { clamp(value, to_type, mode.saturate) }
    }

    /// Both halves of a packed result.
    #[inline(never)]
    pub(super) fn pair(&self, file: File, mask: u32, to: Place, a: Slot, b: Slot) {
        let half = 4 * u32::from(self.to_type.size());
        let size = self.from_type.size();
        super::file::each(mask, |lane| {
            let one = |slot| {
                let value = unpack(self.from_type, file.get_bits(Place { slot, size }, lane));
                pack(self.to_type, value, self.mode) & ((1 << half) - 1)
            };
            file.put_bits(to, lane, one(a) << half | one(b));
        });
    }
}

fn integral(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => value.round_ties_even(),
        Rounding::Away => value.round(),
        Rounding::Zero => value.trunc(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
    }
}

/// What becomes of NaN: zero, but the upper bit alone where one of the types is a long one.
fn nan_bits(from: Type, to: Type) -> u64 {
    if from == Type::F64 || to.size() == 8 { 1 << (8 * u32::from(to.size()) - 1) } else { 0 }
}

/// The nearest integer of the type.
fn to_integer_bits(value: f64, ty: Type) -> u64 {
    match ty {
        Type::U8 => u64::from(value as u8),
        Type::S8 => value as i8 as u64,
        Type::U16 => u64::from(value as u16),
        Type::S16 => value as i16 as u64,
        Type::U32 => u64::from(value as u32),
        Type::S32 => value as i32 as u64,
        Type::S64 => value as i64 as u64,
        _ => value as u64,
    }
}

fn integer_to_float(value: i128, ty: Type, mode: Mode) -> u64 {
    let (upper, lower) = ((value >> 32) as f64 * 4_294_967_296.0, (value & 0xffff_ffff) as f64);
    if ty == Type::F64 {
        return super::rounding::add(upper, lower, mode.rounding).to_bits();
    }
    pack(ty, add_odd(upper, lower), mode)
}

fn clamp(value: i128, ty: Type, saturate: bool) -> u64 {
    if !saturate {
        return value as u64;
    }
    let bits = 8 * u32::from(ty.size());
    let (low, high) =
        if ty.is_signed() { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    value.clamp(low, high) as u64
}
