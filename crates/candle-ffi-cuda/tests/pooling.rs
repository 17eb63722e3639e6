//! Pooling compared with that of the CPU: windows of every kind, searched by a thread or by a warp.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod common;

use candle_core::{DType, Tensor};
use candle_ffi_cuda::{avg_pool, avg_pool_grad, max_pool, max_pool_grad};
use candle_ffi_kernels::pool::{self, Rule, Windows};
use common::{assert_close, device, numbers, read, tensor};

#[test]
fn results_and_gradients() {
    let Some(device) = device() else { return };
    let grid = Windows::grid;
    let cases = [
        [Windows::single(), grid(9, 4, [3, 2, 0, 1], true), grid(12, 6, [2, 2, 0, 1], true)],
        [Windows::single(), grid(9, 5, [3, 2, 1, 1], true), grid(12, 7, [3, 2, 1, 1], false)],
        [grid(5, 3, [2, 2, 1, 1], false), grid(8, 5, [3, 2, 1, 1], true), grid(7, 7, [3, 1, 1, 1], false)],
        [grid(5, 3, [2, 2, 1, 1], false), grid(8, 4, [3, 2, 2, 2], false), grid(7, 5, [3, 1, 1, 2], true)],
        [Windows::single(), Windows::adaptive(7, 3), Windows::adaptive(10, 4)],
        [Windows::single(), Windows::adaptive(3, 5), Windows::adaptive(24, 1)],
        [Windows::single(), Windows::adaptive(16, 1), Windows::adaptive(17, 1)],
        // Of one window the stride says nothing.
        [Windows::single().with_divisor(3.0), grid(4, 1, [3, 1 << 40, 0, 1], true), grid(6, 3, [2, 2, 0, 1], true)],
    ];
    for (case, axes) in cases.iter().enumerate() {
        let planes = 6;
        let shape = |of: fn(&Windows) -> usize| [planes, of(&axes[0]), of(&axes[1]), of(&axes[2])];
        let (inside, outside) = (shape(Windows::input), shape(Windows::output));
        let count = |dims: [usize; 4]| dims.iter().product::<usize>();
        let (x, xs) = tensor(&device, &numbers(count(inside), 1), &inside, DType::F64);
        let (g, gs) = tensor(&device, &numbers(count(outside), 2), &outside, DType::F64);
        let close = |found: &Tensor, expected: &[f64], what: &str| {
            assert_close(&read(found), expected, 1e-12, &format!("{what} of case {case}"));
        };
        // Averages are of neighbours.
        let dilated = axes.iter().any(|axis| matches!(axis.rule().0, Rule::Grid { dilation, .. } if dilation > 1));
        if !dilated {
            close(&avg_pool(&x, axes, &outside).unwrap().unwrap(), &pool::average(&xs, planes, axes), "averages");
            let found = avg_pool_grad(&g, axes, &inside).unwrap().unwrap();
            close(&found, &pool::average_grad(&gs, planes, axes), "gradients of averages");
        }
        let (largest, places) = max_pool(&x, axes, &outside, true).unwrap().unwrap();
        let (expected, at) = pool::maximum(&xs, planes, axes, true);
        close(&largest, &expected, "maxima");
        let places = places.unwrap();
        assert_eq!(places.flatten_all().unwrap().to_vec1::<u32>().unwrap(), at, "places of case {case}");
        let found = max_pool_grad(&g, &places, axes, &inside).unwrap().unwrap();
        close(&found, &pool::spread(&gs, &at, planes, count(inside) / planes), "gradients of maxima");
    }
}
