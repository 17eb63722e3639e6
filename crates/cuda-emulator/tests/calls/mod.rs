//! What the tests of the driver have in common: a machine of two devices, and short ways to call it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::ffi::CStr;
use std::process::Command;
use std::sync::Once;

use cuda_emulator::driver::context::*;
use cuda_emulator::driver::copy::*;
use cuda_emulator::driver::counts::*;
use cuda_emulator::driver::device::*;
use cuda_emulator::driver::launch::*;
use cuda_emulator::driver::memory::*;
use cuda_emulator::driver::module::*;
use cuda_emulator::driver::{Address, Handle, HostPointer, In, Out, Text};

pub(crate) const MEMORY: usize = 64 << 20;

/// Kernels as `nvcc` writes them: `y[i] = 2 x[i] + 1`, a write wherever the host says, one that stops itself.
pub(crate) const KERNELS: &CStr = cr#"
.version 8.0
.target sm_80
.address_size 64

.global .align 4 .b8 table[8] = {1, 0, 0, 0, 2, 0, 0, 0};

.visible .entry twice(
    .param .u64 twice_param_0,
    .param .u64 twice_param_1,
    .param .u32 twice_param_2
)
{
    .reg .pred %p<2>;
    .reg .f32 %f<3>;
    .reg .b32 %r<6>;
    .reg .b64 %rd<8>;

    ld.param.u64 %rd1, [twice_param_0];
    ld.param.u64 %rd2, [twice_param_1];
    ld.param.u32 %r2, [twice_param_2];
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mov.u32 %r5, %tid.x;
    mad.lo.s32 %r1, %r3, %r4, %r5;
    setp.ge.u32 %p1, %r1, %r2;
    @%p1 bra $L__BB0_2;

    cvta.to.global.u64 %rd3, %rd1;
    mul.wide.u32 %rd4, %r1, 4;
    add.s64 %rd5, %rd3, %rd4;
    ld.global.f32 %f1, [%rd5];
    fma.rn.f32 %f2, %f1, 0f40000000, 0f3F800000;
    cvta.to.global.u64 %rd6, %rd2;
    add.s64 %rd7, %rd6, %rd4;
    st.global.f32 [%rd7], %f2;

$L__BB0_2:
    ret;
}

.visible .entry poke(
    .param .u64 poke_param_0,
    .param .u32 poke_param_1
)
{
    .reg .b32 %r<2>;
    .reg .b64 %rd<3>;

    ld.param.u64 %rd1, [poke_param_0];
    ld.param.u32 %r1, [poke_param_1];
    cvta.to.global.u64 %rd2, %rd1;
    st.global.u32 [%rd2], %r1;
    ret;
}

.visible .entry stop()
{
    trap;
    ret;
}
"#;

/// The machine is there.
pub(crate) fn machine() {
    static MACHINE: Once = Once::new();
    MACHINE.call_once(|| {
        // SAFETY: nobody reads the environment yet: every test begins here.
        unsafe {
            std::env::set_var("CUDA_EMULATOR_DEVICES", "2");
            std::env::set_var("CUDA_EMULATOR_MEMORY", MEMORY.to_string());
            std::env::remove_var("CUDA_VISIBLE_DEVICES");
        }
        // SAFETY: no pointers.
        assert_eq!(unsafe { cuInit(0) }, 0);
    });
}

/// A context of the test's own, so that what goes astray in it harms no other test.
pub(crate) fn context(device: i32) -> Handle {
    machine();
    let mut context = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuCtxCreate_v2(Out::new(&mut context), 0, device) }, 0);
    context
}

pub(crate) fn allocate(size: usize) -> Address {
    let mut address = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cuMemAlloc_v2(Out::new(&mut address), size) }, 0);
    address
}

pub(crate) fn upload<T: Copy>(values: &[T]) -> Address {
    let address = allocate(size_of_val(values));
    // SAFETY: as many bytes as the slice has.
    assert_eq!(unsafe { cuMemcpyHtoD_v2(address, HostPointer::new(values.as_ptr()), size_of_val(values)) }, 0);
    address
}

pub(crate) fn download<T: Copy + Default>(address: Address, number: usize) -> Vec<T> {
    let mut values = vec![T::default(); number];
    let to = HostPointer::new(values.as_mut_ptr());
    // SAFETY: as many bytes as the vector has.
    assert_eq!(unsafe { cuMemcpyDtoH_v2(to, address, number * size_of::<T>()) }, 0);
    values
}

pub(crate) fn free(address: Address) -> i32 {
    // SAFETY: no pointers of the host.
    unsafe { cuMemFree_v2(address) }
}

pub(crate) fn synchronize() -> i32 {
    // SAFETY: no pointers.
    unsafe { cuCtxSynchronize() }
}

pub(crate) fn module() -> Handle {
    let mut module = 0;
    // SAFETY: the pointers are to a variable and to a text.
    assert_eq!(unsafe { cuModuleLoadData(Out::new(&mut module), HostPointer::new(KERNELS.as_ptr())) }, 0);
    module
}

pub(crate) fn kernel(name: &CStr) -> Handle {
    let mut function = 0;
    // SAFETY: the pointers are to a variable and to a text.
    assert_eq!(unsafe { cuModuleGetFunction(Out::new(&mut function), module(), Text::new(name)) }, 0);
    function
}

/// Launches with arguments of any type.
pub(crate) fn launch_on(stream: Handle, function: Handle, grid: u32, block: u32, arguments: &[HostPointer]) -> i32 {
    let (arguments, none) = (In::new(arguments.as_ptr()), HostPointer::new(std::ptr::null::<u8>()));
    // SAFETY: the arguments are those of the function, by the test's word.
    unsafe { cuLaunchKernel(function, grid, 1, 1, block, 1, 1, 0, stream, arguments, none) }
}

pub(crate) fn launch(function: Handle, grid: u32, block: u32, arguments: &[HostPointer]) -> i32 {
    launch_on(0, function, grid, block, arguments)
}

pub(crate) fn argument<T>(value: &T) -> HostPointer {
    HostPointer::new(value)
}

pub(crate) fn counted(what: &CStr) -> u64 {
    // SAFETY: a text.
    unsafe { cuda_emulator_count(Text::new(what)) }
}

/// Runs an ignored test of the same file, in an environment; what it has written to stderr.
pub(crate) fn run(name: &str, environment: &[(&str, &str)]) -> String {
    let Ok(program) = std::env::current_exe() else { panic!("the test knows no path of its own") };
    let mut command = Command::new(program);
    command.args([name, "--exact", "--ignored", "--nocapture"]).env_remove("CUDA_VISIBLE_DEVICES");
    let Ok(output) = command.envs(environment.iter().copied()).output() else { panic!("the test cannot be started") };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && counted.contains("1 passed"), "{counted}{said}");
    said
}
