//! Memory pools, from which streams take memory without the host waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::border::{HostPointer, In, Out};
use super::device::device;
use super::handles::{Handle, Handles};
use super::registry::registry;
use super::settings::settings;
use super::status::Status;
use super::{account, exports};

/// A `CUmemoryPool`.
struct Pool {
    device: usize,
    /// The devices that reach its memory: one bit for each.
    access: AtomicU64,
    /// Whether it is the one that a device begins with, which nobody destroys.
    default: bool,
}

static POOLS: Handles<Pool> = Handles::new();
/// For each device: the pool it began with, and the one it uses.
static OF_DEVICES: Mutex<Vec<(Handle, Handle)>> = Mutex::new(Vec::new());

fn open(device: usize, default: bool) -> Handle {
    let handle = POOLS.add(Pool { device, access: AtomicU64::new(1 << device), default });
    account::open_pool(handle, device);
    handle
}

fn of_device<R>(device: usize, use_it: impl FnOnce(&mut (Handle, Handle)) -> R) -> R {
    let mut pools = OF_DEVICES.lock().unwrap_or_else(PoisonError::into_inner);
    while pools.len() < settings().devices.len() {
        let pool = open(pools.len(), true);
        pools.push((pool, pool));
    }
    use_it(&mut pools[device])
}

/// The pool that allocations of a device come from.
pub(crate) fn current_pool(device: usize) -> Handle {
    of_device(device, |(_, current)| *current)
}

/// The device of a pool.
pub(crate) fn pool_device(pool: Handle) -> Result<usize, Status> {
    Ok(POOLS.get(pool)?.device)
}

/// Whether a device reaches the memory of a pool.
pub(crate) fn reachable(pool: Handle, device: usize) -> bool {
    POOLS.get(pool).is_ok_and(|pool| pool.access.load(Ordering::Acquire) >> device & 1 == 1)
}

/// `CUmemLocation` and the `CUmemAccess_flags` beside it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct AccessDescription {
    /// 1 for a device.
    pub location_kind: i32,
    /// Which device.
    pub location: i32,
    /// 0 for none, 3 to read and write.
    pub flags: i32,
}

exports! {
    fn cuDeviceGetDefaultMemPool(pool: Out<Handle>, ordinal: i32) {
        let device = device(ordinal)?;
        pool.set(of_device(device, |(default, _)| *default))
    }

    fn cuDeviceGetMemPool(pool: Out<Handle>, ordinal: i32) {
        let device = device(ordinal)?;
        pool.set(current_pool(device))
    }

    fn cuDeviceSetMemPool(ordinal: i32, pool: Handle) {
        let device = device(ordinal)?;
        if pool_device(pool)? != device {
            return Err(Status::INVALID_VALUE);
        }
        of_device(device, |(_, current)| *current = pool);
        Ok(())
    }

    fn cuMemPoolCreate(pool: Out<Handle>, properties: HostPointer) {
        // `CUmemPoolProps` begins with the kind of allocation, the kind of handle, and the place: a kind and a device.
        let kind = properties.array::<i32>().get(2)?;
        let device = device(properties.array::<i32>().get(3)?)?;
        if kind != 1 {
            return Err(Status::NOT_SUPPORTED);
        }
        pool.set(open(device, false))
    }

    fn cuMemPoolDestroy(pool: Handle) {
        if POOLS.get(pool)?.default {
            return Err(Status::INVALID_VALUE);
        }
        let pool_object = POOLS.remove(pool)?;
        of_device(pool_object.device, |(default, current)| {
            if *current == pool {
                *current = *default;
            }
        });
        account::close_pool(pool);
        Ok(())
    }

    fn cuMemPoolTrimTo(pool: Handle, kept: usize) {
        account::with_pool(pool, |pool| pool.reserved = pool.reserved.min(kept).max(pool.used))
    }

    fn cuMemPoolGetAttribute(pool: Handle, attribute: i32, value: Out<u64>) {
        account::with_pool(pool, |pool| match attribute {
            1..=3 => value.cast::<i32>().set(1),
            4 => value.set(pool.threshold),
            5 => value.set(pool.reserved as u64),
            6 => value.set(pool.reserved_high as u64),
            7 => value.set(pool.used as u64),
            8 => value.set(pool.used_high as u64),
            _ => Err(Status::INVALID_VALUE),
        })?
    }

    fn cuMemPoolSetAttribute(pool: Handle, attribute: i32, value: In<u64>) {
        account::with_pool(pool, |pool| match attribute {
            1..=3 => Ok(()),
            4 => {
                pool.threshold = value.get(0)?;
                Ok(())
            }
            // A high mark can only be set back.
            6 if value.get(0)? == 0 => {
                pool.reserved_high = pool.reserved;
                Ok(())
            }
            8 if value.get(0)? == 0 => {
                pool.used_high = pool.used;
                Ok(())
            }
            _ => Err(Status::INVALID_VALUE),
        })?
    }

    fn cuMemPoolSetAccess(pool: Handle, descriptions: In<AccessDescription>, count: usize) {
        let pool = POOLS.get(pool)?;
        for index in 0..count {
            let description = descriptions.get(index)?;
            let device = device(description.location)?;
            if description.location_kind != 1 || (device == pool.device && description.flags != 3) {
                return Err(Status::INVALID_VALUE);
            }
            match description.flags {
                0 => pool.access.fetch_and(!(1 << device), Ordering::AcqRel),
                3 => pool.access.fetch_or(1 << device, Ordering::AcqRel),
                _ => return Err(Status::INVALID_VALUE),
            };
        }
        registry().forget();
        Ok(())
    }

    fn cuMemPoolGetAccess(flags: Out<i32>, pool: Handle, location: In<[i32; 2]>) {
        let [kind, ordinal] = location.get(0)?;
        if kind != 1 {
            return Err(Status::INVALID_VALUE);
        }
        let device = device(ordinal)?;
        POOLS.get(pool)?;
        flags.set(if reachable(pool, device) { 3 } else { 0 })
    }
}
