//! Tests of reductions.

use super::*;
use crate::parallel::set_num_threads;
use half::{bf16, f16};

fn data(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.3).collect()
}

fn naive<A>(x: &[f32], shape: (usize, usize, usize), f: impl Fn(&[f64]) -> A) -> Vec<A> {
    let (outer, n, inner) = shape;
    let column = |o, j| (0..n).map(|i| f64::from(x[(o * n + i) * inner + j])).collect::<Vec<_>>();
    (0..outer * inner).map(|k| f(&column(k / inner, k % inner))).collect()
}

const SHAPES: [(usize, usize, usize); 9] = [
    (1, 300_000, 1),
    (3, 1000, 1),
    (700, 10, 1),
    (1, 1000, 700),
    (4, 33, 1100),
    (5, 2, 3),
    (1, 70_000, 3),
    (0, 5, 2),
    (2, 1, 4),
];

fn close(a: &[f32], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= 1e-6 * (1.0 + b.abs()))
}

#[test]
fn sums_means_and_variances() {
    for shape in SHAPES {
        let (outer, n, inner) = shape;
        let x = data(outer * n * inner);
        let mean_of = |c: &[f64]| c.iter().sum::<f64>() / n as f64;
        let total = sum(&x, outer, n, inner);
        assert!(close(&total, &naive(&x, shape, |c| c.iter().sum::<f64>())), "{shape:?}");
        assert!(close(&mean(&x, outer, n, inner), &naive(&x, shape, mean_of)), "{shape:?}");
        let expected = naive(&x, shape, |c| {
            let mean = mean_of(c);
            c.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64
        });
        assert!(close(&var(&x, outer, n, inner, 0.0).0, &expected), "{shape:?}");
        set_num_threads(1);
        let alone = sum(&x, outer, n, inner);
        set_num_threads(0);
        assert_eq!(alone, total);
    }
    assert!(var(&[1.0f32], 1, 1, 1, 1.0).0[0].is_nan());
    assert!(mean::<f32>(&[], 1, 0, 1)[0].is_nan());
    assert_eq!(sum::<f32>(&[], 1, 0, 2), [0.0, 0.0]);
}

#[test]
fn many_ones_are_counted_right() {
    let n = 17_000_001;
    assert_eq!(sum(&vec![1.0f32; n], 1, n, 1), [n as f32]);
    assert_eq!(sum(&vec![1.0f32; n * 2], 1, n, 2), [n as f32; 2]);
    assert_eq!(sum(&vec![bf16::ONE; 4096], 1, 4096, 1), [bf16::from_f32(4096.0)]);
    assert_eq!(sum(&vec![f16::ONE; 60000], 1, 60000, 1), [f16::from_f32(60000.0)]);
}

#[test]
fn extremes_and_their_places() {
    for shape in SHAPES {
        let (outer, n, inner) = shape;
        let x = data(outer * n * inner);
        let best = |c: &[f64]| c.iter().copied().fold(f64::MIN, f64::max);
        let (values, indices) = argmax(&x, outer, n, inner);
        assert!(close(&values, &naive(&x, shape, best)), "{shape:?}");
        let expected = naive(&x, shape, |c| c.iter().position(|x| *x == best(c)).map_or(0, |i| i as i64));
        assert_eq!(indices, expected, "{shape:?}");
        let least = |c: &[f64]| c.iter().copied().fold(f64::MAX, f64::min);
        assert!(close(&argmin(&x, outer, n, inner).0, &naive(&x, shape, least)), "{shape:?}");
    }
    let x = [1.0f32, f32::NAN, 9.0, f32::NAN];
    let (value, index) = argmax(&x, 1, 4, 1);
    assert!(value[0].is_nan());
    assert_eq!(index, [1]);
    let (value, index) = argmin(&x, 1, 2, 2);
    assert!(value[0] == 1.0 && value[1].is_nan());
    assert_eq!(index, [0, 0]);
    let mut long = vec![f16::ZERO; 100];
    long[70] = f16::NAN;
    assert_eq!(argmin(&long, 1, 100, 1).1, [70]);
}

#[test]
fn integers_and_bools() {
    let x: Vec<u8> = (0..100_000).map(|i| (i % 256) as u8).collect();
    let expected: i64 = x.iter().map(|x| i64::from(*x)).sum();
    assert_eq!(sum_integer(&x, 1, x.len(), 1), [expected]);
    assert_eq!(sum_integer(&x, 1, x.len() / 2, 2).iter().sum::<i64>(), expected);
    assert_eq!(prod_integer(&[2i32, 3, 7], 1, 3, 1), [42]);
    assert_eq!(prod(&[2.0f32, 3.0, 7.0, 1.0], 2, 2, 1), [6.0, 7.0]);
    assert_eq!(any(&[0, 0, 0, 1], 2, 2, 1), [0, 1]);
    assert_eq!(all(&[1, 1, 0, 1], 1, 2, 2), [0, 1]);
    assert_eq!((any(&[], 1, 0, 1), all(&[], 1, 0, 1)), (vec![0], vec![1]));
}
