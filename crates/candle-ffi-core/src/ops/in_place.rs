//! Functions of one tensor that write their result into it.

use super::common::in_place;
use crate::{Result, Tensor};

/// Negates each element, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.neg_`
pub fn neg_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::neg)
}

/// Replaces each element by its absolute value, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.abs_`
pub fn abs_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::abs)
}

/// Replaces each element by its sign, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad.
///
/// # PyTorch
/// `torch.Tensor.sign_`
pub fn sign_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::sign)
}

/// Replaces each element by its square root, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.sqrt_`
pub fn sqrt_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::sqrt)
}

/// Replaces each element by its exponential, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.exp_`
pub fn exp_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::exp)
}

/// Replaces each element by its natural logarithm, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.log_`
pub fn log_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::log)
}

/// Replaces each element by its sine, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.sin_`
pub fn sin_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::sin)
}

/// Replaces each element by its cosine, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.cos_`
pub fn cos_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::cos)
}

/// Replaces each element by its hyperbolic tangent, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.tanh_`
pub fn tanh_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::tanh)
}

/// Replaces each element by its logistic function, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for integers.
///
/// # PyTorch
/// `torch.Tensor.sigmoid_`
pub fn sigmoid_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::sigmoid)
}

/// Replaces negative elements by zero, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.relu_`
pub fn relu_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::relu)
}

/// Rounds each element down, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.floor_`
pub fn floor_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::floor)
}

/// Rounds each element up, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.ceil_`
pub fn ceil_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::ceil)
}

/// Rounds each element to the nearest integer, halves to the even one, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for bools.
///
/// # PyTorch
/// `torch.Tensor.round_`
pub fn round_(input: &Tensor) -> Result<()> {
    in_place(input, &[], super::round)
}

/// Limits the elements to a range, in place.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Defaults
/// min = None, max = None
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `InvalidArgument` when neither bound is given.
///
/// # PyTorch
/// `torch.Tensor.clamp_`
pub fn clamp_(input: &Tensor, min: Option<f64>, max: Option<f64>) -> Result<()> {
    in_place(input, &[], |before| super::clamp(before, min, max))
}

/// Puts a number where a mask is true, in place.
///
/// The mask broadcasts. Differentiable with respect to `input` and `value`.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `DType` for a mask that is not bool.
///
/// # PyTorch
/// `torch.Tensor.masked_fill_`
pub fn masked_fill_(input: &Tensor, mask: &Tensor, value: &Tensor) -> Result<()> {
    in_place(input, &[value], |before| super::masked_fill(before, mask, value))
}

/// Divides a tensor in place and rounds down.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Not differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `InvalidArgument` when an integer is divided by zero.
///
/// # PyTorch
/// `torch.Tensor.floor_divide_`
pub fn floor_divide_(input: &Tensor, other: &Tensor) -> Result<()> {
    in_place(input, &[other], |before| super::floor_divide(before, other))
}

/// Replaces a tensor by the remainder of a division, in place.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `InvalidArgument` when an integer is divided by zero.
///
/// # PyTorch
/// `torch.Tensor.remainder_`
pub fn remainder_(input: &Tensor, other: &Tensor) -> Result<()> {
    in_place(input, &[other], |before| super::remainder(before, other))
}
