//! Ownership: what a handle is, how it is borrowed and freed.
//!
//! A C type is an opaque marker (`CandleTensor`); behind its pointer lies a [`Handle`] with the Rust
//! value. The pair is tied by [`Opaque`], so a handle cannot be made of, or freed as, another type.
//! Each handle begins with a tag, which turns a wrong kind of handle into an error, and counts its
//! borrows, which turns concurrent misuse into `CANDLE_ERROR_BUSY`. With [`checks`] on, C holds numbers in the place of
//! pointers, and what a number stands for is looked up.

mod borrow;
mod kind;

pub(crate) use borrow::{
    Lookable, borrow, borrow_list, borrow_list_optional, borrow_mut, borrow_mut_optional, borrow_optional, look,
};
pub use kind::Kind;
pub(crate) use kind::live_handles;

use crate::checks;
use crate::pointer::null;
use candle_ffi_core::{Error, ErrorCode, Result, profile};
use kind::LIVE;
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

/// A C type and the Rust value behind it.
pub trait Opaque: Sized {
    /// What a handle of this type owns. Handles are shared by threads, hence the bounds.
    type Value: Send + Sync;
    /// The kind that the tag of a handle tells.
    const KIND: Kind;

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
    for_caller(new_handle::<C>(value))
}

fn new_handle<C: Opaque>(value: C::Value) -> NonNull<Handle<C::Value>> {
    LIVE[C::KIND as usize].fetch_add(1, Ordering::Relaxed);
    let handle =
        Handle { tag: AtomicU32::new(tag_of(C::KIND)), borrows: AtomicU32::new(0), value: UnsafeCell::new(value) };
    NonNull::from(Box::leak(Box::new(handle)))
}

/// A new handle as C knows it.
#[inline]
fn for_caller<C: Opaque>(handle: NonNull<Handle<C::Value>>) -> *mut C {
    if checks::are_on() {
        return ptr::without_provenance_mut(checks::insert(C::KIND, handle.cast()));
    }
    handle.as_ptr().cast()
}

/// Frees a handle. NULL and handles of another kind are left alone; a handle that another thread is
/// using is dropped by that thread when its call ends.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library; with checks on it may be any.
pub(crate) unsafe fn free<C: Opaque>(pointer: *mut C) {
    if pointer.is_null() {
        return;
    }
    let handle: *mut Handle<C::Value> = if checks::are_on() {
        let Some(memory) = remove::<C>(pointer) else { return };
        memory
    } else {
        // SAFETY: passed on from the caller.
        let Ok(handle) = (unsafe { resolve::<C>(pointer, "") }) else { return };
        ptr::from_ref(handle).cast_mut()
    };
    let _span = profile::call("free");
    // SAFETY: a live handle, which is destroyed by whoever is the last to use it.
    if unsafe { &*handle }.borrows.fetch_or(FREED, Ordering::AcqRel) == 0 {
        // SAFETY: there was no borrow, and FREED lets no new one begin.
        unsafe { destroy::<C>(handle) };
    }
}

/// The memory of a handle whose life ends here, with checks on.
#[cold]
fn remove<C: Opaque>(pointer: *mut C) -> Option<*mut Handle<C::Value>> {
    match checks::remove(pointer.addr(), C::KIND) {
        Ok(memory) => Some(memory.as_ptr().cast()),
        Err(misuse) => {
            // There is nobody to give the error to.
            drop(checks::report("the handle to be freed", pointer.addr(), C::KIND, misuse));
            None
        }
    }
}

/// A handle that a function of the caller may use while it is called. It is freed once, also when that function has
/// freed what is not its own.
pub(crate) struct Lent<C: Opaque> {
    pointer: *mut C,
    handle: NonNull<Handle<C::Value>>,
}

impl<C: Opaque> Lent<C> {
    pub(crate) fn new(value: C::Value) -> Self {
        let handle = new_handle::<C>(value);
        // SAFETY: the handle was made above, and nobody else knows it yet.
        unsafe { handle.as_ref() }.acquire_look();
        Self { pointer: for_caller(handle), handle }
    }

    pub(crate) fn pointer(&self) -> *mut C {
        self.pointer
    }
}

impl<C: Opaque> Drop for Lent<C> {
    fn drop(&mut self) {
        if checks::are_on() {
            _ = checks::remove(self.pointer.addr(), C::KIND);
        }
        // SAFETY: `new` has taken a look, which has kept the handle until here; FREED is set, if it was not.
        unsafe {
            let handle = self.handle.as_ref();
            handle.borrows.fetch_or(FREED, Ordering::AcqRel);
            release::<C>(handle, LOOK);
        }
    }
}

/// # Safety
/// `handle` came from [`new_handle`] for the same `C`, is not borrowed, and is not used afterwards.
unsafe fn destroy<C: Opaque>(handle: *mut Handle<C::Value>) {
    // SAFETY: the handle was made by [`new_handle`] and this is its only use.
    let handle = unsafe { Box::from_raw(handle) };
    // A later misuse then meets the tag of no kind, as long as the memory is not used again.
    handle.tag.store(FREED_TAG, Ordering::Relaxed);
    LIVE[C::KIND as usize].fetch_sub(1, Ordering::Relaxed);
}

/// Finds the handle of a pointer and takes a borrow of it, counted as `amount` also where it could not be taken.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library, whatever its kind, and outlives `'a`; with checks on it may be
/// any. `take` is the attempt that `amount` belongs to, 0 where a failed one counts nothing.
#[inline]
unsafe fn acquire<'a, C: Opaque>(
    pointer: *const C,
    name: &'static str,
    amount: u32,
    take: fn(&Handle<C::Value>) -> bool,
) -> Result<&'a Handle<C::Value>> {
    // SAFETY: passed on from the caller.
    if checks::are_known_off() && unsafe { is_handle(pointer) } {
        // SAFETY: the tag says that this is a `Handle<C::Value>`.
        let handle: &Handle<C::Value> = unsafe { &*pointer.cast() };
        return if take(handle) { Ok(handle) } else { Err(refused::<C>(handle, name, amount)) };
    }
    // SAFETY: passed on from the caller.
    unsafe { acquire_or_tell(pointer, name, amount, take) }
}

/// The same out of the way: the first use of a handle, all uses with checks on, and what is no handle.
///
/// # Safety
/// As [`acquire`].
#[cold]
unsafe fn acquire_or_tell<'a, C: Opaque>(
    pointer: *const C,
    name: &'static str,
    amount: u32,
    take: fn(&Handle<C::Value>) -> bool,
) -> Result<&'a Handle<C::Value>> {
    if checks::are_on() {
        return look_up(pointer, name, amount, take);
    }
    // SAFETY: passed on from the caller.
    let handle = unsafe { resolve::<C>(pointer, name) }?;
    if take(handle) { Ok(handle) } else { Err(refused::<C>(handle, name, amount)) }
}

/// Whether a pointer is to a handle of a type.
///
/// # Safety
/// As [`resolve`].
#[inline]
unsafe fn is_handle<C: Opaque>(pointer: *const C) -> bool {
    !pointer.is_null()
        && pointer.cast::<Handle<C::Value>>().is_aligned()
        // SAFETY: every handle begins with its tag; the caller vouches for the pointer.
        && unsafe { &*pointer.cast::<AtomicU32>() }.load(Ordering::Relaxed) == tag_of(C::KIND)
}

/// Gives back what an attempt that failed has counted.
#[cold]
fn refused<C: Opaque>(handle: &Handle<C::Value>, name: &str, amount: u32) -> Error {
    if amount != 0 {
        // SAFETY: the failed attempt has counted itself too.
        unsafe { release::<C>(handle, amount) };
    }
    busy(name)
}

/// The same with checks on, of any pointer. Nobody frees the handle between the look at it and the borrow.
fn look_up<'a, C: Opaque>(
    pointer: *const C,
    name: &'static str,
    amount: u32,
    take: fn(&Handle<C::Value>) -> bool,
) -> Result<&'a Handle<C::Value>> {
    if pointer.is_null() {
        return Err(null(name));
    }
    let found = checks::with_live(pointer.addr(), C::KIND, |memory| {
        // SAFETY: the number is that of a live handle of this kind, and what `take` counts keeps it alive.
        let handle: &Handle<C::Value> = unsafe { memory.cast().as_ref() };
        (handle, take(handle))
    });
    let (handle, taken) =
        found.map_err(|misuse| checks::report(&format!("`{name}`"), pointer.addr(), C::KIND, misuse))?;
    if taken { Ok(handle) } else { Err(refused::<C>(handle, name, amount)) }
}

/// Checks a pointer and gives the handle behind it.
///
/// # Safety
/// `pointer` is NULL or a live handle of this library, whatever its kind, and outlives `'a`; checks are off.
unsafe fn resolve<'a, C: Opaque>(pointer: *const C, name: &'static str) -> Result<&'a Handle<C::Value>> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.cast::<Handle<C::Value>>().is_aligned() {
        return Err(wrong_kind::<C>(name, 0));
    }
    // SAFETY: passed on from the caller.
    if !unsafe { is_handle(pointer) } {
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        let tag = unsafe { &*pointer.cast::<AtomicU32>() }.load(Ordering::Relaxed);
        return Err(wrong_kind::<C>(name, tag));
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

#[cold]
fn busy(name: &str) -> Error {
    Error::new(
        ErrorCode::Busy,
        format!("`{name}` is in use by another thread: a call that changes an object must be its only user"),
    )
}

#[cold]
fn wrong_kind<C: Opaque>(name: &str, tag: u32) -> Error {
    let expected = C::KIND.name();
    let message = match Kind::ALL.into_iter().find(|kind| tag_of(*kind) == tag) {
        Some(found) => format!("`{name}` is a {}, not a {expected}", found.name()),
        None => format!("`{name}` is not a live {expected}; with CANDLE_FFI_CHECKS=1 it is told what it is"),
    };
    Error::new(ErrorCode::InvalidHandle, message)
}

#[cfg(test)]
mod tests;
