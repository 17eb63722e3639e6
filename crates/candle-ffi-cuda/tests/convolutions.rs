//! Convolutions, pooling, resampling and patches against the CPU's kernels.
#![cfg(feature = "cuda")]

mod common;

use candle_core::{DType, Device, Tensor};
use candle_ffi_kernels::conv::{self, Geometry};
use candle_ffi_kernels::fold::{self, Patches};
use candle_ffi_kernels::pool::{self, Windows};
use candle_ffi_kernels::resample::{self, Taps};
use common::{assert_close, device, numbers, read, tensor, tolerance};

const FLOATS: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// A convolution of these options, whose small side follows.
fn geometry(
    batch: usize,
    [groups, from, to]: [usize; 3],
    large: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
) -> Geometry {
    let small =
        std::array::from_fn(|d| (large[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1);
    let (large_channels, small_channels) = (groups * from, groups * to);
    Geometry { batch, groups, large_channels, small_channels, large, small, kernel, stride, padding, dilation }
}

#[test]
fn convolutions_and_their_gradients() {
    let Some(device) = device() else { return };
    let one = [1; 3];
    let cases = [
        ("one dimension", geometry(3, [1, 2, 5], [1, 1, 17], [1, 1, 3], one, [0, 0, 1], one)),
        ("two dimensions", geometry(4, [1, 3, 8], [1, 9, 7], [1, 3, 2], [1, 2, 1], [0, 1, 1], [1, 1, 2])),
        ("three dimensions", geometry(2, [1, 3, 2], [4, 5, 6], [2, 3, 2], [2, 1, 2], [1, 0, 1], [1, 2, 1])),
        ("points", geometry(3, [1, 6, 4], [1, 5, 5], one, one, [0; 3], one)),
        ("points of groups", geometry(5, [2, 6, 4], [1, 5, 5], one, one, [0; 3], one)),
        ("groups", geometry(2, [3, 4, 3], [1, 6, 6], [1, 3, 3], one, [0, 1, 1], one)),
        ("more groups than images", geometry(1, [5, 3, 2], [1, 6, 6], [1, 3, 3], [1, 2, 2], [0, 1, 1], one)),
        ("depthwise", geometry(2, [6, 1, 1], [1, 8, 8], [1, 3, 3], [1, 2, 2], [0, 1, 1], one)),
        ("depthwise with a multiplier", geometry(2, [4, 1, 2], [2, 5, 6], [2, 3, 3], one, [1, 1, 1], [1, 2, 1])),
        ("steps beyond the kernel", geometry(2, [1, 2, 2], [1, 11, 11], [1, 2, 2], [1, 3, 4], [0; 3], one)),
        ("one element", geometry(1, [1, 1, 1], one, one, one, [0; 3], one)),
    ];
    for (name, g) in cases {
        for dtype in FLOATS {
            let what = |which: &str| format!("{name}, {which}, {dtype:?}");
            let side = |channels: usize, sizes: [usize; 3], seed: u64| {
                let dims = [&[g.batch, channels][..], &sizes].concat();
                tensor(&device, &numbers(dims.iter().product(), seed), &dims, dtype)
            };
            let (large, large_data) = side(g.large_channels, g.large, 1);
            let (small, small_data) = side(g.small_channels, g.small, 2);
            let dims = [&[g.small_channels, g.large_channels / g.groups][..], &g.kernel].concat();
            let (weight, weight_data) = tensor(&device, &numbers(dims.iter().product(), 3), &dims, dtype);
            let (bias, bias_data) = tensor(&device, &numbers(g.small_channels, 4), &[g.small_channels], dtype);
            let (other, other_data) = tensor(&device, &numbers(g.large_channels, 5), &[g.large_channels], dtype);
            // Sums are larger than their parts.
            let near = tolerance(dtype) * 4.0;
            for (bias, bias_data) in [(None, None), (Some(&bias), Some(&bias_data[..]))] {
                let found = candle_ffi_cuda::conv(&g, &large, &weight, bias, small.dims()).unwrap().unwrap();
                assert_eq!(found.dtype(), dtype);
                assert_close(
                    &read(&found),
                    &conv::conv(&g, &large_data, &weight_data, bias_data),
                    near,
                    &what("small"),
                );
            }
            for (bias, bias_data) in [(None, None), (Some(&other), Some(&other_data[..]))] {
                let found = candle_ffi_cuda::conv_transpose(&g, &small, &weight, bias, large.dims()).unwrap().unwrap();
                assert_eq!(found.dtype(), dtype);
                let expected = conv::conv_transpose(&g, &small_data, &weight_data, bias_data);
                assert_close(&read(&found), &expected, near, &what("large"));
            }
            let found = candle_ffi_cuda::conv_weight_grad(&g, &large, &small, &dims).unwrap().unwrap();
            assert_eq!(found.dtype(), dtype);
            let expected = conv::conv_weight_grad(&g, &large_data, &small_data);
            assert_close(&read(&found), &expected, near * 4.0, &what("weight"));
        }
    }
}

fn grid(input: usize, [kernel, stride, padding, dilation]: [usize; 4], ceil: usize, count_padding: bool) -> Windows {
    let output = (input + 2 * padding - (kernel - 1) * dilation - 1 + ceil) / stride + 1;
    Windows::grid(input, output, [kernel, stride, padding, dilation], count_padding)
}

fn windows() -> Vec<[Windows; 3]> {
    let single = Windows::single;
    vec![
        [single(), grid(8, [2, 2, 0, 1], 0, true), grid(10, [2, 2, 0, 1], 0, true)],
        [single(), grid(9, [3, 2, 1, 1], 1, true), grid(12, [3, 2, 1, 1], 1, true)],
        [single(), grid(9, [3, 2, 1, 1], 1, false), grid(12, [3, 2, 1, 1], 0, false)],
        [grid(4, [2, 1, 1, 1], 0, true), grid(7, [3, 1, 1, 1], 0, true), grid(11, [3, 3, 0, 1], 0, false)],
        [Windows::adaptive(5, 2), Windows::adaptive(6, 1), Windows::adaptive(7, 3)],
        [single(), Windows::adaptive(7, 9), Windows::adaptive(100, 3)],
        [single(), Windows::adaptive(12, 1), Windows::adaptive(13, 1)],
        [single().with_divisor(-3.0), grid(4, [2, 2, 0, 1], 0, true), Windows::adaptive(4, 2).with_divisor(1.0)],
    ]
}

fn shapes(planes: usize, axes: &[Windows; 3]) -> (Vec<usize>, Vec<usize>) {
    let of = |size: fn(&Windows) -> usize| [&[planes][..], &axes.each_ref().map(size)].concat();
    (of(Windows::input), of(Windows::output))
}

#[test]
fn averages() {
    let Some(device) = device() else { return };
    for axes in windows() {
        let (input, output) = shapes(3, &axes);
        for dtype in FLOATS {
            let (x, data) = tensor(&device, &numbers(input.iter().product(), 1), &input, dtype);
            let found = candle_ffi_cuda::avg_pool(&x, &axes, &output).unwrap().unwrap();
            assert_close(&read(&found), &pool::average(&data, 3, &axes), tolerance(dtype), &format!("{axes:?}"));
            let (grad, data) = tensor(&device, &numbers(output.iter().product(), 2), &output, dtype);
            let found = candle_ffi_cuda::avg_pool_grad(&grad, &axes, &input).unwrap().unwrap();
            assert_close(&read(&found), &pool::average_grad(&data, 3, &axes), tolerance(dtype), &format!("{axes:?}"));
        }
    }
}

#[test]
fn largest_elements() {
    let Some(device) = device() else { return };
    let dilated = [
        [Windows::single(), grid(9, [2, 1, 1, 2], 0, true), grid(11, [3, 2, 1, 2], 0, true)],
        [grid(5, [2, 2, 0, 2], 1, true), grid(9, [2, 1, 0, 3], 0, true), Windows::single()],
    ];
    for axes in windows().into_iter().chain(dilated) {
        let (input, output) = shapes(3, &axes);
        let count: usize = input.iter().product();
        for dtype in FLOATS {
            // Few different numbers, so that there are equal ones; and some that are none.
            let mut data: Vec<f64> = numbers(count, 1).iter().map(|x| (x * 4.0).round()).collect();
            data[count / 2] = f64::NAN;
            data[count / 2 + 1] = f64::NAN;
            data[1] = f64::NEG_INFINITY;
            let (x, data) = tensor(&device, &data, &input, dtype);
            let (values, places) = candle_ffi_cuda::max_pool(&x, &axes, &output, true).unwrap().unwrap();
            let (expected, at) = pool::maximum(&data, 3, &axes, true);
            assert_close(&read(&values), &expected, 0.0, &format!("{axes:?}"));
            let places = places.unwrap();
            assert_eq!(read(&places), at.iter().map(|at| f64::from(*at)).collect::<Vec<_>>(), "{axes:?}");
            let (none, at) = candle_ffi_cuda::max_pool(&x, &axes, &output, false).unwrap().unwrap();
            assert!(at.is_none());
            assert_close(&read(&none), &expected, 0.0, "without positions");
            let (grad, grads) = tensor(&device, &numbers(output.iter().product(), 2), &output, dtype);
            let found = candle_ffi_cuda::max_pool_grad(&grad, &places, &axes, &input).unwrap().unwrap();
            let (_, at) = pool::maximum(&data, 3, &axes, true);
            let expected = pool::spread(&grads, &at, 3, count / 3);
            assert_close(&read(&found), &expected, tolerance(dtype), &format!("{axes:?}"));
        }
        let data: Vec<i64> = numbers(count, 3).iter().map(|x| (x * 100.0) as i64).collect();
        let (expected, _) = pool::maximum(&data, 3, &axes, false);
        for dtype in [DType::I64, DType::I32, DType::I16] {
            let x = Tensor::from_slice(&data, &input[..], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let x = x.to_device(&device).unwrap();
            let (values, _) = candle_ffi_cuda::max_pool(&x, &axes, &output, true).unwrap().unwrap();
            assert_eq!(read(&values), expected.iter().map(|x| *x as f64).collect::<Vec<_>>(), "{axes:?}");
        }
    }
}

#[test]
fn values_go_back_to_their_places() {
    let Some(device) = device() else { return };
    let places = Tensor::new(&[[3i64, 0, 3], [1, 2, 0]], &device).unwrap();
    for dtype in FLOATS {
        let x = Tensor::new(&[[1.0f32, 2.0, 4.0], [5.0, 6.0, 7.0]], &device).unwrap().to_dtype(dtype).unwrap();
        match candle_ffi_cuda::max_unpool(&x, &places, 2, 4, &[2, 4]).unwrap().unwrap() {
            candle_ffi_cuda::Unpooled::Values(values) => {
                assert_eq!(read(&values), [2.0, 0.0, 0.0, 4.0, 7.0, 5.0, 6.0, 0.0]);
            }
            candle_ffi_cuda::Unpooled::Outside(at) => panic!("{at} is inside"),
        }
        let found = candle_ffi_cuda::max_unpool(&x, &places, 2, 3, &[2, 3]).unwrap().unwrap();
        assert!(matches!(found, candle_ffi_cuda::Unpooled::Outside(3)));
    }
}

#[test]
fn patches() {
    let Some(device) = device() else { return };
    let cases = [
        ([5, 6], [3, 2], [1, 1], [0, 0], [1, 1]),
        ([5, 6], [3, 3], [1, 1], [1, 1], [2, 2]),
        ([7, 5], [2, 3], [2, 1], [2, 0], [1, 3]),
        ([2, 2], [2, 2], [1, 1], [3, 3], [1, 2]),
    ];
    for (input, kernel, dilation, padding, stride) in cases {
        let out = |d: usize| (input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
        let patches = Patches { input, output: [out(0), out(1)], kernel, dilation, padding, stride };
        let (planes, columns) = ([2, input[0], input[1]], [2, kernel[0] * kernel[1], out(0) * out(1)]);
        for dtype in FLOATS {
            let (x, data) = tensor(&device, &numbers(planes.iter().product(), 1), &planes, dtype);
            let found = candle_ffi_cuda::unfold(&x, 2, &patches, &columns).unwrap().unwrap();
            assert_close(&read(&found), &fold::unfold(&data, 2, &patches), 0.0, "unfold");
            let (x, data) = tensor(&device, &numbers(columns.iter().product(), 2), &columns, dtype);
            let found = candle_ffi_cuda::fold(&x, 2, &patches, &planes).unwrap().unwrap();
            assert_close(&read(&found), &fold::fold(&data, 2, &patches), tolerance(dtype), "fold");
        }
    }
}

#[test]
fn resampling() {
    let Some(device) = device() else { return };
    let weighted = |input: usize, count: usize, output: usize| {
        let places = (0..count * output).map(|i| i * 5 % input).collect();
        Taps::new(input, count, places, numbers(count * output, 9))
    };
    let same = || Taps::picks(1, vec![0]);
    let cases = [
        [same(), weighted(4, 2, 7), weighted(5, 2, 3)],
        [weighted(2, 2, 3), weighted(4, 2, 2), weighted(3, 2, 6)],
        [same(), weighted(6, 4, 5), weighted(7, 4, 11)],
        [same(), Taps::picks(3, vec![0, 0, 1, 1, 2, 2]), Taps::picks(5, vec![4, 2, 0])],
        [same(), same(), Taps::picks(2, vec![])],
    ];
    for axes in cases {
        let of = |size: fn(&Taps) -> usize| [&[2][..], &axes.each_ref().map(size)].concat();
        let (input, output) = (of(Taps::input), of(Taps::output));
        for dtype in FLOATS {
            let (x, data) = tensor(&device, &numbers(input.iter().product(), 1), &input, dtype);
            let found = candle_ffi_cuda::resample(&x, &axes, false, &output).unwrap().unwrap();
            assert_close(&read(&found), &resample::resample(&data, 2, &axes), tolerance(dtype) * 2.0, "resample");
            let (grad, data) = tensor(&device, &numbers(output.iter().product(), 2), &output, dtype);
            let found = candle_ffi_cuda::resample(&grad, &axes, true, &input).unwrap().unwrap();
            assert_close(&read(&found), &resample::resample_grad(&data, 2, &axes), tolerance(dtype) * 4.0, "gradient");
        }
    }
}
