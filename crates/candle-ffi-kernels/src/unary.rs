//! Elementwise functions of one array.

use crate::profile;
use std::mem::MaybeUninit;

use crate::copy::map;
use crate::element::{Float, Integer};
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, build};
use crate::simd::{self, Kernel};
use crate::strided::BLOCK;

/// A function of one element. NaN gives NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// -x
    Neg,
    /// |x|
    Abs,
    /// -1, 0 or 1
    Sign,
    /// x²
    Square,
    /// √x
    Sqrt,
    /// 1/√x
    Rsqrt,
    /// 1/x
    Reciprocal,
    /// eˣ
    Exp,
    /// eˣ - 1
    Expm1,
    /// ln x
    Log,
    /// ln (1 + x)
    Log1p,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// tanh x
    Tanh,
    /// 1/(1 + e⁻ˣ)
    Sigmoid,
    /// max(x, 0)
    Relu,
    /// x Φ(x)
    Gelu,
    /// GELU by its approximation with tanh
    GeluTanh,
    /// x sigmoid(x)
    Silu,
    /// The error function
    Erf,
    /// Rounded down
    Floor,
    /// Rounded up
    Ceil,
    /// Rounded to nearest, ties to even
    Round,
    /// Rounded toward zero
    Trunc,
}

/// √(2/π), the factor of the approximation of GELU.
pub(crate) const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
/// The weight of x³ in the approximation of GELU.
pub(crate) const GELU_CUBE: f64 = 0.044_715;

/// One function, as a type, so that each gets a loop of its own.
trait Function: Copy + Send + Sync {
    /// Whether arguments beyond `limit` are done again, one by one, by `apply_large`.
    const LIMITED: bool = false;

    /// The largest magnitude that `apply` serves.
    fn limit<C: Compute>() -> C {
        -C::NEG_INFINITY
    }

    fn apply<C: Compute, const FMA: bool>(x: C) -> C;

    fn apply_large<C: Compute>(x: C) -> C {
        x
    }
}

macro_rules! functions {
    ($($name:ident: |$x:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $name;
            impl Function for $name {
                #[inline(always)]
                fn apply<C: Compute, const FMA: bool>($x: C) -> C {
                    $body
                }
            }
        )*
    };
}

functions! {
    Neg: |x| -x;
    Abs: |x| x.abs();
    Sign: |x| if x > C::ZERO { C::ONE } else if x < C::ZERO { -C::ONE } else { C::ZERO };
    Square: |x| x * x;
    Sqrt: |x| x.sqrt();
    Rsqrt: |x| C::ONE / x.sqrt();
    Reciprocal: |x| C::ONE / x;
    Expm1: |x| x.expm1::<FMA>();
    Log: |x| x.log::<FMA>();
    Log1p: |x| x.log1p::<FMA>();
    Tanh: |x| x.tanh::<FMA>();
    Sigmoid: |x| x.sigmoid::<FMA>();
    Relu: |x| if x < C::ZERO { C::ZERO } else { x };
    Gelu: |x| x * C::HALF * (C::ONE + (x * C::of(std::f64::consts::FRAC_1_SQRT_2)).erf_near::<FMA>());
    // (1 + tanh u) / 2 = sigmoid(2u); the limit where eᵘ overflows is zero, not 0 · ∞.
    GeluTanh: |x| {
        let u = C::of(2.0 * GELU_SCALE) * (x + C::of(GELU_CUBE) * x * x * x);
        x * u.sigmoid::<FMA>()
    };
    Silu: |x| x / (C::ONE + (-x).exp_flush::<FMA>());
    Erf: |x| x.erf::<FMA>();
    Floor: |x| x.floor();
    Ceil: |x| x.ceil();
    Round: |x| x.round();
    Trunc: |x| x.trunc();
}

#[derive(Clone, Copy)]
struct Exp;
impl Function for Exp {
    const LIMITED: bool = true;

    #[inline(always)]
    fn limit<C: Compute>() -> C {
        C::LARGE_EXPONENT
    }
    #[inline(always)]
    fn apply<C: Compute, const FMA: bool>(x: C) -> C {
        x.exp_flush::<FMA>()
    }
    fn apply_large<C: Compute>(x: C) -> C {
        x.exp::<false>()
    }
}

#[derive(Clone, Copy)]
struct Sin;
impl Function for Sin {
    const LIMITED: bool = true;

    #[inline(always)]
    fn limit<C: Compute>() -> C {
        C::LARGE_ANGLE
    }
    #[inline(always)]
    fn apply<C: Compute, const FMA: bool>(x: C) -> C {
        x.sin::<FMA>()
    }
    fn apply_large<C: Compute>(x: C) -> C {
        x.sin_large()
    }
}

#[derive(Clone, Copy)]
struct Cos;
impl Function for Cos {
    const LIMITED: bool = true;

    #[inline(always)]
    fn limit<C: Compute>() -> C {
        C::LARGE_ANGLE
    }
    #[inline(always)]
    fn apply<C: Compute, const FMA: bool>(x: C) -> C {
        x.cos::<FMA>()
    }
    fn apply_large<C: Compute>(x: C) -> C {
        x.cos_large()
    }
}

struct Loop<'a, T, F> {
    src: &'a [T],
    out: &'a mut [MaybeUninit<T>],
    function: F,
}

impl<T: Float, F: Function> Kernel for Loop<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let _ = self.function;
        for (out, src) in self.out.chunks_mut(BLOCK).zip(self.src.chunks(BLOCK)) {
            for (cell, value) in out.iter_mut().zip(src) {
                cell.write(T::from_compute(F::apply::<T::Compute, FMA>(value.to_compute())));
            }
            if F::LIMITED {
                let mut beyond = false;
                for value in src {
                    beyond |= value.to_compute().abs() > F::limit();
                }
                if beyond {
                    redo::<T, F>(src, out);
                }
            }
        }
    }
}

/// Does the elements beyond the limit again.
#[cold]
fn redo<T: Float, F: Function>(src: &[T], out: &mut [MaybeUninit<T>]) {
    for (cell, value) in out.iter_mut().zip(src) {
        if value.to_compute().abs() > F::limit() {
            cell.write(T::from_compute(F::apply_large(value.to_compute())));
        }
    }
}

/// Something to do with a function chosen at run time.
trait Visitor<R> {
    fn visit<F: Function>(self, function: F) -> R;
}

fn visit<R>(op: Unary, visitor: impl Visitor<R>) -> R {
    match op {
        Unary::Neg => visitor.visit(Neg),
        Unary::Abs => visitor.visit(Abs),
        Unary::Sign => visitor.visit(Sign),
        Unary::Square => visitor.visit(Square),
        Unary::Sqrt => visitor.visit(Sqrt),
        Unary::Rsqrt => visitor.visit(Rsqrt),
        Unary::Reciprocal => visitor.visit(Reciprocal),
        Unary::Exp => visitor.visit(Exp),
        Unary::Expm1 => visitor.visit(Expm1),
        Unary::Log => visitor.visit(Log),
        Unary::Log1p => visitor.visit(Log1p),
        Unary::Sin => visitor.visit(Sin),
        Unary::Cos => visitor.visit(Cos),
        Unary::Tanh => visitor.visit(Tanh),
        Unary::Sigmoid => visitor.visit(Sigmoid),
        Unary::Relu => visitor.visit(Relu),
        Unary::Gelu => visitor.visit(Gelu),
        Unary::GeluTanh => visitor.visit(GeluTanh),
        Unary::Silu => visitor.visit(Silu),
        Unary::Erf => visitor.visit(Erf),
        Unary::Floor => visitor.visit(Floor),
        Unary::Ceil => visitor.visit(Ceil),
        Unary::Round => visitor.visit(Round),
        Unary::Trunc => visitor.visit(Trunc),
    }
}

/// How much work is worth a second thread.
fn grain(op: Unary) -> usize {
    match op {
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Square | Unary::Relu => GRAIN_MEMORY,
        Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => GRAIN_MEMORY,
        _ => GRAIN_MATH,
    }
}

/// Writes the function of `src` to `out`, in this thread.
struct Run<'a, T> {
    src: &'a [T],
    out: &'a mut [MaybeUninit<T>],
}

impl<T: Float> Visitor<()> for Run<'_, T> {
    fn visit<F: Function>(self, function: F) {
        simd::run(Loop { src: self.src, out: self.out, function });
    }
}

/// The function of each element.
pub fn unary<T: Float>(op: Unary, src: &[T]) -> Vec<T> {
    let _span = profile::kernel("unary");
    // SAFETY: the loop writes every element.
    unsafe {
        build(src.len(), grain(op), |start, out| {
            let src = &src[start..start + out.len()];
            visit(op, Run { src, out });
        })
    }
}

/// The function of each integer, wrapping; `None` for functions that integers do not have.
pub fn unary_integer<T: Integer>(op: Unary, src: &[T]) -> Option<Vec<T>> {
    let _span = profile::kernel("unary_integer");
    Some(match op {
        Unary::Neg => map(src, GRAIN_MEMORY, T::negated),
        Unary::Abs => map(src, GRAIN_MEMORY, T::absolute),
        Unary::Sign => map(src, GRAIN_MEMORY, T::signum),
        Unary::Square => map(
            src,
            GRAIN_MEMORY,
            #[inline(always)]
            |x: T| x.mul(x),
        ),
        Unary::Relu => map(
            src,
            GRAIN_MEMORY,
            #[inline(always)]
            |x: T| x.maximum(T::default()),
        ),
        Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => src.to_vec(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    /// The distance of two values in units of the last place of the reference.
    fn ulps(value: f32, reference: f64) -> f64 {
        let rounded = reference as f32;
        if value == rounded || value.is_nan() && rounded.is_nan() {
            return 0.0;
        }
        let unit = f64::from(rounded.abs().max(f32::MIN_POSITIVE).next_up() - rounded.abs().max(f32::MIN_POSITIVE));
        (f64::from(value) - reference).abs() / unit
    }

    fn worst(op: Unary, low: f32, high: f32, reference: impl Fn(f64) -> f64) -> f64 {
        let n = 200_000;
        let src: Vec<f32> = (0..=n).map(|i| low + (high - low) * (i as f32 / n as f32)).collect();
        let out = unary(op, &src);
        let (worst, at) = src
            .iter()
            .zip(&out)
            .map(|(x, y)| (ulps(*y, reference(f64::from(*x))), *x))
            .fold((0.0, 0.0), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a });
        println!("{op:?} on {low}..{high}: {worst:.2} ulp at {at}");
        worst
    }

    #[test]
    fn f32_functions_are_accurate() {
        assert!(worst(Unary::Exp, -104.0, 88.72, f64::exp) <= 2.0);
        assert!(worst(Unary::Exp, -1.0, 1.0, f64::exp) <= 1.5);
        assert!(worst(Unary::Expm1, -20.0, 88.7, f64::exp_m1) <= 3.0);
        assert!(worst(Unary::Expm1, -1e-2, 1e-2, f64::exp_m1) <= 2.0);
        assert!(worst(Unary::Log, 1e-42, 1e-38, f64::ln) <= 2.0);
        assert!(worst(Unary::Log, 0.0, 4.0, f64::ln) <= 2.0);
        assert!(worst(Unary::Log, 1.0, 3e38, f64::ln) <= 2.0);
        assert!(worst(Unary::Log1p, -0.999, 2.0, f64::ln_1p) <= 3.0);
        assert!(worst(Unary::Log1p, -1e-4, 1e-4, f64::ln_1p) <= 3.0);
        for (low, high) in [(-10.0, 10.0), (-1e4, 1e4), (4e5, 6e5), (1e7, 1e9)] {
            assert!(worst(Unary::Sin, low, high, f64::sin) <= 3.0);
            assert!(worst(Unary::Cos, low, high, f64::cos) <= 3.0);
        }
        assert!(worst(Unary::Tanh, -12.0, 12.0, f64::tanh) <= 3.0);
        assert!(worst(Unary::Tanh, -1e-3, 1e-3, f64::tanh) <= 3.0);
        assert!(worst(Unary::Sigmoid, -80.0, 80.0, |x| 1.0 / (1.0 + (-x).exp())) <= 3.0);
        assert!(worst(Unary::Erf, -5.0, 5.0, libm::erf) <= 3.0);
        assert!(worst(Unary::Erf, -1e-3, 1e-3, libm::erf) <= 3.0);
        assert!(worst(Unary::Silu, -20.0, 20.0, |x| x / (1.0 + (-x).exp())) <= 4.0);
        assert!(worst(Unary::Rsqrt, 1e-3, 20.0, |x| 1.0 / x.sqrt()) <= 2.0);
        let gelu = |x: f64| x * 0.5 * (1.0 + libm::erf(x / 2f64.sqrt()));
        assert!(worst(Unary::Gelu, -0.5, 10.0, gelu) <= 6.0);
    }

    #[test]
    fn f64_functions_are_accurate() {
        let src: Vec<f64> = (1..100_000).map(|i| f64::from(i) * 0.007 - 340.0).collect();
        for (x, y) in src.iter().zip(unary(Unary::Exp, &src)) {
            assert!((y - x.exp()).abs() <= 2.0 * f64::EPSILON * x.exp(), "{x}");
        }
        let src: Vec<f64> = (1..100_000).map(|i| f64::from(i) * 0.00071).collect();
        for (x, y) in src.iter().zip(unary(Unary::Log, &src)) {
            assert!((y - x.ln()).abs() <= 2.0 * f64::EPSILON * x.ln().abs(), "{x}");
        }
        assert_eq!(unary(Unary::Exp, &[-745.0f64, -800.0, 709.7, 800.0])[1], 0.0);
        assert_eq!(unary(Unary::Exp, &[800.0f64])[0], f64::INFINITY);
        assert!(unary(Unary::Exp, &[-745.0f64])[0] > 0.0);
    }

    #[test]
    fn special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!(unary(Unary::Exp, &[-inf, inf, 0.0, 89.0, -104.5]), [0.0, inf, 1.0, inf, 0.0]);
        assert_eq!(unary(Unary::Log, &[0.0, inf, 1.0, -0.0]), [-inf, inf, 0.0, -inf]);
        assert!(unary(Unary::Log, &[-1.0f32, -inf, nan]).iter().all(|x| x.is_nan()));
        assert_eq!(unary(Unary::Log1p, &[-1.0, inf, 0.0]), [-inf, inf, 0.0]);
        assert!(unary(Unary::Log1p, &[-1.5f32])[0].is_nan());
        assert_eq!(unary(Unary::Expm1, &[-inf, inf, -1e-30, 100.0]), [-1.0, inf, -1e-30, inf]);
        assert_eq!(unary(Unary::Tanh, &[-inf, inf, 1e-30]), [-1.0, 1.0, 1e-30]);
        assert_eq!(unary(Unary::Sigmoid, &[-inf, inf, 0.0]), [0.0, 1.0, 0.5]);
        assert_eq!(unary(Unary::Erf, &[-inf, inf, 9.0]), [-1.0, 1.0, 1.0]);
        assert_eq!(unary(Unary::Round, &[0.5, 1.5, -2.5]), [0.0, 2.0, -2.0]);
        assert_eq!(unary(Unary::Sign, &[-3.0, 0.0, 2.0, nan]), [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!(unary(Unary::GeluTanh, &[-50.0f32, 50.0]), [0.0, 50.0]);
        assert_eq!(unary(Unary::Gelu, &[-50.0f32, 50.0]), [0.0, 50.0]);
        assert!(unary(Unary::Sin, &[inf])[0].is_nan());
        assert!(unary(Unary::Cos, &[-inf])[0].is_nan());
        use Unary::*;
        for op in [Neg, Abs, Square, Sqrt, Rsqrt, Reciprocal, Exp, Expm1, Log, Log1p, Sin, Cos, Tanh, Sigmoid] {
            assert!(unary(op, &[nan])[0].is_nan(), "{op:?}");
            assert!(unary(op, &[f64::NAN])[0].is_nan(), "{op:?}");
        }
        for op in [Relu, Gelu, GeluTanh, Silu, Erf, Floor, Ceil, Round, Trunc] {
            assert!(unary(op, &[nan])[0].is_nan(), "{op:?}");
            assert!(unary(op, &[f16::NAN])[0].is_nan(), "{op:?}");
            assert!(unary(op, &[bf16::NAN])[0].is_nan(), "{op:?}");
        }
    }

    #[test]
    fn integers_wrap() {
        assert_eq!(unary_integer(Unary::Neg, &[1u8, 0]), Some(vec![255, 0]));
        assert_eq!(unary_integer(Unary::Abs, &[i32::MIN, -3]), Some(vec![i32::MIN, 3]));
        assert_eq!(unary_integer(Unary::Sign, &[-5i64, 0, 5]), Some(vec![-1, 0, 1]));
        assert_eq!(unary_integer(Unary::Relu, &[-5i16, 5]), Some(vec![0, 5]));
        assert_eq!(unary_integer(Unary::Exp, &[1i32]), None);
    }
}
