//! The recorder behind the profiler: spans of time, with what they contain, by thread.
//!
//! A span is open for as long as its guard lives. When no recording is under way, making a guard is one relaxed load and
//! a branch, and dropping it a branch. Spans of one thread lie within each other, so that a stack tells at the end of each
//! how much of its time belongs to those inside. Threads write into logs of their own; [`stop`] gathers them.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// What a span stands for; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Kind {
    /// A function of the library, called from outside.
    Call = 1,
    /// The gradient of one recorded operation, within a call that asks for gradients.
    Backward = 2,
    /// A loop over elements; a kernel that another one calls is part of that.
    Kernel = 3,
    /// The part of a kernel that a thread of the pool has done.
    Worker = 4,
    /// A function of the user, called from within a call.
    Callback = 5,
    /// A part of the program, named by the user.
    Range = 6,
}

/// What a span is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// Known to the library.
    Plain(&'static str),
    /// The gradient of an operation of this name.
    Backward(&'static str),
    /// Given by the user.
    Text(Arc<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => formatter.write_str(name),
            Self::Backward(operation) => write!(formatter, "{operation}_backward"),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// A tensor that a span was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// Its sizes.
    pub dims: Box<[usize]>,
    /// Its dtype, as the library above numbers them.
    pub dtype: i32,
}

/// A span that has ended. Times are in nanoseconds, from the start of the recording.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it was.
    pub name: Name,
    /// Of which kind.
    pub kind: Kind,
    /// On which thread; 0 is the one that began the recording.
    pub thread: u32,
    /// In how many other spans of its thread it lay.
    pub depth: u32,
    /// When it began.
    pub start: u64,
    /// How long it lasted.
    pub duration: u64,
    /// The duration less that of spans inside, where kernels do not count as such.
    pub self_time: u64,
    /// The time of kernels inside, at any depth.
    pub kernel_time: u64,
    /// The part of that which is in no other span inside.
    pub self_kernel_time: u64,
    /// The bytes of values that were made inside, at any depth.
    pub bytes: u64,
    /// The part of that which is in no other span inside.
    pub self_bytes: u64,
    /// For a kernel, the span that it lay in.
    pub within: Option<Name>,
    /// The first tensors it was given, where shapes are recorded.
    pub inputs: Vec<Input>,
}

/// Sums over the spans of a thread, those included for which there was no room. In nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// How many calls there were.
    pub calls: u64,
    /// The time inside the library.
    pub library: u64,
    /// The part of that which kernels took.
    pub kernel: u64,
    /// The time that a thread of the pool has helped.
    pub worker: u64,
}

/// A thread that has recorded something.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Sums over its spans.
    pub sums: Sums,
}

/// How to record.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most events that are kept.
    pub max_events: u64,
    /// Whether the shapes of the tensors that a call is given are kept.
    pub shapes: bool,
}

/// What was recorded.
#[derive(Debug)]
pub struct Recording {
    /// The spans, by their start.
    pub events: Vec<Event>,
    /// How many more there were than `max_events`.
    pub dropped: u64,
    /// How long the recording lasted, in nanoseconds.
    pub duration: u64,
    /// When it began.
    pub began: SystemTime,
    /// The threads, by their number.
    pub threads: Vec<Thread>,
}

/// How many tensors of a call are kept, which bounds the memory of an event.
pub const MOST_INPUTS: usize = 32;

static RECORDING: AtomicBool = AtomicBool::new(false);
static SHAPES: AtomicBool = AtomicBool::new(false);
/// Tells one recording from the next: spans of an old one must not end in a new one.
static NUMBER: AtomicU64 = AtomicU64::new(0);
static SESSION: Mutex<Option<Session>> = Mutex::new(None);

struct Session {
    shared: Arc<Shared>,
    logs: Vec<Arc<Mutex<Log>>>,
}

/// What the threads of a recording share.
struct Shared {
    number: u64,
    start: Instant,
    began: SystemTime,
    max_events: u64,
    seen: AtomicU64,
}

/// What one thread has recorded.
struct Log {
    shared: Arc<Shared>,
    thread: u32,
    name: Option<String>,
    open: Vec<Frame>,
    events: Vec<Event>,
    sums: Sums,
    /// Set when the recording is over.
    closed: bool,
}

/// A span that has not ended.
struct Frame {
    name: Name,
    kind: Kind,
    start: u64,
    inner_time: u64,
    kernel_time: u64,
    self_kernel_time: u64,
    bytes: u64,
    self_bytes: u64,
    inputs: Vec<Input>,
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

impl Shared {
    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed().as_nanos())
    }
}

fn nanoseconds(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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

/// Keeps its span open for as long as it lives.
#[must_use = "the span ends with this value"]
pub struct Span {
    /// The recording that it is part of; 0 for none.
    number: u64,
    depth: usize,
    // Spans nest on their thread.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if self.number != 0 {
            end(self.number, self.depth);
        }
    }
}

impl Span {
    const NONE: Self = Self { number: 0, depth: 0, _not_send: PhantomData };
}

/// Begins a span of the kind `Call`.
#[inline]
pub fn call(name: &'static str) -> Span {
    if RECORDING.load(Ordering::Relaxed) { begin(Kind::Call, Name::Plain(name)) } else { Span::NONE }
}

/// Begins a span of the kind `Backward`, for the gradient of the operation of this name.
#[inline]
pub fn backward(operation: &'static str) -> Span {
    if RECORDING.load(Ordering::Relaxed) { begin(Kind::Backward, Name::Backward(operation)) } else { Span::NONE }
}

/// Begins a span of the kind `Backward`, for what a backward pass does besides.
#[inline]
pub fn backward_step(name: &'static str) -> Span {
    if RECORDING.load(Ordering::Relaxed) { begin(Kind::Backward, Name::Plain(name)) } else { Span::NONE }
}

/// Begins a span of the kind `Kernel`, unless a kernel is under way on this thread.
#[inline]
pub fn kernel(name: &'static str) -> Span {
    if RECORDING.load(Ordering::Relaxed) { begin(Kind::Kernel, Name::Plain(name)) } else { Span::NONE }
}

/// Begins a span of the kind `Callback`.
#[inline]
pub fn callback(name: &'static str) -> Span {
    if RECORDING.load(Ordering::Relaxed) { begin(Kind::Callback, Name::Plain(name)) } else { Span::NONE }
}

/// Begins a span of the kind `Worker`, in a thread of the pool that helps with a kernel.
#[inline]
pub(crate) fn worker(kernel: Option<&'static str>) -> Span {
    match kernel {
        Some(name) if RECORDING.load(Ordering::Relaxed) => begin(Kind::Worker, Name::Plain(name)),
        _ => Span::NONE,
    }
}

/// The kernel that is under way on this thread, while recording.
#[inline]
pub(crate) fn current_kernel() -> Option<&'static str> {
    if !RECORDING.load(Ordering::Relaxed) {
        return None;
    }
    with_log(|log| match log.open.last() {
        Some(Frame { kind: Kind::Kernel, name: Name::Plain(name), .. }) => Some(*name),
        _ => None,
    })
    .flatten()
}

/// Begins a range of the user, which [`pop_range`] ends; gives the number of the recording, 0 when there is none.
pub fn push_range(name: &str) -> u64 {
    if !RECORDING.load(Ordering::Relaxed) {
        return 0;
    }
    let span = begin(Kind::Range, Name::Text(name.into()));
    let number = span.number;
    mem::forget(span);
    number
}

/// Ends the last range that this thread has begun and not ended; nothing happens when there is none.
pub fn pop_range() {
    if !RECORDING.load(Ordering::Relaxed) {
        return;
    }
    with_log(|log| {
        if log.open.last().is_some_and(|top| top.kind == Kind::Range) {
            let now = log.shared.now();
            log.close_from(log.open.len() - 1, now);
        }
    });
}

/// Counts the bytes of a value that was just made.
#[inline]
pub fn made(bytes: usize) {
    if RECORDING.load(Ordering::Relaxed) {
        count_bytes(bytes as u64);
    }
}

#[cold]
fn count_bytes(bytes: u64) {
    with_log(|log| {
        if let Some(top) = log.open.last_mut() {
            top.bytes += bytes;
            top.self_bytes += bytes;
        }
    });
}

/// Whether [`inputs`] would keep what it is given.
#[inline]
pub fn wants_inputs() -> bool {
    SHAPES.load(Ordering::Relaxed)
}

/// Notes tensors that the span under way was given, if it is a call or a gradient.
#[cold]
pub fn inputs(given: impl IntoIterator<Item = Input>) {
    with_log(|log| match log.open.last_mut() {
        Some(top) if matches!(top.kind, Kind::Call | Kind::Backward) => {
            let room = MOST_INPUTS.saturating_sub(top.inputs.len());
            top.inputs.extend(given.into_iter().take(room));
        }
        _ => {}
    });
}

#[cold]
fn begin(kind: Kind, name: Name) -> Span {
    let opened = with_log(|log| {
        let top = log.open.last().map(|top| top.kind);
        if kind == Kind::Kernel && matches!(top, Some(Kind::Kernel | Kind::Worker)) {
            return Span::NONE;
        }
        let depth = log.open.len();
        log.open.push(Frame {
            name,
            kind,
            start: log.shared.now(),
            inner_time: 0,
            kernel_time: 0,
            self_kernel_time: 0,
            bytes: 0,
            self_bytes: 0,
            inputs: Vec::new(),
        });
        Span { number: log.shared.number, depth, _not_send: PhantomData }
    });
    opened.unwrap_or(Span::NONE)
}

#[cold]
fn end(number: u64, depth: usize) {
    with_log(|log| {
        if log.shared.number == number {
            let now = log.shared.now();
            log.close_from(depth, now);
        }
    });
}

impl Log {
    /// Ends the span at a depth, and what was left open inside.
    fn close_from(&mut self, depth: usize, now: u64) {
        while self.open.len() > depth {
            if let Some(frame) = self.open.pop() {
                self.close(frame, now);
            }
        }
    }

    fn close(&mut self, frame: Frame, now: u64) {
        let duration = now.saturating_sub(frame.start);
        let self_time = duration.saturating_sub(frame.inner_time);
        match frame.kind {
            Kind::Call | Kind::Backward => {
                self.sums.calls += u64::from(frame.kind == Kind::Call);
                self.sums.library += self_time;
                self.sums.kernel += frame.self_kernel_time;
            }
            Kind::Worker => self.sums.worker += duration,
            Kind::Kernel | Kind::Callback | Kind::Range => {}
        }
        let mut within = None;
        if let Some(around) = self.open.last_mut() {
            around.bytes += frame.bytes;
            if frame.kind == Kind::Kernel {
                around.kernel_time += duration;
                around.self_kernel_time += duration;
                // What is made for a kernel is made for what has asked for it.
                around.self_bytes += frame.self_bytes;
                within = Some(around.name.clone());
            } else {
                around.inner_time += duration;
                around.kernel_time += frame.kernel_time;
            }
        }
        if self.shared.seen.fetch_add(1, Ordering::Relaxed) >= self.shared.max_events {
            return;
        }
        self.events.push(Event {
            name: frame.name,
            kind: frame.kind,
            thread: self.thread,
            depth: u32::try_from(self.open.len()).unwrap_or(u32::MAX),
            start: frame.start,
            duration,
            self_time,
            kernel_time: frame.kernel_time,
            self_kernel_time: frame.self_kernel_time,
            bytes: frame.bytes,
            self_bytes: frame.self_bytes,
            within,
            inputs: frame.inputs,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recorder is one for the whole process, and tests run side by side.
    static ALONE: Mutex<()> = Mutex::new(());

    const ALL: Options = Options { max_events: 1 << 20, shapes: true };

    /// Records what happens on this thread.
    fn record(options: Options, work: impl FnOnce()) -> Recording {
        assert!(start(options));
        work();
        let mut recording = stop().expect("it was started");
        recording.events.retain(|event| event.thread == 0);
        recording
    }

    fn names(recording: &Recording) -> Vec<(Name, Kind, u32)> {
        recording.events.iter().map(|event| (event.name.clone(), event.kind, event.depth)).collect()
    }

    #[test]
    fn spans_nest_and_share_out_their_time() {
        let _alone = lock(&ALONE);
        let recording = record(ALL, || {
            push_range("part");
            let _call = call("backward");
            {
                let _rule = backward("mul");
                let _kernel = kernel("binary");
                let _inner = kernel("contiguous");
                made(8);
            }
            made(4);
        });
        let expected = [
            (Name::Text("part".into()), Kind::Range, 0),
            (Name::Plain("backward"), Kind::Call, 1),
            (Name::Backward("mul"), Kind::Backward, 2),
            (Name::Plain("binary"), Kind::Kernel, 3),
        ];
        assert_eq!(names(&recording), expected, "a kernel within a kernel is a part of it");
        let [part, call, rule, kernel] = &recording.events[..] else { unreachable!() };
        assert_eq!(part.self_time, part.duration - call.duration);
        assert_eq!(call.self_time, call.duration - rule.duration);
        assert_eq!(rule.self_time, rule.duration);
        assert_eq!((call.kernel_time, call.self_kernel_time), (kernel.duration, 0));
        assert_eq!((rule.kernel_time, rule.self_kernel_time), (kernel.duration, kernel.duration));
        assert_eq!(kernel.within, Some(Name::Backward("mul")));
        assert_eq!((call.bytes, call.self_bytes, rule.self_bytes), (12, 4, 8));
        let sums = recording.threads[0].sums;
        assert_eq!((sums.calls, sums.library, sums.kernel), (1, call.duration, kernel.duration));
        assert!(recording.duration >= part.duration);
    }

    #[test]
    fn nothing_is_recorded_when_off_and_one_recording_at_a_time() {
        let _alone = lock(&ALONE);
        assert_eq!((number(), push_range("early")), (0, 0));
        let early = call("early");
        assert!(stop().is_none());
        let mut late = None;
        let recording = record(ALL, || {
            drop(early);
            pop_range();
            assert!(!start(ALL), "another one is under way");
            assert!(number() > 0);
            late = Some(call("late"));
        });
        assert_eq!(names(&recording), [(Name::Plain("late"), Kind::Call, 0)], "what is open ends with the recording");
        let next = record(ALL, || {
            let _call = call("next");
            drop(late);
        });
        assert_eq!(names(&next), [(Name::Plain("next"), Kind::Call, 0)]);
    }

    #[test]
    fn events_have_a_limit_and_sums_have_none() {
        let _alone = lock(&ALONE);
        let recording = record(Options { max_events: 2, shapes: false }, || {
            (0..5).for_each(|_| drop(call("one")));
            inputs([]);
        });
        assert!(recording.events.len() <= 2);
        assert!(recording.dropped >= 3);
        assert_eq!(recording.threads[0].sums.calls, 5);
        let room = LOCAL.with_borrow(|local| local.as_ref().map(|(_, log)| lock(log).events.capacity()));
        assert_eq!(room, Some(0), "the events are the recording's");
    }

    #[test]
    fn threads_have_logs_of_their_own_and_ranges_end_with_what_is_around() {
        let _alone = lock(&ALONE);
        assert!(start(ALL));
        let thread = std::thread::Builder::new().name("other".into());
        let other = thread.spawn(|| {
            let _call = call("step");
            let _callback = callback("closure");
            push_range("left open");
        });
        other.expect("a thread").join().expect("no panic");
        let recording = stop().expect("it was started");
        let at = recording.threads.iter().position(|thread| thread.name.as_deref() == Some("other"));
        let at = at.expect("the thread is known");
        let events: Vec<_> = recording.events.iter().filter(|event| event.thread as usize == at).collect();
        assert_eq!(events.iter().map(|event| event.depth).collect::<Vec<_>>(), [0, 1, 2]);
        let sums = recording.threads[at].sums;
        assert_eq!(sums.library, events[0].duration - events[1].duration, "a callback is not the library's time");
    }

    #[test]
    fn a_call_keeps_the_first_of_its_inputs() {
        let _alone = lock(&ALONE);
        let input = Input { dims: [2, 3].into(), dtype: 19 };
        let recording = record(ALL, || {
            assert!(wants_inputs());
            let _call = call("cat");
            inputs(std::iter::repeat_n(input.clone(), 100));
            let _kernel = kernel("copy");
            inputs([input.clone()]);
        });
        assert_eq!(recording.events[0].inputs.len(), MOST_INPUTS);
        assert_eq!(recording.events[0].inputs[0], input);
        assert!(recording.events[1].inputs.is_empty());
        assert!(!wants_inputs());
    }

    #[test]
    fn every_kernel_begins_with_its_span() {
        fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { sources(&path, found) } else { found.push(path) }
            }
        }
        let mut files = Vec::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        // What these two export is no kernel.
        files.retain(|path| !path.ends_with("parallel.rs") && !path.ends_with("profile.rs"));
        let mut kernels = 0;
        for path in files {
            let text = std::fs::read_to_string(&path).expect("a source");
            for (at, _) in text.match_indices("\npub fn ") {
                let (head, body) = text[at + 1..].split_once("{\n").expect("a function has a body");
                let first = body.lines().next().unwrap_or_default();
                assert!(first.contains("profile::kernel("), "{}: {head}", path.display());
                kernels += 1;
            }
        }
        assert!(kernels > 80);
    }
}
