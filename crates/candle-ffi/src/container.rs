//! Containers.
//!
//! Modules made of the modules that are added to them, which may go on to be used. Names of parameters
//! and buffers begin with the names that the modules have there.

use crate::error::{CandleError, CandleStatus};
use crate::handle::borrow_mut;
use crate::module::{CandleModule, Layer};
use crate::panic::guard;
use crate::pointer::{output, text};
use candle_ffi_core::nn::{Container, Module, SharedModule};
use candle_ffi_core::{Error, Result};
use std::ffi::c_char;
use std::sync::Arc;

/// An empty sequence of layers; `candle_sequential_push` adds them. PyTorch: `torch.nn.Sequential`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sequential_new(
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_sequential_new(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Sequential", || {
            output(out, "out")?.put(Layer::container(Container::sequential()));
            Ok(())
        })
    }
}

/// Adds a module at the end of a sequential one; both may go on to be used.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when the first is no Sequential.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sequential_push(
    sequential: *mut CandleModule,
    module: *const CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_sequential_push(sequential, module, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "sequential_push", || {
            let container = borrow_mut(sequential, "sequential")?;
            let module = container.beside(module, "module")?;
            takes(&container, "Sequential", &module)?.push(module.module.clone());
            Ok(())
        })
    }
}

/// An empty list of layers that the caller applies; `candle_module_list_push` adds them.
/// PyTorch: `torch.nn.ModuleList`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_list_new(
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_list_new(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "ModuleList", || {
            output(out, "out")?.put(Layer::container(Container::list()));
            Ok(())
        })
    }
}

/// Adds a module at the end of a list; its name is its position.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when the first is no ModuleList.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_list_push(
    list: *mut CandleModule,
    module: *const CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_list_push(list, module, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_list_push", || {
            let container = borrow_mut(list, "list")?;
            let module = container.beside(module, "module")?;
            takes(&container, "ModuleList", &module)?.push(module.module.clone());
            Ok(())
        })
    }
}

/// An empty set of named layers that the caller applies; `candle_module_dict_insert` adds them.
/// PyTorch: `torch.nn.ModuleDict`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_dict_new(
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_dict_new(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "ModuleDict", || {
            output(out, "out")?.put(Layer::container(Container::dict()));
            Ok(())
        })
    }
}

/// Puts a module under a name, in the place of the one that has it, or at the end.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when the first is no ModuleDict, or the name is empty or
/// has a dot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_dict_insert(
    dict: *mut CandleModule,
    name: *const c_char,
    module: *const CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_dict_insert(dict, name, module, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_dict_insert", || {
            let container = borrow_mut(dict, "dict")?;
            let name = text(name, "name")?;
            let module = container.beside(module, "module")?;
            takes(&container, "ModuleDict", &module)?.insert(name, module.module.clone())
        })
    }
}

/// The container of a handle, when it is of this kind and may take the module.
fn takes<'a>(layer: &'a Layer, kind: &str, module: &Layer) -> Result<&'a Container> {
    let container = layer.container.as_deref().filter(|container| container.name() == kind);
    let container = container
        .ok_or_else(|| Error::argument(format!("{} is no {kind} and takes no layers", layer.module.name())))?;
    if contains(module.module.as_ref(), &layer.module) || Arc::ptr_eq(&layer.module, &module.module) {
        return Err(Error::argument(format!("a {kind} cannot contain itself")));
    }
    Ok(container)
}

fn contains(module: &dyn Module, wanted: &SharedModule) -> bool {
    module.children().iter().any(|(_, child)| Arc::ptr_eq(child, wanted) || contains(child.as_ref(), wanted))
}
