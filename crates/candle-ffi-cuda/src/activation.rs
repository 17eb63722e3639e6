//! Activation functions with parameters, and their gradients.

use crate::array::{device, empty};
use crate::copy::{contiguous, followed};
use crate::launch::Launch;
use crate::{is_float, ptx};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{Result, Tensor};
use candle_ffi_kernels::activation::Activation;

/// The parameters of a function (`Parameters` in `activation.cu`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Parameters([f64; 3]);

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Parameters {}

/// The kernels of a function, forward and backward, and its parameters in their order.
fn kernels(op: Activation) -> (&'static str, &'static str, Parameters) {
    macro_rules! named {
        ($name:literal, [$($parameter:expr),*]) => {{
            let given: &[f64] = &[$($parameter),*];
            let parameters = std::array::from_fn(|at| given.get(at).copied().unwrap_or_default());
            (concat!("activation_", $name), concat!("activation_grad_", $name), Parameters(parameters))
        }};
    }
    match op {
        Activation::LeakyRelu { slope } => named!("leaky_relu", [slope]),
        Activation::Elu { alpha, scale, steepness } => named!("elu", [scale, alpha * scale, steepness]),
        Activation::Hardtanh { min, max } => named!("hardtanh", [min, max]),
        Activation::Threshold { threshold, value } => named!("threshold", [threshold, value]),
        Activation::Softplus { beta, threshold } => named!("softplus", [beta, threshold]),
        Activation::LogSigmoid => named!("log_sigmoid", []),
        Activation::Mish => named!("mish", []),
        Activation::Softsign => named!("softsign", []),
        Activation::Tanhshrink => named!("tanhshrink", []),
        Activation::Hardswish => named!("hardswish", []),
        Activation::Hardsigmoid => named!("hardsigmoid", []),
        Activation::Hardshrink { lambda } => named!("hardshrink", [lambda]),
        Activation::Softshrink { lambda } => named!("softshrink", [lambda]),
    }
}

/// The function of each element of a floating tensor; None for other dtypes.
pub fn activation(op: Activation, x: &Tensor) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) {
        return Ok(None);
    }
    let (name, _, parameters) = kernels(op);
    let x = followed(x)?;
    let result = empty(device(&x)?, x.shape(), x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::ACTIVATION, name, x.dtype())?;
    launch.strided(&x)?.tensor(&result)?.value(parameters);
    // SAFETY: as `ACTIVATION` of activation.cu is declared; the result has as many elements as x.
    unsafe { launch.over_packs(x.elem_count(), 16 / x.dtype().size_in_bytes()) }?;
    Ok(Some(result))
}

/// The gradient of the input, from the input and the gradient of the output, of one shape and dtype.
pub fn activation_grad(op: Activation, x: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) || x.dtype() != grad.dtype() || x.dims() != grad.dims() {
        return Ok(None);
    }
    let (_, name, parameters) = kernels(op);
    let (x, grad) = (contiguous(x)?, contiguous(grad)?);
    let result = empty(device(&x)?, x.shape(), x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::ACTIVATION, name, x.dtype())?;
    launch.tensor(&x)?.tensor(&grad)?.tensor(&result)?.value(parameters);
    // SAFETY: as `ACTIVATION` of activation.cu is declared; all three have as many elements, without gaps.
    unsafe { launch.over_packs(x.elem_count(), 16 / x.dtype().size_in_bytes()) }?;
    Ok(Some(result))
}
