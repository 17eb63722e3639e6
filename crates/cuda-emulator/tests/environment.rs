//! What the environment asks for, which a process reads once: each case is a process of its own.
mod calls;

use calls::*;
use cuda_emulator::driver::context::*;
use cuda_emulator::driver::device::*;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::{Out, Status};

fn device_count() -> i32 {
    let mut number = -1;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuDeviceGetCount(Out::new(&mut number)) }, 0);
    number
}

#[test]
#[ignore = "run by another test"]
fn case_no_device() {
    // SAFETY: no pointers.
    assert_eq!(unsafe { cuInit(0) }, Status::NO_DEVICE.0);
    let mut number = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuDeviceGetCount(Out::new(&mut number)) }, Status::NOT_INITIALIZED.0);
}

#[test]
#[ignore = "run by another test"]
fn case_third_device_of_an_old_driver() {
    let (mut version, mut total) = (0, 0);
    let mut name = [0; 32];
    // SAFETY: the pointers are to variables.
    unsafe {
        assert_eq!(cuInit(0), 0);
        assert_eq!(device_count(), 1);
        assert_eq!(cuDriverGetVersion(Out::new(&mut version)), 0);
        assert_eq!(cuDeviceTotalMem_v2(Out::new(&mut total), 0), 0);
        assert_eq!((version, total), (12040, 5 << 20));
        assert_eq!(cuDeviceGetName(Out::new(name.as_mut_ptr()), 32, 0), 0);
        let name: String = name.iter().take_while(|c| **c != 0).map(|c| *c as u8 as char).collect();
        assert_eq!(name, "CUDA emulator 2");
        let (mut context, mut address) = (0, 0);
        assert_eq!(cuDevicePrimaryCtxRetain(Out::new(&mut context), 0), 0);
        assert_eq!(cuCtxSetCurrent(context), 0);
        assert_eq!(cuMemAlloc_v2(Out::new(&mut address), 5 << 20), 0);
        assert_eq!(cuMemAlloc_v2(Out::new(&mut address), 1), Status::OUT_OF_MEMORY.0);
        // The memory goes with the last who retains the context.
        assert_eq!(cuDevicePrimaryCtxRelease_v2(0), 0);
        assert_eq!(cuDevicePrimaryCtxRetain(Out::new(&mut context), 0), 0);
        assert_eq!(cuMemAlloc_v2(Out::new(&mut address), 5 << 20), 0);
    }
}

#[test]
#[ignore = "run by another test"]
fn case_blocking_launch() {
    context(0);
    let address = allocate(4) + 4;
    let launched = launch(kernel(c"poke"), 1, 1, &[argument(&address), argument(&1_u32)]);
    assert_eq!(launched, Status::ILLEGAL_ADDRESS.0);
}

#[test]
fn an_empty_list_is_no_device() {
    run("case_no_device", &[("CUDA_VISIBLE_DEVICES", "")]);
    run("case_no_device", &[("CUDA_EMULATOR_DEVICES", "2"), ("CUDA_VISIBLE_DEVICES", "5,0")]);
}

#[test]
fn devices_memory_and_version_are_as_asked_for() {
    let environment = [
        ("CUDA_EMULATOR_DEVICES", "3"),
        ("CUDA_VISIBLE_DEVICES", "2"),
        ("CUDA_EMULATOR_MEMORY", "5242880"),
        ("CUDA_EMULATOR_VERSION", "12040"),
    ];
    run("case_third_device_of_an_old_driver", &environment);
}

#[test]
fn a_fault_is_described() {
    let said = run("case_blocking_launch", &[("CUDA_LAUNCH_BLOCKING", "1"), ("CUDA_EMULATOR_TRACE", "1")]);
    for words in [
        "kernel `poke`, block (0, 0, 0), thread (0, 0, 0)",
        "0 bytes past the end of an allocation of 4 bytes",
        "cuModuleGetFunction(",
        "name \"poke\") = 0",
        "= 700",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
}
