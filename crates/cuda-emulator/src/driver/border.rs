//! The pointers that a C caller hands in, and the only places where they are followed.
//!
//! Whoever makes a value of one of these types promises what the CUDA documentation asks of the argument: null, or a
//! pointer to what the function reads or writes. The promise is called in by the exported functions, all of them `unsafe`,
//! and only they, and what they call, follow the pointers.

use std::ffi::{CStr, c_char, c_void};

use super::status::Status;

/// Where a function writes one value, or several in a row.
#[repr(transparent)]
pub struct Out<T>(*mut T);

/// An array, or one value, that a function reads.
#[repr(transparent)]
pub struct In<T>(*const T);

/// A string of the caller.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text(*const c_char);

/// Memory of the host.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct HostPointer(*mut c_void);

/// An address of a device: never one of the host, except for page-locked memory of the host.
pub type Address = u64;

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

impl<T> Clone for In<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for In<T> {}

impl<T> Out<T> {
    /// For a Rust caller, such as a test.
    pub fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Writes the value; a null pointer is an invalid value.
    pub(crate) fn set(self, value: T) -> Result<(), Status> {
        self.set_at(0, value)
    }

    /// Writes the value where the caller wants it.
    pub(crate) fn set_if_wanted(self, value: T) {
        // A null pointer says that the value is not wanted.
        _ = self.set_at(0, value);
    }

    pub(crate) fn set_at(self, index: usize, value: T) -> Result<(), Status> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, and the caller promises room for what the function writes.
        unsafe { self.0.add(index).write_unaligned(value) };
        Ok(())
    }

    pub(crate) fn cast<U>(self) -> Out<U> {
        Out(self.0.cast())
    }
}

impl<T: Copy> Out<T> {
    /// What is there now, for arguments that are read and written.
    pub(crate) fn get(self) -> Result<T, Status> {
        In(self.0.cast_const()).get(0)
    }
}

impl<T: Copy> In<T> {
    /// For a Rust caller, such as a test.
    pub fn new(pointer: *const T) -> Self {
        Self(pointer)
    }

    pub(crate) fn get(self, index: usize) -> Result<T, Status> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, and the caller promises at least as many values as the function reads.
        Ok(unsafe { self.0.add(index).read_unaligned() })
    }
}

impl Text {
    /// For a Rust caller, such as a test.
    pub fn new(text: &CStr) -> Self {
        Self(text.as_ptr())
    }

    /// The text; what is not UTF-8 is an invalid value.
    pub(crate) fn read(self) -> Result<String, Status> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, and the caller promises a zero byte at the end.
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map(str::to_owned).map_err(|_| Status::INVALID_VALUE)
    }
}

impl HostPointer {
    /// For a Rust caller, such as a test.
    pub fn new<T>(pointer: *const T) -> Self {
        Self(pointer.cast_mut().cast())
    }

    pub(crate) fn address(self) -> u64 {
        self.0 as u64
    }

    pub(crate) fn at(address: u64) -> Self {
        Self(address as *mut c_void)
    }

    pub(crate) fn bytes(self) -> *mut u8 {
        self.0.cast()
    }

    pub(crate) fn text(self) -> Text {
        Text(self.0.cast_const().cast())
    }

    pub(crate) fn array<T: Copy>(self) -> In<T> {
        In(self.0.cast_const().cast())
    }

    /// `size` bytes from here, copied.
    pub(crate) fn read(self, size: usize) -> Result<Vec<u8>, Status> {
        if size == 0 {
            return Ok(Vec::new());
        }
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, and the caller promises `size` bytes.
        Ok(unsafe { std::slice::from_raw_parts(self.0.cast::<u8>(), size) }.to_vec())
    }
}

macro_rules! printed_as_pointers {
    ($(($($t:ident)?) $type:ty;)*) => {$(
        impl$(<$t>)? std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:p}", self.0)
            }
        }
    )*};
}

printed_as_pointers! {
    (T) Out<T>;
    (T) In<T>;
    () HostPointer;
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.read() {
            Ok(text) => text.fmt(f),
            Err(_) => write!(f, "{:p}", self.0),
        }
    }
}
