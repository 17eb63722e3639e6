//! Handles of cuDNN, its version and its errors.

use std::ffi::c_char;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Dnn, last_error, refused};
use crate::driver::stream::no_capture;
use crate::driver::{Handle, Handles, Out, Stream, current, exports, report, stream, write_text};

/// A `cudnnHandle_t`.
pub(super) struct Library {
    context: Handle,
    stream: AtomicU64,
    /// A handle is for one thread at a time.
    busy: Mutex<()>,
}

static LIBRARIES: Handles<Library> = Handles::new();

/// A handle, which must be one.
pub(super) fn library(handle: Handle) -> Result<Arc<Library>, Dnn> {
    LIBRARIES.get(handle).map_err(|_| refused(Dnn::BAD_PARAM, "handle is no handle"))
}

impl Library {
    pub(super) fn stream(&self) -> Result<Arc<Stream>, Dnn> {
        let found = stream(self.stream.load(Ordering::Acquire))?;
        if found.context == self.context { Ok(found) } else { Err(Dnn::STREAM_MISMATCH) }
    }

    /// Nobody else uses the handle meanwhile, and its device is the one that the thread has chosen.
    pub(super) fn alone(&self) -> Result<MutexGuard<'_, ()>, Dnn> {
        if current()?.handle != self.context {
            report(format_args!("a cuDNN handle is used while another device is current"));
            return Err(refused(Dnn::BAD_PARAM, "the handle is of another device than the current one"));
        }
        self.busy.try_lock().map_err(|_| {
            report(format_args!("a cuDNN handle is used by two threads at once"));
            Dnn::INTERNAL_ERROR
        })
    }
}

exports! {
    panic = 4000, error = Dnn;

    fn cudnnCreate(out: Out<Handle>) {
        let context = current()?;
        no_capture(&context)?;
        let context = context.handle;
        out.set(LIBRARIES.add(Library { context, stream: AtomicU64::new(0), busy: Mutex::new(()) }))?;
        Ok(())
    }

    fn cudnnDestroy(handle: Handle) {
        LIBRARIES.remove(handle).map_err(|_| Dnn::NOT_INITIALIZED)?;
        Ok(())
    }

    fn cudnnSetStream(handle: Handle, on: Handle) {
        let library = library(handle)?;
        let _alone = library.alone()?;
        if stream(on)?.context != library.context {
            return Err(refused(Dnn::STREAM_MISMATCH, "the stream is of another device than the handle"));
        }
        library.stream.store(on, Ordering::Release);
        Ok(())
    }

    fn cudnnGetStream(handle: Handle, on: Out<Handle>) {
        on.set(library(handle)?.stream.load(Ordering::Acquire))?;
        Ok(())
    }
}

/// The version of which this behaves: 9.28.1.
#[unsafe(no_mangle)]
pub extern "C" fn cudnnGetVersion() -> usize {
    92_801
}

/// The version of CUDA that it is built with.
#[unsafe(no_mangle)]
pub extern "C" fn cudnnGetCudartVersion() -> usize {
    13_000
}

/// Writes what this thread's last failure is about.
///
/// # Safety
///
/// `message` is null or has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cudnnGetLastErrorString(message: Out<c_char>, size: usize) {
    _ = write_text(message, size, &last_error());
}

/// The name of a status.
#[unsafe(no_mangle)]
pub extern "C" fn cudnnGetErrorString(status: i32) -> *const c_char {
    let name: &'static str = match status {
        0 => "CUDNN_STATUS_SUCCESS\0",
        1001 => "CUDNN_STATUS_NOT_INITIALIZED\0",
        2000 => "CUDNN_STATUS_BAD_PARAM\0",
        2002 => "CUDNN_STATUS_BAD_PARAM_NULL_POINTER\0",
        2003 => "CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER\0",
        2006 => "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT\0",
        2007 => "CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH\0",
        3000 => "CUDNN_STATUS_NOT_SUPPORTED\0",
        3003 => "CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE\0",
        4000 => "CUDNN_STATUS_INTERNAL_ERROR\0",
        4003 => "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED\0",
        5000 => "CUDNN_STATUS_EXECUTION_FAILED\0",
        5001 => "CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER\0",
        _ => "CUDNN_UNKNOWN_STATUS\0",
    };
    name.as_ptr().cast()
}
