//! What is counted, and devices that are behind. One test, because both are of the process.
mod calls;

use calls::*;
use cuda_emulator::driver::behind::*;
use cuda_emulator::driver::context::*;
use cuda_emulator::driver::copy::*;
use cuda_emulator::driver::counts::*;
use cuda_emulator::driver::event::*;
use cuda_emulator::driver::host::*;
use cuda_emulator::driver::stream::*;
use cuda_emulator::driver::{HostPointer, Out, Status};

#[test]
fn work_is_counted() {
    context(0);
    let function = kernel(c"twice");
    let (from, to, number) = (upload(&[1.0_f32; 4]), allocate(16), 4_u32);
    let mut locked = 0;
    let mut pageable = [0.0_f32; 4];
    cuda_emulator_reset_counts();
    // SAFETY: the pointers are to variables and to memory of this test.
    unsafe {
        assert_eq!(cuMemHostAlloc(Out::new(&mut locked), 16, 0), 0);
        let page_locked = HostPointer::new(locked as *const f32);
        let arguments = [argument(&from), argument(&to), argument(&number)];
        assert_eq!(launch(function, 1, 32, &arguments), 0);
        assert_eq!(cuMemcpyHtoDAsync_v2(from, page_locked, 16, 2), 0);
        assert_eq!(cuMemcpyDtoDAsync_v2(to, from, 16, 2), 0);
        assert_eq!(cuMemcpyDtoHAsync_v2(page_locked, to, 16, 2), 0);
        assert_eq!(counted(c"synchronize"), 0, "nothing has waited so far");
        assert_eq!(cuMemcpyDtoHAsync_v2(HostPointer::new(pageable.as_mut_ptr()), to, 16, 2), 0);
        assert_eq!(counted(c"synchronize"), 1, "memory that is not page-locked is waited for");
        assert_eq!(cuStreamSynchronize(2), 0);
        assert_eq!(cuCtxSynchronize(), 0);
        assert_eq!(counted(c"synchronize"), 3);
        let counts = [
            c"launch",
            c"host_to_device",
            c"device_to_device",
            c"device_to_host",
            c"host_allocate",
            c"pageable_upload",
        ];
        assert_eq!(counts.map(counted), [1, 1, 1, 2, 1, 0]);
        assert_eq!(cuMemcpyHtoDAsync_v2(from, HostPointer::new(pageable.as_mut_ptr()), 16, 2), 0);
        assert_eq!([c"host_to_device", c"pageable_upload"].map(counted), [2, 1]);
        assert_eq!(counted(c"nonsense"), u64::MAX);
        let mut name = [1; 16];
        assert_eq!(cuda_emulator_last_kernels(Out::new(name.as_mut_ptr()), 16), 6);
        assert_eq!(name[..6], [b't' as i8, b'w' as i8, b'i' as i8, b'c' as i8, b'e' as i8, 0]);
        assert_eq!(cuda_emulator_last_kernels(Out::new(std::ptr::null_mut()), 0), 6);
    }
    a_device_that_is_behind_reaches_events_when_it_is_waited_for();
}

fn a_device_that_is_behind_reaches_events_when_it_is_waited_for() {
    let (mut before, mut after) = (0, 0);
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!([cuEventCreate(Out::new(&mut before), 2), cuEventCreate(Out::new(&mut after), 2)], [0, 0]);
        assert_eq!(cuEventRecord(before, 2), 0);
        for wait in [false, true] {
            cuda_emulator_fall_behind();
            assert_eq!(cuEventRecord(after, 2), 0);
            assert_eq!([cuEventQuery(before), cuEventQuery(after)], [0, Status::NOT_READY.0]);
            match wait {
                true => assert_eq!(cuStreamSynchronize(2), 0),
                false => cuda_emulator_catch_up(),
            }
            assert_eq!(cuEventQuery(after), 0);
        }
    }
}
