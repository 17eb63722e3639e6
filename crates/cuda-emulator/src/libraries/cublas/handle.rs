//! Handles of cuBLAS: the stream, the mode of computation, where `alpha` and `beta` are.

use std::ffi::c_char;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Blas;
use super::numbers::Number;
use crate::driver::{
    Address, DeviceView, Handle, Handles, HostPointer, In, Out, Stream, current, exports, settle, stream,
};
use crate::machine::Memory;

/// A `cublasHandle_t`.
pub(super) struct Library {
    context: Handle,
    stream: AtomicU64,
    math: AtomicI32,
    /// 0: `alpha` and `beta` are on the host; 1: on the device.
    pointers: AtomicI32,
    atomics: AtomicI32,
    /// Products of one handle are one after another.
    pub busy: Mutex<()>,
}

static LIBRARIES: Handles<Library> = Handles::new();

/// `CUBLAS_TF32_TENSOR_OP_MATH`.
const TF32: i32 = 3;

/// A handle, which must be one.
pub(super) fn library(handle: Handle) -> Result<Arc<Library>, Blas> {
    LIBRARIES.get(handle).map_err(|_| Blas::NOT_INITIALIZED)
}

impl Library {
    pub(super) fn stream(&self) -> Result<Arc<Stream>, Blas> {
        let found = stream(self.stream.load(Ordering::Acquire))?;
        if found.context == self.context { Ok(found) } else { Err(Blas::EXECUTION_FAILED) }
    }

    pub(super) fn math(&self) -> i32 {
        self.math.load(Ordering::Acquire)
    }

    /// Whether products of `f32` may be computed in TF32 without a compute type that says so.
    pub(super) fn tf32(&self) -> bool {
        self.math() & 15 == TF32
    }

    /// `alpha` or `beta`: what the host says now, or what the device holds when it multiplies.
    pub(super) fn scalar(&self, pointer: HostPointer, number: Number) -> Result<Scalar, Blas> {
        if pointer.address() == 0 {
            return Err(Blas::INVALID_VALUE);
        }
        match self.pointers.load(Ordering::Acquire) {
            0 if pointer.address() >> 47 != 0 => Err(Blas::INVALID_VALUE),
            0 => Ok(Scalar::Value(number.read(&pointer.read(number.size())?))),
            _ => Ok(Scalar::At(pointer.address(), number)),
        }
    }
}

/// `alpha` or `beta`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    Value(f64),
    /// In the memory of the device.
    At(Address, Number),
}

impl Scalar {
    pub(super) fn read(self, view: &DeviceView) -> Result<f64, Blas> {
        match self {
            Scalar::Value(value) => Ok(value),
            Scalar::At(address, number) => {
                let place = view.resolve(address, number.size(), false).ok_or(Blas::EXECUTION_FAILED)?;
                Ok(number.read(&HostPointer::new(place).read(number.size())?))
            }
        }
    }
}

exports! {
    panic = 14, error = Blas;

    fn cublasCreate_v2(out: Out<Handle>) {
        let context = current()?.handle;
        out.set(LIBRARIES.add(Library {
            context,
            stream: AtomicU64::new(0),
            math: AtomicI32::new(0),
            pointers: AtomicI32::new(0),
            atomics: AtomicI32::new(0),
            busy: Mutex::new(()),
        }))?;
        Ok(())
    }

    fn cublasDestroy_v2(handle: Handle) {
        // The real one waits for the device.
        settle(LIBRARIES.remove(handle).map_err(|_| Blas::NOT_INITIALIZED)?.context)?;
        Ok(())
    }

    fn cublasSetStream_v2(handle: Handle, on: Handle) {
        library(handle)?.stream.store(on, Ordering::Release);
        Ok(())
    }

    fn cublasGetStream_v2(handle: Handle, on: Out<Handle>) {
        on.set(library(handle)?.stream.load(Ordering::Acquire))?;
        Ok(())
    }

    fn cublasSetMathMode(handle: Handle, mode: i32) {
        let library = library(handle)?;
        if !matches!(mode & !16, 0..=4 | 8) {
            return Err(Blas::INVALID_VALUE);
        }
        library.math.store(mode, Ordering::Release);
        Ok(())
    }

    fn cublasGetMathMode(handle: Handle, mode: Out<i32>) {
        mode.set(library(handle)?.math())?;
        Ok(())
    }

    fn cublasSetPointerMode_v2(handle: Handle, mode: i32) {
        let library = library(handle)?;
        if !(0..=1).contains(&mode) {
            return Err(Blas::INVALID_VALUE);
        }
        library.pointers.store(mode, Ordering::Release);
        Ok(())
    }

    fn cublasGetPointerMode_v2(handle: Handle, mode: Out<i32>) {
        mode.set(library(handle)?.pointers.load(Ordering::Acquire))?;
        Ok(())
    }

    fn cublasSetAtomicsMode(handle: Handle, mode: i32) {
        library(handle)?.atomics.store(mode, Ordering::Release);
        Ok(())
    }

    fn cublasGetAtomicsMode(handle: Handle, mode: Out<i32>) {
        mode.set(library(handle)?.atomics.load(Ordering::Acquire))?;
        Ok(())
    }

    fn cublasSetWorkspace_v2(handle: Handle, workspace: HostPointer, size: usize) {
        library(handle)?;
        let view = current()?.view();
        if size > 0 && view.resolve(workspace.address(), size, true).is_none() {
            return Err(Blas::INVALID_VALUE);
        }
        Ok(())
    }

    fn cublasGetVersion_v2(handle: Handle, version: Out<i32>) {
        if handle != 0 {
            library(handle)?;
        }
        version.set(130_000)?;
        Ok(())
    }

    fn cublasGetProperty(which: i32, value: Out<i32>) {
        value.set(match which {
            0 => 13,
            1 | 2 => 0,
            _ => return Err(Blas::INVALID_VALUE),
        })?;
        Ok(())
    }

    fn cublasSetVector(_number: i32, _size: i32, _from: In<u8>, _step: i32, _to: u64, _to_step: i32) {
        Err(Blas::NOT_SUPPORTED)
    }
}

/// The text of a status.
#[unsafe(no_mangle)]
pub extern "C" fn cublasGetStatusString(status: i32) -> *const c_char {
    let text: &'static str = match status {
        0 => "success\0",
        1 => "the library was not initialized\0",
        7 => "an unsupported value or parameter was passed to the function\0",
        13 => "the GPU program failed to execute\0",
        14 => "an internal operation failed\0",
        15 => "the functionality requested is not supported\0",
        _ => "unknown status\0",
    };
    text.as_ptr().cast()
}

/// The name of a status.
#[unsafe(no_mangle)]
pub extern "C" fn cublasGetStatusName(status: i32) -> *const c_char {
    let name: &'static str = match status {
        0 => "CUBLAS_STATUS_SUCCESS\0",
        1 => "CUBLAS_STATUS_NOT_INITIALIZED\0",
        3 => "CUBLAS_STATUS_ALLOC_FAILED\0",
        7 => "CUBLAS_STATUS_INVALID_VALUE\0",
        8 => "CUBLAS_STATUS_ARCH_MISMATCH\0",
        11 => "CUBLAS_STATUS_MAPPING_ERROR\0",
        13 => "CUBLAS_STATUS_EXECUTION_FAILED\0",
        14 => "CUBLAS_STATUS_INTERNAL_ERROR\0",
        15 => "CUBLAS_STATUS_NOT_SUPPORTED\0",
        _ => "CUBLAS_STATUS_UNKNOWN\0",
    };
    name.as_ptr().cast()
}
