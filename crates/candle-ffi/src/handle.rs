//! Ownership: what a handle is, how it is borrowed and freed.
//!
//! A C type is an opaque marker (`CandleTensor`); behind its pointer lies a [`Handle`] with the Rust
//! value. The pair is tied by [`Opaque`], so a handle cannot be made of, or freed as, another type.
//! Each handle begins with a tag, which turns a wrong kind of handle into an error, and counts its
//! borrows, which turns concurrent misuse into `CANDLE_ERROR_BUSY`. With [`checks`] on, C holds numbers in the place of
//! pointers, and what a number stands for is looked up.

use crate::checks;
use crate::pointer::{null, slice};
use candle_ffi_core::{Error, ErrorCode, Result, profile};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
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
    /// A CUDA graph.
    Graph = 8,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Tensor,
        Self::Generator,
        Self::Error,
        Self::TensorMap,
        Self::Module,
        Self::Optimizer,
        Self::Profile,
        Self::Graph,
    ];

    /// The kind of a number, if it is one.
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == code)
    }

    /// The C type, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tensor => "CandleTensor",
            Self::Generator => "CandleGenerator",
            Self::Error => "CandleError",
            Self::TensorMap => "CandleTensorMap",
            Self::Module => "CandleModule",
            Self::Optimizer => "CandleOptimizer",
            Self::Profile => "CandleProfile",
            Self::Graph => "CandleGraph",
        }
    }
}

/// One more than the highest kind.
const KINDS: usize = 9;

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
