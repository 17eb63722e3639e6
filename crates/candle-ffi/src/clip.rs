//! Gradients before a step.
//!
//! The gradients of parameters are changed in place, before a step of an optimizer: clipped, or brought back to the size
//! of the loss before it was scaled.

use crate::error::{CandleError, CandleStatus};
use crate::optimizer::tensors;
use crate::panic::guard;
use crate::pointer::output;
use crate::tensor::CandleTensor;
use candle_ffi_core::optim;

/// Scales the gradients of all parameters so that their norm as one vector is at most `max_norm`, and gives what it
/// was. PyTorch: `torch.nn.utils.clip_grad_norm_`
///
/// `norm_type` is the order of the norm, which may be infinite. Fails with `CANDLE_ERROR_INVALID_ARGUMENT` for a norm
/// that is infinite or not a number where `error_if_nonfinite` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_clip_grad_norm(
    params: *const *const CandleTensor,
    num_params: usize,
    max_norm: f64,
    norm_type: f64,
    error_if_nonfinite: i32,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_clip_grad_norm(params, num_params, max_norm, norm_type, error_if_nonfinite, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "clip_grad_norm_", || {
            let out = output(out, "out")?;
            let params = tensors(params, num_params)?;
            out.put(optim::clip_grad_norm(&params, max_norm, norm_type, error_if_nonfinite != 0)?);
            Ok(())
        })
    }
}

/// Limits every element of the gradients of all parameters to the range from `-clip_value` to `clip_value`.
/// PyTorch: `torch.nn.utils.clip_grad_value_`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_clip_grad_value(
    params: *const *const CandleTensor,
    num_params: usize,
    clip_value: f64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_clip_grad_value(params, num_params, clip_value, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "clip_grad_value_", || {
            let params = tensors(params, num_params)?;
            optim::clip_grad_value(&params, clip_value)
        })
    }
}

/// The norm of all tensors as one vector, of order `norm_type`. PyTorch: `torch.nn.utils.get_total_norm`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_total_norm(
    tensors: *const *const CandleTensor,
    num_tensors: usize,
    norm_type: f64,
    error_if_nonfinite: i32,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_total_norm(tensors, num_tensors, norm_type, error_if_nonfinite, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_total_norm", || {
            let out = output(out, "out")?;
            let tensors = self::tensors(tensors, num_tensors)?;
            out.put(optim::total_norm(&tensors, norm_type, error_if_nonfinite != 0)?);
            Ok(())
        })
    }
}

/// Multiplies the gradients of all parameters by `inverse_scale`, and gives a number on their device that is 0 where all
/// of them are finite, else NaN; nothing waits for the device. PyTorch: `torch.amp.GradScaler.unscale_`
///
/// Fails with `CANDLE_ERROR_DTYPE` for gradients in `float16`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_unscale_grads(
    params: *const *const CandleTensor,
    num_params: usize,
    inverse_scale: f64,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_unscale_grads(params, num_params, inverse_scale, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "unscale_", || {
            let out = output(out, "out")?;
            let params = tensors(params, num_params)?;
            out.put(optim::unscale_grads(&params, inverse_scale)?);
            Ok(())
        })
    }
}
