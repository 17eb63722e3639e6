//! Pointers and ownership: the `unsafe` primitives of the border, all in this file.
//!
//! A C type is an opaque marker (`CandleTensor`); behind its pointer lies a [`Handle`] with the Rust
//! value. The pair is tied by [`Opaque`], so a handle cannot be made of, or freed as, another type.
//! Each handle begins with a tag, which turns a wrong kind of handle into an error, and counts its
//! borrows, which turns concurrent misuse into `CANDLE_ERROR_BUSY`.

use candle_ffi_core::{Error, ErrorCode, Result};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The kinds of handles; the numbers are the ABI's and the low byte of a handle's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A tensor.
    Tensor = 1,
    /// A random number generator.
    Generator = 2,
    /// The details of a failed call.
    Error = 3,
    /// Named tensors, as in a safetensors file.
    TensorMap = 4,
    /// A layer or a model made of layers.
    Module = 5,
    /// An optimizer.
    Optimizer = 6,
}

/// One more than the highest kind.
const KINDS: usize = 7;

/// Handles that are alive, by kind.
static LIVE: [AtomicUsize; KINDS] = [const { AtomicUsize::new(0) }; KINDS];

/// How many handles of a kind are alive; kind 0 means all of them.
pub(crate) fn live_handles(kind: i32) -> usize {
    match usize::try_from(kind) {
        Ok(0) => LIVE.iter().map(|count| count.load(Ordering::Relaxed)).sum(),
        Ok(kind) => LIVE.get(kind).map_or(0, |count| count.load(Ordering::Relaxed)),
        Err(_) => 0,
    }
}

/// A C type and the Rust value behind it.
pub trait Opaque: Sized {
    /// What a handle of this type owns. Handles are shared by threads, hence the bounds.
    type Value: Send + Sync;
    /// The kind that the tag of a handle tells.
    const KIND: Kind;
    /// The C type's name, for messages.
    const NAME: &'static str;
}

const TAG: u32 = 0xCA4D_1E00;
const FREED_TAG: u32 = 0xDEAD_1E00;

/// The borrow state: shared borrows count up from zero.
const EXCLUSIVE: u32 = 1 << 31;
/// Freed while borrowed: whoever gives back the last borrow drops the value.
const FREED: u32 = 1 << 30;

/// What a pointer of the ABI points to. The tag comes first in every handle, whatever its kind.
#[repr(C)]
struct Handle<T> {
    tag: AtomicU32,
    borrows: AtomicU32,
    value: UnsafeCell<T>,
}

const fn tag_of(kind: Kind) -> u32 {
    TAG | kind as u32
}

/// Moves a value into a new handle that the caller owns.
pub(crate) fn into_handle<C: Opaque>(value: C::Value) -> *mut C {
    LIVE[C::KIND as usize].fetch_add(1, Ordering::Relaxed);
    let handle =
        Handle { tag: AtomicU32::new(tag_of(C::KIND)), borrows: AtomicU32::new(0), value: UnsafeCell::new(value) };
    Box::into_raw(Box::new(handle)).cast()
}

/// Frees a handle. NULL and handles of another kind are left alone; a handle that another thread is
/// using is dropped by that thread when its call ends.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library.
pub(crate) unsafe fn free<C: Opaque>(pointer: *mut C) {
    // SAFETY: passed on from the caller.
    let Ok(handle) = (unsafe { resolve::<C>(pointer, "") }) else { return };
    if handle.borrows.fetch_or(FREED, Ordering::AcqRel) == 0 {
        // SAFETY: there was no borrow, and FREED lets no new one begin.
        unsafe { destroy::<C>(pointer.cast()) };
    }
}

/// # Safety
/// `handle` came from [`into_handle`] for the same `C`, is not borrowed, and is not used afterwards.
unsafe fn destroy<C: Opaque>(handle: *mut Handle<C::Value>) {
    // SAFETY: the handle was made by `Box::into_raw` and this is its only use.
    let handle = unsafe { Box::from_raw(handle) };
    // A later misuse then meets the tag of no kind, as long as the memory is not used again.
    handle.tag.store(FREED_TAG, Ordering::Relaxed);
    LIVE[C::KIND as usize].fetch_sub(1, Ordering::Relaxed);
}

/// Checks a pointer and gives the handle behind it.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library, whatever its kind, and outlives `'a`.
#[inline]
unsafe fn resolve<'a, C: Opaque>(pointer: *const C, name: &'static str) -> Result<&'a Handle<C::Value>> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.cast::<Handle<C::Value>>().is_aligned() {
        return Err(wrong_kind::<C>(name));
    }
    // SAFETY: every handle begins with its tag; the caller vouches for the pointer.
    let tag = unsafe { &*pointer.cast::<AtomicU32>() }.load(Ordering::Relaxed);
    if tag != tag_of(C::KIND) {
        return Err(wrong_kind::<C>(name));
    }
    // SAFETY: the tag says that this is a `Handle<C::Value>`.
    Ok(unsafe { &*pointer.cast() })
}

impl<T> Handle<T> {
    #[inline]
    fn acquire_shared(&self) -> bool {
        let busy = self.borrows.fetch_add(1, Ordering::Acquire) & (EXCLUSIVE | FREED) != 0;
        !busy
    }

    #[inline]
    fn acquire_exclusive(&self) -> bool {
        self.borrows.compare_exchange(0, EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

/// Gives a borrow back, and drops the value if it was freed meanwhile and this borrow was the last.
///
/// # Safety
/// The caller holds the borrow that `amount` stands for and does not use it afterwards.
#[inline]
unsafe fn release<C: Opaque>(handle: &Handle<C::Value>, amount: u32) {
    let address = ptr::from_ref(handle).cast_mut();
    if handle.borrows.fetch_sub(amount, Ordering::AcqRel) == FREED | amount {
        // SAFETY: the last borrow of a freed handle ends here.
        unsafe { destroy::<C>(address) };
    }
}

/// A handle borrowed for a call that many threads may make at once.
pub(crate) struct Shared<'a, C: Opaque> {
    handle: &'a Handle<C::Value>,
    /// False when the borrow lies within an exclusive one of the same call.
    counted: bool,
}

impl<C: Opaque> Deref for Shared<'_, C> {
    type Target = C::Value;

    #[inline]
    fn deref(&self) -> &C::Value {
        // SAFETY: no exclusive borrow exists while this one is counted; an uncounted one lives
        // inside an `Exclusive` that it borrows, so nobody can change the value meanwhile.
        unsafe { &*self.handle.value.get() }
    }
}

impl<C: Opaque> Drop for Shared<'_, C> {
    #[inline]
    fn drop(&mut self) {
        if self.counted {
            // SAFETY: this borrow was counted once and ends here.
            unsafe { release::<C>(self.handle, 1) };
        }
    }
}

/// A handle borrowed by one call alone.
pub(crate) struct Exclusive<'a, C: Opaque> {
    handle: &'a Handle<C::Value>,
}

impl<C: Opaque> Deref for Exclusive<'_, C> {
    type Target = C::Value;

    #[inline]
    fn deref(&self) -> &C::Value {
        // SAFETY: the borrow is exclusive.
        unsafe { &*self.handle.value.get() }
    }
}

impl<C: Opaque> DerefMut for Exclusive<'_, C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut C::Value {
        // SAFETY: the borrow is exclusive, and `&mut self` shows that no `beside` borrow is left.
        unsafe { &mut *self.handle.value.get() }
    }
}

impl<C: Opaque> Drop for Exclusive<'_, C> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this borrow was taken once and ends here.
        unsafe { release::<C>(self.handle, EXCLUSIVE) };
    }
}

impl<C: Opaque> Exclusive<'_, C> {
    /// Borrows a further argument of the same call, which may be the very same handle: `x += x`.
    ///
    /// # Safety
    /// As [`borrow`].
    #[inline]
    pub(crate) unsafe fn beside<'b>(&'b self, pointer: *const C, name: &'static str) -> Result<Shared<'b, C>> {
        if ptr::eq(pointer.cast(), self.handle) {
            return Ok(Shared { handle: self.handle, counted: false });
        }
        // SAFETY: passed on from the caller.
        unsafe { borrow(pointer, name) }
    }

    /// As [`beside`](Self::beside), with NULL meaning none.
    ///
    /// # Safety
    /// As [`borrow`].
    #[inline]
    pub(crate) unsafe fn beside_optional<'b>(
        &'b self,
        pointer: *const C,
        name: &'static str,
    ) -> Result<Option<Shared<'b, C>>> {
        // SAFETY: passed on from the caller.
        if pointer.is_null() { Ok(None) } else { unsafe { self.beside(pointer, name) }.map(Some) }
    }
}

/// Borrows a handle that stays usable by other threads.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library that outlives `'a`.
#[inline]
pub(crate) unsafe fn borrow<'a, C: Opaque>(pointer: *const C, name: &'static str) -> Result<Shared<'a, C>> {
    // SAFETY: passed on from the caller.
    let handle = unsafe { resolve::<C>(pointer, name) }?;
    if handle.acquire_shared() {
        return Ok(Shared { handle, counted: true });
    }
    // SAFETY: the failed attempt has counted itself too.
    unsafe { release::<C>(handle, 1) };
    Err(busy(name))
}

/// Borrows a handle, with NULL meaning none.
///
/// # Safety
/// As [`borrow`].
#[inline]
pub(crate) unsafe fn borrow_optional<'a, C: Opaque>(
    pointer: *const C,
    name: &'static str,
) -> Result<Option<Shared<'a, C>>> {
    // SAFETY: passed on from the caller.
    if pointer.is_null() { Ok(None) } else { unsafe { borrow(pointer, name) }.map(Some) }
}

/// Borrows a handle for this call alone.
///
/// # Safety
/// As [`borrow`].
#[inline]
pub(crate) unsafe fn borrow_mut<'a, C: Opaque>(pointer: *mut C, name: &'static str) -> Result<Exclusive<'a, C>> {
    // SAFETY: passed on from the caller.
    let handle = unsafe { resolve::<C>(pointer, name) }?;
    if handle.acquire_exclusive() { Ok(Exclusive { handle }) } else { Err(busy(name)) }
}

/// The handles of an array of pointers.
pub(crate) struct SharedList<'a, C: Opaque>(Vec<Shared<'a, C>>);

impl<C: Opaque> SharedList<'_, C> {
    /// The values, as operations take them.
    pub(crate) fn references(&self) -> Vec<&C::Value> {
        self.0.iter().map(|shared| &**shared).collect()
    }
}

/// Borrows every handle of an array.
///
/// # Safety
/// `pointers` is NULL or points to `len` pointers, each as for [`borrow`].
pub(crate) unsafe fn borrow_list<'a, C: Opaque>(
    pointers: *const *const C,
    len: usize,
    name: &'static str,
) -> Result<SharedList<'a, C>> {
    // SAFETY: passed on from the caller.
    let pointers = unsafe { slice(pointers, len, name) }?;
    // SAFETY: passed on from the caller.
    pointers.iter().map(|&pointer| unsafe { borrow(pointer, name) }).collect::<Result<_>>().map(SharedList)
}

/// Borrows every handle of an array, with NULL meaning none.
///
/// # Safety
/// As [`borrow_list`].
pub(crate) unsafe fn borrow_list_optional<'a, C: Opaque>(
    pointers: *const *const C,
    len: usize,
    name: &'static str,
) -> Result<Vec<Option<Shared<'a, C>>>> {
    // SAFETY: passed on from the caller.
    let pointers = unsafe { slice(pointers, len, name) }?;
    // SAFETY: passed on from the caller.
    pointers.iter().map(|&pointer| unsafe { borrow_optional(pointer, name) }).collect()
}

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
    check_array(pointer, 1, name)?;
    // SAFETY: the structure begins with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size < size_of::<usize>() || size > size_of::<T>() {
        return Err(Error::argument(format!(
            "`{name}` has struct_size {size}; this library knows sizes from {} to {}",
            size_of::<usize>(),
            size_of::<T>()
        )));
    }
    // SAFETY: the caller vouches for `size` bytes, which fit in a `T`; any bytes are numbers.
    unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), ptr::from_mut(&mut options).cast(), size) };
    Ok(options)
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
fn null(name: &str) -> Error {
    Error::new(ErrorCode::NullPointer, format!("`{name}` must not be NULL"))
}

#[cold]
fn busy(name: &str) -> Error {
    Error::new(
        ErrorCode::Busy,
        format!("`{name}` is in use by another thread: a call that changes an object must be its only user"),
    )
}

#[cold]
fn wrong_kind<C: Opaque>(name: &str) -> Error {
    Error::new(ErrorCode::InvalidHandle, format!("`{name}` is not a live {}", C::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::CandleGenerator;
    use crate::tensor_map::CandleTensorMap;
    use candle_ffi_core::Generator;

    fn code<T>(result: Result<T>) -> Option<ErrorCode> {
        result.err().map(|error| error.code())
    }

    fn generator() -> *mut CandleGenerator {
        into_handle(Generator::new(1))
    }

    #[test]
    fn borrows_exclude_each_other_as_they_should() {
        let handle = generator();
        // SAFETY: the handle lives until the end of the test.
        unsafe {
            let first = borrow(handle, "first").unwrap();
            let second = borrow(handle, "second").unwrap();
            assert_eq!(code(borrow_mut(handle, "third")), Some(ErrorCode::Busy));
            drop((first, second));
            let alone = borrow_mut(handle, "alone").unwrap();
            assert_eq!(code(borrow(handle, "other")), Some(ErrorCode::Busy));
            assert_eq!(alone.beside(handle, "same").unwrap().initial_seed(), 1);
            drop(alone);
            assert!(borrow_mut(handle, "again").is_ok());
            free(handle);
        }
    }

    #[test]
    fn what_is_no_handle_of_the_kind_is_told() {
        let handle = generator();
        // SAFETY: the handle lives until the end of the test.
        unsafe {
            assert_eq!(code(borrow::<CandleGenerator>(ptr::null(), "x")), Some(ErrorCode::NullPointer));
            assert_eq!(code(borrow::<CandleTensorMap>(handle.cast(), "x")), Some(ErrorCode::InvalidHandle));
            free::<CandleTensorMap>(handle.cast());
            assert!(borrow(handle, "x").is_ok());
            free(handle);
        }
    }

    #[test]
    fn a_handle_freed_in_use_is_dropped_by_its_last_user() {
        struct Watched;
        impl Opaque for Watched {
            type Value = std::sync::Arc<()>;
            const KIND: Kind = Kind::Optimizer;
            const NAME: &'static str = "Watched";
        }
        let value = std::sync::Arc::new(());
        let handle = into_handle::<Watched>(value.clone());
        // SAFETY: the handle is not used after its last borrow has ended.
        unsafe {
            let (first, second) = (borrow(handle, "x").unwrap(), borrow(handle, "x").unwrap());
            free(handle);
            assert_eq!(code(borrow(handle, "x")), Some(ErrorCode::Busy));
            drop(first);
            assert_eq!(std::sync::Arc::strong_count(&value), 2);
            drop(second);
        }
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
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
