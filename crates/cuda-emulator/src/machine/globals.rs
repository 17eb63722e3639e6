//! Finds races in global memory, with `CUDA_EMULATOR_RACES=all`: two blocks of a launch touch a byte, and one of them changes
//! it. Nothing orders the blocks of a launch.
//!
//! Whoever writes what is there already changes nothing, and atomic operations go together. A read beside atomic operations
//! of others is none either, since what exchanges a value in a loop begins with one. An order that blocks make among
//! themselves, by fences and counters, is not known.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::fault::Problem;
use super::shadow::Touch;
use super::warp::Machine;
use crate::ptx::{SHARED_WINDOW, Space};

const PAGE: usize = 4096;
const PARTS: usize = 64;

/// Who touched a byte: the block's number from 1 on, with the highest bit for an atomic operation; 0 is nobody.
#[derive(Clone, Copy, Default)]
struct Byte {
    writer: u32,
    reader: u32,
}

const ATOMIC: u32 = 1 << 31;
/// More than one block.
const SEVERAL: u32 = ATOMIC - 1;

type Pages = HashMap<u64, Box<[Byte; PAGE]>>;

/// The history of the memory that a launch touches, in parts that several host threads may use.
pub(super) struct Globals {
    parts: Vec<Mutex<Pages>>,
}

impl Globals {
    /// Nothing unless it is asked for, and if there is but one block.
    pub(super) fn wanted(blocks: u64) -> Option<Self> {
        static WANTED: OnceLock<bool> = OnceLock::new();
        let wanted = *WANTED.get_or_init(|| std::env::var("CUDA_EMULATOR_RACES").is_ok_and(|value| value == "all"));
        (wanted && blocks > 1).then(|| Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() })
    }
}

impl Byte {
    /// Remembers an access. Says what another block did, and which one, if that is a race. `same`: it changes nothing.
    fn touch(&mut self, block: u32, touch: Touch, same: bool) -> Option<(&'static str, u32)> {
        let others = |who: u32| who != 0 && who & !ATOMIC != block;
        let written = (others(self.writer) && self.writer & ATOMIC == 0).then_some(("changed", self.writer));
        match touch {
            Touch::Read => {
                self.reader = if others(self.reader) { SEVERAL } else { block };
                written
            }
            Touch::Write(_) if same => None,
            Touch::Write(_) => {
                let changed = others(self.writer).then_some(("changed", self.writer & !ATOMIC));
                let read = others(self.reader).then_some(("read", self.reader));
                self.writer = block;
                changed.or(read)
            }
            Touch::Atomic => {
                self.writer = if others(self.writer) { SEVERAL } else { block } | ATOMIC;
                written
            }
        }
    }
}

impl Machine<'_> {
    /// Whether accesses to a space, by this address, are watched.
    #[inline(always)]
    pub(super) fn is_global_watched(&self, space: Space, address: u64) -> bool {
        self.launch.globals.is_some()
            && (space == Space::Global || (space == Space::Generic && address < SHARED_WINDOW))
    }

    /// Remembers an access that is going to be, and whose place has been found.
    #[cold]
    pub(super) fn watch_global(
        &mut self,
        address: u64,
        size: usize,
        touch: Touch,
        lane: usize,
    ) -> Result<(), Box<Problem>> {
        let Some(globals) = &self.launch.globals else { return Ok(()) };
        let block = u32::try_from(self.number % u64::from(SEVERAL - 1)).unwrap_or(0) + 1;
        let host = self.place(Space::Global, address, size, false, lane);
        let (page, start) = (address / PAGE as u64, (address % PAGE as u64) as usize);
        let mut pages = globals.parts[page as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = pages.entry(page).or_insert_with(|| Box::new([Byte::default(); PAGE]));
        for index in 0..size {
            let same = match (touch, host) {
                // SAFETY: `place` found that many bytes.
                (Touch::Write(bits), Some(host)) if index < 8 => unsafe {
                    host.add(index).read() == (bits >> (8 * index)) as u8
                },
                _ => false,
            };
            // An aligned access does not leave its page.
            let Some(byte) = bytes.get_mut(start + index) else { break };
            if let Some((done, other)) = byte.touch(block, touch, same) {
                let own = match touch {
                    Touch::Read => "read",
                    Touch::Write(_) => "changed",
                    Touch::Atomic => "changed by an atomic operation",
                };
                let other = match other {
                    SEVERAL => "several others".to_owned(),
                    other => format!("block number {}", other - 1),
                };
                let at = address + index as u64;
                return Err(Problem::new(
                    lane as u32,
                    format!("a race between blocks: the byte at {at:#x} is {own} here and was {done} by {other}"),
                ));
            }
        }
        Ok(())
    }
}
