//! Errors.
//!
//! A failed call returns a code and, where `error` was given, makes a `CandleError` with the details.
//! The caller frees it with `candle_error_free`.

use crate::device::CandleDeviceKind;
use crate::dtype::CandleDType;
use crate::handle::{self, Kind, Opaque, borrow, into_handle};
use crate::panic::neutral;
use crate::pointer::slice_output;
use candle_ffi_core::Error;
use std::ffi::{CString, c_char};

/// The outcome of a call: `CANDLE_OK` or one of the `CANDLE_ERROR_*` codes.
pub type CandleStatus = i32;

/// The details of a failed call.
pub struct CandleError {
    _opaque: [u8; 0],
}

impl Opaque for CandleError {
    type Value = Details;
    const KIND: Kind = Kind::Error;
}

/// The call succeeded.
pub const CANDLE_OK: CandleStatus = 0;
/// An argument outside its domain.
pub const CANDLE_ERROR_INVALID_ARGUMENT: CandleStatus = 1;
/// A pointer that must not be NULL was NULL.
pub const CANDLE_ERROR_NULL_POINTER: CandleStatus = 2;
/// A string that is not UTF-8.
pub const CANDLE_ERROR_INVALID_UTF8: CandleStatus = 3;
/// An output buffer that cannot hold the result.
pub const CANDLE_ERROR_BUFFER_TOO_SMALL: CandleStatus = 4;
/// An object in exclusive use by another thread.
pub const CANDLE_ERROR_BUSY: CandleStatus = 5;
/// A handle of another type.
pub const CANDLE_ERROR_INVALID_HANDLE: CandleStatus = 6;
/// Shapes that do not fit.
pub const CANDLE_ERROR_SHAPE: CandleStatus = 20;
/// A dtype that the operation does not have.
pub const CANDLE_ERROR_DTYPE: CandleStatus = 21;
/// A device that is not there, or two devices in one operation.
pub const CANDLE_ERROR_DEVICE: CandleStatus = 22;
/// An index or a dimension out of range.
pub const CANDLE_ERROR_INDEX: CandleStatus = 23;
/// Memory that cannot be had.
pub const CANDLE_ERROR_OUT_OF_MEMORY: CandleStatus = 30;
/// A gradient that cannot be given.
pub const CANDLE_ERROR_NO_GRADIENT: CandleStatus = 40;
/// Misuse of the graph: none there, freed already, or an unused input.
pub const CANDLE_ERROR_GRAPH: CandleStatus = 41;
/// A value needed for a gradient was changed in place.
pub const CANDLE_ERROR_MODIFIED_IN_PLACE: CandleStatus = 42;
/// Reading or writing a file failed.
pub const CANDLE_ERROR_IO: CandleStatus = 50;
/// A file whose content is not what its format demands.
pub const CANDLE_ERROR_FILE_FORMAT: CandleStatus = 51;
/// Weights that do not fit the module.
pub const CANDLE_ERROR_STATE_DICT: CandleStatus = 52;
/// A combination that this build does not offer.
pub const CANDLE_ERROR_UNSUPPORTED: CandleStatus = 60;
/// A function of the caller, called back, has failed.
pub const CANDLE_ERROR_CALLBACK: CandleStatus = 70;
/// The backend reported a failure.
pub const CANDLE_ERROR_BACKEND: CandleStatus = 90;
/// A panic was caught at the border.
pub const CANDLE_ERROR_PANIC: CandleStatus = 91;
/// A broken promise inside the library.
pub const CANDLE_ERROR_INTERNAL: CandleStatus = 92;

/// What a `CandleError` owns: the error, and its texts as C reads them.
pub struct Details {
    error: Error,
    message: CString,
    operation: CString,
}

/// The code of a failure.
#[inline]
pub(crate) fn status_of(failure: &Error) -> CandleStatus {
    failure.code() as CandleStatus
}

/// The one conversion of a failure to C: gives its code, and its details where they are wanted.
///
/// # Safety
/// `error` is NULL or may be written.
#[cold]
pub(crate) unsafe fn report(error: *mut *mut CandleError, failure: Error) -> CandleStatus {
    let code = status_of(&failure);
    if !error.is_null() && error.is_aligned() {
        let details = Details {
            message: c_string(&failure.to_string()),
            operation: c_string(failure.operation().unwrap_or_default()),
            error: failure,
        };
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { error.write(into_handle(details)) };
    }
    code
}

/// Text for C. A NUL inside it, which no text of ours has but a user's name may, becomes a space.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// The name of a status code, such as "CANDLE_ERROR_SHAPE"; "CANDLE_ERROR_UNKNOWN" for other numbers.
#[unsafe(no_mangle)]
pub extern "C" fn candle_status_name(status: CandleStatus) -> *const c_char {
    forward!(candle_status_name(status));
    match status {
        CANDLE_OK => c"CANDLE_OK",
        CANDLE_ERROR_INVALID_ARGUMENT => c"CANDLE_ERROR_INVALID_ARGUMENT",
        CANDLE_ERROR_NULL_POINTER => c"CANDLE_ERROR_NULL_POINTER",
        CANDLE_ERROR_INVALID_UTF8 => c"CANDLE_ERROR_INVALID_UTF8",
        CANDLE_ERROR_BUFFER_TOO_SMALL => c"CANDLE_ERROR_BUFFER_TOO_SMALL",
        CANDLE_ERROR_BUSY => c"CANDLE_ERROR_BUSY",
        CANDLE_ERROR_INVALID_HANDLE => c"CANDLE_ERROR_INVALID_HANDLE",
        CANDLE_ERROR_SHAPE => c"CANDLE_ERROR_SHAPE",
        CANDLE_ERROR_DTYPE => c"CANDLE_ERROR_DTYPE",
        CANDLE_ERROR_DEVICE => c"CANDLE_ERROR_DEVICE",
        CANDLE_ERROR_INDEX => c"CANDLE_ERROR_INDEX",
        CANDLE_ERROR_OUT_OF_MEMORY => c"CANDLE_ERROR_OUT_OF_MEMORY",
        CANDLE_ERROR_NO_GRADIENT => c"CANDLE_ERROR_NO_GRADIENT",
        CANDLE_ERROR_GRAPH => c"CANDLE_ERROR_GRAPH",
        CANDLE_ERROR_MODIFIED_IN_PLACE => c"CANDLE_ERROR_MODIFIED_IN_PLACE",
        CANDLE_ERROR_IO => c"CANDLE_ERROR_IO",
        CANDLE_ERROR_FILE_FORMAT => c"CANDLE_ERROR_FILE_FORMAT",
        CANDLE_ERROR_STATE_DICT => c"CANDLE_ERROR_STATE_DICT",
        CANDLE_ERROR_UNSUPPORTED => c"CANDLE_ERROR_UNSUPPORTED",
        CANDLE_ERROR_CALLBACK => c"CANDLE_ERROR_CALLBACK",
        CANDLE_ERROR_BACKEND => c"CANDLE_ERROR_BACKEND",
        CANDLE_ERROR_PANIC => c"CANDLE_ERROR_PANIC",
        CANDLE_ERROR_INTERNAL => c"CANDLE_ERROR_INTERNAL",
        _ => c"CANDLE_ERROR_UNKNOWN",
    }
    .as_ptr()
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_free(error: *mut CandleError) {
    forward!(candle_error_free(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        handle::free(error);
        Ok(())
    });
}

/// The code of an error; `CANDLE_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_code(error: *const CandleError) -> CandleStatus {
    forward!(candle_error_code(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(CANDLE_OK, || unsafe { Ok(status_of(&borrow(error, "error")?.error)) })
}

/// The message of an error: what was wrong and what would be right. It lives as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_message(error: *const CandleError) -> *const c_char {
    forward!(candle_error_message(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(c"".as_ptr(), || unsafe { Ok(borrow(error, "error")?.message.as_ptr()) })
}

/// The operation that failed, such as "matmul". It lives as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_operation(error: *const CandleError) -> *const c_char {
    forward!(candle_error_operation(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(c"".as_ptr(), || unsafe { Ok(borrow(error, "error")?.operation.as_ptr()) })
}

/// The number of shapes that an error carries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_num_shapes(error: *const CandleError) -> usize {
    forward!(candle_error_num_shapes(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(error, "error")?.error.shapes().len()) })
}

/// Copies the shape with the given number, as much as `capacity` holds, and returns its rank.
///
/// `shape` may be NULL: then only the rank is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_shape(
    error: *const CandleError,
    number: usize,
    shape: *mut i64,
    capacity: usize,
) -> usize {
    forward!(candle_error_shape(error, number, shape, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let error = borrow(error, "error")?;
        let Some(dims) = error.error.shapes().get(number) else { return Ok(0) };
        let room = if shape.is_null() { &mut [] } else { slice_output(shape, capacity, "shape")? };
        for (slot, &dim) in room.iter_mut().zip(dims) {
            slot.write(i64::try_from(dim).unwrap_or(i64::MAX));
        }
        Ok(dims.len())
    })
}

/// The number of dtypes that an error carries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_num_dtypes(error: *const CandleError) -> usize {
    forward!(candle_error_num_dtypes(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(error, "error")?.error.dtypes().len()) })
}

/// The dtype with the given number; `CANDLE_DTYPE_NONE` when there are fewer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_dtype(error: *const CandleError, number: usize) -> CandleDType {
    forward!(candle_error_dtype(error, number));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(error, "error")?.error.dtypes().get(number).map_or(0, |dtype| dtype.code())) })
}

/// The number of devices that an error carries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_num_devices(error: *const CandleError) -> usize {
    forward!(candle_error_num_devices(error));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(error, "error")?.error.devices().len()) })
}

/// The kind of the device with the given number; 0 when there are fewer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_device_kind(error: *const CandleError, number: usize) -> CandleDeviceKind {
    forward!(candle_error_device_kind(error, number));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        Ok(borrow(error, "error")?.error.devices().get(number).map_or(0, |device| device.kind() as CandleDeviceKind))
    })
}

/// The index of the device with the given number; 0 when there are fewer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_error_device_index(error: *const CandleError, number: usize) -> i32 {
    forward!(candle_error_device_index(error, number));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let index = borrow(error, "error")?.error.devices().get(number).map_or(0, |device| device.index());
        Ok(i32::try_from(index).unwrap_or(i32::MAX))
    })
}
