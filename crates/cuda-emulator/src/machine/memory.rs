//! Where an address is: it is looked for in the memory that it says it is in.

use super::fault::Problem;
use super::warp::Machine;
use crate::ptx::{Address, LOCAL_WINDOW, PARAM_WINDOW, Place, SHARED_WINDOW, Space};

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
    pub(super) fn place(
        &mut self,
        space: Space,
        address: u64,
        size: usize,
        write: bool,
        lane: usize,
    ) -> Option<*mut u8> {
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
    pub(super) fn misplaced(&self, space: Space, address: u64, size: usize, write: bool, lane: usize) -> Box<Problem> {
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
}
