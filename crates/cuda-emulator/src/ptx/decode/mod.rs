//! One instruction of the text made into operations.

mod compare;
mod control;
mod convert;
mod copy;
mod float;
mod integer;
mod matrix;
mod memory;
mod operands;

pub(crate) use memory::{LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW};

use super::assembler::Assembler;
use super::error::{ParseError, at};
use super::statement::{Operand, Statement};
use super::types::{Mode, Rounding, Type};

/// An opcode's suffixes; what an instruction knows is taken away, so that what it does not know is found.
pub(super) struct Suffixes<'m> {
    list: Vec<&'m str>,
    opcode: &'m str,
    line: u32,
}

impl<'m> Suffixes<'m> {
    fn new(opcode: &'m str, line: u32) -> (&'m str, Self) {
        let mut parts = opcode.split('.');
        let base = parts.next().unwrap_or("");
        (base, Suffixes { list: parts.collect(), opcode, line })
    }

    fn take(&mut self, name: &str) -> bool {
        let found = self.list.iter().position(|&suffix| suffix == name);
        if let Some(index) = found {
            self.list.remove(index);
        }
        found.is_some()
    }

    /// The first suffix that `parse` knows.
    fn take_some<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (index, value) = self.list.iter().enumerate().find_map(|(n, s)| parse(s).map(|value| (n, value)))?;
        self.list.remove(index);
        Some(value)
    }

    fn take_type(&mut self) -> Result<Type, ParseError> {
        self.take_some(Type::parse).ok_or_else(|| at(self.line, format!("`{}` has no type", self.opcode)))
    }

    fn take_rounding(&mut self) -> Option<Rounding> {
        self.take_some(|name| match name {
            "rn" | "rni" => Some(Rounding::Nearest),
            "rna" => Some(Rounding::Away),
            "rz" | "rzi" => Some(Rounding::Zero),
            "rm" | "rmi" => Some(Rounding::Down),
            "rp" | "rpi" => Some(Rounding::Up),
            _ => None,
        })
    }

    fn take_mode(&mut self) -> Mode {
        Mode {
            rounding: self.take_rounding().unwrap_or(Rounding::Nearest),
            flush: self.take("ftz"),
            saturate: self.take("sat"),
            nan: self.take("NaN"),
            relu: self.take("relu"),
            absolute: self.take("abs"),
        }
    }

    fn finish(&self) -> Result<(), ParseError> {
        match self.list.as_slice() {
            [] => Ok(()),
            [suffix, ..] => Err(at(self.line, format!("`.{suffix}` is not known in `{}`", self.opcode))),
        }
    }
}

/// So many operands, no more and no fewer.
fn exactly<'s, 'm, const N: usize>(statement: &'s Statement<'m>) -> Result<&'s [Operand<'m>; N], ParseError> {
    statement.operands.as_slice().try_into().map_err(|_| {
        at(statement.line, format!("`{}` takes {N} operands, not {}", statement.opcode, statement.operands.len()))
    })
}

impl<'m> Assembler<'m> {
    /// Decodes an instruction and adds what it does to the code.
    pub(super) fn decode(&mut self, statement: &Statement<'m>) -> Result<(), ParseError> {
        let (base, suffixes) = Suffixes::new(statement.opcode, statement.line);
        match base {
            "bra" | "brx" | "call" | "ret" | "exit" | "trap" | "bar" | "barrier" | "shfl" | "vote" | "match"
            | "redux" | "activemask" | "membar" | "fence" | "brkpt" | "nanosleep" | "pmevent" | "discard"
            | "prefetch" | "prefetchu" | "applypriority" => self.control(base, suffixes, statement),
            "mov" | "ld" | "ldu" | "st" | "atom" | "red" | "cvta" | "isspacep" => {
                self.memory(base, suffixes, statement)
            }
            "ldmatrix" | "mma" => self.matrix(base, suffixes, statement),
            "cp" => self.copy_async(suffixes, statement),
            "setp" | "set" | "selp" | "slct" | "testp" => self.compare(base, suffixes, statement),
            "cvt" => self.convert(suffixes, statement),
            "fma" | "sqrt" | "rsqrt" | "rcp" | "ex2" | "lg2" | "sin" | "cos" | "tanh" | "copysign" => {
                self.float(base, suffixes, statement)
            }
            "add" | "sub" | "mul" | "mad" | "div" | "min" | "max" | "neg" | "abs" if is_float(&suffixes) => {
                self.float(base, suffixes, statement)
            }
            _ => self.integer(base, suffixes, statement),
        }
    }
}

fn is_float(suffixes: &Suffixes<'_>) -> bool {
    suffixes.list.iter().any(|name| Type::parse(name).is_some_and(Type::is_float))
}
