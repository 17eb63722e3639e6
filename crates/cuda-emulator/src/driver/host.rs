//! Page-locked memory of the host, which devices reach at the host's own address.

use super::border::{Address, HostPointer, Out};
use super::context::current;
use super::counts::{Count, count};
use super::memory::allocate;
use super::registry::{Kind, registry};
use super::status::Status;
use super::{exports, order};

fn host_allocate(out: Out<Address>, size: usize) -> Result<(), Status> {
    let context = current()?;
    let address = allocate(&context, size, Kind::Host)?;
    count(Count::HostAllocate);
    out.set(address)
}

exports! {
    fn cuMemHostAlloc(out: Out<Address>, size: usize, flags: u32) {
        if flags & !7 != 0 {
            return Err(Status::INVALID_VALUE);
        }
        host_allocate(out, size)
    }

    fn cuMemAllocHost_v2(out: Out<Address>, size: usize) {
        host_allocate(out, size)
    }

    fn cuMemFreeHost(address: Address) {
        super::device::initialized()?;
        if address == 0 {
            return Ok(());
        }
        // The real one waits for everything that may still use the memory.
        count(Count::Synchronize);
        order::settle_all()?;
        registry().free(address, |kind| *kind == Kind::Host)?;
        Ok(())
    }

    fn cuMemHostRegister_v2(host: HostPointer, size: usize, flags: u32) {
        let context = current()?;
        if host.address() == 0 || size == 0 || flags & !15 != 0 {
            return Err(Status::INVALID_VALUE);
        }
        count(Count::HostAllocate);
        registry().register(host.address(), size, context.device, context.handle)
    }

    fn cuMemHostUnregister(host: HostPointer) {
        super::device::initialized()?;
        order::settle_all()?;
        registry().unregister(host.address())
    }

    fn cuMemHostGetDevicePointer_v2(out: Out<Address>, host: HostPointer, _flags: u32) {
        current()?;
        let known = registry().find(host.address()).filter(|block| block.on_host());
        known.ok_or(Status::INVALID_VALUE)?;
        out.set(host.address())
    }

    fn cuMemHostGetFlags(flags: Out<u32>, host: HostPointer) {
        current()?;
        let known = registry().find(host.address()).filter(|block| block.on_host());
        known.ok_or(Status::INVALID_VALUE)?;
        // Mapped and portable, as all of it is under unified addressing.
        flags.set(3)
    }
}
