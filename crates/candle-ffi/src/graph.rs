//! CUDA graphs.
//!
//! What a thread gives a device to do between `candle_graph_begin` and `candle_graph_end` is not done but recorded, and
//! `candle_graph_replay` does all of it by one launch, as often as it is called: on the same memory, with what is in it
//! then. So inputs are copied into the tensors that were there in the beginning (`candle_tensor_copy_`), and results are
//! read from those that were made; both belong to their handles as always, and the graph keeps the memory it uses.
//!
//! While a graph is captured its thread has the device for itself, and others that want to use it wait. What a graph
//! cannot do is an error, and the capture fails with it: to read elements on the host or to wait, to copy from memory that
//! is not pinned, a step of an optimizer, a second capture, a replay. Random numbers are drawn anew by each replay, as
//! the program would draw them without a graph. Numbers that come with a call are those of the capture.

use crate::device::{CandleDeviceKind, device_of, opened_at};
use crate::error::{CandleError, CandleStatus};
use crate::handle::{Kind, Opaque, borrow, borrow_mut, borrow_optional, free};
use crate::panic::{guard, neutral};
use crate::pointer::output;
use candle_ffi_core::{Device, Graph};

/// A CUDA graph: empty, being captured, or ready to be replayed.
pub struct CandleGraph {
    _opaque: [u8; 0],
}

impl Opaque for CandleGraph {
    type Value = Graph;
    const KIND: Kind = Kind::Graph;
}

/// Makes an empty graph.
///
/// PyTorch: `torch.cuda.CUDAGraph`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_new(out: *mut *mut CandleGraph, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_graph_new(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "graph_new", || {
            output(out, "out")?.put(Graph::new());
            Ok(())
        })
    }
}

/// Frees a graph; a capture that is going on is given up. NULL is allowed. Tensors that the graph has made stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_free(graph: *mut CandleGraph) {
    forward!(candle_graph_free(graph));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(graph);
        Ok(())
    });
}

/// Begins to capture what this thread gives a device to do, until `candle_graph_end` on this thread.
///
/// `sharing` may be NULL; it is a graph of the device that was captured before, whose memory this one uses where it is
/// free: the two are replayed in the order in which they were captured. Fails with `CANDLE_ERROR_UNSUPPORTED` for a
/// device without graphs, and with `CANDLE_ERROR_INVALID_ARGUMENT` for a graph in use and while another is captured.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_begin(
    graph: *mut CandleGraph,
    kind: CandleDeviceKind,
    index: i32,
    sharing: *const CandleGraph,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_graph_begin(graph, kind, index, sharing, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "graph_begin", || {
            let mut graph = borrow_mut(graph, "graph")?;
            let sharing = borrow_optional(sharing, "sharing")?;
            graph.begin(device_of(kind, index)?, sharing.as_deref())
        })
    }
}

/// Ends the capture.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` for a graph that is not being captured, and with `CANDLE_ERROR_BACKEND` where
/// the capture has failed, with the reason; the graph is empty then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_end(graph: *mut CandleGraph, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_graph_end(graph, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "graph_end", || borrow_mut(graph, "graph")?.end()) }
}

/// Does all that was captured once more, in order with all other work of the device; nothing waits for it.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` for a graph that is empty or being captured.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_replay(graph: *const CandleGraph, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_graph_replay(graph, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "graph_replay", || borrow(graph, "graph")?.replay()) }
}

/// Makes a graph empty, so that it can be captured again; a capture that is going on is given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_graph_reset(graph: *mut CandleGraph, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_graph_reset(graph, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "graph_reset", || {
            borrow_mut(graph, "graph")?.reset();
            Ok(())
        })
    }
}

/// 1 while this thread captures a graph on a device, else 0; also for what is no device.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_is_capturing(kind: CandleDeviceKind, index: i32) -> i32 {
    forward!(candle_device_is_capturing(kind, index));
    // A device that is not open is not captured, and asking does not open it.
    neutral(0, || Ok(opened_at(kind, index)?.is_some_and(Device::is_capturing).into()))
}
