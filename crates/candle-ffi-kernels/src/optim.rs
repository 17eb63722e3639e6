//! Optimizer steps, fused: one pass over a parameter, its gradient and what is remembered of it.
//!
//! What an optimizer does to one element is a [`Formula`] over any [`Quantity`]. Here the quantities are numbers and the
//! formula becomes a loop; elsewhere they may be whole arrays, so that each formula is written once.

use std::ops::{Add, Div, Mul, Neg, Sub};

use half::{bf16, f16};

use crate::Float;
use crate::element::Number;
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::profile;
use crate::simd::vectorize;

/// What formulas compute with: a number, or an array of numbers.
pub trait Quantity:
    Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// A constant.
    fn of(value: f64) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The larger; NaN where either is NaN.
    fn maximum(self, other: Self) -> Self;
    /// The smaller; NaN where either is NaN.
    fn minimum(self, other: Self) -> Self;
    /// One of three by the sign of `self`; NaN counts as zero.
    fn by_sign(self, negative: Self, zero: Self, positive: Self) -> Self;
}

macro_rules! quantity {
    ($type:ty) => {
        impl Quantity for $type {
            #[inline(always)]
            fn of(value: f64) -> Self {
                Compute::of(value)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Compute::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Compute::abs(self)
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                Number::maximum(self, other)
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                Number::minimum(self, other)
            }
            #[inline(always)]
            fn by_sign(self, negative: Self, zero: Self, positive: Self) -> Self {
                let not_positive = if self < 0.0 { negative } else { zero };
                if self > 0.0 { positive } else { not_positive }
            }
        }
    };
}

quantity!(f32);
quantity!(f64);

/// The step of an optimizer for one element of a parameter of which `N` numbers are remembered.
///
/// Its methods must be `#[inline(always)]`, to be compiled for the instruction set of the loop around them.
pub trait Formula<const N: usize>: Copy + Send + Sync {
    /// From an element, its gradient and what is remembered, the new element and what to remember.
    fn step<Q: Quantity>(self, x: Q, gradient: Q, memory: [Q; N]) -> (Q, [Q; N]);

    /// The same step as a kernel of CUDA; None where there is none.
    fn kernel(self) -> Option<Kernel> {
        None
    }
}

/// The most constants that the kernel of a formula has.
pub const MOST_CONSTANTS: usize = 10;

/// What tells the kernel of a formula and its constants; those who agree in it can be stepped by one launch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Without the dtype's name.
    pub name: &'static str,
    /// How many numbers it remembers of an element.
    pub memories: usize,
    /// In the order in which the kernel reads them; the rest is 0.
    pub constants: [f64; MOST_CONSTANTS],
}

impl Kernel {
    /// A kernel that remembers `memories` numbers of an element.
    pub fn new(name: &'static str, memories: usize, constants: &[f64]) -> Self {
        debug_assert!(constants.len() <= MOST_CONSTANTS);
        let constants = std::array::from_fn(|at| constants.get(at).copied().unwrap_or_default());
        Self { name, memories, constants }
    }
}

/// The most that a [`Formula`] may remember of an element.
pub const MOST_MEMORIES: usize = 3;

/// The loop of one thread. Slices as arguments of their own do not alias, which lets the loop be vectorised.
#[inline(always)]
fn pass<T: Compute + Quantity, const N: usize>(
    param: &mut [T],
    gradient: &[T],
    first: &mut [T],
    second: &mut [T],
    third: &mut [T],
    formula: impl Formula<N>,
) {
    let len = param.len();
    let gradient = &gradient[..len];
    // Of memories that the formula has not, nothing is touched.
    let first = &mut first[..if N > 0 { len } else { 0 }];
    let second = &mut second[..if N > 1 { len } else { 0 }];
    let third = &mut third[..if N > 2 { len } else { 0 }];
    for i in 0..len {
        let mut memory = [T::ZERO; N];
        if N > 0 {
            memory[0] = first[i];
        }
        if N > 1 {
            memory[1] = second[i];
        }
        if N > 2 {
            memory[2] = third[i];
        }
        let (x, memory) = formula.step(param[i], gradient[i], memory);
        param[i] = x;
        if N > 0 {
            first[i] = memory[0];
        }
        if N > 1 {
            second[i] = memory[1];
        }
        if N > 2 {
            third[i] = memory[2];
        }
    }
}

fn run<T: Compute + Quantity, const N: usize>(
    param: &mut [T],
    gradient: &[T],
    memory: [&mut [T]; N],
    formula: impl Formula<N>,
) {
    let mut memory = memory.into_iter();
    let mut next = || memory.next().unwrap_or_default();
    let (first, second, third) = (next(), next(), next());
    // By value: what is behind a reference would be read again after each write.
    vectorize(
        #[inline(always)]
        move || pass(param, gradient, first, second, third, formula),
    );
}

/// The element types of parameters.
pub trait Steppable: Float {
    /// One step of an optimizer: changes `param` and `memory` in place. All slices have the same length.
    fn step<const N: usize>(param: &mut [Self], gradient: &[Self], memory: [&mut [Self]; N], formula: impl Formula<N>);
}

/// Calls `body` with parts of the slices, in several threads where they are long.
fn for_each_piece<T: Float, const N: usize>(
    param: &mut [T],
    gradient: &[T],
    memory: [&mut [T]; N],
    body: impl Fn(&mut [T], &[T], [&mut [T]; N]) + Sync,
) {
    let _span = profile::kernel("optimizer_step");
    let len = param.len();
    assert_eq!(len, gradient.len(), "parameter and gradient differ in length");
    assert!(N <= MOST_MEMORIES && memory.iter().all(|part| part.len() == len), "parameter and memory differ in length");
    let param = Shared::new(param);
    let memory = memory.map(Shared::new);
    for_each_range(len, GRAIN_MEMORY / 4, |range| {
        // SAFETY: ranges of different tasks are disjoint and all slices are borrowed for the whole call.
        let (param, memory) =
            unsafe { (param.slice(range.clone()), memory.each_ref().map(|part| part.slice(range.clone()))) };
        body(param, &gradient[range], memory);
    });
}

macro_rules! steppable {
    ($type:ty) => {
        impl Steppable for $type {
            fn step<const N: usize>(
                param: &mut [Self],
                gradient: &[Self],
                memory: [&mut [Self]; N],
                formula: impl Formula<N>,
            ) {
                for_each_piece(param, gradient, memory, |param, gradient, memory| {
                    run(param, gradient, memory, formula);
                });
            }
        }
    };
}

steppable!(f32);
steppable!(f64);

/// How many elements of a shorter type are widened at a time.
const BLOCK: usize = 512;

/// A step of a formula over parameter, gradient and memory.
type OfBlocks<'a, const N: usize> = dyn Fn(&mut [f32], &[f32], [&mut [f32]; N]) + 'a;

/// A step of a type that is not computed in, through blocks of one that is.
fn step_widened<T: Float<Compute = f32>, const N: usize>(
    param: &mut [T],
    gradient: &[T],
    mut memory: [&mut [T]; N],
    run: &OfBlocks<'_, N>,
) {
    let widen = |wide: &mut [f32; BLOCK], from: &[T]| {
        vectorize(
            #[inline(always)]
            || wide.iter_mut().zip(from).for_each(|(wide, x)| *wide = x.to_compute()),
        );
    };
    let narrow = |to: &mut [T], wide: &[f32; BLOCK]| {
        vectorize(
            #[inline(always)]
            || to.iter_mut().zip(wide).for_each(|(x, wide)| *x = T::from_compute(*wide)),
        );
    };
    let (mut wide_param, mut wide_gradient, mut wide_memory) = ([0.0; BLOCK], [0.0; BLOCK], [[0.0; BLOCK]; N]);
    for start in (0..param.len()).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(param.len());
        let len = range.len();
        widen(&mut wide_param, &param[range.clone()]);
        widen(&mut wide_gradient, &gradient[range.clone()]);
        for (wide, part) in wide_memory.iter_mut().zip(&memory) {
            widen(wide, &part[range.clone()]);
        }
        run(&mut wide_param[..len], &wide_gradient[..len], wide_memory.each_mut().map(|wide| &mut wide[..len]));
        narrow(&mut param[range.clone()], &wide_param);
        for (wide, part) in wide_memory.iter().zip(&mut memory) {
            narrow(&mut part[range.clone()], wide);
        }
    }
}

macro_rules! steppable_widened {
    ($type:ty) => {
        impl Steppable for $type {
            fn step<const N: usize>(
                param: &mut [Self],
                gradient: &[Self],
                memory: [&mut [Self]; N],
                formula: impl Formula<N>,
            ) {
                for_each_piece(param, gradient, memory, |param, gradient, memory| {
                    step_widened(param, gradient, memory, &|param, gradient, memory| {
                        run(param, gradient, memory, formula);
                    });
                });
            }
        }
    };
}

steppable_widened!(f16);
steppable_widened!(bf16);

#[cfg(test)]
mod tests {
    use super::*;

    /// The larger of gradient and memory is remembered and added.
    #[derive(Clone, Copy)]
    struct Sample;

    impl Formula<1> for Sample {
        #[inline(always)]
        fn step<Q: Quantity>(self, x: Q, gradient: Q, [before]: [Q; 1]) -> (Q, [Q; 1]) {
            let larger = gradient.maximum(before);
            (x + larger.clone() * Q::of(2.0), [larger])
        }
    }

    /// Adds the sign of the gradient.
    #[derive(Clone, Copy)]
    struct Sign;

    impl Formula<0> for Sign {
        #[inline(always)]
        fn step<Q: Quantity>(self, x: Q, gradient: Q, memory: [Q; 0]) -> (Q, [Q; 0]) {
            (x + gradient.by_sign(Q::of(-1.0), Q::of(0.0), Q::of(1.0)), memory)
        }
    }

    fn check<T: Steppable + std::fmt::Debug>(len: usize) {
        let of = |value: f64| T::from_f64(value);
        let mut param: Vec<T> = (0..len).map(|i| of((i % 7) as f64)).collect();
        let gradient: Vec<T> = (0..len).map(|i| of((i % 5) as f64)).collect();
        let mut memory = vec![of(2.0); len];
        T::step(&mut param, &gradient, [&mut memory], Sample);
        for i in 0..len {
            let larger = ((i % 5) as f64).max(2.0);
            assert_eq!((memory[i], param[i]), (of(larger), of((i % 7) as f64 + 2.0 * larger)), "{i} of {len}");
        }
    }

    #[test]
    fn every_element_is_stepped_once() {
        for len in [0, 1, 15, 511, 512, 513, 100_003] {
            check::<f32>(len);
            check::<f64>(len);
            check::<f16>(len);
            check::<bf16>(len);
        }
    }

    #[test]
    fn signs_and_nan() {
        let mut x = [0.0f32; 4];
        f32::step(&mut x, &[-3.0, 0.0, 0.5, f32::NAN], [], Sign);
        assert_eq!(x, [-1.0, 0.0, 1.0, 0.0]);
        let (mut x, mut memory) = ([0.0f64; 2], [f64::NAN, 1.0]);
        f64::step(&mut x, &[1.0, f64::NAN], [&mut memory], Sample);
        assert!(memory.iter().chain(&x).all(|x| x.is_nan()));
    }
}
