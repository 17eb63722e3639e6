//! The rarer operations on bits, one lane at a time.

use crate::ptx::{Bits, Permute, Type};

/// The result for operands of these values; `size` are the bits of the instruction's type.
pub(super) fn evaluate(operation: Bits, ty: Type, [a, b, c, d]: [u64; 4]) -> u64 {
    let size = 8 * u32::from(ty.size());
    let signed = |value: u64| (value << (64 - size)) as i64 >> (64 - size);
    match operation {
        Bits::Not => !a,
        Bits::CountNotInverted => u64::from(a == 0),
        Bits::Negate => a.wrapping_neg(),
        Bits::Absolute => signed(a).wrapping_abs() as u64,
        Bits::Population => u64::from(a.count_ones()),
        Bits::LeadingZeros => u64::from(a.leading_zeros() - (64 - size)),
        Bits::Reverse => a.reverse_bits() >> (64 - size),
        Bits::Extract => extract(a, b as u32 & 255, c as u32 & 255, size, ty.is_signed()),
        Bits::Insert => {
            let (position, length) = (c as u32 & 255, d as u32 & 255);
            if position >= size || length == 0 {
                return b;
            }
            let mask = (u64::MAX >> (64 - length.min(64))) << position;
            (b & !mask) | (a << position & mask)
        }
        Bits::FindLeading | Bits::FindLeadingShift => {
            let value = if ty.is_signed() && signed(a) < 0 { !signed(a) as u64 } else { a };
            match value {
                0 => u64::from(u32::MAX),
                _ if operation == Bits::FindLeading => u64::from(63 - value.leading_zeros()),
                _ => u64::from(size - 1 - (63 - value.leading_zeros())),
            }
        }
        Bits::Permute(mode) => permute(mode, a as u32, b as u32, c as u32),
        Bits::Table(table) => {
            let mut result = 0;
            for index in 0..8 {
                if table >> index & 1 == 1 {
                    let pick = |value: u64, bit: u32| if index >> bit & 1 == 1 { value } else { !value };
                    result |= pick(a, 2) & pick(b, 1) & pick(c, 0);
                }
            }
            result
        }
        Bits::FunnelLeft(wrap) => {
            let by = if wrap { c as u32 & 31 } else { (c as u32).min(32) };
            ((b << 32 | a) << by) >> 32
        }
        Bits::FunnelRight(wrap) => {
            let by = if wrap { c as u32 & 31 } else { (c as u32).min(32) };
            (b << 32 | a) >> by
        }
        Bits::Mask => {
            let (position, length) = ((a as u32).min(32), (b as u32).min(32));
            ((1u64 << length) - 1) << position
        }
        Bits::AbsoluteDifference => {
            let distance = if ty.is_signed() { signed(a).abs_diff(signed(b)) } else { a.abs_diff(b) };
            distance.wrapping_add(c)
        }
        Bits::Mul24 | Bits::Mad24 => {
            let low = |value: u64| if ty.is_signed() { (value << 40) as i64 >> 40 } else { (value & 0xff_ffff) as i64 };
            let added = if operation == Bits::Mad24 { c } else { 0 };
            (low(a).wrapping_mul(low(b)) as u64).wrapping_add(added)
        }
        Bits::Dot4(a_signed, b_signed) => {
            let part = |value: u64, index: u32, signed: bool| {
                let byte = (value >> (8 * index)) as u8;
                if signed { i32::from(byte as i8) } else { i32::from(byte) }
            };
            let sum = (0..4).fold(c as i32, |sum, n| sum.wrapping_add(part(a, n, a_signed) * part(b, n, b_signed)));
            sum as u64
        }
        Bits::Dot2(a_signed, b_signed, high) => {
            let half = |index: u32| {
                let word = (a >> (16 * index)) as u16;
                if a_signed { i32::from(word as i16) } else { i32::from(word) }
            };
            let byte = |index: u32| {
                let byte = (b >> (8 * index + if high { 16 } else { 0 })) as u8;
                if b_signed { i32::from(byte as i8) } else { i32::from(byte) }
            };
            (0..2).fold(c as i32, |sum, n| sum.wrapping_add(half(n).wrapping_mul(byte(n)))) as u64
        }
        Bits::FindNth => find_nth(a as u32, b as u32, c as i32),
    }
}

fn extract(value: u64, position: u32, length: u32, size: u32, signed: bool) -> u64 {
    if length == 0 {
        return 0;
    }
    let last = (position + length - 1).min(size - 1);
    let sign = signed && value >> last & 1 == 1;
    let low = if position >= size { 0 } else { value >> position };
    let kept = (last + 1).saturating_sub(position).min(length);
    let mask = if kept == 0 { 0 } else { u64::MAX >> (64 - kept) };
    (low & mask) | if sign { !mask } else { 0 }
}

fn permute(mode: Permute, a: u32, b: u32, selector: u32) -> u64 {
    let bytes = u64::from(b) << 32 | u64::from(a);
    let byte = |index: u32| (bytes >> (8 * (index & 7))) as u8;
    let low = selector & 3;
    let mut result = 0;
    for n in 0..4 {
        let picked = match mode {
            Permute::Any => {
                let nibble = selector >> (4 * n);
                let value = byte(nibble);
                if nibble & 8 != 0 { ((value as i8) >> 7) as u8 } else { value }
            }
            Permute::Forward4 => byte(low + n),
            Permute::Backward4 => byte(low.wrapping_sub(n)),
            Permute::Replicate8 => byte(low),
            Permute::EdgeLeft => byte(low.max(n)),
            Permute::EdgeRight => byte(low.min(n)),
            Permute::Replicate16 => byte((low & 1) * 2 + (n & 1)),
        };
        result |= u64::from(picked) << (8 * n);
    }
    result
}

/// The position of the n-th set bit from `base`, upwards or, if negative, downwards.
fn find_nth(mask: u32, base: u32, offset: i32) -> u64 {
    if offset == 0 {
        return u64::from(if mask >> (base & 31) & 1 == 1 { base } else { u32::MAX });
    }
    let mut left = offset.unsigned_abs();
    let mut position = i64::from(base);
    while (0..32).contains(&position) {
        left -= mask >> position & 1;
        if left == 0 {
            return position as u64;
        }
        position += i64::from(offset.signum());
    }
    u64::from(u32::MAX)
}
