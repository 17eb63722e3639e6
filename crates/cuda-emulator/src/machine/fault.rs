use std::fmt;

/// Why a kernel was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kernel's name.
    pub kernel: String,
    /// The index of the block.
    pub block: [u32; 3],
    /// The index of the thread in its block.
    pub thread: [u32; 3],
    /// The line of the module's text, from 1; 0 if there is none.
    pub line: u32,
    /// That line.
    pub text: Box<str>,
    /// The address, for an access to memory.
    pub address: Option<u64>,
    /// The bytes of the access.
    pub size: usize,
    /// What was wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { kernel, block: [bx, by, bz], thread: [tx, ty, tz], line, text, message, .. } = self;
        write!(f, "kernel `{kernel}`, block ({bx}, {by}, {bz}), thread ({tx}, {ty}, {tz}): {message}")?;
        if let Some(address) = self.address {
            write!(f, "; {} bytes at {address:#x}", self.size)?;
        }
        if *line > 0 {
            write!(f, " (PTX line {line}: `{text}`)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// What was wrong in one lane, before it is known whose lane it is.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) lane: u32,
    pub(super) address: Option<u64>,
    pub(super) size: usize,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(lane: u32, message: impl Into<String>) -> Box<Self> {
        Box::new(Problem { lane, address: None, size: 0, message: message.into() })
    }
}

/// The outcome of an operation. Boxed, because it is nearly always good.
pub(super) type Outcome = Result<(), Box<Problem>>;
