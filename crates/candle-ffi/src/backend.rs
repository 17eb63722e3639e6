//! Backends.
//!
//! The library with CUDA is another file of the same interface. A program that is linked with the one for the CPU, also
//! statically, can have all its calls done by the other where that is installed and loads.

use crate::error::{CandleError, CandleStatus};
use crate::handle::live_handles;
use crate::library::Library;
use crate::panic::guard;
use crate::pointer::text;
use crate::symbols::NAMES;
use crate::version::CANDLE_FFI_ABI_VERSION;
use candle_ffi_core::{Error, ErrorCode, Result};
use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file that is in use for good, once `candle_backend_load` has said so.
static SETTLED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Has all later calls done by another library of this interface, for as long as the program runs.
///
/// It is called first: while there is no handle, and no other thread uses the library. What was set before (threads,
/// seeds, checks) stays behind. `path` is the file; `path` may be NULL, which is the file of this library's name in the
/// folder `cuda` beside it. To load it again does nothing. When it fails, all stays as it was: with
/// `CANDLE_ERROR_IO` when the file, or a library that it needs, is not there; `CANDLE_ERROR_UNSUPPORTED` when it is no
/// candle_ffi, or an older one; `CANDLE_ERROR_BUSY` when there are handles, or another library was loaded before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_backend_load(path: *const c_char, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_backend_load(path, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "backend_load", || {
            if !path.is_null() {
                return load(Path::new(text(path, "path")?));
            }
            let settled = SETTLED.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            if settled { Ok(()) } else { load(&beside()?) }
        })
    }
}

fn load(path: &Path) -> Result<()> {
    let mut settled = SETTLED.lock().unwrap_or_else(PoisonError::into_inner);
    let library = Library::open(path)?;
    if library.is_this()? {
        settled.get_or_insert_with(|| path.to_path_buf());
        return Ok(());
    }
    if let Some(used) = &*settled {
        let message = format!("{} is in use already; only one library can be loaded, once", used.display());
        return Err(Error::new(ErrorCode::Busy, message));
    }
    check(&library)?;
    let alive = live_handles(0);
    if alive != 0 {
        let message = format!("{alive} handles of this library are alive; load another one before the first is made");
        return Err(Error::new(ErrorCode::Busy, message));
    }
    settle(&library)?;
    let functions = NAMES.iter().map(|name| library.function(name)).collect::<Result<Vec<_>>>()?;
    *settled = Some(path.to_path_buf());
    library.keep();
    // SAFETY: the functions are of a library of this interface, by the names and versions that were checked.
    unsafe { crate::forward::turn_on(&functions) };
    Ok(())
}

/// Makes sure that a library has this interface: the same major version, not an older one, and every function.
fn check(library: &Library) -> Result<()> {
    let refused = |what: &str| {
        let message =
            format!("{} {what}; a candle_ffi {} is needed", library.path().display(), env!("CARGO_PKG_VERSION"));
        Error::new(ErrorCode::Unsupported, message)
    };
    let unknown = |_| refused("is no library of candle_ffi");
    // SAFETY: these two functions have had these types in every version.
    let (abi, version) = unsafe {
        let abi: extern "C" fn() -> i32 = library.typed(c"candle_ffi_abi_version").map_err(unknown)?;
        let version: extern "C" fn() -> *const c_char = library.typed(c"candle_ffi_version").map_err(unknown)?;
        (abi(), CStr::from_ptr(version()).to_string_lossy().into_owned())
    };
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&version) != major(env!("CARGO_PKG_VERSION")) {
        return Err(refused(&format!("is candle_ffi {version}, of another major version")));
    }
    if abi < CANDLE_FFI_ABI_VERSION {
        let what =
            format!("has version {abi} of the interface, older than the {CANDLE_FFI_ABI_VERSION} of this library");
        return Err(refused(&what));
    }
    match NAMES.iter().find(|name| library.function(name).is_err()) {
        Some(name) => Err(refused(&format!("has no function {}", name.to_string_lossy()))),
        None => Ok(()),
    }
}

/// Tells the other library that it is the one in use, so that it loads no further one: asked to load itself, it knows.
fn settle(library: &Library) -> Result<()> {
    let path = CString::new(library.path().as_os_str().as_encoded_bytes())
        .map_err(|_| Error::argument("`path` has a NUL in it"))?;
    type Load = unsafe extern "C" fn(*const c_char, *mut *mut CandleError) -> CandleStatus;
    // SAFETY: the function has this type in every version that has it; without a place for the error none is made.
    let status = unsafe { library.typed::<Load>(c"candle_backend_load")?(path.as_ptr(), std::ptr::null_mut()) };
    match status {
        crate::error::CANDLE_OK => Ok(()),
        _ => Err(Error::new(ErrorCode::Busy, format!("{} has loaded another library", library.path().display()))),
    }
}

/// The file of this library's name in the folder `cuda` beside it.
fn beside() -> Result<PathBuf> {
    let this = Library::path_of_this()?;
    let folder = this.parent().unwrap_or(Path::new(".")).join("cuda");
    Ok(folder.join(if cfg!(target_os = "macos") { "libcandle_ffi.0.dylib" } else { "libcandle_ffi.so.0" }))
}
