//! The backward pass: from the outputs' gradients down to the leaves, iteratively.

use super::mode::GradMode;
use super::node::{Backward, Edge, GradContext, Node, NodeRef, OutputGradients};
use crate::{Error, ErrorCode, Result, Tensor, autocast, ops, profile};
use smallvec::{SmallVec, smallvec};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// Adds the gradients of `tensor` to those of the leaves it was computed from.
///
/// `gradient` is the gradient of `tensor` itself; a scalar needs none.
pub fn backward(tensor: &Tensor, gradient: Option<&Tensor>, retain_graph: bool, create_graph: bool) -> Result<()> {
    let mut pass = Pass::new(retain_graph || create_graph, create_graph);
    pass.seed(tensor, gradient)?;
    pass.run(|leaf, grad| accumulate_into_leaf(leaf, grad, create_graph))
}

/// The gradients of `outputs` with respect to `inputs`, which may be any tensors of the graph; the
/// leaves' own gradients stay as they are.
pub fn grad(
    outputs: &[&Tensor],
    inputs: &[&Tensor],
    grad_outputs: &[Option<&Tensor>],
    retain_graph: bool,
    create_graph: bool,
    allow_unused: bool,
) -> Result<Vec<Option<Tensor>>> {
    if !grad_outputs.is_empty() && grad_outputs.len() != outputs.len() {
        return Err(Error::argument(format!(
            "{} grad_outputs were given for {} outputs",
            grad_outputs.len(),
            outputs.len()
        )));
    }
    if let Some(at) = inputs.iter().position(|input| !input.requires_grad()) {
        return Err(Error::new(ErrorCode::Graph, format!("input {at} does not require grad")));
    }
    let mut pass = Pass::new(retain_graph || create_graph, create_graph);
    let mut wanted = Vec::with_capacity(inputs.len());
    for input in inputs {
        input.check_view()?;
        wanted.push(match input.history().node() {
            Some(node) => Target::Node(node),
            None => Target::Leaf((*input).clone()),
        });
    }
    pass.only_towards(outputs, &wanted);
    for (at, output) in outputs.iter().enumerate() {
        pass.seed(output, grad_outputs.get(at).copied().flatten())?;
    }
    let mut leaves: HashMap<*const (), Tensor> = HashMap::new();
    pass.run(|leaf, grad| {
        let sum = match leaves.remove(&key(leaf)) {
            Some(before) => ops::add(&before, &grad)?,
            None => grad,
        };
        leaves.insert(key(leaf), sum);
        Ok(())
    })?;
    wanted
        .iter()
        .enumerate()
        .map(|(at, target)| {
            let found = match target {
                Target::Leaf(leaf) => leaves.get(&key(leaf)).cloned(),
                Target::Node(node) => pass.captured.get(&(node.get().sequence(), node.output())).cloned(),
            };
            if found.is_none() && !allow_unused {
                let message = format!(
                    "input {at} was not used in the graph of the outputs; say allow_unused=True to get None for it"
                );
                return Err(Error::new(ErrorCode::Graph, message));
            }
            Ok(found)
        })
        .collect()
}

/// What `grad` was asked to differentiate with respect to.
enum Target {
    Leaf(Tensor),
    Node(NodeRef),
}

/// One walk through the graph.
struct Pass {
    retain_graph: bool,
    create_graph: bool,
    /// Nodes to visit, the latest first: every user of a result is visited before its maker.
    heap: BinaryHeap<ByAge>,
    /// Gradients of the outputs of nodes in the heap, by sequence number.
    pending: HashMap<u64, OutputGradients>,
    /// Nodes on a way to a target, when only some are wanted.
    needed: Option<HashSet<u64>>,
    /// Leaves that are targets, when only some are wanted.
    needed_leaves: HashSet<*const ()>,
    /// Outputs of nodes that are targets: the node's sequence number, and which of its outputs.
    capture: HashSet<(u64, usize)>,
    captured: HashMap<(u64, usize), Tensor>,
    /// Leaves with hooks, and what has come to them.
    held: Vec<(Tensor, Tensor)>,
}

impl Pass {
    fn new(retain_graph: bool, create_graph: bool) -> Self {
        Self {
            retain_graph,
            create_graph,
            heap: BinaryHeap::new(),
            pending: HashMap::new(),
            needed: None,
            needed_leaves: HashSet::new(),
            capture: HashSet::new(),
            captured: HashMap::new(),
            held: Vec::new(),
        }
    }

    /// Puts an output's gradient at the start of the walk.
    fn seed(&mut self, tensor: &Tensor, gradient: Option<&Tensor>) -> Result<()> {
        tensor.check_view()?;
        if !tensor.requires_grad() {
            return Err(Error::new(
                ErrorCode::Graph,
                "this tensor does not require grad and has no graph: nothing it was computed from requires grad, \
                 or it was computed under no_grad",
            ));
        }
        let gradient = match gradient {
            Some(gradient) => checked_gradient(tensor, gradient)?,
            None if tensor.num_elements() == 1 => {
                let _mode = GradMode::new(false);
                ops::ones_like(tensor, None)?
            }
            None => {
                let dims = tensor.dims();
                let message =
                    format!("a gradient must be given for a tensor that is not a scalar; this one has shape {dims:?}");
                return Err(Error::new(ErrorCode::Graph, message));
            }
        };
        match tensor.edge() {
            // A leaf is its own graph.
            Edge::Leaf(leaf) => self.leaf_seeds(leaf, gradient),
            Edge::Node(node) => self.push(node, gradient),
            Edge::None => Ok(()),
        }
    }

    fn leaf_seeds(&mut self, leaf: Tensor, gradient: Tensor) -> Result<()> {
        // An identity node keeps the walk uniform: leaves are reached through edges only.
        let rule = Arc::new(|grads: &[Option<Tensor>], _: &GradContext<'_>| Ok(smallvec![grads[0].clone()]));
        let node =
            Node::share("identity", 1, smallvec![Edge::Leaf(leaf)], Backward { rule, output: None, lasting: false });
        if let Some(needed) = &mut self.needed {
            needed.insert(node.get().sequence());
        }
        self.push(node, gradient)
    }

    fn push(&mut self, node: NodeRef, gradient: Tensor) -> Result<()> {
        let (sequence, output) = (node.get().sequence(), node.output());
        let Some(before) = self.pending.get_mut(&sequence).map(|waiting| waiting[output].take()) else {
            let mut waiting: OutputGradients = smallvec![None; node.get().outputs()];
            waiting[output] = Some(gradient);
            self.pending.insert(sequence, waiting);
            self.heap.push(ByAge(node));
            return Ok(());
        };
        let sum = match before {
            Some(before) => self.add(before, &gradient)?,
            None => gradient,
        };
        if let Some(waiting) = self.pending.get_mut(&sequence) {
            waiting[output] = Some(sum);
        }
        Ok(())
    }

    fn add(&self, before: Tensor, gradient: &Tensor) -> Result<Tensor> {
        let _mode = GradMode::new(self.create_graph);
        if !self.create_graph && before.is_unshared() && before.is_contiguous() {
            ops::add_(&before, gradient)?;
            return Ok(before);
        }
        ops::add(&before, gradient)
    }

    /// Restricts the walk to the ways that lead to the targets.
    fn only_towards(&mut self, outputs: &[&Tensor], targets: &[Target]) {
        for target in targets {
            match target {
                Target::Leaf(leaf) => self.needed_leaves.insert(key(leaf)),
                Target::Node(node) => self.capture.insert((node.get().sequence(), node.output())),
            };
        }
        // Iterative depth-first search; a node is needed when one of its edges is.
        let mut needed = HashSet::new();
        let mut visited = HashSet::new();
        let mut stack: Vec<(NodeRef, bool)> = Vec::new();
        stack.extend(outputs.iter().filter_map(|output| output.history().node()).map(|node| (node, false)));
        while let Some((node, children_done)) = stack.pop() {
            let sequence = node.get().sequence();
            if children_done {
                let leads = node.get().edges().iter().any(|edge| match edge {
                    Edge::None => false,
                    Edge::Leaf(leaf) => self.needed_leaves.contains(&key(leaf)),
                    Edge::Node(next) => {
                        let sequence = next.get().sequence();
                        needed.contains(&sequence) || self.capture.contains(&(sequence, next.output()))
                    }
                });
                if leads {
                    needed.insert(sequence);
                }
            } else if visited.insert(sequence) {
                stack.push((node.clone(), true));
                for edge in node.get().edges() {
                    if let Edge::Node(next) = edge {
                        stack.push((next.clone(), false));
                    }
                }
            }
        }
        self.needed = Some(needed);
    }

    /// Whether the gradient along an edge is used.
    fn wants(&self, edge: &Edge) -> bool {
        match (edge, &self.needed) {
            (Edge::None, _) => false,
            (_, None) => true,
            (Edge::Leaf(leaf), Some(_)) => self.needed_leaves.contains(&key(leaf)),
            (Edge::Node(node), Some(needed)) => {
                let sequence = node.get().sequence();
                needed.contains(&sequence) || self.capture.contains(&(sequence, node.output()))
            }
        }
    }

    fn run(&mut self, mut arrive: impl FnMut(&Tensor, Tensor) -> Result<()>) -> Result<()> {
        let _mode = GradMode::new(self.create_graph);
        let _as_it_is = autocast::suspend();
        while let Some(ByAge(node)) = self.heap.pop() {
            let sequence = node.get().sequence();
            let Some(mut arrived) = self.pending.remove(&sequence) else { continue };
            for (output, slot) in arrived.iter_mut().enumerate() {
                let Some(gradient) = slot.take() else { continue };
                let gradient = node.get().hooks(output).run(gradient)?;
                if self.capture.contains(&(sequence, output)) {
                    self.captured.insert((sequence, output), gradient.clone());
                }
                *slot = Some(gradient);
            }
            if self.needed.as_ref().is_some_and(|needed| !needed.contains(&sequence)) {
                continue;
            }
            let backward = node.get().backward(self.retain_graph)?;
            let wanted: SmallVec<[bool; 4]> = node.get().edges().iter().map(|edge| self.wants(edge)).collect();
            let context = GradContext { node: &node, output: backward.output.as_deref(), wanted: &wanted };
            let span = profile::backward(node.operation());
            profile::inputs(arrived.iter().flatten());
            let gradients =
                (backward.rule)(&arrived, &context).map_err(|error| error.in_operation(node.operation()))?;
            // What the rule has saved, and these gradients, are free before the next node's are made.
            drop((backward, arrived));
            drop(span);
            debug_assert_eq!(gradients.len(), node.get().edges().len());
            for ((edge, gradient), wanted) in node.get().edges().iter().zip(gradients).zip(wanted) {
                match (edge, gradient) {
                    (Edge::Leaf(leaf), Some(gradient)) if wanted && leaf.history().hooks().is_empty() => {
                        arrive(leaf, gradient)?;
                    }
                    (Edge::Leaf(leaf), Some(gradient)) if wanted => self.hold(leaf, gradient)?,
                    (Edge::Node(next), Some(gradient)) if wanted => self.push(next.clone(), gradient)?,
                    _ => {}
                }
            }
        }
        for (leaf, gradient) in std::mem::take(&mut self.held) {
            arrive(&leaf, leaf.history().hooks().run(gradient)?)?;
        }
        Ok(())
    }

    /// Keeps a leaf's gradient until all of it has come: its hooks see the sum.
    fn hold(&mut self, leaf: &Tensor, gradient: Tensor) -> Result<()> {
        match self.held.iter().position(|(held, _)| key(held) == key(leaf)) {
            Some(at) => {
                let (leaf, before) = self.held.swap_remove(at);
                let sum = self.add(before, &gradient)?;
                self.held.push((leaf, sum));
            }
            None => self.held.push((leaf.clone(), gradient)),
        }
        Ok(())
    }
}

fn checked_gradient(tensor: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    if gradient.dims() != tensor.dims() {
        return Err(Error::shape(
            format!("the gradient has shape {:?} and the tensor {:?}", gradient.dims(), tensor.dims()),
            &[&gradient.dims(), &tensor.dims()],
        ));
    }
    if gradient.device() != tensor.device() {
        return Err(Error::device(
            format!("the gradient is on {} and the tensor on {}", gradient.device(), tensor.device()),
            &[gradient.device(), tensor.device()],
        ));
    }
    ops::to_dtype(gradient, tensor.dtype())
}

/// Adds a gradient to a leaf's slot. The first one is taken as it is where nobody else holds it;
/// otherwise it is copied, since a user may change one gradient in place and not mean another.
fn accumulate_into_leaf(leaf: &Tensor, gradient: Tensor, create_graph: bool) -> Result<()> {
    let _span = profile::backward_step("accumulate_grad");
    // Dropped after the lock is given back: memory of others may end with it, and how they free it is theirs.
    let before;
    // Threads may share a leaf: no gradient of theirs may be lost between the sum and its place.
    let _accumulating = leaf.history().accumulating();
    if !leaf.requires_grad() {
        return Ok(());
    }
    before = leaf.grad();
    let sum = match &before {
        // As in PyTorch, who holds the gradient sees it grow.
        Some(before) if !create_graph && !before.requires_grad() && before.is_contiguous() => {
            return ops::add_(before, &gradient);
        }
        Some(before) => ops::add(before, &gradient)?,
        None if gradient.is_unshared() && gradient.is_contiguous() => return leaf.set_grad(Some(&gradient)),
        None => ops::clone(&gradient)?,
    };
    leaf.set_grad(Some(&sum))
}

fn key(tensor: &Tensor) -> *const () {
    std::ptr::from_ref(tensor.inner()).cast()
}

/// Orders nodes by age: the youngest comes first out of a heap.
struct ByAge(NodeRef);

impl PartialEq for ByAge {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Eq for ByAge {}

impl PartialOrd for ByAge {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByAge {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.get().sequence().cmp(&other.0.get().sequence())
    }
}
