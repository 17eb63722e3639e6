//! A rule: an optimizer as data and one formula.

use super::composed;
use super::options::Options;
use crate::compute::{self, Batch};
use crate::{DType, Error, Result, Tensor, default_dtype, ops};
use candle_ffi_kernels::optim::{Formula, Kernel, MOST_CONSTANTS, MOST_MEMORIES, Quantity};
use smallvec::SmallVec;

/// An optimizer that changes each parameter by itself, as [`Stepper`](super::Stepper) drives it.
pub trait Rule: 'static {
    /// The options of a group.
    type Options: Options;

    /// PyTorch's class name.
    const NAME: &'static str;

    /// What is remembered of each parameter as one number, in PyTorch's words; `step` is the first where it is there.
    const NUMBERS: &'static [&'static str];

    /// What is remembered of each element of a parameter.
    const TENSORS: &'static [&'static str];

    /// Whether all that is remembered is there before the first step.
    const EAGER: bool = false;

    /// Fails for options that do not go together.
    fn check(_options: &Self::Options) -> Result<()> {
        Ok(())
    }

    /// What is remembered under a name before the first step.
    fn initial(_options: &Self::Options, _name: &str) -> f64 {
        0.0
    }

    /// Makes a step of one parameter.
    fn update(options: &Self::Options, target: &mut Target<'_>) -> Result<()>;
}

/// What is remembered of one parameter.
#[derive(Clone, Default)]
pub(super) struct Memory {
    pub(super) numbers: SmallVec<[Option<f64>; 3]>,
    pub(super) tensors: SmallVec<[Option<Tensor>; MOST_MEMORIES]>,
}

impl Memory {
    pub(super) fn empty<R: Rule>() -> Self {
        Self {
            numbers: std::iter::repeat_n(None, R::NUMBERS.len()).collect(),
            tensors: std::iter::repeat_n(None, R::TENSORS.len()).collect(),
        }
    }
}

/// The dtype in which PyTorch keeps what is one number.
pub(super) fn number_dtype() -> DType {
    default_dtype().wide()
}

/// A number as PyTorch would keep it.
pub(super) fn as_kept(value: f64) -> f64 {
    if number_dtype() == DType::Float64 { value } else { f64::from(value as f32) }
}

/// One parameter with a gradient, in the middle of a step, and what is remembered of it.
pub struct Target<'a> {
    pub(super) param: &'a Tensor,
    pub(super) grad: &'a Tensor,
    pub(super) memory: &'a mut Memory,
    /// What a number, or each element of a tensor, is before the first step.
    pub(super) initial: &'a dyn Fn(&str) -> f64,
    pub(super) numbers: &'static [&'static str],
    pub(super) tensors: &'static [&'static str],
    /// Makes the step of operations, to compare with the kernel.
    pub(super) composed: bool,
    /// Where a step waits that is made with those of other parameters.
    pub(super) batch: &'a mut Batch,
}

impl Target<'_> {
    /// Counts this step, and gives the count: 1 for the first one.
    pub fn count(&mut self) -> f64 {
        let step = self.number(0) + 1.0;
        self.set_number(0, step);
        step
    }

    /// One of the rule's `NUMBERS`.
    pub fn number(&mut self, at: usize) -> f64 {
        let initial = || as_kept((self.initial)(self.numbers[at]));
        *self.memory.numbers[at].get_or_insert_with(initial)
    }

    /// Remembers one of the rule's `NUMBERS`.
    pub fn set_number(&mut self, at: usize, value: f64) {
        self.memory.numbers[at] = Some(as_kept(value));
    }

    /// Whether one of the rule's `TENSORS` has been remembered.
    pub fn remembers(&self, at: usize) -> bool {
        self.memory.tensors[at].is_some()
    }

    /// Applies a formula to every element of the parameter and of those `TENSORS` that the formula remembers.
    pub fn apply<const N: usize>(&mut self, tensors: [usize; N], formula: impl Formula<N>) -> Result<()> {
        for at in tensors {
            self.prepare(at)?;
        }
        let missing = || Error::internal("a memory of an optimizer is missing");
        let mut found: [&Tensor; N] = [self.param; N];
        for (slot, at) in found.iter_mut().zip(tensors) {
            *slot = self.memory.tensors[at].as_ref().ok_or_else(missing)?;
        }
        let (param, grad) = (self.param.value(), self.grad.value());
        let reached = param.is_cpu() && param.is_contiguous() && !grad.shares_storage_with(&param) && !self.composed;
        if !reached {
            let waits = !self.composed && self.batch.add(&param, &grad, found.map(Tensor::value), formula)?;
            if waits {
                self.param.bump_version();
                return Ok(());
            }
            return composed::step(self.param, self.grad, found, formula);
        }
        let values = found.map(Tensor::value);
        compute::step_into(&param, &grad, values.each_ref(), formula)?;
        self.param.bump_version();
        Ok(())
    }

    /// Makes what is not remembered yet, and lets what is follow a parameter that has been moved or converted.
    fn prepare(&mut self, at: usize) -> Result<()> {
        let (param, name) = (self.param, self.tensors[at]);
        let Some(before) = &self.memory.tensors[at] else {
            // Not of a view's layout: the kernel's memories are contiguous.
            let made =
                ops::full(&ops::common::sizes(&param.dims()), (self.initial)(name), param.dtype(), param.device())?;
            self.memory.tensors[at] = Some(made);
            return Ok(());
        };
        if before.shape() != param.shape() {
            let (of_memory, of_param) = (before.dims(), param.dims());
            let message = format!("{name} of shape {of_memory:?} does not belong to a parameter of shape {of_param:?}");
            return Err(Error::shape(message, &[&of_memory, &of_param]));
        }
        if before.dtype() != param.dtype() || before.device() != param.device() {
            self.memory.tensors[at] = Some(ops::to_dtype(&ops::to_device(before, param.device())?, param.dtype())?);
        }
        Ok(())
    }
}

/// What most formulas do first: turn the gradient round to climb, and pull the parameter towards zero.
#[derive(Clone, Copy)]
pub(super) struct Pull {
    maximize: bool,
    /// The part of the parameter that is added to its gradient.
    penalty: f64,
    /// What the parameter is multiplied with.
    shrink: f64,
}

impl Pull {
    /// With the L2 penalty in the gradient.
    pub(super) fn coupled(maximize: bool, weight_decay: f64) -> Self {
        Self { maximize, penalty: weight_decay, shrink: 1.0 }
    }

    /// With the decay of the weights on its own.
    pub(super) fn decoupled(maximize: bool, lr: f64, weight_decay: f64) -> Self {
        Self { maximize, penalty: 0.0, shrink: 1.0 - lr * weight_decay }
    }

    /// One or the other.
    pub(super) fn new(maximize: bool, lr: f64, weight_decay: f64, decoupled: bool) -> Self {
        if decoupled { Self::decoupled(maximize, lr, weight_decay) } else { Self::coupled(maximize, weight_decay) }
    }

    /// A kernel of CUDA that begins with this pull, with the constants that follow it.
    pub(super) fn kernel(self, name: &'static str, memories: usize, constants: &[f64]) -> Kernel {
        let pull = [f64::from(self.maximize), self.penalty, self.shrink];
        let all: SmallVec<[f64; MOST_CONSTANTS]> = pull.into_iter().chain(constants.iter().copied()).collect();
        Kernel::new(name, memories, &all)
    }

    /// The parameter and the gradient to go on with. What is not asked for has no part: 0 times an infinite
    /// parameter would be NaN.
    #[inline(always)]
    pub(super) fn apply<Q: Quantity>(self, x: Q, gradient: Q) -> (Q, Q) {
        let gradient = if self.maximize { -gradient } else { gradient };
        let gradient = if self.penalty == 0.0 { gradient } else { gradient + x.clone() * Q::of(self.penalty) };
        let x = if self.shrink == 1.0 { x } else { x * Q::of(self.shrink) };
        (x, gradient)
    }
}

/// The moving average `before` with a weight of `taken` for `new`.
#[inline(always)]
pub(super) fn average<Q: Quantity>(before: Q, new: Q, taken: f64) -> Q {
    before.clone() + (new - before) * Q::of(taken)
}

/// The moving average of squares, of which `kept` stays.
#[inline(always)]
pub(super) fn average_square<Q: Quantity>(before: Q, new: Q, kept: f64) -> Q {
    before * Q::of(kept) + new.clone() * new * Q::of(1.0 - kept)
}
