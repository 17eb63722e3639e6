//! Optimizers.
//!
//! An optimizer changes parameters in place from the gradients that `candle_tensor_backward` has left
//! there. Parameters are in groups with options of their own; options and state have PyTorch's names.

use crate::error::{CandleError, CandleStatus, c_string};
use crate::handle::{Kind, Opaque, borrow, borrow_list, borrow_mut, borrow_optional, free};
use crate::panic::{guard, neutral};
use crate::pointer::{options, output, output_list, slice, text};
use crate::tensor::{CandleTensor, tensor_or_null};
use candle_ffi_core::Tensor;
use candle_ffi_core::optim::{Optimizer, Sgd, SgdOptions};
use std::ffi::{CString, c_char};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Changes parameters in place from their gradients.
pub struct CandleOptimizer {
    _opaque: [u8; 0],
}

/// What a `CandleOptimizer` owns. The lock is for readers on several threads; who changes the optimizer
/// has borrowed it alone.
pub struct Rule {
    optimizer: Mutex<Box<dyn Optimizer>>,
    name: CString,
}

impl Opaque for CandleOptimizer {
    type Value = Rule;
    const KIND: Kind = Kind::Optimizer;
    const NAME: &'static str = "CandleOptimizer";
}

impl Rule {
    fn new(optimizer: impl Optimizer + 'static) -> Self {
        Self { name: c_string(optimizer.name()), optimizer: Mutex::new(Box::new(optimizer)) }
    }

    fn read(&self) -> MutexGuard<'_, Box<dyn Optimizer>> {
        self.optimizer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Options of `candle_sgd_new`; begin with `CANDLE_SGD_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleSgdOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleSgdOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-3`.
    pub lr: f64,
    /// How much of the last direction remains. Default: `0.0`.
    pub momentum: f64,
    /// How much of the gradient is left out of the momentum. Default: `0.0`.
    pub dampening: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 for Nesterov's momentum. Default: `0`.
    pub nesterov: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

impl Default for CandleSgdOptions {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            lr: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: 0,
            maximize: 0,
        }
    }
}

/// Makes an optimizer for stochastic gradient descent over one group. PyTorch: `torch.optim.SGD`
///
/// `options` may be NULL. Fails with `CANDLE_ERROR_INVALID_ARGUMENT` for options out of their domains, and
/// for parameters that are no leaves, not floating, or given twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sgd_new(
    params: *const *const CandleTensor,
    num_params: usize,
    options: *const CandleSgdOptions,
    out: *mut *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "SGD", || {
            let out = output(out, "out")?;
            let params = tensors(params, num_params)?;
            let options = self::options(options, "options")?;
            let options = SgdOptions {
                lr: options.lr,
                momentum: options.momentum,
                dampening: options.dampening,
                weight_decay: options.weight_decay,
                nesterov: options.nesterov != 0,
                maximize: options.maximize != 0,
            };
            out.put(Rule::new(Sgd::new(params, options)?));
            Ok(())
        })
    }
}

/// The tensors that an optimizer keeps.
///
/// # Safety
/// As [`borrow_list`].
unsafe fn tensors(params: *const *const CandleTensor, num_params: usize) -> candle_ffi_core::Result<Vec<Tensor>> {
    // SAFETY: passed on from the caller.
    Ok(unsafe { borrow_list(params, num_params, "params") }?.references().into_iter().cloned().collect())
}

/// Frees an optimizer. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_free(optimizer: *mut CandleOptimizer) {
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(optimizer);
        Ok(())
    });
}

/// PyTorch's class name, such as "SGD". It lives as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_name(optimizer: *const CandleOptimizer) -> *const c_char {
    // SAFETY: the caller keeps the contract of the header.
    neutral(c"".as_ptr(), || unsafe { Ok(borrow(optimizer, "optimizer")?.name.as_ptr()) })
}

/// Changes every parameter that has a gradient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_step(
    optimizer: *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "step", || borrow_mut(optimizer, "optimizer")?.read().step()) }
}

/// Clears the gradients of all parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_zero_grad(
    optimizer: *mut CandleOptimizer,
    error: *mut *mut CandleError,
) -> CandleStatus {
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

/// An option of a group, such as "lr"; flags are 0 and 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_optimizer_get_option(
    optimizer: *const CandleOptimizer,
    group: usize,
    name: *const c_char,
    value: *mut f64,
    error: *mut *mut CandleError,
) -> CandleStatus {
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_state", || {
            let state = output(state, "state")?;
            let optimizer = borrow(optimizer, "optimizer")?;
            let found = optimizer.read().state(group, index, text(name, "name")?)?;
            // A copy: the next step changes the optimizer's own.
            state.set(tensor_or_null(found.map(|tensor| candle_ffi_core::ops::clone(&tensor)).transpose()?));
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
