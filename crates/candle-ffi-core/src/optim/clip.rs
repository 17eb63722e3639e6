//! Clipping of gradients, in place.

use crate::autograd::GradMode;
use crate::value::Value;
use crate::{DType, Device, Error, Result, Tensor, compute, ops};

/// The norm of all tensors as one vector, as a tensor without dimensions; of order `norm_type`, which may be infinite.
///
/// Fails with `error_if_nonfinite` where the norm is infinite or not a number. `torch.nn.utils.get_total_norm`.
pub fn total_norm(tensors: &[Tensor], norm_type: f64, error_if_nonfinite: bool) -> Result<Tensor> {
    let _mode = GradMode::new(false);
    let Some(first) = tensors.first() else { return ops::full(&[], 0.0, DType::Float32, Device::CPU) };
    let total = if norm_type == 2.0 && tensors.iter().all(on_cpu) {
        let squares = tensors.iter().map(|tensor| compute::sum_of_squares(&tensor.value()));
        let root = squares.sum::<Result<f64>>()?.sqrt();
        ops::full(&[], root, common_dtype(tensors, first), first.device())?
    } else if norm_type == 2.0
        && let Some(norm) = compute::norm_of_all(&values(tensors), common_dtype(tensors, first))?
    {
        Tensor::from_value(norm)
    } else {
        let one = |tensor| ops::to_device(&ops::norm(tensor, norm_type, None, false)?, first.device());
        let norms = tensors.iter().map(one).collect::<Result<Vec<_>>>()?;
        ops::norm(&ops::stack(&norms.iter().collect::<Vec<_>>(), 0)?, norm_type, None, false)?
    };
    if error_if_nonfinite && !total.to_number()?.is_finite() {
        return Err(Error::argument(format!(
            "the total norm of order {norm_type} of the gradients is not finite, so they cannot be clipped; \
             with error_if_nonfinite off they are scaled by it all the same"
        )));
    }
    Ok(total)
}

fn common_dtype(tensors: &[Tensor], first: &Tensor) -> DType {
    tensors.iter().map(Tensor::dtype).fold(first.dtype(), DType::promote)
}

fn values(tensors: &[Tensor]) -> Vec<Value> {
    tensors.iter().map(Tensor::value).collect()
}

fn on_cpu(tensor: &Tensor) -> bool {
    tensor.with_value(|value| value.is_cpu() && value.dtype.is_float())
}

fn gradients(params: &[Tensor]) -> Vec<Tensor> {
    params.iter().filter_map(Tensor::grad).collect()
}

/// Scales the gradients of all parameters, in place, so that their norm as one vector is at most `max_norm`, and
/// gives what it was. `torch.nn.utils.clip_grad_norm_`.
pub fn clip_grad_norm(params: &[Tensor], max_norm: f64, norm_type: f64, error_if_nonfinite: bool) -> Result<Tensor> {
    let _mode = GradMode::new(false);
    let gradients = gradients(params);
    let total = total_norm(&gradients, norm_type, error_if_nonfinite)?;
    if gradients.is_empty() {
        return Ok(total);
    }
    // A little is added so that gradients of zero stay.
    let norm = ops::add(&total, &ops::common::number(1e-6))?;
    let factor = ops::clamp(&ops::div(&ops::common::number(max_norm), &norm)?, None, Some(1.0))?;
    // Times one is no change.
    if factor.device().is_cpu() && factor.to_number()? == 1.0 {
        return Ok(total);
    }
    for gradient in &gradients {
        gradient.check_unseen_change()?;
    }
    if compute::scale_all(&values(&gradients), &factor.value())? {
        gradients.iter().for_each(Tensor::bump_version);
        return Ok(total);
    }
    for gradient in &gradients {
        let factor = ops::to_device(&factor, gradient.device())?;
        ops::mul_(gradient, &ops::to_dtype(&factor, gradient.dtype())?)?;
    }
    Ok(total)
}

/// Limits every element of the gradients of all parameters to `-clip_value … clip_value`, in place.
/// `torch.nn.utils.clip_grad_value_`.
pub fn clip_grad_value(params: &[Tensor], clip_value: f64) -> Result<()> {
    let _mode = GradMode::new(false);
    for gradient in gradients(params) {
        ops::clamp_(&gradient, Some(-clip_value), Some(clip_value))?;
    }
    Ok(())
}
