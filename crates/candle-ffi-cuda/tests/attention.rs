//! Attention and its gradient against the CPU's kernels.
#![cfg(feature = "cuda")]

mod common;

use candle_core::DType;
use candle_ffi_cuda::{AttentionDropout, AttentionOptions};
use candle_ffi_kernels::Strided;
use candle_ffi_kernels::attention::{self as kernels, Dropout, Inputs, Options, Sizes};
use common::{assert_close, device, numbers, read, tensor, tolerance};

#[test]
fn results_and_gradients() {
    let Some(device) = device() else { return };
    let sizes =
        |heads, kv_heads, queries, keys| Sizes { batch: 3, heads, kv_heads, queries, keys, width: 4, value_width: 5 };
    for (name, sizes, causal, masked, dropped) in [
        ("plain", sizes(2, 2, 5, 7), false, false, false),
        ("causal", sizes(2, 2, 6, 4), true, false, false),
        ("masked", sizes(2, 2, 5, 7), false, true, false),
        ("dropped", sizes(2, 2, 5, 7), false, false, true),
        ("shared heads", sizes(6, 2, 5, 7), true, true, true),
        ("rows longer than a warp's", sizes(1, 1, 2, 1500), false, true, false),
    ] {
        let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
        let shapes =
            [[batch, heads, queries, width], [batch, kv_heads, keys, width], [batch, kv_heads, keys, value_width]];
        let result = [batch, heads, queries, value_width];
        let strides = |dims: [usize; 4]| [dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1];
        let mask_dims = [batch, heads, queries, keys];
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
            let make = |dims: &[usize], seed: u64, dtype: DType| {
                tensor(&device, &numbers(dims.iter().product(), seed), dims, dtype)
            };
            let [q, k, v] = [0, 1, 2].map(|at| make(&shapes[at], at as u64 + 1, dtype));
            let (grad, grad_data) = make(&result, 4, dtype);
            let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
            let (mask, mask_data) = make(&mask_dims, 5, wide);
            let views = [0, 1, 2].map(|at| (shapes[at], strides(shapes[at])));
            let inputs = Inputs {
                query: Strided::new(&q.1, 0, &views[0].0, &views[0].1),
                key: Strided::new(&k.1, 0, &views[1].0, &views[1].1),
                value: Strided::new(&v.1, 0, &views[2].0, &views[2].1),
            };
            let mask_strides = strides(mask_dims);
            let options = Options {
                scale: 0.6,
                causal,
                mask: masked.then(|| Strided::new(&mask_data, 0, &mask_dims, &mask_strides)),
                dropout: dropped.then_some(Dropout { seed: 3, offset: 11, p: 0.3 }),
            };
            let rows = |dims: [usize; 4]| [strides(dims)[0], strides(dims)[1], strides(dims)[2]];
            let (expected, sums) = kernels::forward(inputs, sizes, options, rows(result));
            let own = AttentionOptions {
                scale: 0.6,
                causal,
                mask: masked.then_some(&mask),
                dropout: dropped.then_some(AttentionDropout { seed: 3, offset: 11, place: None, p: 0.3 }),
            };
            let [out, log_sums] = candle_ffi_cuda::attention([&q.0, &k.0, &v.0], &own).unwrap().unwrap();
            let near = tolerance(dtype) * 4.0;
            assert_close(&read(&out), &expected, near, &format!("{name}, {dtype:?}"));
            assert_close(&read(&log_sums), &sums, near, &format!("sums, {name}, {dtype:?}"));
            let result_strides = strides(result);
            let out_data = read(&out);
            let gradients = kernels::backward(
                Strided::new(&grad_data, 0, &result, &result_strides),
                Strided::new(&out_data, 0, &result, &result_strides),
                &sums,
                inputs,
                sizes,
                options,
                shapes.map(rows),
            );
            let found = candle_ffi_cuda::attention_grad(&grad, &out, &log_sums, [&q.0, &k.0, &v.0], &own);
            for (found, expected) in found.unwrap().unwrap().iter().zip(&gradients) {
                assert_close(&read(found), expected, near * 2.0, &format!("gradients, {name}, {dtype:?}"));
            }
        }
    }
}
