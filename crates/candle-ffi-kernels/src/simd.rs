//! Run-time choice of the instruction set.
//!
//! A kernel is an ordinary loop that is compiled once per instruction set; LLVM vectorises each copy. Everything in
//! the loop must be `#[inline(always)]`, or it would be compiled without the instruction set of its caller.

use pulp::{Arch, Simd, WithSimd};

/// A kernel that is compiled for each instruction set. `FMA` says whether a fused multiply-add is one instruction
/// there; without it `mul_add` would be a slow function call.
pub(crate) trait Kernel {
    type Output;
    fn run<const FMA: bool>(self) -> Self::Output;
}

struct Adapter<K>(K);

impl<K: Kernel> WithSimd for Adapter<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> K::Output {
        if S::IS_SCALAR || cfg!(target_family = "wasm") { self.0.run::<false>() } else { self.0.run::<true>() }
    }
}

/// Runs a kernel with the best instruction set of this machine.
#[inline(always)]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    Arch::new().dispatch(Adapter(kernel))
}

/// Runs a closure, which should be `#[inline(always)]`, with the best instruction set of this machine.
#[inline(always)]
pub(crate) fn vectorize<R>(body: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(body)
}

/// Names an `#[inline(always)]` closure: the attribute may stand before an argument only.
#[inline(always)]
pub(crate) fn inlined<F>(closure: F) -> F {
    closure
}

/// Accumulates the elements of a row in `N` independent lanes (a power of two): `f` adds an element to one, `join` adds
/// two of them. `initial` changes nothing however often it is joined.
#[inline(always)]
pub(crate) fn lanes<const N: usize, T: Copy, A: Copy>(
    row: &[T],
    initial: A,
    f: impl Fn(A, T) -> A,
    join: impl Fn(A, A) -> A,
) -> A {
    const SHORT: usize = 8;
    if row.len() < SHORT {
        return row.iter().fold(initial, |total, x| f(total, *x));
    }
    let mut lanes = [initial; N];
    let (chunks, rest) = row.as_chunks::<N>();
    for chunk in chunks {
        for i in 0..N {
            lanes[i] = f(lanes[i], chunk[i]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, *x);
    }
    let mut width = N / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// A type whose registers are used by name, where a loop is not enough.
pub trait Lanes: crate::math::Compute {
    /// A register of an instruction set.
    type Vector<S: Simd>: Copy;

    /// Whole registers, and the elements that are left.
    fn vectors<S: Simd>(slice: &[Self]) -> (&[Self::Vector<S>], &[Self]);
    /// The same for elements that are changed.
    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);
    /// A register of equal elements.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// A register of zeros.
    fn zeros<S: Simd>(simd: S) -> Self::Vector<S>;
    /// `a + b`.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a * b + c`.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of a register's elements.
    fn total<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
}

macro_rules! lanes_of {
    ($T:ty, $vector:ident, $split:ident, $split_mut:ident, $splat:ident, $plus:ident, $multiply_add:ident, $sum:ident) => {
        impl Lanes for $T {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn vectors<S: Simd>(slice: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$split(slice)
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$split_mut(slice)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn zeros<S: Simd>(simd: S) -> S::$vector {
                simd.$splat(0.0)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$plus(a, b)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }

            #[inline(always)]
            fn total<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }
        }
    };
}

lanes_of!(f32, f32s, as_simd_f32s, as_mut_simd_f32s, splat_f32s, add_f32s, mul_add_e_f32s, reduce_sum_f32s);
lanes_of!(f64, f64s, as_simd_f64s, as_mut_simd_f64s, splat_f64s, add_f64s, mul_add_e_f64s, reduce_sum_f64s);
