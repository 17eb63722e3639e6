//! Products of matrices against their definition.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod common;

use candle_core::{DType, Device, Tensor};
use common::{assert_close, device, numbers, read, tensor, tolerance};

const FLOATS: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// `[batch, m, k] × [batch, k, n] + [n]`
fn naive(left: &[f64], right: &[f64], bias: Option<&[f64]>, [batch, m, k, n]: [usize; 4]) -> Vec<f64> {
    let mut out = Vec::new();
    for b in 0..batch {
        for i in 0..m {
            for j in 0..n {
                let sum: f64 = (0..k).map(|at| left[(b * m + i) * k + at] * right[(b * k + at) * n + j]).sum();
                out.push(sum + bias.map_or(0.0, |bias| bias[j]));
            }
        }
    }
    out
}

fn check(left: &Tensor, right: &Tensor, what: &str) {
    let (rank, dims) = (left.rank(), left.dims());
    let (m, k, n) = (dims[rank - 2], dims[rank - 1], right.dims()[rank - 1]);
    let batch = dims[..rank - 2].iter().product();
    let found = candle_ffi_cuda::matmul(left, right, None).unwrap().expect("a kernel");
    assert_eq!(found.dims()[rank - 2..], [m, n]);
    let expected = naive(&read(left), &read(right), None, [batch, m, k, n]);
    assert_close(&read(&found), &expected, tolerance(left.dtype()), what);
}

#[test]
fn products_of_all_layouts() {
    let Some(device) = device() else { return };
    for dtype in FLOATS {
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (1, 7, 9), (6, 1, 4), (5, 8, 1), (33, 17, 40)] {
            let make = |rows: usize, columns: usize, seed: u64, transposed: bool| {
                let dims = if transposed { [columns, rows] } else { [rows, columns] };
                let made = tensor(&device, &numbers(rows * columns, seed), &dims, dtype).0;
                if transposed { made.t().unwrap() } else { made }
            };
            for (one, other) in [(false, false), (true, false), (false, true), (true, true)] {
                check(&make(m, k, 1, one), &make(k, n, 2, other), &format!("{dtype:?} {m}×{k}×{n} {one} {other}"));
            }
            // Rows with gaps, and a row that is all rows.
            let wide = make(m, 2 * k, 3, false).narrow(1, k / 2, k).unwrap();
            check(&wide, &make(k, n, 4, false), "gaps");
            let same = make(1, k, 5, false).broadcast_as((m, k)).unwrap();
            check(&same, &make(k, n, 6, false), "one row");
        }
    }
}

#[test]
fn batches_of_all_layouts() {
    let Some(device) = device() else { return };
    for dtype in FLOATS {
        let make = |dims: &[usize], seed: u64| tensor(&device, &numbers(dims.iter().product(), seed), dims, dtype).0;
        let (a, b) = (make(&[2, 3, 4, 5], 1), make(&[2, 3, 5, 6], 2));
        check(&a, &b, "contiguous");
        let heads = make(&[2, 4, 3, 5], 3).transpose(1, 2).unwrap();
        check(&heads, &b, "heads of rows");
        check(&heads, &heads.transpose(2, 3).unwrap(), "scores");
        let one = make(&[5, 6], 4).broadcast_as((2, 3, 5, 6)).unwrap();
        check(&a, &one, "one matrix for all");
        let some = make(&[2, 1, 5, 6], 5).broadcast_as((2, 3, 5, 6)).unwrap();
        check(&a, &some, "one matrix for some");
        let others = make(&[1, 3, 4, 5], 6).broadcast_as((2, 3, 4, 5)).unwrap();
        check(&others, &some, "either broadcast");
        // More calls than a copy is worth.
        let left = make(&[10, 1, 2, 3], 7).broadcast_as((10, 11, 2, 3)).unwrap();
        let right = make(&[1, 11, 3, 2], 8).broadcast_as((10, 11, 3, 2)).unwrap();
        check(&left, &right, "many calls");
        check(&make(&[10, 2, 9, 3], 9).transpose(1, 2).unwrap(), &make(&[10, 9, 3, 2], 10), "many heads");
    }
}

#[test]
fn biases_and_nothing() {
    let Some(device) = device() else { return };
    for dtype in FLOATS {
        for (m, k, n) in [(3, 4, 5), (1, 1, 1), (40, 3, 2), (3, 0, 4)] {
            let (left, a) = tensor(&device, &numbers(m * k, 1), &[m, k], dtype);
            let (right, b) = tensor(&device, &numbers(k * n, 2), &[n, k], dtype);
            let (bias, c) = tensor(&device, &numbers(n, 3), &[n], dtype);
            let transposed: Vec<f64> = (0..k * n).map(|at| b[at % n * k + at / n]).collect();
            let found = candle_ffi_cuda::matmul(&left, &right.t().unwrap(), Some(&bias)).unwrap().unwrap();
            assert_close(&read(&found), &naive(&a, &transposed, Some(&c), [1, m, k, n]), tolerance(dtype), "bias");
        }
        let none = Tensor::zeros((2, 0, 3), dtype, &device).unwrap();
        let some = Tensor::zeros((2, 3, 4), dtype, &device).unwrap();
        assert_eq!(candle_ffi_cuda::matmul(&none, &some, None).unwrap().unwrap().dims(), [2, 0, 4]);
        let [left, right] = [(2, 3, 0), (2, 0, 4)].map(|dims| Tensor::zeros(dims, dtype, &device).unwrap());
        assert_eq!(read(&candle_ffi_cuda::matmul(&left, &right, None).unwrap().unwrap()), [0.0; 24]);
    }
}

#[test]
fn integers_wrap_around() {
    let Some(device) = device() else { return };
    macro_rules! with {
        ($T:ty) => {{
            let (m, k, n) = (19, 35, 33);
            let make = |count: usize, seed: u64| -> Vec<$T> {
                numbers(count, seed).iter().map(|x| (x * f64::from(1 << 30)) as i64 as $T).collect()
            };
            let (a, b) = (make(2 * m * k, 1), make(2 * k * n, 2));
            let left = Tensor::from_slice(&a, (2, m, k), &device).unwrap();
            let right = Tensor::from_slice(&b, (2, n, k), &device).unwrap().transpose(1, 2).unwrap();
            let found = candle_ffi_cuda::matmul(&left, &right, None).unwrap().unwrap();
            let found: Vec<$T> = found.flatten_all().unwrap().to_device(&Device::Cpu).unwrap().to_vec1().unwrap();
            for (at, found) in found.into_iter().enumerate() {
                let (batch, i, j) = (at / (m * n), at / n % m, at % n);
                let sum = (0..k).fold(0 as $T, |sum, x| {
                    sum.wrapping_add(a[(batch * m + i) * k + x].wrapping_mul(b[(batch * n + j) * k + x]))
                });
                assert_eq!(found, sum, "{} at {at}", stringify!($T));
            }
        }};
    }
    with!(u8);
    with!(i16);
    with!(u32);
    with!(i32);
    with!(i64);
}
