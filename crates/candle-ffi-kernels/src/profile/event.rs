//! What a recording is made of.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

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
