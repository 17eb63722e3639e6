//! Constructors of optimizers.
//!
//! Each takes parameters, which make one group, and options. A parameter must be a leaf of a floating dtype and be
//! given once, an option must lie in its domain: `CANDLE_ERROR_INVALID_ARGUMENT` says which does not.

use crate::error::{CandleError, CandleStatus};
use crate::optimizer::{CandleOptimizer, Owned, tensors};
use crate::optimizer_options::{
    CandleAdadeltaOptions, CandleAdagradOptions, CandleAdamOptions, CandleAdamaxOptions, CandleAdamwOptions,
    CandleAsgdOptions, CandleLbfgsOptions, CandleLionOptions, CandleNadamOptions, CandleRadamOptions,
    CandleRmspropOptions, CandleRpropOptions, CandleSgdOptions,
};
use crate::panic::guard;
use crate::pointer::{options, output};
use crate::tensor::CandleTensor;
use candle_ffi_core::optim::{self, Optimizer};
use candle_ffi_core::{Result, Tensor};

/// Makes an optimizer.
///
/// # Safety
/// The pointers are as the contract of the header says.
unsafe fn make<C: Copy + Default, O: From<C>, T: Optimizer + 'static>(
    name: &'static str,
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const C,
    new: fn(Vec<Tensor>, O) -> Result<T>,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: passed on from the caller.
    unsafe {
        guard(error, name, || {
            let out = output(out, "out")?;
            let params = tensors(params, num_params)?;
            let options = self::options(options, "options")?;
            out.put(Owned::new(new(params, options.into())?));
            Ok(())
        })
    }
}

/// Makes an optimizer for stochastic gradient descent. PyTorch: `torch.optim.SGD`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sgd_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleSgdOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_sgd_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("SGD", params, num_params, options, optim::Sgd::new, out, error) }
}

/// Makes an optimizer for Adam. PyTorch: `torch.optim.Adam`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_adam_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAdamOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_adam_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Adam", params, num_params, options, optim::Adam::new, out, error) }
}

/// Makes an optimizer for Adam with decay of the weights on its own. PyTorch: `torch.optim.AdamW`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_adamw_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAdamwOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_adamw_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("AdamW", params, num_params, options, optim::Adamw::new, out, error) }
}

/// Makes an optimizer for Adamax. PyTorch: `torch.optim.Adamax`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_adamax_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAdamaxOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_adamax_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Adamax", params, num_params, options, optim::Adamax::new, out, error) }
}

/// Makes an optimizer for NAdam. PyTorch: `torch.optim.NAdam`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_nadam_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleNadamOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_nadam_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("NAdam", params, num_params, options, optim::Nadam::new, out, error) }
}

/// Makes an optimizer for RAdam. PyTorch: `torch.optim.RAdam`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_radam_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleRadamOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_radam_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("RAdam", params, num_params, options, optim::Radam::new, out, error) }
}

/// Makes an optimizer for RMSprop. PyTorch: `torch.optim.RMSprop`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_rmsprop_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleRmspropOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_rmsprop_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("RMSprop", params, num_params, options, optim::Rmsprop::new, out, error) }
}

/// Makes an optimizer for Adagrad. PyTorch: `torch.optim.Adagrad`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_adagrad_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAdagradOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_adagrad_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Adagrad", params, num_params, options, optim::Adagrad::new, out, error) }
}

/// Makes an optimizer for Adadelta. PyTorch: `torch.optim.Adadelta`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_adadelta_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAdadeltaOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_adadelta_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Adadelta", params, num_params, options, optim::Adadelta::new, out, error) }
}

/// Makes an optimizer for averaged stochastic gradient descent. PyTorch: `torch.optim.ASGD`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_asgd_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleAsgdOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_asgd_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("ASGD", params, num_params, options, optim::Asgd::new, out, error) }
}

/// Makes an optimizer for resilient backpropagation. PyTorch: `torch.optim.Rprop`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_rprop_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleRpropOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_rprop_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Rprop", params, num_params, options, optim::Rprop::new, out, error) }
}

/// Makes an optimizer for Lion. Chen and others, "Symbolic Discovery of Optimization
/// Algorithms", 2023.
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_lion_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleLionOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_lion_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("Lion", params, num_params, options, optim::Lion::new, out, error) }
}

/// Makes an optimizer for LBFGS. PyTorch: `torch.optim.LBFGS`
///
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_lbfgs_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleLbfgsOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_lbfgs_new(params, num_params, options, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { make("LBFGS", params, num_params, options, optim::Lbfgs::new, out, error) }
}
