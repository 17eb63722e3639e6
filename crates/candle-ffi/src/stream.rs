//! Streams, and memory that devices read by themselves.
//!
//! All work of a CUDA device is started on one stream of the library, or waited for by it, and no function waits for it but
//! those that read elements on the host. Programs with CUDA work of their own put it in order with these functions.

use crate::device::{CandleDeviceKind, device_of};
use crate::error::{CandleError, CandleStatus};
use crate::handle::{borrow, into_handle, look};
use crate::panic::guard;
use crate::pointer::output;
use crate::tensor::CandleTensor;
use candle_ffi_core::{Device, DeviceKind, Error, ErrorCode, Result, Tensor, ops};

/// The `CUstream` on which a CUDA device works, as a number.
///
/// It lives as long as the process. Fails with `CANDLE_ERROR_UNSUPPORTED` for a device that has no streams.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_stream(
    kind: CandleDeviceKind,
    index: i32,
    out: *mut u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_stream(kind, index, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device_stream", || {
            let out = output(out, "out")?;
            out.set(backend::stream(with_streams(device_of(kind, index)?)?)?);
            Ok(())
        })
    }
}

/// Lets what comes next on another stream wait for what has been started on a device.
///
/// `stream` is a `CUstream` as a number (1 and 2 are CUDA's default streams). Nothing waits on the host. Fails with
/// `CANDLE_ERROR_UNSUPPORTED` for a device that has no streams.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_let_stream_wait(
    kind: CandleDeviceKind,
    index: i32,
    stream: u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_let_stream_wait(kind, index, stream, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device_let_stream_wait", || backend::let_wait(with_streams(device_of(kind, index)?)?, stream))
    }
}

/// Lets what comes next on a device wait for what has been started on another stream.
///
/// As `candle_device_let_stream_wait`, the other way round.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_wait_for_stream(
    kind: CandleDeviceKind,
    index: i32,
    stream: u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_wait_for_stream(kind, index, stream, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device_wait_for_stream", || backend::wait_for(with_streams(device_of(kind, index)?)?, stream))
    }
}

/// A copy of a tensor of the CPU in pinned memory, from which a CUDA device copies while the host goes on.
///
/// Every CUDA device can; where none is open yet, `cuda:0` is opened. The memory is kept when the tensor is freed, for the next
/// one: `candle_device_empty_cache` gives it back.
/// Fails with `CANDLE_ERROR_DEVICE` where there is no CUDA device, and for a tensor that is not on the CPU. The
/// result requires no gradients.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_pin_memory(
    tensor: *const CandleTensor,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_pin_memory(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "pin_memory", || {
            let out = output(out, "out")?;
            let tensor = ops::detach(&*borrow(tensor, "tensor")?)?;
            if tensor.device() != Device::CPU {
                let message = format!("a tensor on {} has no memory of the host to pin", tensor.device());
                return Err(Error::device(message, &[tensor.device()]));
            }
            // Every device reaches the memory: none is opened for it where one is open, which need not be the first.
            let device = match Device::opened(DeviceKind::Cuda) {
                Some(device) => device,
                None => Device::new(DeviceKind::Cuda, 0)?,
            };
            out.set(into_handle(backend::pinned(&ops::contiguous(&tensor)?, device)?));
            Ok(())
        })
    }
}

/// Whether a tensor's elements are in pinned memory of the host: 1 or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_is_pinned(
    tensor: *const CandleTensor,
    out: *mut i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_is_pinned(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "is_pinned", || {
            let out = output(out, "out")?;
            let tensor = look(tensor, "tensor")?;
            let on_host = tensor.device() == Device::CPU && tensor.num_elements() > 0;
            out.set((on_host && backend::is_pinned(tensor.data_pointer()?)).into());
            Ok(())
        })
    }
}

fn with_streams(device: Device) -> Result<Device> {
    match device.kind() {
        DeviceKind::Cuda => Ok(device),
        _ => Err(Error::new(ErrorCode::Unsupported, format!("{device} has no streams; CUDA devices have"))),
    }
}

#[cfg(feature = "cuda")]
mod backend {
    use super::{Device, Error, Result, Tensor};
    use crate::adopted::Deleter;
    use crate::blob::Block;
    use candle_core::CudaDevice;
    use candle_ffi_cuda::pinned;
    use std::ffi::c_void;

    fn open(device: Device) -> Result<CudaDevice> {
        Ok(device.to_candle()?.as_cuda_device()?.clone())
    }

    pub(super) fn stream(device: Device) -> Result<u64> {
        Ok(candle_ffi_cuda::stream_handle(&open(device)?))
    }

    pub(super) unsafe fn let_wait(device: Device, stream: u64) -> Result<()> {
        // SAFETY: the caller of the export vouches for the stream.
        Ok(unsafe { candle_ffi_cuda::let_wait(&open(device)?, stream) }?)
    }

    pub(super) unsafe fn wait_for(device: Device, stream: u64) -> Result<()> {
        // SAFETY: the caller of the export vouches for the stream.
        Ok(unsafe { candle_ffi_cuda::wait_for(&open(device)?, stream) }?)
    }

    pub(super) fn is_pinned(address: *const u8) -> bool {
        pinned::is_pinned(address)
    }

    /// A copy of a contiguous tensor.
    pub(super) fn pinned(tensor: &Tensor, device: Device) -> Result<Tensor> {
        unsafe extern "C" fn free(block: *mut c_void) {
            // SAFETY: the deleter of a block of `allocate`, called once.
            unsafe { pinned::free(block.cast()) };
        }
        let (dims, dtype) = (tensor.dims(), tensor.dtype());
        let bytes = tensor.num_elements() * dtype.size_in_bytes();
        let data = pinned::allocate(&open(device)?, bytes)?;
        let block = Block { data, dims: &dims, strides: None, dtype };
        let order: Vec<usize> = (0..dims.len()).collect();
        // SAFETY: new memory of so many bytes, aligned to a page, which `free` gives back.
        let adopted = unsafe {
            if bytes > 0 {
                data.copy_from_nonoverlapping(tensor.data_pointer()?, bytes);
            }
            block.adopt(&order, Deleter { call: Some(free), argument: data.cast() })
        };
        adopted.inspect_err(|_: &Error| {
            // SAFETY: nobody has got it.
            unsafe { pinned::free(data) };
        })
    }
}

/// Without CUDA there is no device that these could be asked of.
#[cfg(not(feature = "cuda"))]
mod backend {
    use super::{Device, Error, Result, Tensor};

    fn none<T>() -> Result<T> {
        Err(Error::internal("a CUDA device in a build without CUDA"))
    }

    pub(super) fn stream(_: Device) -> Result<u64> {
        none()
    }

    pub(super) unsafe fn let_wait(_: Device, _: u64) -> Result<()> {
        none()
    }

    pub(super) unsafe fn wait_for(_: Device, _: u64) -> Result<()> {
        none()
    }

    pub(super) fn is_pinned(_: *const u8) -> bool {
        false
    }

    pub(super) fn pinned(_: &Tensor, _: Device) -> Result<Tensor> {
        none()
    }
}
