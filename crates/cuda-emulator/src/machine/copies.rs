//! `cp.async`: copies whose bytes are in shared memory only when the thread that began them has waited for them.
//!
//! Until then their place holds numbers that are none, and writing to it counts as an access both when the copy begins and
//! when it is waited for: any moment between the two is one at which the hardware may write.

use super::fault::{Outcome, Problem};
use super::file::{LANES, lanes};
use super::shadow::Touch;
use super::warp::Machine;
use super::word::{read, write};
use crate::ptx::{Address, Space, Taken};

/// What the target of a copy holds while it is under way: NaN in every floating type.
const UNDER_WAY: u32 = 0x7fff_7fff;

/// A copy that nobody has waited for.
struct Pending {
    lane: u8,
    size: u8,
    /// The address in shared memory.
    to: u32,
    /// The number of its group among those of its thread.
    group: u32,
    words: [u32; 4],
}

/// The copies of a warp's threads.
#[derive(Default)]
pub(super) struct Copies {
    pending: Vec<Pending>,
    /// How many groups each thread has closed.
    closed: [u32; LANES],
}

impl Copies {
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.closed = [0; LANES];
    }
}

impl Machine<'_> {
    pub(super) fn copy_async(&mut self, mask: u32, size: u8, to: Address, from: Address, taken: Taken) -> Outcome {
        let bytes = usize::from(size);
        for lane in lanes(mask) {
            let count = match taken {
                Taken::All => bytes,
                Taken::Unless(guard) if self.file.guard(guard) >> lane & 1 == 1 => 0,
                Taken::Unless(_) => bytes,
                Taken::Bytes(slot) => self.file.get::<u32>(slot, lane) as usize,
            };
            if count > bytes {
                return Err(Problem::new(lane as u32, format!("`cp.async` is to take {count} of {bytes} bytes")));
            }
            let (source, target) = (self.address(from, lane), self.address(to, lane));
            let mut copied = [0u8; 16];
            let place = match source % u64::from(size) {
                0 if count == 0 => None,
                0 => self.place(Space::Global, source, count, false, lane),
                _ => None,
            };
            match place {
                // SAFETY: `place` found that many bytes.
                Some(host) => (0..count).for_each(|n| copied[n] = unsafe { read::<u8>(host.add(n)) }),
                None if count == 0 && source % u64::from(size) == 0 => {}
                None => return Err(self.misplaced(Space::Global, source, bytes, false, lane)),
            }
            let words = std::array::from_fn(|n| {
                let word = [copied[4 * n], copied[4 * n + 1], copied[4 * n + 2], copied[4 * n + 3]];
                u32::from_le_bytes(word)
            });
            let group = self.copies[self.warp].closed[lane];
            self.put_copy(target, size, words, [UNDER_WAY; 4], lane)?;
            let pending = Pending { lane: lane as u8, size, to: target as u32, group, words };
            self.copies[self.warp].pending.push(pending);
        }
        Ok(())
    }

    /// Writes to shared memory; `words` is what in the end will be there.
    fn put_copy(&mut self, target: u64, size: u8, words: [u32; 4], now: [u32; 4], lane: usize) -> Outcome {
        let host = self.locate(Space::Shared, target, usize::from(size), true, lane)?;
        for n in 0..usize::from(size) / 4 {
            if self.is_watched(Space::Shared, target) {
                self.watch(target + 4 * n as u64, 4, Touch::Write(words[n].into()), lane)?;
            }
            // SAFETY: `locate` found that many bytes, so aligned.
            unsafe { write(host.add(4 * n), now[n]) };
        }
        Ok(())
    }

    pub(super) fn commit_copies(&mut self, mask: u32) {
        for lane in lanes(mask) {
            self.copies[self.warp].closed[lane] += 1;
        }
    }

    /// Ends the copies of these threads, but for the last `left` groups of each; without a number also those that are in no
    /// group yet.
    pub(super) fn wait_for_copies(&mut self, mask: u32, left: Option<u32>) -> Outcome {
        if left.is_none() {
            self.commit_copies(mask);
        }
        let closed = self.copies[self.warp].closed;
        let is_done = |copy: &Pending| {
            let lane = usize::from(copy.lane);
            mask >> lane & 1 == 1 && copy.group < closed[lane].saturating_sub(left.unwrap_or(0))
        };
        let (done, rest) = std::mem::take(&mut self.copies[self.warp].pending).into_iter().partition(is_done);
        self.copies[self.warp].pending = rest;
        let done: Vec<Pending> = done;
        for copy in done {
            self.put_copy(copy.to.into(), copy.size, copy.words, copy.words, copy.lane.into())?;
        }
        Ok(())
    }
}
