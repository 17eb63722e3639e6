//! How much memory each device has given out, and how much its pools hold back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::handles::Handle;
use super::settings::settings;
use super::status::Status;

/// A pool takes memory from its device in pieces of this size.
const PIECE: usize = 2 << 20;

/// What `cuMemAlloc` rounds a size up to.
const ROUNDED: usize = 512;

/// The numbers of one pool.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolAccount {
    pub device: usize,
    /// How much the pool keeps at the next synchronization although nothing uses it.
    pub threshold: u64,
    pub used: usize,
    pub used_high: usize,
    pub reserved: usize,
    pub reserved_high: usize,
}

/// The numbers of all devices.
#[derive(Default)]
pub(crate) struct Accounts {
    plain: HashMap<usize, usize>,
    pools: HashMap<Handle, PoolAccount>,
}

static ACCOUNTS: Mutex<Option<Accounts>> = Mutex::new(None);

/// The accounts, with the lock held.
fn with<R>(use_them: impl FnOnce(&mut Accounts) -> R) -> R {
    let mut accounts: MutexGuard<'_, Option<Accounts>> = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    use_them(accounts.get_or_insert_default())
}

/// The size that an allocation takes.
pub(crate) fn rounded(size: usize) -> usize {
    size.checked_next_multiple_of(ROUNDED).unwrap_or(usize::MAX)
}

impl Accounts {
    fn taken(&self, device: usize) -> usize {
        let pools = self.pools.values().filter(|pool| pool.device == device).map(|pool| pool.reserved).sum::<usize>();
        self.plain.get(&device).copied().unwrap_or(0) + pools
    }

    fn free(&self, device: usize) -> usize {
        settings().memory.saturating_sub(self.taken(device))
    }

    /// Memory that pools hold back for nothing goes back to the device.
    fn give_back(&mut self, device: usize) {
        for pool in self.pools.values_mut().filter(|pool| pool.device == device) {
            pool.reserved = pool.used;
        }
    }
}

/// Takes memory of a device for `cuMemAlloc` and its like.
pub(crate) fn take(device: usize, size: usize) -> Result<(), Status> {
    let size = rounded(size);
    with(|accounts| {
        if accounts.free(device) < size {
            accounts.give_back(device);
        }
        if accounts.free(device) < size {
            return Err(Status::OUT_OF_MEMORY);
        }
        *accounts.plain.entry(device).or_default() += size;
        Ok(())
    })
}

/// The reverse of [`take`].
pub(crate) fn give(device: usize, size: usize) {
    with(|accounts| {
        let plain = accounts.plain.entry(device).or_default();
        *plain = plain.saturating_sub(rounded(size));
    });
}

/// Takes memory of a pool.
pub(crate) fn take_from_pool(handle: Handle, size: usize) -> Result<(), Status> {
    let size = rounded(size);
    with(|accounts| {
        let mut pool = *accounts.pools.get(&handle).ok_or(Status::INVALID_HANDLE)?;
        let used = pool.used.checked_add(size).ok_or(Status::OUT_OF_MEMORY)?;
        if used > pool.reserved {
            let wanted = used.checked_next_multiple_of(PIECE).ok_or(Status::OUT_OF_MEMORY)?;
            if accounts.free(pool.device) >= wanted - pool.reserved {
                pool.reserved = wanted;
            } else {
                accounts.give_back(pool.device);
                pool.reserved = pool.used;
                if accounts.free(pool.device) < size {
                    return Err(Status::OUT_OF_MEMORY);
                }
                pool.reserved = used;
            }
        }
        pool.used = used;
        pool.used_high = pool.used_high.max(pool.used);
        pool.reserved_high = pool.reserved_high.max(pool.reserved);
        accounts.pools.insert(handle, pool);
        Ok(())
    })
}

/// The reverse of [`take_from_pool`].
pub(crate) fn give_to_pool(handle: Handle, size: usize) {
    with(|accounts| {
        if let Some(pool) = accounts.pools.get_mut(&handle) {
            pool.used = pool.used.saturating_sub(rounded(size));
        }
    });
}

/// A synchronization: pools keep no more than their threshold.
pub(crate) fn synchronized(device: usize) {
    with(|accounts| {
        for pool in accounts.pools.values_mut().filter(|pool| pool.device == device) {
            let kept = usize::try_from(pool.threshold).unwrap_or(usize::MAX);
            pool.reserved = pool.reserved.min(kept).max(pool.used);
        }
    });
}

/// `(free, total)` bytes of a device.
pub(crate) fn memory_info(device: usize) -> (usize, usize) {
    with(|accounts| (accounts.free(device), settings().memory))
}

/// A pool begins.
pub(crate) fn open_pool(handle: Handle, device: usize) {
    with(|accounts| accounts.pools.insert(handle, PoolAccount { device, ..PoolAccount::default() }));
}

/// A pool ends.
pub(crate) fn close_pool(handle: Handle) {
    with(|accounts| accounts.pools.remove(&handle));
}

/// Reads or changes the numbers of a pool.
pub(crate) fn with_pool<R>(handle: Handle, use_it: impl FnOnce(&mut PoolAccount) -> R) -> Result<R, Status> {
    with(|accounts| accounts.pools.get_mut(&handle).map(use_it).ok_or(Status::INVALID_HANDLE))
}
