//! PTX text, as `nvcc` writes it, made into a flat list of instructions whose operands are places in a register file.

mod assembler;
mod decode;
mod error;
mod instruction;
mod lexer;
mod module;
mod statement;
mod types;
mod variable;

pub use error::ParseError;
pub use module::{Function, Module, Parameter, Target};
pub use variable::{Global, Variable};

pub(crate) use assembler::{Code, Special};
pub(crate) use decode::{LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW};
pub(crate) use error::line_text;
pub(crate) use instruction::*;
pub(crate) use types::*;
