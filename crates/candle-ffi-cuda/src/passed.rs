//! How far streams had come when something was given back that they may still use: whether they have come that far is asked,
//! and not waited for.

use crate::capture;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use smallvec::SmallVec;

/// A stream, which lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream(pub(crate) sys::CUstream);

// SAFETY: the driver takes a stream from every thread.
unsafe impl Send for Stream {}

/// What streams had been given to do at some time.
pub(crate) struct Passed(SmallVec<[Mark; 1]>);

impl Passed {
    /// All that these streams have been given so far.
    pub(crate) fn all_of(streams: &[Stream]) -> Self {
        let _relaxed = Relaxed::new();
        Self(streams.iter().copied().map(Mark::new).collect())
    }

    /// Whether they have done it.
    pub(crate) fn is_done(&mut self) -> bool {
        let _relaxed = Relaxed::new();
        self.0.retain(|mark| !mark.is_passed());
        self.0.is_empty()
    }
}

/// A place in the order of a stream.
struct Mark {
    stream: Stream,
    at: At,
}

enum At {
    /// Where the event was recorded.
    Event(sys::CUevent),
    /// Nowhere so far: an event would have become a part of the graph for which the stream is captured.
    Later,
    /// Behind all that it has done.
    Passed,
}

// SAFETY: the driver takes an event from every thread.
unsafe impl Send for Mark {}

impl Mark {
    fn new(stream: Stream) -> Self {
        let mut mark = Self { stream, at: At::Later };
        mark.set();
        mark
    }

    /// Records an event, unless a graph is captured.
    fn set(&mut self) {
        let Some(_pass) = capture::try_enter(self.stream.0).filter(|_| !is_captured(self.stream.0)) else { return };
        make_current(self.stream.0);
        let stream = self.stream.0;
        let recorded = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING).and_then(|event| {
            // SAFETY: a new event, and a living stream of its context.
            unsafe {
                result::event::record(event, stream).map(|()| event).inspect_err(|_| {
                    let _ = result::event::destroy(event);
                })
            }
        });
        self.at = match recorded {
            Ok(event) => At::Event(event),
            Err(_) => {
                // There is no room for events, or the device has failed and does nothing any more. The first error may be an
                // old one that was only told now.
                // SAFETY: as above.
                unsafe {
                    if result::stream::synchronize(stream).is_err() {
                        let _ = result::stream::synchronize(stream);
                    }
                }
                At::Passed
            }
        };
    }

    fn is_passed(&mut self) -> bool {
        if matches!(self.at, At::Later) {
            self.set();
        }
        let At::Event(event) = self.at else { return matches!(self.at, At::Passed) };
        // SAFETY: the event lives as long as the mark.
        match unsafe { sys::cuEventQuery(event) } {
            sys::CUresult::CUDA_ERROR_NOT_READY => false,
            // A capture has begun between two calls of ours.
            sys::CUresult::CUDA_ERROR_CAPTURED_EVENT => {
                self.forget();
                self.at = At::Later;
                false
            }
            // Passed, or the device has failed and does nothing any more.
            _ => true,
        }
    }

    fn forget(&mut self) {
        if let At::Event(event) = self.at {
            // SAFETY: the event is this mark's alone.
            let _ = unsafe { result::event::destroy(event) };
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Whether what a stream is given now goes into a graph.
fn is_captured(stream: sys::CUstream) -> bool {
    // SAFETY: a living stream.
    let status = unsafe { result::stream::is_capturing(stream) };
    status.is_ok_and(|status| status != sys::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE)
}

/// Makes the context of a stream current: things are dropped on threads that have none.
pub(crate) fn make_current(stream: sys::CUstream) {
    let mut context = std::ptr::null_mut();
    // SAFETY: a living stream, and its context.
    unsafe {
        if sys::cuStreamGetCtx(stream, &raw mut context) == sys::CUresult::CUDA_SUCCESS {
            let _ = sys::cuCtxSetCurrent(context);
        }
    }
}

/// Lets this thread ask events and take pinned memory while somebody in the process captures a graph: what it does then has
/// nothing to do with the graph, and must not spoil it.
pub(crate) struct Relaxed(sys::CUstreamCaptureMode);

impl Relaxed {
    pub(crate) fn new() -> Self {
        let mut mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        // SAFETY: the mode of this thread takes the place of the one that is given.
        let _ = unsafe { sys::cuThreadExchangeStreamCaptureMode(&raw mut mode) };
        Self(mode)
    }
}

impl Drop for Relaxed {
    fn drop(&mut self) {
        // SAFETY: as above.
        let _ = unsafe { sys::cuThreadExchangeStreamCaptureMode(&raw mut self.0) };
    }
}
