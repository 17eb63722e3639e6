//! Copies between the host and devices.

use crate::array::{address, device, empty};
use crate::device::WAITS;
use crate::stream::OTHERS;
use crate::{capture, copying, pinned, stream};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, result};
use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, CudaDevice, Result, Storage, Tensor, bail};

/// A contiguous tensor of the host on a device.
///
/// The host waits until its memory has been read; with `non_blocking` it does not wait for pinned memory, which must
/// then not be changed before the device has come so far.
pub fn from_host(host: &Tensor, device: &CudaDevice, non_blocking: bool) -> Result<Tensor> {
    if non_blocking && let Some(result) = copying::from_pinned(host, device)? {
        return Ok(result);
    }
    let result = empty(device, host.shape(), host.dtype())?;
    if host.elem_count() == 0 {
        return Ok(result);
    }
    let (storage, layout) = host.storage_and_layout();
    let (Storage::Cpu(storage), Some(range)) = (&*storage, layout.contiguous_offsets()) else {
        bail!("a tensor that is not contiguous on the host reached a copy to a device");
    };
    let target = (device, address(&result)?);
    match storage {
        CpuStorage::U8(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::U32(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::I16(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::I32(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::I64(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::BF16(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::F16(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::F32(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::F64(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        CpuStorage::F8E4M3(data) => upload(host, &data[range.0..range.1], target, non_blocking),
        _ => bail!("{:?} has no kernels", host.dtype()),
    }?;
    Ok(result)
}

/// The same without waiting for the device: it reads a copy of the host's memory. Where there is too much of it the host
/// waits.
pub fn from_host_staged(host: &Tensor, device: &CudaDevice) -> Result<Tensor> {
    copying::staged(host, device)?.map_or_else(|| from_host(host, device, false), Ok)
}

/// Copies elements of a tensor to an address of a device.
fn upload<T>(host: &Tensor, data: &[T], (device, target): (&CudaDevice, u64), non_blocking: bool) -> Result<()> {
    // Before the copy is started: who frees the memory from now on waits for the device.
    let kept = non_blocking && pinned::kept_for(device, data.as_ptr().cast());
    if kept {
        // A graph reads it again at each replay.
        capture::keep(device, host, data.as_ptr().addr() as u64);
    } else {
        capture::refuse(device, "memory of the host that is not pinned, or is waited for, cannot be copied")?;
    }
    let _pass = capture::enter(device)?;
    let stream = device.cuda_stream();
    stream.context().bind_to_thread().w()?;
    // SAFETY: the target has room for as many elements.
    unsafe { result::memcpy_htod_async(target, data, stream.cu_stream()) }.w()?;
    if kept {
        return Ok(());
    }
    // Nothing promises that the memory has been read when the call returns.
    stream.synchronize().w()
}

/// A contiguous tensor of a device on the host. The host waits for it.
pub fn to_host(x: &Tensor) -> Result<Tensor> {
    use candle_core::DType;
    if !x.is_contiguous() {
        bail!("a tensor that is not contiguous reached a copy to the host");
    }
    let storage = match x.dtype() {
        DType::U8 => CpuStorage::U8(download(x)?),
        DType::U32 => CpuStorage::U32(download(x)?),
        DType::I16 => CpuStorage::I16(download(x)?),
        DType::I32 => CpuStorage::I32(download(x)?),
        DType::I64 => CpuStorage::I64(download(x)?),
        DType::BF16 => CpuStorage::BF16(download(x)?),
        DType::F16 => CpuStorage::F16(download(x)?),
        DType::F32 => CpuStorage::F32(download(x)?),
        DType::F64 => CpuStorage::F64(download(x)?),
        DType::F8E4M3 => CpuStorage::F8E4M3(download(x)?),
        dtype => bail!("{dtype:?} has no kernels"),
    };
    // The device has been waited for.
    #[cfg(target_os = "linux")]
    crate::adopted::finish();
    Ok(Tensor::from_storage(Storage::Cpu(storage), x.shape(), BackpropOp::none(), false))
}

/// The elements of a contiguous tensor of this type. The host waits for them.
pub(crate) fn download<T: DeviceRepr>(x: &Tensor) -> Result<Vec<T>> {
    let count = x.elem_count();
    let mut data = Vec::<T>::new();
    if data.try_reserve_exact(count).is_err() {
        bail!("the host has no memory for {count} elements");
    }
    if count == 0 {
        return Ok(data);
    }
    let (device, from) = (device(x)?, address(x)?);
    capture::refuse(device, WAITS)?;
    let _pass = capture::enter(device)?;
    let stream = device.cuda_stream();
    stream.context().bind_to_thread().w()?;
    // SAFETY: the vector has room for the elements, all of which the copy writes before the host goes on.
    unsafe {
        let room = std::slice::from_raw_parts_mut(data.as_mut_ptr(), count);
        result::memcpy_dtoh_async(room, from, stream.cu_stream()).w()?;
        stream.synchronize().w()?;
        data.set_len(count);
    }
    Ok(data)
}

/// A contiguous tensor of one device on another. Nobody waits but the devices' streams for each other.
pub fn between(x: &Tensor, target: &CudaDevice) -> Result<Tensor> {
    let source = device(x)?;
    let (from, to) = (source.cuda_stream(), target.cuda_stream());
    capture::refuse(source, OTHERS)?;
    capture::refuse(target, OTHERS)?;
    if !x.is_contiguous() {
        bail!("a tensor that is not contiguous reached a copy between devices");
    }
    let result = empty(target, x.shape(), x.dtype())?;
    if x.elem_count() == 0 {
        return Ok(result);
    }
    let bytes = x.elem_count() * x.dtype().size_in_bytes();
    let (written, read) = (address(&result)?, address(x)?);
    let _pass = capture::enter_both(source, target)?;
    // SAFETY: both tensors have so many bytes. The copy is on the target's stream, between the source's writes before it
    // and its being freed or changed after it.
    unsafe {
        from.context().bind_to_thread().w()?;
        stream::order(from.cu_stream(), to.cu_stream())?;
        to.context().bind_to_thread().w()?;
        result::memcpy_peer_async(to.context().cu_ctx(), written, from.context().cu_ctx(), read, bytes, to.cu_stream())
            .w()?;
        stream::order(to.cu_stream(), from.cu_stream())?;
    }
    Ok(result)
}
