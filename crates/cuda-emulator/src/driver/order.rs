//! The order of work, with `CUDA_EMULATOR_DEFER=1`: what a stream is given waits in a queue until something that the CUDA
//! documentation promises to be later makes it run, and then it runs only as far as that needs.
//!
//! A device may be as slow as that. So whoever forgets to wait for an event, to synchronize before the host reads, or to
//! keep page-locked memory until it has been read, sees what a real device shows only now and then. One work runs at a
//! time, on the thread that waits for it.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::border::Address;
use super::context::{Context, context};
use super::handles::Handle;
use super::registry::{Block, registry};
use super::report;
use super::settings::settings;
use super::status::Status;
use super::stream::{Stream, Work};

/// What a stream has still to do.
#[derive(Default)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    /// How many items there have been, and how many of them are done.
    added: u64,
    done: u64,
}

#[derive(Clone)]
enum Item {
    Work(Work),
    Wait(Point),
    /// Memory that is no longer there from here on.
    Free(Address),
}

/// A place in the order of a stream: it is reached when so many items are done.
#[derive(Clone)]
pub(crate) struct Point {
    stream: Arc<Stream>,
    position: u64,
}

/// The work that runs, by its stream's address and its place there.
pub(crate) type User = (usize, u64);

/// After so many works a stream's queue is full, as that of a real device is: it has to begin.
const FULL: usize = 1024;
/// How much memory may wait to be given back.
const WAITING: usize = 256 << 20;

/// Streams that have something to do.
static ACTIVE: Mutex<Vec<Arc<Stream>>> = Mutex::new(Vec::new());
/// Who holds this runs work.
static RUN: Mutex<()> = Mutex::new(());
/// Memory that has been given back in the order of a stream that has not come that far, and how many bytes it has.
static FREED: RwLock<Option<HashMap<Address, (Point, usize)>>> = RwLock::new(None);
static FREED_COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static RUNNING: Cell<Option<User>> = const { Cell::new(None) };
}

/// Whether work waits at all.
pub(crate) fn deferred() -> bool {
    settings().deferred
}

/// The work that this thread runs.
pub(crate) fn running() -> Option<User> {
    RUNNING.get()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(stream: &Arc<Stream>) -> usize {
    Arc::as_ptr(stream) as usize
}

fn push(stream: &Arc<Stream>, item: Item) -> u64 {
    let mut queue = lock(&stream.queue);
    if queue.items.is_empty() && queue.added == queue.done {
        lock(&ACTIVE).push(stream.clone());
    }
    queue.items.push_back(item);
    queue.added += 1;
    queue.added
}

/// What the streams that wait for each other without being told so have to wait for.
fn enter(stream: &Arc<Stream>) {
    if !stream.is_blocking() {
        return;
    }
    let others: Vec<_> = if stream.is_legacy() {
        let others = lock(&ACTIVE).clone();
        others.into_iter().filter(|other| other.context == stream.context && other.is_blocking()).collect()
    } else {
        context(stream.context).ok().and_then(|context| context.legacy.get().cloned()).into_iter().collect()
    };
    for other in others.iter().filter(|other| !Arc::ptr_eq(other, stream)) {
        wait(stream, &Point::last(other));
    }
}

/// Queues a work.
pub(crate) fn submit(stream: &Arc<Stream>, work: Work) -> Result<(), Status> {
    enter(stream);
    let position = push(stream, Item::Work(work));
    if settings().blocking {
        Point { stream: stream.clone(), position }.reach()?;
        stream.context()?;
    } else if lock(&stream.queue).items.len() > FULL {
        Point { stream: stream.clone(), position: position - FULL as u64 / 2 }.reach()?;
    }
    Ok(())
}

/// The host waits for all that a stream has been given.
pub(crate) fn drain(stream: &Arc<Stream>) -> Result<(), Status> {
    enter(stream);
    Point::last(stream).reach()
}

/// Whether a point has been reached; if not, time passes.
pub(crate) fn query(point: &Point) -> Result<(), Status> {
    if point.is_done() {
        return Ok(());
    }
    point.step()?;
    Err(Status::NOT_READY)
}

/// Makes a stream wait for a point of another one.
pub(crate) fn wait(stream: &Arc<Stream>, point: &Point) {
    if !point.is_done() {
        push(stream, Item::Wait(point.clone()));
    }
}

/// Makes all streams of a context that have something to do wait for a point.
pub(crate) fn wait_all(context: Handle, point: &Point) -> Result<(), Status> {
    let streams = lock(&ACTIVE).clone();
    streams.iter().filter(|stream| stream.context == context).for_each(|stream| wait(stream, point));
    Ok(())
}

/// Where a stream is when all that it has been given so far is done; nothing if it is there.
pub(crate) fn record(stream: &Arc<Stream>, work: Work) -> Option<Point> {
    enter(stream);
    let idle = Point::last(stream).is_done();
    (!idle).then(|| Point { stream: stream.clone(), position: push(stream, Item::Work(work)) })
}

/// Queues the end of an allocation. From now on only what comes before it, in the order of the streams, may use it.
pub(crate) fn free(stream: &Arc<Stream>, block: &Block) -> Result<(), Status> {
    enter(stream);
    let mut freed = FREED.write().unwrap_or_else(PoisonError::into_inner);
    let freed = freed.get_or_insert_default();
    if freed.contains_key(&block.start) {
        report(format_args!("cuMemFreeAsync: the memory at {:#x} has been given back before", block.start));
        return Err(Status::INVALID_VALUE);
    }
    let point = Point { stream: stream.clone(), position: push(stream, Item::Free(block.start)) };
    freed.insert(block.start, (point, block.size));
    FREED_COUNT.fetch_add(1, Ordering::AcqRel);
    registry().forget();
    Ok(())
}

/// Keeps the memory that waits to be given back within limits.
pub(crate) fn limit_freed() -> Result<(), Status> {
    let freed = FREED.read().unwrap_or_else(PoisonError::into_inner);
    let all = freed.iter().flatten();
    let points: Vec<Point> = if all.clone().map(|(_, (_, size))| size).sum::<usize>() > WAITING {
        all.map(|(_, (point, _))| point.clone()).collect()
    } else {
        Vec::new()
    };
    drop(freed);
    points.iter().try_for_each(Point::reach)
}

/// Whether an allocation waits for its end.
pub(crate) fn is_ending(address: Address) -> bool {
    FREED_COUNT.load(Ordering::Acquire) > 0
        && FREED.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|all| all.contains_key(&address))
}

/// Whether an allocation has been given back without an order that puts the end of this work before that.
pub(crate) fn is_lost(address: Address, user: Option<User>) -> bool {
    let Some(user) = user.filter(|_| FREED_COUNT.load(Ordering::Acquire) > 0) else { return false };
    let freed = FREED.read().unwrap_or_else(PoisonError::into_inner);
    let Some((end, _)) = freed.as_ref().and_then(|all| all.get(&address)).cloned() else { return false };
    drop(freed);
    !end.comes_after(user)
}

impl Point {
    /// The end of what a stream has been given so far.
    pub(crate) fn last(stream: &Arc<Stream>) -> Self {
        Self { stream: stream.clone(), position: lock(&stream.queue).added }
    }

    pub(crate) fn is_done(&self) -> bool {
        lock(&self.stream.queue).done >= self.position
    }

    /// Runs what has to be done to get there.
    pub(crate) fn reach(&self) -> Result<(), Status> {
        self.advance(usize::MAX)
    }

    /// Time passes: one work on the way there is done.
    pub(crate) fn step(&self) -> Result<(), Status> {
        self.advance(1)
    }

    fn advance(&self, mut works: usize) -> Result<(), Status> {
        if self.is_done() {
            return Ok(());
        }
        // A function of the host that a stream calls must not wait for the device.
        if running().is_some() {
            return Err(Status::NOT_PERMITTED);
        }
        let _one_at_a_time = lock(&RUN);
        let mut path = vec![self.clone()];
        while works > 0
            && let Some(goal) = path.last().cloned()
        {
            if goal.is_done() {
                path.pop();
                continue;
            }
            let front = lock(&goal.stream.queue).items.front().cloned();
            match front {
                Some(Item::Wait(point)) if !point.is_done() => path.push(point),
                Some(item) => {
                    works -= usize::from(!matches!(item, Item::Wait(_)));
                    goal.stream.run(item);
                }
                None => return Err(Status::UNKNOWN),
            }
        }
        Ok(())
    }

    /// Whether the streams' order has this point after a work that runs now.
    fn comes_after(&self, (stream, position): User) -> bool {
        let mut seen: HashMap<usize, u64> = HashMap::new();
        let mut open = vec![self.clone()];
        // The end of an allocation does not come after itself.
        if name(&self.stream) == stream {
            return position < self.position;
        }
        while let Some(point) = open.pop() {
            if name(&point.stream) == stream && position <= point.position {
                return true;
            }
            let before = seen.entry(name(&point.stream)).or_default();
            if *before >= point.position {
                continue;
            }
            *before = point.position;
            let queue = lock(&point.stream.queue);
            let first = queue.added - queue.items.len() as u64;
            let count = usize::try_from(point.position.saturating_sub(first)).unwrap_or(0);
            open.extend(queue.items.iter().take(count).filter_map(|item| match item {
                Item::Wait(point) => Some(point.clone()),
                _ => None,
            }));
        }
        false
    }
}

/// Sets back what says which work runs, and counts that work, even if it panics.
struct Running<'a>(&'a Stream);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        RUNNING.set(None);
        let mut queue = lock(&self.0.queue);
        queue.done += 1;
        if queue.done == queue.added {
            lock(&ACTIVE).retain(|stream| !std::ptr::eq(&**stream, self.0));
        }
    }
}

impl Stream {
    /// Runs the first item of the queue.
    fn run(self: &Arc<Self>, item: Item) {
        let mut queue = lock(&self.queue);
        queue.items.pop_front();
        let user = (name(self), queue.done + 1);
        drop(queue);
        RUNNING.set(Some(user));
        let _running = Running(self);
        match item {
            Item::Wait(_) => {}
            Item::Free(address) => end(address),
            Item::Work(work) => {
                // In a context that is dead nothing happens any more.
                if let Some(context) = context(self.context).ok().filter(|context| context.alive().is_ok()) {
                    run(&context, &work);
                }
            }
        }
    }
}

fn run(context: &Context, work: &Work) {
    if let Err(status) = work(context) {
        let status = if status == Status::INVALID_VALUE { Status::ILLEGAL_ADDRESS } else { status };
        report(format_args!(
            "work of a stream has failed: {}",
            Status::describe(status.0).map_or("", |(name, _)| name)
        ));
        context.kill(status);
    }
}

/// An allocation ends; what it took has been given back before.
fn end(address: Address) {
    if FREED.write().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|all| all.remove(&address)).is_some() {
        FREED_COUNT.fetch_sub(1, Ordering::AcqRel);
    }
    if registry().withdraw(address).is_err() {
        // None is left where the context has been reset meanwhile.
        _ = registry().free(address, |_| true);
    }
}

/// Does all that the streams of a context have been given. Those that were given something last come first.
pub(crate) fn settle(context: Handle) -> Result<(), Status> {
    settle_those(|stream| stream.context == context)
}

/// Does all that all streams have been given.
pub(crate) fn settle_all() -> Result<(), Status> {
    settle_those(|_| true)
}

fn settle_those(chosen: impl Fn(&Stream) -> bool) -> Result<(), Status> {
    let streams = lock(&ACTIVE).clone();
    streams.iter().rev().filter(|stream| chosen(stream)).try_for_each(|stream| Point::last(stream).reach())
}
