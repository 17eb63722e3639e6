//! Spans: what opens them, what ends them, and what is noted in the one that is open.

use super::event::{Input, Kind, MOST_INPUTS, Name};
use super::log::Frame;
use super::{RECORDING, SHAPES, with_log};
use std::marker::PhantomData;
use std::mem;
use std::sync::atomic::Ordering;

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
