//! Finds races in shared memory: two warps touch a byte, one of them writes, and no barrier lies between.
//!
//! The machine runs the warps of a block one after the other, so that a missing barrier would often go unnoticed. Lanes of
//! one warp are not compared with each other: they go step by step together.

use std::sync::OnceLock;

use super::fault::Problem;
use super::warp::Machine;
use crate::ptx::{Code, LOCAL_WINDOW, Operation, SHARED_WINDOW, Space};

/// How a kernel touches memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    Read,
    /// With the bytes that are written: all may write the same.
    Write(u64),
    /// All may do so at the same time.
    Atomic,
}

/// Who touched a byte last, and when. A time is the number of barriers up to then; zero is never.
#[derive(Clone, Copy, Default)]
struct Byte {
    written: u32,
    read: u32,
    writer: u8,
    reader: u8,
}

/// More than one warp.
const SEVERAL: u8 = 0xff;
/// In a writer, that it was an atomic operation.
const ATOMIC: u8 = 0x80;

/// The history of a block's shared memory.
pub(super) struct Shadow {
    bytes: Vec<Byte>,
    now: u32,
}

impl Shadow {
    /// For so many bytes; none, and no checks, if nobody asked for them, or if the kernel has barriers for a part of a block,
    /// whose order this does not know.
    pub(super) fn new(code: &Code, size: usize, warps: usize) -> Self {
        let partial = code.instructions.iter().any(|instruction| match instruction.operation {
            Operation::Barrier { threads, wait, .. } => threads.is_some() || !wait,
            _ => false,
        });
        let watched = if partial || warps < 2 || !wanted() { 0 } else { size };
        Shadow { bytes: vec![Byte::default(); watched], now: 1 }
    }

    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// All threads of the block have met, or another block begins.
    pub(super) fn pass(&mut self) {
        self.now += 1;
        if self.now == u32::MAX {
            self.bytes.fill(Byte::default());
            self.now = 1;
        }
    }

    /// Remembers an access. Says which other warp's access it races with, if there is one.
    fn touch(
        &mut self,
        offset: usize,
        warp: u8,
        touch: Touch,
        same: impl Fn(usize) -> bool,
    ) -> Option<(&'static str, u8)> {
        let now = self.now;
        let byte = self.bytes.get_mut(offset)?;
        let written = byte.written == now;
        let other_writer = written && byte.writer & !ATOMIC != warp;
        let other_reader = byte.read == now && byte.reader != warp;
        match touch {
            Touch::Read => {
                byte.reader = if other_reader { SEVERAL } else { warp };
                byte.read = now;
                other_writer.then_some(("written", byte.writer))
            }
            Touch::Write(_) => {
                let race = if other_writer && !(same(offset) && byte.writer & ATOMIC == 0) {
                    Some(("written", byte.writer))
                } else {
                    other_reader.then_some(("read", byte.reader))
                };
                byte.writer = if other_writer { SEVERAL & !ATOMIC } else { warp };
                byte.written = now;
                race
            }
            Touch::Atomic => {
                let race = if other_writer && byte.writer & ATOMIC == 0 {
                    Some(("written", byte.writer))
                } else {
                    other_reader.then_some(("read", byte.reader))
                };
                byte.writer = if other_writer { SEVERAL } else { warp | ATOMIC };
                byte.written = now;
                race
            }
        }
    }
}

impl Machine<'_> {
    /// Whether accesses to a space, by this address, are watched.
    #[inline(always)]
    pub(super) fn is_watched(&self, space: Space, address: u64) -> bool {
        let window = SHARED_WINDOW..LOCAL_WINDOW;
        self.shadow.is_on() && (space == Space::Shared || (space == Space::Generic && window.contains(&address)))
    }

    /// Remembers an access that is going to be.
    pub(super) fn watch(&mut self, address: u64, size: usize, touch: Touch, lane: usize) -> Result<(), Box<Problem>> {
        let start = (address & (LOCAL_WINDOW - SHARED_WINDOW - 1)) as usize;
        let memory = &self.shared;
        for index in 0..size {
            let same = |offset: usize| {
                let held = (memory[offset / 8] >> (8 * (offset % 8))) as u8;
                matches!(touch, Touch::Write(bits) if (bits >> (8 * index)) as u8 == held)
            };
            let race = self.shadow.touch(start + index, self.warp as u8, touch, same);
            if let Some((done, by)) = race {
                let own = if touch == Touch::Read { "read" } else { "written" };
                let other = match by & !ATOMIC {
                    0x7f => "others".to_owned(),
                    warp => format!("warp {warp}"),
                };
                let message = format!(
                    "a race in shared memory: the byte at {:#x} is {own} by warp {} and was {done} by {other}, with no \
                     barrier of the block between",
                    start + index,
                    self.warp
                );
                return Err(Problem::new(lane as u32, message));
            }
        }
        Ok(())
    }
}

/// Whether races are to be found: unless `CUDA_EMULATOR_RACES` is `0`.
fn wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| std::env::var("CUDA_EMULATOR_RACES").map_or(true, |value| value != "0"))
}
