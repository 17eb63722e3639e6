//! Atomic operations: atomic on the host too, since blocks may run on several threads.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering::SeqCst};

use super::fault::{Outcome, Problem};
use super::file::lanes;
use super::rounding::{add_odd, flush, pack, unpack};
use super::shadow::Touch;
use super::warp::Machine;
use crate::ptx::{Address, Atomic, Mode, Place, SHARED_WINDOW, Slot, Space, Type};

impl Machine<'_> {
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "the fields of one operation")]
    pub(super) fn atomic(
        &mut self,
        mask: u32,
        space: Space,
        operation: Atomic,
        ty: Type,
        address: Address,
        to: Option<Slot>,
        value: Slot,
        compare: Slot,
    ) -> Outcome {
        let size = ty.size();
        for lane in lanes(mask) {
            let start = self.address(address, lane);
            let host = self.locate(space, start, usize::from(size), true, lane)?;
            if self.is_watched(space, start) {
                self.watch(start, usize::from(size), Touch::Atomic, lane)?;
            }
            if self.is_global_watched(space, start) {
                self.watch_global(start, usize::from(size), Touch::Atomic, lane)?;
            }
            let value = self.file.get_bits(Place { slot: value, size }, lane);
            let compare = self.file.get_bits(Place { slot: compare, size }, lane);
            // Additions in `f32` know no subnormal numbers in global memory, but do in shared memory.
            let flushes = ty == Type::F32
                && operation == Atomic::Add
                && (space == Space::Global || (space == Space::Generic && start < SHARED_WINDOW));
            let flushed = |bits: u64| if flushes { flush(f32::from_bits(bits as u32)).to_bits().into() } else { bits };
            let new = |old: u64| flushed(apply(operation, ty, flushed(old), flushed(value), compare));
            // SAFETY: `locate` found that many bytes, so aligned, that may be written; device memory is only touched by
            // whole words that are read and written at once.
            let old = unsafe {
                match size {
                    2 => AtomicU16::from_ptr(host.cast())
                        .fetch_update(SeqCst, SeqCst, |old| Some(new(old.into()) as u16))
                        .map_or(0, u64::from),
                    4 => AtomicU32::from_ptr(host.cast())
                        .fetch_update(SeqCst, SeqCst, |old| Some(new(old.into()) as u32))
                        .map_or(0, u64::from),
                    8 => {
                        AtomicU64::from_ptr(host.cast()).fetch_update(SeqCst, SeqCst, |old| Some(new(old))).unwrap_or(0)
                    }
                    _ => {
                        return Err(Problem::new(lane as u32, "an atomic operation on so many bytes is not supported"));
                    }
                }
            };
            if let Some(to) = to {
                self.file.put_bits(Place { slot: to, size }, lane, old);
            }
        }
        Ok(())
    }
}

/// The new value.
pub(super) fn apply(operation: Atomic, ty: Type, old: u64, value: u64, compare: u64) -> u64 {
    let shift = 64 - 8 * u32::from(ty.size());
    let signed = |bits: u64| (bits << shift) as i64 >> shift;
    match operation {
        Atomic::Exchange => value,
        Atomic::CompareExchange if old == compare => value,
        Atomic::CompareExchange => old,
        Atomic::And => old & value,
        Atomic::Or => old | value,
        Atomic::Xor => old ^ value,
        Atomic::Increment if old >= value => 0,
        Atomic::Increment => old + 1,
        Atomic::Decrement if old == 0 || old > value => value,
        Atomic::Decrement => old - 1,
        Atomic::Add if ty.is_packed() => {
            let add = |old: u64, value: u64| float_add(ty, old, value) & 0xffff;
            add(old >> 16, value >> 16) << 16 | add(old & 0xffff, value & 0xffff)
        }
        Atomic::Add if ty.is_float() => float_add(ty, old, value),
        Atomic::Add => old.wrapping_add(value),
        Atomic::Min | Atomic::Max => {
            let less = if ty.is_signed() {
                signed(value) < signed(old)
            } else if ty.is_float() {
                unpack(ty, value) < unpack(ty, old)
            } else {
                value < old
            };
            if less == (operation == Atomic::Min) { value } else { old }
        }
    }
}

fn float_add(ty: Type, old: u64, value: u64) -> u64 {
    let (old, value) = (unpack(ty, old), unpack(ty, value));
    if ty == Type::F64 { (old + value).to_bits() } else { pack(ty, add_odd(old, value), Mode::PLAIN) }
}
