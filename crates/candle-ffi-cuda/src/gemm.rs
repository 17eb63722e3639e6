//! Products of matrices in device memory, by cuBLAS.

use crate::capture;
use candle_core::cuda_backend::cudarc::cublas::{result, sys};
use candle_core::cuda_backend::{
    WrapErr, gemm_reduced_precision_f16 as half_sums, gemm_reduced_precision_f32 as tensor_floats,
};
use candle_core::{CudaDevice, DType, Result, bail};
use half::f16;
use std::ffi::{c_int, c_void};

/// Some versions of cuBLAS take no more matrices in one call.
const MOST_MATRICES: usize = 65_535;

/// Where the matrices of a batch lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    address: u64,
    /// Elements from one row to the next, or where `transposed` from one column to the next.
    leading: usize,
    transposed: bool,
    /// Elements from one matrix to the next.
    step: usize,
}

impl Matrix {
    /// Rows of adjacent elements.
    pub(crate) fn rows(address: u64, leading: usize) -> Self {
        Self { address, leading, transposed: false, step: 0 }
    }

    /// Columns of adjacent elements.
    pub(crate) fn columns(address: u64, leading: usize) -> Self {
        Self { address, leading, transposed: true, step: 0 }
    }

    /// With another matrix after so many elements. 0: the same one for the whole batch.
    pub(crate) fn every(self, step: usize) -> Self {
        Self { step, ..self }
    }

    /// So many elements further.
    pub(crate) fn after(self, elements: usize, dtype: DType) -> Self {
        Self { address: self.address + (elements * dtype.size_in_bytes()) as u64, ..self }
    }
}

/// `out = scale · lhs × rhs + keep · out` for a batch of `[m, k] × [k, n]`.
///
/// Halves are summed in float32. With Candle's switches for products of reduced precision, float32 is multiplied as
/// TF32 and float16 summed in float16; that for bfloat16 has no counterpart in cuBLAS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemm {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) batch: usize,
    /// Of both operands.
    pub(crate) dtype: DType,
    /// Of the result: the same, or float32 for halves.
    pub(crate) result: DType,
    pub(crate) scale: f64,
    /// 0: what is in `out` is not read.
    pub(crate) keep: f64,
}

impl Gemm {
    /// A product for itself.
    pub(crate) fn new([m, n, k]: [usize; 3], dtype: DType) -> Self {
        Self { m, n, k, batch: 1, dtype, result: dtype, scale: 1.0, keep: 0.0 }
    }

    /// Starts the product on the device's stream.
    ///
    /// # Safety
    ///
    /// The matrices are of the dtypes and sizes said, and nobody else has a claim on `out`.
    pub(crate) unsafe fn run(&self, device: &CudaDevice, lhs: Matrix, rhs: Matrix, out: Matrix) -> Result<()> {
        if self.m == 0 || self.n == 0 || self.batch == 0 {
            return Ok(());
        }
        if self.k == 0 || out.transposed {
            bail!("a product that cuBLAS is not asked for: {self:?}");
        }
        let _pass = capture::enter(device)?;
        device.cuda_stream().context().bind_to_thread().w()?;
        for start in (0..self.batch).step_by(MOST_MATRICES) {
            let count = (self.batch - start).min(MOST_MATRICES);
            let part = Self { batch: count, ..*self };
            let (lhs, rhs) = (lhs.after(start * lhs.step, self.dtype), rhs.after(start * rhs.step, self.dtype));
            // SAFETY: the caller's word.
            unsafe { part.call(device, lhs, rhs, out.after(start * out.step, self.result)) }?;
        }
        Ok(())
    }

    /// # Safety
    ///
    /// As for [`Self::run`].
    unsafe fn call(&self, device: &CudaDevice, lhs: Matrix, rhs: Matrix, out: Matrix) -> Result<()> {
        use sys::cublasComputeType_t as compute;
        let halves = self.dtype == DType::F16 && self.result == DType::F16 && half_sums();
        let computed = match self.dtype {
            DType::F64 => compute::CUBLAS_COMPUTE_64F,
            DType::F32 if tensor_floats() => compute::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ if halves => compute::CUBLAS_COMPUTE_16F,
            _ => compute::CUBLAS_COMPUTE_32F,
        };
        // Numbers of the type that is computed in; they are read before the call returns.
        let double = [self.scale, self.keep];
        let single = double.map(|number| number as f32);
        let half = double.map(f16::from_f64);
        let [scale, keep]: [*const c_void; 2] = match self.dtype {
            DType::F64 => double.each_ref().map(|number| std::ptr::from_ref(number).cast()),
            _ if halves => half.each_ref().map(|number| std::ptr::from_ref(number).cast()),
            _ => single.each_ref().map(|number| std::ptr::from_ref(number).cast()),
        };
        let leading = |matrix: Matrix, rows: usize, columns: usize| {
            int(matrix.leading.max(if matrix.transposed { rows } else { columns }).max(1))
        };
        let blas = device.cublas_handle();
        // cuBLAS knows columns of adjacent elements: to it each matrix of rows is its transpose, and the product of those
        // is taken the other way round.
        // SAFETY: the caller's word for the matrices; the numbers live until the call has returned.
        unsafe {
            result::gemm_strided_batched_ex(
                *blas.handle(),
                operation(rhs),
                operation(lhs),
                int(self.n)?,
                int(self.m)?,
                int(self.k)?,
                scale,
                pointer(rhs),
                data_type(self.dtype)?,
                leading(rhs, self.k, self.n)?,
                rhs.step as i64,
                pointer(lhs),
                data_type(self.dtype)?,
                leading(lhs, self.m, self.k)?,
                lhs.step as i64,
                keep,
                pointer(out).cast_mut(),
                data_type(self.result)?,
                leading(out, self.m, self.n)?,
                out.step as i64,
                int(self.batch)?,
                computed,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .w()
    }
}

fn operation(matrix: Matrix) -> sys::cublasOperation_t {
    match matrix.transposed {
        true => sys::cublasOperation_t::CUBLAS_OP_T,
        false => sys::cublasOperation_t::CUBLAS_OP_N,
    }
}

fn pointer(matrix: Matrix) -> *const c_void {
    std::ptr::with_exposed_provenance(matrix.address as usize)
}

fn data_type(dtype: DType) -> Result<sys::cudaDataType> {
    Ok(match dtype {
        DType::F16 => sys::cudaDataType::CUDA_R_16F,
        DType::BF16 => sys::cudaDataType::CUDA_R_16BF,
        DType::F32 => sys::cudaDataType::CUDA_R_32F,
        DType::F64 => sys::cudaDataType::CUDA_R_64F,
        dtype => bail!("{dtype:?} has no products"),
    })
}

fn int(size: usize) -> Result<c_int> {
    match c_int::try_from(size) {
        Ok(size) => Ok(size),
        Err(_) => bail!("a matrix with {size} rows or columns is too large for cuBLAS"),
    }
}
