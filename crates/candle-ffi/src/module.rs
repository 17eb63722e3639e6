//! Modules.
//!
//! Layers and models made of layers: parameters and a forward function. Names, arguments, defaults,
//! initial values and the names of the weights are PyTorch's. The functions that make them are in the
//! sections below. Where there are weights, `dtype` is theirs (`CANDLE_DTYPE_NONE` means the default
//! dtype), and `generator` gives their initial values (NULL means the default one).

use crate::device::{CandleDeviceKind, device_of};
use crate::dtype::{CandleDType, dtype_optional};
use crate::error::{CandleError, CandleStatus, c_string};
use crate::handle::{Kind, Opaque, borrow, borrow_list_optional, borrow_mut, free};
use crate::panic::{guard, neutral};
use crate::pointer::{copy_text, output, output_list, text};
use crate::tensor::CandleTensor;
use crate::tensor_map::CandleTensorMap;
use candle_ffi_core::Error;
use candle_ffi_core::nn::{self, Container, Module, SharedModule};
use std::ffi::{CString, c_char};
use std::path::Path;
use std::sync::Arc;

/// A layer or a model made of layers.
pub struct CandleModule {
    _opaque: [u8; 0],
}

/// What a `CandleModule` owns: a share of the layer, and its name as C reads it.
pub struct Layer {
    pub(crate) module: SharedModule,
    name: CString,
    /// The layer once more when it is a container, whose further layers only it can take.
    pub(crate) container: Option<Arc<Container>>,
}

impl Opaque for CandleModule {
    type Value = Layer;
    const KIND: Kind = Kind::Module;
}

impl Layer {
    pub(crate) fn new(module: impl Module + 'static) -> Self {
        Self { name: c_string(module.name()), module: Arc::new(module), container: None }
    }

    pub(crate) fn container(container: Container) -> Self {
        let container = Arc::new(container);
        Self { name: c_string(container.name()), module: container.clone(), container: Some(container) }
    }

    fn share(&self) -> Self {
        Self { module: self.module.clone(), name: self.name.clone(), container: self.container.clone() }
    }
}

/// Frees a module handle; the weights go with their last user. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_free(module: *mut CandleModule) {
    forward!(candle_module_free(module));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(module);
        Ok(())
    });
}

/// A second handle on the same module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_share(
    module: *const CandleModule,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_share(module, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_share", || {
            let out = output(out, "out")?;
            out.put(borrow(module, "module")?.share());
            Ok(())
        })
    }
}

/// PyTorch's class name, such as "Linear". It lives as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_name(module: *const CandleModule) -> *const c_char {
    forward!(candle_module_name(module));
    // SAFETY: the caller keeps the contract of the header.
    neutral(c"".as_ptr(), || unsafe { Ok(borrow(module, "module")?.name.as_ptr()) })
}

/// The module's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_forward(
    module: *const CandleModule,
    input: *const CandleTensor,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_forward(module, input, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "forward", || {
            let out = output(out, "out")?;
            let module = borrow(module, "module")?;
            let input = borrow(input, "input")?;
            out.put(module.module.forward(&input)?);
            Ok(())
        })
    }
}

/// The module's function of all its inputs, in the order of PyTorch's `forward`: of a recurrent layer, input
/// and states. An input that is not given is a NULL in `inputs`, and those at the end may be left out.
///
/// With too little room in `outputs` the module has been applied all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_forward_many(
    module: *const CandleModule,
    inputs: *const *const CandleTensor,
    num_inputs: usize,
    outputs: *mut *mut CandleTensor,
    capacity: usize,
    num_outputs: *mut usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_forward_many(module, inputs, num_inputs, outputs, capacity, num_outputs, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "forward", || {
            let room = output_list(outputs, capacity, num_outputs)?;
            let module = borrow(module, "module")?;
            let inputs = borrow_list_optional(inputs, num_inputs, "inputs")?;
            let inputs: Vec<_> = inputs.iter().map(|input| input.as_deref()).collect();
            room.put(module.module.forward_many(&inputs)?)
        })
    }
}

/// Switches a module and all inside it to training (1) or evaluation (0).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_set_training(
    module: *mut CandleModule,
    training: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_set_training(module, training, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_training", || {
            nn::set_training(borrow_mut(module, "module")?.module.as_ref(), training != 0);
            Ok(())
        })
    }
}

/// Clears the gradient of every parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_zero_grad(
    module: *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_zero_grad(module, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "zero_grad", || nn::zero_grad(borrow_mut(module, "module")?.module.as_ref())) }
}

/// Moves every parameter and buffer to a device (0 keeps where they are) and converts those that are
/// floating to a floating dtype (`CANDLE_DTYPE_NONE` keeps it). They stay the same tensors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_to(
    module: *mut CandleModule,
    device: CandleDeviceKind,
    device_index: i32,
    dtype: CandleDType,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_to(module, device, device_index, dtype, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_to", || {
            let module = borrow_mut(module, "module")?;
            let device = if device == 0 { None } else { Some(device_of(device, device_index)?) };
            nn::move_to(module.module.as_ref(), device, dtype_optional(dtype, "dtype")?)
        })
    }
}

/// The parameters in PyTorch's order, as handles on the tensors that the module uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_parameters(
    module: *const CandleModule,
    outputs: *mut *mut CandleTensor,
    capacity: usize,
    num_outputs: *mut usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_parameters(module, outputs, capacity, num_outputs, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "parameters", || {
            let room = output_list(outputs, capacity, num_outputs)?;
            let module = borrow(module, "module")?;
            room.put(nn::named_parameters(module.module.as_ref()).into_iter().map(|(_, tensor)| tensor).collect())
        })
    }
}

/// The number of parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_num_parameters(module: *const CandleModule) -> usize {
    forward!(candle_module_num_parameters(module));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(nn::named_parameters(borrow(module, "module")?.module.as_ref()).len()) })
}

/// Copies the dotted name of a parameter, such as "fc1.weight", NUL-terminated and cut where `capacity`
/// ends, and returns its whole length; 0 when there is no such parameter.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_parameter_name(
    module: *const CandleModule,
    index: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_module_parameter_name(module, index, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let module = borrow(module, "module")?;
        let parameters = nn::named_parameters(module.module.as_ref());
        copy_text(parameters.get(index).map_or("", |(found, _)| found), name, capacity, "name")
    })
}

/// The parameter of a dotted name, as a handle on the tensor that the module uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_get_parameter(
    module: *const CandleModule,
    name: *const c_char,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_get_parameter(module, name, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_parameter", || {
            let out = output(out, "out")?;
            let module = borrow(module, "module")?;
            let name = text(name, "name")?;
            let parameters = nn::named_parameters(module.module.as_ref());
            let found = parameters.into_iter().find(|(known, _)| known == name);
            out.put(found.ok_or_else(|| not_in(&module, "parameter", name))?.1);
            Ok(())
        })
    }
}

#[cold]
fn not_in(module: &Layer, kind: &str, name: &str) -> Error {
    Error::argument(format!("{} has no {kind} {name:?}", module.module.name()))
}

/// The number of buffers: what belongs to the state, but is not trained, such as running statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_num_buffers(module: *const CandleModule) -> usize {
    forward!(candle_module_num_buffers(module));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(nn::named_buffers(borrow(module, "module")?.module.as_ref()).len()) })
}

/// Copies the dotted name of a buffer, such as "1.running_mean", as `candle_module_parameter_name` does.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_buffer_name(
    module: *const CandleModule,
    index: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_module_buffer_name(module, index, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let module = borrow(module, "module")?;
        let buffers = nn::named_buffers(module.module.as_ref());
        copy_text(buffers.get(index).map_or("", |(found, _)| found), name, capacity, "name")
    })
}

/// The buffer of a dotted name, as a handle on the tensor that the module uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_get_buffer(
    module: *const CandleModule,
    name: *const c_char,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_get_buffer(module, name, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_buffer", || {
            let out = output(out, "out")?;
            let module = borrow(module, "module")?;
            let name = text(name, "name")?;
            let buffers = nn::named_buffers(module.module.as_ref());
            let found = buffers.into_iter().find(|(known, _)| known == name);
            out.put(found.ok_or_else(|| not_in(&module, "buffer", name))?.1);
            Ok(())
        })
    }
}

/// Puts another tensor of the same shape in the place of a parameter, which is how weights are tied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_set_parameter(
    module: *mut CandleModule,
    name: *const c_char,
    tensor: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_set_parameter(module, name, tensor, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_parameter", || {
            let module = borrow_mut(module, "module")?;
            let (name, tensor) = (text(name, "name")?, borrow(tensor, "tensor")?);
            nn::set_parameter(module.module.as_ref(), name, &tensor)
        })
    }
}

/// Everything that is saved, by dotted name; the tensors are those that the module uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_state_dict(
    module: *const CandleModule,
    out: *mut *mut CandleTensorMap,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_state_dict(module, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "state_dict", || {
            let out = output(out, "out")?;
            out.put(nn::state_dict(borrow(module, "module")?.module.as_ref()).into());
            Ok(())
        })
    }
}

/// Copies values into the parameters and buffers by name.
///
/// Fails with `CANDLE_ERROR_STATE_DICT`, listing everything that does not fit, and changes nothing then.
/// Missing and unexpected names count only when `strict` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_load_state_dict(
    module: *mut CandleModule,
    state: *const CandleTensorMap,
    strict: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_load_state_dict(module, state, strict, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "load_state_dict", || {
            let module = borrow_mut(module, "module")?;
            let state = borrow(state, "state")?;
            nn::load_state_dict(module.module.as_ref(), &state.entries(), strict != 0)
        })
    }
}

/// Writes the state to a safetensors file, which appears whole or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_save(
    module: *const CandleModule,
    path: *const c_char,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_save(module, path, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_save", || {
            let module = borrow(module, "module")?;
            nn::save(module.module.as_ref(), Path::new(text(path, "path")?))
        })
    }
}

/// Reads the state from a safetensors file; see `candle_module_load_state_dict`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_module_load(
    module: *mut CandleModule,
    path: *const c_char,
    strict: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_module_load(module, path, strict, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "module_load", || {
            let module = borrow_mut(module, "module")?;
            nn::load(module.module.as_ref(), Path::new(text(path, "path")?), strict != 0)
        })
    }
}

/// A `candle_simple_nn_new` network with the weights and sizes of a safetensors file.
///
/// Fails with `CANDLE_ERROR_STATE_DICT` when the file holds another model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_simple_nn_load(
    path: *const c_char,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_simple_nn_load(path, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "load_pretrained_model", || {
            let out = output(out, "out")?;
            out.put(Layer::new(nn::SimpleNN::load(Path::new(text(path, "path")?))?));
            Ok(())
        })
    }
}
