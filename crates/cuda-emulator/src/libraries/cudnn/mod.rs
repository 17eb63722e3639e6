//! cuDNN, as far as its interface by descriptors convolves: the three products of a convolution, in plain loops on memory
//! whose bounds are checked.
//!
//! What it refuses, and with which status, is what cuDNN 9.28 refuses where that needs no GPU to be found out; which
//! algorithm supports what is read from its documentation, and was compared with no GPU.

pub mod algorithm;
pub mod calls;
pub mod description;
pub mod handle;

mod convolve;
mod problem;

use std::cell::RefCell;

use crate::driver::Status;

/// A `cudnnStatus_t` that is not `CUDNN_STATUS_SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dnn(pub i32);

impl Dnn {
    /// There is no such handle.
    pub const NOT_INITIALIZED: Dnn = Dnn(1001);
    /// An argument that cannot be.
    pub const BAD_PARAM: Dnn = Dnn(2000);
    /// A null pointer.
    pub const NULL_POINTER: Dnn = Dnn(2002);
    /// An address that is not a multiple of what it must be.
    pub const MISALIGNED_POINTER: Dnn = Dnn(2003);
    /// Less memory than is needed.
    pub const SIZE_INSUFFICIENT: Dnn = Dnn(2006);
    /// A stream of another device.
    pub const STREAM_MISMATCH: Dnn = Dnn(2007);
    /// What the library does not do.
    pub const NOT_SUPPORTED: Dnn = Dnn(3000);
    /// Types that it does not convolve.
    pub const NOT_SUPPORTED_DATA_TYPE: Dnn = Dnn(3003);
    /// What went wrong is not the caller's fault.
    pub const INTERNAL_ERROR: Dnn = Dnn(4000);
    /// An algorithm that was not measured, since there was too little memory for it.
    pub const ALLOC_FAILED: Dnn = Dnn(4003);
    /// The device failed.
    pub const EXECUTION_FAILED: Dnn = Dnn(5000);
    /// The driver failed.
    pub const EXECUTION_FAILED_CUDA_DRIVER: Dnn = Dnn(5001);
}

impl From<Dnn> for i32 {
    fn from(status: Dnn) -> i32 {
        status.0
    }
}

impl From<Status> for Dnn {
    fn from(status: Status) -> Dnn {
        match status {
            // A pointer of the caller that is null.
            Status::INVALID_VALUE => Dnn::NULL_POINTER,
            Status::NOT_INITIALIZED | Status::INVALID_CONTEXT => Dnn::NOT_INITIALIZED,
            Status::NOT_SUPPORTED => Dnn::NOT_SUPPORTED,
            _ => Dnn::EXECUTION_FAILED_CUDA_DRIVER,
        }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A status with the text that `cudnnGetLastErrorString` gives for it.
fn refused(status: Dnn, why: impl Into<String>) -> Dnn {
    LAST_ERROR.with_borrow_mut(|last| *last = why.into());
    status
}

/// The text, which is told once.
fn last_error() -> String {
    LAST_ERROR.take()
}
