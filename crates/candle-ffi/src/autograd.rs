//! Gradients.
//!
//! Operations on tensors that require gradients are recorded; `candle_tensor_backward` walks the record
//! and adds to the gradients of the leaves. Recording is a switch of each thread.

use crate::error::{CandleError, CandleStatus};
use crate::handle::{borrow, borrow_list, borrow_list_optional, borrow_mut, borrow_optional, look};
use crate::panic::{guard, neutral};
use crate::pointer::{copy_text, output, slice_output};
use crate::tensor::{CandleTensor, tensor_or_null};
use candle_ffi_core::{Error, ErrorCode, autograd};
use std::cell::RefCell;
use std::ffi::c_char;

/// Adds the gradients of `tensor` to those of the leaves it was computed from.
///
/// `gradient` may be NULL for a tensor of one element, and then is 1. The record is freed unless
/// `retain_graph` or `create_graph` is not 0; with `create_graph` the gradients are recorded themselves.
/// Fails with `CANDLE_ERROR_GRAPH` when there is no record, or it was freed already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_backward(
    tensor: *const CandleTensor,
    gradient: *const CandleTensor,
    retain_graph: i32,
    create_graph: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_backward(tensor, gradient, retain_graph, create_graph, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "backward", || {
            let tensor = borrow(tensor, "tensor")?;
            let gradient = borrow_optional(gradient, "gradient")?;
            autograd::backward(&tensor, gradient.as_deref(), retain_graph != 0, create_graph != 0)
        })
    }
}

/// The gradients of `outputs` with respect to `inputs`, any tensors of the graph; leaves are not touched.
///
/// `grad_outputs` may be NULL, as may each of its `num_outputs` pointers: then the output must have one
/// element. `grads` has room for `num_inputs` handles; the one of an unused input becomes NULL when
/// `allow_unused` is not 0, and fails with `CANDLE_ERROR_GRAPH` otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_grad(
    outputs: *const *const CandleTensor,
    num_outputs: usize,
    inputs: *const *const CandleTensor,
    num_inputs: usize,
    grad_outputs: *const *const CandleTensor,
    retain_graph: i32,
    create_graph: i32,
    allow_unused: i32,
    grads: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_grad(
        outputs,
        num_outputs,
        inputs,
        num_inputs,
        grad_outputs,
        retain_graph,
        create_graph,
        allow_unused,
        grads,
        error
    ));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "grad", || {
            let outputs = borrow_list(outputs, num_outputs, "outputs")?;
            let inputs = borrow_list(inputs, num_inputs, "inputs")?;
            let count = if grad_outputs.is_null() { 0 } else { num_outputs };
            let grad_outputs = borrow_list_optional(grad_outputs, count, "grad_outputs")?;
            let room = slice_output(grads, num_inputs, "grads")?;
            let found = autograd::grad(
                &outputs.references(),
                &inputs.references(),
                &grad_outputs.iter().map(Option::as_deref).collect::<Vec<_>>(),
                retain_graph != 0,
                create_graph != 0,
                allow_unused != 0,
            )?;
            for (slot, grad) in room.iter_mut().zip(found) {
                slot.write(tensor_or_null(grad));
            }
            Ok(())
        })
    }
}

/// 1 when gradients flow to or through a tensor, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_requires_grad(tensor: *const CandleTensor) -> i32 {
    forward!(candle_tensor_requires_grad(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.requires_grad().into()) })
}

/// Asks for a gradient of a leaf, or no longer.
///
/// Fails with `CANDLE_ERROR_DTYPE` for integers and bools, with `CANDLE_ERROR_GRAPH` when a result of a
/// recorded operation shall stop requiring one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_set_requires_grad(
    tensor: *mut CandleTensor,
    requires_grad: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_set_requires_grad(tensor, requires_grad, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "set_requires_grad", || borrow_mut(tensor, "tensor")?.set_requires_grad(requires_grad != 0)) }
}

/// 1 when a tensor was made by the user and not by a recorded operation, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_is_leaf(tensor: *const CandleTensor) -> i32 {
    forward!(candle_tensor_is_leaf(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.is_leaf().into()) })
}

/// Copies the name of the operation that made a tensor, NUL-terminated and cut where `capacity` ends,
/// and returns its whole length; 0 when no recorded operation made it.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_grad_fn_name(
    tensor: *const CandleTensor,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_tensor_grad_fn_name(tensor, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let tensor = look(tensor, "tensor")?;
        copy_text(tensor.grad_fn_name().unwrap_or_default(), name, capacity, "name")
    })
}

/// The gradient accumulated so far, as a handle on the same tensor; `out` becomes NULL when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_grad(
    tensor: *const CandleTensor,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_grad(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "grad", || {
            let out = output(out, "out")?;
            out.set(tensor_or_null(look(tensor, "tensor")?.grad()));
            Ok(())
        })
    }
}

/// Replaces the gradient of a tensor; `grad` may be NULL, which clears it.
///
/// Fails when shape, dtype or device are not the tensor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_set_grad(
    tensor: *mut CandleTensor,
    grad: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_set_grad(tensor, grad, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_grad", || {
            let tensor = borrow_mut(tensor, "tensor")?;
            let grad = tensor.beside_optional(grad, "grad")?;
            tensor.set_grad(grad.as_deref())
        })
    }
}

thread_local! {
    /// What recording was before each push of this thread.
    static MODES: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// Switches recording on this thread on (1) or off (0) until the matching `candle_grad_mode_pop`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_grad_mode_push(enabled: i32, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_grad_mode_push(enabled, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "grad_mode_push", || {
            MODES.with_borrow_mut(|modes| modes.push(autograd::set_enabled(enabled != 0)));
            Ok(())
        })
    }
}

/// Restores what recording was on this thread before the last push.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when there is no push left to undo.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_grad_mode_pop(error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_grad_mode_pop(error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "grad_mode_pop", || {
            let before = MODES.with_borrow_mut(Vec::pop).ok_or_else(|| {
                Error::new(ErrorCode::InvalidArgument, "there is no candle_grad_mode_push on this thread to undo")
            })?;
            autograd::set_enabled(before);
            Ok(())
        })
    }
}

/// Switches recording on this thread on (1) or off (0).
#[unsafe(no_mangle)]
pub extern "C" fn candle_grad_mode_set(enabled: i32) {
    forward!(candle_grad_mode_set(enabled));
    autograd::set_enabled(enabled != 0);
}

/// 1 when operations on this thread are recorded, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_grad_mode_is_enabled() -> i32 {
    forward!(candle_grad_mode_is_enabled());
    autograd::is_enabled().into()
}
