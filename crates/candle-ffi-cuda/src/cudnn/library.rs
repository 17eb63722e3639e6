//! `libcudnn.so.9`: finding it, and the functions that are called.
//!
//! They are those of the interface by descriptors, which cuDNN 9 has for programs that came before its graphs (see
//! docs/decisions/0015). Types and numbers are those of its headers `cudnn_graph.h`, `cudnn_ops.h` and `cudnn_cnn.h`.

use candle_core::cuda_backend::cudarc::driver::sys::CUstream;
use std::ffi::{CStr, CString, c_char, c_float, c_int, c_void};
use std::sync::OnceLock;

/// The name by which the loader knows it. Its major version is the interface.
const NAME: &CStr = c"libcudnn.so.9";
const MAJOR: usize = 9;

/// `cudnnHandle_t`.
pub(super) type Handle = *mut c_void;
/// Any of `cudnnTensorDescriptor_t`, `cudnnFilterDescriptor_t`, `cudnnConvolutionDescriptor_t`.
pub(super) type Description = *mut c_void;

/// `cudnnStatus_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
#[must_use]
pub(super) struct Status(c_int);

/// What cuDNN has done, or why not.
pub(super) type Answer<T> = Result<T, Status>;

impl Status {
    pub(super) const SUCCESS: Self = Self(0);

    /// Whether the library itself is of no use: not started, in parts that do not fit, without one of its files.
    pub(super) fn is_unusable(self) -> bool {
        (1000..2000).contains(&self.0)
    }

    /// Whether nothing was done, since cuDNN does not take the problem or does not support it. What failed on the device is
    /// not among these.
    pub(super) fn is_refusal(self) -> bool {
        (2000..4000).contains(&self.0)
    }

    /// Whether nothing was done for want of memory or for another reason of its own, which may pass.
    pub(super) fn is_shortage(self) -> bool {
        (4000..5000).contains(&self.0)
    }
}

/// `cudnnConvolutionFwdAlgoPerf_t`, and those of the two gradients, which are the same.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Performance {
    pub(super) algorithm: c_int,
    pub(super) status: Status,
    pub(super) time: c_float,
    pub(super) memory: usize,
    pub(super) determinism: c_int,
    pub(super) math: c_int,
    pub(super) reserved: [c_int; 3],
}

impl Performance {
    pub(super) const NONE: Self =
        Self { algorithm: 0, status: Status(4000), time: -1.0, memory: 0, determinism: 0, math: 0, reserved: [0; 3] };
}

type Get = unsafe extern "C" fn(
    Handle,
    Description,
    Description,
    Description,
    Description,
    c_int,
    *mut c_int,
    *mut Performance,
) -> Status;

type Find = unsafe extern "C" fn(
    Handle,
    Description,
    *const c_void,
    Description,
    *const c_void,
    Description,
    Description,
    *mut c_void,
    c_int,
    *mut c_int,
    *mut Performance,
    *mut c_void,
    usize,
) -> Status;

type Run = unsafe extern "C" fn(
    Handle,
    *const c_void,
    Description,
    *const c_void,
    Description,
    *const c_void,
    Description,
    c_int,
    *mut c_void,
    usize,
    *const c_void,
    Description,
    *mut c_void,
) -> Status;

type Create = unsafe extern "C" fn(*mut Description) -> Status;
type Destroy = unsafe extern "C" fn(Description) -> Status;
type SetTensor = unsafe extern "C" fn(Description, c_int, c_int, *const c_int, *const c_int) -> Status;
type SetFilter = unsafe extern "C" fn(Description, c_int, c_int, c_int, *const c_int) -> Status;
type SetConvolution =
    unsafe extern "C" fn(Description, c_int, *const c_int, *const c_int, *const c_int, c_int, c_int) -> Status;

/// What there is for each of the three products, of the same types: first two descriptions that are read, then that of the
/// convolution, then the one that is written.
#[derive(Clone, Copy)]
pub(super) struct Family {
    /// Algorithms, those first that should be fastest.
    pub(super) get: Get,
    /// Algorithms, measured.
    pub(super) find: Find,
    pub(super) run: Run,
}

/// The library with its functions.
pub(super) struct Library {
    /// 92801 for 9.28.1.
    pub(super) version: usize,
    error_string: unsafe extern "C" fn(Status) -> *const c_char,
    last_error: Option<unsafe extern "C" fn(*mut c_char, usize)>,
    pub(super) create: unsafe extern "C" fn(*mut Handle) -> Status,
    pub(super) set_stream: unsafe extern "C" fn(Handle, CUstream) -> Status,
    pub(super) create_tensor: Create,
    pub(super) destroy_tensor: Destroy,
    pub(super) set_tensor: SetTensor,
    pub(super) create_filter: Create,
    pub(super) destroy_filter: Destroy,
    pub(super) set_filter: SetFilter,
    pub(super) create_convolution: Create,
    pub(super) destroy_convolution: Destroy,
    pub(super) set_convolution: SetConvolution,
    pub(super) set_groups: unsafe extern "C" fn(Description, c_int) -> Status,
    pub(super) set_math: unsafe extern "C" fn(Description, c_int) -> Status,
    pub(super) forward: Family,
    pub(super) backward_data: Family,
    pub(super) backward_filter: Family,
}

/// The library, loaded by the first who asks; or why it cannot be used. What is found once holds for the process.
pub(super) fn library() -> Result<&'static Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(Library::load).as_ref().map_err(Clone::clone)
}

impl Library {
    fn load() -> Result<Self, String> {
        let file = File::open()?;
        // SAFETY: the function has had this type in every version.
        let version: unsafe extern "C" fn() -> usize = unsafe { file.function(c"cudnnGetVersion") }?;
        // SAFETY: it takes nothing.
        let version = unsafe { version() };
        // Up to 8 the major version counted thousands.
        let major = if version < 10_000 { version / 1000 } else { version / 10_000 };
        if major != MAJOR {
            return Err(format!("{} is of version {version}, not of cuDNN {MAJOR}", NAME.to_string_lossy()));
        }
        // SAFETY: the types are those of the headers of version 9.
        unsafe {
            Ok(Self {
                version,
                error_string: file.function(c"cudnnGetErrorString")?,
                last_error: file.function(c"cudnnGetLastErrorString").ok(),
                create: file.function(c"cudnnCreate")?,
                set_stream: file.function(c"cudnnSetStream")?,
                create_tensor: file.function(c"cudnnCreateTensorDescriptor")?,
                destroy_tensor: file.function(c"cudnnDestroyTensorDescriptor")?,
                set_tensor: file.function(c"cudnnSetTensorNdDescriptor")?,
                create_filter: file.function(c"cudnnCreateFilterDescriptor")?,
                destroy_filter: file.function(c"cudnnDestroyFilterDescriptor")?,
                set_filter: file.function(c"cudnnSetFilterNdDescriptor")?,
                create_convolution: file.function(c"cudnnCreateConvolutionDescriptor")?,
                destroy_convolution: file.function(c"cudnnDestroyConvolutionDescriptor")?,
                set_convolution: file.function(c"cudnnSetConvolutionNdDescriptor")?,
                set_groups: file.function(c"cudnnSetConvolutionGroupCount")?,
                set_math: file.function(c"cudnnSetConvolutionMathType")?,
                forward: Family {
                    get: file.function(c"cudnnGetConvolutionForwardAlgorithm_v7")?,
                    find: file.function(c"cudnnFindConvolutionForwardAlgorithmEx")?,
                    run: file.function(c"cudnnConvolutionForward")?,
                },
                backward_data: Family {
                    get: file.function(c"cudnnGetConvolutionBackwardDataAlgorithm_v7")?,
                    find: file.function(c"cudnnFindConvolutionBackwardDataAlgorithmEx")?,
                    run: file.function(c"cudnnConvolutionBackwardData")?,
                },
                backward_filter: Family {
                    get: file.function(c"cudnnGetConvolutionBackwardFilterAlgorithm_v7")?,
                    find: file.function(c"cudnnFindConvolutionBackwardFilterAlgorithmEx")?,
                    run: file.function(c"cudnnConvolutionBackwardFilter")?,
                },
            })
        }
    }

    /// The version as people write it.
    pub(super) fn spelled(&self) -> String {
        format!("{}.{}.{}", self.version / 10_000, self.version / 100 % 100, self.version % 100)
    }

    /// What a status means, with what cuDNN says of its cause.
    pub(super) fn explain(&self, status: Status) -> String {
        // SAFETY: it gives a text that stays, for every number.
        let name = unsafe { text((self.error_string)(status)) };
        let Some(last_error) = self.last_error else { return name };
        let mut told = [0 as c_char; 512];
        // SAFETY: it writes so many bytes at most, and the last one stays 0.
        unsafe { last_error(told.as_mut_ptr(), told.len() - 1) };
        // SAFETY: it ends with a 0.
        match unsafe { text(told.as_ptr()) }.trim() {
            "" => name,
            told => format!("{name}: {told}"),
        }
    }
}

/// # Safety
///
/// Null, or a text that ends with a 0.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's word.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The library as the loader has it. It is never unloaded.
struct File(*mut c_void);

impl File {
    /// The one that the process has, else the one that the loader finds, else one in a folder that is named.
    #[cfg(unix)]
    fn open() -> Result<Self, String> {
        let named = ["CUDNN_PATH", "CUDNN_HOME", "CUDA_HOME", "CUDA_PATH"];
        let homes = named.iter().filter_map(|name| std::env::var(name).ok()).filter(|home| !home.is_empty());
        let files =
            homes.flat_map(|home| ["lib64", "lib"].map(|part| format!("{home}/{part}/{}", NAME.to_string_lossy())));
        let mut failure = match Self::load(NAME) {
            Ok(file) => return Ok(file),
            Err(failure) => failure,
        };
        for file in files.filter(|file| std::path::Path::new(file).exists()) {
            let Ok(file) = CString::new(file) else { continue };
            match Self::load(&file) {
                Ok(file) => return Ok(file),
                Err(why) => failure = why,
            }
        }
        Err(format!("cuDNN {MAJOR} cannot be loaded ({failure})"))
    }

    #[cfg(not(unix))]
    fn open() -> Result<Self, String> {
        Err("cuDNN is loaded on Linux only".to_owned())
    }

    #[cfg(unix)]
    fn load(name: &CStr) -> Result<Self, String> {
        // SAFETY: a name that ends with a 0; what runs when a library is loaded is the library's own affair.
        let found = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
        if found.is_null() {
            // SAFETY: after a failure it gives a text, which is copied before the next call.
            return Err(unsafe { text(libc::dlerror()) });
        }
        Ok(Self(found))
    }

    /// # Safety
    ///
    /// `F` is the type of a pointer to the function of this name.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Result<F, String> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        #[cfg(unix)]
        // SAFETY: a library that is loaded, and a name that ends with a 0.
        let found = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        #[cfg(not(unix))]
        let found = self.0;
        if found.is_null() {
            let (library, name) = (NAME.to_string_lossy(), name.to_string_lossy());
            return Err(format!("{library} has no function {name}"));
        }
        // SAFETY: as wide as a pointer; the caller vouches for the type.
        Ok(unsafe { std::mem::transmute_copy(&found) })
    }
}
