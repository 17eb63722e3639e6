//! Who may give a device work while a graph is captured on it.
//!
//! All work of a device is on one stream, and what is given to a stream that is captured goes into the graph. So while a
//! thread captures, the device is its own: others that want to use it wait until the capture has ended. What gives work to a
//! stream holds a [`Pass`] meanwhile, and a capture begins when nobody holds one. Where nothing is captured a pass costs a
//! count up and a count down, of which a launch takes no notice.
//!
//! Some things cannot be done by a graph, such as to wait. They are refused here, before the driver is asked; the capture is
//! spoilt, and says why when it ends.

use crate::graph_pool::{self, Pool};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::{self, CUgraph, CUstream};
use candle_core::{CudaDevice, Result, Tensor, bail};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// So long another thread waits for a capture to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Room for the places of so many draws, two numbers each.
const PLACES: usize = 2 * 256;

/// A graph in the making.
pub(crate) struct Capture {
    /// The stream, by its address.
    stream: usize,
    thread: ThreadId,
    /// False until those who were using a device are done, and the stream is captured.
    ready: bool,
    pub(crate) pool: Arc<Pool>,
    /// What the graph uses and has not made itself: it lives as long as the graph.
    pub(crate) kept: Vec<Tensor>,
    known: HashSet<u64>,
    /// Where kernels write what they have found wrong, see [`crate::report`].
    pub(crate) slots: Vec<usize>,
    pub(crate) draws: Vec<Drawn>,
    /// Room for the places of the draws, which a replay writes before the graph begins: none of the pool's, which the graph
    /// uses again and again.
    places: Tensor,
    /// Why the graph can be of no use.
    spoilt: Option<String>,
}

/// The draws that a graph takes from a generator.
pub(crate) struct Drawn {
    /// Which generator, for whoever draws.
    pub(crate) key: usize,
    /// Takes so many draws: the seed, and the first of them.
    pub(crate) source: Source,
    pub(crate) count: u64,
    /// Where kernels find both when the graph is replayed.
    pub(crate) place: Tensor,
}

/// What takes draws from a generator.
pub type Source = Box<dyn Fn(u64) -> (u64, u64) + Send + Sync>;

/// Whether anything is captured.
static CAPTURING: AtomicBool = AtomicBool::new(false);
/// How many passes are held.
static PASSES: AtomicUsize = AtomicUsize::new(0);
static STATE: Mutex<Option<Capture>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();
/// What waits for the end of a capture.
static LATER: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether this thread holds a pass.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

fn state() -> MutexGuard<'static, Option<Capture>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(stream: CUstream) -> usize {
    stream.addr()
}

fn stream_of(device: &CudaDevice) -> usize {
    number(device.cuda_stream().cu_stream())
}

/// The right to give streams work; while it is held no capture begins.
pub(crate) struct Pass {
    /// False for a second one of a thread.
    counts: bool,
}

impl Pass {
    fn take() -> Self {
        PASSES.fetch_add(1, Ordering::SeqCst);
        HELD.set(true);
        Self { counts: true }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.counts {
            HELD.set(false);
            PASSES.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Lets this thread give a device work, when no other captures it.
pub(crate) fn enter(device: &CudaDevice) -> Result<Pass> {
    enter_streams(&[stream_of(device)])
}

/// The same for two devices.
pub(crate) fn enter_both(first: &CudaDevice, second: &CudaDevice) -> Result<Pass> {
    enter_streams(&[stream_of(first), stream_of(second)])
}

/// The same for a stream.
pub(crate) fn enter_stream(stream: CUstream) -> Result<Pass> {
    enter_streams(&[number(stream)])
}

#[inline]
fn enter_streams(streams: &[usize]) -> Result<Pass> {
    if HELD.get() {
        return Ok(Pass { counts: false });
    }
    let pass = Pass::take();
    if CAPTURING.load(Ordering::SeqCst) { wait_for(streams, pass) } else { Ok(pass) }
}

/// Waits until what is captured is none of these streams, or is captured by this thread.
#[cold]
fn wait_for(streams: &[usize], pass: Pass) -> Result<Pass> {
    // Whoever begins a capture waits for this pass.
    drop(pass);
    let patience = Instant::now() + PATIENCE;
    let mut state = state();
    loop {
        match &*state {
            Some(capture) if !capture.ready => {}
            Some(capture) if capture.thread == thread::current().id() || !streams.contains(&capture.stream) => {
                return Ok(Pass::take());
            }
            Some(_) => {}
            // A capture that begins now waits for the lock.
            None => return Ok(Pass::take()),
        }
        let left = patience.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!(
                "another thread captures a graph on this device, and has not ended in {} seconds",
                PATIENCE.as_secs()
            );
        }
        state = CHANGED.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Lets this thread give a stream work if the stream is not captured, nor about to be; it never waits.
pub(crate) fn try_enter(stream: CUstream) -> Option<Pass> {
    let pass = if HELD.get() { Pass { counts: false } } else { Pass::take() };
    if !CAPTURING.load(Ordering::SeqCst) {
        return Some(pass);
    }
    let elsewhere = |capture: &Capture| capture.ready && capture.stream != number(stream);
    state().as_ref().is_none_or(elsewhere).then_some(pass)
}

/// Does something when nothing is captured: now, or at the end of the capture.
pub(crate) fn after(work: impl FnOnce() + Send + 'static) {
    if CAPTURING.load(Ordering::SeqCst) {
        let state = state();
        if state.is_some() {
            LATER.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(work));
            return;
        }
    }
    work();
}

/// What `of` makes of this thread's capture of a stream; None where there is none.
fn with<R>(stream: usize, of: impl FnOnce(&mut Capture) -> R) -> Option<R> {
    if !CAPTURING.load(Ordering::Relaxed) {
        return None;
    }
    let mut state = state();
    let capture = state.as_mut()?;
    (capture.ready && capture.stream == stream && capture.thread == thread::current().id()).then(|| of(capture))
}

/// What `of` makes of this thread's capture of a device; None where there is none.
pub(crate) fn here<R>(device: &CudaDevice, of: impl FnOnce(&mut Capture) -> R) -> Option<R> {
    if !CAPTURING.load(Ordering::Relaxed) {
        return None;
    }
    with(stream_of(device), of)
}

/// The pool that memory comes from, for what this thread does on a stream.
pub(crate) fn pool_of(stream: CUstream) -> Option<Arc<Pool>> {
    with(number(stream), |capture| capture.pool.clone())
}

/// Whether this thread captures a device.
pub fn is_captured(device: &CudaDevice) -> bool {
    here(device, |_| ()).is_some()
}

/// Refuses what a graph cannot do, where this thread captures one on the device; it is spoilt then.
pub fn refuse(device: &CudaDevice, what: &str) -> Result<()> {
    let spoil = |capture: &mut Capture| {
        let message = format!("{what} while a graph is captured");
        capture.spoilt.get_or_insert_with(|| message.clone());
        message
    };
    match here(device, spoil) {
        Some(message) => bail!("{message}"),
        None => Ok(()),
    }
}

/// Refuses what no graph can do, on whatever device this thread captures one.
pub fn refuse_everywhere(what: &str) -> Result<()> {
    if !CAPTURING.load(Ordering::Relaxed) {
        return Ok(());
    }
    match state().as_mut().filter(|capture| capture.ready && capture.thread == thread::current().id()) {
        Some(capture) => {
            let message = format!("{what} while a graph is captured");
            capture.spoilt.get_or_insert_with(|| message.clone());
            bail!("{message}")
        }
        None => Ok(()),
    }
}

/// Keeps a tensor for as long as the graph that this thread captures lives, where the graph has not made it itself.
/// `start` tells its memory from that of others.
pub(crate) fn keep(device: &CudaDevice, tensor: &Tensor, start: u64) {
    if !CAPTURING.load(Ordering::Relaxed) {
        return;
    }
    // What is in a pool is there for as long as the graphs of the pool are, and for the tensors of others it is kept.
    let own = |capture: &Capture| graph_pool::of(start).is_some_and(|pool| Arc::ptr_eq(&pool, &capture.pool));
    here(device, |capture| {
        if !own(capture) && capture.known.insert(start) {
            capture.kept.push(tensor.clone());
        }
    });
}

/// The next draws of a generator, for kernels that a graph is to start: where kernels find seed and offset, and the first
/// draw counted from there. None where this thread captures nothing on the device.
pub fn draw(
    device: &CudaDevice,
    key: usize,
    count: u64,
    source: impl FnOnce() -> Source,
) -> Result<Option<(u64, Tensor)>> {
    if !is_captured(device) {
        return Ok(None);
    }
    let known = here(device, |capture| {
        let drawn = capture.draws.iter_mut().find(|drawn| drawn.key == key)?;
        let first = drawn.count;
        drawn.count = first.wrapping_add(count);
        Some((first, drawn.place.clone()))
    });
    if let Some(Some(known)) = known {
        return Ok(Some(known));
    }
    let next = here(device, |capture| (capture.places.clone(), 2 * capture.draws.len()));
    let Some((places, first)) = next else { return Ok(None) };
    if first >= PLACES {
        refuse(device, "so many generators cannot be drawn from")?;
    }
    let place = places.narrow(0, first, 2)?;
    let drawn = Drawn { key, source: source(), count, place: place.clone() };
    here(device, |capture| capture.draws.push(drawn));
    Ok(Some((0, place)))
}

/// Begins a capture of a device by this thread.
///
/// `alone` is called when nobody else gives any device work.
pub(crate) fn begin(device: &CudaDevice, pool: Arc<Pool>, alone: impl FnOnce() -> Result<()>) -> Result<()> {
    let stream = device.cuda_stream();
    let places = crate::array::empty(device, PLACES, candle_core::DType::I64)?;
    {
        let mut state = state();
        match &*state {
            Some(capture) if capture.thread == thread::current().id() => bail!("this thread captures a graph already"),
            Some(_) => bail!("another thread captures a graph, and there can be one capture at a time"),
            None => {}
        }
        *state = Some(Capture {
            stream: number(stream.cu_stream()),
            thread: thread::current().id(),
            ready: false,
            pool,
            kept: Vec::new(),
            known: HashSet::new(),
            slots: Vec::new(),
            draws: Vec::new(),
            places,
            spoilt: None,
        });
        CAPTURING.store(true, Ordering::SeqCst);
    }
    // Each holds its pass for one call of the driver, or until a device has done what it was given.
    let mut rounds = 0;
    while PASSES.load(Ordering::SeqCst) != 0 {
        rounds += 1;
        if rounds < 1000 { thread::yield_now() } else { thread::sleep(Duration::from_micros(50)) }
    }
    if let Err(error) = alone() {
        drop(close());
        return Err(error);
    }
    let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
    // SAFETY: a living stream, to which nobody gives work now.
    let begun = stream
        .context()
        .bind_to_thread()
        .and_then(|()| unsafe { sys::cuStreamBeginCapture_v2(stream.cu_stream(), mode).result() });
    match begun {
        Ok(()) => {
            if let Some(capture) = state().as_mut() {
                capture.ready = true;
            }
            CHANGED.notify_all();
            Ok(())
        }
        Err(error) => {
            drop(close());
            Err(error).w()
        }
    }
}

/// Nothing is captured any more: what waited is done.
fn close() -> Option<Capture> {
    let (capture, later) = {
        let mut state = state();
        let capture = state.take();
        CAPTURING.store(false, Ordering::SeqCst);
        (capture, std::mem::take(&mut *LATER.lock().unwrap_or_else(PoisonError::into_inner)))
    };
    CHANGED.notify_all();
    for work in later {
        work();
    }
    capture
}

/// Ends the capture of a device: what was captured, and the graph, unless the driver has none.
pub(crate) fn end(device: &CudaDevice) -> Result<(Capture, Result<CUgraph>)> {
    let stream = device.cuda_stream();
    {
        let state = state();
        match &*state {
            Some(capture) if capture.ready && capture.stream == number(stream.cu_stream()) => {}
            _ => bail!("no graph is captured on this device"),
        }
    }
    let mut graph = std::ptr::null_mut();
    // SAFETY: a living stream; the relaxed mode lets every thread end it. The graph is written before the call returns.
    let ended = unsafe {
        crate::passed::make_current(stream.cu_stream());
        sys::cuStreamEndCapture(stream.cu_stream(), &raw mut graph).result()
    };
    let Some(mut capture) = close() else { bail!("no graph is captured on this device") };
    let graph = match (capture.spoilt.take(), ended) {
        (None, Ok(())) => Ok(graph),
        (spoilt, _) => {
            if !graph.is_null() {
                // SAFETY: the graph is nobody else's.
                let _ = unsafe { sys::cuGraphDestroy(graph) };
            }
            let of_driver = || format!("the driver has broken it off ({ended:?})");
            let reason = spoilt.unwrap_or_else(of_driver);
            Err(candle_core::Error::Msg(format!("the capture has failed: {reason}")))
        }
    };
    Ok((capture, graph))
}

/// Whether the calling thread is the one that captures; true where nothing is captured.
pub(crate) fn is_own() -> bool {
    state().as_ref().is_none_or(|capture| capture.thread == thread::current().id())
}
