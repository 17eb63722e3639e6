//! Numbered errors that carry what a caller needs to see: code, message, operation, shapes, dtypes, devices.

use crate::{DType, Device};
use std::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failure; the numbers are the ABI's and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorCode {
    /// An argument outside its domain.
    InvalidArgument = 1,
    /// A pointer that must not be NULL was NULL.
    NullPointer = 2,
    /// A string that is not UTF-8.
    InvalidUtf8 = 3,
    /// An output buffer that cannot hold the result.
    BufferTooSmall = 4,
    /// An object in exclusive use by another thread.
    Busy = 5,
    /// A handle of another type.
    InvalidHandle = 6,
    /// Shapes that do not fit.
    Shape = 20,
    /// A dtype that the operation does not have.
    DType = 21,
    /// A device that is not there, or two devices in one operation.
    Device = 22,
    /// An index or a dimension out of range.
    Index = 23,
    /// Memory that cannot be had.
    OutOfMemory = 30,
    /// A gradient that cannot be given.
    NoGradient = 40,
    /// Misuse of the graph: none there, freed already, or an unused input.
    Graph = 41,
    /// A value needed for a gradient was changed in place.
    ModifiedInPlace = 42,
    /// Reading or writing a file failed.
    Io = 50,
    /// A file whose content is not what its format demands.
    FileFormat = 51,
    /// Weights that do not fit the module.
    StateDict = 52,
    /// A combination that this build does not offer.
    Unsupported = 60,
    /// A function of the caller failed.
    Callback = 70,
    /// Candle reported a failure.
    Backend = 90,
    /// A panic was caught at the border.
    Panic = 91,
    /// A broken promise inside this library.
    Internal = 92,
}

/// An error with its details; one pointer wide, so that `Result`s stay small.
#[derive(Clone)]
pub struct Error(Box<Details>);

#[derive(Clone)]
struct Details {
    code: ErrorCode,
    message: String,
    operation: Option<String>,
    shapes: Vec<Vec<usize>>,
    dtypes: Vec<DType>,
    devices: Vec<Device>,
}

impl Error {
    /// An error of a kind, with a message that names what was wrong and what would be right.
    #[cold]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            message: message.into(),
            operation: None,
            shapes: Vec::new(),
            dtypes: Vec::new(),
            devices: Vec::new(),
        }))
    }

    /// Shapes that do not fit, with the shapes.
    #[cold]
    pub fn shape(message: impl Into<String>, shapes: &[&[usize]]) -> Self {
        let mut error = Self::new(ErrorCode::Shape, message);
        error.0.shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        error
    }

    /// A dtype that is not accepted, with the dtypes.
    #[cold]
    pub fn dtype(message: impl Into<String>, dtypes: &[DType]) -> Self {
        let mut error = Self::new(ErrorCode::DType, message);
        error.0.dtypes = dtypes.to_vec();
        error
    }

    /// A device that is not accepted, with the devices.
    #[cold]
    pub fn device(message: impl Into<String>, devices: &[Device]) -> Self {
        let mut error = Self::new(ErrorCode::Device, message);
        error.0.devices = devices.to_vec();
        error
    }

    /// What is not offered for these dtypes on these devices.
    #[cold]
    pub fn unsupported(message: impl Into<String>, dtypes: &[DType], devices: &[Device]) -> Self {
        let mut error = Self::new(ErrorCode::Unsupported, message);
        error.0.dtypes = dtypes.to_vec();
        error.0.devices = devices.to_vec();
        error
    }

    /// An index or dimension out of range.
    #[cold]
    pub fn index(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Index, message)
    }

    /// An argument outside its domain.
    #[cold]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// A broken promise inside this library.
    #[cold]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// Names the operation, unless a deeper one has named itself.
    #[cold]
    pub fn in_operation(mut self, operation: &str) -> Self {
        self.0.operation.get_or_insert_with(|| operation.to_owned());
        self
    }

    /// Adds the shape, dtype and device of what there was no room for, as far as they are known.
    #[cfg(feature = "cuda")]
    pub(crate) fn about(mut self, shape: Option<&[usize]>, dtype: Option<DType>, device: Device) -> Self {
        self.0.shapes.extend(shape.map(<[usize]>::to_vec));
        self.0.dtypes.extend(dtype);
        self.0.devices.push(device);
        self
    }

    /// The kind of failure.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The message alone, without the operation.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The operation that failed, where one is known.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The shapes involved.
    pub fn shapes(&self) -> &[Vec<usize>] {
        &self.0.shapes
    }

    /// The dtypes involved.
    pub fn dtypes(&self) -> &[DType] {
        &self.0.dtypes
    }

    /// The devices involved.
    pub fn devices(&self) -> &[Device] {
        &self.0.devices
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation() {
            Some(operation) => write!(formatter, "{operation}: {}", self.0.message),
            None => formatter.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}({self})", self.0.code)
    }
}

impl std::error::Error for Error {}

impl From<candle_core::Error> for Error {
    #[cold]
    fn from(error: candle_core::Error) -> Self {
        // Shapes, dtypes and devices are checked before Candle is called, so what comes here is a
        // failure of the backend itself.
        #[cfg(feature = "cuda")]
        if let Some(told) = crate::device::failure(&error) {
            return told;
        }
        // Behind the first line there may be a backtrace.
        let message = error.to_string();
        Self::new(ErrorCode::Backend, message.lines().next().unwrap_or_default())
    }
}

impl From<std::io::Error> for Error {
    #[cold]
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorCode::Io, error.to_string())
    }
}

impl From<candle_ffi_kernels::Error> for Error {
    #[cold]
    fn from(error: candle_ffi_kernels::Error) -> Self {
        use candle_ffi_kernels::Error as Kernel;
        match error {
            Kernel::IndexOutOfRange { .. } => Self::index(error.to_string()),
            _ => Self::argument(error.to_string()),
        }
    }
}
