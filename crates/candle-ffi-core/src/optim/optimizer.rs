//! What every optimizer can do.

use crate::{Error, Result, Tensor};

/// Parameters that share their options.
pub struct Group<O, S> {
    /// The parameters.
    pub params: Vec<Tensor>,
    /// Their options.
    pub options: O,
    /// What the optimizer remembers of each.
    pub(super) state: Vec<S>,
}

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

    /// An option of a group; flags are 0 and 1.
    fn option(&self, group: usize, name: &str) -> Result<f64>;

    /// Sets options of a group; all are checked together, and none is set when one is wrong.
    fn set_options(&mut self, group: usize, values: &[(&str, f64)]) -> Result<()>;

    /// A remembered tensor of a parameter, such as `momentum_buffer`; `None` before it exists.
    fn state(&self, group: usize, index: usize, name: &str) -> Result<Option<Tensor>>;

    /// Sets or clears a remembered tensor.
    fn set_state(&mut self, group: usize, index: usize, name: &str, value: Option<&Tensor>) -> Result<()>;

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

#[cold]
pub(super) fn no_group(group: usize, count: usize) -> Error {
    Error::index(format!("there is no group {group}; the optimizer has {count}"))
}

#[cold]
pub(super) fn no_option(optimizer: &str, name: &str, known: &[&str]) -> Error {
    Error::argument(format!("{optimizer} has no option {name:?}; it has {known:?}"))
}
