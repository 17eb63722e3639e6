//! Candle's own kernels against numbers computed here.
//!
//! Ignored, because the PTX is made by `nvcc`: `CANDLE_PTX=<folder> cargo test -p cuda-emulator --test candle -- --ignored`, with
//! the folder in which a build with the feature `cuda` left `unary.ptx` and the others.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::type_complexity, reason = "tables of functions")]

mod common;

use common::{Device, Parameters, Plain};
use cuda_emulator::ptx::Module;
use half::{bf16, f16};

fn load(device: &mut Device, name: &str) -> Module {
    let folder = std::env::var("CANDLE_PTX").expect("CANDLE_PTX names the folder of Candle's PTX");
    device.load(&std::fs::read_to_string(format!("{folder}/{name}.ptx")).unwrap())
}

fn numbers(count: usize) -> Vec<f64> {
    // Between -4 and 4, in no order.
    (0..count).map(|n| ((n * 7919 + 13) % 1601) as f64 / 200.0 - 4.0).collect()
}

fn close(found: &[f64], expected: impl IntoIterator<Item = f64>, tolerance: f64, what: &str) {
    let mut count = 0;
    for (n, expected) in expected.into_iter().enumerate() {
        let (found, limit) = (found[n], tolerance * expected.abs().max(1.0));
        let same = found == expected || (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= limit;
        assert!(same, "{what}: {found} at {n}, expected {expected}");
        count += 1;
    }
    assert_eq!(count, found.len(), "{what}");
}

/// Runs a unary kernel of one type, contiguous, in place of many.
fn unary<A: Plain, B: Plain>(device: &mut Device, module: &Module, name: &str, input: &[A]) -> Vec<B> {
    let (source, out) = (device.with(input), device.empty(input.len() * size_of::<B>()));
    let parameters = Parameters::new().and(input.len()).and(1usize).and(0u64).and(source).and(out);
    device
        .run(module, name, (input.len() as u32).div_ceil(64), 64, &parameters)
        .unwrap_or_else(|fault| panic!("{fault}"));
    device.read(out, input.len())
}

#[test]
#[ignore = "needs Candle's PTX"]
fn unary_functions_in_four_types() {
    let mut device = Device::default();
    let module = load(&mut device, "unary");
    let table: &[(&str, fn(f64) -> f64)] = &[
        ("uexp", f64::exp),
        ("ulog", f64::ln),
        ("usin", f64::sin),
        ("ucos", f64::cos),
        ("utanh", f64::tanh),
        ("usqrt", f64::sqrt),
        ("uabs", f64::abs),
        ("uneg", |x| -x),
        ("urecip", |x| 1.0 / x),
        ("ufloor", f64::floor),
        ("uceil", f64::ceil),
        ("uround", f64::round),
        ("urelu", |x| x.max(0.0)),
        ("usilu", |x| x / (1.0 + (-x).exp())),
        ("usigmoid", |x| 1.0 / (1.0 + (-x).exp())),
        ("usqr", |x| x * x),
    ];
    let wide = numbers(1000);
    let single: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
    let half: Vec<f16> = wide.iter().map(|&x| f16::from_f64(x)).collect();
    let brain: Vec<bf16> = wide.iter().map(|&x| bf16::from_f64(x)).collect();
    for &(name, f) in table {
        let found: Vec<f64> = unary(&mut device, &module, &format!("{name}_f64"), &wide);
        close(&found, wide.iter().map(|&x| f(x)), 1e-14, name);
        let found: Vec<f32> = unary(&mut device, &module, &format!("{name}_f32"), &single);
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        close(&found, single.iter().map(|&x| f(x.into())), 5e-7, name);
        let found: Vec<f16> = unary(&mut device, &module, &format!("{name}_f16"), &half);
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        close(&found, half.iter().map(|&x| f16::from_f64(f(x.into())).into()), 2e-3, name);
        let found: Vec<bf16> = unary(&mut device, &module, &format!("{name}_bf16"), &brain);
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        close(&found, brain.iter().map(|&x| bf16::from_f64(f(x.into())).into()), 2e-2, name);
    }
}

#[test]
#[ignore = "needs Candle's PTX"]
fn large_angles_take_the_called_function() {
    let mut device = Device::default();
    let module = load(&mut device, "unary");
    let wide: Vec<f64> = numbers(200).iter().map(|x| x * 1e17).collect();
    for (name, f) in [("usin_f64", f64::sin as fn(f64) -> f64), ("ucos_f64", f64::cos)] {
        let found: Vec<f64> = unary(&mut device, &module, name, &wide);
        close(&found, wide.iter().map(|&x| f(x)), 1e-13, name);
    }
    let single: Vec<f32> = numbers(200).iter().map(|x| (x * 1e9) as f32).collect();
    let found: Vec<f32> = unary(&mut device, &module, "usin_f32", &single);
    let found: Vec<f64> = found.into_iter().map(f64::from).collect();
    close(&found, single.iter().map(|&x| f64::from(x).sin()), 1e-6, "usin_f32");
}

#[test]
#[ignore = "needs Candle's PTX"]
fn conversions() {
    let mut device = Device::default();
    let module = load(&mut device, "cast");
    let single: Vec<f32> = numbers(500).iter().map(|&x| (x * 30.0) as f32).collect();
    let found: Vec<f16> = unary(&mut device, &module, "cast_f32_f16", &single);
    assert_eq!(found, single.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>());
    let found: Vec<bf16> = unary(&mut device, &module, "cast_f32_bf16", &single);
    assert_eq!(found, single.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>());
    let found: Vec<i64> = unary(&mut device, &module, "cast_f32_i64", &single);
    assert_eq!(found, single.iter().map(|&x| x as i64).collect::<Vec<_>>());
    let positive: Vec<f32> = single.iter().map(|x| x.abs()).collect();
    let found: Vec<u8> = unary(&mut device, &module, "cast_f32_u8", &positive);
    assert_eq!(found, positive.iter().map(|&x| x as u8).collect::<Vec<_>>());
    let integers: Vec<i64> = (0..500).map(|n| n * n * n * 7 - 5000).collect();
    let found: Vec<f32> = unary(&mut device, &module, "cast_i64_f32", &integers);
    assert_eq!(found, integers.iter().map(|&x| x as f32).collect::<Vec<_>>());
    let bytes: Vec<u8> = (0..=255).collect();
    let found: Vec<f64> = unary(&mut device, &module, "cast_u8_f64", &bytes);
    assert_eq!(found, bytes.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs Candle's PTX"]
fn binary_functions_on_transposed_operands() {
    let mut device = Device::default();
    let module = load(&mut device, "binary");
    let (rows, columns) = (37usize, 29usize);
    let a: Vec<f32> = numbers(rows * columns).iter().map(|&x| x as f32).collect();
    let b: Vec<f32> = numbers(rows * columns).iter().map(|&x| (x * x + 0.5) as f32).collect();
    // `a` is read by columns, of `b` the first row is broadcast.
    let info = device.with(&[rows, columns, 1, rows, 0, 1]);
    let (left, right, out) = (device.with(&a), device.with(&b), device.empty(a.len() * 4));
    let table: &[(&str, fn(f32, f32) -> f32)] = &[
        ("badd_f32", |a, b| a + b),
        ("bsub_f32", |a, b| a - b),
        ("bmul_f32", |a, b| a * b),
        ("bdiv_f32", |a, b| a / b),
        ("bmaximum_f32", f32::max),
        ("bminimum_f32", f32::min),
    ];
    for &(name, f) in table {
        let parameters = Parameters::new().and(a.len()).and(2usize).and(info).and(left).and(right).and(out);
        device.run(&module, name, 5, 96, &parameters).unwrap();
        let expected: Vec<f32> =
            (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).map(|(r, c)| f(a[c * rows + r], b[c])).collect();
        assert_eq!(device.read::<f32>(out, a.len()), expected, "{name}");
    }
    let parameters = Parameters::new().and(a.len()).and(2usize).and(info).and(left).and(right).and(out);
    device.run(&module, "lt_f32", 5, 96, &parameters).unwrap();
    let expected: Vec<u8> =
        (0..rows * columns).map(|n| u8::from(a[n % columns * rows + n / columns] < b[n % columns])).collect();
    assert_eq!(device.read::<u8>(out, a.len()), expected);
}

#[test]
#[ignore = "needs Candle's PTX"]
fn reductions_of_rows() {
    let mut device = Device::default();
    let module = load(&mut device, "reduce");
    // Shorter rows have a kernel of their own: this one's shuffles read whole warps.
    for columns in [33usize, 100, 1000, 3000] {
        let rows = 5usize;
        let values: Vec<f32> = numbers(rows * columns).iter().map(|&x| x as f32).collect();
        let info = device.with(&[rows, columns, columns, 1]);
        let (source, out) = (device.with(&values), device.empty(rows * 4));
        let block = columns.next_power_of_two().min(1024) as u32;
        let parameters = || Parameters::new().and(values.len()).and(columns).and(2usize).and(info).and(source).and(out);
        let row = |r: usize| values[r * columns..][..columns].iter().copied();
        let run = |name: &str| device.run(&module, name, rows as u32, block, &parameters()).unwrap();
        run("fast_sum_f32");
        let found: Vec<f64> = device.read::<f32>(out, rows).into_iter().map(f64::from).collect();
        close(&found, (0..rows).map(|r| row(r).map(f64::from).sum()), 1e-4, "sum");
        run("fast_max_f32");
        let expected: Vec<f32> = (0..rows).map(|r| row(r).fold(f32::MIN, f32::max)).collect();
        assert_eq!(device.read::<f32>(out, rows), expected);
        run("fast_argmin_f32");
        let found = device.read::<u32>(out, rows);
        for (r, &index) in found.iter().enumerate() {
            assert_eq!(values[r * columns + index as usize], row(r).fold(f32::MAX, f32::min));
        }
    }
}

#[test]
#[ignore = "needs Candle's PTX"]
fn softmax_and_norms() {
    let mut device = Device::default();
    let module = load(&mut device, "reduce");
    let (rows, columns) = (9usize, 70usize);
    let values = numbers(rows * columns);
    let single: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    let half: Vec<f16> = values.iter().map(|&x| f16::from_f64(x)).collect();
    let expected = |values: &[f64]| -> Vec<f64> {
        let rows = values.chunks(columns).map(|row| {
            let sum: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(move |x| x.exp() / sum).collect::<Vec<_>>()
        });
        rows.flatten().collect()
    };
    let (source, out) = (device.with(&single), device.empty(values.len() * 4));
    let parameters = Parameters::new().and(source).and(out).and(columns as i32);
    device.run(&module, "softmax_f32", rows as u32, [1, 32], &parameters).unwrap();
    let found: Vec<f64> = device.read::<f32>(out, values.len()).into_iter().map(f64::from).collect();
    close(&found, expected(&values), 1e-6, "softmax_f32");
    let source = device.with(&half);
    let parameters = Parameters::new().and(source).and(out).and(columns as i32);
    device.run(&module, "softmax_f16", rows as u32, [1, 32], &parameters).unwrap();
    let found: Vec<f64> = device.read::<f16>(out, values.len()).into_iter().map(f64::from).collect();
    close(&found, expected(&values), 1e-3, "softmax_f16");

    let (source, scale) = (device.with(&single), device.with(&vec![2f32; columns]));
    for block in [32u32, 1024] {
        let parameters =
            Parameters::new().and(source).and(out).and(scale).and(columns as i32).and(block as i32).and(1e-5f32);
        device.run(&module, "rmsnorm_f32", rows as u32, block, &parameters).unwrap();
        let found: Vec<f64> = device.read::<f32>(out, values.len()).into_iter().map(f64::from).collect();
        let normed = single.chunks(columns).flat_map(|row| {
            let mean = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / columns as f64;
            row.iter().map(move |&x| 2.0 * f64::from(x) / (mean + 1e-5).sqrt()).collect::<Vec<_>>()
        });
        close(&found, normed, 1e-5, "rmsnorm_f32");
    }
}

#[test]
#[ignore = "needs Candle's PTX"]
fn sorting_in_shared_memory() {
    let mut device = Device::default();
    let module = load(&mut device, "sort");
    let (rows, columns) = (4usize, 300usize);
    let values: Vec<f32> = numbers(rows * columns).iter().map(|&x| x as f32).collect();
    let (source, out) = (device.with(&values), device.empty(values.len() * 4));
    let padded = columns.next_power_of_two() as u32;
    let parameters = Parameters::new().and(source).and(out).and(columns as i32).and(padded as i32).shared(padded * 4);
    device.run(&module, "asort_asc_f32", rows as u32, padded, &parameters).unwrap();
    let found = device.read::<u32>(out, values.len());
    for (row, order) in values.chunks(columns).zip(found.chunks(columns)) {
        let mut seen = order.to_vec();
        seen.sort_unstable();
        assert_eq!(seen, (0..columns as u32).collect::<Vec<_>>());
        assert!(order.is_sorted_by(|&a, &b| row[a as usize] <= row[b as usize]));
    }
}

#[test]
#[ignore = "needs Candle's PTX"]
fn images_to_columns() {
    let mut device = Device::default();
    let module = load(&mut device, "conv");
    let (batch, channels, height, width, kernel, padding) = (2usize, 3usize, 8usize, 7usize, 3usize, 1usize);
    let image: Vec<f32> = numbers(batch * channels * height * width).iter().map(|&x| x as f32).collect();
    let info = device.with(&[batch, channels, height, width, channels * height * width, height * width, width, 1]);
    let count = batch * height * width * channels * kernel * kernel;
    let (source, out) = (device.with(&image), device.empty(count * 4));
    let parameters = Parameters::new()
        .and(count)
        .and(height)
        .and(width)
        .and(kernel)
        .and(kernel)
        .and(1usize)
        .and(padding)
        .and(1usize)
        .and(info)
        .and(source)
        .and(out);
    device.run(&module, "im2col_f32", count.div_ceil(128) as u32, 128, &parameters).unwrap();
    let found = device.read::<f32>(out, count);
    let mut expected = Vec::with_capacity(count);
    for b in 0..batch {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for c in 0..channels {
                for (ky, kx) in (0..kernel).flat_map(|y| (0..kernel).map(move |x| (y, x))) {
                    let (iy, ix) = ((y + ky).wrapping_sub(padding), (x + kx).wrapping_sub(padding));
                    let inside = iy < height && ix < width;
                    expected.push(if inside { image[((b * channels + c) * height + iy) * width + ix] } else { 0.0 });
                }
            }
        }
    }
    assert_eq!(found, expected);
}

#[test]
#[ignore = "needs Candle's PTX"]
fn rows_by_index() {
    let mut device = Device::default();
    let module = load(&mut device, "indexing");
    let table: Vec<f32> = (0..60).map(|n| n as f32).collect();
    let ids: Vec<u32> = vec![3, 0, 11, 3, 7];
    let info = device.with(&[5usize, 1]);
    let (places, source, out) = (device.with(&ids), device.with(&table), device.empty(25 * 4));
    let parameters = Parameters::new()
        .and(25usize)
        .and(1usize)
        .and(info)
        .and(places)
        .and(source)
        .and(out)
        .and(1usize)
        .and(12usize)
        .and(5usize)
        .and(5usize);
    device.run(&module, "is_u32_f32", 1, 32, &parameters).unwrap();
    let expected: Vec<f32> = ids.iter().flat_map(|&id| table[id as usize * 5..][..5].to_vec()).collect();
    assert_eq!(device.read::<f32>(out, 25), expected);
    // An index outside of the table is Candle's assertion.
    let places = device.with(&[3u32, 0, 12, 3, 7]);
    let parameters = Parameters::new()
        .and(25usize)
        .and(1usize)
        .and(info)
        .and(places)
        .and(source)
        .and(out)
        .and(1usize)
        .and(12usize)
        .and(5usize)
        .and(5usize);
    let fault = device.run(&module, "is_u32_f32", 1, 32, &parameters).unwrap_err();
    assert!(fault.message.contains("the assertion `") && fault.message.contains(".cu:"), "{fault}");
    println!("{fault}");
}
