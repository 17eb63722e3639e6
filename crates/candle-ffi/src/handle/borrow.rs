//! Handles while a call uses them: shared with other calls, or by that call alone.

use super::{EXCLUSIVE, Handle, LOOK, Opaque, SHARED, acquire, release};
use crate::pointer::slice;
use candle_ffi_core::Result;
use std::ops::{Deref, DerefMut};
use std::ptr;

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
        // An amount of 0 changes nothing. To leave it out would be to branch on what a NULL that is optional leaves
        // uninitialised: compilers look at both fields at once.
        // SAFETY: this borrow was counted once, or lies within one that was, and ends here.
        unsafe { release::<C>(self.handle, self.amount) };
    }
}

/// A handle borrowed by one call alone.
pub(crate) struct Exclusive<'a, C: Opaque> {
    handle: &'a Handle<C::Value>,
    /// As C knows it.
    pointer: *const C,
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
        if ptr::eq(pointer, self.pointer) {
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
    let handle = unsafe { acquire::<C>(pointer, name, SHARED, Handle::acquire_shared) }?;
    let shared = Shared { handle, amount: SHARED };
    C::borrowed(&shared);
    Ok(shared)
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
    let handle = unsafe { acquire::<C>(pointer, name, LOOK, Handle::acquire_look) }?;
    Ok(Shared { handle, amount: LOOK })
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
    let handle = unsafe { acquire::<C>(pointer, name, 0, Handle::acquire_exclusive) }?;
    let exclusive = Exclusive { handle, pointer };
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
