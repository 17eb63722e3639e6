//! Loads and stores of a warp.

use super::fault::Outcome;
use super::file::{ALL, File, LANES, each, lanes};
use super::shadow::Touch;
use super::warp::Machine;
use super::word::{read, read_bits, write};
use crate::ptx::{Address, LOCAL_WINDOW, Place, Space, Type};

impl Machine<'_> {
    /// The addresses of all lanes at once: if all are in one place, what is added to an address, and to the lane's number,
    /// for the place on the host. Nothing if a lane has to be looked at alone.
    #[inline(always)]
    fn span(
        &mut self,
        mask: u32,
        space: Space,
        address: Address,
        size: usize,
        write: bool,
    ) -> Option<([u64; LANES], *mut u8, usize)> {
        if mask.count_ones() <= 2 {
            return None;
        }
        let mut all = [0; LANES];
        let offset = address.offset as u64;
        match address.base {
            None => all = [offset; LANES],
            Some(Place { slot, size: 8 }) => {
                for (lane, one) in all.iter_mut().enumerate() {
                    *one = self.file.get::<u64>(slot, lane).wrapping_add(offset);
                }
            }
            Some(Place { slot, .. }) => {
                for (lane, one) in all.iter_mut().enumerate() {
                    *one = u64::from(self.file.get::<u32>(slot, lane)).wrapping_add(offset);
                }
            }
        }
        let (mut low, mut high, mut bits) = (u64::MAX, 0, 0);
        let mut join = |one: u64| {
            low = low.min(one);
            high = high.max(one);
            bits |= one;
        };
        if mask == ALL {
            all.iter().for_each(|&one| join(one));
        } else {
            each(mask, |lane| join(all[lane]));
        }
        let length = usize::try_from(high - low).ok()?.checked_add(size)?;
        if bits & (size as u64 - 1) != 0 {
            return None;
        }
        let local = matches!(space, Space::Local) || (matches!(space, Space::Generic) && low >= LOCAL_WINDOW);
        // Each lane has its own memory there; in the others they share it.
        let first = mask.trailing_zeros() as usize;
        let host = if local {
            self.place(space, low, length, write, first)?.wrapping_sub(first * self.frame_stride)
        } else {
            self.place(space, low, length, write, 0)?
        };
        Some((all, host.wrapping_sub(low as usize), if local { self.frame_stride } else { 0 }))
    }

    #[inline(never)]
    pub(super) fn load(
        &mut self,
        mask: u32,
        space: Space,
        ty: Type,
        address: Address,
        to: &[Option<Place>],
    ) -> Outcome {
        let size = usize::from(ty.size());
        let Some((all, host, step)) = self.span(mask, space, address, size * to.len(), false) else {
            return self.load_apart(mask, space, ty, address, to);
        };
        if self.is_watched(space, all[mask.trailing_zeros() as usize]) {
            for lane in lanes(mask) {
                self.watch(all[lane], size * to.len(), Touch::Read, lane)?;
            }
        }
        if self.is_global_watched(space, all[mask.trailing_zeros() as usize]) {
            for lane in lanes(mask) {
                self.watch_global(all[lane], size * to.len(), Touch::Read, lane)?;
            }
        }
        let file = self.file;
        for (index, place) in to.iter().enumerate() {
            let Some(place) = *place else { continue };
            let from = |lane: usize| host.wrapping_add(all[lane] as usize + index * size + lane * step);
            macro_rules! read_all {
                ($ty:ty) => {
                    // SAFETY: `span` found that these bytes may be read, so aligned.
                    each(mask, |lane| file.set::<$ty>(place.slot, lane, unsafe { read(from(lane)) }))
                };
            }
            match (size, place.size) {
                (2, 2) => read_all!(u16),
                (4, 4) => read_all!(u32),
                (8, 8) => read_all!(u64),
                // SAFETY: as above.
                _ => each(mask, |lane| unsafe { file.receive(place, lane, from(lane), ty) }),
            }
        }
        Ok(())
    }

    /// One lane after the other: they are in different places, or one of them is wrong.
    #[inline(never)]
    fn load_apart(&mut self, mask: u32, space: Space, ty: Type, address: Address, to: &[Option<Place>]) -> Outcome {
        let size = usize::from(ty.size());
        for lane in lanes(mask) {
            let start = self.address(address, lane);
            let host = self.locate(space, start, size * to.len(), false, lane)?;
            if self.is_watched(space, start) {
                self.watch(start, size * to.len(), Touch::Read, lane)?;
            }
            if self.is_global_watched(space, start) {
                self.watch_global(start, size * to.len(), Touch::Read, lane)?;
            }
            for (index, place) in to.iter().enumerate() {
                let Some(place) = *place else { continue };
                // SAFETY: `locate` found that many bytes, so aligned.
                unsafe { self.file.receive(place, lane, host.add(index * size), ty) };
            }
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn store(&mut self, mask: u32, space: Space, ty: Type, address: Address, from: &[Place]) -> Outcome {
        let size = usize::from(ty.size());
        let Some((all, host, step)) = self.span(mask, space, address, size * from.len(), true) else {
            return self.store_apart(mask, space, ty, address, from);
        };
        let first = all[mask.trailing_zeros() as usize];
        if self.is_watched(space, first) || self.is_global_watched(space, first) {
            for lane in lanes(mask) {
                self.watch_store(space, all[lane], size, from, lane)?;
            }
        }
        let file = self.file;
        for (index, &place) in from.iter().enumerate() {
            let to = |lane: usize| host.wrapping_add(all[lane] as usize + index * size + lane * step);
            macro_rules! write_all {
                ($ty:ty) => {
                    // SAFETY: `span` found that these bytes may be written, so aligned.
                    each(mask, |lane| unsafe { write(to(lane), file.get::<$ty>(place.slot, lane)) })
                };
            }
            match (size, place.size) {
                (2, 2) => write_all!(u16),
                (4, 4) => write_all!(u32),
                (8, 8) => write_all!(u64),
                // SAFETY: as above.
                _ => each(mask, |lane| unsafe { file.send(place, lane, to(lane), size) }),
            }
        }
        Ok(())
    }

    #[cold]
    fn watch_store(&mut self, space: Space, start: u64, size: usize, from: &[Place], lane: usize) -> Outcome {
        for (index, &place) in from.iter().enumerate() {
            let (bits, at) = (self.file.get_bits(place, lane), start + (index * size) as u64);
            if self.is_global_watched(space, start) {
                self.watch_global(at, size, Touch::Write(bits), lane)?;
            } else {
                self.watch(at, size, Touch::Write(bits), lane)?;
            }
        }
        Ok(())
    }

    /// One lane after the other, as [`Machine::load_apart`].
    #[inline(never)]
    fn store_apart(&mut self, mask: u32, space: Space, ty: Type, address: Address, from: &[Place]) -> Outcome {
        let size = usize::from(ty.size());
        for lane in lanes(mask) {
            let start = self.address(address, lane);
            let host = self.locate(space, start, size * from.len(), true, lane)?;
            if self.is_watched(space, start) || self.is_global_watched(space, start) {
                self.watch_store(space, start, size, from, lane)?;
            }
            for (index, &place) in from.iter().enumerate() {
                // SAFETY: `locate` found that many bytes, so aligned, that may be written.
                unsafe { self.file.send(place, lane, host.add(index * size), size) };
            }
        }
        Ok(())
    }
}

impl File {
    /// Reads a value from memory into a register that may be larger.
    ///
    /// # Safety
    /// As [`Atom::read`], for as many bytes as the type has.
    unsafe fn receive(self, place: Place, lane: usize, host: *mut u8, ty: Type) {
        let size = usize::from(ty.size());
        // SAFETY: the caller's promise.
        unsafe {
            if size == 16 {
                let (low, high) = (read::<u64>(host), read::<u64>(host.add(8)));
                return self.set(place.slot, lane, u128::from(high) << 64 | u128::from(low));
            }
            let bits = read_bits(host, size);
            let shift = 64 - 8 * size as u32;
            let bits = if ty.is_signed() { ((bits << shift) as i64 >> shift) as u64 } else { bits };
            self.put_bits(place, lane, bits);
        }
    }

    /// Writes the lower bytes of a register to memory.
    ///
    /// # Safety
    /// As [`Atom::write`], for that many bytes.
    unsafe fn send(self, place: Place, lane: usize, host: *mut u8, size: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match size {
                1 => write(host, self.get_bits(place, lane) as u8),
                2 => write(host, self.get_bits(place, lane) as u16),
                4 => write(host, self.get_bits(place, lane) as u32),
                8 => write(host, self.get_bits(place, lane)),
                _ => {
                    let value = self.get::<u128>(place.slot, lane);
                    write(host, value as u64);
                    write(host.add(8), (value >> 64) as u64);
                }
            }
        }
    }
}
