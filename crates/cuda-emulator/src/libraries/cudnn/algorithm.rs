//! The algorithms: what each does not support, how much memory it needs, whether it gives the same bits each time.

use super::problem::{Problem, Product};
use super::{Dnn, refused};
use crate::libraries::cublas::numbers::{Number, tf32};
use half::f16;

/// `CUDNN_TENSOR_OP_MATH` and its neighbours.
const DEFAULT_MATH: i32 = 0;
const TENSOR_OP: i32 = 1;
const TENSOR_OP_CONVERTING: i32 = 2;
const FMA: i32 = 3;

/// How an algorithm computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A product of matrices that are not made.
    Implicit,
    /// The same with a table of places.
    Precomputed,
    /// The same with sums by atomic additions.
    Atomic,
    /// A product of matrices that are made.
    Explicit,
    Fourier,
    FourierTiles,
    Winograd,
    WinogradUnfused,
}

/// An algorithm of one of the three products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Algorithm {
    pub code: i32,
    way: Way,
}

/// In the order in which the heuristics like them.
fn all(product: Product) -> Vec<Algorithm> {
    use Way::*;
    let known: &[(i32, Way)] = match product {
        Product::Forward => &[
            (7, WinogradUnfused),
            (1, Precomputed),
            (6, Winograd),
            (5, FourierTiles),
            (2, Explicit),
            (0, Implicit),
            (4, Fourier),
        ],
        Product::BackwardData => {
            &[(1, Precomputed), (5, WinogradUnfused), (4, Winograd), (3, FourierTiles), (0, Atomic), (2, Fourier)]
        }
        Product::BackwardFilter => {
            &[(3, Atomic), (1, Precomputed), (5, WinogradUnfused), (6, FourierTiles), (0, Atomic), (2, Fourier)]
        }
    };
    known.iter().map(|&(code, way)| Algorithm { code, way }).collect()
}

/// One algorithm by its number. Numbers without an algorithm behind them are not supported; others are none.
pub(super) fn by_code(product: Product, code: i32) -> Result<Algorithm, Dnn> {
    let count = match product {
        Product::Forward => 8,
        Product::BackwardData => 6,
        Product::BackwardFilter => 7,
    };
    if !(0..count).contains(&code) {
        return Err(refused(Dnn::BAD_PARAM, format!("{code} is no algorithm")));
    }
    all(product).into_iter().find(|algorithm| algorithm.code == code).ok_or(Dnn::NOT_SUPPORTED)
}

/// The algorithms of a problem, each with the ways of rounding that the descriptor's allows.
pub(super) fn candidates(problem: &Problem) -> Vec<(Algorithm, i32)> {
    let maths: &[i32] = match problem.math {
        FMA => &[FMA],
        DEFAULT_MATH if problem.number == Number::F32 => &[DEFAULT_MATH, FMA],
        DEFAULT_MATH => &[DEFAULT_MATH],
        TENSOR_OP => &[TENSOR_OP, DEFAULT_MATH],
        _ => &[TENSOR_OP_CONVERTING, DEFAULT_MATH],
    };
    all(problem.product).into_iter().flat_map(|algorithm| maths.iter().map(move |math| (algorithm, *math))).collect()
}

/// How a factor is rounded before it is multiplied.
pub(super) fn factor(problem: &Problem, value: f64) -> f64 {
    match (problem.number, problem.math) {
        (Number::F32, DEFAULT_MATH | TENSOR_OP) => tf32(value),
        (Number::F32, TENSOR_OP_CONVERTING) => f16::from_f64(value).to_f64(),
        _ => value,
    }
}

impl Algorithm {
    /// `cudnnDeterminism_t`.
    pub(super) fn is_deterministic(self) -> bool {
        self.way != Way::Atomic
    }

    /// Whether it does the problem at all.
    pub(super) fn check(self, problem: &Problem) -> Result<(), Dnn> {
        let kernel = [problem.w.dims[2], problem.w.dims[3], problem.w.dims[4]];
        let plain = problem.stride == [1; 3] && problem.dilation == [1; 3];
        let flat = problem.spatial == 2;
        let winograd = |sizes: &[i64]| flat && plain && kernel[1] == kernel[2] && sizes.contains(&kernel[1]);
        let no_double = problem.number != Number::F64;
        // Fourier transforms are of float32 and float16, and reach further than the padding.
        let fourier = plain
            && matches!(problem.number, Number::F32 | Number::F16)
            && (3 - problem.spatial..3).all(|at| kernel[at] > problem.padding[at]);
        let supported = match self.way {
            Way::Implicit | Way::Precomputed => true,
            // Of the two for filters, the one with a table has no dilation.
            Way::Atomic => {
                let table = problem.product == Product::BackwardFilter && self.code == 3;
                problem.number != Number::Bf16 && (!table || problem.dilation == [1; 3])
            }
            Way::Explicit => flat && problem.dilation == [1; 3] && problem.number != Number::Bf16,
            Way::Fourier => flat && fourier && problem.x.dims[3] + 2 * problem.padding[1] <= 256,
            Way::FourierTiles => fourier && kernel.iter().all(|size| *size <= 32),
            Way::Winograd => winograd(&[3]) && no_double && problem.number != Number::Bf16,
            Way::WinogradUnfused => winograd(&[3, 5]) && no_double && problem.number != Number::Bf16,
        };
        if supported {
            return Ok(());
        }
        Err(refused(Dnn::NOT_SUPPORTED, format!("algorithm {} does not support the problem", self.code)))
    }

    /// The bytes that it works in beside the arrays.
    pub(super) fn workspace(self, problem: &Problem) -> usize {
        let product = |sizes: &[i64]| sizes.iter().product::<i64>() as usize;
        let (x, w, y) = (&problem.x.dims, &problem.w.dims, &problem.y.dims);
        let wide = if problem.number == Number::F64 { 8 } else { 4 };
        let halves = problem.number.size() == 2;
        match self.way {
            Way::Implicit | Way::Atomic if !halves => 0,
            Way::Implicit => 0,
            // Sums of halves are kept in float32 until they are complete.
            Way::Atomic => 4 * product(if problem.product == Product::BackwardFilter { w } else { x }),
            Way::Precomputed => 4 * product(&w[1..]) + 128,
            Way::Explicit => problem.number.size() * product(&w[1..]) * product(&y[2..]),
            Way::Fourier | Way::FourierTiles => {
                let tile = if self.way == Way::FourierTiles { 32 * 32 } else { product(&x[2..]).next_power_of_two() };
                8 * tile * product(&[x[0] * x[1] + w[0] * w[1] + y[0] * y[1]])
            }
            Way::Winograd => wide * 16 * product(&w[..2]),
            Way::WinogradUnfused => wide * 36 * product(&[x[0] * x[1] + w[0] * w[1] + y[0] * y[1]]),
        }
    }
}
