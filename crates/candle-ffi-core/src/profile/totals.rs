//! Sums over spans.

use super::{Event, Input, Kind, Name, Profile};
use std::collections::HashMap;

/// The spans of one kind and name, together. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub struct Total {
    /// What they are called.
    pub name: Name,
    /// Of which kind they are.
    pub kind: Kind,
    /// For kernels, the operation that they were run for.
    pub within: Option<Name>,
    /// Where the first of them is among the events: its shapes are those of all, in totals by shapes.
    pub first: usize,
    /// How many there are.
    pub calls: u64,
    /// How long they lasted.
    pub time: u64,
    /// The same less other spans inside, where kernels do not count as such.
    pub self_time: u64,
    /// The time of kernels inside.
    pub kernel_time: u64,
    /// The part of that which is in no other span inside.
    pub self_kernel_time: u64,
    /// The bytes of values that were made inside.
    pub bytes: u64,
    /// The part of that which is in no other span inside.
    pub self_bytes: u64,
    /// The longest of them.
    pub longest: u64,
}

impl Total {
    /// The time that was spent on checks, dispatch and the graph: its own, less kernels. None of a span that is not the
    /// library's.
    pub fn checks_time(&self) -> u64 {
        match self.kind {
            Kind::Call | Kind::Backward => self.self_time - self.self_kernel_time,
            _ => 0,
        }
    }
}

/// Where the time of the thread that began the recording went, and what the others did. In nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// How long the recording lasted: the sum of the next three.
    pub wall: u64,
    /// In kernels.
    pub kernel: u64,
    /// In the library besides: checks, dispatch, the graph.
    pub checks: u64,
    /// Outside the library: in Python, in cffi, in the program.
    pub outside: u64,
    /// The calls of that thread.
    pub calls: u64,
    /// The calls of other threads.
    pub other_calls: u64,
    /// The time that other threads spent inside the library.
    pub other_library: u64,
    /// The time that threads of the pool have helped with kernels.
    pub worker: u64,
    /// The events for which there was no room.
    pub dropped: u64,
}

type Key<'a> = (Kind, &'a Name, Option<&'a Name>, &'a [Input]);

pub(super) fn totals(events: &[Event], by_shapes: bool) -> Vec<Total> {
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    let mut totals: Vec<Total> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let inputs: &[Input] = if by_shapes { &event.inputs } else { &[] };
        let place = *places.entry((event.kind, &event.name, event.within.as_ref(), inputs)).or_insert(totals.len());
        if place == totals.len() {
            totals.push(Total {
                name: event.name.clone(),
                kind: event.kind,
                within: event.within.clone(),
                first: at,
                calls: 0,
                time: 0,
                self_time: 0,
                kernel_time: 0,
                self_kernel_time: 0,
                bytes: 0,
                self_bytes: 0,
                longest: 0,
            });
        }
        let total = &mut totals[place];
        total.calls += 1;
        total.time += event.duration;
        total.self_time += event.self_time;
        total.kernel_time += event.kernel_time;
        total.self_kernel_time += event.self_kernel_time;
        total.bytes += event.bytes;
        total.self_bytes += event.self_bytes;
        total.longest = total.longest.max(event.duration);
    }
    totals
}

impl Profile {
    /// Where the time went.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { wall: self.duration(), dropped: self.dropped(), ..Summary::default() };
        for (number, thread) in self.threads().iter().enumerate() {
            let sums = thread.sums;
            summary.worker += sums.worker;
            if number == 0 {
                summary.calls = sums.calls;
                summary.kernel = sums.kernel;
                summary.checks = sums.library.saturating_sub(sums.kernel);
                summary.outside = summary.wall.saturating_sub(sums.library);
            } else {
                summary.other_calls += sums.calls;
                summary.other_library += sums.library;
            }
        }
        summary
    }
}
