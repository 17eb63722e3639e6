//! Attention and its gradient, in chunks and in tiles, against the CPU's kernels in float64.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use candle_core::{DType, Device, Tensor};
use candle_ffi_cuda::{AttentionDropout, AttentionOptions, AttentionWay, attention_by, attention_grad_by};
use candle_ffi_kernels::Strided;
use candle_ffi_kernels::attention::{self as kernels, Dropout, Inputs, Options, Sizes};
use common::{assert_close, device, numbers, read, tensor, tolerance};

/// What is added to scores, or which of them there are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mask {
    None,
    /// Numbers for each score.
    Numbers,
    /// Numbers for keys alone, the least there are for some of them, and for all of one batch.
    Padding,
    /// Bools for each score, transposed in memory; no key at all for some queries.
    Bools,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    /// For messages.
    #[expect(dead_code, reason = "printed with the case")]
    name: &'static str,
    sizes: Sizes,
    causal: bool,
    mask: Mask,
    dropped: bool,
    scale: f64,
    /// Inputs are views: heads and rows are the other way round in memory, and rows have gaps.
    views: bool,
}

const PLAIN: Case = Case {
    name: "plain",
    sizes: Sizes { batch: 1, heads: 1, kv_heads: 1, queries: 1, keys: 1, width: 8, value_width: 8 },
    causal: false,
    mask: Mask::None,
    dropped: false,
    scale: 0.6,
    views: false,
};

fn strides(dims: [usize; 4]) -> [usize; 4] {
    [dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1]
}

/// The same elements, which lie another way: rows of one position side by side, with a gap behind each.
fn view(x: &Tensor, gap: usize) -> Tensor {
    let width = x.dims()[3];
    let wide = x.transpose(1, 2).unwrap().pad_with_zeros(3, gap, 2 * gap).unwrap().contiguous().unwrap();
    wide.narrow(3, gap, width).unwrap().transpose(1, 2).unwrap()
}

/// The mask, and the numbers that it adds.
fn mask(device: &Device, kind: Mask, dims: [usize; 4], wide: DType) -> Option<(Tensor, Vec<f64>)> {
    let [batch, heads, queries, keys] = dims;
    match kind {
        Mask::None => None,
        Mask::Numbers => Some(tensor(device, &numbers(dims.iter().product(), 5), &dims, wide)),
        Mask::Padding => {
            let least = f64::from(f32::MIN);
            let of_key = |at: usize| if at / keys == batch - 1 || at % 3 == 1 { least } else { 0.25 };
            let data: Vec<f64> = (0..batch * keys).map(of_key).collect();
            let (found, data) = tensor(device, &data, &[batch, 1, 1, keys], wide);
            let seen = (0..dims.iter().product()).map(|at| data[at / (heads * queries * keys) * keys + at % keys]);
            Some((found.broadcast_as(&dims).unwrap(), seen.collect()))
        }
        Mask::Bools => {
            let is_shut = |query: usize, key: usize| query % 7 == 3 || (query * 5 + key * 3).is_multiple_of(4);
            let turned: Vec<u8> =
                (0..dims.iter().product()).map(|at| u8::from(!is_shut(at % queries, at / queries % keys))).collect();
            let found = Tensor::from_vec(turned, &[batch, heads, keys, queries], &Device::Cpu).unwrap();
            let found = found.to_device(device).unwrap().transpose(2, 3).unwrap();
            let of = |at: usize| if is_shut(at / keys % queries, at % keys) { f64::NEG_INFINITY } else { 0.0 };
            Some((found, (0..dims.iter().product()).map(of).collect()))
        }
    }
}

/// Computes a case forward by one way and backward by another.
#[track_caller]
fn check(device: &Device, [forward, backward]: [AttentionWay; 2], case: Case, dtype: DType) {
    let Case { sizes, causal, scale, .. } = case;
    let what = format!("{case:?}, {dtype:?}, {forward:?}, {backward:?}");
    let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
    let shapes = [[batch, heads, queries, width], [batch, kv_heads, keys, width], [batch, kv_heads, keys, value_width]];
    let result = [batch, heads, queries, value_width];
    let make = |dims: [usize; 4], seed: u64| {
        let (x, data) = tensor(device, &numbers(dims.iter().product(), seed), &dims, dtype);
        // Rows that begin at multiples of 16 bytes, and rows that do not.
        if case.views { (view(&x, if seed.is_multiple_of(2) { 8 } else { 3 }), data) } else { (x, data) }
    };
    let [q, k, v] = [0, 1, 2].map(|at| make(shapes[at], at as u64 + 1));
    let (grad, grad_data) = make(result, 4);
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let dims = [batch, heads, queries, keys];
    let mask = mask(device, case.mask, dims, wide);
    let views = shapes.map(|shape| (shape, strides(shape)));
    let inputs = Inputs {
        query: Strided::new(&q.1, 0, &views[0].0, &views[0].1),
        key: Strided::new(&k.1, 0, &views[1].0, &views[1].1),
        value: Strided::new(&v.1, 0, &views[2].0, &views[2].1),
    };
    let mask_strides = strides(dims);
    let options = Options {
        scale,
        causal,
        mask: mask.as_ref().map(|(_, data)| Strided::new(data, 0, &dims, &mask_strides)),
        dropout: case.dropped.then_some(Dropout { seed: 3, offset: 11, p: 0.3 }),
    };
    let rows = |dims: [usize; 4]| [strides(dims)[0], strides(dims)[1], strides(dims)[2]];
    let (expected, expected_statistics) = kernels::forward(inputs, sizes, options, rows(result));
    let own = AttentionOptions {
        scale,
        causal,
        mask: mask.as_ref().map(|(mask, _)| mask),
        dropout: case.dropped.then_some(AttentionDropout { seed: 3, offset: 11, place: None, p: 0.3 }),
    };
    let [out, statistics] = attention_by(forward, [&q.0, &k.0, &v.0], &own).unwrap().unwrap();
    let near = tolerance(dtype) * 4.0;
    assert_close(&read(&out), &expected, near, &what);
    assert_close(&read(&statistics), &expected_statistics, near, &format!("statistics, {what}"));
    let result_strides = strides(result);
    let out_data = read(&out);
    let gradients = kernels::backward(
        Strided::new(&grad_data, 0, &result, &result_strides),
        Strided::new(&out_data, 0, &result, &result_strides),
        &expected_statistics,
        inputs,
        sizes,
        options,
        shapes.map(rows),
    );
    let found = attention_grad_by(backward, [&grad, &out, &statistics], [&q.0, &k.0, &v.0], &own).unwrap().unwrap();
    // Gradients of keys and values are sums over all queries.
    let more = 2.0 * (1.0 + (queries * heads / kv_heads) as f64 / 64.0);
    for (at, (found, expected)) in found.iter().zip(&gradients).enumerate() {
        assert_close(&read(found), expected, near * more, &format!("gradient {at}, {what}"));
    }
}

#[test]
fn in_chunks() {
    let Some(device) = device() else { return };
    let sizes =
        |heads, kv_heads, queries, keys| Sizes { batch: 3, heads, kv_heads, queries, keys, width: 4, value_width: 5 };
    // Bytes for which all scores are one chunk, for two batches, for some queries, for one query.
    for room in [1 << 20, 2 * 6 * 5 * 7 * 8, 3 * 6 * 7 * 8, 1] {
        for case in [
            Case { name: "plain", sizes: sizes(2, 2, 5, 7), ..PLAIN },
            Case { name: "causal", sizes: sizes(2, 2, 6, 4), causal: true, ..PLAIN },
            Case { name: "masked", sizes: sizes(2, 2, 5, 7), mask: Mask::Numbers, ..PLAIN },
            Case { name: "padding", sizes: sizes(2, 2, 5, 7), mask: Mask::Padding, ..PLAIN },
            Case { name: "bools", sizes: sizes(2, 2, 5, 7), mask: Mask::Bools, views: true, ..PLAIN },
            Case { name: "dropped", sizes: sizes(2, 2, 5, 7), dropped: true, ..PLAIN },
            Case {
                name: "shared heads",
                sizes: sizes(6, 2, 5, 7),
                causal: true,
                mask: Mask::Numbers,
                dropped: true,
                ..PLAIN
            },
            Case { name: "rows longer than a warp's", sizes: sizes(1, 1, 2, 1500), mask: Mask::Numbers, ..PLAIN },
        ] {
            for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
                check(&device, [AttentionWay::Chunks(room); 2], case, dtype);
            }
        }
    }
}

const TILES: [AttentionWay; 2] = [AttentionWay::Tiles; 2];

/// Sizes of one head after the other: none, one or several whole tiles, and parts of some.
fn sizes([heads, kv_heads]: [usize; 2], [queries, keys]: [usize; 2], [width, value_width]: [usize; 2]) -> Sizes {
    Sizes { batch: 2, heads, kv_heads, queries, keys, width, value_width }
}

#[test]
fn in_tiles_of_all_widths_and_lengths() {
    let Some(device) = device() else { return };
    for width in [[8, 8], [32, 24], [40, 64], [64, 64], [96, 72], [16, 88], [128, 128], [24, 104]] {
        for (lengths, causal) in [([65, 129], false), ([150, 70], true), ([70, 150], true)] {
            let case = Case { name: "widths", sizes: sizes([1, 1], lengths, width), causal, ..PLAIN };
            let dtype = if width[0] % 16 == 0 { DType::F16 } else { DType::BF16 };
            check(&device, TILES, case, dtype);
        }
    }
    for lengths in [[1, 1], [1, 200], [200, 1], [5, 7], [64, 64], [128, 128], [63, 65], [129, 257]] {
        let case = Case { name: "lengths", sizes: sizes([1, 1], lengths, [64, 64]), ..PLAIN };
        check(&device, TILES, case, DType::F16);
        check(&device, TILES, Case { causal: true, ..case }, DType::F16);
    }
}

#[test]
fn in_tiles_with_masks_dropout_and_shared_heads() {
    let Some(device) = device() else { return };
    for (width, dtype) in [(32, DType::F16), (64, DType::BF16), (96, DType::F16), (128, DType::BF16)] {
        let of = |heads, lengths| sizes(heads, lengths, [width, width]);
        for case in [
            Case { name: "numbers", sizes: of([2, 2], [70, 90]), mask: Mask::Numbers, ..PLAIN },
            Case { name: "padding", sizes: of([2, 1], [70, 90]), mask: Mask::Padding, ..PLAIN },
            Case { name: "bools", sizes: of([2, 2], [70, 90]), mask: Mask::Bools, causal: true, ..PLAIN },
            // Lines of an odd length: pairs of draws lie otherwise in each.
            Case { name: "dropped", sizes: of([2, 2], [70, 91]), dropped: true, ..PLAIN },
            Case { name: "negative", sizes: of([1, 1], [70, 90]), scale: -0.4, ..PLAIN },
            Case { name: "shared", sizes: of([4, 2], [70, 90]), causal: true, ..PLAIN },
            Case {
                name: "all",
                sizes: of([6, 2], [45, 77]),
                causal: true,
                mask: Mask::Bools,
                dropped: true,
                views: true,
                ..PLAIN
            },
            Case { name: "views", sizes: of([4, 4], [45, 77]), views: true, ..PLAIN },
        ] {
            check(&device, TILES, case, dtype);
        }
    }
}

/// Either way's results serve the other's gradient.
#[test]
fn ways_can_be_mixed() {
    let Some(device) = device() else { return };
    let chunks = AttentionWay::Chunks(20_000);
    for case in [
        Case { name: "plain", sizes: sizes([2, 1], [40, 50], [32, 32]), ..PLAIN },
        Case { name: "padding", sizes: sizes([2, 1], [40, 50], [32, 32]), mask: Mask::Padding, ..PLAIN },
        Case { name: "bools", sizes: sizes([2, 1], [40, 50], [32, 32]), mask: Mask::Bools, dropped: true, ..PLAIN },
    ] {
        check(&device, [AttentionWay::Tiles, chunks], case, DType::F16);
        check(&device, [chunks, AttentionWay::Tiles], case, DType::F16);
        check(&device, [AttentionWay::Best; 2], case, DType::BF16);
    }
}

#[test]
fn what_does_not_fit_into_tiles() {
    let Some(device) = device() else { return };
    let none = |width: usize, value_width: usize, dtype: DType| {
        let make = |width: usize| tensor(&device, &numbers(6 * width, 1), &[1, 2, 3, width], dtype).0;
        let (q, k, v) = (make(width), make(width), make(value_width));
        let options = AttentionOptions { scale: 1.0, causal: false, mask: None, dropout: None };
        let inputs = [&q, &k, &v];
        let [out, statistics] = attention_by(AttentionWay::Best, inputs, &options).unwrap().unwrap();
        let found = attention_by(AttentionWay::Tiles, inputs, &options).unwrap().is_none();
        let grad =
            attention_grad_by(AttentionWay::Tiles, [&out, &out, &statistics], inputs, &options).unwrap().is_none();
        assert_eq!(found, grad);
        found
    };
    assert!(none(4, 8, DType::F16) && none(20, 32, DType::BF16) && none(136, 64, DType::F16));
    assert!(none(64, 136, DType::F16) && none(64, 64, DType::F32) && none(64, 64, DType::F64));
    assert!(!none(128, 64, DType::F16) && !none(64, 128, DType::BF16));
}

/// Scores that are infinite or no numbers stay with their own rows.
#[test]
fn numbers_that_are_none() {
    let Some(device) = device() else { return };
    let dims = [1, 1, 40, 32];
    let make = |seed: u64| tensor(&device, &numbers(40 * 32, seed), &dims, DType::F16).0;
    let inputs = [&make(1), &make(2), &make(3)];
    let mut added = vec![0.0; 40 * 40];
    added[2 * 40] = f64::NAN;
    added[3 * 40 + 1] = f64::INFINITY;
    added[5 * 40..5 * 40 + 6].fill(f64::NEG_INFINITY);
    // Of keys that come later.
    added[6 * 40 + 7] = f64::NAN;
    let (mask, _) = tensor(&device, &added, &[1, 1, 40, 40], DType::F32);
    let options = AttentionOptions { scale: 1.0, causal: true, mask: Some(&mask), dropout: None };
    let [out, statistics] = attention_by(AttentionWay::Tiles, inputs, &options).unwrap().unwrap();
    let found = read(&out);
    let sums: Vec<f64> = read(&statistics).chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
    let gradients = || {
        let given = [&make(4), &out, &statistics];
        attention_grad_by(AttentionWay::Tiles, given, inputs, &options).unwrap().unwrap().map(|x| read(&x))
    };
    let [query, key, value] = gradients();
    for row in 0..40 {
        let [one, slope] = [&found, &query].map(|all| &all[row * 32..(row + 1) * 32]);
        let as_it_should_be = match row {
            2 | 3 => one.iter().chain(slope).all(|x| x.is_nan()) && sums[row].is_nan(),
            5 => one.iter().chain(slope).all(|&x| x == 0.0) && sums[row] == f64::INFINITY,
            _ => one.iter().chain(slope).all(|x| x.is_finite()) && sums[row].is_finite(),
        };
        assert!(as_it_should_be, "row {row}: {one:?}, {slope:?}, {}", sums[row]);
        // Keys that those two queries take.
        let touched = key[row * 32].is_nan() && value[row * 32].is_nan();
        assert_eq!(touched, row < 4, "key {row}: {}, {}", key[row * 32], value[row * 32]);
    }
    // The same numbers each time, bit for bit.
    let [query_again, key_again, value_again] = gradients();
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same(&query, &query_again) && same(&key, &key_again) && same(&value, &value_again));
}

/// What was added up before is multiplied with exactly 1 by each tile that does not change the maximum: with scores of this
/// size a factor that is rounded on the way would take some of their weight from the first keys.
#[test]
fn tiles_do_not_wear_off() {
    let Some(device) = device() else { return };
    const KEYS: usize = 1 << 13;
    let same = |number: f64, rows: usize| tensor(&device, &vec![number; rows * 8], &[1, 1, rows, 8], DType::F16).0;
    let values: Vec<f64> = (0..KEYS * 8).map(|at| if at < KEYS * 4 { 0.0 } else { 1.0 }).collect();
    let value = tensor(&device, &values, &[1, 1, KEYS, 8], DType::F16).0;
    let options = AttentionOptions { scale: 0.3, causal: false, mask: None, dropout: None };
    let inputs = [&same(57.3, 1), &same(190.7, KEYS), &value];
    let [out, _] = attention_by(AttentionWay::Tiles, inputs, &options).unwrap().unwrap();
    assert!(read(&out).iter().all(|&x| x == 0.5), "{:?}", read(&out));
}
