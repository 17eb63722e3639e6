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
