//! DLPack.
//!
//! Tensors of other libraries without a copy, and ours for them, as `dlpack.h` of version 1 describes them;
//! a program that uses these functions includes it. The functions without `_unversioned` are for
//! `DLManagedTensorVersioned`, the others for the older `DLManagedTensor`.

use crate::adopted::Deleter;
use crate::blob::Block;
use crate::data::{Runs, storage};
use crate::error::{CandleError, CandleStatus};
use crate::handle::{borrow, into_handle};
use crate::managed::{DLManagedTensor, DLManagedTensorVersioned, Delete, DeviceId, Element, Version, View};
use crate::panic::{guard, neutral};
use crate::pointer::{null, output, slice, slice_optional};
use crate::tensor::CandleTensor;
use candle_ffi_core::data::{checked_shape, checked_shape_in_place};
use candle_ffi_core::{DType, Device, DeviceKind, Error, ErrorCode, Result, Tensor, ops};
use std::ffi::c_void;
#[cfg(all(feature = "cuda", target_os = "linux"))]
use std::sync::Arc;
#[cfg(all(feature = "cuda", target_os = "linux"))]
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether elements may be, or must be, copied: one of the `CANDLE_COPY_*` constants.
pub type CandleCopyKind = i32;

/// Share the memory, or fail.
pub const CANDLE_COPY_NEVER: CandleCopyKind = 0;
/// Share the memory where that can be done, else copy.
pub const CANDLE_COPY_IF_NEEDED: CandleCopyKind = 1;
/// Copy.
pub const CANDLE_COPY_ALWAYS: CandleCopyKind = 2;

/// The version that we write, and whose major number we read.
const VERSION: Version = Version { major: 1, minor: 1 };
const CPU: DeviceId = DeviceId { kind: 1, index: 0 };
/// DLPack's numbers of memory that is CUDA's: of a device, of the host but pinned, of both.
const CUDA: i32 = 2;
const CUDA_HOST: i32 = 3;
const CUDA_MANAGED: i32 = 13;
const READ_ONLY: u64 = 1;
const IS_COPIED: u64 = 2;

/// Gives a tensor to another library, whose the result is: its `deleter` frees it.
///
/// `copy` is a `CANDLE_COPY_*` constant. Elements on a CUDA device are given where they are, and may not have
/// been computed yet: `candle_device_let_stream_wait` puts a stream behind them. Fails with
/// `CANDLE_ERROR_GRAPH` when the tensor requires gradients: detach it first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_to_dlpack(
    tensor: *const CandleTensor,
    copy: CandleCopyKind,
    out: *mut *mut DLManagedTensorVersioned,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_to_dlpack(tensor, copy, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "to_dlpack", || {
            let out = output(out, "out")?;
            let (tensor, copied) = exportable(&*borrow(tensor, "tensor")?, copy)?;
            let flags = if copied { IS_COPIED } else { 0 };
            let export = Export::boxed(tensor, |view, delete| DLManagedTensorVersioned {
                version: VERSION,
                context: std::ptr::null_mut(),
                delete,
                flags,
                view,
            })?;
            out.set(export);
            Ok(())
        })
    }
}

/// As `candle_tensor_to_dlpack`, for libraries that know the older form only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_to_dlpack_unversioned(
    tensor: *const CandleTensor,
    copy: CandleCopyKind,
    out: *mut *mut DLManagedTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_to_dlpack_unversioned(tensor, copy, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "to_dlpack", || {
            let out = output(out, "out")?;
            let (tensor, _) = exportable(&*borrow(tensor, "tensor")?, copy)?;
            let context = std::ptr::null_mut();
            out.set(Export::boxed(tensor, |view, delete| DLManagedTensor { view, context, delete })?);
            Ok(())
        })
    }
}

/// Takes a tensor of another library over: on success it is consumed, and its `deleter` is called when the
/// last tensor that uses the memory is gone, or at once after a copy.
///
/// `copy` is a `CANDLE_COPY_*` constant. Memory that is read-only, unaligned or not dense cannot be shared; on a
/// CUDA device, what is not dense cannot be copied either. Work of other streams on that memory is waited for by
/// `candle_device_wait_for_stream`; its `deleter` is called when our work with it is done. Fails with
/// `CANDLE_ERROR_DTYPE` for elements that no dtype of ours has, with `CANDLE_ERROR_DEVICE` for memory that is
/// neither the CPU's nor of a CUDA device that this build can use, and with `CANDLE_ERROR_UNSUPPORTED` for
/// another major version. When it fails `managed` stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_dlpack(
    managed: *mut DLManagedTensorVersioned,
    copy: CandleCopyKind,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_dlpack(managed, copy, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_dlpack", || {
            let out = output(out, "out")?;
            let tensor = managed.as_ref().ok_or_else(|| null("managed"))?;
            let Version { major, minor } = tensor.version;
            if major != VERSION.major {
                let message = format!("a tensor of DLPack {major}.{minor}; this library reads DLPack 1");
                return Err(Error::new(ErrorCode::Unsupported, message));
            }
            let deleter = Deleter { call: tensor.delete, argument: managed.cast() };
            let read_only = tensor.flags & READ_ONLY != 0;
            out.set(into_handle(import(&tensor.view, read_only, copy, deleter)?));
            Ok(())
        })
    }
}

/// As `candle_tensor_from_dlpack`, for libraries that know the older form only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_dlpack_unversioned(
    managed: *mut DLManagedTensor,
    copy: CandleCopyKind,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_dlpack_unversioned(managed, copy, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_dlpack", || {
            let out = output(out, "out")?;
            let tensor = managed.as_ref().ok_or_else(|| null("managed"))?;
            let deleter = Deleter { call: tensor.delete, argument: managed.cast() };
            out.set(into_handle(import(&tensor.view, false, copy, deleter)?));
            Ok(())
        })
    }
}

/// Something of ours that another library holds. `managed` comes first, so that their addresses are one.
#[repr(C)]
struct Export<M> {
    managed: M,
    shape: Vec<i64>,
    strides: Vec<i64>,
    /// A value of its own on the storage: the tensor that was exported may get another one.
    tensor: Tensor,
}

impl<M> Export<M> {
    fn boxed(tensor: Tensor, managed: impl FnOnce(View, Delete) -> M) -> Result<*mut M> {
        let signed =
            |sizes: Vec<usize>| -> Vec<i64> { sizes.into_iter().map(|size| size.cast_signed() as i64).collect() };
        let (mut shape, mut strides) = (signed(tensor.dims()), signed(tensor.strides()));
        let empty = tensor.num_elements() == 0;
        let view = View {
            data: if empty { std::ptr::null_mut() } else { tensor.data_pointer()?.cast() },
            device: id_of(tensor.device())?,
            rank: i32::try_from(shape.len()).map_err(|_| Error::internal("a rank beyond int32_t"))?,
            element: element_of(tensor.dtype()),
            // The vectors move, what they hold does not.
            shape: shape.as_mut_ptr(),
            strides: strides.as_mut_ptr(),
            byte_offset: 0,
        };
        let managed = managed(view, Some(Self::delete));
        Ok(Box::into_raw(Box::new(Self { managed, shape, strides, tensor })).cast())
    }

    /// The `deleter` of what we export.
    unsafe extern "C" fn delete(managed: *mut c_void) {
        neutral((), || {
            if !managed.is_null() {
                // SAFETY: the protocol calls this once, with what `boxed` has made.
                let export = unsafe { Box::from_raw(managed.cast::<Self>()) };
                // The other library's work with it is on streams that ours does not know.
                #[cfg(feature = "cuda")]
                if let Ok(opened @ candle_core::Device::Cuda(_)) = export.tensor.device().to_candle() {
                    let _ = candle_ffi_cuda::device::synchronize(&opened);
                }
                drop((export.shape, export.strides, export.tensor));
            }
            Ok(())
        });
    }
}

/// The tensor as it can be given away, and whether it is a copy.
fn exportable(tensor: &Tensor, copy: CandleCopyKind) -> Result<(Tensor, bool)> {
    if tensor.requires_grad() {
        let message = "a tensor that requires gradients cannot be exported; use x.detach()";
        return Err(Error::new(ErrorCode::Graph, message));
    }
    let detached = ops::detach(tensor)?;
    let device = detached.device();
    match (check_copy(copy)?, device.kind()) {
        (CANDLE_COPY_ALWAYS, DeviceKind::Cpu | DeviceKind::Cuda) => Ok((ops::clone(&detached)?, true)),
        (_, DeviceKind::Cpu | DeviceKind::Cuda) => Ok((detached, false)),
        (CANDLE_COPY_NEVER, _) => {
            Err(Error::device(format!("elements on {device} cannot be shared, only copied"), &[device]))
        }
        _ => Ok((ops::to_device(&detached, Device::CPU)?, true)),
    }
}

/// DLPack's name of a device whose elements are given where they are.
fn id_of(device: Device) -> Result<DeviceId> {
    match device.kind() {
        DeviceKind::Cpu => Ok(CPU),
        DeviceKind::Cuda => {
            let index = i32::try_from(device.index()).map_err(|_| Error::internal("a device index beyond int32_t"))?;
            Ok(DeviceId { kind: CUDA, index })
        }
        DeviceKind::Metal => Err(Error::internal("elements on Metal reached an export in place")),
    }
}

fn check_copy(copy: CandleCopyKind) -> Result<CandleCopyKind> {
    match copy {
        CANDLE_COPY_NEVER | CANDLE_COPY_IF_NEEDED | CANDLE_COPY_ALWAYS => Ok(copy),
        _ => Err(Error::argument(format!("`copy` is {copy}, which is none of the CANDLE_COPY_* constants"))),
    }
}

/// A tensor of what another library gives; on success the deleter has been called or will be.
///
/// # Safety
/// `view` is as DLPack says, and its memory stays until the deleter is called.
unsafe fn import(view: &View, read_only: bool, copy: CandleCopyKind, deleter: Deleter) -> Result<Tensor> {
    let copy = check_copy(copy)?;
    let device = match view.device.kind {
        // Pinned memory is the host's, too.
        kind if kind == CPU.kind || kind == CUDA_HOST => Device::CPU,
        CUDA | CUDA_MANAGED => Device::new(DeviceKind::Cuda, usize::try_from(view.device.index).unwrap_or(usize::MAX))?,
        _ => {
            let message =
                format!("the elements are on {}, and only those on the CPU or CUDA can be taken", name_of(view.device));
            return Err(Error::new(ErrorCode::Device, message));
        }
    };
    let dtype = dtype_of(view.element)?;
    let rank = usize::try_from(view.rank).map_err(|_| Error::argument("a negative number of dimensions"))?;
    // SAFETY: the caller vouches for the view.
    let (shape, steps) = unsafe {
        (slice(view.shape.cast_const(), rank, "shape")?, slice_optional(view.strides.cast_const(), rank, "strides")?)
    };
    let (dims, count) = checked_shape_in_place(shape, dtype)?;
    let size = dtype.size_in_bytes();
    // What is too far is so for `copied` too, unless there is nothing along the dimension.
    let in_bytes = |steps: &[i64]| steps.iter().map(|step| step.saturating_mul(size.cast_signed() as i64)).collect();
    let strides: Option<Vec<i64>> = steps.map(in_bytes);
    let offset = usize::try_from(view.byte_offset)
        .map_err(|_| Error::argument("`byte_offset` reaches beyond the address space"))?;
    let data = view.data.cast::<u8>().wrapping_add(offset);
    if count > 0 && view.data.is_null() {
        return Err(null("data"));
    }
    let block = Block { data, dims: &dims, strides: strides.as_deref(), dtype };
    if device != Device::CPU {
        let obstacle = read_only.then_some("the memory is read-only");
        // SAFETY: the caller vouches for the memory, and then for the deleter.
        return unsafe { import_from_device(&block, device, copy, obstacle, deleter) };
    }
    let (order, obstacle) = match block.order() {
        Ok(order) => {
            let byte_len = if count == 0 { 0 } else { count * size };
            // SAFETY: dense elements from the first on, for which the caller vouches.
            let bytes = unsafe { slice(data.cast_const(), byte_len, "data")? };
            (order, block.obstacle(bytes).or_else(|| read_only.then(|| "the memory is read-only".to_owned())))
        }
        Err(reason) => (Vec::new(), Some(reason)),
    };
    match (copy, obstacle) {
        (CANDLE_COPY_NEVER | CANDLE_COPY_IF_NEEDED, None) => {
            // SAFETY: no obstacle, and the caller vouches for the memory.
            unsafe { block.adopt(&order, deleter) }
        }
        (CANDLE_COPY_NEVER, Some(reason)) => {
            Err(Error::argument(format!("{reason}, so that the memory cannot be shared, only copied")))
        }
        _ => {
            checked_shape(shape, dtype)?;
            // SAFETY: the caller vouches for the memory, and then for the deleter.
            unsafe {
                let tensor = copied(&block, count)?;
                deleter.run();
                Ok(tensor)
            }
        }
    }
}

/// A tensor in memory of a CUDA device, or a copy there.
///
/// # Safety
/// As [`import`].
#[cfg(all(feature = "cuda", target_os = "linux"))]
unsafe fn import_from_device(
    block: &Block<'_>,
    device: Device,
    copy: CandleCopyKind,
    obstacle: Option<&str>,
    deleter: Deleter,
) -> Result<Tensor> {
    struct Sent(Deleter);
    // SAFETY: a deleter may be called on any thread.
    unsafe impl Send for Sent {}

    let order = block.order().map_err(|reason| {
        Error::argument(format!(
            "{reason}, so that neither can {device} use them in place nor are they copied; copy them first"
        ))
    })?;
    let aligned = block.data.addr().is_multiple_of(block.dtype.size_in_bytes());
    let obstacle = if aligned { obstacle } else { Some("`data` is not aligned for its dtype") };
    if let (CANDLE_COPY_NEVER, Some(reason)) = (copy, obstacle) {
        return Err(Error::argument(format!("{reason}, so that the memory cannot be shared, only copied")));
    }
    if !aligned {
        return Err(Error::argument("`data` is not aligned for its dtype, and cannot be read by the device"));
    }
    let candle = device.to_candle()?;
    let count: usize = block.dims.iter().product();
    if count > 0 && !candle_ffi_cuda::is_of_cuda(block.data.addr() as u64) {
        return Err(Error::new(
            ErrorCode::Device,
            format!("`data` is said to be on {device}, and is no memory of CUDA's"),
        ));
    }
    let sent = Sent(deleter);
    // When it fails after all the memory stays the caller's, and is not given back.
    let taken = Arc::new(AtomicBool::new(false));
    let release = {
        let taken = Arc::clone(&taken);
        move || {
            let sent = sent;
            if taken.load(Ordering::Acquire) {
                // SAFETY: the caller of the import allowed this one call.
                unsafe { sent.0.run() };
            }
        }
    };
    // SAFETY: dense elements from the first on, for which the caller vouches.
    let array = unsafe {
        let address = block.data.addr() as u64;
        candle_ffi_cuda::adopt(candle.as_cuda_device()?, address, count, block.dtype.storage(), release)
    }?;
    let (dims, back) = block.laid_out(&order);
    let tensor = Tensor::from_device_storage(&array, &dims, &back, block.dtype)?;
    // The copy is made before the memory goes back: both are on the device's stream.
    let result = if copy == CANDLE_COPY_ALWAYS || obstacle.is_some() { ops::clone(&tensor)? } else { tensor.clone() };
    taken.store(true, Ordering::Release);
    Ok(result)
}

/// Elsewhere there is no CUDA device whose memory could be given.
///
/// # Safety
/// None; the signature is that of the other.
#[cfg(not(all(feature = "cuda", target_os = "linux")))]
unsafe fn import_from_device(
    _: &Block<'_>,
    device: Device,
    _: CandleCopyKind,
    _: Option<&str>,
    _: Deleter,
) -> Result<Tensor> {
    Err(Error::device("memory of CUDA devices can be taken on Linux only", &[device]))
}

/// A copy of the elements.
///
/// # Safety
/// The block's memory can be read as far as its strides reach.
unsafe fn copied(block: &Block<'_>, count: usize) -> Result<Tensor> {
    let size = block.dtype.size_in_bytes();
    let row_major = row_major(block.dims, size);
    let strides = block.strides.unwrap_or(&row_major);
    let (mut low, mut reach) = (0usize, if count == 0 { 0 } else { size });
    for (&dim, &stride) in block.dims.iter().zip(strides).filter(|_| count > 0) {
        let span = usize::try_from(stride.unsigned_abs()).ok().and_then(|step| step.checked_mul(dim - 1));
        let total = span.and_then(|span| reach.checked_add(span));
        let (Some(span), Some(total)) = (span, total) else {
            return Err(Error::argument(format!("strides {strides:?} reach beyond the address space")));
        };
        reach = total;
        low += if stride < 0 { span } else { 0 };
    }
    // SAFETY: the caller vouches for what the strides reach.
    let bytes = unsafe { slice(block.data.wrapping_sub(low).cast_const(), reach, "data")? };
    let runs = Runs::new(block.dims, strides, size, reach)?;
    // SAFETY: the runs write every byte.
    let storage = unsafe { storage(block.dtype, count, |room| runs.copy(bytes, room)) };
    Tensor::from_storage(storage, block.dims, block.dtype, Device::CPU)
}

fn row_major(dims: &[usize], size: usize) -> Vec<i64> {
    let mut strides = vec![0; dims.len()];
    let mut step = size.cast_signed() as i64;
    for (stride, &dim) in strides.iter_mut().zip(dims).rev() {
        *stride = step;
        step = step.wrapping_mul(dim.cast_signed() as i64);
    }
    strides
}

/// DLPack's codes of kinds of elements, by their numbers.
const KINDS: [&str; 18] = [
    "int",
    "uint",
    "float",
    "opaque",
    "bfloat",
    "complex",
    "bool",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
];

fn element_of(dtype: DType) -> Element {
    let (code, bits) = match dtype {
        DType::Bool => (6, 8),
        DType::UInt8 => (1, 8),
        DType::Int16 => (0, 16),
        DType::UInt32 => (1, 32),
        DType::Int32 => (0, 32),
        DType::Int64 => (0, 64),
        DType::Float8E4M3 => (10, 8),
        DType::Float16 => (2, 16),
        DType::BFloat16 => (4, 16),
        DType::Float32 => (2, 32),
        DType::Float64 => (2, 64),
    };
    Element { code, bits, lanes: 1 }
}

fn dtype_of(element: Element) -> Result<DType> {
    let same = |dtype: &DType| {
        let Element { code, bits, lanes } = element_of(*dtype);
        (code, bits, lanes) == (element.code, element.bits, element.lanes)
    };
    DType::ALL.into_iter().find(same).ok_or_else(|| {
        let Element { code, bits, lanes } = element;
        let kind =
            KINDS.get(usize::from(code)).map_or_else(|| format!("code {code}, bits "), |kind| (*kind).to_owned());
        // The names of small floats tell their bits.
        let name = if (7..18).contains(&code) { kind } else { format!("{kind}{bits}") };
        let name = if lanes == 1 { name } else { format!("{name}x{lanes}") };
        let known: Vec<&str> = DType::ALL.into_iter().map(DType::name).collect();
        let message = format!("tensors have no dtype {name}; they have {}", known.join(", "));
        Error::new(ErrorCode::DType, message)
    })
}

fn name_of(device: DeviceId) -> String {
    let kind = match device.kind {
        2 => "CUDA",
        3 => "pinned host memory of CUDA",
        4 => "OpenCL",
        7 => "Vulkan",
        8 => "Metal",
        10 => "ROCm",
        13 => "managed memory of CUDA",
        14 => "oneAPI",
        other => return format!("a device of DLPack's type {other}"),
    };
    format!("{kind}, device {}", device.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_has_a_code_of_its_own_and_others_are_named() {
        for dtype in DType::ALL {
            assert_eq!(dtype_of(element_of(dtype)).unwrap(), dtype);
        }
        let name = |code, bits, lanes| dtype_of(Element { code, bits, lanes }).unwrap_err().to_string();
        assert!(name(0, 8, 1).contains("no dtype int8;"));
        assert!(name(5, 64, 1).contains("no dtype complex64;"));
        assert!(name(12, 8, 1).contains("no dtype float8_e5m2;"));
        assert!(name(2, 32, 4).contains("no dtype float32x4;"));
        assert!(name(99, 3, 1).contains("code 99, bits 3"));
    }
}
