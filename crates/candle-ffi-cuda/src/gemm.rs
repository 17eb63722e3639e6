//! Products of matrices in device memory, by cuBLAS.

use crate::capture;
use candle_core::cuda_backend::cudarc::cublas::{result, sys};
use candle_core::cuda_backend::{
    WrapErr, gemm_reduced_precision_f16 as half_sums, gemm_reduced_precision_f32 as tensor_floats,
};
use candle_core::{CudaDevice, DType, Result, bail};
use half::f16;
use smallvec::SmallVec;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Some versions of cuBLAS take no more matrices in one call.
const MOST_MATRICES: usize = 65_535;

/// What one call takes.
const LIMIT: Limit = Limit { size: c_int::MAX as usize, matrices: MOST_MATRICES };

/// The rows, columns and distances of a matrix that one call takes at most, and the matrices.
#[derive(Clone, Copy, Debug)]
struct Limit {
    size: usize,
    matrices: usize,
}

impl Limit {
    /// A dimension in parts, whose elements lie so far apart in the matrices that have it. What lies further apart than can
    /// be said is taken one at a time.
    fn parts(self, size: usize, distances: &[usize]) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
        let far = distances.iter().any(|distance| *distance > self.size);
        let most = match size {
            _ if far => 1,
            size if size <= self.size => size,
            // A power of two, so that each part begins where the memory is aligned.
            _ => (self.size / 2 + 1).next_power_of_two().min(self.size),
        };
        (0..size).step_by(most.max(1)).map(move |start| start..size.min(start + most))
    }
}

/// Dtypes of halves whose products in parts of the sum may be added up in the dtype itself.
static REDUCED_PARTS: AtomicU8 = AtomicU8::new(0);

/// Lets cuBLAS add up the parts of a long sum in `bfloat16` or `float16`, or not: it then keeps `float32` up to the end. At
/// first it is not let.
pub fn allow_reduced_parts(dtype: DType, allowed: bool) {
    if allowed {
        REDUCED_PARTS.fetch_or(bit(dtype), Ordering::Relaxed);
    } else {
        REDUCED_PARTS.fetch_and(!bit(dtype), Ordering::Relaxed);
    }
}

fn bit(dtype: DType) -> u8 {
    match dtype {
        DType::F16 => 1,
        DType::BF16 => 2,
        _ => 0,
    }
}

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

    /// Elements from one row to the next, and from one column to the next.
    fn distances(self) -> [usize; 2] {
        if self.transposed { [1, self.leading] } else { [self.leading, 1] }
    }

    /// The part that begins at a row and a column.
    fn at(self, row: usize, column: usize, dtype: DType) -> Self {
        let [down, right] = self.distances();
        self.after(row * down + column * right, dtype)
    }

    /// So many elements further.
    pub(crate) fn after(self, elements: usize, dtype: DType) -> Self {
        Self { address: self.address + (elements * dtype.size_in_bytes()) as u64, ..self }
    }
}

/// `out = scale · lhs × rhs + keep · out` for a batch of `[m, k] × [k, n]`.
///
/// Halves are summed in float32, also where the sum is in parts ([`allow_reduced_parts`]). With Candle's switches for
/// products of reduced precision, float32 is multiplied as TF32 and float16 summed in float16.
///
/// What is too large for one call of cuBLAS is done in several. Sums that are too long for one are rounded to the dtype of
/// the result between them.
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
        // SAFETY: the caller's word.
        unsafe { self.run_within(LIMIT, device, lhs, rhs, out) }
    }

    /// # Safety
    ///
    /// As for [`Self::run`].
    unsafe fn run_within(
        &self,
        limit: Limit,
        device: &CudaDevice,
        lhs: Matrix,
        rhs: Matrix,
        out: Matrix,
    ) -> Result<()> {
        let [left, right, result] = [lhs, rhs, out].map(Matrix::distances);
        let (rows, columns) = (limit.parts(self.m, &[left[0], result[0]]), limit.parts(self.n, &[right[1], result[1]]));
        let sums: SmallVec<[Range<usize>; 1]> = limit.parts(self.k, &[left[1], right[0]]).collect();
        for start in (0..self.batch).step_by(limit.matrices) {
            let batch = (self.batch - start).min(limit.matrices);
            let lhs = lhs.after(start * lhs.step, self.dtype);
            let rhs = rhs.after(start * rhs.step, self.dtype);
            let out = out.after(start * out.step, self.result);
            for row in rows.clone() {
                for column in columns.clone() {
                    for sum in &sums {
                        // All but the first are added to what is there.
                        let keep = if sum.start == 0 { self.keep } else { 1.0 };
                        let part = Self { m: row.len(), n: column.len(), k: sum.len(), batch, keep, ..*self };
                        let lhs = lhs.at(row.start, sum.start, self.dtype);
                        let rhs = rhs.at(sum.start, column.start, self.dtype);
                        // SAFETY: the caller's word; the part is inside of the matrices.
                        unsafe { part.call(device, lhs, rhs, out.at(row.start, column.start, self.result)) }?;
                    }
                }
            }
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
            let (least, count) = if matrix.transposed { (rows, columns) } else { (columns, rows) };
            // Of a single row or column nothing follows.
            int(if count == 1 { least } else { matrix.leading.max(least) }.max(1))
        };
        let blas = device.cublas_handle();
        let _held = self.set_mode(*blas.handle())?;
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

/// Held while a product depends on the mode of its handle, which threads share.
static MODE: Mutex<()> = Mutex::new(());

impl Gemm {
    /// Puts a handle into the mode that products of halves want of it; others want none. The mode stays for as long as the
    /// guard lives.
    fn set_mode(&self, handle: sys::cublasHandle_t) -> Result<Option<MutexGuard<'static, ()>>> {
        use sys::cublasMath_t as mode;
        if bit(self.result) == 0 {
            return Ok(None);
        }
        let wanted = match REDUCED_PARTS.load(Ordering::Relaxed) & bit(self.result) {
            0 => mode::CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION,
            _ => mode::CUBLAS_DEFAULT_MATH,
        };
        let held = MODE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the handle is the device's. Setting the mode that it has costs no more than asking for it.
        unsafe { sys::cublasSetMathMode(handle, wanted) }.result().w()?;
        Ok(Some(held))
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

#[cfg(test)]
pub(crate) mod tests;
