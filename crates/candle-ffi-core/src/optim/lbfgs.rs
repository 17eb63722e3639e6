//! The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno.

use super::line_search::{Point, strong_wolfe};
use super::optimizer::{Optimizer, check_params, no_group, no_option, no_param, no_state, remembered};
use super::options::{Options, options};
use super::stepper::number_of;
use crate::autograd::GradMode;
use crate::{Device, Error, ErrorCode, Result, Tensor, ops};
use std::collections::VecDeque;

options! {
    /// The options of [`Lbfgs`], with PyTorch's names.
    LbfgsOptions {
        /// The learning rate; the first length that a line search tries.
        lr: NonNegative = 1.0,
        /// The most iterations of a step.
        max_iter: Any = 20.0,
        /// The most evaluations of the loss in a step; below 0, five quarters of `max_iter`.
        max_eval: Any = -1.0,
        /// The step ends where no element of the gradient is larger.
        tolerance_grad: Any = 1e-7,
        /// The step ends where neither loss nor parameters change more.
        tolerance_change: Any = 1e-9,
        /// How many past iterations are remembered.
        history_size: Any = 100.0,
        /// Look for a step length that meets the strong Wolfe conditions; PyTorch's `line_search_fn`.
        line_search_fn: Switch = false,
        /// Climb instead of descend.
        maximize: Switch = false,
    }
}

/// The limited-memory BFGS method: steps along the gradient times an estimate of the inverse of the matrix of second
/// derivatives, made of the last steps. `torch.optim.LBFGS`.
///
/// A step computes the loss several times, by a function that the caller gives to [`Search::run`].
pub struct Lbfgs {
    defaults: LbfgsOptions,
    params: Vec<Tensor>,
    options: LbfgsOptions,
    /// What is remembered; `None` while a step is under way.
    memory: Option<Memory>,
}

/// What is remembered from step to step.
#[derive(Clone, Default)]
struct Memory {
    func_evals: f64,
    n_iter: f64,
    /// The last direction and step length.
    d: Option<Tensor>,
    t: f64,
    /// Of each past iteration the change of the gradient, that of the parameters, and one over their product.
    past: VecDeque<Past>,
    h_diag: f64,
    prev_flat_grad: Option<Tensor>,
    prev_loss: f64,
}

#[derive(Clone)]
struct Past {
    dir: Tensor,
    stp: Tensor,
    ro: f64,
}

/// A step of [`Lbfgs`] that is under way. Between [`Optimizer::begin_search`] and [`Optimizer::end_search`] the
/// optimizer itself is free to be used by the function that computes the loss.
pub struct Search {
    params: Vec<Tensor>,
    options: LbfgsOptions,
    memory: Memory,
}

/// A function that clears the gradients, computes the loss and its gradients, and gives the loss.
pub type Closure<'a> = dyn FnMut() -> Result<f64> + 'a;

impl Lbfgs {
    /// One group of parameters; there cannot be more.
    pub fn new(params: Vec<Tensor>, options: LbfgsOptions) -> Result<Self> {
        options.check()?;
        check_params(&params, std::iter::empty())?;
        Ok(Self { defaults: options, params, options, memory: Some(Memory::default()) })
    }

    fn only_group(group: usize) -> Result<()> {
        if group == 0 { Ok(()) } else { Err(no_group(group, 1)) }
    }

    fn memory(&self) -> Result<&Memory> {
        self.memory.as_ref().ok_or_else(busy)
    }
}

#[cold]
fn busy() -> Error {
    Error::new(ErrorCode::Busy, "a step of this optimizer is under way")
}

fn dot(a: &Tensor, b: &Tensor) -> Result<f64> {
    ops::matmul(a, b)?.to_number()
}

fn largest(tensor: &Tensor) -> Result<f64> {
    ops::max(&ops::abs(tensor)?)?.to_number()
}

fn times(tensor: &Tensor, factor: f64) -> Result<Tensor> {
    ops::mul(tensor, &ops::common::number(factor))
}

impl Search {
    /// Makes the step, and gives the loss that it began with. After a failure nothing new is remembered, but the
    /// parameters stay where they are.
    pub fn run(&mut self, closure: &mut Closure<'_>) -> Result<f64> {
        let before = self.memory.clone();
        let result = self.step(closure);
        if result.is_err() {
            self.memory = before;
        }
        result
    }

    fn step(&mut self, closure: &mut Closure<'_>) -> Result<f64> {
        let _mode = GradMode::new(false);
        let mut evaluate = || {
            let _mode = GradMode::new(true);
            closure()
        };
        if self.params.is_empty() {
            return evaluate();
        }
        let LbfgsOptions { lr, tolerance_grad, tolerance_change, line_search_fn, maximize, .. } = self.options;
        let max_iter = self.options.max_iter;
        let max_eval = if self.options.max_eval < 0.0 { (max_iter * 1.25).floor() } else { self.options.max_eval };
        let signed = |loss: f64| if maximize { -loss } else { loss };

        let first = evaluate()?;
        let mut loss = signed(first);
        let mut evaluations = 1.0;
        self.memory.func_evals += 1.0;
        let mut grad = self.flat_grad()?;
        if grad.num_elements() == 0 || largest(&grad)? <= tolerance_grad {
            return Ok(first);
        }
        let mut iteration = 0.0;
        while iteration < max_iter {
            iteration += 1.0;
            self.memory.n_iter += 1.0;
            let direction = self.direction(&grad)?;
            self.memory.d = Some(direction.clone());
            self.memory.prev_flat_grad = Some(grad.clone());
            let loss_before = loss;
            self.memory.prev_loss = loss;
            self.memory.t = if self.memory.n_iter == 1.0 {
                (1.0 / ops::sum(&ops::abs(&grad)?, None, false, None)?.to_number()?).min(1.0) * lr
            } else {
                lr
            };
            let slope = dot(&grad, &direction)?;
            if slope > -tolerance_change {
                break;
            }
            let mut done = false;
            let mut new_evaluations = 0.0;
            if line_search_fn {
                let here = self.params.iter().map(ops::clone).collect::<Result<Vec<_>>>()?;
                let start = Point { length: 0.0, loss, grad: grad.clone(), slope };
                let mut at = |length: f64| {
                    self.move_by(length, &direction)?;
                    let loss = signed(evaluate()?);
                    let grad = self.flat_grad()?;
                    for (param, before) in self.params.iter().zip(&here) {
                        ops::copy_(param, before)?;
                    }
                    let slope = dot(&grad, &direction)?;
                    Ok(Point { length, loss, grad, slope })
                };
                let most = (max_eval - evaluations) as i64;
                let widest = largest(&direction)?;
                let found = strong_wolfe(&start, self.memory.t, widest, tolerance_change, most, &mut at)?;
                new_evaluations = found.evaluations as f64;
                Point { length: self.memory.t, loss, grad, .. } = found.point;
                self.move_by(self.memory.t, &direction)?;
                done = largest(&grad)? <= tolerance_grad;
            } else {
                self.move_by(self.memory.t, &direction)?;
                // After the last iteration nobody would look at the loss.
                if iteration != max_iter {
                    loss = signed(evaluate()?);
                    grad = self.flat_grad()?;
                    done = largest(&grad)? <= tolerance_grad;
                    new_evaluations = 1.0;
                }
            }
            evaluations += new_evaluations;
            self.memory.func_evals += new_evaluations;
            let still = || Ok::<_, Error>(largest(&times(&direction, self.memory.t)?)? <= tolerance_change);
            if iteration == max_iter
                || evaluations >= max_eval
                || done
                || still()?
                || (loss - loss_before).abs() < tolerance_change
            {
                break;
            }
        }
        Ok(first)
    }

    /// The gradients of all parameters, end to end; zeros for those that have none.
    fn flat_grad(&self) -> Result<Tensor> {
        let parts = self.params.iter().map(|param| {
            let grad = match param.grad() {
                Some(grad) => {
                    param.check_grad(&grad)?;
                    grad
                }
                None => ops::zeros_like(param, None)?,
            };
            ops::reshape(&ops::detach(&grad)?, &[-1])
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let flat = ops::cat(&parts.iter().collect::<Vec<_>>(), 0)?;
        if self.options.maximize { ops::neg(&flat) } else { Ok(flat) }
    }

    /// Adds a part of a flat direction to the parameters.
    fn move_by(&self, length: f64, direction: &Tensor) -> Result<()> {
        let mut start = 0;
        for param in &self.params {
            let count = param.num_elements() as i64;
            let part = ops::narrow(direction, 0, start, count)?;
            let part = ops::reshape(&part, &ops::common::sizes(&param.dims()))?;
            ops::add_(param, &ops::to_dtype(&times(&part, length)?, param.dtype())?)?;
            start += count;
        }
        Ok(())
    }

    /// Takes the last iteration into memory, and gives the direction of the next one.
    fn direction(&mut self, grad: &Tensor) -> Result<Tensor> {
        let memory = &mut self.memory;
        let (Some(before), Some(d)) = (&memory.prev_flat_grad, &memory.d) else {
            memory.past.clear();
            memory.h_diag = 1.0;
            return ops::neg(grad);
        };
        let change = ops::sub(grad, before)?;
        let step = times(d, memory.t)?;
        let product = dot(&change, &step)?;
        if product > 1e-10 {
            if memory.past.len() as f64 >= self.options.history_size {
                memory.past.pop_front();
            }
            memory.h_diag = product / dot(&change, &change)?;
            memory.past.push_back(Past { dir: change, stp: step, ro: 1.0 / product });
        }
        let mut q = ops::neg(grad)?;
        let mut parts = Vec::with_capacity(memory.past.len());
        for past in memory.past.iter().rev() {
            let part = dot(&past.stp, &q)? * past.ro;
            q = ops::sub(&q, &times(&past.dir, part)?)?;
            parts.push(part);
        }
        let mut direction = times(&q, memory.h_diag)?;
        for (past, part) in memory.past.iter().zip(parts.into_iter().rev()) {
            let back = dot(&past.dir, &direction)? * past.ro;
            direction = ops::add(&direction, &times(&past.stp, part - back)?)?;
        }
        Ok(direction)
    }
}

/// What is remembered, in PyTorch's words; lists of tensors are stacked.
const STATE: [&str; 10] =
    ["func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss"];

impl Optimizer for Lbfgs {
    fn name(&self) -> &'static str {
        "LBFGS"
    }

    fn step(&mut self) -> Result<()> {
        Err(Error::argument("LBFGS needs a function that computes the loss anew, as often as the step asks for it"))
    }

    fn num_groups(&self) -> usize {
        1
    }

    fn params(&self, group: usize) -> Result<&[Tensor]> {
        Self::only_group(group)?;
        Ok(&self.params)
    }

    fn add_param_group(&mut self, params: Vec<Tensor>) -> Result<()> {
        // One that was made without parameters gets them here.
        if !self.params.is_empty() {
            return Err(Error::argument("LBFGS has one group of parameters, which have the same options"));
        }
        check_params(&params, std::iter::empty())?;
        (self.params, self.options) = (params, self.defaults);
        Ok(())
    }

    fn option_names(&self) -> &'static [&'static str] {
        LbfgsOptions::NAMES
    }

    fn option(&self, group: usize, name: &str) -> Result<f64> {
        Self::only_group(group)?;
        self.options.get(name).ok_or_else(|| no_option(self.name(), name, LbfgsOptions::NAMES))
    }

    fn set_options(&mut self, group: usize, values: &[(&str, f64)]) -> Result<()> {
        Self::only_group(group)?;
        let mut options = self.options;
        for &(name, value) in values {
            if !options.set(name, value) {
                return Err(no_option(self.name(), name, LbfgsOptions::NAMES));
            }
        }
        options.check()?;
        self.options = options;
        Ok(())
    }

    fn state_names(&self) -> &[&'static str] {
        &STATE
    }

    fn state(&self, group: usize, index: usize, name: &str) -> Result<Option<Tensor>> {
        Self::only_group(group)?;
        self.params.get(index).ok_or_else(|| no_param(index, self.params.len()))?;
        let memory = self.memory()?;
        if !STATE.contains(&name) {
            return Err(no_state(self.name(), name, &STATE));
        }
        // As PyTorch, everything is kept with the first parameter, and there only from the first evaluation on.
        if index != 0 || memory.func_evals == 0.0 {
            return Ok(None);
        }
        let _mode = GradMode::new(false);
        let number = |value: f64| ops::full(&[], value, crate::DType::Float64, Device::CPU).map(Some);
        let stack = |of: fn(&Past) -> &Tensor| {
            let parts = memory.past.iter().map(of).collect::<Vec<_>>();
            if parts.is_empty() { Ok(None) } else { ops::stack(&parts, 0).map(Some) }
        };
        let copy = |tensor: &Option<Tensor>| tensor.as_ref().map(ops::clone).transpose();
        let begun = memory.d.is_some();
        match name {
            "func_evals" => number(memory.func_evals),
            "n_iter" => number(memory.n_iter),
            "d" => copy(&memory.d),
            "t" if begun => number(memory.t),
            "old_dirs" => stack(|past| &past.dir),
            "old_stps" => stack(|past| &past.stp),
            "ro" if !memory.past.is_empty() => {
                let values = memory.past.iter().map(|past| number(past.ro));
                let values = values.collect::<Result<Vec<_>>>()?;
                ops::stack(&values.iter().flatten().collect::<Vec<_>>(), 0).map(Some)
            }
            "H_diag" if begun => number(memory.h_diag),
            "prev_flat_grad" => copy(&memory.prev_flat_grad),
            "prev_loss" if begun => number(memory.prev_loss),
            _ => Ok(None),
        }
    }

    fn set_state(&mut self, group: usize, index: usize, name: &str, value: Option<&Tensor>) -> Result<()> {
        Self::only_group(group)?;
        let param = self.params.get(index).ok_or_else(|| no_param(index, self.params.len()))?;
        if !STATE.contains(&name) {
            return Err(no_state("LBFGS", name, &STATE));
        }
        if index != 0 && value.is_none() {
            return Ok(());
        }
        if index != 0 {
            return Err(Error::argument("LBFGS keeps all that it remembers with the first parameter"));
        }
        let memory = self.memory.as_mut().ok_or_else(busy)?;
        let whole = self.params.iter().map(Tensor::num_elements).sum::<usize>();
        let _mode = GradMode::new(false);
        let number = || value.map_or(Ok(0.0), |value| number_of(name, value));
        let flat = || value.map(|value| remembered(name, value, param, &[whole])).transpose();
        let rows = || -> Result<Vec<Tensor>> {
            let Some(value) = value else { return Ok(Vec::new()) };
            let count = value.dims().first().copied().unwrap_or(0);
            let value = remembered(name, value, param, &[count, whole])?;
            (0..count).map(|row| ops::clone(&ops::select(&value, 0, row as i64)?)).collect()
        };
        // A list that comes first decides how many past iterations there are; the others must have as many.
        let past = |memory: &mut Memory, count: usize| -> Result<()> {
            if memory.past.len() == count {
                return Ok(());
            }
            let nothing = ops::full(&[whole as i64], 0.0, param.dtype(), param.device())?;
            let empty = Past { dir: nothing.clone(), stp: nothing, ro: 0.0 };
            memory.past.resize(count, empty);
            Ok(())
        };
        match name {
            "func_evals" => memory.func_evals = number()?,
            "n_iter" => memory.n_iter = number()?,
            "d" => memory.d = flat()?,
            "t" => memory.t = number()?,
            "H_diag" => memory.h_diag = number()?,
            "prev_flat_grad" => memory.prev_flat_grad = flat()?,
            "prev_loss" => memory.prev_loss = number()?,
            "old_dirs" | "old_stps" => {
                let rows = rows()?;
                past(memory, rows.len())?;
                for (past, row) in memory.past.iter_mut().zip(rows) {
                    *(if name == "old_dirs" { &mut past.dir } else { &mut past.stp }) = row;
                }
            }
            _ => {
                let count = value.map_or(0, Tensor::num_elements);
                past(memory, count)?;
                for (at, past) in memory.past.iter_mut().enumerate() {
                    let value = value.ok_or_else(busy)?;
                    past.ro = ops::select(&ops::reshape(value, &[-1])?, 0, at as i64)?.to_number()?;
                }
            }
        }
        Ok(())
    }

    fn begin_search(&mut self) -> Result<Search> {
        let memory = self.memory.take().ok_or_else(busy)?;
        Ok(Search { params: self.params.clone(), options: self.options, memory })
    }

    fn end_search(&mut self, search: Search) {
        self.memory = Some(search.memory);
    }
}
