//! Graphs: what was recorded while a stream was captured, done again at each launch.

use std::sync::Arc;

use super::border::{Address, HostPointer, Out};
use super::context::Context;
use super::counts::{Count, count};
use super::exports;
use super::handles::{Handle, Handles};
use super::memory::give_back;
use super::registry::{Block, Kind, registry};
use super::status::Status;
use super::stream::{Capture, Work, stream, submit};

/// Memory that a graph takes when it is launched, always at the same address; given back when the last work that names it
/// is gone.
struct Owned(Block);

impl Drop for Owned {
    fn drop(&mut self) {
        // What the program has not given back since the last launch stays with it, as on a real device.
        if registry().find(self.0.start).is_none() {
            give_back(&self.0);
            registry().discard(self.0);
        }
    }
}

/// Memory asked for while a stream is captured: it is there from launch to launch.
pub(crate) fn allocate(context: &Context, capture: &Capture, out: Out<Address>, size: usize) -> Result<(), Status> {
    let address = super::memory::allocate(context, size, Kind::Graph)?;
    let owned = Owned(registry().withdraw(address)?);
    capture.push(Arc::new(move |_| registry().restore(owned.0)))?;
    out.set(address)
}

/// Memory given back while a stream is captured: it is no longer there after this point of the launch. Only memory that a
/// graph has allocated can be.
pub(crate) fn free(capture: &Capture, address: Address) -> Result<(), Status> {
    if registry().find(address).is_some_and(|block| block.kind != Kind::Graph) {
        return Err(Status::INVALID_VALUE);
    }
    capture.push(Arc::new(move |_| super::memory::free(address)))
}

/// `CUgraph` and `CUgraphExec`: the works in the order in which they were recorded, which is one that their dependencies
/// allow.
struct Graph {
    works: Arc<Vec<Work>>,
}

static GRAPHS: Handles<Graph> = Handles::new();
static EXECUTABLE: Handles<Graph> = Handles::new();

/// A graph that was captured.
pub(crate) fn add(works: Vec<Work>) -> Handle {
    GRAPHS.add(Graph { works: Arc::new(works) })
}

fn instantiate(out: Out<Handle>, graph: Handle) -> Result<(), Status> {
    let works = GRAPHS.get(graph)?.works.clone();
    out.set(EXECUTABLE.add(Graph { works }))
}

exports! {
    fn cuGraphInstantiateWithFlags(out: Out<Handle>, graph: Handle, _flags: u64) {
        instantiate(out, graph)
    }

    fn cuGraphUpload(graph: Handle, on: Handle) {
        EXECUTABLE.get(graph)?;
        stream(on)?.context()?;
        Ok(())
    }

    fn cuGraphLaunch(graph: Handle, on: Handle) {
        let works = EXECUTABLE.get(graph)?.works.clone();
        submit(&stream(on)?, || count(Count::GraphLaunch), move |context| {
            works.iter().try_for_each(|work| work(context))
        })
    }

    fn cuGraphGetNodes(graph: Handle, nodes: HostPointer, number: Out<usize>) {
        let works = GRAPHS.get(graph)?.works.clone();
        // The nodes themselves cannot be had, only their number.
        if nodes.address() != 0 {
            return Err(Status::NOT_SUPPORTED);
        }
        number.set(works.len())
    }

    fn cuGraphDestroy(graph: Handle) {
        GRAPHS.remove(graph)?;
        Ok(())
    }

    fn cuGraphExecDestroy(graph: Handle) {
        EXECUTABLE.remove(graph)?;
        Ok(())
    }
}
