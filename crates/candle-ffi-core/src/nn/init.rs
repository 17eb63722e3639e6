//! Initial values of weights, as PyTorch's layers make them.

use super::Factory;
use crate::random::or_default;
use crate::{Result, Tensor, compute, shape};

/// Uniform in `[-bound, bound)`.
pub(super) fn uniform(sizes: &[i64], bound: f64, factory: &Factory) -> Result<Tensor> {
    let dims = shape::from_sizes(sizes)?;
    let count = shape::check_allocation_on(&dims, factory.dtype, factory.device)?;
    let draws = or_default(factory.generator.as_ref()).draw_on(count, factory.device)?;
    Ok(Tensor::from_value(compute::uniform(draws, &dims, factory.dtype, factory.device, -bound, bound)?))
}

/// Normal with mean 0 and deviation 1.
pub(super) fn normal(sizes: &[i64], factory: &Factory) -> Result<Tensor> {
    let dims = shape::from_sizes(sizes)?;
    let count = shape::check_allocation_on(&dims, factory.dtype, factory.device)?;
    let draws = or_default(factory.generator.as_ref()).draw_on(count, factory.device)?;
    Ok(Tensor::from_value(compute::normal(draws, &dims, factory.dtype, factory.device, 0.0, 1.0)?))
}

/// All elements the same.
pub(super) fn constant(sizes: &[i64], value: f64, factory: &Factory) -> Result<Tensor> {
    let dims = shape::from_sizes(sizes)?;
    Ok(Tensor::from_value(compute::fill(value, &dims, factory.dtype, factory.device)?))
}

/// The bound of PyTorch's default for weights and biases of maps with `fan_in` inputs: He's uniform
/// initialisation with a = √5 comes to `1 / √fan_in`.
pub(super) fn fan_in_bound(fan_in: i64) -> f64 {
    if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 }
}
