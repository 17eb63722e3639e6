//! Drives a rule: groups of parameters, options, state, and the step over all of them.

use super::optimizer::{Optimizer, check_params, no_group, no_option, no_param, no_state, remembered};
use super::options::Options;
use super::rule::{Memory, Rule, Target, number_dtype};
use crate::autograd::GradMode;
use crate::compute::Batch;
use crate::{Device, Error, Result, Tensor, ops};

/// Parameters that share their options.
struct Group<O> {
    params: Vec<Tensor>,
    options: O,
    memories: Vec<Memory>,
}

/// The optimizer of a rule.
pub struct Stepper<R: Rule> {
    defaults: R::Options,
    groups: Vec<Group<R::Options>>,
    state_names: Vec<&'static str>,
}

/// Where something remembered is.
enum Place {
    Number(usize),
    Tensor(usize),
}

impl<R: Rule> Stepper<R> {
    /// One group of parameters.
    pub fn new(params: Vec<Tensor>, options: R::Options) -> Result<Self> {
        check::<R>(&options)?;
        let state_names = R::NUMBERS.iter().chain(R::TENSORS).copied().collect();
        let mut made = Self { defaults: options, groups: Vec::new(), state_names };
        made.add_param_group(params)?;
        Ok(made)
    }

    fn group(&self, group: usize) -> Result<&Group<R::Options>> {
        self.groups.get(group).ok_or_else(|| no_group(group, self.groups.len()))
    }

    fn place(&self, name: &str) -> Result<Place> {
        let at = |names: &[&str]| names.iter().position(|known| *known == name);
        at(R::NUMBERS)
            .map(Place::Number)
            .or_else(|| at(R::TENSORS).map(Place::Tensor))
            .ok_or_else(|| no_state(R::NAME, name, &self.state_names))
    }
}

fn check<R: Rule>(options: &R::Options) -> Result<()> {
    options.check()?;
    R::check(options)
}

/// Makes the step of one parameter.
fn update<R: Rule>(
    options: &R::Options,
    param: &Tensor,
    grad: &Tensor,
    memory: &mut Memory,
    batch: &mut Batch,
    composed: bool,
) -> Result<()> {
    // The data of a parameter may have been replaced since its gradient was computed.
    param.check_grad(grad)?;
    let initial = |name: &str| R::initial(options, name);
    let before = memory.numbers.clone();
    let mut target =
        Target { param, grad, memory, initial: &initial, numbers: R::NUMBERS, tensors: R::TENSORS, batch, composed };
    // A step that fails does not count.
    R::update(options, &mut target).inspect_err(|_| memory.numbers = before)
}

impl<R: Rule> Optimizer for Stepper<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn step(&mut self) -> Result<()> {
        let _mode = GradMode::new(false);
        let mut batch = Batch::default();
        let prepared = self.groups.iter_mut().try_for_each(|group| {
            group.params.iter().zip(&mut group.memories).try_for_each(|(param, memory)| match param.grad() {
                Some(grad) => update::<R>(&group.options, param, &grad, memory, &mut batch, false),
                None => Ok(()),
            })
        });
        // Those before one that fails are stepped.
        batch.run().and(prepared)
    }

    fn num_groups(&self) -> usize {
        self.groups.len()
    }

    fn params(&self, group: usize) -> Result<&[Tensor]> {
        Ok(&self.group(group)?.params)
    }

    fn add_param_group(&mut self, params: Vec<Tensor>) -> Result<()> {
        check_params(&params, self.groups.iter().flat_map(|group| &group.params))?;
        let memories = params.iter().map(|_| Memory::empty::<R>()).collect();
        self.groups.push(Group { params, options: self.defaults, memories });
        Ok(())
    }

    fn option_names(&self) -> &'static [&'static str] {
        R::Options::NAMES
    }

    fn option(&self, group: usize, name: &str) -> Result<f64> {
        self.group(group)?.options.get(name).ok_or_else(|| no_option(R::NAME, name, R::Options::NAMES))
    }

    fn set_options(&mut self, group: usize, values: &[(&str, f64)]) -> Result<()> {
        let mut options = self.group(group)?.options;
        for &(name, value) in values {
            if !options.set(name, value) {
                return Err(no_option(R::NAME, name, R::Options::NAMES));
            }
        }
        check::<R>(&options)?;
        self.groups[group].options = options;
        Ok(())
    }

    fn state_names(&self) -> &[&'static str] {
        &self.state_names
    }

    fn state(&self, group: usize, index: usize, name: &str) -> Result<Option<Tensor>> {
        let place = self.place(name)?;
        let group = self.group(group)?;
        let memory = group.memories.get(index).ok_or_else(|| no_param(index, group.memories.len()))?;
        let initial = R::EAGER.then(|| R::initial(&group.options, name));
        let _mode = GradMode::new(false);
        match place {
            Place::Number(at) => memory.numbers[at]
                .or(initial)
                .map(|value| ops::full(&[], value, number_dtype(), Device::CPU))
                .transpose(),
            Place::Tensor(at) => match (&memory.tensors[at], initial) {
                // A copy: the optimizer's own is changed at every step.
                (Some(found), _) => ops::clone(found).map(Some),
                (None, Some(value)) => ops::full_like(&group.params[index], value, None).map(Some),
                (None, None) => Ok(None),
            },
        }
    }

    fn set_state(&mut self, group: usize, index: usize, name: &str, value: Option<&Tensor>) -> Result<()> {
        let place = self.place(name)?;
        let params = &self.group(group)?.params;
        let param = params.get(index).ok_or_else(|| no_param(index, params.len()))?;
        match place {
            Place::Number(at) => {
                let number = value.map(|value| number_of(name, value)).transpose()?;
                self.groups[group].memories[index].numbers[at] = number;
            }
            Place::Tensor(at) => {
                let kept = value.map(|value| remembered(name, value, param, &param.dims())).transpose()?;
                self.groups[group].memories[index].tensors[at] = kept;
            }
        }
        Ok(())
    }
}

/// The one number in a tensor.
pub(super) fn number_of(name: &str, value: &Tensor) -> Result<f64> {
    if value.num_elements() != 1 {
        let message = format!("{name} is one number, but the tensor has shape {:?}", value.dims());
        return Err(Error::shape(message, &[&value.dims()]));
    }
    value.to_number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use crate::optim::{
        AdadeltaOptions, AdagradOptions, AdamOptions, AdamaxOptions, AdamwOptions, AsgdOptions, LionOptions,
        NadamOptions, RadamOptions, RmspropOptions, RpropOptions, Sgd, SgdOptions, adadelta, adagrad, adam, adamax,
        asgd, lion, nadam, radam, rmsprop, rprop, sgd,
    };
    use crate::value::Value;

    fn tensor(values: &[f64], dtype: DType) -> Tensor {
        let array = candle_core::Tensor::new(values, &candle_core::Device::Cpu).unwrap();
        ops::to_dtype(&Tensor::from_value(Value::new(array, DType::Float64)), dtype).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        ops::to_dtype(tensor, DType::Float64).unwrap().value().array.to_vec1().unwrap()
    }

    /// Steps by the kernel and steps made of operations.
    fn agree<R: Rule>(options: R::Options) {
        check::<R>(&options).unwrap();
        let _mode = GradMode::new(false);
        for (dtype, tolerance) in [(DType::Float64, 1e-12), (DType::Float32, 1e-6), (DType::BFloat16, 1e-2)] {
            let (fused, other) = (tensor(&[1.0, -2.0, 0.5], dtype), tensor(&[1.0, -2.0, 0.5], dtype));
            let (mut memory, mut others) = (Memory::empty::<R>(), Memory::empty::<R>());
            for step in 0..7 {
                let grad = tensor(&[0.5, f64::from(step) - 2.5, 0.0], dtype);
                let mut batch = Batch::default();
                update::<R>(&options, &fused, &grad, &mut memory, &mut batch, false).unwrap();
                update::<R>(&options, &other, &grad, &mut others, &mut batch, true).unwrap();
                batch.run().unwrap();
            }
            let near = |a: &Tensor, b: &Tensor| {
                assert_eq!(a.dtype(), dtype);
                for (a, b) in values(a).into_iter().zip(values(b)) {
                    assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{} {dtype}: {a} {b}", R::NAME);
                }
            };
            near(&fused, &other);
            // Small steps are lost in the shorter type.
            let moved = values(&fused)[..2].iter().zip([1.0, -2.0]).all(|(a, b)| (a - b).abs() > 1e-9);
            assert!(moved || dtype == DType::BFloat16, "{}", R::NAME);
            for (a, b) in memory.tensors.iter().flatten().zip(others.tensors.iter().flatten()) {
                near(a, b);
            }
            assert_eq!(memory.numbers, others.numbers);
        }
    }

    #[test]
    fn the_fused_and_the_composed_update_agree() {
        let sgd = SgdOptions { lr: 0.1, ..SgdOptions::default() };
        agree::<sgd::SgdRule>(sgd);
        agree::<sgd::SgdRule>(SgdOptions { momentum: 0.9, dampening: 0.1, maximize: true, ..sgd });
        agree::<sgd::SgdRule>(SgdOptions { momentum: 0.9, nesterov: true, weight_decay: 0.01, ..sgd });
        let adam = AdamOptions { lr: 0.1, weight_decay: 0.1, ..AdamOptions::default() };
        agree::<adam::AdamRule>(adam);
        agree::<adam::AdamRule>(AdamOptions { amsgrad: true, maximize: true, ..adam });
        agree::<adam::AdamRule>(AdamOptions { decoupled_weight_decay: true, ..adam });
        agree::<adam::AdamwRule>(AdamwOptions { lr: 0.1, amsgrad: true, ..AdamwOptions::default() });
        agree::<adamax::AdamaxRule>(AdamaxOptions { weight_decay: 0.1, ..AdamaxOptions::default() });
        agree::<nadam::NadamRule>(NadamOptions { weight_decay: 0.1, ..NadamOptions::default() });
        agree::<radam::RadamRule>(RadamOptions { decoupled_weight_decay: true, ..RadamOptions::default() });
        for (momentum, centered) in [(0.0, false), (0.9, false), (0.0, true), (0.9, true)] {
            agree::<rmsprop::RmspropRule>(RmspropOptions { momentum, centered, ..RmspropOptions::default() });
        }
        let adagrad = AdagradOptions { lr_decay: 0.1, initial_accumulator_value: 0.5, ..AdagradOptions::default() };
        agree::<adagrad::AdagradRule>(adagrad);
        agree::<adadelta::AdadeltaRule>(AdadeltaOptions::default());
        agree::<lion::LionRule>(LionOptions { lr: 0.01, weight_decay: 0.1, ..LionOptions::default() });
        agree::<asgd::AsgdRule>(AsgdOptions { t0: 3.0, weight_decay: 0.1, ..AsgdOptions::default() });
        agree::<rprop::RpropRule>(RpropOptions { maximize: true, ..RpropOptions::default() });
    }

    #[test]
    fn what_is_not_asked_for_has_no_part() {
        let _mode = GradMode::new(false);
        let infinite = [f64::INFINITY, f64::NEG_INFINITY];
        let (x, grad) = (tensor(&infinite, DType::Float32), tensor(&[1.0, 1.0], DType::Float32));
        let mut memory = Memory::empty::<sgd::SgdRule>();
        update::<sgd::SgdRule>(&SgdOptions::default(), &x, &grad, &mut memory, &mut Batch::default(), false).unwrap();
        assert_eq!(values(&x), infinite);
        let options = SgdOptions { weight_decay: 0.1, ..SgdOptions::default() };
        update::<sgd::SgdRule>(&options, &x, &grad, &mut memory, &mut Batch::default(), false).unwrap();
        assert!(values(&x).iter().all(|x| x.is_nan()));
    }

    #[test]
    fn bad_options_are_refused_together() {
        let mut sgd = Sgd::new(vec![tensor(&[1.0], DType::Float64)], SgdOptions::default()).unwrap();
        assert!(sgd.set_options(0, &[("lr", 0.5), ("nesterov", 1.0)]).is_err());
        assert_eq!(sgd.option(0, "lr").unwrap(), 1e-3);
        assert!(sgd.set_options(0, &[("lr", f64::NAN)]).is_err());
        assert!(sgd.set_options(0, &[("learning", 1.0)]).is_err());
        assert!(sgd.option(1, "lr").is_err());
    }
}
