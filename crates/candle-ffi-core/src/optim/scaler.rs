//! Gradients of a scaled loss, brought back to their size, in place.

use crate::autograd::GradMode;
use crate::{DType, Device, Error, Result, Tensor, compute, ops};

/// Multiplies the gradients of all parameters by `inverse_scale`, in place, and gives a number on their device that is 0
/// where all of them are finite, and NaN elsewhere. The host does not wait for it.
///
/// Fails with `DType` for gradients in `float16`: their scale is what keeps them from vanishing.
pub fn unscale_grads(params: &[Tensor], inverse_scale: f64) -> Result<Tensor> {
    let _mode = GradMode::new(false);
    let mut gradients: Vec<_> = params.iter().filter_map(Tensor::grad).collect();
    for gradient in &gradients {
        if gradient.dtype() == DType::Float16 {
            let message = "gradients in float16 cannot be unscaled; keep the parameters in float32";
            return Err(Error::dtype(message, &[DType::Float16]));
        }
        gradient.check_unseen_change()?;
    }
    let mut found: Option<Tensor> = None;
    // Those of a device together.
    while let Some(device) = gradients.first().map(Tensor::device) {
        let (group, others): (Vec<_>, Vec<_>) = gradients.into_iter().partition(|gradient| gradient.device() == device);
        gradients = others;
        let values: Vec<_> = group.iter().map(Tensor::value).collect();
        let sum = match compute::unscale_all(&values, inverse_scale)? {
            Some(sum) => {
                group.iter().for_each(Tensor::bump_version);
                Tensor::from_value(sum)
            }
            None => one_after_the_other(&group, inverse_scale)?,
        };
        found = Some(match found {
            Some(before) => ops::add(&before, &ops::to_device(&sum, before.device())?)?,
            None => sum,
        });
    }
    found.map_or_else(|| ops::full(&[], 0.0, DType::Float32, Device::CPU), Ok)
}

/// The same for gradients of one device, of which there is one at least.
fn one_after_the_other(gradients: &[Tensor], inverse_scale: f64) -> Result<Tensor> {
    let mut found: Option<Tensor> = None;
    for gradient in gradients {
        ops::mul_(gradient, &ops::common::number(inverse_scale))?;
        // Zero times what is not finite is NaN, and so is every sum with it.
        let zeros = ops::mul(gradient, &ops::common::number(0.0))?;
        let sum = ops::to_dtype(&ops::sum(&zeros, None, false, None)?, DType::Float32)?;
        found = Some(match found {
            Some(before) => ops::add(&before, &sum)?,
            None => sum,
        });
    }
    found.map_or_else(|| ops::full(&[], 0.0, DType::Float32, Device::CPU), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_become_smaller_and_what_is_not_finite_is_found() {
        let param = |values: [f64; 2]| {
            let tensor = ops::full(&[2], 0.0, DType::Float32, Device::CPU).unwrap();
            tensor.set_requires_grad(true).unwrap();
            let parts = values.map(|value| ops::full(&[], value, DType::Float32, Device::CPU).unwrap());
            tensor.set_grad(Some(&ops::stack(&[&parts[0], &parts[1]], 0).unwrap())).unwrap();
            tensor
        };
        let (first, second) = (param([4.0, -8.0]), param([2.0, 0.0]));
        let found = unscale_grads(&[first.clone(), second], 0.25).unwrap();
        assert_eq!(found.to_number().unwrap(), 0.0);
        let sum = ops::sum(&first.grad().unwrap(), None, false, None).unwrap();
        assert_eq!(sum.to_number().unwrap(), -1.0);
        for bad in [f64::INFINITY, f64::NAN, f64::NEG_INFINITY] {
            let found = unscale_grads(&[first.clone(), param([1.0, bad])], 0.5).unwrap();
            assert!(found.to_number().unwrap().is_nan());
        }
        assert_eq!(unscale_grads(&[], 0.5).unwrap().to_number().unwrap(), 0.0);
    }
}
