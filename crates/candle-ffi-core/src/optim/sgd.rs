//! Stochastic gradient descent.

use super::SgdOptions;
use super::optimizer::{Group, Optimizer, check_params, no_group, no_option};
use crate::autograd::GradMode;
use crate::{Error, Result, Tensor, compute, ops};

const OPTIONS: [&str; 6] = ["lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"];

/// Stochastic gradient descent with momentum. `torch.optim.SGD`.
///
/// With gradient `g` (negated to maximize), `g += weight_decay · p`; the momentum buffer starts as `g` and then is
/// `b = momentum · b + (1 - dampening) · g`; the update is `p -= lr · b`, with Nesterov
/// `p -= lr · (g + momentum · b)`, without momentum `p -= lr · g`.
pub struct Sgd {
    defaults: SgdOptions,
    groups: Vec<Group<SgdOptions, Option<Tensor>>>,
}

impl Sgd {
    /// One group of parameters.
    pub fn new(params: Vec<Tensor>, options: SgdOptions) -> Result<Self> {
        check_options(&options)?;
        let mut sgd = Self { defaults: options, groups: Vec::new() };
        sgd.add_param_group(params)?;
        Ok(sgd)
    }

    fn group(&self, group: usize) -> Result<&Group<SgdOptions, Option<Tensor>>> {
        self.groups.get(group).ok_or_else(|| no_group(group, self.groups.len()))
    }
}

fn check_options(options: &SgdOptions) -> Result<()> {
    for (name, value) in [("lr", options.lr), ("momentum", options.momentum), ("weight_decay", options.weight_decay)] {
        if value < 0.0 || value.is_nan() {
            return Err(Error::argument(format!("{name} must not be negative, and is {value}")));
        }
    }
    if options.nesterov && (options.momentum <= 0.0 || options.dampening != 0.0) {
        return Err(Error::argument("Nesterov momentum needs a momentum above zero and no dampening"));
    }
    Ok(())
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "SGD"
    }

    fn step(&mut self) -> Result<()> {
        let _mode = GradMode::new(false);
        for group in &mut self.groups {
            for (param, buffer) in group.params.iter().zip(&mut group.state) {
                if let Some(grad) = param.grad() {
                    update(param, &grad, buffer, &group.options)?;
                }
            }
        }
        Ok(())
    }

    fn num_groups(&self) -> usize {
        self.groups.len()
    }

    fn params(&self, group: usize) -> Result<&[Tensor]> {
        Ok(&self.group(group)?.params)
    }

    fn add_param_group(&mut self, params: Vec<Tensor>) -> Result<()> {
        check_params(&params, self.groups.iter().flat_map(|group| &group.params))?;
        let state = vec![None; params.len()];
        self.groups.push(Group { params, options: self.defaults, state });
        Ok(())
    }

    fn option(&self, group: usize, name: &str) -> Result<f64> {
        let options = &self.group(group)?.options;
        Ok(match name {
            "lr" => options.lr,
            "momentum" => options.momentum,
            "dampening" => options.dampening,
            "weight_decay" => options.weight_decay,
            "nesterov" => f64::from(u8::from(options.nesterov)),
            "maximize" => f64::from(u8::from(options.maximize)),
            _ => return Err(no_option(self.name(), name, &OPTIONS)),
        })
    }

    fn set_options(&mut self, group: usize, values: &[(&str, f64)]) -> Result<()> {
        let mut options = self.group(group)?.options;
        for &(name, value) in values {
            match name {
                "lr" => options.lr = value,
                "momentum" => options.momentum = value,
                "dampening" => options.dampening = value,
                "weight_decay" => options.weight_decay = value,
                "nesterov" => options.nesterov = value != 0.0,
                "maximize" => options.maximize = value != 0.0,
                _ => return Err(no_option(self.name(), name, &OPTIONS)),
            }
        }
        check_options(&options)?;
        self.groups[group].options = options;
        Ok(())
    }

    fn state(&self, group: usize, index: usize, name: &str) -> Result<Option<Tensor>> {
        check_state_name(name)?;
        let state = &self.group(group)?.state;
        let buffer = state.get(index).ok_or_else(|| no_param(index, state.len()))?;
        let _mode = GradMode::new(false);
        // A copy: the optimizer's own is changed at every step.
        buffer.as_ref().map(ops::clone).transpose()
    }

    fn set_state(&mut self, group: usize, index: usize, name: &str, value: Option<&Tensor>) -> Result<()> {
        check_state_name(name)?;
        let param =
            self.group(group)?.params.get(index).ok_or_else(|| no_param(index, self.groups[group].state.len()))?;
        // Checked as a gradient would be, and copied: the buffer changes in place from here on.
        let value = value
            .map(|value| {
                if value.dims() != param.dims() {
                    let message = format!(
                        "{name} of shape {:?} does not belong to a parameter of shape {:?}",
                        value.dims(),
                        param.dims()
                    );
                    return Err(Error::shape(message, &[&value.dims(), &param.dims()]));
                }
                let _mode = GradMode::new(false);
                let moved = ops::to_dtype(&ops::to_device(value, param.device())?, param.dtype())?;
                ops::clone(&ops::contiguous(&moved)?)
            })
            .transpose()?;
        self.groups[group].state[index] = value;
        Ok(())
    }
}

fn check_state_name(name: &str) -> Result<()> {
    if name == "momentum_buffer" {
        Ok(())
    } else {
        Err(Error::argument(format!("SGD remembers momentum_buffer and no {name:?}")))
    }
}

#[cold]
fn no_param(index: usize, count: usize) -> Error {
    Error::index(format!("there is no parameter {index} in the group; it has {count}"))
}

fn update(param: &Tensor, grad: &Tensor, buffer: &mut Option<Tensor>, options: &SgdOptions) -> Result<()> {
    let first_step = buffer.is_none();
    // The data of a parameter may have been replaced since its gradient was computed.
    param.check_grad(grad)?;
    if let Some(buffer) = buffer.as_ref().filter(|buffer| buffer.dims() != param.dims()) {
        let (of_buffer, of_param) = (buffer.dims(), param.dims());
        let message =
            format!("the momentum of shape {of_buffer:?} does not belong to a parameter of shape {of_param:?}");
        return Err(Error::shape(message, &[&of_buffer, &of_param]));
    }
    // A module may have been moved or converted since the last step.
    if let Some(before) =
        buffer.as_ref().filter(|before| before.dtype() != param.dtype() || before.device() != param.device())
    {
        *buffer = Some(ops::to_dtype(&ops::to_device(before, param.device())?, param.dtype())?);
    }
    if options.momentum != 0.0 && first_step {
        *buffer = Some(ops::zeros_like(param, None)?);
    }
    let momentum = buffer.as_ref().filter(|_| options.momentum != 0.0);
    let value = param.value();
    let aliased = grad.value().shares_storage_with(&value);
    if value.is_cpu() && value.is_contiguous() && !aliased {
        compute::sgd_into(&value, &grad.value(), momentum.map(Tensor::value).as_ref(), first_step, options)?;
        param.bump_version();
        return Ok(());
    }
    composed(param, grad, momentum, first_step, options)
}

/// The same update made of operations, for parameters that no kernel reaches.
fn composed(
    param: &Tensor,
    grad: &Tensor,
    buffer: Option<&Tensor>,
    first_step: bool,
    options: &SgdOptions,
) -> Result<()> {
    let times = |tensor: &Tensor, factor: f64| ops::mul(tensor, &ops::common::number(factor));
    let mut grad = if options.maximize { ops::neg(grad)? } else { grad.clone() };
    if options.weight_decay != 0.0 {
        grad = ops::add(&grad, &times(param, options.weight_decay)?)?;
    }
    if let Some(buffer) = buffer {
        let next = if first_step {
            grad.clone()
        } else {
            ops::add(&times(buffer, options.momentum)?, &times(&grad, 1.0 - options.dampening)?)?
        };
        ops::copy_(buffer, &next)?;
        grad = if options.nesterov { ops::add(&grad, &times(&next, options.momentum)?)? } else { next };
    }
    ops::sub_(param, &times(&grad, options.lr)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use crate::{DType, Device};

    fn tensor(values: &[f64]) -> Tensor {
        let array = candle_core::Tensor::new(values, &candle_core::Device::Cpu).unwrap();
        Tensor::from_value(Value::new(array, DType::Float64))
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.value().array.to_vec1().unwrap()
    }

    #[test]
    fn the_fused_and_the_composed_update_agree() {
        for (momentum, dampening, nesterov, maximize) in
            [(0.0, 0.0, false, false), (0.9, 0.1, false, true), (0.9, 0.0, true, false)]
        {
            let options = SgdOptions { lr: 0.1, momentum, dampening, weight_decay: 0.01, nesterov, maximize };
            let (fused, other) = (tensor(&[1.0, -2.0]), tensor(&[1.0, -2.0]));
            let mut buffer = None;
            let own = (momentum != 0.0).then(|| tensor(&[0.0, 0.0]));
            for step in 0..3 {
                let grad = tensor(&[0.5, f64::from(step)]);
                update(&fused, &grad, &mut buffer, &options).unwrap();
                let _mode = GradMode::new(false);
                composed(&other, &grad, own.as_ref(), step == 0, &options).unwrap();
            }
            for (a, b) in values(&fused).iter().zip(values(&other)) {
                assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
            assert_eq!(fused.device(), Device::CPU);
        }
    }

    #[test]
    fn bad_options_are_refused_together() {
        let options =
            SgdOptions { lr: 0.1, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, maximize: false };
        let mut sgd = Sgd::new(vec![tensor(&[1.0])], options).unwrap();
        assert!(sgd.set_options(0, &[("lr", 0.5), ("nesterov", 1.0)]).is_err());
        assert_eq!(sgd.option(0, "lr").unwrap(), 0.1);
        assert!(sgd.set_options(0, &[("lr", f64::NAN)]).is_err());
        assert!(sgd.set_options(0, &[("learning", 1.0)]).is_err());
        assert!(sgd.option(1, "lr").is_err());
    }
}
