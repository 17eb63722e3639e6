//! Memory: its bounds, its limit, its pools, and copies.
mod calls;

use calls::*;
use cuda_emulator::driver::context::*;
use cuda_emulator::driver::copy::*;
use cuda_emulator::driver::host::*;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::pool::*;
use cuda_emulator::driver::{Address, Handle, HostPointer, In, Out, Status};

fn take(size: usize) -> (i32, Address) {
    let mut address = 0;
    // SAFETY: the pointer is to a variable.
    (unsafe { cuMemAllocAsync(Out::new(&mut address), size, 2) }, address)
}

fn attribute(pool: Handle, which: i32) -> u64 {
    let mut value = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuMemPoolGetAttribute(pool, which, Out::new(&mut value)) }, 0);
    value
}

#[test]
fn fresh_memory_is_poisoned() {
    context(0);
    let address = allocate(16);
    assert!(download::<f32>(address, 4).iter().all(|value| value.is_nan()));
    assert_eq!(download::<i32>(address, 4), [-1; 4]);
    assert_eq!(free(address), 0);
}

#[test]
fn copies_end_where_the_memory_ends() {
    context(0);
    let address = upload(&[1_u8, 2, 3, 4, 5]);
    assert_eq!(download::<u8>(address + 1, 4), [2, 3, 4, 5]);
    let mut bytes = [0_u8; 8];
    // SAFETY: there is room for what is copied.
    unsafe {
        let to = HostPointer::new(bytes.as_mut_ptr());
        assert_eq!(cuMemcpyDtoH_v2(to, address, 6), Status::INVALID_VALUE.0);
        assert_eq!(cuMemcpyDtoH_v2(to, address + 5, 1), Status::INVALID_VALUE.0);
        assert_eq!(cuMemcpyHtoD_v2(address + 2, to, 4), Status::INVALID_VALUE.0);
        assert_eq!(cuMemsetD8_v2(address, 9, 6), Status::INVALID_VALUE.0);
        assert_eq!(cuMemsetD8_v2(address + 1, 9, 3), 0);
        assert_eq!(cuMemsetD32_v2(address + 1, 9, 1), Status::INVALID_VALUE.0);
    }
    assert_eq!(download::<u8>(address, 5), [1, 9, 9, 9, 5]);
    assert_eq!(free(address + 1), Status::INVALID_VALUE.0);
    assert_eq!(free(address), 0);
    assert_eq!(free(address), Status::INVALID_VALUE.0);
}

#[test]
fn rows_are_copied_with_their_pitch() {
    context(0);
    let from = upload(&(0..12_u8).collect::<Vec<_>>());
    let to = allocate(8);
    // The layout of `CUDA_MEMCPY2D`: source, destination, width and height.
    let end = |kind: u64, x: usize, address: u64, pitch: usize| [x as u64, 0, kind, 0, address, 0, pitch as u64];
    let words: Vec<u64> = [&end(2, 1, from, 4)[..], &end(2, 0, to, 2), &[2, 3]].concat();
    // SAFETY: as many words as the structure has.
    assert_eq!(unsafe { cuMemcpy2D_v2(In::new(words.as_ptr().cast())) }, 0);
    assert_eq!(download::<u8>(to, 6), [1, 2, 5, 6, 9, 10]);
}

#[test]
fn devices_exchange_memory_by_copies() {
    let one = context(1);
    let from = upload(&[1_i64, 2, 3]);
    let zero = context(0);
    let to = allocate(24);
    // SAFETY: no pointers of the host.
    assert_eq!(unsafe { cuMemcpyPeer(to, zero, from, one, 24) }, 0);
    assert_eq!(download::<i64>(to, 3), [1, 2, 3]);
}

#[test]
fn page_locked_memory_has_one_address() {
    context(0);
    let function = kernel(c"poke");
    let (mut host, mut device, mut kind) = (0, 0, 0_u32);
    let mut own = vec![0_u32; 4];
    // SAFETY: the pointers are to variables and to memory of this test.
    unsafe {
        assert_eq!(cuMemHostAlloc(Out::new(&mut host), 16, 0), 0);
        let pointer = host as *mut u32;
        pointer.write(3);
        assert_eq!(cuMemHostGetDevicePointer_v2(Out::new(&mut device), HostPointer::new(pointer), 0), 0);
        assert_eq!(device, host);
        assert_eq!(launch(function, 1, 1, &[argument(&host), argument(&8_u32)]), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(pointer.read(), 8);
        assert_eq!(cuPointerGetAttribute(HostPointer::new(&raw mut kind), 2, host), 0);
        assert_eq!(kind, 1);
        assert_eq!(cuMemFreeHost(host), 0);
        assert_eq!(cuMemFreeHost(host), Status::INVALID_VALUE.0);

        let registered = HostPointer::new(own.as_mut_ptr());
        assert_eq!(cuMemHostRegister_v2(registered, 16, 0), 0);
        assert_eq!(cuMemHostRegister_v2(registered, 8, 0), Status::HOST_MEMORY_ALREADY_REGISTERED.0);
        let last = own.as_ptr() as u64 + 12;
        assert_eq!(launch(function, 1, 1, &[argument(&last), argument(&9_u32)]), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(cuMemHostUnregister(registered), 0);
        assert_eq!(cuMemHostUnregister(registered), Status::HOST_MEMORY_NOT_REGISTERED.0);
    }
    assert_eq!(own, [0, 0, 0, 9]);
}

#[test]
fn a_pointer_says_where_it_belongs() {
    let context = context(1);
    let address = allocate(100);
    let (mut ordinal, mut start, mut size, mut owner) = (0_i32, 0_u64, 0_usize, 0_u64);
    // SAFETY: the pointers are to variables of the attributes' types.
    unsafe {
        let ask = |which, to: HostPointer| cuPointerGetAttribute(to, which, address + 50);
        assert_eq!(ask(9, HostPointer::new(&raw mut ordinal)), 0);
        assert_eq!(ask(11, HostPointer::new(&raw mut start)), 0);
        assert_eq!(ask(12, HostPointer::new(&raw mut size)), 0);
        assert_eq!(ask(1, HostPointer::new(&raw mut owner)), 0);
        assert_eq!((ordinal, start, size, owner), (1, address, 100, context));
        let unknown = cuPointerGetAttribute(HostPointer::new(&raw mut size), 12, address + 100);
        assert_eq!(unknown, Status::INVALID_VALUE.0);
        assert_eq!(cuMemGetAddressRange_v2(Out::new(&mut start), Out::new(&mut size), address + 99), 0);
    }
}

/// One test, because the numbers are those of the device, whoever uses it: no other test uses device 1 for long.
#[test]
fn pools_and_the_limit_of_the_memory() {
    context(1);
    let mut pool = 0;
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!(cuDeviceGetDefaultMemPool(Out::new(&mut pool), 1), 0);
        let (code, address) = take(1000);
        assert_eq!(code, 0);
        assert_eq!(attribute(pool, 7), 1024);
        assert_eq!(attribute(pool, 5), 2 << 20);
        assert_eq!(cuMemFreeAsync(address, 2), 0);
        assert_eq!((attribute(pool, 7), attribute(pool, 8), attribute(pool, 5)), (0, 1024, 2 << 20));
        assert_eq!(synchronize(), 0);
        assert_eq!(attribute(pool, 5), 0, "nothing is kept beyond the threshold");

        assert_eq!(cuMemPoolSetAttribute(pool, 4, In::new(&u64::MAX)), 0);
        let (_, address) = take(1000);
        assert_eq!(cuMemFreeAsync(address, 2), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(attribute(pool, 5), 2 << 20, "the threshold keeps it");
        assert_eq!(cuMemPoolTrimTo(pool, 0), 0);
        assert_eq!(attribute(pool, 5), 0);
        assert_eq!(cuMemPoolSetAttribute(pool, 8, In::new(&0)), 0);
        assert_eq!(attribute(pool, 8), 0);

        let (mut free, mut total) = (0, 0);
        let (_, small) = take(1000);
        assert_eq!(take(MEMORY).0, Status::OUT_OF_MEMORY.0, "some of it is in use");
        assert_eq!(cuMemFreeAsync(small, 2), 0);
        let (code, most) = take(MEMORY - (4 << 20));
        assert_eq!(code, 0);
        assert_eq!(cuMemGetInfo_v2(Out::new(&mut free), Out::new(&mut total)), 0);
        assert_eq!(total, MEMORY);
        assert!(free <= 4 << 20);
        assert_eq!(take(8 << 20).0, Status::OUT_OF_MEMORY.0);
        let mut plain = 0;
        assert_eq!(cuMemAlloc_v2(Out::new(&mut plain), 8 << 20), Status::OUT_OF_MEMORY.0);
        assert_eq!(cuMemFreeAsync(most, 2), 0);
        // The pool holds it back, but not from who needs it.
        assert_eq!(cuMemAlloc_v2(Out::new(&mut plain), 8 << 20), 0);
        assert_eq!(calls::free(plain), 0);
        assert_eq!(cuMemAlloc_v2(Out::new(&mut plain), 0), Status::INVALID_VALUE.0);
        assert_eq!(take(0), (0, 0));
        assert_eq!(cuMemFreeAsync(0, 2), 0);
    }
}

#[test]
fn a_pool_says_which_devices_reach_it() {
    machine();
    let (mut pool, mut address) = (0, 0);
    let one = context(1);
    let zero = context(0);
    let function = kernel(c"poke");
    let properties = [1_i32, 0, 1, 1];
    // SAFETY: the pointers are to variables; the structure begins with the four numbers that are read.
    unsafe {
        assert_eq!(cuMemPoolCreate(Out::new(&mut pool), HostPointer::new(properties.as_ptr())), 0);
        assert_eq!(cuCtxSetCurrent(one), 0);
        assert_eq!(cuMemAllocFromPoolAsync(Out::new(&mut address), 64, pool, 0), 0);
        assert_eq!(cuCtxSetCurrent(zero), 0);
        let access = AccessDescription { location_kind: 1, location: 0, flags: 3 };
        assert_eq!(cuMemPoolSetAccess(pool, In::new(&access), 1), 0);
        assert_eq!(launch(function, 1, 1, &[argument(&address), argument(&5_u32)]), 0);
        assert_eq!(synchronize(), 0);
        // Access of the context says nothing about a pool.
        assert_eq!(cuCtxEnablePeerAccess(one, 0), 0);
        let access = AccessDescription { flags: 0, ..access };
        assert_eq!(cuMemPoolSetAccess(pool, In::new(&access), 1), 0);
        assert_eq!(launch(function, 1, 1, &[argument(&address), argument(&5_u32)]), 0);
        assert_eq!(synchronize(), Status::ILLEGAL_ADDRESS.0);
    }
}

#[test]
fn a_copy_onto_its_own_source_is_an_error() {
    context(0);
    let address = allocate(64);
    // SAFETY: no pointers of the host.
    unsafe {
        assert_eq!(cuMemcpyDtoD_v2(address + 32, address, 32), 0);
        assert_eq!(cuMemcpyDtoD_v2(address + 31, address, 32), Status::INVALID_VALUE.0);
        assert_eq!(cuMemcpyDtoD_v2(address, address + 1, 2), Status::INVALID_VALUE.0);
    }
}
