//! Optimizers.
//!
//! An optimizer changes parameters in place from the gradients that `candle_tensor_backward` has left
//! there. Parameters are in groups with options of their own; options and state have PyTorch's names.

use crate::callback::returned;
use crate::error::{CandleError, CandleStatus, c_string};
use crate::handle::{Kind, Lookable, Opaque, borrow, borrow_list, borrow_mut, borrow_optional, free, look};
use crate::panic::{guard, neutral};
use crate::pointer::{copy_text, null, output, output_list, slice, text};
use crate::tensor::{CandleTensor, tensor_or_null};
use candle_ffi_core::optim::Optimizer;
use candle_ffi_core::{Tensor, profile, refuse_in_graph};
use std::ffi::{CString, c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Changes parameters in place from their gradients.
pub struct CandleOptimizer {
    _opaque: [u8; 0],
}

/// What a `CandleOptimizer` owns. The lock is for readers on several threads; who changes the optimizer
/// has borrowed it alone.
pub struct Owned {
    optimizer: Mutex<Box<dyn Optimizer>>,
    name: CString,
}

impl Opaque for CandleOptimizer {
    type Value = Owned;
    const KIND: Kind = Kind::Optimizer;
}

// Everything that changes is behind the lock.
impl Lookable for CandleOptimizer {}

impl Owned {
    pub(crate) fn new(optimizer: impl Optimizer + 'static) -> Self {
        Self { name: c_string(optimizer.name()), optimizer: Mutex::new(Box::new(optimizer)) }
    }

    fn read(&self) -> MutexGuard<'_, Box<dyn Optimizer>> {
        self.optimizer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tensors that an optimizer keeps.
///
/// # Safety
/// As [`borrow_list`].
pub(crate) unsafe fn tensors(
    params: *const *const CandleTensor,
    num_params: usize,
) -> candle_ffi_core::Result<Vec<Tensor>> {
    // SAFETY: passed on from the caller.
    Ok(unsafe { borrow_list(params, num_params, "params") }?.references().into_iter().cloned().collect())
}

/// Frees an optimizer. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_free(optimizer: *mut CandleOptimizer) {
    forward!(candle_optimizer_free(optimizer));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(optimizer);
        Ok(())
    });
}

/// PyTorch's class name, such as "SGD". It lives as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_name(optimizer: *const CandleOptimizer) -> *const c_char {
    forward!(candle_optimizer_name(optimizer));
    // SAFETY: the caller keeps the contract of the header.
    neutral(c"".as_ptr(), || unsafe { Ok(borrow(optimizer, "optimizer")?.name.as_ptr()) })
}

/// Changes every parameter that has a gradient.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` for LBFGS, which has `candle_lbfgs_step`, and while this thread captures a
/// graph: each step is another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_step(
    optimizer: *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_step(optimizer, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "step", || {
            let optimizer = borrow_mut(optimizer, "optimizer")?;
            // Which step it is, and how fast it learns, are numbers of its launch, which a graph would do again as they were.
            refuse_in_graph("an optimizer cannot step, as each step is another (it is one launch, after a replay),")?;
            optimizer.read().step()
        })
    }
}

/// Clears the gradients, computes the loss, lets `candle_tensor_backward` compute its gradients, and writes the
/// loss to `loss`. It may use the optimizer, as in `candle_optimizer_zero_grad`.
pub type CandleLossCallback = Option<unsafe extern "C" fn(user_data: *mut c_void, loss: *mut f64) -> CandleStatus>;

/// Makes a step of LBFGS, which asks `closure` for the loss as often as it needs to, and tells in `out_loss` what the
/// loss was in the beginning. PyTorch: `torch.optim.LBFGS.step`
///
/// `user_data` may be NULL. `out_loss` may be NULL. When `closure` fails, the step ends with `CANDLE_ERROR_CALLBACK`
/// and what it has changed stays changed. Fails with `CANDLE_ERROR_BUSY` within `closure`, and with
/// `CANDLE_ERROR_INVALID_ARGUMENT` for another optimizer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_lbfgs_step(
    optimizer: *mut CandleOptimizer,
    closure: CandleLossCallback,
    user_data: *mut c_void,
    out_loss: *mut f64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_lbfgs_step(optimizer, closure, user_data, out_loss, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "step", || {
            // Neither the handle nor the lock is held while the closure runs: it may use the optimizer.
            let optimizer = look(optimizer, "optimizer")?;
            let closure = closure.ok_or_else(|| null("closure"))?;
            let out_loss = if out_loss.is_null() { None } else { Some(output(out_loss, "out_loss")?) };
            let mut search = optimizer.read().begin_search()?;
            let found = search.run(&mut || {
                let mut loss = f64::NAN;
                let span = profile::callback("closure");
                let status = closure(user_data, &raw mut loss);
                drop(span);
                returned(status, "closure")?;
                Ok(loss)
            });
            optimizer.read().end_search(search);
            let loss = found?;
            if let Some(out_loss) = out_loss {
                out_loss.set(loss);
            }
            Ok(())
        })
    }
}

/// Clears the gradients of all parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_zero_grad(
    optimizer: *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_zero_grad(optimizer, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "zero_grad", || borrow_mut(optimizer, "optimizer")?.read().zero_grad()) }
}

/// Adds a group with the options that the optimizer was made with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_add_param_group(
    optimizer: *mut CandleOptimizer,
    params: *const *const CandleTensor,
    num_params: usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_add_param_group(optimizer, params, num_params, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "add_param_group", || {
            let optimizer = borrow_mut(optimizer, "optimizer")?;
            let params = tensors(params, num_params)?;
            optimizer.read().add_param_group(params)
        })
    }
}

/// The number of groups.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_num_groups(optimizer: *const CandleOptimizer) -> usize {
    forward!(candle_optimizer_num_groups(optimizer));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(optimizer, "optimizer")?.read().num_groups()) })
}

/// The parameters of a group, as handles on the tensors that the optimizer changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_params(
    optimizer: *const CandleOptimizer,
    group: usize,
    outputs: *mut *mut CandleTensor,
    capacity: usize,
    num_outputs: *mut usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_params(optimizer, group, outputs, capacity, num_outputs, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "params", || {
            let room = output_list(outputs, capacity, num_outputs)?;
            let optimizer = borrow(optimizer, "optimizer")?;
            let params = optimizer.read().params(group)?.to_vec();
            room.put(params)
        })
    }
}

/// Copies the name of an option, counted from 0, NUL-terminated and cut where `capacity` ends, and returns its whole
/// length; 0 when there are not so many.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_option_name(
    optimizer: *const CandleOptimizer,
    index: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_optimizer_option_name(optimizer, index, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let optimizer = borrow(optimizer, "optimizer")?;
        let found = optimizer.read().option_names().get(index).copied().unwrap_or_default();
        copy_text(found, name, capacity, "name")
    })
}

/// Copies the name of something that may be remembered of a parameter, such as "exp_avg", counted from 0,
/// NUL-terminated and cut where `capacity` ends, and returns its whole length; 0 when there are not so many.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_state_name(
    optimizer: *const CandleOptimizer,
    index: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_optimizer_state_name(optimizer, index, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let optimizer = borrow(optimizer, "optimizer")?;
        let found = optimizer.read().state_names().get(index).copied().unwrap_or_default();
        copy_text(found, name, capacity, "name")
    })
}

/// An option of a group, such as "lr"; switches are 0 and 1, PyTorch's `betas` are "beta1" and "beta2".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_get_option(
    optimizer: *const CandleOptimizer,
    group: usize,
    name: *const c_char,
    value: *mut f64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_get_option(optimizer, group, name, value, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_option", || {
            let value = output(value, "value")?;
            let optimizer = borrow(optimizer, "optimizer")?;
            value.set(optimizer.read().option(group, text(name, "name")?)?);
            Ok(())
        })
    }
}

/// Sets options of a group. They are checked together, and none is set when one is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_set_options(
    optimizer: *mut CandleOptimizer,
    group: usize,
    names: *const *const c_char,
    values: *const f64,
    num_values: usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_set_options(optimizer, group, names, values, num_values, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_options", || {
            let optimizer = borrow_mut(optimizer, "optimizer")?;
            let names = slice(names, num_values, "names")?;
            let values = slice(values, num_values, "values")?;
            let pairs = names
                .iter()
                .zip(values)
                .map(|(&name, &value)| Ok((text(name, "names")?, value)))
                .collect::<candle_ffi_core::Result<Vec<_>>>()?;
            optimizer.read().set_options(group, &pairs)
        })
    }
}

/// What the optimizer remembers of a parameter, such as "momentum_buffer", as a copy; `state` becomes NULL
/// when there is nothing yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_get_state(
    optimizer: *const CandleOptimizer,
    group: usize,
    index: usize,
    name: *const c_char,
    state: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_get_state(optimizer, group, index, name, state, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_state", || {
            let state = output(state, "state")?;
            let optimizer = borrow(optimizer, "optimizer")?;
            let found = optimizer.read().state(group, index, text(name, "name")?)?;
            state.set(tensor_or_null(found));
            Ok(())
        })
    }
}

/// Sets what the optimizer remembers of a parameter; `state` may be NULL, which clears it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_set_state(
    optimizer: *mut CandleOptimizer,
    group: usize,
    index: usize,
    name: *const c_char,
    state: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_optimizer_set_state(optimizer, group, index, name, state, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_state", || {
            let optimizer = borrow_mut(optimizer, "optimizer")?;
            let name = text(name, "name")?;
            let state = borrow_optional(state, "state")?;
            optimizer.read().set_state(group, index, name, state.as_deref())
        })
    }
}
