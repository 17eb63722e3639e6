//! Activations.
//!
//! Layers that apply one function to every element, or along a dimension.

use super::Function;
use crate::{Approximate, Error, Result, ops};

/// `max(x, 0)`.
///
/// # PyTorch
/// `torch.nn.ReLU`
pub fn relu() -> Result<Function> {
    Ok(Function::new("ReLU", ops::relu))
}

/// `min(max(x, 0), 6)`.
///
/// # PyTorch
/// `torch.nn.ReLU6`
pub fn relu6() -> Result<Function> {
    Ok(Function::new("ReLU6", ops::relu6))
}

/// `x` where positive, else `negative_slope · x`.
///
/// # Defaults
/// negative_slope = 0.01
///
/// # PyTorch
/// `torch.nn.LeakyReLU`
pub fn leaky_relu(negative_slope: f64) -> Result<Function> {
    Ok(Function::new("LeakyReLU", move |input| ops::leaky_relu(input, negative_slope)))
}

/// `x` where positive, else `alpha · (exp(x) - 1)`.
///
/// # Defaults
/// alpha = 1.0
///
/// # PyTorch
/// `torch.nn.ELU`
pub fn elu(alpha: f64) -> Result<Function> {
    Ok(Function::new("ELU", move |input| ops::elu(input, alpha)))
}

/// The exponential linear unit with the scale and limit that keep mean 0 and variance 1.
///
/// # PyTorch
/// `torch.nn.SELU`
pub fn selu() -> Result<Function> {
    Ok(Function::new("SELU", ops::selu))
}

/// `x` where positive, else `alpha · (exp(x / alpha) - 1)`.
///
/// # Defaults
/// alpha = 1.0
///
/// # Errors
/// `InvalidArgument` when `alpha` is zero.
///
/// # PyTorch
/// `torch.nn.CELU`
pub fn celu(alpha: f64) -> Result<Function> {
    if alpha == 0.0 {
        return Err(Error::argument("alpha must not be zero"));
    }
    Ok(Function::new("CELU", move |input| ops::celu(input, alpha)))
}

/// The Gaussian error linear unit, exact or approximate.
///
/// # Defaults
/// approximate = none
///
/// # PyTorch
/// `torch.nn.GELU`
pub fn gelu(approximate: Approximate) -> Result<Function> {
    Ok(Function::new("GELU", move |input| ops::gelu(input, approximate)))
}

/// `x · sigmoid(x)`.
///
/// # PyTorch
/// `torch.nn.SiLU`
pub fn silu() -> Result<Function> {
    Ok(Function::new("SiLU", ops::silu))
}

/// `x · tanh(softplus(x))`.
///
/// # PyTorch
/// `torch.nn.Mish`
pub fn mish() -> Result<Function> {
    Ok(Function::new("Mish", ops::mish))
}

/// `log(1 + exp(beta · x)) / beta`, and `x` where `beta · x` is above the threshold.
///
/// # Defaults
/// beta = 1.0, threshold = 20.0
///
/// # PyTorch
/// `torch.nn.Softplus`
pub fn softplus(beta: f64, threshold: f64) -> Result<Function> {
    Ok(Function::new("Softplus", move |input| ops::softplus(input, beta, threshold)))
}

/// `x / (1 + |x|)`.
///
/// # PyTorch
/// `torch.nn.Softsign`
pub fn softsign() -> Result<Function> {
    Ok(Function::new("Softsign", ops::softsign))
}

/// Elements moved toward zero by `lambd`, those nearer than that to zero.
///
/// # Defaults
/// lambd = 0.5
///
/// # Errors
/// `InvalidArgument` when `lambd` is negative.
///
/// # PyTorch
/// `torch.nn.Softshrink`
pub fn softshrink(lambd: f64) -> Result<Function> {
    if lambd.is_nan() || lambd < 0.0 {
        return Err(Error::argument("lambd must not be negative"));
    }
    Ok(Function::new("Softshrink", move |input| ops::softshrink(input, lambd)))
}

/// Elements farther from zero than `lambd`, and zero in the place of the others.
///
/// # Defaults
/// lambd = 0.5
///
/// # PyTorch
/// `torch.nn.Hardshrink`
pub fn hardshrink(lambd: f64) -> Result<Function> {
    Ok(Function::new("Hardshrink", move |input| ops::hardshrink(input, lambd)))
}

/// `x - tanh(x)`.
///
/// # PyTorch
/// `torch.nn.Tanhshrink`
pub fn tanhshrink() -> Result<Function> {
    Ok(Function::new("Tanhshrink", ops::tanhshrink))
}

/// The hyperbolic tangent.
///
/// # PyTorch
/// `torch.nn.Tanh`
pub fn tanh() -> Result<Function> {
    Ok(Function::new("Tanh", ops::tanh))
}

/// The logistic function.
///
/// # PyTorch
/// `torch.nn.Sigmoid`
pub fn sigmoid() -> Result<Function> {
    Ok(Function::new("Sigmoid", ops::sigmoid))
}

/// The logarithm of the logistic function.
///
/// # PyTorch
/// `torch.nn.LogSigmoid`
pub fn logsigmoid() -> Result<Function> {
    Ok(Function::new("LogSigmoid", ops::logsigmoid))
}

/// `min(max(x, min_val), max_val)`.
///
/// # Defaults
/// min_val = -1.0, max_val = 1.0
///
/// # Errors
/// `InvalidArgument` unless `max_val` is larger than `min_val`.
///
/// # PyTorch
/// `torch.nn.Hardtanh`
pub fn hardtanh(min_val: f64, max_val: f64) -> Result<Function> {
    if min_val.is_nan() || max_val.is_nan() || min_val >= max_val {
        return Err(Error::argument("max_val must be larger than min_val"));
    }
    Ok(Function::new("Hardtanh", move |input| ops::hardtanh(input, min_val, max_val)))
}

/// `x · min(max(x + 3, 0), 6) / 6`.
///
/// # PyTorch
/// `torch.nn.Hardswish`
pub fn hardswish() -> Result<Function> {
    Ok(Function::new("Hardswish", ops::hardswish))
}

/// `min(max(x + 3, 0), 6) / 6`.
///
/// # PyTorch
/// `torch.nn.Hardsigmoid`
pub fn hardsigmoid() -> Result<Function> {
    Ok(Function::new("Hardsigmoid", ops::hardsigmoid))
}

/// Elements above a threshold, and a value in the place of the others.
///
/// # PyTorch
/// `torch.nn.Threshold`
pub fn threshold(threshold: f64, value: f64) -> Result<Function> {
    Ok(Function::new("Threshold", move |input| ops::threshold(input, threshold, value)))
}

/// The first half of a dimension times the logistic function of the second half.
///
/// # Defaults
/// dim = -1
///
/// # PyTorch
/// `torch.nn.GLU`
pub fn glu(dim: i64) -> Result<Function> {
    Ok(Function::new("GLU", move |input| ops::glu(input, dim)))
}

/// Exponentials along a dimension, divided by their sum.
///
/// # PyTorch
/// `torch.nn.Softmax`
pub fn softmax(dim: i64) -> Result<Function> {
    Ok(Function::new("Softmax", move |input| ops::softmax(input, dim, None)))
}

/// Logarithms of softmax along a dimension.
///
/// # PyTorch
/// `torch.nn.LogSoftmax`
pub fn log_softmax(dim: i64) -> Result<Function> {
    Ok(Function::new("LogSoftmax", move |input| ops::log_softmax(input, dim, None)))
}

/// Softmax of the negative along a dimension.
///
/// # PyTorch
/// `torch.nn.Softmin`
pub fn softmin(dim: i64) -> Result<Function> {
    Ok(Function::new("Softmin", move |input| ops::softmin(input, dim, None)))
}

/// Softmax over the channels of images `[batch, channels, height, width]` or `[channels, height, width]`.
///
/// # PyTorch
/// `torch.nn.Softmax2d`
pub fn softmax2d() -> Result<Function> {
    Ok(Function::new("Softmax2d", |input| {
        if !matches!(input.dims().len(), 3 | 4) {
            return Err(Error::shape(
                format!(
                    "Softmax2d needs the shape [batch, channels, height, width] or [channels, height, width], and got {:?}",
                    input.dims()
                ),
                &[&input.dims()],
            ));
        }
        ops::softmax(input, -3, None)
    }))
}
