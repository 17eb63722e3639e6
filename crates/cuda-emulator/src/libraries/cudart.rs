//! The CUDA runtime, as far as code that `nvcc` has put into a library needs it to be loaded: its kernels are machine code
//! for a device, which the emulator cannot run, so that starting one is an error.

use std::ffi::c_char;

use crate::driver::{Handle, HostPointer, In, Out, Status, current, exports, report, settings};

/// The size of a grid or of a block.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Dim3([u32; 3]);

const NOT_HERE: &str = "a kernel of the CUDA runtime is machine code, which the emulator cannot run";

fn cannot_run(what: &str) -> Result<(), Status> {
    report(format_args!("{what}: {NOT_HERE}"));
    Err(Status::NOT_SUPPORTED)
}

exports! {
    fn cudaGetDevice(device: Out<i32>) {
        device.set(current().map_or(0, |context| context.device as i32))
    }

    fn cudaGetDeviceCount(number: Out<i32>) {
        number.set(settings().devices.len() as i32)?;
        if settings().devices.is_empty() { Err(Status::NO_DEVICE) } else { Ok(()) }
    }

    fn cudaDriverGetVersion(version: Out<i32>) {
        version.set(settings().version)
    }

    fn cudaRuntimeGetVersion(version: Out<i32>) {
        version.set(13000)
    }

    fn cudaFuncSetAttribute(_function: HostPointer, _attribute: i32, _value: i32) {
        cannot_run("cudaFuncSetAttribute")
    }

    fn cudaFuncGetAttributes(_attributes: HostPointer, _function: HostPointer) {
        cannot_run("cudaFuncGetAttributes")
    }

    fn cudaLaunchKernel(_function: HostPointer, _grid: Dim3, _block: Dim3, _arguments: HostPointer, _shared: usize, _on: Handle) {
        cannot_run("cudaLaunchKernel")
    }

    fn cudaLaunchKernel_ptsz(_function: HostPointer, _grid: Dim3, _block: Dim3, _arguments: HostPointer, _shared: usize, _on: Handle) {
        cannot_run("cudaLaunchKernel_ptsz")
    }

    fn cudaLaunchKernelExC_ptsz(_how: HostPointer, _function: HostPointer, _arguments: HostPointer) {
        cannot_run("cudaLaunchKernelExC")
    }

    fn __cudaLaunchKernel(_kernel: Handle, _grid: Dim3, _block: Dim3, _arguments: HostPointer, _shared: usize, _on: Handle) {
        cannot_run("__cudaLaunchKernel")
    }

    fn __cudaLaunchKernel_ptsz(_kernel: Handle, _grid: Dim3, _block: Dim3, _arguments: HostPointer, _shared: usize, _on: Handle) {
        cannot_run("__cudaLaunchKernel_ptsz")
    }

    fn __cudaGetKernel(kernel: Out<Handle>, function: HostPointer) {
        kernel.set(function.address())
    }

    fn __cudaPopCallConfiguration(_grid: HostPointer, _block: HostPointer, _shared: HostPointer, _on: HostPointer) {
        cannot_run("a kernel launched by <<<>>>")
    }

    fn __cudaPushCallConfiguration(_grid: Dim3, _block: Dim3, _shared: usize, _on: HostPointer) {
        cannot_run("a kernel launched by <<<>>>")
    }

    // What comes before and after such a kernel.

    fn cudaSetDevice(_device: i32) {
        cannot_run("cudaSetDevice")
    }

    fn cudaDeviceGetAttribute(_value: HostPointer, _attribute: i32, _device: i32) {
        cannot_run("cudaDeviceGetAttribute")
    }

    fn cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        _blocks: HostPointer,
        _function: HostPointer,
        _block_size: i32,
        _shared: usize,
        _flags: u32,
    ) {
        cannot_run("cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags")
    }

    fn cudaMalloc(_address: HostPointer, _size: usize) {
        cannot_run("cudaMalloc")
    }

    fn cudaMallocAsync_ptsz(_address: HostPointer, _size: usize, _on: Handle) {
        cannot_run("cudaMallocAsync")
    }

    fn cudaMemsetAsync_ptsz(_address: HostPointer, _value: i32, _size: usize, _on: Handle) {
        cannot_run("cudaMemsetAsync")
    }

    fn cudaFree(_address: HostPointer) {
        cannot_run("cudaFree")
    }

    fn cudaFreeAsync_ptsz(_address: HostPointer, _on: Handle) {
        cannot_run("cudaFreeAsync")
    }

    fn cudaStreamSynchronize_ptsz(_on: Handle) {
        cannot_run("cudaStreamSynchronize")
    }

    fn cudaGetLastError() {
        Ok(())
    }

    fn cudaPeekAtLastError() {
        Ok(())
    }
}

/// The text of an error of the runtime, whose numbers are nearly those of the driver.
#[unsafe(no_mangle)]
pub extern "C" fn cudaGetErrorString(error: i32) -> *const c_char {
    Status::describe(error).map_or("unrecognized error code\0", |(_, text)| text).as_ptr().cast()
}

/// The name of an error of the runtime.
#[unsafe(no_mangle)]
pub extern "C" fn cudaGetErrorName(error: i32) -> *const c_char {
    Status::describe(error).map_or("unrecognized error code\0", |(name, _)| name).as_ptr().cast()
}

/// Kernels of a library announce themselves when it is loaded; what is given back names them.
///
/// # Safety
///
/// Called by code that `nvcc` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cudaRegisterFatBinary(_binary: HostPointer) -> *mut Handle {
    Box::into_raw(Box::new(0))
}

/// The end of the announcement.
///
/// # Safety
///
/// Called by code that `nvcc` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cudaRegisterFatBinaryEnd(_binary: HostPointer) {}

/// The kernels go away with their library.
///
/// # Safety
///
/// `binary` comes from `__cudaRegisterFatBinary` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cudaUnregisterFatBinary(binary: *mut Handle) {
    if !binary.is_null() {
        // SAFETY: made by `__cudaRegisterFatBinary`, by the caller's promise.
        drop(unsafe { Box::from_raw(binary) });
    }
}

/// One kernel of a library announces itself.
///
/// # Safety
///
/// Called by code that `nvcc` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cudaRegisterFunction(
    _binary: HostPointer,
    _host: HostPointer,
    _name: HostPointer,
    _device_name: HostPointer,
    _threads: i32,
    _thread: HostPointer,
    _block: HostPointer,
    _block_size: HostPointer,
    _grid_size: HostPointer,
    _warp: HostPointer,
) {
}

/// One variable of a library announces itself.
///
/// # Safety
///
/// Called by code that `nvcc` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cudaRegisterVar(
    _binary: HostPointer,
    _host: HostPointer,
    _name: In<u8>,
    _device_name: In<u8>,
    _external: i32,
    _size: usize,
    _constant: i32,
    _global: i32,
) {
}
