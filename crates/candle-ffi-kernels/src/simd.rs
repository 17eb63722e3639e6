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
