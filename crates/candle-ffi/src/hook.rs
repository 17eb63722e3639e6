//! Hooks.
//!
//! A hook sees the gradient of a tensor in every backward pass that reaches it, and may replace it.

use crate::callback::{CandleFreeCallback, UserData, returned};
use crate::error::{CandleError, CandleStatus};
use crate::handle::{Lent, borrow, free, look};
use crate::panic::guard;
use crate::pointer::{null, output};
use crate::tensor::CandleTensor;
use candle_ffi_core::{Result, Tensor, profile};
use std::ffi::c_void;
use std::ptr;

/// Called with the whole gradient of a tensor, borrowed for the call. A new handle that it writes to
/// `replacement` (NULL before the call) takes the gradient's place and belongs to the library from then on.
pub type CandleHookCallback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        gradient: *const CandleTensor,
        replacement: *mut *mut CandleTensor,
    ) -> CandleStatus,
>;

/// Has `hook` called with the gradient of a tensor, until `candle_tensor_remove_hook` is called with `id`
/// or the tensor is gone. PyTorch: `torch.Tensor.register_hook`
///
/// `user_data` may be NULL. `free_user_data` is called with it once the hook is removed, and also when this
/// function fails. Fails with `CANDLE_ERROR_GRAPH` for a tensor that does not require a gradient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_register_hook(
    tensor: *const CandleTensor,
    hook: CandleHookCallback,
    user_data: *mut c_void,
    free_user_data: CandleFreeCallback,
    id: *mut u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_register_hook(tensor, hook, user_data, free_user_data, id, error));
    let user_data = UserData::new(user_data, free_user_data);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "register_hook", || {
            let id = output(id, "id")?;
            let hook = hook.ok_or_else(|| null("hook"))?;
            let tensor = look(tensor, "tensor")?;
            let call = move |gradient: &Tensor| -> Result<Option<Tensor>> {
                let lent = Lent::<CandleTensor>::new(gradient.clone());
                let mut replacement: *mut CandleTensor = ptr::null_mut();
                let span = profile::callback("hook");
                let status = hook(user_data.get(), lent.pointer(), &mut replacement);
                drop(span);
                // A hook that hands back what it was given changes nothing.
                let replaced = if replacement.is_null() || ptr::eq(replacement, lent.pointer()) {
                    Ok(None)
                } else {
                    let new = borrow(replacement, "replacement").map(|new| Some(new.clone()));
                    if new.is_ok() {
                        free(replacement);
                    }
                    new
                };
                returned(status, "hook")?;
                replaced
            };
            id.set(tensor.register_hook(Box::new(call))?);
            Ok(())
        })
    }
}

/// Removes a hook of a tensor; one that is not there, or no longer, is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_remove_hook(
    tensor: *const CandleTensor,
    id: u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_remove_hook(tensor, id, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "remove_hook", || {
            look(tensor, "tensor")?.remove_hook(id);
            Ok(())
        })
    }
}
