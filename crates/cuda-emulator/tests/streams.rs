//! Streams, events and graphs.
mod calls;

use calls::*;
use cuda_emulator::driver::device::*;
use cuda_emulator::driver::event::*;
use cuda_emulator::driver::graph::*;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::stream::*;
use cuda_emulator::driver::{Handle, Out, Status};

fn stream() -> Handle {
    let mut stream = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuStreamCreate(Out::new(&mut stream), 1) }, 0);
    stream
}

fn event() -> Handle {
    let mut event = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuEventCreate(Out::new(&mut event), 0) }, 0);
    event
}

fn status(stream: Handle) -> i32 {
    let mut status = -1;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuStreamIsCapturing(stream, Out::new(&mut status)) }, 0);
    status
}

#[test]
fn events_measure_time() {
    context(0);
    let (stream, start, end) = (stream(), event(), event());
    let mut milliseconds = -1.0;
    // SAFETY: the pointer is to a variable.
    unsafe {
        let elapsed = |milliseconds: &mut f32| cuEventElapsedTime(Out::new(milliseconds), start, end);
        assert_eq!(elapsed(&mut milliseconds), Status::INVALID_HANDLE.0);
        assert_eq!(cuEventRecord(start, stream), 0);
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(cuEventRecord(end, stream), 0);
        assert_eq!(cuEventSynchronize(end), 0);
        assert_eq!(elapsed(&mut milliseconds), 0);
        assert!(milliseconds >= 20.0);
        assert_eq!(cuEventDestroy_v2(start), 0);
        assert_eq!(cuEventQuery(start), Status::INVALID_HANDLE.0);
        assert_eq!(cuStreamDestroy_v2(stream), 0);
        assert_eq!(cuStreamSynchronize(stream), Status::INVALID_HANDLE.0);
    }
}

#[test]
fn a_graph_does_again_what_was_recorded() {
    context(0);
    let (one, two, fork, join) = (stream(), stream(), event(), event());
    let function = kernel(c"twice");
    let (from, to, number) = (upload(&[1.0_f32, 2.0]), upload(&[0.0_f32, 0.0]), 2_u32);
    let (mut graph, mut executable, mut between) = (0, 0, 0);
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!(cuStreamBeginCapture_v2(one, 1), 0);
        assert_eq!(status(one), 1);
        // Memory of the graph's own, written in one stream and read in another that waits for it.
        assert_eq!(cuMemAllocAsync(Out::new(&mut between), 8, one), 0);
        assert_eq!(launch_on(one, function, 1, 32, &[argument(&from), argument(&between), argument(&number)]), 0);
        assert_eq!(cuEventRecord(fork, one), 0);
        assert_eq!(cuStreamWaitEvent(two, fork, 0), 0);
        assert_eq!(status(two), 1);
        assert_eq!(launch_on(two, function, 1, 32, &[argument(&between), argument(&to), argument(&number)]), 0);
        assert_eq!(cuEventRecord(join, two), 0);
        assert_eq!(cuStreamWaitEvent(one, join, 0), 0);
        assert_eq!(cuMemFreeAsync(between, one), 0);
        assert_eq!(cuStreamEndCapture(two, Out::new(&mut graph)), Status::STREAM_CAPTURE_UNMATCHED.0);
        assert_eq!(cuStreamEndCapture(one, Out::new(&mut graph)), 0);
        assert_eq!((status(one), status(two)), (0, 0));
        assert_eq!(download::<f32>(to, 2), [0.0, 0.0], "nothing has run yet");

        assert_eq!(cuGraphInstantiateWithFlags(Out::new(&mut executable), graph, 0), 0);
        assert_eq!(cuGraphDestroy(graph), 0);
        for values in [[1.0_f32, 2.0], [10.0, 20.0]] {
            let host = cuda_emulator::driver::HostPointer::new(values.as_ptr());
            assert_eq!(cuda_emulator::driver::copy::cuMemcpyHtoD_v2(from, host, 8), 0);
            assert_eq!(cuGraphLaunch(executable, one), 0);
            assert_eq!(cuStreamSynchronize(one), 0);
            assert_eq!(download::<f32>(to, 2), values.map(|x| 2.0 * (2.0 * x + 1.0) + 1.0));
        }
        assert_eq!(cuGraphExecDestroy(executable), 0);
        assert_eq!(cuGraphLaunch(executable, one), Status::INVALID_HANDLE.0);
    }
}

#[test]
fn waiting_spoils_a_capture() {
    context(0);
    let stream = stream();
    let (mut graph, mut address) = (7, 0);
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!(cuStreamBeginCapture_v2(stream, 1), 0);
        assert_eq!(cuStreamSynchronize(stream), Status::STREAM_CAPTURE_UNSUPPORTED.0);
        assert_eq!(status(stream), 2);
        assert_eq!(cuStreamEndCapture(stream, Out::new(&mut graph)), Status::STREAM_CAPTURE_INVALIDATED.0);
        assert_eq!(graph, 0);

        assert_eq!(cuStreamBeginCapture_v2(stream, 1), 0);
        assert_eq!(cuMemAlloc_v2(Out::new(&mut address), 8), Status::STREAM_CAPTURE_UNSUPPORTED.0);
        assert_eq!(cuStreamEndCapture(stream, Out::new(&mut graph)), Status::STREAM_CAPTURE_INVALIDATED.0);

        let outside = event();
        assert_eq!(cuEventRecord(outside, 0), 0);
        assert_eq!(cuStreamBeginCapture_v2(stream, 2), 0);
        assert_eq!(cuStreamWaitEvent(stream, outside, 0), Status::STREAM_CAPTURE_ISOLATION.0);
        assert_eq!(cuStreamEndCapture(stream, Out::new(&mut graph)), 0);
        assert_eq!(cuStreamBeginCapture_v2(0, 0), Status::STREAM_CAPTURE_UNSUPPORTED.0);
    }
}

#[test]
fn a_capture_frees_only_what_a_graph_has_allocated() {
    context(0);
    let stream = stream();
    let (mut graph, mut before, mut within) = (0, 0, 0);
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!(cuMemAllocAsync(Out::new(&mut before), 8, stream), 0);
        assert_eq!(cuStreamBeginCapture_v2(stream, 2), 0);
        assert_eq!(cuMemFreeAsync(before, stream), Status::INVALID_VALUE.0);
        assert_eq!(cuMemAllocAsync(Out::new(&mut within), 8, stream), 0);
        assert_eq!(cuMemFreeAsync(within, stream), 0);
        assert_eq!(cuStreamEndCapture(stream, Out::new(&mut graph)), 0);
        assert_eq!(cuGraphDestroy(graph), 0);
        assert_eq!(cuMemFreeAsync(before, stream), 0);
    }
}

#[test]
fn another_thread_ends_a_capture_only_in_the_relaxed_mode() {
    let current = context(0);
    let stream = stream();
    let elsewhere = |mode: i32| {
        // SAFETY: the pointers are to variables.
        assert_eq!(unsafe { cuStreamBeginCapture_v2(stream, mode) }, 0);
        // SAFETY: the stream lives, and the graph is written before the call returns.
        let end = move || unsafe {
            let mut graph = 0;
            assert_eq!(cuda_emulator::driver::context::cuCtxSetCurrent(current), 0);
            cuStreamEndCapture(stream, Out::new(&mut graph))
        };
        std::thread::spawn(end).join().expect("the thread does not panic")
    };
    assert_eq!(elsewhere(2), 0);
    assert_eq!(elsewhere(1), Status::STREAM_CAPTURE_WRONG_THREAD.0);
    let mut graph = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuStreamEndCapture(stream, Out::new(&mut graph)) }, 0, "it goes on, and ends here");
}

#[test]
fn devices_say_what_they_are() {
    machine();
    let (mut number, mut version, mut major) = (0, 0, 0);
    let mut name = [1; 32];
    // SAFETY: the pointers are to variables, with the length of the one that has one.
    unsafe {
        assert_eq!(cuDeviceGetCount(Out::new(&mut number)), 0);
        assert_eq!(number, 2);
        assert_eq!(cuDriverGetVersion(Out::new(&mut version)), 0);
        assert_eq!(version, 13000);
        assert_eq!(cuDeviceGetAttribute(Out::new(&mut major), 75, 1), 0);
        assert_eq!(major, 8);
        assert_eq!(cuDeviceGet(Out::new(&mut number), 2), Status::INVALID_DEVICE.0);
        assert_eq!(cuDeviceGetName(Out::new(name.as_mut_ptr()), 8, 1), 0);
        let name: Vec<u8> = name[..8].iter().map(|byte| *byte as u8).collect();
        assert_eq!(name, *b"CUDA em\0");
    }
}

#[test]
fn a_thread_without_a_context_is_told_so() {
    machine();
    std::thread::spawn(|| {
        let mut address = 0;
        // SAFETY: the pointer is to a variable.
        assert_eq!(unsafe { cuMemAlloc_v2(Out::new(&mut address), 8) }, Status::INVALID_CONTEXT.0);
    })
    .join()
    .expect("the thread does not panic");
}

/// What a thread drops at its very end still finds the driver: Candle keeps memory of devices there.
#[test]
fn the_end_of_a_thread_may_free_memory() {
    struct Last(Handle, u64);
    impl Drop for Last {
        fn drop(&mut self) {
            // SAFETY: no pointers of the host.
            unsafe {
                assert_eq!(cuda_emulator::driver::context::cuCtxSetCurrent(self.0), 0);
                assert_eq!(cuMemFreeAsync(self.1, 2), 0);
            }
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let context = context(0);
    let freed = std::thread::spawn(move || {
        // The first to be used is the last to be dropped.
        LAST.with_borrow(Option::is_none);
        let mut address = 0;
        // SAFETY: the pointer is to a variable.
        unsafe {
            assert_eq!(cuda_emulator::driver::context::cuCtxSetCurrent(context), 0);
            assert_eq!(cuMemAllocAsync(Out::new(&mut address), 8, 2), 0);
        }
        LAST.set(Some(Last(context, address)));
        address
    })
    .join()
    .expect("the thread does not panic");
    assert_eq!(free(freed), Status::INVALID_VALUE.0, "it was freed before");
}

#[cfg(unix)]
#[test]
fn a_forked_process_is_not_initialized() {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(status: i32) -> !;
    }
    machine();
    let mut ended = -1;
    // SAFETY: the child calls what takes no lock, and ends.
    unsafe {
        let child = fork();
        if child == 0 {
            _exit(cuInit(0) + 16 * cuDeviceGetCount(Out::new(&mut ended)));
        }
        assert_eq!(waitpid(child, &mut ended, 0), child);
    }
    assert_eq!(ended >> 8, 17 * Status::NOT_INITIALIZED.0);
}
