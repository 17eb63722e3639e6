//! `cp.async`: copies from global to shared memory that run beside the threads.

use super::super::assembler::{Assembler, Symbol};
use super::super::error::{ParseError, at};
use super::super::instruction::{Operation, Place, Taken};
use super::super::statement::{Operand, Statement};
use super::super::types::{Space, Type};
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn copy_async(
        &mut self,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let unknown = || at(statement.line, format!("the instruction `{}` is not known", statement.opcode));
        if !suffixes.take("async") {
            return Err(unknown());
        }
        if suffixes.take("commit_group") {
            suffixes.finish()?;
            let [] = exactly(statement)?;
            self.push(Operation::CommitCopies);
            return Ok(());
        }
        if suffixes.take("wait_all") {
            suffixes.finish()?;
            let [] = exactly(statement)?;
            self.push(Operation::WaitForCopies { left: None });
            return Ok(());
        }
        if suffixes.take("wait_group") {
            suffixes.finish()?;
            let [Operand::Integer(left)] = *exactly(statement)? else {
                return Err(at(self.line, "a number of groups expected"));
            };
            self.push(Operation::WaitForCopies { left: Some(u32::try_from(left).unwrap_or(u32::MAX)) });
            return Ok(());
        }
        let (first_level, second_level) = (suffixes.take("ca"), suffixes.take("cg"));
        let shared = suffixes.take("shared") || suffixes.take("shared::cta");
        for hint in ["L2::64B", "L2::128B", "L2::256B"] {
            suffixes.take(hint);
        }
        if first_level == second_level || !shared || !suffixes.take("global") {
            return Err(unknown());
        }
        suffixes.finish()?;
        let (to, from, size, taken) = match statement.operands.as_slice() {
            [to, from, size] => (to, from, size, None),
            [to, from, size, taken] => (to, from, size, Some(taken)),
            _ => return Err(at(self.line, "`cp.async` takes three or four operands")),
        };
        let size = match *size {
            Operand::Integer(16) => 16,
            Operand::Integer(size @ (4 | 8)) if first_level => size as u8,
            _ => return Err(at(self.line, "so many bytes are not copied: 16, or with `.ca` also 4 or 8")),
        };
        let taken = match taken {
            None => Taken::All,
            Some(&Operand::Not(_)) => return Err(at(self.line, "a predicate expected as it is")),
            Some(operand) => match *operand {
                Operand::Name(name, 0) if self.is_predicate(name) => Taken::Unless(self.predicate(operand)?),
                _ => Taken::Bytes(self.read(operand, Type::U32)?),
            },
        };
        let (to, to_space) = self.address(to, Space::Shared)?;
        let (from, from_space) = self.address(from, Space::Global)?;
        if (to_space, from_space) != (Space::Shared, Space::Global) {
            return Err(at(self.line, "`cp.async` copies from global to shared memory"));
        }
        self.push(Operation::CopyAsync { size, to, from, taken });
        Ok(())
    }

    fn is_predicate(&mut self, name: &'m str) -> bool {
        matches!(self.symbol(name), Some(Symbol::Register(Place { size: 0, .. })))
    }
}
