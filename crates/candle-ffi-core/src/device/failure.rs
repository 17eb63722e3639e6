//! What the driver of a device says when it fails, in words that help.

use super::{Device, DeviceKind};
use crate::{DType, Error, ErrorCode};
use candle_ffi_cuda::memory::{OutOfMemory, Request};

/// The failures that are more than a bug: memory that is exhausted, a driver that cannot do what is asked.
#[cold]
pub(crate) fn failure(error: &candle_core::Error) -> Option<Error> {
    match candle_ffi_cuda::memory::out_of_memory(error) {
        Some(full) => Some(out_of_memory(&full)),
        None => candle_ffi_cuda::memory::reason(error).map(|reason| Error::device(reason, &[])),
    }
}

fn out_of_memory(full: &OutOfMemory) -> Error {
    let device = Device { kind: DeviceKind::Cuda, index: full.device };
    let room = format!("{} of the {} bytes of {device} are free", full.free, full.total);
    match &full.request {
        Some(Request { bytes, shape, dtype }) => {
            // Of the two that are stored alike the number, not bool.
            let dtype = DType::ALL.into_iter().rev().find(|known| known.storage() == *dtype);
            let name = dtype.map_or("elements", DType::name);
            let message = format!("cannot allocate {bytes} bytes for shape {shape:?} of {name}: {room}");
            Error::new(ErrorCode::OutOfMemory, message).about(Some(shape), dtype, device)
        }
        None => {
            let large = crate::memory::last_large().map_or_else(String::new, |(bytes, dtype)| {
                format!("; the last large tensor that was asked for has {bytes} bytes of {dtype}")
            });
            let message = format!("{device} has no memory left for this: {room}{large}");
            Error::new(ErrorCode::OutOfMemory, message).about(None, None, device)
        }
    }
}
