//! Padding.
//!
//! Layers that add elements at the ends of spatial dimensions. `padding` is one number for all ends, or two for each
//! dimension, from the last one on.

use super::Function;
use crate::{Error, PadMode, Result, ops};

/// The padding of both ends of `dims` dimensions.
fn ends(padding: &[i64], dims: usize) -> Result<Vec<i64>> {
    match *padding {
        [one] => Ok(vec![one; 2 * dims]),
        _ if padding.len() == 2 * dims => Ok(padding.to_vec()),
        _ => Err(Error::argument(format!("padding takes one number or {}, and is {padding:?}", 2 * dims))),
    }
}

fn padding_layer(
    name: &'static str,
    padding: &[i64],
    dims: usize,
    mode: PadMode,
    value: Option<f64>,
) -> Result<Function> {
    let padding = ends(padding, dims)?;
    Ok(Function::new(name, move |input| ops::pad(input, &padding, mode, value)))
}

/// Pads the last dimension with a number.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ConstantPad1d`
pub fn constant_pad1d(padding: &[i64], value: f64) -> Result<Function> {
    padding_layer("ConstantPad1d", padding, 1, PadMode::Constant, Some(value))
}

/// Pads the last 2 dimensions with a number.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ConstantPad2d`
pub fn constant_pad2d(padding: &[i64], value: f64) -> Result<Function> {
    padding_layer("ConstantPad2d", padding, 2, PadMode::Constant, Some(value))
}

/// Pads the last 3 dimensions with a number.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ConstantPad3d`
pub fn constant_pad3d(padding: &[i64], value: f64) -> Result<Function> {
    padding_layer("ConstantPad3d", padding, 3, PadMode::Constant, Some(value))
}

/// Pads the last dimension with zeros.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ZeroPad1d`
pub fn zero_pad1d(padding: &[i64]) -> Result<Function> {
    padding_layer("ZeroPad1d", padding, 1, PadMode::Constant, None)
}

/// Pads the last 2 dimensions with zeros.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ZeroPad2d`
pub fn zero_pad2d(padding: &[i64]) -> Result<Function> {
    padding_layer("ZeroPad2d", padding, 2, PadMode::Constant, None)
}

/// Pads the last 3 dimensions with zeros.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ZeroPad3d`
pub fn zero_pad3d(padding: &[i64]) -> Result<Function> {
    padding_layer("ZeroPad3d", padding, 3, PadMode::Constant, None)
}

/// Pads the last dimension with the mirror image of the input, without its border.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReflectionPad1d`
pub fn reflection_pad1d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReflectionPad1d", padding, 1, PadMode::Reflect, None)
}

/// Pads the last 2 dimensions with the mirror image of the input, without its border.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReflectionPad2d`
pub fn reflection_pad2d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReflectionPad2d", padding, 2, PadMode::Reflect, None)
}

/// Pads the last 3 dimensions with the mirror image of the input, without its border.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReflectionPad3d`
pub fn reflection_pad3d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReflectionPad3d", padding, 3, PadMode::Reflect, None)
}

/// Pads the last dimension with the border of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReplicationPad1d`
pub fn replication_pad1d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReplicationPad1d", padding, 1, PadMode::Replicate, None)
}

/// Pads the last 2 dimensions with the border of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReplicationPad2d`
pub fn replication_pad2d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReplicationPad2d", padding, 2, PadMode::Replicate, None)
}

/// Pads the last 3 dimensions with the border of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.ReplicationPad3d`
pub fn replication_pad3d(padding: &[i64]) -> Result<Function> {
    padding_layer("ReplicationPad3d", padding, 3, PadMode::Replicate, None)
}

/// Pads the last dimension with the other end of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.CircularPad1d`
pub fn circular_pad1d(padding: &[i64]) -> Result<Function> {
    padding_layer("CircularPad1d", padding, 1, PadMode::Circular, None)
}

/// Pads the last 2 dimensions with the other end of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.CircularPad2d`
pub fn circular_pad2d(padding: &[i64]) -> Result<Function> {
    padding_layer("CircularPad2d", padding, 2, PadMode::Circular, None)
}

/// Pads the last 3 dimensions with the other end of the input.
///
/// # Errors
/// `InvalidArgument` for a wrong number of sizes.
///
/// # PyTorch
/// `torch.nn.CircularPad3d`
pub fn circular_pad3d(padding: &[i64]) -> Result<Function> {
    padding_layer("CircularPad3d", padding, 3, PadMode::Circular, None)
}
