//! Numbers, where they go to, and comparison.

use candle_core::{Device, Tensor, WithDType};
use candle_ffi_kernels::Number;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// The device, or None with the reason.
pub(crate) fn device() -> Option<Device> {
    match Device::new_cuda(0) {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("skipped, as there is no CUDA device: {error}");
            None
        }
    }
}

/// Runs what makes indices that are not there, and says which the device reports: the index, and the size of what it is of.
/// Reports are of a device, not of a test, so that only one of these runs at a time.
pub(crate) fn reported(device: &Device, run: impl FnOnce()) -> Option<(i64, usize)> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    run();
    device.synchronize().unwrap();
    candle_ffi_cuda::take_outside(device.as_cuda_device().unwrap()).map(|found| (found.index, found.size))
}

/// A type of which there are tensors and kernels.
pub(crate) trait Both: WithDType + Number + Debug {}
impl<T: WithDType + Number + Debug> Both for T {}

/// The nearest number of a type.
pub(crate) fn nearest<T: Both>(number: f64) -> T {
    <T as candle_ffi_kernels::Element>::from_f64(number)
}

pub(crate) fn value<T: Both>(number: T) -> f64 {
    candle_ffi_kernels::Element::to_f64(number)
}

/// Numbers of a few magnitudes and both signs (of unsigned types none below zero).
pub(crate) fn numbers<T: Both>(count: usize, seed: usize) -> Vec<T> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f64;
    let whole = T::INTEGER;
    (0..count)
        .map(|i| match whole {
            true => <T as candle_ffi_kernels::Element>::from_i64(number(i) as i64 % 100 - 20),
            false => nearest(number(i) / 200.0 - 2.5),
        })
        .collect()
}

pub(crate) fn on<T: Both>(device: &Device, data: &[T], shape: &[usize]) -> Tensor {
    Tensor::from_slice(data, shape, device).unwrap()
}

pub(crate) fn read<T: Both>(tensor: &Tensor) -> Vec<T> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// How far apart two roundings of a type may be, in parts of a number.
pub(crate) fn step<T: Both>() -> f64 {
    match T::DTYPE {
        candle_core::DType::F16 => 1e-3,
        candle_core::DType::BF16 => 8e-3,
        candle_core::DType::F32 => 2e-6,
        candle_core::DType::F64 => 1e-12,
        _ => 0.0,
    }
}

/// Fails where numbers differ by more than so many steps of their type, or of 1 where they are smaller.
#[track_caller]
pub(crate) fn close<T: Both>(found: &[T], expected: &[T], steps: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let (x, y) = (value(*a), value(*b));
        let both_nan = x.is_nan() && y.is_nan();
        let near = x == y || (x - y).abs() <= steps * step::<T>() * y.abs().max(1.0);
        assert!(both_nan || near, "{what} ({:?}): at {at} {x} instead of {y}", T::DTYPE);
    }
}

/// Runs a generic function for each floating type.
macro_rules! for_floats {
    ($function:ident($($argument:expr),*)) => {
        $function::<half::f16>($($argument),*);
        $function::<half::bf16>($($argument),*);
        $function::<f32>($($argument),*);
        $function::<f64>($($argument),*);
    };
}

/// Runs a generic function for each integer type.
macro_rules! for_integers {
    ($function:ident($($argument:expr),*)) => {
        $function::<u8>($($argument),*);
        $function::<u32>($($argument),*);
        $function::<i16>($($argument),*);
        $function::<i32>($($argument),*);
        $function::<i64>($($argument),*);
    };
}

pub(crate) use {for_floats, for_integers};
