//! Columns that have to be taken in parts.

use super::*;
use crate::gemm::tests::HALVES;
use candle_core::Device;
use std::sync::PoisonError;

/// Whole numbers, so that all orders of summing give the same, up to what float16 holds.
fn whole(count: usize, dims: &[usize], dtype: DType, device: &Device) -> Tensor {
    let numbers: Vec<f32> = (0..count).map(|at| ((at * 31 + 7) % 5) as f32 - 2.0).collect();
    Tensor::from_vec(numbers, dims, device).unwrap().to_dtype(dtype).unwrap()
}

fn read(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// All three products with so many bytes for columns.
fn products(geometry: &Geometry, room: usize, dtype: DType, device: &Device) -> [Vec<f64>; 3] {
    let side = |channels: usize, sizes: [usize; 3]| {
        let dims = [&[geometry.batch, channels][..], &sizes].concat();
        whole(dims.iter().product(), &dims, dtype, device)
    };
    let large = side(geometry.large_channels, geometry.large);
    let small = side(geometry.small_channels, geometry.small);
    let dims = [&[geometry.small_channels, geometry.large_channels / geometry.groups][..], &geometry.kernel].concat();
    let weight = whole(dims.iter().product(), &dims, dtype, device);
    let conv = Conv { room, ..Conv::new(geometry, &large, &weight).unwrap().unwrap() };
    let cuda = device.as_cuda_device().unwrap();
    let [forward, back] = [&small, &large].map(|like| empty(cuda, like.shape(), dtype).unwrap());
    let slope = empty(cuda, &dims[..], conv.wide()).unwrap();
    conv.forward(&large, &weight, &forward, 0.0).unwrap();
    conv.transpose(&small, &weight, None, &back).unwrap();
    conv.weight_grad(&large, &small, &slope).unwrap();
    [read(&forward), read(&back), read(&slope)]
}

#[test]
fn columns_in_parts_give_what_they_give_at_once() {
    let device = match Device::new_cuda(0) {
        Ok(device) => device,
        Err(error) => return eprintln!("skipped: no CUDA device ({error})"),
    };
    let _alone = HALVES.lock().unwrap_or_else(PoisonError::into_inner);
    for (groups, from, to) in [(1, 6, 4), (3, 4, 2)] {
        let geometry = Geometry {
            batch: 5,
            groups,
            large_channels: groups * from,
            small_channels: groups * to,
            large: [1, 7, 6],
            small: [1, 4, 6],
            kernel: [1, 3, 3],
            stride: [1, 2, 1],
            padding: [0, 1, 1],
            dilation: [1; 3],
        };
        for dtype in [DType::F32, DType::F16] {
            let size = dtype.size_in_bytes();
            let expected = products(&geometry, ROOM, dtype, &device);
            assert!(expected.iter().all(|numbers| numbers.iter().any(|x| *x != 0.0)));
            // Of a position of an image, of a channel's, of an image.
            let position = groups * from * 9 * size;
            let (channel, image) = (9 * 24 * size, position * 24);
            for room in [1, position, 5 * position, channel, 3 * channel, image, 2 * image, 3 * image, 4 * image + 1] {
                assert_eq!(
                    products(&geometry, room, dtype, &device),
                    expected,
                    "{groups} groups, {room} bytes, {dtype:?}"
                );
            }
        }
    }
}

#[test]
fn parts_cover_every_channel_once() {
    let device = match Device::new_cuda(0) {
        Ok(device) => device,
        Err(error) => return eprintln!("skipped: no CUDA device ({error})"),
    };
    let geometry = Geometry {
        batch: 1,
        groups: 2,
        large_channels: 10,
        small_channels: 2,
        large: [1, 1, 8],
        small: [1, 1, 8],
        kernel: [1, 1, 3],
        stride: [1; 3],
        padding: [0, 0, 1],
        dilation: [1; 3],
    };
    let x = Tensor::zeros((1, 10, 1, 1, 8), DType::F32, &device).unwrap();
    let parts = |channels: usize| {
        let conv = Conv { room: channels * 3 * 8 * 4, ..Conv::new(&geometry, &x, &x).unwrap().unwrap() };
        let parts = conv.parts(8, DType::F32);
        parts.iter().map(|part| (part.first_group, part.groups, part.first, part.channels)).collect::<Vec<_>>()
    };
    assert_eq!(parts(10), [(0, 2, 0, 5)]);
    assert_eq!(parts(9), [(0, 1, 0, 5), (1, 1, 0, 5)]);
    assert_eq!(parts(2), [(0, 1, 0, 2), (0, 1, 2, 2), (0, 1, 4, 1), (1, 1, 0, 2), (1, 1, 2, 2), (1, 1, 4, 1)]);
    assert_eq!(parts(0).len(), 10);
}
