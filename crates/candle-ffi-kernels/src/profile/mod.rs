//! The recorder behind the profiler: spans of time, with what they contain, by thread.
//!
//! A span is open for as long as its guard lives. When no recording is under way, making a guard is one relaxed load and
//! a branch, and dropping it a branch. Spans of one thread lie within each other, so that a stack tells at the end of each
//! how much of its time belongs to those inside. Threads write into logs of their own; [`stop`] gathers them.

mod event;
mod log;
mod span;
#[cfg(test)]
mod tests;

pub use event::{Event, Input, Kind, MOST_INPUTS, Name, Options, Recording, Sums, Thread};
pub use span::{
    Span, backward, backward_step, call, callback, inputs, kernel, made, pop_range, push_range, wants_inputs,
};
pub(crate) use span::{current_kernel, worker};

use log::{Log, Shared};
use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

static RECORDING: AtomicBool = AtomicBool::new(false);
static SHAPES: AtomicBool = AtomicBool::new(false);
/// Tells one recording from the next: spans of an old one must not end in a new one.
static NUMBER: AtomicU64 = AtomicU64::new(0);
static SESSION: Mutex<Option<Session>> = Mutex::new(None);

struct Session {
    shared: Arc<Shared>,
    logs: Vec<Arc<Mutex<Log>>>,
}

/// The log of a thread, and the number of the recording that it is part of.
type Local = RefCell<Option<(u64, Arc<Mutex<Log>>)>>;

thread_local! {
    static LOCAL: Local = const { RefCell::new(None) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts recording, on all threads; false when a recording is under way already.
pub fn start(options: Options) -> bool {
    let mut session = lock(&SESSION);
    if session.is_some() {
        return false;
    }
    let shared = Arc::new(Shared {
        number: NUMBER.fetch_add(1, Ordering::Relaxed) + 1,
        start: Instant::now(),
        began: SystemTime::now(),
        max_events: options.max_events,
        seen: AtomicU64::new(0),
    });
    let session = session.insert(Session { shared, logs: Vec::new() });
    let own = session.add_thread();
    let number = session.shared.number;
    LOCAL.with_borrow_mut(|local| *local = Some((number, own)));
    SHAPES.store(options.shapes, Ordering::Relaxed);
    RECORDING.store(true, Ordering::Release);
    true
}

/// Ends the recording and gives it; spans that are open, on any thread, end with it. `None` when there is none.
pub fn stop() -> Option<Recording> {
    let session = {
        let mut current = lock(&SESSION);
        let session = current.take()?;
        // Under the lock: a recording that begins right after this one must not be switched off.
        RECORDING.store(false, Ordering::Relaxed);
        SHAPES.store(false, Ordering::Relaxed);
        session
    };
    let mut duration = 0;
    for log in &session.logs {
        let mut log = lock(log);
        // Read while the log is held: nothing in it has ended later.
        duration = session.shared.now();
        log.close_from(0, duration);
        log.closed = true;
    }
    let mut events = Vec::new();
    let mut threads = Vec::new();
    for log in &session.logs {
        let mut log = lock(log);
        // Taken whole: a thread keeps its log until it records again, and not the room for events with it.
        events.append(&mut mem::take(&mut log.events));
        threads.push(Thread { name: log.name.take(), sums: log.sums });
    }
    events.sort_by_key(|event| (event.start, event.thread, event.depth));
    Some(Recording {
        dropped: session.shared.seen.load(Ordering::Relaxed).saturating_sub(session.shared.max_events),
        events,
        duration,
        began: session.shared.began,
        threads,
    })
}

/// The number of the recording that is under way, counted from 1; 0 when there is none.
pub fn number() -> u64 {
    if RECORDING.load(Ordering::Acquire) { NUMBER.load(Ordering::Relaxed) } else { 0 }
}

impl Session {
    fn add_thread(&mut self) -> Arc<Mutex<Log>> {
        let log = Arc::new(Mutex::new(Log {
            shared: Arc::clone(&self.shared),
            thread: u32::try_from(self.logs.len()).unwrap_or(u32::MAX),
            name: std::thread::current().name().map(str::to_owned),
            open: Vec::new(),
            events: Vec::new(),
            sums: Sums::default(),
            closed: false,
        }));
        self.logs.push(Arc::clone(&log));
        log
    }
}

/// Works on the log of this thread in the recording under way, where there is one.
fn with_log<R>(work: impl FnOnce(&mut Log) -> R) -> Option<R> {
    let own = |local: &Local| {
        let mut local = local.try_borrow_mut().ok()?;
        let current = NUMBER.load(Ordering::Relaxed);
        if local.as_ref().is_none_or(|(number, _)| *number != current) {
            let mut session = lock(&SESSION);
            let session = session.as_mut()?;
            *local = Some((session.shared.number, session.add_thread()));
        }
        let mut log = lock(&local.as_ref()?.1);
        (!log.closed).then(|| work(&mut log))
    };
    LOCAL.try_with(own).ok().flatten()
}
