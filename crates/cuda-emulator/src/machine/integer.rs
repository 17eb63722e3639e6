//! Integer arithmetic of two and three operands.

use super::file::{File, for_lanes};
use crate::ptx::{Half, Integer2, Slot, Type};

/// What integers of one size and sign can do, beyond the operators.
trait Integer: Copy + Default + Ord {
    type Wide: Copy + Default;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn times_high(self, other: Self) -> Self;
    fn times_wide(self, other: Self) -> Self::Wide;
    fn wide_plus(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn divided(self, other: Self) -> Self;
    fn rest(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn left(self, by: u32) -> Self;
    fn right(self, by: u32) -> Self;
    fn plus_saturating(self, other: Self) -> Self;
    fn minus_saturating(self, other: Self) -> Self;
}

macro_rules! integer {
    ($($ty:ty, $wide:ty, $by_zero:expr;)*) => {$(
        impl Integer for $ty {
            type Wide = $wide;
            #[inline(always)]
            fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn minus(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn times(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn times_high(self, other: Self) -> Self {
                ((self as $wide).wrapping_mul(other as $wide) >> <$ty>::BITS) as $ty
            }
            #[inline(always)]
            fn times_wide(self, other: Self) -> $wide { (self as $wide).wrapping_mul(other as $wide) }
            #[inline(always)]
            fn wide_plus(a: $wide, b: $wide) -> $wide { a.wrapping_add(b) }
            // By zero the hardware gives no fault, and all ones.
            #[inline(always)]
            fn divided(self, other: Self) -> Self { if other == 0 { $by_zero } else { self.wrapping_div(other) } }
            #[inline(always)]
            fn rest(self, other: Self) -> Self { if other == 0 { self } else { self.wrapping_rem(other) } }
            #[inline(always)]
            fn and(self, other: Self) -> Self { self & other }
            #[inline(always)]
            fn or(self, other: Self) -> Self { self | other }
            #[inline(always)]
            fn xor(self, other: Self) -> Self { self ^ other }
            #[inline(always)]
            fn left(self, by: u32) -> Self { if by >= <$ty>::BITS { 0 } else { self << by } }
            #[inline(always)]
            fn right(self, by: u32) -> Self {
                if by >= <$ty>::BITS { if <$ty>::MIN == 0 { 0 } else { self >> (<$ty>::BITS - 1) } } else { self >> by }
            }
            #[inline(always)]
            fn plus_saturating(self, other: Self) -> Self { self.saturating_add(other) }
            #[inline(always)]
            fn minus_saturating(self, other: Self) -> Self { self.saturating_sub(other) }
        }
    )*};
}

integer! {
    u16, u32, u16::MAX;
    i16, i32, -1;
    u32, u64, u32::MAX;
    i32, i64, -1;
    u64, u128, u64::MAX;
    i64, i128, -1;
}

#[inline(always)]
fn two<T: Integer>(file: File, mask: u32, operation: Integer2, to: Slot, a: Slot, b: Slot) {
    let ab = (a, b);
    match operation {
        Integer2::Add => file.map2(mask, to, ab, T::plus),
        Integer2::Sub => file.map2(mask, to, ab, T::minus),
        Integer2::MulLow => file.map2(mask, to, ab, T::times),
        Integer2::MulHigh => file.map2(mask, to, ab, T::times_high),
        Integer2::MulWide => file.map2(mask, to, ab, T::times_wide),
        Integer2::Div => file.map2(mask, to, ab, T::divided),
        Integer2::Rem => file.map2(mask, to, ab, T::rest),
        Integer2::Min => file.map2(mask, to, ab, <T as Ord>::min),
        Integer2::Max => file.map2(mask, to, ab, <T as Ord>::max),
        Integer2::And => file.map2(mask, to, ab, T::and),
        Integer2::Or => file.map2(mask, to, ab, T::or),
        Integer2::Xor => file.map2(mask, to, ab, T::xor),
        Integer2::ShiftLeft => file.map2(mask, to, ab, T::left),
        Integer2::ShiftRight => file.map2(mask, to, ab, T::right),
        Integer2::AddSaturating => file.map2(mask, to, ab, T::plus_saturating),
        Integer2::SubSaturating => file.map2(mask, to, ab, T::minus_saturating),
    }
}

for_lanes! {
    fn integer2(file: File, mask: u32, operation: Integer2, ty: Type, to: Slot, a: Slot, b: Slot) {
        match ty {
            Type::B16 | Type::U16 => two::<u16>(file, mask, operation, to, a, b),
            Type::S16 => two::<i16>(file, mask, operation, to, a, b),
            Type::S32 => two::<i32>(file, mask, operation, to, a, b),
            Type::B64 | Type::U64 => two::<u64>(file, mask, operation, to, a, b),
            Type::S64 => two::<i64>(file, mask, operation, to, a, b),
            _ => two::<u32>(file, mask, operation, to, a, b),
        }
    }
}

#[inline(always)]
fn three<T: Integer>(file: File, mask: u32, half: Half, to: Slot, abc: (Slot, Slot, Slot)) {
    match half {
        Half::Low => file.map3(mask, to, abc, |a: T, b, c: T| a.times(b).plus(c)),
        Half::High => file.map3(mask, to, abc, |a: T, b, c: T| a.times_high(b).plus(c)),
        Half::Wide => file.map3(mask, to, abc, |a: T, b, c: T::Wide| T::wide_plus(a.times_wide(b), c)),
    }
}

for_lanes! {
    fn multiply_add(file: File, mask: u32, half: Half, ty: Type, to: Slot, abc: (Slot, Slot, Slot)) {
        match ty {
            Type::U16 => three::<u16>(file, mask, half, to, abc),
            Type::S16 => three::<i16>(file, mask, half, to, abc),
            Type::S32 => three::<i32>(file, mask, half, to, abc),
            Type::U64 => three::<u64>(file, mask, half, to, abc),
            Type::S64 => three::<i64>(file, mask, half, to, abc),
            _ => three::<u32>(file, mask, half, to, abc),
        }
    }
}

/// `a + b`, or `a - b`, with the flag before and after: on differences it is a borrow.
pub(super) fn add_carry(ty: Type, subtract: bool, a: u64, b: u64, carry: bool) -> (u64, bool) {
    let bits = 8 * u32::from(ty.size());
    let (a, b, carry) = (u128::from(a), u128::from(b), u128::from(carry));
    let sum = if subtract { a.wrapping_sub(b).wrapping_sub(carry) } else { a + b + carry };
    ((sum as u64) & (u64::MAX >> (64 - bits)), sum >> bits & 1 != 0)
}

/// The half of a product that a multiply-add takes, as bits.
pub(super) fn product_half(ty: Type, half: Half, a: u64, b: u64) -> u64 {
    let bits = 8 * u32::from(ty.size());
    let product = if ty.is_signed() {
        let extend = |value: u64| i128::from((value << (64 - bits)) as i64 >> (64 - bits));
        extend(a).wrapping_mul(extend(b)) as u128
    } else {
        u128::from(a) * u128::from(b)
    };
    let part = if half == Half::High { product >> bits } else { product };
    (part as u64) & (u64::MAX >> (64 - bits))
}
