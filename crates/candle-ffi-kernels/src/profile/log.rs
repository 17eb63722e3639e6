//! What threads write into while a recording is under way.

use super::event::{Event, Input, Kind, Name, Sums};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// What the threads of a recording share.
pub(super) struct Shared {
    pub(super) number: u64,
    pub(super) start: Instant,
    pub(super) began: SystemTime,
    pub(super) max_events: u64,
    pub(super) seen: AtomicU64,
}

/// What one thread has recorded.
pub(super) struct Log {
    pub(super) shared: Arc<Shared>,
    pub(super) thread: u32,
    pub(super) name: Option<String>,
    pub(super) open: Vec<Frame>,
    pub(super) events: Vec<Event>,
    pub(super) sums: Sums,
    /// Set when the recording is over.
    pub(super) closed: bool,
}

/// A span that has not ended.
pub(super) struct Frame {
    pub(super) name: Name,
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) inner_time: u64,
    pub(super) kernel_time: u64,
    pub(super) self_kernel_time: u64,
    pub(super) bytes: u64,
    pub(super) self_bytes: u64,
    pub(super) inputs: Vec<Input>,
}

impl Shared {
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed().as_nanos())
    }
}

fn nanoseconds(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Log {
    /// Ends the span at a depth, and what was left open inside.
    pub(super) fn close_from(&mut self, depth: usize, now: u64) {
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
