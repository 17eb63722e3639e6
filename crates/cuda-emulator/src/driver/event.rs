//! Events: when something was done, and what a stream waits for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::border::Out;
use super::context::{context, current};
use super::counts::{Count, count};
use super::handles::{Handle, Handles};
use super::status::Status;
use super::stream::{Capture, stream};
use super::{account, behind, exports};

/// `CU_EVENT_DISABLE_TIMING`.
const NO_TIME: u32 = 2;

/// A `CUevent`.
pub(crate) struct Event {
    context: Handle,
    flags: u32,
    recorded: Mutex<Recorded>,
}

#[derive(Clone, Default)]
enum Recorded {
    #[default]
    Never,
    /// When; and [`behind::now`] of then.
    At(Instant, u64),
    /// In a graph in the making.
    In(Arc<Capture>),
}

static EVENTS: Handles<Event> = Handles::new();

/// An event by its handle.
pub(crate) fn event(handle: Handle) -> Result<Arc<Event>, Status> {
    EVENTS.get(handle)
}

impl Event {
    fn recorded(&self) -> Recorded {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reached(&self) -> Result<(), Status> {
        context(self.context)?.alive()?;
        match self.recorded() {
            Recorded::In(_) => Err(Status::CAPTURED_EVENT),
            Recorded::At(_, behind) if !behind::reached(behind) => Err(Status::NOT_READY),
            Recorded::Never | Recorded::At(..) => Ok(()),
        }
    }
}

fn record(handle: Handle, on: Handle) -> Result<(), Status> {
    let (event, stream) = (event(handle)?, stream(on)?);
    stream.context()?;
    if event.context != stream.context {
        return Err(Status::INVALID_HANDLE);
    }
    let recorded = stream.capture().map_or_else(|| Recorded::At(Instant::now(), behind::now()), Recorded::In);
    *event.recorded.lock().unwrap_or_else(PoisonError::into_inner) = recorded;
    Ok(())
}

fn elapsed(milliseconds: Out<f32>, start: Handle, end: Handle) -> Result<(), Status> {
    let (start, end) = (event(start)?, event(end)?);
    if (start.flags | end.flags) & NO_TIME != 0 {
        return Err(Status::INVALID_HANDLE);
    }
    match (start.recorded(), end.recorded()) {
        (Recorded::At(.., then), _) | (_, Recorded::At(.., then)) if !behind::reached(then) => Err(Status::NOT_READY),
        (Recorded::At(start, _), Recorded::At(end, _)) => {
            let after = end.saturating_duration_since(start).as_secs_f32();
            milliseconds.set(1000.0 * (after - start.saturating_duration_since(end).as_secs_f32()))
        }
        (Recorded::In(_), _) | (_, Recorded::In(_)) => Err(Status::CAPTURED_EVENT),
        _ => Err(Status::INVALID_HANDLE),
    }
}

exports! {
    fn cuEventCreate(out: Out<Handle>, flags: u32) {
        let context = current()?.handle;
        if flags & !7 != 0 {
            return Err(Status::INVALID_VALUE);
        }
        out.set(EVENTS.add(Event { context, flags, recorded: Mutex::default() }))
    }

    fn cuEventDestroy_v2(handle: Handle) {
        EVENTS.remove(handle)?;
        Ok(())
    }

    fn cuEventRecord(handle: Handle, on: Handle) {
        record(handle, on)
    }

    fn cuEventRecordWithFlags(handle: Handle, on: Handle, _flags: u32) {
        record(handle, on)
    }

    fn cuEventQuery(handle: Handle) {
        event(handle)?.reached()
    }

    fn cuEventSynchronize(handle: Handle) {
        let event = event(handle)?;
        count(Count::Synchronize);
        event.reached()?;
        account::synchronized(context(event.context)?.device);
        Ok(())
    }

    fn cuEventElapsedTime(milliseconds: Out<f32>, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }

    fn cuEventElapsedTime_v2(milliseconds: Out<f32>, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }

    fn cuStreamWaitEvent(on: Handle, handle: Handle, _flags: u32) {
        let (stream, event) = (stream(on)?, event(handle)?);
        stream.context()?;
        match event.recorded() {
            Recorded::In(capture) => stream.join(&capture),
            // A graph cannot wait for what is not in it.
            Recorded::At(..) if stream.capture().is_some() => Err(Status::STREAM_CAPTURE_ISOLATION),
            Recorded::Never | Recorded::At(..) => Ok(()),
        }
    }
}
