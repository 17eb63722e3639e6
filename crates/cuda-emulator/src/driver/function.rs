//! Kernels: what they need, and how many of their blocks fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::border::{HostPointer, Out};
use super::context::current;
use super::device::{BLOCK_THREADS, PROCESSOR_THREADS, PROCESSORS, SHARED, SHARED_OPT_IN};
use super::exports;
use super::handles::{Handle, Handles};
use super::status::Status;
use crate::ptx::Function;

/// A `CUfunction`.
pub(crate) struct Loaded {
    pub function: Arc<Function>,
    pub context: Handle,
    /// How much shared memory a launch may ask for.
    dynamic: AtomicUsize,
}

impl Loaded {
    pub(crate) fn new(function: Arc<Function>, context: Handle) -> Self {
        let dynamic = SHARED.saturating_sub(function.static_shared_bytes);
        Self { function, context, dynamic: AtomicUsize::new(dynamic) }
    }

    /// Shared memory that a launch may ask for.
    pub(crate) fn dynamic_limit(&self) -> usize {
        self.dynamic.load(Ordering::Acquire)
    }
}

static FUNCTIONS: Handles<Loaded> = Handles::new();

/// Keeps a function.
pub(crate) fn add(function: Loaded) -> Handle {
    FUNCTIONS.add(function)
}

/// A function ends with its module.
pub(crate) fn remove(handle: Handle) {
    _ = FUNCTIONS.remove(handle);
}

/// A function by its handle.
pub(crate) fn function(handle: Handle) -> Result<Arc<Loaded>, Status> {
    FUNCTIONS.get(handle)
}

/// Blocks of a multiprocessor: as many as its threads and its shared memory hold.
fn blocks(function: &Loaded, threads: i32, dynamic: usize) -> Result<usize, Status> {
    let threads = usize::try_from(threads).ok().filter(|threads| *threads > 0).ok_or(Status::INVALID_VALUE)?;
    if threads > BLOCK_THREADS {
        return Ok(0);
    }
    let shared = function.function.static_shared_bytes + dynamic;
    let by_shared = (SHARED_OPT_IN + 1024).checked_div(shared + 1024).unwrap_or(usize::MAX);
    Ok((PROCESSOR_THREADS / threads.next_multiple_of(32)).min(by_shared).min(32))
}

/// A function of the program that says how much shared memory a block of so many threads needs.
type SharedOfBlock = Option<unsafe extern "C" fn(i32) -> usize>;

fn best_block(function: &Loaded, shared: SharedOfBlock, dynamic: usize, limit: i32) -> Result<(i32, i32), Status> {
    let limit = match limit {
        0 => BLOCK_THREADS as i32,
        limit => limit.min(BLOCK_THREADS as i32),
    };
    let mut best = (0, 0, 0);
    let mut threads = limit;
    while threads > 0 {
        // SAFETY: the caller hands in a function of this type.
        let dynamic = shared.map_or(dynamic, |shared| unsafe { shared(threads) });
        let blocks = blocks(function, threads, dynamic)?;
        if blocks * threads as usize > best.0 {
            best = (blocks * threads as usize, threads, blocks);
        }
        threads = if threads % 32 == 0 { threads - 32 } else { threads / 32 * 32 };
    }
    Ok(((best.2 * PROCESSORS) as i32, best.1))
}

exports! {
    fn cuFuncGetAttribute(value: Out<i32>, attribute: i32, handle: Handle) {
        let function = function(handle)?;
        value.set(match attribute {
            0 => function.function.max_threads.min(BLOCK_THREADS) as i32,
            1 => function.function.static_shared_bytes as i32,
            2 => 0,
            3 => function.function.local_bytes as i32,
            4 => function.function.registers as i32,
            5 | 6 => 80,
            7 => 0,
            8 => function.dynamic_limit() as i32,
            9 => -1,
            10..=15 => 0,
            _ => return Err(Status::INVALID_VALUE),
        })
    }

    fn cuFuncSetAttribute(handle: Handle, attribute: i32, value: i32) {
        let function = function(handle)?;
        let value = usize::try_from(value);
        match attribute {
            8 => {
                let limit = SHARED_OPT_IN - function.function.static_shared_bytes;
                let value = value.ok().filter(|value| *value <= limit).ok_or(Status::INVALID_VALUE)?;
                function.dynamic.store(value, Ordering::Release);
                Ok(())
            }
            // How the cache and the shared memory divide the chip's memory.
            9 => Ok(()),
            _ => Err(Status::INVALID_VALUE),
        }
    }

    fn cuFuncSetCacheConfig(handle: Handle, _config: i32) {
        function(handle)?;
        Ok(())
    }

    fn cuFuncGetParamInfo(handle: Handle, index: usize, offset: Out<usize>, size: Out<usize>) {
        let function = function(handle)?;
        let parameter = function.function.parameters.get(index).ok_or(Status::INVALID_VALUE)?;
        offset.set(parameter.offset)?;
        size.set_if_wanted(parameter.size);
        Ok(())
    }

    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(number: Out<i32>, handle: Handle, threads: i32, dynamic: usize) {
        current()?;
        number.set(blocks(&*function(handle)?, threads, dynamic)? as i32)
    }

    fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(number: Out<i32>, handle: Handle, threads: i32, dynamic: usize, _flags: u32) {
        current()?;
        number.set(blocks(&*function(handle)?, threads, dynamic)? as i32)
    }

    fn cuOccupancyAvailableDynamicSMemPerBlock(size: Out<usize>, handle: Handle, number: i32, threads: i32) {
        let function = function(handle)?;
        let number = usize::try_from(number).ok().filter(|number| *number > 0).ok_or(Status::INVALID_VALUE)?;
        if blocks(&function, threads, 0)? < number {
            return Err(Status::INVALID_VALUE);
        }
        let each = (SHARED_OPT_IN + 1024) / number - 1024;
        size.set(each.min(SHARED_OPT_IN).saturating_sub(function.function.static_shared_bytes))
    }

    fn cuOccupancyMaxPotentialBlockSize(grid: Out<i32>, block: Out<i32>, handle: Handle, shared: SharedOfBlock, dynamic: usize, limit: i32) {
        let best = best_block(&*function(handle)?, shared, dynamic, limit)?;
        grid.set(best.0)?;
        block.set(best.1)
    }

    fn cuOccupancyMaxPotentialBlockSizeWithFlags(grid: Out<i32>, block: Out<i32>, handle: Handle, shared: SharedOfBlock, dynamic: usize, limit: i32, _flags: u32) {
        let best = best_block(&*function(handle)?, shared, dynamic, limit)?;
        grid.set(best.0)?;
        block.set(best.1)
    }

    fn cuOccupancyMaxActiveClusters(_number: Out<i32>, _handle: Handle, _config: HostPointer) {
        // Clusters came with capability 9.0.
        Err(Status::NOT_SUPPORTED)
    }

    fn cuOccupancyMaxPotentialClusterSize(_size: Out<i32>, _handle: Handle, _config: HostPointer) {
        Err(Status::NOT_SUPPORTED)
    }
}
