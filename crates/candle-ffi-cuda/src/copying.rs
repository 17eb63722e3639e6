//! Copies from pinned memory to a device, beside what the device computes.
//!
//! They are on a second stream of the device, and so is the allocation of what they write: a copy need not wait for work that
//! the device was given before it. What it is given after it waits for the copy.

use crate::array::wrap;
use crate::copy::copied;
use crate::passed::Stream;
use crate::{capture, memory, pinned, stream};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::result;
use candle_core::{CpuStorage, CudaDevice, DType, Device, Result, Storage, Tensor, WithDType};
use std::sync::{Mutex, PoisonError};

/// The copying streams, by the addresses of their contexts.
static STREAMS: Mutex<Vec<(usize, Stream)>> = Mutex::new(Vec::new());

/// A contiguous tensor of the host on a device, of which the host does not wait; None unless it is in memory of
/// [`pinned::allocate`], and copies can be beside other work.
pub(crate) fn from_pinned(host: &Tensor, device: &CudaDevice) -> Result<Option<Tensor>> {
    // What a graph copies is copied at each of its launches, in its place.
    if capture::is_captured(device) {
        return Ok(None);
    }
    match memory_of(host) {
        // SAFETY: the elements of the tensor, which is kept by the caller while the copy is started.
        Some(at) => unsafe { started(at, host.dims(), host.dtype(), device) },
        None => Ok(None),
    }
}

/// The most that is copied on the host so that it need not wait.
const STAGED: usize = 256 << 20;

/// A contiguous tensor of the host on a device, which reads a copy of it in pinned memory, so that the host does not wait; None
/// where that is too much, or copies cannot be beside other work.
pub(crate) fn staged(host: &Tensor, device: &CudaDevice) -> Result<Option<Tensor>> {
    let Some(at) = memory_of(host) else { return Ok(None) };
    if host.elem_count() * host.dtype().size_in_bytes() > STAGED {
        return Ok(None);
    }
    // SAFETY: the elements of the tensor.
    let sent = unsafe { through_pinned(at, host.dims(), host.dtype(), device) }?;
    match sent {
        // What a graph begins with is for it alone to read: each replay makes what it changes from that.
        Some(sent) if capture::is_captured(device) => copied(&sent).map(Some),
        sent => Ok(sent),
    }
}

/// Where the elements of a contiguous tensor of the host are; None for others, and for dtypes that devices have no kernels for.
fn memory_of(host: &Tensor) -> Option<*const u8> {
    let (storage, layout) = host.storage_and_layout();
    let (Storage::Cpu(storage), Some(range)) = (&*storage, layout.contiguous_offsets()) else { return None };
    Some(first(storage)?.wrapping_add(range.0 * host.dtype().size_in_bytes()))
}

/// Numbers of the host on a device. The host does not wait, but where a graph is captured, which begins with them.
pub(crate) fn sent<T: WithDType>(data: &[T], device: &CudaDevice) -> Result<Tensor> {
    // SAFETY: the numbers.
    match unsafe { through_pinned(data.as_ptr().cast(), &[data.len()], T::DTYPE, device) }? {
        Some(copied) => Ok(copied),
        None => Tensor::new(data, &Device::Cuda(device.clone())),
    }
}

/// # Safety
///
/// So many elements of the dtype are at the address of the host.
unsafe fn through_pinned(from: *const u8, dims: &[usize], dtype: DType, device: &CudaDevice) -> Result<Option<Tensor>> {
    let bytes = dims.iter().product::<usize>() * dtype.size_in_bytes();
    if bytes == 0 {
        return Ok(None);
    }
    let block = pinned::allocate(device, bytes)?;
    // SAFETY: the block has room for the elements, and is nobody else's; it is given back when the copy has been started.
    unsafe {
        block.copy_from_nonoverlapping(from, bytes);
        let sent = started(block, dims, dtype, device);
        pinned::free(block);
        sent
    }
}

/// # Safety
///
/// So many elements of the dtype are at the address of the host, until the copy has been started.
unsafe fn started(from: *const u8, dims: &[usize], dtype: DType, device: &CudaDevice) -> Result<Option<Tensor>> {
    let count: usize = dims.iter().product();
    let bytes = count * dtype.size_in_bytes();
    let work = device.cuda_stream();
    if bytes == 0 || !work.context().has_async_alloc() {
        return Ok(None);
    }
    let _pass = capture::enter(device)?;
    work.context().bind_to_thread().w()?;
    let copying = of(device)?;
    // Before the copy is started: whoever gives the memory back from now on leaves it to the copy first.
    if !pinned::kept_for_stream(copying, from) {
        return Ok(None);
    }
    // SAFETY: new memory, which the copy writes in the order of its stream; what uses it later, and gives it back, is on the
    // other stream behind the copy.
    unsafe {
        let address = memory::allocate(device, bytes, dims, dtype, || result::malloc_async(copying.0, bytes).w())?;
        let data = std::slice::from_raw_parts(from, bytes);
        let started = result::memcpy_htod_async(address, data, copying.0).w();
        let ordered = match capture::is_captured(device) {
            // A stream that is captured waits for nothing outside.
            true => result::stream::synchronize(copying.0).w(),
            false => stream::order(copying.0, work.cu_stream()),
        };
        let result = wrap(device, address, count, dtype)?;
        if let Err(error) = started.and(ordered) {
            // The memory goes back in the order of the other stream, which is not behind the copy.
            let _ = result::stream::synchronize(copying.0);
            return Err(error);
        }
        result.reshape(dims).map(Some)
    }
}

/// The copying stream of a device, whose context is current; it stays.
fn of(device: &CudaDevice) -> Result<Stream> {
    let context = device.cuda_stream().context().cu_ctx().addr();
    let mut streams = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = streams.iter().find(|(of, _)| *of == context) {
        return Ok(*known);
    }
    let new = Stream(result::stream::create(result::stream::StreamKind::NonBlocking).w()?);
    streams.push((context, new));
    Ok(new)
}

/// Where the elements of a storage begin; None for dtypes that devices have no kernels for.
fn first(storage: &CpuStorage) -> Option<*const u8> {
    Some(match storage {
        CpuStorage::U8(data) => data.as_ptr(),
        CpuStorage::U32(data) => data.as_ptr().cast(),
        CpuStorage::I16(data) => data.as_ptr().cast(),
        CpuStorage::I32(data) => data.as_ptr().cast(),
        CpuStorage::I64(data) => data.as_ptr().cast(),
        CpuStorage::BF16(data) => data.as_ptr().cast(),
        CpuStorage::F16(data) => data.as_ptr().cast(),
        CpuStorage::F32(data) => data.as_ptr().cast(),
        CpuStorage::F64(data) => data.as_ptr().cast(),
        CpuStorage::F8E4M3(data) => data.as_ptr().cast(),
        _ => return None,
    })
}
