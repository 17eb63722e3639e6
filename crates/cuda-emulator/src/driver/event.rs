//! Events: when something was done, and what a stream waits for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use super::border::Out;
use super::context::{Context, context, current};
use super::counts::{Count, count};
use super::handles::{Handle, Handles};
use super::order::Point;
use super::status::Status;
use super::stream::{Capture, Stream, stream};
use super::{account, behind, exports, order};

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
    /// In a stream that has not come that far, and when it does.
    On(Point, Arc<OnceLock<Instant>>),
    /// In a graph in the making.
    In(Arc<Capture>),
}

impl Recorded {
    /// When it was reached, if it was ever recorded.
    fn time(self) -> Result<Option<Instant>, Status> {
        match self {
            Recorded::Never => Ok(None),
            Recorded::At(_, then) if !behind::reached(then) => Err(Status::NOT_READY),
            Recorded::At(time, _) => Ok(Some(time)),
            Recorded::On(point, time) => {
                order::query(&point)?;
                Ok(time.get().copied())
            }
            Recorded::In(_) => Err(Status::CAPTURED_EVENT),
        }
    }
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

    /// Whether it has been reached, which `wait` asks or waits for.
    fn reached(&self, wait: impl Fn(&Point) -> Result<(), Status>) -> Result<(), Status> {
        context(self.context)?.alive()?;
        match self.recorded() {
            Recorded::In(_) => Err(Status::CAPTURED_EVENT),
            Recorded::At(_, behind) if !behind::reached(behind) => Err(Status::NOT_READY),
            Recorded::Never | Recorded::At(..) => Ok(()),
            Recorded::On(point, _) => {
                wait(&point)?;
                context(self.context)?.alive()
            }
        }
    }

    /// Makes all streams of a context that have something to do wait for it.
    pub(crate) fn hold(&self, context: Handle) -> Result<(), Status> {
        match self.recorded() {
            Recorded::In(_) => Err(Status::CAPTURED_EVENT),
            Recorded::Never | Recorded::At(..) => Ok(()),
            Recorded::On(point, _) => order::wait_all(context, &point),
        }
    }
}

fn record(handle: Handle, on: Handle) -> Result<(), Status> {
    let (event, stream) = (event(handle)?, stream(on)?);
    stream.context()?;
    if event.context != stream.context {
        return Err(Status::INVALID_HANDLE);
    }
    let recorded = stream.capture().map_or_else(|| record_now(&stream), Recorded::In);
    *event.recorded.lock().unwrap_or_else(PoisonError::into_inner) = recorded;
    Ok(())
}

fn record_now(stream: &Arc<Stream>) -> Recorded {
    let time = Arc::new(OnceLock::new());
    let reached = time.clone();
    let work = move |_: &Context| {
        reached.get_or_init(Instant::now);
        Ok(())
    };
    match order::record(stream, Arc::new(work)) {
        Some(point) => Recorded::On(point, time),
        None => Recorded::At(Instant::now(), behind::now()),
    }
}

fn elapsed(milliseconds: Out<f32>, start: Handle, end: Handle) -> Result<(), Status> {
    let (start, end) = (event(start)?, event(end)?);
    if (start.flags | end.flags) & NO_TIME != 0 {
        return Err(Status::INVALID_HANDLE);
    }
    match (start.recorded().time()?, end.recorded().time()?) {
        (Some(start), Some(end)) => {
            let after = end.saturating_duration_since(start).as_secs_f32();
            milliseconds.set(1000.0 * (after - start.saturating_duration_since(end).as_secs_f32()))
        }
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
        event(handle)?.reached(order::query)
    }

    fn cuEventSynchronize(handle: Handle) {
        let event = event(handle)?;
        count(Count::Synchronize);
        event.reached(Point::reach)?;
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
            Recorded::At(..) | Recorded::On(..) if stream.capture().is_some() => Err(Status::STREAM_CAPTURE_ISOLATION),
            Recorded::Never | Recorded::At(..) => Ok(()),
            Recorded::On(point, _) => {
                order::wait(&stream, &point);
                Ok(())
            }
        }
    }
}
