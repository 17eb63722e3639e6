//! Loads and stores: each address is looked for in the memory that it says it is in.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::fault::{Outcome, Problem};
use super::file::each;
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
        let found = match space {
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
        };
        match found {
            Some(place) => Ok(place),
            None => Err(self.misplaced(space, address, size, write, lane)),
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

    pub(super) fn load(
        &mut self,
        mask: u32,
        space: Space,
        ty: Type,
        address: Address,
        to: &[Option<Place>],
    ) -> Outcome {
        if let [Some(place)] = to {
            let (slot, exact) = (place.slot, place.size == ty.size());
            match ty.size() {
                4 if exact => {
                    return self.load_exact::<u32>(mask, space, address, |m, lane, value| m.set(slot, lane, value));
                }
                8 if exact => {
                    return self.load_exact::<u64>(mask, space, address, |m, lane, value| m.set(slot, lane, value));
                }
                2 if exact => {
                    return self.load_exact::<u16>(mask, space, address, |m, lane, value| m.set(slot, lane, value));
                }
                16 if exact => {}
                _ => {}
            }
        }
        let size = usize::from(ty.size());
        for lane in 0..32 {
            if mask >> lane & 1 == 0 {
                continue;
            }
            let start = self.address(address, lane);
            let host = self.locate(space, start, size * to.len(), false, lane)?;
            for (index, place) in to.iter().enumerate() {
                let Some(place) = *place else { continue };
                // SAFETY: `locate` found that many bytes, so aligned.
                unsafe {
                    let host = host.add(index * size);
                    if size == 16 {
                        let (low, high) = (read::<u64>(host), read::<u64>(host.add(8)));
                        self.file.set(place.slot, lane, u128::from(high) << 64 | u128::from(low));
                        continue;
                    }
                    let bits = read_bits(host, size);
                    let shift = 64 - 8 * size as u32;
                    let bits = if ty.is_signed() { ((bits << shift) as i64 >> shift) as u64 } else { bits };
                    self.file.put_bits(place, lane, bits);
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn load_exact<T: Atom>(
        &mut self,
        mask: u32,
        space: Space,
        address: Address,
        set: impl Fn(super::file::File, usize, T),
    ) -> Outcome {
        let file = self.file;
        let mut outcome = Ok(());
        each(mask, |lane| {
            let start = self.address(address, lane);
            match self.locate(space, start, size_of::<T>(), false, lane) {
                // SAFETY: `locate` found that many bytes, so aligned.
                Ok(host) => set(file, lane, unsafe { read::<T>(host) }),
                Err(problem) if outcome.is_ok() => outcome = Err(problem),
                Err(_) => {}
            }
        });
        outcome
    }

    pub(super) fn store(&mut self, mask: u32, space: Space, ty: Type, address: Address, from: &[Place]) -> Outcome {
        let size = usize::from(ty.size());
        for lane in 0..32 {
            if mask >> lane & 1 == 0 {
                continue;
            }
            let start = self.address(address, lane);
            let host = self.locate(space, start, size * from.len(), true, lane)?;
            for (index, &place) in from.iter().enumerate() {
                // SAFETY: `locate` found that many bytes, so aligned, that may be written.
                unsafe {
                    let host = host.add(index * size);
                    match size {
                        1 => write(host, self.file.get_bits(place, lane) as u8),
                        2 => write(host, self.file.get_bits(place, lane) as u16),
                        4 => write(host, self.file.get_bits(place, lane) as u32),
                        8 => write(host, self.file.get_bits(place, lane)),
                        _ => {
                            let value = self.file.get::<u128>(place.slot, lane);
                            write(host, value as u64);
                            write(host.add(8), (value >> 64) as u64);
                        }
                    }
                }
            }
        }
        Ok(())
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
unsafe fn read_bits(place: *mut u8, size: usize) -> u64 {
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
