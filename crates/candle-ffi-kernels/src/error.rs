//! The failures that depend on the data.

use std::fmt;

/// A failure that a caller cannot rule out from shapes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An integer was divided by zero.
    DivisionByZero,
    /// An index outside `0..size`.
    IndexOutOfRange {
        /// The index that was asked for.
        index: i64,
        /// The size of the indexed dimension.
        size: usize,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::DivisionByZero => formatter.write_str("integer division by zero"),
            Error::IndexOutOfRange { index, size } => {
                write!(formatter, "index {index} is out of range for a dimension of size {size}")
            }
        }
    }
}

impl std::error::Error for Error {}
