//! Ownership: what a handle is, how it is borrowed and freed.
//!
//! A C type is an opaque marker (`CandleTensor`); behind its pointer lies a [`Handle`] with the Rust
//! value. The pair is tied by [`Opaque`], so a handle cannot be made of, or freed as, another type.
//! Each handle begins with a tag, which turns a wrong kind of handle into an error, and counts its
//! borrows, which turns concurrent misuse into `CANDLE_ERROR_BUSY`.

use crate::pointer::{null, slice};
use candle_ffi_core::{Error, ErrorCode, Result, profile};
use std::cell::UnsafeCell;
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
    /// What the profiler has recorded.
    Profile = 7,
}

/// One more than the highest kind.
const KINDS: usize = 8;

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

    /// Told of each value that a call has borrowed, for the profiler.
    #[inline]
    fn borrowed(_value: &Self::Value) {}
}

const TAG: u32 = 0xCA4D_1E00;
const FREED_TAG: u32 = 0xDEAD_1E00;

/// The borrow state: shared borrows count up from zero in the lower half, looks in the upper one.
const SHARED: u32 = 1;
const LOOK: u32 = 1 << 16;
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
    let _span = profile::call("free");
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
        let busy = self.borrows.fetch_add(SHARED, Ordering::Acquire) & (EXCLUSIVE | FREED) != 0;
        !busy
    }

    #[inline]
    fn acquire_look(&self) -> bool {
        self.borrows.fetch_add(LOOK, Ordering::Acquire) & FREED == 0
    }

    #[inline]
    fn acquire_exclusive(&self) -> bool {
        let taken = |borrows: u32| (borrows & (EXCLUSIVE | FREED | (LOOK - 1)) == 0).then_some(borrows | EXCLUSIVE);
        self.borrows.fetch_update(Ordering::Acquire, Ordering::Relaxed, taken).is_ok()
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
    /// How it is counted; 0 when the borrow lies within an exclusive one of the same call.
    amount: u32,
}

impl<C: Opaque> Deref for Shared<'_, C> {
    type Target = C::Value;

    #[inline]
    fn deref(&self) -> &C::Value {
        // SAFETY: no exclusive borrow exists while this one is counted; an uncounted one lives
        // inside an `Exclusive` that it borrows, so nobody can change the value meanwhile. A look is
        // only at values of which no exclusive borrow ever gives a `&mut`.
        unsafe { &*self.handle.value.get() }
    }
}

impl<C: Opaque> Drop for Shared<'_, C> {
    #[inline]
    fn drop(&mut self) {
        if self.amount != 0 {
            // SAFETY: this borrow was counted once and ends here.
            unsafe { release::<C>(self.handle, self.amount) };
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
            C::borrowed(self);
            return Ok(Shared { handle: self.handle, amount: 0 });
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
        let shared = Shared { handle, amount: SHARED };
        C::borrowed(&shared);
        return Ok(shared);
    }
    // SAFETY: the failed attempt has counted itself too.
    unsafe { release::<C>(handle, SHARED) };
    Err(busy(name))
}

/// Types whose values change behind `&` only, so that their properties can be looked at while a call
/// that changes the values is under way: no export takes `&mut` of such a value.
pub(crate) trait Lookable: Opaque {}

/// Borrows a handle to look at properties that no other call is in the way of.
///
/// # Safety
/// As [`borrow`].
#[inline]
pub(crate) unsafe fn look<'a, C: Lookable>(pointer: *const C, name: &'static str) -> Result<Shared<'a, C>> {
    // SAFETY: passed on from the caller.
    let handle = unsafe { resolve::<C>(pointer, name) }?;
    if handle.acquire_look() {
        return Ok(Shared { handle, amount: LOOK });
    }
    // SAFETY: the failed attempt has counted itself too.
    unsafe { release::<C>(handle, LOOK) };
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
    if !handle.acquire_exclusive() {
        return Err(busy(name));
    }
    let exclusive = Exclusive { handle };
    C::borrowed(&exclusive);
    Ok(exclusive)
}

/// Borrows a handle for this call alone, with NULL meaning none.
///
/// # Safety
/// As [`borrow`].
#[inline]
pub(crate) unsafe fn borrow_mut_optional<'a, C: Opaque>(
    pointer: *mut C,
    name: &'static str,
) -> Result<Option<Exclusive<'a, C>>> {
    // SAFETY: passed on from the caller.
    if pointer.is_null() { Ok(None) } else { unsafe { borrow_mut(pointer, name) }.map(Some) }
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
}
