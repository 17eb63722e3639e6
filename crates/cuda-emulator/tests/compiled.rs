//! Kernels that `nvcc` compiled, from `ptx/blocks.cu`, against the same computed here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters, Plain};
use half::{bf16, f16};

const BLOCKS: &str = include_str!("ptx/blocks.ptx");

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * 7919 + 13) % 1601) as f32 / 200.0 - 4.0).collect()
}

#[test]
fn a_product_of_matrices_in_tiles() {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let (m, n, k) = (37usize, 50usize, 45usize);
    let (a, b) = (numbers(m * k), numbers(n * k));
    let (pa, pb, pc) = (device.with(&a), device.with(&b), device.empty(m * n * 4));
    let parameters = Parameters::new().and(pa).and(pb).and(pc).and(m as i32).and(n as i32).and(k as i32);
    let grid = [n.div_ceil(16) as u32, m.div_ceil(16) as u32];
    device.run(&module, "matrix_product", grid, [16, 16], &parameters).unwrap();
    // The same order of sums, each step rounded once.
    let expected: Vec<f32> =
        (0..m * n).map(|at| (0..k).fold(0f32, |sum, i| a[at / n * k + i].mul_add(b[i * n + at % n], sum))).collect();
    assert_eq!(device.read::<f32>(pc, m * n), expected);
}

#[test]
fn a_missing_barrier_is_found() {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let (a, b) = (device.with(&numbers(16 * 32)), device.with(&numbers(16 * 32)));
    let c = device.empty(16 * 16 * 4);
    let run = |n: i32| {
        let parameters = Parameters::new().and(a).and(b).and(c).and(n);
        device.run(&module, "matrix_product_with_a_race", 1, [16, 16], &parameters)
    };
    // With one tile nothing is written again.
    run(16).unwrap();
    let fault = run(32).unwrap_err();
    assert!(fault.message.contains("a race in shared memory") && fault.text.contains(".shared.f32"), "{fault}");
}

fn softmax<T: Plain + Into<f64>>(name: &str, of: impl Fn(f32) -> T, tolerance: f64) {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let (rows, columns) = (5usize, 333usize);
    let values: Vec<T> = numbers(rows * columns).into_iter().map(of).collect();
    let (x, y) = (device.with(&values), device.empty(size_of_val(values.as_slice())));
    for block in [32u32, 96, 1024] {
        let parameters = Parameters::new().and(x).and(y).and(columns as i32).shared(block / 32 * 4);
        device.run(&module, name, rows as u32, block, &parameters).unwrap_or_else(|fault| panic!("{fault}"));
        let found = device.read::<T>(y, values.len());
        for (row, found) in values.chunks(columns).zip(found.chunks(columns)) {
            let sum: f64 = row.iter().map(|&x| x.into().exp()).sum();
            for (&x, &y) in row.iter().zip(found) {
                let (expected, found) = (x.into().exp() / sum, y.into());
                // Subnormal halves are coarser.
                assert!(
                    (found - expected).abs() <= tolerance * expected + 1e-7,
                    "{name}: {found}, expected {expected}"
                );
            }
        }
    }
    // Too little memory for the launch is found.
    let parameters = Parameters::new().and(x).and(y).and(columns as i32).shared(4);
    let fault = device.run(&module, name, 1, 64, &parameters).unwrap_err();
    assert!(fault.message.contains("shared memory (4 bytes)"), "{fault}");
}

#[test]
fn softmax_in_four_types() {
    softmax::<f32>("softmax_f32", |x| x, 1e-6);
    softmax::<f64>("softmax_f64", f64::from, 1e-6);
    softmax::<f16>("softmax_f16", f16::from_f32, 1e-3);
    softmax::<bf16>("softmax_bf16", bf16::from_f32, 5e-3);
}

#[test]
fn counts_by_atomic_operations() {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let bytes: Vec<u8> = (0..100_003usize).map(|n| (n * n / 7) as u8).collect();
    let (input, counts) = (device.with(&bytes), device.with(&[0u32; 256]));
    let parameters = Parameters::new().and(input).and(counts).and(bytes.len() as i32);
    device.run(&module, "histogram", 40, 128, &parameters).unwrap();
    let mut expected = vec![0u32; 256];
    bytes.iter().for_each(|&byte| expected[usize::from(byte)] += 1);
    assert_eq!(device.read::<u32>(counts, 256), expected);
}

#[test]
fn arrays_of_a_thread() {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let values: Vec<i32> = (0..64 * 8).map(|n| n * 7919 % 1009 - 500).collect();
    let (places, orders) = (device.with(&values), device.with(&[3u32, 1, 4, 0, 5, 2, 6, 7, 0]));
    device.run(&module, "sort_eights", 2, 32, &Parameters::new().and(places).and(orders)).unwrap();
    let mut expected = values;
    expected.chunks_mut(8).for_each(<[i32]>::sort_unstable);
    assert_eq!(device.read::<i32>(places, expected.len()), expected);
}

#[test]
fn votes_put_numbers_in_order() {
    let mut device = Device::default();
    let module = device.load(BLOCKS);
    let values = numbers(256);
    let (x, y, count) = (device.with(&values), device.empty(256 * 4), device.empty(4));
    device.run(&module, "compact", 1, 256, &Parameters::new().and(x).and(0.5f32).and(y).and(count)).unwrap();
    let expected: Vec<f32> = values.into_iter().filter(|&x| x > 0.5).collect();
    assert_eq!(device.read::<u32>(count, 1), [expected.len() as u32]);
    assert_eq!(device.read::<f32>(y, expected.len()), expected);
}
