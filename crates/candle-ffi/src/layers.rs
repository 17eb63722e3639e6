//! Layers.
//!
//! Each function makes a module. Where there are weights, `dtype` is theirs (`CANDLE_DTYPE_NONE` means
//! the default dtype), and a generator may be given for their initial values.

use crate::device::{CandleDeviceKind, device_of};
use crate::dtype::{CandleDType, dtype_optional};
use crate::error::{CandleError, CandleStatus};
use crate::generator::CandleGenerator;
use crate::module::{CandleModule, Layer, shared_generator};
use crate::ops::options::{CandleApproximate, approximate_of};
use crate::panic::guard;
use crate::pointer::{output, slice, text, value_optional};
use candle_ffi_core::nn::{
    Activation, ActivationKind, Dropout, Embedding, Factory, Flatten, LayerNorm, Linear, SimpleNN,
};
use candle_ffi_core::{Generator, Result, default_dtype};
use std::ffi::c_char;
use std::path::Path;

fn factory(dtype: CandleDType, device: CandleDeviceKind, index: i32, generator: Option<Generator>) -> Result<Factory> {
    Ok(Factory {
        dtype: dtype_optional(dtype, "dtype")?.unwrap_or_else(default_dtype),
        device: device_of(device, index)?,
        generator,
    })
}

/// An affine map `x Wᵀ + b`. PyTorch: `torch.nn.Linear`
///
/// `generator` may be NULL for the default one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_linear_new(
    in_features: i64,
    out_features: i64,
    bias: i32,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    generator: *const CandleGenerator,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Linear", || {
            let out = output(out, "out")?;
            let generator = shared_generator(generator)?;
            let factory = factory(dtype, device, device_index, generator)?;
            out.put(Layer::new(Linear::new(in_features, out_features, bias != 0, &factory)?));
            Ok(())
        })
    }
}

/// A table of vectors that is looked up by integers. PyTorch: `torch.nn.Embedding`
///
/// `padding_idx` may be NULL; the vector there begins as zero and gets no gradient. `generator` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_embedding_new(
    num_embeddings: i64,
    embedding_dim: i64,
    padding_idx: *const i64,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    generator: *const CandleGenerator,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Embedding", || {
            let out = output(out, "out")?;
            let padding_idx = value_optional(padding_idx, "padding_idx")?;
            let generator = shared_generator(generator)?;
            let factory = factory(dtype, device, device_index, generator)?;
            out.put(Layer::new(Embedding::new(num_embeddings, embedding_dim, padding_idx, &factory)?));
            Ok(())
        })
    }
}

/// Normalization over the last dimensions, with weights where `elementwise_affine` is not 0 and a bias
/// where `bias` is not 0 too. PyTorch: `torch.nn.LayerNorm`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_layer_norm_new(
    normalized_shape: *const i64,
    num_normalized_shape: usize,
    eps: f64,
    elementwise_affine: i32,
    bias: i32,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "LayerNorm", || {
            let out = output(out, "out")?;
            let normalized_shape = slice(normalized_shape, num_normalized_shape, "normalized_shape")?;
            let factory = factory(dtype, device, device_index, None)?;
            out.put(Layer::new(LayerNorm::new(normalized_shape, eps, elementwise_affine != 0, bias != 0, &factory)?));
            Ok(())
        })
    }
}

/// Zeroes elements with probability `p` in training, and scales the others. PyTorch: `torch.nn.Dropout`
///
/// `generator` may be NULL for the default one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_dropout_new(
    p: f64,
    generator: *const CandleGenerator,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Dropout", || {
            let out = output(out, "out")?;
            out.put(Layer::new(Dropout::new(p, shared_generator(generator)?)?));
            Ok(())
        })
    }
}

/// Makes one dimension of those from `start_dim` to `end_dim`. PyTorch: `torch.nn.Flatten`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_flatten_new(
    start_dim: i64,
    end_dim: i64,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Flatten", || {
            output(out, "out")?.put(Layer::new(Flatten::new(start_dim, end_dim)));
            Ok(())
        })
    }
}

/// Makes the layer of an activation.
///
/// # Safety
/// The pointers are as the contract of the header says.
unsafe fn activation(
    operation: &'static str,
    kind: impl FnOnce() -> Result<ActivationKind>,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, operation, || {
            let out = output(out, "out")?;
            out.put(Layer::new(Activation::new(kind()?)));
            Ok(())
        })
    }
}

/// `max(x, 0)`. PyTorch: `torch.nn.ReLU`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_relu_new(out: *mut *mut CandleModule, error: *mut *mut CandleError) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("ReLU", || Ok(ActivationKind::ReLU), out, error) }
}

/// The Gaussian error linear unit, exact or approximate. PyTorch: `torch.nn.GELU`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_gelu_new(
    approximate: CandleApproximate,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("GELU", || Ok(ActivationKind::GELU(approximate_of(approximate, "approximate")?)), out, error) }
}

/// `x · sigmoid(x)`. PyTorch: `torch.nn.SiLU`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_silu_new(out: *mut *mut CandleModule, error: *mut *mut CandleError) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("SiLU", || Ok(ActivationKind::SiLU), out, error) }
}

/// The hyperbolic tangent. PyTorch: `torch.nn.Tanh`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tanh_new(out: *mut *mut CandleModule, error: *mut *mut CandleError) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("Tanh", || Ok(ActivationKind::Tanh), out, error) }
}

/// The logistic function. PyTorch: `torch.nn.Sigmoid`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sigmoid_new(out: *mut *mut CandleModule, error: *mut *mut CandleError) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("Sigmoid", || Ok(ActivationKind::Sigmoid), out, error) }
}

/// Exponentials along a dimension, divided by their sum. PyTorch: `torch.nn.Softmax`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_softmax_new(
    dim: i64,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { activation("Softmax", || Ok(ActivationKind::Softmax(dim)), out, error) }
}

/// An empty sequence of layers; `candle_sequential_push` adds them. PyTorch: `torch.nn.Sequential`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_sequential_new(
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "Sequential", || {
            output(out, "out")?.put(Layer::sequential());
            Ok(())
        })
    }
}

/// Two affine maps with a ReLU between: `fc2(relu(fc1(x)))`. `generator` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_simple_nn_new(
    in_features: i64,
    hidden_size: i64,
    out_features: i64,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    generator: *const CandleGenerator,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "SimpleNN", || {
            let out = output(out, "out")?;
            let generator = shared_generator(generator)?;
            let factory = factory(dtype, device, device_index, generator)?;
            out.put(Layer::new(SimpleNN::new(in_features, hidden_size, out_features, &factory)?));
            Ok(())
        })
    }
}

/// Such a network with the weights and sizes of a safetensors file.
///
/// Fails with `CANDLE_ERROR_STATE_DICT` when the file holds another model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_simple_nn_load(
    path: *const c_char,
    out: *mut *mut CandleModule,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "load_pretrained_model", || {
            let out = output(out, "out")?;
            out.put(Layer::new(SimpleNN::load(Path::new(text(path, "path")?))?));
            Ok(())
        })
    }
}
