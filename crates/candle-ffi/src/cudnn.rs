//! cuDNN.
//!
//! On CUDA it computes convolutions, with their gradients, where it is installed: `libcudnn.so.9` is looked for when the
//! first one is computed, or this asks for it. What it refuses, and everything where it is not, is computed by kernels of
//! this library. The switches are those of the process; without CUDA they are kept and change nothing.

use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use crate::pointer::output;
use candle_ffi_core::cudnn::{self, Switch};

/// What can be switched about cuDNN: one of the `CANDLE_CUDNN_*` constants.
pub type CandleCudnnSwitch = i32;

/// Whether it is used. On at first. PyTorch: `torch.backends.cudnn.enabled`
pub const CANDLE_CUDNN_ENABLED: CandleCudnnSwitch = 0;
/// Whether its algorithms are measured when sizes are new, for which the host waits; else it guesses. PyTorch:
/// `torch.backends.cudnn.benchmark`
pub const CANDLE_CUDNN_BENCHMARK: CandleCudnnSwitch = 1;
/// Whether only algorithms are taken that always give the same bits. PyTorch: `torch.backends.cudnn.deterministic`
pub const CANDLE_CUDNN_DETERMINISTIC: CandleCudnnSwitch = 2;
/// Whether its convolutions of `float32` may be of TF32. On at first. PyTorch: `torch.backends.cudnn.allow_tf32`
pub const CANDLE_CUDNN_ALLOW_TF32: CandleCudnnSwitch = 3;

/// 1 when a switch of cuDNN is on, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_cudnn_switch(which: CandleCudnnSwitch) -> i32 {
    forward!(candle_cudnn_switch(which));
    neutral(0, || Ok(cudnn::is_on(Switch::from_code(which)?).into()))
}

/// Turns one on (1) or off (0), for the whole process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_cudnn_switch(
    which: CandleCudnnSwitch,
    on: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_set_cudnn_switch(which, on, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_cudnn_switch", || {
            cudnn::turn(Switch::from_code(which)?, on != 0);
            Ok(())
        })
    }
}

/// The version of cuDNN, 92801 for 9.28.1. Loads it, but does not start CUDA. PyTorch: `torch.backends.cudnn.version`
///
/// Fails with `CANDLE_ERROR_UNSUPPORTED` where there is none that can be used, and says why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_cudnn_version(out_version: *mut i32, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_cudnn_version(out_version, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "cudnn_version", || {
            output(out_version, "out_version")?.set(cudnn::version()?);
            Ok(())
        })
    }
}
