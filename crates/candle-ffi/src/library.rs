//! Libraries that are loaded while a program runs.

use candle_ffi_core::{Error, ErrorCode, Result};
use std::ffi::{CStr, c_void};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// A library that was loaded, and is unloaded when this goes, unless it is to be kept.
pub(crate) struct Library {
    handle: Handle,
    path: PathBuf,
}

impl Library {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is the very library that this code is in.
    pub(crate) fn is_this(&self) -> Result<bool> {
        // What is no library of ours is not this one.
        let Ok(function) = self.function(c"candle_ffi_abi_version") else { return Ok(false) };
        Ok(place_of(function)?.base == place_of(here())?.base)
    }

    /// The file that this code is in.
    pub(crate) fn path_of_this() -> Result<PathBuf> {
        Ok(place_of(here())?.path)
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` is the type of a pointer to the function of this name.
    pub(crate) unsafe fn typed<F: Copy>(&self, name: &CStr) -> Result<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        let function = self.function(name)?;
        // SAFETY: as wide as a pointer; the caller vouches for the type.
        Ok(unsafe { std::mem::transmute_copy(&function) })
    }

    /// Leaves it loaded for good.
    pub(crate) fn keep(self) {
        std::mem::forget(self.handle);
    }
}

/// Where something lies: the library that has it, and its file.
struct Place {
    base: usize,
    path: PathBuf,
}

/// Something of this library that no other has. Not a function, which the linker could find in another library of the
/// same interface.
fn here() -> NonNull<c_void> {
    static HERE: u8 = 0;
    NonNull::from(&HERE).cast()
}

#[cfg(unix)]
pub(crate) use unix::Handle;

#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    /// What `dlopen` gives.
    pub(crate) struct Handle(NonNull<c_void>);

    impl Drop for Handle {
        fn drop(&mut self) {
            // SAFETY: it was opened, is closed once, and nothing of it is used any more.
            unsafe { libc::dlclose(self.0.as_ptr()) };
        }
    }

    impl Library {
        /// Loads a library; a name without a folder is looked for where the system looks.
        pub(crate) fn open(path: &Path) -> Result<Self> {
            let name =
                CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::argument("`path` has a NUL in it"))?;
            // SAFETY: a library runs its initialisers when it is loaded; which one is the caller's choice.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            match NonNull::new(handle) {
                Some(handle) => Ok(Self { handle: Handle(handle), path: path.to_path_buf() }),
                None => Err(Error::new(ErrorCode::Io, format!("{} cannot be loaded: {}", path.display(), reason()))),
            }
        }

        /// The address of a function of the library.
        pub(crate) fn function(&self, name: &CStr) -> Result<NonNull<c_void>> {
            // SAFETY: the library is loaded.
            let found = unsafe { libc::dlsym(self.handle.0.as_ptr(), name.as_ptr()) };
            NonNull::new(found).ok_or_else(|| {
                let name = name.to_string_lossy();
                Error::new(ErrorCode::Unsupported, format!("{} has no function {name}", self.path.display()))
            })
        }
    }

    /// Why the last call of this thread has failed.
    fn reason() -> String {
        // SAFETY: the text, where there is one, stays until the next such call of this thread.
        let text = unsafe { libc::dlerror() };
        if text.is_null() {
            return "no reason is known".to_owned();
        }
        // SAFETY: as above.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }

    pub(super) fn place_of(address: NonNull<c_void>) -> Result<Place> {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: any address may be asked for; the structure is plain, and written on success.
        let (found, info) = unsafe { (libc::dladdr(address.as_ptr(), info.as_mut_ptr()), info.assume_init()) };
        if found == 0 || info.dli_fname.is_null() {
            return Err(Error::new(ErrorCode::Unsupported, "the system does not tell where this library is"));
        }
        // SAFETY: the name is the loader's, which keeps it as long as the library is loaded.
        let path = unsafe { CStr::from_ptr(info.dli_fname) };
        Ok(Place { base: info.dli_fbase.addr(), path: std::ffi::OsStr::from_bytes(path.to_bytes()).into() })
    }
}

#[cfg(unix)]
use unix::place_of;

#[cfg(not(unix))]
mod other {
    use super::*;

    pub(crate) struct Handle;

    fn unsupported<T>() -> Result<T> {
        Err(Error::new(ErrorCode::Unsupported, "on this system no other library can be loaded in place of this one"))
    }

    impl Library {
        pub(crate) fn open(_path: &Path) -> Result<Self> {
            unsupported()
        }

        pub(crate) fn function(&self, _name: &CStr) -> Result<NonNull<c_void>> {
            unsupported()
        }
    }

    pub(super) fn place_of(_address: NonNull<c_void>) -> Result<Place> {
        unsupported()
    }
}

#[cfg(not(unix))]
use other::{Handle, place_of};
