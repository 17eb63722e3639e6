//! What every optimizer can do.

use super::lbfgs::Search;
use crate::autograd::GradMode;
use crate::{Error, Result, Tensor, ops};

/// An optimizer over groups of parameters. Options and state have PyTorch's names.
pub trait Optimizer: Send {
    /// PyTorch's class name.
    fn name(&self) -> &'static str;

    /// Changes every parameter that has a gradient.
    fn step(&mut self) -> Result<()>;

    /// The number of groups.
    fn num_groups(&self) -> usize;

    /// The parameters of a group.
    fn params(&self, group: usize) -> Result<&[Tensor]>;

    /// Adds a group with the options that the optimizer was made with.
    fn add_param_group(&mut self, params: Vec<Tensor>) -> Result<()>;

    /// The names of the options.
    fn option_names(&self) -> &'static [&'static str];

    /// An option of a group; switches are 0 and 1.
    fn option(&self, group: usize, name: &str) -> Result<f64>;

    /// Sets options of a group; all are checked together, and none is set when one is wrong.
    fn set_options(&mut self, group: usize, values: &[(&str, f64)]) -> Result<()>;

    /// The names of what may be remembered of a parameter.
    fn state_names(&self) -> &[&'static str];

    /// What is remembered of a parameter under a name, such as `momentum_buffer`, as a copy; `None` before it exists.
    fn state(&self, group: usize, index: usize, name: &str) -> Result<Option<Tensor>>;

    /// Sets or clears what is remembered.
    fn set_state(&mut self, group: usize, index: usize, name: &str, value: Option<&Tensor>) -> Result<()>;

    /// Begins a step that computes the loss itself, for an optimizer that needs to: what the step works with is
    /// handed out, so that the function which computes the loss may use the optimizer.
    fn begin_search(&mut self) -> Result<Search> {
        Err(Error::argument(format!("{} makes its step without a function that computes the loss", self.name())))
    }

    /// Takes back what [`begin_search`](Self::begin_search) has given.
    fn end_search(&mut self, _search: Search) {}

    /// Clears the gradients of all parameters.
    fn zero_grad(&mut self) -> Result<()> {
        for group in 0..self.num_groups() {
            self.params(group)?.iter().try_for_each(|param| param.set_grad(None))?;
        }
        Ok(())
    }
}

/// Fails unless each can be optimized and appears once.
pub(super) fn check_params<'a>(new: &[Tensor], known: impl Iterator<Item = &'a Tensor>) -> Result<()> {
    let mut seen: std::collections::HashSet<_> = known.map(|tensor| std::ptr::from_ref(tensor.inner())).collect();
    for (at, param) in new.iter().enumerate() {
        if !param.is_leaf() || !param.dtype().is_float() {
            return Err(Error::argument(format!(
                "parameter {at} cannot be optimized: it must be a leaf of a floating dtype"
            )));
        }
        if !seen.insert(std::ptr::from_ref(param.inner())) {
            return Err(Error::argument(format!("parameter {at} appears more than once in the optimizer's groups")));
        }
    }
    Ok(())
}

/// A copy of what shall be remembered of a parameter, in its dtype and on its device, since the optimizer changes it
/// in place from here on. `dims` is the shape that it must have.
pub(super) fn remembered(name: &str, value: &Tensor, param: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if value.dims() != dims {
        let message = format!(
            "{name} of shape {:?} does not belong to a parameter of shape {:?}: it must have shape {dims:?}",
            value.dims(),
            param.dims()
        );
        return Err(Error::shape(message, &[&value.dims(), &param.dims()]));
    }
    let _mode = GradMode::new(false);
    let moved = ops::to_dtype(&ops::to_device(value, param.device())?, param.dtype())?;
    ops::clone(&ops::contiguous(&moved)?)
}

#[cold]
pub(super) fn no_group(group: usize, count: usize) -> Error {
    Error::index(format!("there is no group {group}; the optimizer has {count}"))
}

#[cold]
pub(super) fn no_param(index: usize, count: usize) -> Error {
    Error::index(format!("there is no parameter {index} in the group; it has {count}"))
}

#[cold]
pub(super) fn no_option(optimizer: &str, name: &str, known: &[&str]) -> Error {
    Error::argument(format!("{optimizer} has no option {name:?}; it has {known:?}"))
}

#[cold]
pub(super) fn no_state(optimizer: &str, name: &str, known: &[&str]) -> Error {
    Error::argument(format!("{optimizer} remembers no {name:?}; it remembers {known:?}"))
}
