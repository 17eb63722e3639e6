//! From the functions of this library to those of another in its place.
//!
//! A program is linked with one library, and may find when it runs that it wants another of the same interface: the one
//! with CUDA. Every export begins with [`forward!`], which passes the call on when another library was loaded. When none
//! was, that is one load and one branch.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, fence};

/// Whether calls are passed on.
static LOADED: AtomicBool = AtomicBool::new(false);
/// The other library's functions, in the order of [`NAMES`](crate::symbols::NAMES).
static TARGETS: [AtomicPtr<c_void>; crate::symbols::NAMES.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; crate::symbols::NAMES.len()];

/// Lists the exports: `NAMES` has them as C does, and `Symbol` numbers them.
macro_rules! symbols {
    ($($name:ident,)*) => {
        /// Every export, by the name that a linker knows.
        pub(crate) const NAMES: &[&std::ffi::CStr] = &[$($crate::forward::c_name(concat!(stringify!($name), "\0"))),*];

        /// The number of an export in `NAMES`.
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "these are the names of functions")]
        pub(crate) enum Symbol {
            $($name),*
        }
    };
}

/// Passes a call of the function it stands in on to the other library, where there is one.
macro_rules! forward {
    ($name:ident($($argument:ident),* $(,)?)) => {
        if $crate::forward::is_on() {
            let mut function = $name as unsafe extern "C" fn($($crate::forward::any!($argument)),*) -> _;
            // SAFETY: the other library's function of this name has this type: its interface is the same, which was
            // looked at when it was loaded. The caller keeps the contract of the header.
            unsafe {
                $crate::forward::aim(&mut function, $crate::symbols::Symbol::$name);
                return function($($argument),*);
            }
        }
    };
}

/// A type that is to be inferred, whatever it is given.
macro_rules! any {
    ($argument:ident) => {
        _
    };
}

pub(crate) use {any, symbols};

pub(crate) const fn c_name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a name has no NUL"),
    }
}

#[inline(always)]
pub(crate) fn is_on() -> bool {
    LOADED.load(Ordering::Relaxed)
}

/// Makes a pointer to an export one to the other library's function of that name.
///
/// # Safety
/// Calls are passed on, and `F` is the type of a pointer to that function.
#[cold]
pub(crate) unsafe fn aim<F>(function: &mut F, symbol: crate::symbols::Symbol) {
    // Pairs with the release in `turn_on`, where the functions are written before the flag.
    fence(Ordering::Acquire);
    let target = TARGETS[symbol as usize].load(Ordering::Relaxed);
    // SAFETY: functions are as wide as pointers; the caller vouches for the type.
    unsafe { ptr::from_mut(function).cast::<*mut c_void>().write(target) };
}

/// Passes all later calls on to these functions, which are in the order of the names.
///
/// # Safety
/// They are functions of these names, with the types that they have here, of a library that stays loaded.
pub(crate) unsafe fn turn_on(functions: &[ptr::NonNull<c_void>]) {
    for (slot, function) in TARGETS.iter().zip(functions) {
        slot.store(function.as_ptr(), Ordering::Relaxed);
    }
    LOADED.store(functions.len() == TARGETS.len(), Ordering::Release);
}
