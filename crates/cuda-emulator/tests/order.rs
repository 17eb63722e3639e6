//! Work that waits in its stream until something makes it run: what a program forgets to wait for is not there.
mod calls;

use calls::*;
use cuda_emulator::driver::copy::*;
use cuda_emulator::driver::event::*;
use cuda_emulator::driver::host::*;
use cuda_emulator::driver::launch::*;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::stream::*;
use cuda_emulator::driver::{Address, Handle, HostPointer, Out, Status};

/// What memory holds that nobody has written.
const POISON: u32 = u32::MAX;

fn deferred(name: &str) -> String {
    run(name, &[("CUDA_EMULATOR_DEFER", "1")])
}

fn stream(flags: u32) -> Handle {
    let mut stream = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuStreamCreate(Out::new(&mut stream), flags) }, 0);
    stream
}

fn event() -> Handle {
    let mut event = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuEventCreate(Out::new(&mut event), 0) }, 0);
    event
}

fn page_locked(number: usize) -> &'static mut [u32] {
    let mut address = 0;
    // SAFETY: the pointer is to a variable; the memory is never given back.
    unsafe {
        assert_eq!(cuMemHostAlloc(Out::new(&mut address), 4 * number, 0), 0);
        std::slice::from_raw_parts_mut(address as *mut u32, number)
    }
}

/// A copy of four bytes on the device.
fn copy(to: Address, from: Address, on: Handle) -> i32 {
    // SAFETY: no pointers of the host.
    unsafe { cuMemcpyDtoDAsync_v2(to, from, 4, on) }
}

/// Reads without any order: the stream has nothing to do and waits for none.
fn peek(address: Address) -> u32 {
    let mut value = 0_u32;
    let free = stream(1);
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuMemcpyDtoHAsync_v2(HostPointer::new(&raw mut value), address, 4, free) }, 0);
    value
}

fn set(address: Address, value: u32, on: Handle) {
    // SAFETY: no pointers of the host.
    assert_eq!(unsafe { cuMemsetD32Async(address, value, 1, on) }, 0);
}

#[test]
#[ignore = "run by another test"]
fn case_a_stream_runs_when_it_has_to() {
    context(0);
    let (one, two, between) = (stream(1), stream(1), event());
    let (first, second) = (allocate(4), allocate(4));
    // SAFETY: no pointers of the host.
    unsafe {
        set(first, 7, one);
        assert_eq!(peek(first), POISON, "nobody has waited");
        assert_eq!(copy(second, first, two), 0);
        assert_eq!(cuStreamSynchronize(two), 0);
        assert_eq!(peek(second), POISON, "the second stream has not waited for the first");

        // With an event it has, and what the first was given after the event has not run.
        assert_eq!(cuEventRecord(between, one), 0);
        set(first, 8, one);
        assert_eq!(cuStreamWaitEvent(two, between, 0), 0);
        assert_eq!(copy(second, first, two), 0);
        assert_eq!(cuStreamSynchronize(two), 0);
        assert_eq!((peek(first), peek(second)), (7, 7));
        assert_eq!(cuStreamSynchronize(one), 0);
        assert_eq!(peek(first), 8);

        // Whoever asks often enough is told that it is done.
        set(first, 9, one);
        assert_eq!(cuEventRecord(between, one), 0);
        assert_eq!(cuEventQuery(between), Status::NOT_READY.0);
        assert!((0..3).any(|_| cuEventQuery(between) == 0));
        assert_eq!(peek(first), 9);
        set(first, 10, one);
        assert_eq!(cuStreamQuery(one), Status::NOT_READY.0);
        assert!((0..3).any(|_| cuStreamQuery(one) == 0));

        // A stream that is no more still does what it was given.
        set(first, 11, one);
        assert_eq!(cuStreamDestroy_v2(one), 0);
        assert_eq!(peek(first), 10);
        assert_eq!(synchronize(), 0);
        assert_eq!(peek(first), 11);
    }
}

#[test]
fn a_stream_runs_when_it_has_to() {
    deferred("case_a_stream_runs_when_it_has_to");
}

#[test]
#[ignore = "run by another test"]
fn case_the_legacy_stream_waits_and_is_waited_for() {
    context(0);
    let (blocking, free) = (stream(0), stream(1));
    let (first, second) = (allocate(4), allocate(4));
    // SAFETY: no pointers of the host.
    unsafe {
        set(first, 1, blocking);
        set(second, 2, free);
        assert_eq!(copy(second, first, 0), 0);
        assert_eq!(cuStreamSynchronize(0), 0);
        assert_eq!(peek(second), 1, "it waits for the streams that block");
        assert_eq!(cuStreamSynchronize(free), 0);
        assert_eq!(peek(second), 2, "and not for those that do not");
        set(first, 3, 0);
        assert_eq!(copy(second, first, blocking), 0);
        assert_eq!(cuStreamSynchronize(blocking), 0);
        assert_eq!(peek(second), 3);
        // A copy between places of one device is not waited for, one to the host is.
        assert_eq!(cuMemcpyDtoD_v2(first, second, 4), 0);
        set(second, 4, 0);
        assert_eq!(peek(second), 3);
        assert_eq!(download::<u32>(second, 1), [4]);
    }
}

#[test]
fn the_legacy_stream_waits_and_is_waited_for() {
    deferred("case_the_legacy_stream_waits_and_is_waited_for");
}

#[test]
#[ignore = "run by another test"]
fn case_the_host_keeps_its_hands_off() {
    context(0);
    let stream = stream(1);
    let (there, locked) = (allocate(4), page_locked(2));
    let mut pageable = [20_u32];
    // SAFETY: the pointers are to memory of this test.
    unsafe {
        // Page-locked memory is read when the copy runs, other memory when it is asked for.
        locked[0] = 10;
        assert_eq!(cuMemcpyHtoDAsync_v2(there, HostPointer::new(&raw const locked[0]), 4, stream), 0);
        locked[0] = 11;
        assert_eq!(cuStreamSynchronize(stream), 0);
        assert_eq!(peek(there), 11);
        assert_eq!(cuMemcpyHtoDAsync_v2(there, HostPointer::new(pageable.as_ptr()), 4, stream), 0);
        pageable[0] = 21;
        assert_eq!(cuMemcpyDtoHAsync_v2(HostPointer::new(&raw mut locked[1]), there, 4, stream), 0);
        assert_eq!(locked[1], POISON, "nobody has waited");
        assert_eq!(cuMemcpyDtoHAsync_v2(HostPointer::new(pageable.as_mut_ptr()), there, 4, stream), 0);
        assert_eq!((pageable[0], locked[1]), (20, 20), "a copy to memory that is not page-locked has been waited for");
        // Giving back page-locked memory waits for what uses it.
        set(there, 30, stream);
        let gone = page_locked(1).as_mut_ptr();
        assert_eq!(cuMemFreeHost(gone as u64), 0);
        assert_eq!(peek(there), 30);
    }
}

#[test]
fn the_host_keeps_its_hands_off() {
    deferred("case_the_host_keeps_its_hands_off");
}

fn allocate_in(stream: Handle) -> Address {
    let mut address = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuMemAllocAsync(Out::new(&mut address), 4, stream) }, 0);
    address
}

#[test]
#[ignore = "run by another test"]
fn case_memory_ends_in_the_order_of_its_stream() {
    context(0);
    let (one, two, between) = (stream(1), stream(1), event());
    let to = allocate(4);
    // SAFETY: no pointers of the host.
    unsafe {
        // Used in the stream before its end, and in another one before an event for which that stream waits.
        let address = allocate_in(one);
        set(address, 5, one);
        assert_eq!(cuEventRecord(between, one), 0);
        assert_eq!(cuStreamWaitEvent(two, between, 0), 0);
        assert_eq!(copy(to, address, two), 0);
        assert_eq!(cuEventRecord(between, two), 0);
        assert_eq!(cuStreamWaitEvent(one, between, 0), 0);
        assert_eq!(cuMemFreeAsync(address, one), 0);
        assert_eq!(cuMemFreeAsync(address, one), Status::INVALID_VALUE.0, "it has been given back");
        assert_eq!(cuStreamSynchronize(two), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(peek(to), 5);
        assert_eq!(free(address), Status::INVALID_VALUE.0);

        // Without that wait the memory may be another's when the second stream comes to it.
        let address = allocate_in(one);
        set(address, 6, one);
        assert_eq!(cuEventRecord(between, one), 0);
        assert_eq!(cuStreamWaitEvent(two, between, 0), 0);
        assert_eq!(copy(to, address, two), 0);
        assert_eq!(cuMemFreeAsync(address, one), 0);
        assert_eq!(cuStreamSynchronize(two), Status::ILLEGAL_ADDRESS.0);
    }
}

#[test]
fn memory_ends_in_the_order_of_its_stream() {
    let said = deferred("case_memory_ends_in_the_order_of_its_stream");
    assert!(said.contains("freed in the order of a stream, before which this is not"), "{said}");
}

#[test]
#[ignore = "run by another test"]
fn case_kernels_are_told_of_lost_memory() {
    context(0);
    let (one, two) = (stream(1), stream(1));
    let function = kernel(c"poke");
    let address = allocate_in(one);
    // SAFETY: no pointers of the host.
    unsafe {
        assert_eq!(launch_on(one, function, 1, 1, &[argument(&address), argument(&1_u32)]), 0);
        assert_eq!(launch_on(two, function, 1, 1, &[argument(&address), argument(&2_u32)]), 0);
        assert_eq!(cuMemFreeAsync(address, one), 0);
        assert_eq!(cuStreamSynchronize(one), 0);
        assert_eq!(cuStreamSynchronize(two), Status::ILLEGAL_ADDRESS.0);
    }
}

#[test]
fn kernels_are_told_of_lost_memory() {
    let said = deferred("case_kernels_are_told_of_lost_memory");
    assert!(said.contains("kernel `poke`") && said.contains("that has been freed"), "{said}");
}

unsafe extern "C" fn wait_for_the_device(outcome: *mut std::ffi::c_void) {
    // SAFETY: the test hands in a pointer to a variable.
    unsafe { outcome.cast::<i32>().write(cuStreamSynchronize(1)) };
}

#[test]
#[ignore = "run by another test"]
fn case_functions_of_the_host_do_not_wait() {
    context(0);
    let stream = stream(0);
    let mut outcome = -1_i32;
    set(allocate(4), 0, 0);
    // SAFETY: the pointer is to a variable that outlives the work.
    unsafe {
        assert_eq!(cuLaunchHostFunc(stream, Some(wait_for_the_device), HostPointer::new(&raw mut outcome)), 0);
        assert_eq!(outcome, -1);
        set(allocate(4), 0, 0);
        assert_eq!(cuStreamSynchronize(stream), 0);
    }
    assert_eq!(outcome, Status::NOT_PERMITTED.0);
}

#[test]
fn functions_of_the_host_do_not_wait() {
    deferred("case_functions_of_the_host_do_not_wait");
}

/// A program that never waits: the queue is as long as that of a device, and memory is taken again.
#[test]
#[ignore = "run by another test"]
fn case_queues_are_finite() {
    context(0);
    let stream = stream(1);
    let to = allocate(4);
    for index in 0..2500 {
        let mut address = 0;
        // SAFETY: the pointer is to a variable.
        unsafe {
            assert_eq!(cuMemAllocAsync(Out::new(&mut address), 1 << 18, stream), 0);
            assert_eq!(cuMemsetD32Async(address, index, 1, stream), 0);
            assert_eq!(copy(to, address, stream), 0);
            assert_eq!(cuMemFreeAsync(address, stream), 0);
        }
    }
    let early = peek(to);
    assert!(early != POISON && early < 2499, "{early}");
    assert_eq!(synchronize(), 0);
    assert_eq!(peek(to), 2499);
}

#[test]
fn queues_are_finite() {
    deferred("case_queues_are_finite");
}
