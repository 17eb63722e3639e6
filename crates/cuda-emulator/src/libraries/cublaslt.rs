//! cuBLASLt: there to be linked; it computes nothing and says so.

use crate::driver::{Handle, HostPointer, Out, exports};
use crate::libraries::cublas::Blas;

exports! {
    panic = 14, error = Blas;

    fn cublasLtCreate(_handle: Out<Handle>) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtDestroy(_handle: Handle) {
        Err(Blas::NOT_INITIALIZED)
    }

    fn cublasLtMatmulDescCreate(_description: Out<Handle>, _compute: i32, _scale: i32) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulDescDestroy(_description: Handle) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulDescSetAttribute(_description: Handle, _attribute: i32, _value: HostPointer, _size: usize) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatrixLayoutCreate(_layout: Out<Handle>, _number: i32, _rows: u64, _columns: u64, _leading: i64) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatrixLayoutDestroy(_layout: Handle) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatrixLayoutSetAttribute(_layout: Handle, _attribute: i32, _value: HostPointer, _size: usize) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulPreferenceCreate(_preference: Out<Handle>) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulPreferenceDestroy(_preference: Handle) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulPreferenceSetAttribute(_preference: Handle, _attribute: i32, _value: HostPointer, _size: usize) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmulAlgoGetHeuristic(
        _handle: Handle, _description: Handle, _a: Handle, _b: Handle, _c: Handle, _d: Handle, _preference: Handle,
        _wanted: i32, _results: HostPointer, _found: Out<i32>,
    ) {
        Err(Blas::NOT_SUPPORTED)
    }

    fn cublasLtMatmul(
        _handle: Handle, _description: Handle, _alpha: HostPointer, _a: u64, _a_layout: Handle, _b: u64, _b_layout: Handle,
        _beta: HostPointer, _c: u64, _c_layout: Handle, _d: u64, _d_layout: Handle, _algorithm: HostPointer,
        _workspace: u64, _workspace_size: usize, _on: Handle,
    ) {
        Err(Blas::NOT_SUPPORTED)
    }
}
