//! Modules, kernels, and what becomes of a context in which a kernel goes astray.
mod calls;

use calls::*;
use cuda_emulator::driver::context::*;
use cuda_emulator::driver::copy::*;
use cuda_emulator::driver::function::*;
use cuda_emulator::driver::launch::cuLaunchKernel;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::module::*;
use cuda_emulator::driver::stream::*;
use cuda_emulator::driver::{Handle, HostPointer, In, Out, Status, Text};

#[test]
fn a_kernel_computes_what_its_text_says() {
    context(0);
    let values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
    let (from, to) = (upload(&values), allocate(4000));
    let number = 1000_u32;
    let arguments = [argument(&from), argument(&to), argument(&number)];
    assert_eq!(launch(kernel(c"twice"), 8, 128, &arguments), 0);
    assert_eq!(synchronize(), 0);
    let expected: Vec<f32> = values.iter().map(|x| 2.0 * x + 1.0).collect();
    assert_eq!(download::<f32>(to, 1000), expected);
}

#[test]
fn an_access_outside_kills_the_context_and_no_other() {
    context(0);
    let function = kernel(c"poke");
    let address = allocate(4096);
    let value = 7_u32;
    for good in [address, address + 4092] {
        assert_eq!(launch(function, 1, 1, &[argument(&good), argument(&value)]), 0);
    }
    assert_eq!(synchronize(), 0);
    let outside = address + 4096;
    // The launch itself is a success, as with a device that has not yet run it.
    assert_eq!(launch(function, 1, 1, &[argument(&outside), argument(&value)]), 0);
    for _ in 0..2 {
        assert_eq!(synchronize(), Status::ILLEGAL_ADDRESS.0);
        let mut more = 0;
        // SAFETY: the pointer is to a variable.
        assert_eq!(unsafe { cuMemAlloc_v2(Out::new(&mut more), 4) }, Status::ILLEGAL_ADDRESS.0);
    }
    context(0);
    assert_eq!(synchronize(), 0);
    allocate(4);
}

#[test]
fn an_access_to_memory_that_was_freed_is_found() {
    context(0);
    let address = allocate(64);
    assert_eq!(free(address), 0);
    assert_eq!(launch(kernel(c"poke"), 1, 1, &[argument(&address), argument(&1_u32)]), 0);
    assert_eq!(synchronize(), Status::ILLEGAL_ADDRESS.0);
}

#[test]
fn an_address_of_the_host_is_none_of_the_device() {
    context(0);
    let mut variable = 0_u32;
    let address = &raw mut variable as u64;
    assert_eq!(launch(kernel(c"poke"), 1, 1, &[argument(&address), argument(&1_u32)]), 0);
    assert_eq!(synchronize(), Status::ILLEGAL_ADDRESS.0);
    assert_eq!(variable, 0);
}

#[test]
fn a_misaligned_access_is_found() {
    context(0);
    let address = allocate(64) + 2;
    assert_eq!(launch(kernel(c"poke"), 1, 1, &[argument(&address), argument(&1_u32)]), 0);
    assert_eq!(synchronize(), Status::MISALIGNED_ADDRESS.0);
}

#[test]
fn a_trap_fails_the_launch() {
    context(0);
    assert_eq!(launch(kernel(c"stop"), 1, 1, &[]), 0);
    assert_eq!(synchronize(), Status::LAUNCH_FAILED.0);
}

#[test]
fn memory_of_another_device_needs_peer_access() {
    let other = context(1);
    let theirs = allocate(64);
    let mine = context(0);
    let function = kernel(c"poke");
    let poke = || launch(function, 1, 1, &[argument(&theirs), argument(&5_u32)]);
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(cuCtxEnablePeerAccess(other, 0), 0);
        assert_eq!(cuCtxEnablePeerAccess(other, 0), Status::PEER_ACCESS_ALREADY_ENABLED.0);
        assert_eq!(poke(), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(download::<u32>(theirs, 1), [5]);
        assert_eq!(cuCtxDisablePeerAccess(other), 0);
        assert_eq!(poke(), 0);
        assert_eq!(synchronize(), Status::ILLEGAL_ADDRESS.0);
        assert_eq!(cuCtxDestroy_v2(mine), 0);
    }
}

#[test]
fn variables_of_a_module_have_their_first_values() {
    context(0);
    let (mut address, mut size) = (0, 0);
    let module = module();
    // SAFETY: the pointers are to variables and a text.
    unsafe {
        let found = cuModuleGetGlobal_v2(Out::new(&mut address), Out::new(&mut size), module, Text::new(c"table"));
        assert_eq!((found, size), (0, 8));
        assert_eq!(download::<u32>(address, 2), [1, 2]);
        let (mut there, none) = (0, Out::new(std::ptr::null_mut()));
        let missing = cuModuleGetGlobal_v2(Out::new(&mut there), none, module, Text::new(c"nothing"));
        assert_eq!(missing, Status::NOT_FOUND.0);
        assert_eq!(cuModuleUnload(module), 0);
        assert_eq!(cuModuleUnload(module), Status::INVALID_HANDLE.0);
    }
}

#[test]
fn what_cannot_be_loaded_or_launched_is_an_error() {
    context(0);
    let mut out = 0;
    // SAFETY: the pointers are to a variable and to texts.
    unsafe {
        let text = |text: &'static std::ffi::CStr| HostPointer::new(text.as_ptr());
        assert_eq!(cuModuleLoadData(Out::new(&mut out), text(c"\x7fELF and so on")), Status::NO_BINARY_FOR_GPU.0);
        assert_eq!(cuModuleLoadData(Out::new(&mut out), text(c"hello")), Status::INVALID_PTX.0);
        assert_eq!(cuModuleGetFunction(Out::new(&mut out), module(), Text::new(c"thrice")), Status::NOT_FOUND.0);
    }
    let function = kernel(c"stop");
    assert_eq!(launch(function, 1, 1025, &[]), Status::INVALID_VALUE.0);
    assert_eq!(launch(function, 0, 1, &[]), Status::INVALID_VALUE.0);
    assert_eq!(launch(12345, 1, 1, &[]), Status::INVALID_HANDLE.0);
    assert_eq!(synchronize(), 0);
}

/// What loading a text says, and if it is loaded, what asking for the kernel `k` says.
fn loading(text: &str) -> (i32, i32) {
    let Ok(text) = std::ffi::CString::new(text) else { panic!("a text with a zero byte") };
    let (mut module, mut function) = (0, 0);
    // SAFETY: the pointers are to variables and to texts.
    unsafe {
        let loaded = cuModuleLoadData(Out::new(&mut module), HostPointer::new(text.as_ptr()));
        (loaded, if loaded == 0 { cuModuleGetFunction(Out::new(&mut function), module, Text::new(c"k")) } else { 0 })
    }
}

#[test]
fn a_text_must_be_for_this_driver_and_this_device() {
    context(0);
    let load = |version: &str, target: &str| {
        loading(&format!("{version}\n{target}\n.address_size 64\n.visible .entry k() {{ ret; }}")).0
    };
    assert_eq!(load(".version 9.0", ".target sm_80"), 0);
    assert_eq!(load(".version 6.0", ".target sm_50, debug"), 0);
    assert_eq!(load(".version 9.1", ".target sm_80"), Status::UNSUPPORTED_PTX_VERSION.0);
    assert_eq!(load(".version 8.0", ".target sm_86"), Status::NO_BINARY_FOR_GPU.0);
    assert_eq!(load(".version 8.0", ".target sm_90a"), Status::NO_BINARY_FOR_GPU.0);
    assert_eq!(load("", ".target sm_80"), Status::INVALID_PTX.0);
    assert_eq!(load(".version 8.0", ""), Status::INVALID_PTX.0);
}

#[test]
fn a_kernel_must_be_within_the_limits_of_the_device() {
    context(0);
    let load = |version: &str, parameters: usize, shared: usize| {
        loading(&format!(
            ".version {version}\n.target sm_80\n.address_size 64
            .visible .entry k(.param .align 4 .b8 p[{parameters}])
            {{ .shared .align 4 .b8 s[{shared}]; .reg .b32 %r<2>; ld.shared.u32 %r1, [s]; st.shared.u32 [s], %r1; ret; }}"
        ))
    };
    assert_eq!(load("8.0", 4352, 48 << 10), (0, 0));
    assert_eq!(load("8.0", 4356, 16).0, Status::INVALID_PTX.0);
    assert_eq!(load("8.1", 32764, 16), (0, 0));
    assert_eq!(load("8.1", 32768, 16).0, Status::INVALID_PTX.0);
    assert_eq!(load("8.0", 4, (48 << 10) + 4), (0, Status::INVALID_PTX.0));
}

#[test]
fn a_kernel_that_needs_a_block_runs_with_no_other() {
    context(0);
    let text = c".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() .reqntid 8, 4 { ret; }";
    let (mut module, mut function) = (0, 0);
    // SAFETY: the pointers are to variables and to texts, and null.
    unsafe {
        assert_eq!(cuModuleLoadData(Out::new(&mut module), HostPointer::new(text.as_ptr())), 0);
        assert_eq!(cuModuleGetFunction(Out::new(&mut function), module, Text::new(c"k")), 0);
        let start = |x, y| {
            let none = HostPointer::new(std::ptr::null::<u8>());
            cuLaunchKernel(function, 1, 1, 1, x, y, 1, 0, 0, In::new(std::ptr::null()), none)
        };
        assert_eq!((start(8, 4), start(4, 8), start(32, 1)), (0, Status::INVALID_VALUE.0, Status::INVALID_VALUE.0));
    }
}

/// A launch needs the context of its stream to be the current one; a copy does not.
#[test]
fn a_launch_needs_its_context() {
    let mine = context(0);
    let (function, address, mut stream) = (kernel(c"poke"), allocate(4), 0);
    let poke = |stream: Handle| launch_on(stream, function, 1, 1, &[argument(&address), argument(&5_u32)]);
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuStreamCreate(Out::new(&mut stream), 1) }, 0);
    assert_eq!(poke(stream), 0);
    context(1);
    assert_eq!(poke(stream), Status::INVALID_HANDLE.0);
    // SAFETY: no pointers of the host.
    unsafe {
        assert_eq!(cuMemsetD32Async(address, 6, 1, stream), 0);
        assert_eq!(cuCtxSetCurrent(mine), 0);
    }
    assert_eq!(download::<u32>(address, 1), [6]);
}

#[test]
fn a_block_that_fits_is_proposed() {
    context(0);
    let (function, mut grid, mut block, mut value) = (kernel(c"twice"), 0, 0, 0);
    // SAFETY: the pointers are to variables.
    unsafe {
        let found = cuOccupancyMaxPotentialBlockSize(Out::new(&mut grid), Out::new(&mut block), function, None, 0, 0);
        assert_eq!((found, grid, block), (0, 216, 1024));
        assert_eq!(cuFuncGetAttribute(Out::new(&mut value), 0, function), 0);
        assert_eq!(value, 1024);
        assert_eq!(cuFuncSetAttribute(function, 8, 100 << 10), 0);
        assert_eq!(cuFuncGetAttribute(Out::new(&mut value), 8, function), 0);
        assert_eq!(value, 100 << 10);
        assert_eq!(cuFuncSetAttribute(function, 8, 200 << 10), Status::INVALID_VALUE.0);
    }
}
