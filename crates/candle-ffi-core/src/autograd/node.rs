//! A recorded operation: its inputs, and the rule that takes the gradient of its output to them.

use super::hooks::Hooks;
use super::saved::SavedOutput;
use crate::{Error, ErrorCode, Result, Tensor};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One gradient for each input; `None` where the input needs none.
pub(crate) type Gradients = SmallVec<[Option<Tensor>; 3]>;

/// One gradient for each output; `None` where nobody has used the output.
pub(crate) type OutputGradients = SmallVec<[Option<Tensor>; 2]>;

/// Takes the gradients of the outputs, of which at least one is there, to the inputs.
pub(crate) type Rule = dyn Fn(&[Option<Tensor>], &GradContext<'_>) -> Result<Gradients> + Send + Sync;

/// Where the gradient of an input goes.
#[derive(Clone)]
pub(crate) enum Edge {
    /// Nowhere.
    None,
    /// Into a leaf's gradient slot.
    Leaf(Tensor),
    /// On to the operation that made the input.
    Node(NodeRef),
}

pub(crate) struct Node {
    operation: &'static str,
    /// Rises with every node, so that descending order is a topological order.
    sequence: u64,
    edges: SmallVec<[Edge; 3]>,
    /// Gone after a `backward` that did not retain the graph.
    backward: Mutex<Option<Backward>>,
    /// Those of each output.
    hooks: SmallVec<[Hooks; 1]>,
}

/// All that a node keeps for its backward step.
#[derive(Clone)]
pub(super) struct Backward {
    pub(super) rule: Arc<Rule>,
    /// The operation's (first) output, for rules that are written in terms of it.
    pub(super) output: Option<Arc<SavedOutput>>,
    /// Nothing is kept that would be worth freeing: the step may be taken again.
    pub(super) lasting: bool,
}

/// What a rule may ask for besides the gradient.
pub(crate) struct GradContext<'a> {
    pub(super) node: &'a NodeRef,
    pub(super) output: Option<&'a SavedOutput>,
    /// For each input, whether somebody waits for its gradient.
    pub(super) wanted: &'a [bool],
}

impl GradContext<'_> {
    /// Whether the gradient of this input is wanted; a rule may skip the work for those that are not.
    pub(crate) fn needs(&self, input: usize) -> bool {
        self.wanted[input]
    }

    /// The gradient of this input from `rule`, unless nobody wants it.
    pub(crate) fn wants(&self, input: usize, rule: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
        if self.needs(input) { rule().map(Some) } else { Ok(None) }
    }

    /// The output of the operation, the first of several, as it was; fails when it has been changed in place.
    pub(crate) fn output(&self) -> Result<Tensor> {
        self.output.ok_or_else(|| Error::internal("this rule's output was not saved"))?.unpack(self.node.of_output(0))
    }
}

static SEQUENCE: AtomicU64 = AtomicU64::new(1);

impl Node {
    /// A new node, as its first output sees it.
    pub(super) fn share(
        operation: &'static str,
        outputs: usize,
        edges: SmallVec<[Edge; 3]>,
        backward: Backward,
    ) -> NodeRef {
        let node = Some(Arc::new(Self {
            operation,
            sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
            edges,
            backward: Mutex::new(Some(backward)),
            hooks: (0..outputs).map(|_| Hooks::default()).collect(),
        }));
        NodeRef { node, output: 0 }
    }

    /// How many outputs the operation has.
    pub(super) fn outputs(&self) -> usize {
        self.hooks.len()
    }

    pub(super) fn hooks(&self, output: usize) -> &Hooks {
        &self.hooks[output]
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// What the backward step needs; taken out unless the graph is retained, or nothing would be freed.
    pub(super) fn backward(&self, retain: bool) -> Result<Backward> {
        let mut backward = self.backward.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = retain || backward.as_ref().is_some_and(|backward| backward.lasting);
        let found = if stays { backward.clone() } else { backward.take() };
        found.ok_or_else(|| {
            Error::new(
                ErrorCode::Graph,
                format!(
                    "the graph has been freed by an earlier backward (at {}); say retain_graph=True there to go through it again",
                    self.operation
                ),
            )
        })
    }
}

/// A share of a node, held by one of its outputs or on the way to it. Dropping the last one drops the
/// nodes behind it in a loop and not in a recursion: a chain of a million operations must not overflow
/// the stack.
#[derive(Clone)]
pub(crate) struct NodeRef {
    node: Option<Arc<Node>>,
    output: usize,
}

impl NodeRef {
    pub(super) fn get(&self) -> &Node {
        match &self.node {
            Some(node) => node,
            // Only `drop` empties it.
            None => unreachable!("a node reference is used after its drop"),
        }
    }

    pub(crate) fn operation(&self) -> &'static str {
        self.get().operation
    }

    pub(super) fn hooks(&self) -> &Hooks {
        self.get().hooks(self.output)
    }

    /// Which of the node's outputs this one belongs to.
    pub(super) fn output(&self) -> usize {
        self.output
    }

    /// The same node as another of its outputs sees it.
    pub(super) fn of_output(&self, output: usize) -> Self {
        Self { node: self.node.clone(), output }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.get(), other.get())
    }
}

thread_local! {
    /// Nodes that wait for their drop while another one is being dropped on this thread.
    static DROPPING: RefCell<Option<Vec<Node>>> = const { RefCell::new(None) };
}

impl Drop for NodeRef {
    fn drop(&mut self) {
        let Some(node) = self.node.take().and_then(Arc::into_inner) else { return };
        let mut node = Some(node);
        let outermost = DROPPING.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            match queue.as_mut() {
                Some(waiting) => {
                    waiting.extend(node.take());
                    false
                }
                None => {
                    *queue = Some(Vec::new());
                    true
                }
            }
        });
        // Without the queue (a thread at its end) the plain drop is all that is left.
        if outermost != Ok(true) {
            return;
        }
        while let Some(next) = node.take() {
            drop(next);
            node = DROPPING.with_borrow_mut(|queue| queue.as_mut().and_then(Vec::pop));
        }
        DROPPING.set(None);
    }
}
