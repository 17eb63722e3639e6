//! What the tests of kernels share: a device, numbers, and how close results must be.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub, reason = "a part of several tests")]

use candle_core::{DType, Device, Tensor};

/// The device, or None (and a line that says so) where no driver answers.
pub fn device() -> Option<Device> {
    match Device::new_cuda(0) {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("skipped: no CUDA device ({error})");
            None
        }
    }
}

/// Numbers between -1 and 1, others for each seed.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        })
        .collect()
}

/// A tensor of these numbers on a device, and the numbers that it has after rounding.
pub fn tensor(device: &Device, data: &[f64], dims: &[usize], dtype: DType) -> (Tensor, Vec<f64>) {
    let host = Tensor::from_slice(data, dims, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    (host.to_device(device).unwrap(), read(&host))
}

/// The elements in row-major order.
pub fn read(x: &Tensor) -> Vec<f64> {
    let host = x.contiguous().unwrap().to_device(&Device::Cpu).unwrap();
    host.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// How far a result of this dtype may be from the exact one, in relation to the size of what was added.
pub fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-12,
        DType::F32 => 1e-5,
        DType::F16 => 2e-3,
        _ => 1.6e-2,
    }
}

#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
    for (at, (x, y)) in found.iter().zip(expected).enumerate() {
        let same = x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * (1.0 + y.abs());
        assert!(same, "{what}: element {at} is {x}, expected {y}");
    }
}
