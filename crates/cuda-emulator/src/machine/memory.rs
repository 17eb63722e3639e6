//! Loads and stores: each address is looked for in the memory that it says it is in.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::fault::{Outcome, Problem};
use super::file::{ALL, File, LANES, each};
use super::shadow::Touch;
use super::warp::Machine;
use crate::ptx::{Address, LOCAL_WINDOW, PARAM_WINDOW, Place, SHARED_WINDOW, Space, Type};

/// A piece of device memory, whole.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// The device address of its first byte.
    pub address: u64,
    /// Its bytes.
    pub size: usize,
    /// Where its first byte is on the host: as much aligned as the device address, up to 16 bytes.
    pub host: *mut u8,
    /// Whether kernels may write there.
    pub writable: bool,
}

/// The device's memory. Device addresses are no host addresses.
///
/// What is found stays where it is for as long as a kernel runs.
pub trait Memory: Sync {
    /// Where `size` bytes from `address` are on the host; nothing if one of them is not in the same allocation, or may not be
    /// written though `write` says that it is going to be.
    fn resolve(&self, address: u64, size: usize, write: bool) -> Option<*mut u8>;

    /// The allocation that holds `address`, whole. Who can say that is asked less often.
    fn region(&self, address: u64) -> Option<Region> {
        let _ = address;
        None
    }
}

/// The allocations that were found last.
pub(super) struct Recent {
    regions: [Region; 4],
    next: usize,
}

impl Recent {
    pub(super) fn new() -> Self {
        let nothing = Region { address: 0, size: 0, host: std::ptr::null_mut(), writable: false };
        Recent { regions: [nothing; 4], next: 0 }
    }

    #[inline(always)]
    fn find(&self, address: u64, size: usize, write: bool) -> Option<*mut u8> {
        for region in &self.regions {
            let offset = address.wrapping_sub(region.address);
            if offset < region.size as u64 && region.size as u64 - offset >= size as u64 && (region.writable || !write)
            {
                return Some(region.host.wrapping_add(offset as usize));
            }
        }
        None
    }
}

const WINDOW: u64 = LOCAL_WINDOW - SHARED_WINDOW;

impl Machine<'_> {
    /// Where an access goes on the host.
    #[inline(always)]
    pub(super) fn locate(
        &mut self,
        space: Space,
        address: u64,
        size: usize,
        write: bool,
        lane: usize,
    ) -> Result<*mut u8, Box<Problem>> {
        if address & (size as u64 - 1) != 0 {
            return Err(self.misplaced(space, address, size, write, lane));
        }
        match self.place(space, address, size, write, lane) {
            Some(place) => Ok(place),
            None => Err(self.misplaced(space, address, size, write, lane)),
        }
    }

    /// The same for any number of bytes, wherever they begin. A range that begins in one window does not end in another.
    #[inline(always)]
    fn place(&mut self, space: Space, address: u64, size: usize, write: bool, lane: usize) -> Option<*mut u8> {
        match space {
            Space::Global => self.global(address, size, write),
            Space::Generic if address < SHARED_WINDOW => self.global(address, size, write),
            Space::Generic => match (address - SHARED_WINDOW) / WINDOW {
                0 => self.shared(address - SHARED_WINDOW, size),
                1 => self.local(address - LOCAL_WINDOW, size, lane),
                2 if !write => self.parameter(address - PARAM_WINDOW, size),
                _ => None,
            },
            Space::Shared => self.shared(address, size),
            Space::Local => self.local(address, size, lane),
            Space::Param if write => None,
            Space::Param => self.parameter(address, size),
        }
    }

    #[inline(always)]
    fn global(&mut self, address: u64, size: usize, write: bool) -> Option<*mut u8> {
        self.recent.find(address, size, write).or_else(|| self.global_new(address, size, write))
    }

    #[cold]
    fn global_new(&mut self, address: u64, size: usize, write: bool) -> Option<*mut u8> {
        let Some(region) = self.memory.region(address) else {
            return self.memory.resolve(address, size, write);
        };
        let next = self.recent.next;
        self.recent.regions[next] = region;
        self.recent.next = (next + 1) % self.recent.regions.len();
        self.recent.find(address, size, write)
    }

    #[inline(always)]
    fn shared(&mut self, offset: u64, size: usize) -> Option<*mut u8> {
        if offset.checked_add(size as u64)? > self.shared_bytes as u64 {
            return None;
        }
        Some(self.shared.as_mut_ptr().cast::<u8>().wrapping_add(offset as usize))
    }

    fn local(&mut self, offset: u64, size: usize, lane: usize) -> Option<*mut u8> {
        let frame = self.code.frame_bytes as u64;
        if offset.checked_add(size as u64)? > frame {
            return None;
        }
        let frame = (self.bank * 32 + lane) * self.frame_stride;
        Some(self.local.as_mut_ptr().cast::<u8>().wrapping_add(frame + offset as usize))
    }

    fn parameter(&self, offset: u64, size: usize) -> Option<*mut u8> {
        let start = usize::try_from(offset).ok()?;
        if start.checked_add(size)? > self.parameter_bytes {
            return None;
        }
        Some(self.parameters.as_ptr().cast::<u8>().wrapping_add(start).cast_mut())
    }

    #[cold]
    fn misplaced(&self, space: Space, address: u64, size: usize, write: bool, lane: usize) -> Box<Problem> {
        let what = if write { "write" } else { "read" };
        let space = match space {
            Space::Generic => match address.wrapping_sub(SHARED_WINDOW) / WINDOW {
                0 => Space::Shared,
                1 => Space::Local,
                2 => Space::Param,
                _ => Space::Global,
            },
            space => space,
        };
        let place = match space {
            Space::Shared => format!("shared memory ({} bytes)", self.shared_bytes),
            Space::Local => format!("the thread's own memory ({} bytes)", self.code.frame_bytes),
            Space::Param => format!("the parameters ({} bytes)", self.parameter_bytes),
            Space::Global | Space::Generic => "global memory".to_owned(),
        };
        let message = if address & (size as u64 - 1) != 0 {
            format!("a misaligned {what} of {place}")
        } else {
            format!("an invalid {what} of {place}: not in an allocation")
        };
        Box::new(Problem { lane: lane as u32, address: Some(address), size, message })
    }

    #[inline(always)]
    pub(super) fn address(&self, address: Address, lane: usize) -> u64 {
        let base = match address.base {
            None => 0,
            Some(Place { slot, size: 8 }) => self.file.get::<u64>(slot, lane),
            Some(Place { slot, .. }) => u64::from(self.file.get::<u32>(slot, lane)),
        };
        base.wrapping_add_signed(address.offset)
    }

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
        if self.is_watched(space, all[mask.trailing_zeros() as usize]) {
            for lane in lanes(mask) {
                self.watch_store(all[lane], size, from, lane)?;
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
    fn watch_store(&mut self, start: u64, size: usize, from: &[Place], lane: usize) -> Outcome {
        for (index, &place) in from.iter().enumerate() {
            let bits = self.file.get_bits(place, lane);
            self.watch(start + (index * size) as u64, size, Touch::Write(bits), lane)?;
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
            if self.is_watched(space, start) {
                self.watch_store(start, size, from, lane)?;
            }
            for (index, &place) in from.iter().enumerate() {
                // SAFETY: `locate` found that many bytes, so aligned, that may be written.
                unsafe { self.file.send(place, lane, host.add(index * size), size) };
            }
        }
        Ok(())
    }
}

/// The lanes of a mask, for loops that may end early.
pub(super) fn lanes(mask: u32) -> Lanes {
    Lanes(mask)
}

pub(super) struct Lanes(u32);

impl Iterator for Lanes {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lane)
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

/// A word that is read and written whole, whoever else does so at the same time.
pub(super) trait Atom: Copy {
    /// # Safety
    /// `place` is aligned and may be read.
    unsafe fn read(place: *mut u8) -> Self;
    /// # Safety
    /// `place` is aligned and may be written.
    unsafe fn write(place: *mut u8, value: Self);
}

macro_rules! atom {
    ($($ty:ty, $atomic:ty;)*) => {$(
        impl Atom for $ty {
            #[inline(always)]
            unsafe fn read(place: *mut u8) -> Self {
                // SAFETY: the caller's promise; device memory is only touched by such words.
                unsafe { <$atomic>::from_ptr(place.cast()) }.load(Relaxed)
            }
            #[inline(always)]
            unsafe fn write(place: *mut u8, value: Self) {
                // SAFETY: as above.
                unsafe { <$atomic>::from_ptr(place.cast()) }.store(value, Relaxed);
            }
        }
    )*};
}

atom! { u8, AtomicU8; u16, AtomicU16; u32, AtomicU32; u64, AtomicU64; }

/// # Safety
/// As [`Atom::read`].
#[inline(always)]
unsafe fn read<T: Atom>(place: *mut u8) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::read(place) }
}

/// # Safety
/// As [`Atom::write`].
#[inline(always)]
unsafe fn write<T: Atom>(place: *mut u8, value: T) {
    // SAFETY: the caller's promise.
    unsafe { T::write(place, value) }
}

/// # Safety
/// As [`Atom::read`], for a word of this size.
pub(super) unsafe fn read_bits(place: *mut u8, size: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => u64::from(read::<u8>(place)),
            2 => u64::from(read::<u16>(place)),
            4 => u64::from(read::<u32>(place)),
            _ => read::<u64>(place),
        }
    }
}
