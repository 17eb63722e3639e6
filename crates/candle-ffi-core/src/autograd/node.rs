//! A recorded operation: its inputs, and the rule that takes the gradient of its output to them.

use super::saved::SavedOutput;
use crate::{Error, ErrorCode, Result, Tensor};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One gradient for each input; `None` where the input needs none.
pub(crate) type Gradients = SmallVec<[Option<Tensor>; 3]>;

/// Takes the gradient of an output to the inputs.
pub(crate) type Rule = dyn Fn(&Tensor, &GradContext<'_>) -> Result<Gradients> + Send + Sync;

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
}

/// All that a node keeps for its backward step.
#[derive(Clone)]
pub(super) struct Backward {
    pub(super) rule: Arc<Rule>,
    /// The operation's output, for rules that are written in terms of it.
    pub(super) output: Option<Arc<SavedOutput>>,
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

    /// The output of the operation, as it was; fails when it has been changed in place.
    pub(crate) fn output(&self) -> Result<Tensor> {
        self.output.ok_or_else(|| Error::internal("this rule's output was not saved"))?.unpack(self.node)
    }
}

static SEQUENCE: AtomicU64 = AtomicU64::new(1);

impl Node {
    pub(super) fn share(operation: &'static str, edges: SmallVec<[Edge; 3]>, backward: Backward) -> NodeRef {
        NodeRef(Some(Arc::new(Self {
            operation,
            sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
            edges,
            backward: Mutex::new(Some(backward)),
        })))
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// What the backward step needs; taken out unless the graph is retained.
    pub(super) fn backward(&self, retain: bool) -> Result<Backward> {
        let mut backward = self.backward.lock().unwrap_or_else(PoisonError::into_inner);
        let found = if retain { backward.clone() } else { backward.take() };
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

/// A share of a node. Dropping the last one drops the nodes behind it in a loop and not in a
/// recursion: a chain of a million operations must not overflow the stack.
#[derive(Clone)]
pub(crate) struct NodeRef(Option<Arc<Node>>);

impl NodeRef {
    pub(super) fn get(&self) -> &Node {
        match &self.0 {
            Some(node) => node,
            // Only `drop` empties it.
            None => unreachable!("a node reference is used after its drop"),
        }
    }

    pub(crate) fn operation(&self) -> &'static str {
        self.get().operation
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
        let Some(node) = self.0.take().and_then(Arc::into_inner) else { return };
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
