//! Streams, and what is recorded while one of them is captured into a graph.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use super::border::{Address, HostPointer, Out};
use super::context::{Context, context, current};
use super::counts::{Count, count};
use super::handles::{Handle, Handles};
use super::order::{self, Point, Queue};
use super::status::Status;
use super::{account, exports};

/// Something that a stream does: at once, or each time a graph is launched.
pub(crate) type Work = Arc<dyn Fn(&Context) -> Result<(), Status> + Send + Sync>;

/// A `CUstream`.
pub(crate) struct Stream {
    pub handle: Handle,
    pub context: Handle,
    flags: u32,
    priority: i32,
    legacy: bool,
    capture: Mutex<Option<Arc<Capture>>>,
    pub queue: Mutex<Queue>,
}

/// A graph in the making.
pub(crate) struct Capture {
    works: Mutex<Vec<Work>>,
    /// The stream in which it began and must end.
    origin: Handle,
    /// 0: no thread may do what is unsafe meanwhile; 1: this thread may not; 2: anything goes.
    mode: i32,
    thread: ThreadId,
    invalid: AtomicBool,
    streams: Mutex<Vec<Arc<Stream>>>,
}

/// `CU_STREAM_NON_BLOCKING`.
const NON_BLOCKING: u32 = 1;
const RELAXED: i32 = 2;

static STREAMS: Handles<Stream> = Handles::new();
static CAPTURES: Mutex<Vec<Arc<Capture>>> = Mutex::new(Vec::new());
/// So that a program that captures nothing takes no lock.
static CAPTURING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The streams by the name 2: one for each context. Not dropped at the end of the thread, since what else is dropped
    /// there may still use them.
    static OF_THREAD: RefCell<ManuallyDrop<Vec<Arc<Stream>>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    static MODE: Cell<i32> = const { Cell::new(0) };
}

impl Stream {
    fn new(handle: Handle, context: Handle, flags: u32, priority: i32) -> Self {
        Self {
            handle,
            context,
            flags,
            priority,
            legacy: handle == 1,
            capture: Mutex::new(None),
            queue: Mutex::default(),
        }
    }

    /// The graph in the making, if this stream is captured.
    pub(crate) fn capture(&self) -> Option<Arc<Capture>> {
        if CAPTURING.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.capture.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_capture(&self, capture: Option<Arc<Capture>>) {
        *self.capture.lock().unwrap_or_else(PoisonError::into_inner) = capture;
    }

    /// Whether it is the one that all others wait for.
    pub(crate) fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether it waits for the legacy stream, and that one for it.
    pub(crate) fn is_blocking(&self) -> bool {
        self.flags & NON_BLOCKING == 0
    }

    /// The context, in which nothing went astray yet.
    pub(crate) fn context(&self) -> Result<Arc<Context>, Status> {
        let context = context(self.context)?;
        context.alive()?;
        Ok(context)
    }

    /// Joins a capture, when this stream waits for something in it.
    pub(crate) fn join(self: &Arc<Self>, capture: &Arc<Capture>) -> Result<(), Status> {
        match self.capture() {
            Some(own) if Arc::ptr_eq(&own, capture) => Ok(()),
            Some(_) => Err(Status::STREAM_CAPTURE_MERGE),
            None if self.legacy => Err(Status::STREAM_CAPTURE_IMPLICIT),
            None => {
                self.set_capture(Some(capture.clone()));
                capture.streams.lock().unwrap_or_else(PoisonError::into_inner).push(self.clone());
                Ok(())
            }
        }
    }
}

impl Capture {
    fn check(&self) -> Result<(), Status> {
        if self.invalid.load(Ordering::Acquire) { Err(Status::STREAM_CAPTURE_INVALIDATED) } else { Ok(()) }
    }

    pub(crate) fn invalidate(&self) {
        self.invalid.store(true, Ordering::Release);
    }

    /// Whether the graph is still good.
    pub(crate) fn push(&self, work: Work) -> Result<(), Status> {
        self.check()?;
        self.works.lock().unwrap_or_else(PoisonError::into_inner).push(work);
        Ok(())
    }
}

fn captures() -> Vec<Arc<Capture>> {
    if CAPTURING.load(Ordering::Acquire) == 0 {
        return Vec::new();
    }
    CAPTURES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// An error if a stream is captured that forbids what this thread is about to do; the capture is spoilt.
pub(crate) fn no_capture(_context: &Context) -> Result<(), Status> {
    if MODE.get() == RELAXED {
        return Ok(());
    }
    let mut forbidden = Ok(());
    for capture in captures() {
        if capture.mode == 0 || capture.mode == 1 && capture.thread == thread::current().id() {
            capture.invalidate();
            forbidden = Err(Status::STREAM_CAPTURE_UNSUPPORTED);
        }
    }
    forbidden
}

/// A stream by its handle; 0 and 1 name the one that all others wait for, 2 that of the thread.
pub(crate) fn stream(handle: Handle) -> Result<Arc<Stream>, Status> {
    match handle {
        0 | 1 => {
            let context = current()?;
            Ok(context.legacy.get_or_init(|| Arc::new(Stream::new(1, context.handle, 0, 0))).clone())
        }
        2 => {
            let context = current()?.handle;
            OF_THREAD.with_borrow_mut(|streams| {
                if let Some(stream) = streams.iter().find(|stream| stream.context == context) {
                    return Ok(stream.clone());
                }
                let stream = Arc::new(Stream::new(2, context, 0, 0));
                streams.push(stream.clone());
                Ok(stream)
            })
        }
        handle => {
            super::device::initialized()?;
            STREAMS.get(handle)
        }
    }
}

/// Does the work at once or in its turn, or, while the stream is captured, keeps it for the graph.
pub(crate) fn submit(
    stream: &Arc<Stream>,
    counted: impl FnOnce(),
    work: impl Fn(&Context) -> Result<(), Status> + Send + Sync + 'static,
) -> Result<(), Status> {
    let context = stream.context()?;
    if let Some(capture) = stream.capture() {
        return capture.push(Arc::new(work));
    }
    if stream.legacy {
        for capture in captures() {
            let streams = capture.streams.lock().unwrap_or_else(PoisonError::into_inner);
            if streams.iter().any(|stream| stream.is_blocking()) {
                capture.invalidate();
                return Err(Status::STREAM_CAPTURE_IMPLICIT);
            }
        }
    }
    counted();
    if order::deferred() {
        return order::submit(stream, Arc::new(work));
    }
    work(&context)
}

/// The host waits for a stream.
pub(crate) fn synchronize(stream: &Arc<Stream>) -> Result<(), Status> {
    count(Count::Synchronize);
    let context = stream.context()?;
    if let Some(capture) = stream.capture() {
        capture.invalidate();
        return Err(Status::STREAM_CAPTURE_UNSUPPORTED);
    }
    if order::deferred() {
        order::drain(stream)?;
        context.alive()?;
    }
    account::synchronized(context.device);
    Ok(())
}

/// Ends a capture: what was recorded.
fn end_capture(stream: &Arc<Stream>) -> Result<Vec<Work>, Status> {
    let capture = stream.capture().ok_or(Status::ILLEGAL_STATE)?;
    if capture.origin != stream.handle {
        return Err(Status::STREAM_CAPTURE_UNMATCHED);
    }
    if capture.mode != RELAXED && capture.thread != thread::current().id() {
        return Err(Status::STREAM_CAPTURE_WRONG_THREAD);
    }
    for stream in capture.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        stream.set_capture(None);
    }
    CAPTURES.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &capture));
    CAPTURING.fetch_sub(1, Ordering::AcqRel);
    capture.check()?;
    Ok(std::mem::take(&mut capture.works.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// `cuThreadExchangeStreamCaptureMode`.
pub(crate) fn exchange_mode(mode: Out<i32>) -> Result<(), Status> {
    let wanted = mode.get()?;
    if !(0..=RELAXED).contains(&wanted) {
        return Err(Status::INVALID_VALUE);
    }
    mode.set(MODE.replace(wanted))
}

fn capture_info(handle: Handle, status: Out<i32>, id: Out<u64>) -> Result<(), Status> {
    let capture = stream(handle)?.capture();
    id.set_if_wanted(capture.as_ref().map_or(0, |capture| Arc::as_ptr(capture) as u64));
    status.set(match capture {
        None => 0,
        Some(capture) if capture.check().is_ok() => 1,
        Some(_) => 2,
    })
}

fn create(out: Out<Handle>, flags: u32, priority: i32) -> Result<(), Status> {
    let context = current()?.handle;
    if flags & !NON_BLOCKING != 0 {
        return Err(Status::INVALID_VALUE);
    }
    out.set(STREAMS.add_with(|handle| Stream::new(handle, context, flags, priority)))
}

exports! {
    fn cuStreamCreate(out: Out<Handle>, flags: u32) {
        create(out, flags, 0)
    }

    fn cuStreamCreateWithPriority(out: Out<Handle>, flags: u32, priority: i32) {
        create(out, flags, priority.clamp(-5, 0))
    }

    fn cuStreamDestroy_v2(handle: Handle) {
        if handle < 3 {
            return Err(Status::INVALID_HANDLE);
        }
        if let Some(capture) = stream(handle)?.capture() {
            capture.invalidate();
        }
        STREAMS.remove(handle)?;
        Ok(())
    }

    fn cuStreamSynchronize(handle: Handle) {
        synchronize(&stream(handle)?)
    }

    fn cuStreamQuery(handle: Handle) {
        let stream = stream(handle)?;
        stream.context()?;
        match stream.capture() {
            None => order::query(&Point::last(&stream)),
            Some(capture) => {
                capture.invalidate();
                Err(Status::STREAM_CAPTURE_UNSUPPORTED)
            }
        }
    }

    fn cuStreamGetCtx(handle: Handle, out: Out<Handle>) {
        out.set(stream(handle)?.context)
    }

    fn cuStreamGetDevice(handle: Handle, out: Out<i32>) {
        out.set(stream(handle)?.context()?.device as i32)
    }

    fn cuStreamGetFlags(handle: Handle, out: Out<u32>) {
        out.set(stream(handle)?.flags)
    }

    fn cuStreamGetPriority(handle: Handle, out: Out<i32>) {
        out.set(stream(handle)?.priority)
    }

    fn cuStreamGetId(handle: Handle, out: Out<u64>) {
        out.set(Arc::as_ptr(&stream(handle)?) as u64)
    }

    fn cuStreamAttachMemAsync(handle: Handle, _address: Address, _length: usize, _flags: u32) {
        stream(handle)?.context()?;
        Ok(())
    }

    fn cuStreamCopyAttributes(to: Handle, from: Handle) {
        stream(to)?;
        stream(from)?;
        Ok(())
    }

    fn cuStreamIsCapturing(handle: Handle, status: Out<i32>) {
        capture_info(handle, status, Out::new(std::ptr::null_mut()))
    }

    fn cuStreamGetCaptureInfo_v2(handle: Handle, status: Out<i32>, id: Out<u64>, _graph: HostPointer, _dependencies: HostPointer, count: Out<usize>) {
        count.set_if_wanted(0);
        capture_info(handle, status, id)
    }

    fn cuStreamGetCaptureInfo_v3(handle: Handle, status: Out<i32>, id: Out<u64>, _graph: HostPointer, _dependencies: HostPointer, _edges: HostPointer, count: Out<usize>) {
        count.set_if_wanted(0);
        capture_info(handle, status, id)
    }

    fn cuStreamBeginCapture_v2(handle: Handle, mode: i32) {
        let stream = stream(handle)?;
        stream.context()?;
        if !(0..=RELAXED).contains(&mode) {
            return Err(Status::INVALID_VALUE);
        }
        if stream.legacy {
            return Err(Status::STREAM_CAPTURE_UNSUPPORTED);
        }
        if stream.capture().is_some() {
            return Err(Status::ILLEGAL_STATE);
        }
        let capture = Arc::new(Capture {
            works: Mutex::default(),
            origin: stream.handle,
            mode,
            thread: thread::current().id(),
            invalid: AtomicBool::new(false),
            streams: Mutex::new(vec![stream.clone()]),
        });
        CAPTURES.lock().unwrap_or_else(PoisonError::into_inner).push(capture.clone());
        CAPTURING.fetch_add(1, Ordering::AcqRel);
        stream.set_capture(Some(capture));
        Ok(())
    }

    fn cuStreamEndCapture(handle: Handle, graph: Out<Handle>) {
        let stream = stream(handle)?;
        let works = end_capture(&stream);
        if works.is_err() {
            graph.set_if_wanted(0);
        }
        graph.set(super::graph::add(works?))
    }
}
