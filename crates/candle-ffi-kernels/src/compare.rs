//! Comparisons, logic and choice. A bool is a `u8` of 0 or 1.

use crate::Element;
use crate::binary::{reader, zip};
use crate::copy::map;
use crate::parallel::{GRAIN_MEMORY, build};
use crate::profile;
use crate::simd::vectorize;
use crate::strided::{BLOCK, Buffer, Strided};

/// A comparison. NaN is unequal to everything, and neither less nor greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// a = b
    Eq,
    /// a ≠ b
    Ne,
    /// a < b
    Lt,
    /// a ≤ b
    Le,
    /// a > b
    Gt,
    /// a ≥ b
    Ge,
}

/// A connective of two bools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// Both
    And,
    /// At least one
    Or,
    /// Exactly one
    Xor,
}

macro_rules! comparison {
    ($lhs:expr, $rhs:expr, $operator:tt) => {
        zip($lhs, $rhs, GRAIN_MEMORY, #[inline(always)] |a: T, b: T| u8::from(a.widen() $operator b.widen()))
    };
}

/// `lhs op rhs` for each pair of elements, as 0 or 1.
pub fn compare<T: Element>(op: Compare, lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Vec<u8> {
    let _span = profile::kernel("compare");
    match op {
        Compare::Eq => comparison!(lhs, rhs, ==),
        Compare::Ne => comparison!(lhs, rhs, !=),
        Compare::Lt => comparison!(lhs, rhs, <),
        Compare::Le => comparison!(lhs, rhs, <=),
        Compare::Gt => comparison!(rhs, lhs, <),
        Compare::Ge => comparison!(rhs, lhs, <=),
    }
}

/// `lhs op rhs` for each pair of bools.
pub fn logical(op: Logical, lhs: Strided<'_, u8>, rhs: Strided<'_, u8>) -> Vec<u8> {
    let _span = profile::kernel("logical");
    macro_rules! connective {
        ($operator:tt) => {
            zip(lhs, rhs, GRAIN_MEMORY, #[inline(always)] |a: u8, b: u8| u8::from((a != 0) $operator (b != 0)))
        };
    }
    match op {
        Logical::And => connective!(&),
        Logical::Or => connective!(|),
        Logical::Xor => connective!(^),
    }
}

/// The opposite of each bool.
pub fn logical_not(src: &[u8]) -> Vec<u8> {
    let _span = profile::kernel("logical_not");
    map(
        src,
        GRAIN_MEMORY,
        #[inline(always)]
        |x: u8| u8::from(x == 0),
    )
}

/// The element of `on_true` where the condition holds, else that of `on_false`.
pub fn select<T: Element>(condition: Strided<'_, u8>, on_true: Strided<'_, T>, on_false: Strided<'_, T>) -> Vec<T> {
    let _span = profile::kernel("select");
    assert_eq!(condition.shape, on_true.shape, "operands differ in shape");
    assert_eq!(condition.shape, on_false.shape, "operands differ in shape");
    let len = condition.len();
    if len == 0 {
        return Vec::new();
    }
    let (mut own_condition, mut own_true, mut own_false) = (Vec::new(), Vec::new(), Vec::new());
    let condition = reader(condition, &mut own_condition);
    let (on_true, on_false) = (reader(on_true, &mut own_true), reader(on_false, &mut own_false));
    // SAFETY: the loop writes every element.
    unsafe {
        build(len, GRAIN_MEMORY, |start, out| {
            let mut condition_buffer = Buffer::new();
            let (mut true_buffer, mut false_buffer) = (Buffer::new(), Buffer::new());
            let mut position = start;
            for out in out.chunks_mut(BLOCK) {
                let n = out.len();
                let condition = condition.block(position, n, &mut condition_buffer);
                let on_true = on_true.block(position, n, &mut true_buffer);
                let on_false = on_false.block(position, n, &mut false_buffer);
                position += n;
                vectorize(
                    #[inline(always)]
                    || {
                        for (((cell, c), a), b) in out.iter_mut().zip(condition).zip(on_true).zip(on_false) {
                            cell.write(if *c != 0 { *a } else { *b });
                        }
                    },
                );
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use float8::F8E4M3;

    #[test]
    fn comparisons() {
        let (a, b) = ([1.0f32, 2.0, f32::NAN, 3.0], [1.0f32, 3.0, f32::NAN, 2.0]);
        let of = |op| compare(op, Strided::new(&a, 0, &[4], &[1]), Strided::new(&b, 0, &[4], &[1]));
        assert_eq!(of(Compare::Eq), [1, 0, 0, 0]);
        assert_eq!(of(Compare::Ne), [0, 1, 1, 1]);
        assert_eq!(of(Compare::Lt), [0, 1, 0, 0]);
        assert_eq!(of(Compare::Le), [1, 1, 0, 0]);
        assert_eq!(of(Compare::Gt), [0, 0, 0, 1]);
        assert_eq!(of(Compare::Ge), [1, 0, 0, 1]);
        let x = [F8E4M3::from_f32(1.0), F8E4M3::from_f32(-2.0)];
        let scalar = Strided::new(&x, 1, &[2], &[0]);
        assert_eq!(compare(Compare::Gt, Strided::new(&x, 0, &[2], &[1]), scalar), [1, 0]);
    }

    #[test]
    fn logic_and_choice() {
        let (a, b) = ([0u8, 1, 0, 1], [0u8, 0, 1, 1]);
        let of = |op| logical(op, Strided::new(&a, 0, &[4], &[1]), Strided::new(&b, 0, &[4], &[1]));
        assert_eq!(of(Logical::And), [0, 0, 0, 1]);
        assert_eq!(of(Logical::Or), [0, 1, 1, 1]);
        assert_eq!(of(Logical::Xor), [0, 1, 1, 0]);
        assert_eq!(logical_not(&a), [1, 0, 1, 0]);
        let n = 5000;
        let condition: Vec<u8> = (0..n).map(|i| u8::from(i % 3 == 0)).collect();
        let x: Vec<i64> = (0..n as i64).collect();
        let (shape, minus) = ([n], [-1i64]);
        let chosen = select(
            Strided::new(&condition, 0, &shape, &[1]),
            Strided::new(&x, 0, &shape, &[1]),
            Strided::new(&minus, 0, &shape, &[0]),
        );
        assert!(chosen.iter().enumerate().all(|(i, y)| *y == if i % 3 == 0 { i as i64 } else { -1 }));
    }
}
