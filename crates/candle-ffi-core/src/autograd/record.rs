//! Recording of operations.

use super::mode;
use super::node::{Backward, Edge, GradContext, Gradients, Node, Rule};
use super::saved::SavedOutput;
use crate::compute;
use crate::value::Value;
use crate::{Error, ErrorCode, Result, Tensor};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// Whether a node keeps the output of its operation, for rules that are written in terms of it.
#[derive(Clone, Copy, PartialEq)]
enum KeepOutput {
    No,
    Yes,
    /// Its rule keeps no other tensor either, so that the graph behind it may be gone through again.
    Nothing,
}

impl Tensor {
    /// A result with its gradient rule. `rule` makes the rule and is called only when some input is
    /// tracked, so that nothing is kept otherwise.
    #[inline]
    pub(crate) fn record<const N: usize, R>(
        operation: &'static str,
        value: Value,
        inputs: [&Self; N],
        rule: impl FnOnce() -> R,
    ) -> Result<Self>
    where
        R: Fn(&Self, &GradContext<'_>) -> Result<[Option<Self>; N]> + Send + Sync + 'static,
    {
        Self::from_value(value).recorded(operation, &inputs, KeepOutput::No, || boxed(rule()))
    }

    /// The same for a rule that keeps no tensor: as in PyTorch, a graph that is not retained keeps it.
    pub(crate) fn record_lasting<const N: usize, R>(
        operation: &'static str,
        value: Value,
        inputs: [&Self; N],
        rule: impl FnOnce() -> R,
    ) -> Result<Self>
    where
        R: Fn(&Self, &GradContext<'_>) -> Result<[Option<Self>; N]> + Send + Sync + 'static,
    {
        Self::from_value(value).recorded(operation, &inputs, KeepOutput::Nothing, || boxed(rule()))
    }

    /// The same, for a rule that asks its context for the output.
    #[inline]
    pub(crate) fn record_with_output<const N: usize, R>(
        operation: &'static str,
        value: Value,
        inputs: [&Self; N],
        rule: impl FnOnce() -> R,
    ) -> Result<Self>
    where
        R: Fn(&Self, &GradContext<'_>) -> Result<[Option<Self>; N]> + Send + Sync + 'static,
    {
        Self::from_value(value).recorded(operation, &inputs, KeepOutput::Yes, || boxed(rule()))
    }

    /// The same for a result that shares the storage of its one input.
    pub(crate) fn record_view<R>(
        operation: &'static str,
        value: Value,
        input: &Self,
        rule: impl FnOnce() -> R,
    ) -> Result<Self>
    where
        R: Fn(&Self) -> Result<Self> + Send + Sync + 'static,
    {
        Self::from_view(value, input).recorded(operation, &[input], KeepOutput::No, || {
            let rule = rule();
            single(move |grad, _| Ok(smallvec![Some(rule(grad)?)]))
        })
    }

    /// The same for any number of inputs.
    pub(crate) fn record_many<R>(
        operation: &'static str,
        value: Value,
        inputs: &[&Self],
        rule: impl FnOnce() -> R,
    ) -> Result<Self>
    where
        R: Fn(&Self, &GradContext<'_>) -> Result<Gradients> + Send + Sync + 'static,
    {
        Self::from_value(value).recorded(operation, inputs, KeepOutput::No, || single(rule()))
    }

    /// The same for an operation with several outputs: the rule gets a gradient for each of them, `None`
    /// for one that nobody has used, and may ask its context for the first output.
    pub(crate) fn record_outputs<const M: usize, R>(
        operation: &'static str,
        values: [Value; M],
        inputs: &[&Self],
        rule: impl FnOnce() -> R,
    ) -> Result<[Self; M]>
    where
        R: Fn(&[Option<Self>], &GradContext<'_>) -> Result<Gradients> + Send + Sync + 'static,
    {
        let outputs = values.map(Self::from_value);
        track(operation, &outputs, inputs, KeepOutput::Yes, || Arc::new(rule()))?;
        Ok(outputs)
    }

    #[inline]
    fn recorded(
        self,
        operation: &'static str,
        inputs: &[&Self],
        keep_output: KeepOutput,
        rule: impl FnOnce() -> Arc<Rule>,
    ) -> Result<Self> {
        track(operation, std::slice::from_ref(&self), inputs, keep_output, rule)?;
        Ok(self)
    }

    /// Makes this tensor hold `result` in its own storage and continue its graph: the second half of
    /// every in-place operation, the first half being the ordinary one.
    pub(crate) fn assign(&self, result: &Self) -> Result<()> {
        self.check_assignable(result.dtype(), &result.dims())?;
        self.check_unseen_change()?;
        let node = if mode::is_enabled() { result.history().node() } else { None };
        if node.is_some() || mode::is_enabled() && result.requires_grad() {
            self.check_in_place()?;
        }
        compute::copy_into(&self.value(), &compute::cast(&result.value(), self.dtype())?)?;
        self.bump_version();
        if let Some(node) = node {
            self.bump_history_version();
            self.history().set_node(node);
        }
        Ok(())
    }

    /// The same values in memory of their own, at the same place in the graph: this tensor as it is before
    /// a change in place, for the rule of the change.
    pub(crate) fn with_own_memory(&self) -> Result<Self> {
        if self.requires_grad() && self.is_leaf() {
            // Nothing may change it while the graph is recorded, so it needs no copy.
            return Ok(self.clone());
        }
        let copy = Self::from_value(compute::copy(&self.value())?);
        if let Some(node) = self.history().node() {
            copy.history().set_node(node);
        }
        Ok(copy)
    }

    /// Whether a result of this dtype and shape can be held by this tensor.
    pub(crate) fn check_assignable(&self, dtype: crate::DType, dims: &[usize]) -> Result<()> {
        if dtype.category() > self.dtype().category() {
            return Err(Error::dtype(
                format!("a result of {dtype} cannot be put in place into a tensor of {}", self.dtype()),
                &[self.dtype(), dtype],
            ));
        }
        if dims != self.shape().as_slice() {
            return Err(Error::shape(
                format!("a tensor of shape {:?} cannot hold a result of shape {dims:?} in place", self.dims()),
                &[&self.dims(), dims],
            ));
        }
        Ok(())
    }

    /// Fails for a change in place that its graph would not see: of a view that was made under no_grad of
    /// a tensor with a history.
    pub(crate) fn check_unseen_change(&self) -> Result<()> {
        if mode::is_enabled() && !self.requires_grad() && self.is_view_of_tracked() {
            let message = "a view made under no_grad cannot be changed in place while gradients are recorded: \
                           the history of the tensor that it shows would not know of it";
            return Err(Error::new(ErrorCode::ModifiedInPlace, message));
        }
        Ok(())
    }

    /// Whether an in-place operation that is part of a graph may change this tensor.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        let refuse = |message: &str| Err(Error::new(ErrorCode::ModifiedInPlace, message));
        if self.requires_grad() && self.is_leaf() {
            return refuse(
                "a leaf that requires grad cannot be changed in place; do it under no_grad, or on a clone()",
            );
        }
        if self.is_view() {
            return refuse(
                "a view cannot be changed in place by a differentiable operation; \
                 assign to its base through an index (x[index] = …), or change a clone()",
            );
        }
        Ok(())
    }
}

/// Makes the outputs of an operation part of the graph, where recording is on and some input is tracked.
#[inline]
fn track(
    operation: &'static str,
    outputs: &[Tensor],
    inputs: &[&Tensor],
    keep_output: KeepOutput,
    rule: impl FnOnce() -> Arc<Rule>,
) -> Result<()> {
    if !mode::is_enabled() {
        return Ok(());
    }
    // Also for untracked inputs: an old view of a tensor that has since joined the graph.
    for input in inputs {
        input.check_view()?;
    }
    // A graph ends at a dtype that has no gradients.
    if !outputs[0].dtype().is_float() || !inputs.iter().any(|input| input.requires_grad()) {
        return Ok(());
    }
    let edges = inputs.iter().map(|input| input.edge()).collect::<SmallVec<[Edge; 3]>>();
    let lasting = keep_output == KeepOutput::Nothing;
    let output = (keep_output == KeepOutput::Yes).then(|| Arc::new(SavedOutput::new(&outputs[0])));
    let node = Node::share(operation, outputs.len(), edges, Backward { rule: rule(), output, lasting });
    for (at, output) in outputs.iter().enumerate().skip(1) {
        output.history().set_node(node.of_output(at));
    }
    outputs[0].history().set_node(node);
    Ok(())
}

fn boxed<const N: usize, R>(rule: R) -> Arc<Rule>
where
    R: Fn(&Tensor, &GradContext<'_>) -> Result<[Option<Tensor>; N]> + Send + Sync + 'static,
{
    single(move |grad, context| Ok(rule(grad, context)?.into_iter().collect()))
}

/// The rule of an operation with one output, which is only called when there is a gradient.
fn single<R>(rule: R) -> Arc<Rule>
where
    R: Fn(&Tensor, &GradContext<'_>) -> Result<Gradients> + Send + Sync + 'static,
{
    Arc::new(move |grads: &[Option<Tensor>], context: &GradContext<'_>| match grads {
        [Some(grad)] => rule(grad, context),
        _ => Err(Error::internal("a rule is called without the gradient of its output")),
    })
}
