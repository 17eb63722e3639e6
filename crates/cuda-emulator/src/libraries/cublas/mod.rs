//! cuBLAS: products of matrices, column by column in memory, on operands whose bounds are checked.

pub mod gemm;
pub mod gemv;
pub mod handle;
pub mod product;

mod blocks;
pub(in crate::libraries) mod numbers;
mod overlap;

use crate::driver::Status;

/// A `cublasStatus_t` that is not `CUBLAS_STATUS_SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blas(pub i32);

impl Blas {
    /// There is no such handle.
    pub const NOT_INITIALIZED: Blas = Blas(1);
    /// An argument that cannot be.
    pub const INVALID_VALUE: Blas = Blas(7);
    /// An operand that the device cannot read or write.
    pub const EXECUTION_FAILED: Blas = Blas(13);
    /// What went wrong is not the caller's fault.
    pub const INTERNAL_ERROR: Blas = Blas(14);
    /// Types that the library does not multiply.
    pub const NOT_SUPPORTED: Blas = Blas(15);
}

impl From<Blas> for i32 {
    fn from(status: Blas) -> i32 {
        status.0
    }
}

impl From<Status> for Blas {
    fn from(status: Status) -> Blas {
        match status {
            Status::INVALID_VALUE => Blas::INVALID_VALUE,
            Status::NOT_INITIALIZED | Status::INVALID_CONTEXT => Blas::NOT_INITIALIZED,
            Status::NOT_SUPPORTED => Blas::NOT_SUPPORTED,
            _ => Blas::EXECUTION_FAILED,
        }
    }
}
