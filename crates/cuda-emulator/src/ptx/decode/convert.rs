//! `cvt`

use super::super::assembler::Assembler;
use super::super::error::ParseError;
use super::super::instruction::{Operation, Place};
use super::super::statement::Statement;
use super::super::types::Type;
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn convert(&mut self, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        let to_integer = ["rni", "rzi", "rmi", "rpi"].iter().any(|name| suffixes.list.contains(name));
        let mut mode = suffixes.take_mode();
        // Small types have no infinity; there the largest number takes its place, with or without the suffix.
        mode.saturate |= suffixes.take("satfinite");
        let (to_type, from_type) = (suffixes.take_type()?, suffixes.take_type()?);
        suffixes.finish()?;
        if to_type.is_packed() && !from_type.is_packed() {
            let [to, a, b] = exactly(statement)?;
            let (a, b) = (self.read(a, from_type)?, self.read(b, from_type)?);
            let to = Place { slot: self.write(to, to_type)?, size: to_type.size() };
            self.push(Operation::ConvertPair { to_type, from_type, mode, to, a, b });
            return Ok(());
        }
        let [to, from] = exactly(statement)?;
        let from = self.read_any(from, from_type)?;
        let to = self.write_any(to, to_type)?;
        if to.size < to_type.size() || from.size < from_type.size() || to_type == Type::Pred {
            return Err(super::at(self.line, "a register is too small for the conversion"));
        }
        self.push(Operation::Convert { to_type, from_type, mode, to_integer, to, from });
        Ok(())
    }
}
