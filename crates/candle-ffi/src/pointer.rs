//! Pointers that are no handles: arrays, texts, structures, and where results go. With `handle.rs` this is
//! where all `unsafe` primitives of the border are.

use crate::handle::{Opaque, into_handle};
use candle_ffi_core::{Error, ErrorCode, Result};
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

fn check_array<T>(pointer: *const T, len: usize, name: &'static str) -> Result<()> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.is_aligned() {
        return Err(Error::argument(format!("`{name}` is not aligned for its type")));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::argument(format!("`{name}` cannot have {len} elements: no address space holds them"))),
    }
}

/// Borrows an array; with `len` 0 the pointer is not looked at.
///
/// # Safety
/// `pointer` is NULL or points to `len` readable values that nobody changes during `'a`.
#[inline]
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, len: usize, name: &'static str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    check_array(pointer, len, name)?;
    // SAFETY: not NULL, aligned, of a possible length; the caller vouches for the rest.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Borrows an array, with a NULL pointer meaning none.
///
/// # Safety
/// As [`slice`].
#[inline]
pub(crate) unsafe fn slice_optional<'a, T>(
    pointer: *const T,
    len: usize,
    name: &'static str,
) -> Result<Option<&'a [T]>> {
    // SAFETY: passed on from the caller.
    if pointer.is_null() { Ok(None) } else { unsafe { slice(pointer, len, name) }.map(Some) }
}

/// Borrows an array to be written; with `len` 0 the pointer is not looked at.
///
/// # Safety
/// `pointer` is NULL or points to `len` initialised values that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn slice_mut<'a, T>(pointer: *mut T, len: usize, name: &'static str) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    check_array(pointer, len, name)?;
    // SAFETY: not NULL, aligned, of a possible length; the caller vouches for the rest.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
}

/// Borrows an array that is only written, so that it may be uninitialised.
///
/// # Safety
/// `pointer` is NULL or points to `len` values that may be written and that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn slice_output<'a, T>(
    pointer: *mut T,
    len: usize,
    name: &'static str,
) -> Result<&'a mut [MaybeUninit<T>]> {
    // SAFETY: a `MaybeUninit` needs no initialised memory; the caller vouches for the rest.
    unsafe { slice_mut(pointer.cast(), len, name) }
}

/// Reads a value, with NULL meaning none.
///
/// # Safety
/// `pointer` is NULL or points to a readable value.
#[inline]
pub(crate) unsafe fn value_optional<T: Copy>(pointer: *const T, name: &'static str) -> Result<Option<T>> {
    // SAFETY: passed on from the caller.
    Ok(unsafe { slice_optional(pointer, 1, name) }?.map(|values| values[0]))
}

/// Borrows a C string as text.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that outlives `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &'static str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL; the caller vouches for the terminator.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .map_err(|_| Error::new(ErrorCode::InvalidUtf8, format!("`{name}` is not UTF-8")))
}

/// Types of elements: numbers whose every bit pattern is a value.
///
/// # Safety
/// The type has no padding, no invalid bit pattern and no drop.
pub(crate) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($T:ty),*) => {$(
        // SAFETY: a number.
        unsafe impl Plain for $T {}
    )*};
}

plain!(u8, i16, u32, i32, i64, float8::F8E4M3, half::f16, half::bf16, f32, f64);

/// New elements from bytes, without writing the memory twice.
///
/// # Safety
/// `fill` writes every byte that it is given.
pub(crate) unsafe fn elements_of_bytes<T: Plain>(count: usize, fill: impl FnOnce(&mut [MaybeUninit<u8>])) -> Vec<T> {
    let mut elements = Vec::<T>::with_capacity(count);
    let room = &mut elements.spare_capacity_mut()[..count];
    // SAFETY: the same memory as bytes, which have no alignment.
    fill(unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), size_of_val(room)) });
    // SAFETY: `fill` has written every byte, and any bytes are a `T`.
    unsafe { elements.set_len(count) };
    elements
}

/// Elements in memory of others, as a vector.
///
/// # Safety
/// `data` is aligned and points to `count` elements, more than none, which the allocator knows as adopted.
pub(crate) unsafe fn elements_at<T: Plain>(data: *mut T, count: usize) -> Vec<T> {
    // SAFETY: any bytes are a `T`, and the allocator gives the memory back to its owner.
    unsafe { Vec::from_raw_parts(data, count, count) }
}

/// Elements seen as bytes.
pub(crate) fn bytes_of<T: Plain>(elements: &[T]) -> &[u8] {
    // SAFETY: plain numbers are initialised bytes without padding.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

/// Copies text for C, NUL-terminated and cut where the room ends, and returns its whole length.
///
/// # Safety
/// `room` is NULL, which asks for the length alone, or points to `capacity` bytes that may be written.
pub(crate) unsafe fn copy_text(text: &str, room: *mut c_char, capacity: usize, name: &'static str) -> Result<usize> {
    if !room.is_null() && capacity > 0 {
        // SAFETY: passed on from the caller.
        let room = unsafe { slice_output(room.cast::<u8>(), capacity, name) }?;
        let len = text.len().min(capacity - 1);
        for (slot, &byte) in room.iter_mut().zip(text.as_bytes()[..len].iter().chain(&[0])) {
            slot.write(byte);
        }
    }
    Ok(text.len())
}

/// A structure of options, whose first member tells its size; NULL means the defaults, and so does what
/// lies beyond the size that the caller knows.
///
/// # Safety
/// `T` is plain numbers and begins with a `usize`, its size; `pointer` is NULL or points to a structure
/// of the size that it tells.
pub(crate) unsafe fn options<T: Copy + Default>(pointer: *const T, name: &'static str) -> Result<T> {
    let mut options = T::default();
    if pointer.is_null() {
        return Ok(options);
    }
    // SAFETY: passed on from the caller.
    let size = unsafe { known_size(pointer, name) }?;
    // SAFETY: the caller vouches for `size` bytes, which fit in a `T`; any bytes are numbers.
    unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), ptr::from_mut(&mut options).cast(), size) };
    Ok(options)
}

/// The size that a structure tells in its first member, once it is sure that this library knows it.
///
/// # Safety
/// `pointer` is NULL or points to a structure that begins with a `usize`.
unsafe fn known_size<T>(pointer: *const T, name: &'static str) -> Result<usize> {
    check_array(pointer, 1, name)?;
    // SAFETY: the structure begins with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    // Sizes end between members of eight bytes: half of one would be torn.
    if size < size_of::<usize>() || size > size_of::<T>() || size % size_of::<u64>() != 0 {
        return Err(Error::argument(format!(
            "`{name}` has struct_size {size}; this library knows multiples of 8 from {} to {}",
            size_of::<usize>(),
            size_of::<T>()
        )));
    }
    Ok(size)
}

/// Where a structure of results goes, as much of it as the caller knows.
pub(crate) struct OutputStructure<'a, T> {
    pointer: *mut T,
    size: usize,
    _borrow: PhantomData<&'a mut T>,
}

/// Checks where a structure of results goes, whose first member tells its size.
///
/// # Safety
/// `T` begins with a `usize`, its size, and has no padding; `pointer` is NULL or points to a structure of the size that
/// it tells, which may be written and outlives `'a`.
pub(crate) unsafe fn output_structure<'a, T: Copy>(
    pointer: *mut T,
    name: &'static str,
) -> Result<OutputStructure<'a, T>> {
    // SAFETY: passed on from the caller.
    let size = unsafe { known_size(pointer, name) }?;
    Ok(OutputStructure { pointer, size, _borrow: PhantomData })
}

impl<T: Copy> OutputStructure<'_, T> {
    /// Writes the members that the caller knows, and leaves the size as it is.
    pub(crate) fn set(self, value: &T) {
        let head = size_of::<usize>();
        // SAFETY: `output_structure` has vouched for `size` bytes, which a `T` has too.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(value).cast::<u8>().add(head),
                self.pointer.cast::<u8>().add(head),
                self.size - head,
            );
        }
    }
}

/// Where a result goes: checked before the work is done, written only when it has succeeded.
pub(crate) struct Output<'a, T>(&'a mut MaybeUninit<T>);

/// Checks where a result goes.
///
/// # Safety
/// `pointer` is NULL or may be written, and outlives `'a`.
#[inline]
pub(crate) unsafe fn output<'a, T>(pointer: *mut T, name: &'static str) -> Result<Output<'a, T>> {
    check_array(pointer, 1, name)?;
    // SAFETY: not NULL and aligned; what is there is not read.
    Ok(Output(unsafe { &mut *pointer.cast() }))
}

impl<T> Output<'_, T> {
    /// Writes a plain value.
    #[inline]
    pub(crate) fn set(self, value: T) {
        self.0.write(value);
    }
}

impl<C: Opaque> Output<'_, *mut C> {
    /// Writes a new handle that the caller owns.
    #[inline]
    pub(crate) fn put(self, value: C::Value) {
        self.0.write(into_handle(value));
    }
}

/// Where a number of new handles goes.
pub(crate) struct OutputList<'a, C: Opaque> {
    outputs: &'a mut [MaybeUninit<*mut C>],
    count: Output<'a, usize>,
}

/// Checks where a number of new handles goes.
///
/// # Safety
/// `outputs` is NULL or points to `capacity` pointers, `count` to a `size_t`; both may be written.
pub(crate) unsafe fn output_list<'a, C: Opaque>(
    outputs: *mut *mut C,
    capacity: usize,
    count: *mut usize,
) -> Result<OutputList<'a, C>> {
    // SAFETY: passed on from the caller.
    let count = unsafe { output(count, "num_outputs") }?;
    // SAFETY: passed on from the caller.
    let outputs = unsafe { slice_output(outputs, capacity, "outputs") }?;
    Ok(OutputList { outputs, count })
}

impl<C: Opaque> OutputList<'_, C> {
    /// Writes the handles and their number; with too little room only the number is written.
    pub(crate) fn put(self, values: Vec<C::Value>) -> Result<()> {
        let (needed, capacity) = (values.len(), self.outputs.len());
        self.count.set(needed);
        if needed > capacity {
            return Err(Error::new(
                ErrorCode::BufferTooSmall,
                format!("`outputs` has room for {capacity} handles, but the result has {needed}"),
            ));
        }
        for (output, value) in self.outputs.iter_mut().zip(values) {
            output.write(into_handle(value));
        }
        Ok(())
    }
}

#[cold]
pub(crate) fn null(name: &str) -> Error {
    Error::new(ErrorCode::NullPointer, format!("`{name}` must not be NULL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> Option<ErrorCode> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn arrays_are_checked_before_they_are_believed() {
        let values = [1i64, 2];
        // SAFETY: what is dereferenced is `values`.
        unsafe {
            assert_eq!(slice(ptr::null::<i64>(), 0, "x").unwrap(), &[] as &[i64]);
            assert_eq!(code(slice(ptr::null::<i64>(), 1, "x")), Some(ErrorCode::NullPointer));
            assert_eq!(code(slice(values.as_ptr(), usize::MAX / 8, "x")), Some(ErrorCode::InvalidArgument));
            assert_eq!(code(slice(values.as_ptr().byte_add(1), 1, "x")), Some(ErrorCode::InvalidArgument));
            assert_eq!(slice(values.as_ptr(), 2, "x").unwrap(), values);
            assert_eq!(code(text(c"\xff".as_ptr(), "x")), Some(ErrorCode::InvalidUtf8));
        }
    }

    #[test]
    fn text_is_cut_where_the_room_ends() {
        let mut room = [1u8; 4];
        // SAFETY: the room has 4 bytes.
        let len = unsafe { copy_text("weight", room.as_mut_ptr().cast(), 4, "x") }.unwrap();
        assert_eq!((len, &room), (6, b"wei\0"));
    }
}
