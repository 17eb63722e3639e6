//! The stream of a device, on which all its work is started, and its order with the streams of others.

use crate::capture;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Result};

/// The `CUstream` of a device as a number, for libraries that order their work with ours.
#[must_use]
pub fn stream_handle(device: &CudaDevice) -> u64 {
    device.cuda_stream().cu_stream().addr() as u64
}

/// What is refused where other streams would come into a graph.
pub(crate) const OTHERS: &str = "work cannot be put in order with another stream";

/// What comes next on another stream waits for what has been started here.
///
/// # Safety
///
/// `stream` is a `CUstream` of a living context, or one of the numbers that stand for streams (0, 1 and 2).
pub unsafe fn let_wait(device: &CudaDevice, stream: u64) -> Result<()> {
    capture::refuse(device, OTHERS)?;
    let _pass = capture::enter(device)?;
    let ours = device.cuda_stream();
    ours.context().bind_to_thread().w()?;
    // SAFETY: the caller vouches for the stream.
    unsafe { order(ours.cu_stream(), handle(stream)) }
}

/// What comes next here waits for what has been started on another stream.
///
/// # Safety
///
/// As for [`let_wait`].
pub unsafe fn wait_for(device: &CudaDevice, stream: u64) -> Result<()> {
    capture::refuse(device, OTHERS)?;
    let _pass = capture::enter(device)?;
    let ours = device.cuda_stream();
    ours.context().bind_to_thread().w()?;
    // The event is of the context of the stream that it is recorded on. 0, 1 and 2 are streams of any context.
    if stream > 2 {
        let mut context = std::ptr::null_mut();
        // SAFETY: the caller vouches for the stream.
        unsafe {
            sys::cuStreamGetCtx(handle(stream), &raw mut context).result().w()?;
            sys::cuCtxSetCurrent(context).result().w()?;
        }
    }
    // SAFETY: the caller vouches for the stream.
    let ordered = unsafe { order(handle(stream), ours.cu_stream()) };
    ours.context().bind_to_thread().w()?;
    ordered
}

fn handle(stream: u64) -> sys::CUstream {
    std::ptr::without_provenance_mut(stream as usize)
}

/// Puts what comes next on `second` behind what is on `first`.
///
/// # Safety
///
/// Both streams live, and the context of the first is current.
pub(crate) unsafe fn order(first: sys::CUstream, second: sys::CUstream) -> Result<()> {
    let event = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING).w()?;
    // SAFETY: the event is new, the streams live. Destroyed events still order what waits for them.
    unsafe {
        let recorded = result::event::record(event, first)
            .and_then(|()| result::stream::wait_event(second, event, sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT));
        let destroyed = result::event::destroy(event);
        recorded.and(destroyed).w()
    }
}
