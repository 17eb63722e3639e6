//! The memory of a device: what is in use, and what happens when there is no more.
//!
//! Tensors are allocated in the order of the stream, from the pool of the device, which keeps what is freed: to take a
//! block from it and to give it back costs no more than a launch, and waits for nothing.

use crate::{capture, device, graph_pool, pinned};
use candle_core::cuda_backend::cudarc::cublas::{result::CublasError, sys::cublasStatus_t};
use candle_core::cuda_backend::cudarc::curand::{result::CurandError, sys::curandStatus_t};
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};
use candle_core::cuda_backend::{CudaError, WrapErr};
use candle_core::{CudaDevice, DType, Device, Result, bail};
use std::fmt;

use sys::CUmemPool_attribute as Attribute;

/// What is known of the memory of a device, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What nobody on the machine uses.
    pub free: u64,
    /// All there is.
    pub total: u64,
    /// What tensors of this process hold.
    pub allocated: u64,
    /// The most that they held since the start or [`reset_peak`].
    pub peak_allocated: u64,
    /// What this process has taken for tensors: what they hold, and what is kept for the next ones.
    pub reserved: u64,
    /// The most that this was.
    pub peak_reserved: u64,
}

/// What is known of the memory of a device.
pub fn statistics(device: &Device) -> Result<Memory> {
    let device = device.as_cuda_device()?;
    let pool = pool_of(device)?;
    let (free, total) = device.cuda_stream().context().mem_get_info().w()?;
    // What graphs hold does not come from the pool; nobody keeps their peaks apart.
    let (in_graphs, of_graphs) = graph_pool::held(device);
    Ok(Memory {
        free: free as u64,
        total: total as u64,
        allocated: pool.get(Attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)? + in_graphs,
        peak_allocated: pool.get(Attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)? + in_graphs,
        reserved: pool.get(Attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)? + of_graphs,
        peak_reserved: pool.get(Attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH)? + of_graphs,
    })
}

/// Lets the peaks begin again at what is in use now.
pub fn reset_peak(device: &Device) -> Result<()> {
    let pool = pool_of(device.as_cuda_device()?)?;
    // 0 is the only value that these take.
    pool.set(Attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH, 0)?;
    pool.set(Attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH, 0)
}

/// Gives back what is kept for later tensors, once the work that may still use it is done; and pinned memory of the host.
pub fn empty_cache(device: &Device) -> Result<()> {
    trim(device.as_cuda_device()?)?;
    pinned::empty_cache();
    Ok(())
}

/// Makes the pool of a device keep what is freed, where it has one.
pub(crate) fn keep_freed(device: &CudaDevice) -> Result<()> {
    match device.cuda_stream().context().has_async_alloc() {
        true => pool_of(device)?.set(Attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, u64::MAX),
        false => Ok(()),
    }
}

fn trim(device: &CudaDevice) -> Result<()> {
    let _pass = capture::enter(device)?;
    let stream = device.cuda_stream();
    // While a graph is captured nobody can wait; what the device has done with is given back all the same.
    if !capture::is_captured(device) {
        stream.synchronize().w()?;
    }
    if stream.context().has_async_alloc() {
        // SAFETY: the pool is that of the device; what is in use is not touched.
        unsafe { result::mem_pool::trim_to(pool_of(device)?.0, 0) }.w()?;
    }
    Ok(())
}

/// The pool that a device's tensors come from; it lives as long as the device.
struct Pool(sys::CUmemoryPool);

fn pool_of(device: &CudaDevice) -> Result<Pool> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        bail!("this GPU has no memory pools, so nobody counts what is allocated");
    }
    context.bind_to_thread().w()?;
    // SAFETY: the context is of this device.
    Ok(Pool(unsafe { result::device::get_mem_pool(context.cu_device()) }.w()?))
}

impl Pool {
    fn get(&self, attribute: Attribute) -> Result<u64> {
        let mut value = 0u64;
        // SAFETY: the attributes that are asked for here are of 64 bits.
        unsafe { result::mem_pool::get_attribute(self.0, attribute, (&raw mut value).cast()) }.w()?;
        Ok(value)
    }

    fn set(&self, attribute: Attribute, mut value: u64) -> Result<()> {
        // SAFETY: as above.
        unsafe { result::mem_pool::set_attribute(self.0, attribute, (&raw mut value).cast()) }.w()
    }
}

/// A device has no room for what was asked of it.
#[derive(Clone, Debug)]
pub struct OutOfMemory {
    /// Which device.
    pub device: usize,
    /// The tensor that was asked for, where that is known.
    pub request: Option<Request>,
    /// The bytes that nobody uses.
    pub free: u64,
    /// The bytes of the device.
    pub total: u64,
}

/// A tensor that there was no room for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its bytes.
    pub bytes: usize,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its dtype.
    pub dtype: DType,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request {
            Some(Request { bytes, shape, dtype }) => {
                write!(
                    formatter,
                    "cannot allocate {bytes} bytes for shape {shape:?} of {dtype:?} on cuda:{}",
                    self.device
                )?;
            }
            None => write!(formatter, "cuda:{} is out of memory", self.device)?,
        }
        write!(formatter, ": {} of its {} bytes are free", self.free, self.total)
    }
}

impl std::error::Error for OutOfMemory {}

/// Allocates what a tensor needs; where there is no room, once more after everything that is kept was given back.
pub(crate) fn allocate<T>(
    device: &CudaDevice,
    bytes: usize,
    shape: &[usize],
    dtype: DType,
    allocate: impl Fn() -> Result<T>,
) -> Result<T> {
    match allocate() {
        Err(error) if is_out_of_memory(&error) => {}
        result => return result,
    }
    // Trimming may fail too, with what an earlier kernel did wrong: that is the error to be told.
    trim(device)?;
    match allocate() {
        Err(error) if is_out_of_memory(&error) => {
            let (free, total) = device.cuda_stream().context().mem_get_info().w()?;
            let ordinal = device.cuda_stream().context().ordinal();
            let request = Some(Request { bytes, shape: shape.to_vec(), dtype });
            let told = OutOfMemory { device: ordinal, request, free: free as u64, total: total as u64 };
            Err(candle_core::Error::Cuda(Box::new(told)))
        }
        result => result,
    }
}

/// Whether an error says that a device has no more memory; if so, what is known of it.
pub fn out_of_memory(error: &candle_core::Error) -> Option<OutOfMemory> {
    match cause(error)?.downcast_ref::<OutOfMemory>() {
        Some(told) => Some(told.clone()),
        None if is_out_of_memory(error) => Some(of_current_device()),
        None => None,
    }
}

/// What of the driver's errors has a remedy that can be told.
pub fn reason(error: &candle_core::Error) -> Option<String> {
    use sys::CUresult as Code;
    let code = match cause(error)?.downcast_ref::<CudaError>()? {
        CudaError::Cuda(DriverError(code)) | CudaError::Load { cuda: DriverError(code), .. } => *code,
        _ => return None,
    };
    matches!(
        code,
        Code::CUDA_ERROR_NOT_INITIALIZED
            | Code::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
            | Code::CUDA_ERROR_NO_BINARY_FOR_GPU
            | Code::CUDA_ERROR_INVALID_PTX
            | Code::CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
            | Code::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
            | Code::CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD
    )
    .then(|| device::reason(code))
}

fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let Some(cause) = cause(error) else { return false };
    if cause.is::<OutOfMemory>() {
        return true;
    }
    match cause.downcast_ref::<CudaError>() {
        Some(CudaError::Cuda(DriverError(code)) | CudaError::Load { cuda: DriverError(code), .. }) => {
            *code == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY
        }
        Some(CudaError::Cublas(CublasError(code))) => *code == cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED,
        Some(CudaError::Curand(CurandError(code))) => *code == curandStatus_t::CURAND_STATUS_ALLOCATION_FAILED,
        _ => false,
    }
}

/// The error of CUDA behind Candle's.
fn cause(error: &candle_core::Error) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
    use candle_core::Error;
    match error {
        Error::Cuda(cause) => Some(cause.as_ref()),
        Error::WithBacktrace { inner, .. } | Error::Context { inner, .. } => cause(inner),
        _ => None,
    }
}

/// What is free on the device that this thread has just used.
fn of_current_device() -> OutOfMemory {
    let mut device = 0;
    // SAFETY: it is written before the call returns. Where that fails it stays what it is.
    let _ = unsafe { sys::cuCtxGetDevice(&raw mut device) };
    let (free, total) = result::mem_get_info().unwrap_or_default();
    let device = usize::try_from(device).unwrap_or(0);
    OutOfMemory { device, request: None, free: free as u64, total: total as u64 }
}
