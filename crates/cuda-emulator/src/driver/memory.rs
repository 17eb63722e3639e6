//! Memory of the devices: taken, given back, asked about.

use std::sync::Arc;

use super::border::{Address, HostPointer, In, Out};
use super::context::{Context, current};
use super::counts::{Count, count};
use super::handles::Handle;
use super::pool::{current_pool, pool_device};
use super::registry::{Block, Kind, registry};
use super::status::Status;
use super::stream::{Stream, no_capture, stream};
use super::{account, exports, order, report};

/// The accounts, after an allocation has ended.
pub(crate) fn give_back(block: &Block) {
    match block.kind {
        Kind::Pool { pool } => account::give_to_pool(pool, block.size),
        Kind::Plain | Kind::Managed | Kind::Module | Kind::Graph => account::give(block.device, block.size),
        Kind::Host | Kind::Registered => {}
    }
}

/// Memory that is accounted for.
pub(crate) fn allocate(context: &Context, size: usize, kind: Kind) -> Result<Address, Status> {
    if size == 0 {
        return Err(Status::INVALID_VALUE);
    }
    let device = match kind {
        Kind::Pool { pool } => {
            account::take_from_pool(pool, size)?;
            pool_device(pool)?
        }
        Kind::Plain | Kind::Managed | Kind::Module | Kind::Graph => {
            account::take(context.device, size)?;
            context.device
        }
        Kind::Host | Kind::Registered => context.device,
    };
    let Some(block) = registry().allocate(size, device, context.handle, kind) else {
        give_back(&Block { start: 0, size, host: 0, device, context: 0, kind, id: 0 });
        return Err(Status::OUT_OF_MEMORY);
    };
    Ok(block.start)
}

pub(crate) fn free(address: Address) -> Result<(), Status> {
    if address == 0 {
        return Ok(());
    }
    // The memory of a graph stays the graph's, which may be launched again.
    if registry().withdraw(address).is_ok() {
        return Ok(());
    }
    let block = registry().free(address, |kind| matches!(kind, Kind::Plain | Kind::Managed | Kind::Pool { .. }));
    let block = block.inspect_err(|_| report(format_args!("cuMemFree: nothing is allocated at {address:#x}")))?;
    count(Count::Free);
    give_back(&block);
    Ok(())
}

/// The end of an allocation, in the order of a stream. What it takes is given back at once, since what comes later in that
/// stream may take it.
fn free_later(stream: &Arc<Stream>, address: Address) -> Result<(), Status> {
    if address == 0 {
        return Ok(());
    }
    // The memory of a graph is not there before the graph runs.
    if registry().find(address).is_none() {
        order::drain(stream)?;
    }
    let ends = |block: &Block| {
        let kind = matches!(block.kind, Kind::Plain | Kind::Managed | Kind::Pool { .. } | Kind::Graph);
        block.start == address && kind
    };
    let Some(block) = registry().find(address).filter(ends) else {
        report(format_args!("cuMemFreeAsync: nothing is allocated at {address:#x}"));
        return Err(Status::INVALID_VALUE);
    };
    order::free(stream, &block)?;
    // The memory of a graph stays the graph's, which may be launched again.
    if block.kind != Kind::Graph {
        count(Count::Free);
        give_back(&block);
    }
    order::limit_freed()
}

fn allocate_async(out: Out<Address>, size: usize, pool: Option<Handle>, on: Handle) -> Result<(), Status> {
    let stream = stream(on)?;
    let context = stream.context()?;
    // Unlike `cuMemAlloc`, the real one gives nothing to who asks for nothing.
    if size == 0 {
        return out.set(0);
    }
    if let Some(capture) = stream.capture() {
        return super::graph::allocate(&context, &capture, out, size);
    }
    let pool = pool.unwrap_or_else(|| current_pool(context.device));
    let address = allocate(&context, size, Kind::Pool { pool })?;
    count(Count::Allocate);
    out.set(address)
}

fn address_range(address: Address) -> Result<Block, Status> {
    registry().find(address).ok_or(Status::INVALID_VALUE)
}

/// One answer of `cuPointerGetAttribute`.
fn attribute(block: &Block, attribute: i32, address: Address, out: HostPointer) -> Result<(), Status> {
    let out: Out<u64> = Out::new(out.bytes().cast());
    match attribute {
        // The context, the memory's kind (1 host, 2 device), the address for the device and that for the host.
        1 => out.set(block.context),
        2 => out.cast::<u32>().set(if matches!(block.kind, Kind::Host | Kind::Registered) { 1 } else { 2 }),
        3 => out.set(address),
        4 if block.on_host() => out.set(address),
        6 | 13 => out.cast::<u32>().set(1),
        7 => out.set(block.id),
        8 => out.cast::<u32>().set(u32::from(block.kind == Kind::Managed)),
        9 => out.cast::<i32>().set(block.device as i32),
        10 | 15 => out.cast::<u32>().set(0),
        11 => out.set(block.start),
        12 => out.set(block.size as u64),
        14 => out.set(0),
        16 => out.cast::<i32>().set(3),
        17 => match block.kind {
            Kind::Pool { pool } => out.set(pool),
            _ => out.set(0),
        },
        _ => Err(Status::INVALID_VALUE),
    }
}

exports! {
    fn cuMemGetInfo_v2(free: Out<usize>, total: Out<usize>) {
        let (free_now, all) = account::memory_info(current()?.device);
        free.set(free_now)?;
        total.set(all)
    }

    fn cuMemAlloc_v2(out: Out<Address>, size: usize) {
        let context = current()?;
        no_capture(&context)?;
        let address = allocate(&context, size, Kind::Plain)?;
        count(Count::Allocate);
        out.set(address)
    }

    fn cuMemAllocPitch_v2(out: Out<Address>, pitch: Out<usize>, width: usize, height: usize, _element: u32) {
        let context = current()?;
        no_capture(&context)?;
        let row = account::rounded(width);
        let size = row.checked_mul(height).ok_or(Status::OUT_OF_MEMORY)?;
        let address = allocate(&context, size, Kind::Plain)?;
        count(Count::Allocate);
        pitch.set(row)?;
        out.set(address)
    }

    fn cuMemAllocManaged(out: Out<Address>, size: usize, flags: u32) {
        let context = current()?;
        no_capture(&context)?;
        if !(1..=2).contains(&flags) {
            return Err(Status::INVALID_VALUE);
        }
        let address = allocate(&context, size, Kind::Managed)?;
        count(Count::Allocate);
        out.set(address)
    }

    fn cuMemFree_v2(address: Address) {
        let context = current()?;
        no_capture(&context)?;
        // The real one waits for everything that may still use the memory.
        count(Count::Synchronize);
        order::settle(context.handle)?;
        if let Some(block) = registry().find(address) {
            order::settle(block.context)?;
        }
        context.alive()?;
        free(address)
    }

    fn cuMemAllocAsync(out: Out<Address>, size: usize, on: Handle) {
        allocate_async(out, size, None, on)
    }

    fn cuMemAllocFromPoolAsync(out: Out<Address>, size: usize, pool: Handle, on: Handle) {
        pool_device(pool)?;
        allocate_async(out, size, Some(pool), on)
    }

    fn cuMemFreeAsync(address: Address, on: Handle) {
        let stream = stream(on)?;
        stream.context()?;
        match stream.capture() {
            Some(capture) => super::graph::free(&capture, address),
            None if order::deferred() => free_later(&stream, address),
            None => free(address),
        }
    }

    fn cuMemGetAddressRange_v2(start: Out<Address>, size: Out<usize>, address: Address) {
        current()?;
        let block = registry().find(address).ok_or(Status::NOT_FOUND)?;
        start.set_if_wanted(block.start);
        size.set_if_wanted(block.size);
        Ok(())
    }

    fn cuPointerGetAttribute(out: HostPointer, which: i32, address: Address) {
        super::device::initialized()?;
        attribute(&address_range(address)?, which, address, out)
    }

    fn cuPointerGetAttributes(number: u32, which: In<i32>, out: In<HostPointer>, address: Address) {
        super::device::initialized()?;
        let block = registry().find(address);
        for index in 0..number as usize {
            let to = out.get(index)?;
            // Memory that no device knows has only attributes that are 0.
            match &block {
                Some(block) => attribute(block, which.get(index)?, address, to)?,
                None => match which.get(index)? {
                    2 | 8 | 13 => Out::<u32>::new(to.bytes().cast()).set(0)?,
                    9 => Out::<i32>::new(to.bytes().cast()).set(-2)?,
                    _ => Out::<u64>::new(to.bytes().cast()).set(0)?,
                },
            }
        }
        Ok(())
    }

    fn cuMemAdvise_v2(address: Address, _size: usize, _advice: i32, _location: u64) {
        address_range(address)?;
        Ok(())
    }

    fn cuMemPrefetchAsync_v2(address: Address, _size: usize, _location: u64, _flags: u32, on: Handle) {
        stream(on)?.context()?;
        address_range(address)?;
        Ok(())
    }

    fn cuImportExternalMemory(_out: HostPointer, _description: HostPointer) {
        Err(Status::NOT_SUPPORTED)
    }

    fn cuExternalMemoryGetMappedBuffer(_address: HostPointer, _memory: Handle, _description: HostPointer) {
        Err(Status::NOT_SUPPORTED)
    }

    fn cuDestroyExternalMemory(_memory: Handle) {
        Err(Status::NOT_SUPPORTED)
    }
}
