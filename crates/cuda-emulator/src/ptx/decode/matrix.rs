//! `ldmatrix` and `mma`: what a whole warp does with matrices.

use super::super::assembler::Assembler;
use super::super::error::{ParseError, at};
use super::super::instruction::{Meeting, Operation, Slot};
use super::super::statement::{Operand, Statement};
use super::super::types::{Space, Type};
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn matrix(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        if !suffixes.take("sync") || !suffixes.take("aligned") {
            return Err(at(self.line, format!("`{}` has to be `.sync.aligned`", statement.opcode)));
        }
        let meeting = match base {
            "mma" => self.multiply(suffixes, statement)?,
            _ => self.load_matrices(suffixes, statement)?,
        };
        // For all lanes.
        let mask = Some(self.constant(4, u64::from(u32::MAX)));
        self.push(Operation::Meeting { meeting, mask });
        Ok(())
    }

    /// `mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 d, a, b, c`, or with `bf16`.
    fn multiply(&mut self, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<Meeting, ParseError> {
        let shape = suffixes.take("m16n8k16") && suffixes.take("row") && suffixes.take("col");
        let types = [suffixes.take_type()?, suffixes.take_type()?, suffixes.take_type()?, suffixes.take_type()?];
        suffixes.finish()?;
        let ty = types[1];
        if !shape || !matches!(ty, Type::F16 | Type::Bf16) || types != [Type::F32, ty, ty, Type::F32] {
            return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode)));
        }
        let [to, a, b, c] = exactly(statement)?;
        let (a, b) = (self.fragment(a, Type::B32)?, self.fragment(b, Type::B32)?);
        let (c, to) = (self.fragment(c, Type::F32)?, self.registers(to, Type::F32)?);
        let to = <[Slot; 4]>::try_from(to).map_err(|_| at(self.line, "the result has four registers"))?;
        Ok(Meeting::Multiply { ty, to, a, b, c })
    }

    /// `ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {…}, [address]`
    fn load_matrices(&mut self, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<Meeting, ParseError> {
        let count = [("x1", 1), ("x2", 2), ("x4", 4)].iter().find(|(name, _)| suffixes.take(name));
        let transposed = suffixes.take("trans");
        let shared = suffixes.take("shared") || suffixes.take("shared::cta");
        let (true, true, Some(&(_, count))) = (suffixes.take("m8n8"), suffixes.take("b16"), count) else {
            return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode)));
        };
        suffixes.finish()?;
        let [to, address] = exactly(statement)?;
        let to = self.registers(to, Type::B32)?;
        if to.len() != count {
            return Err(at(self.line, format!("{count} registers expected, not {}", to.len())));
        }
        let (address, space) = self.address(address, if shared { Space::Shared } else { Space::Generic })?;
        Ok(Meeting::LoadMatrices { to: to.into(), space, address, transposed })
    }

    /// The registers of an operand that is written.
    fn registers(&mut self, operand: &Operand<'m>, ty: Type) -> Result<Vec<Slot>, ParseError> {
        match operand {
            Operand::List(list) => list.iter().map(|one| self.write(one, ty)).collect(),
            one => Ok(vec![self.write(one, ty)?]),
        }
    }

    /// So many registers that are read.
    fn fragment<const N: usize>(&mut self, operand: &Operand<'m>, ty: Type) -> Result<[Slot; N], ParseError> {
        let Operand::List(list) = operand else { return Err(at(self.line, "registers in braces expected")) };
        let slots: Result<Vec<Slot>, _> = list.iter().map(|one| self.read(one, ty)).collect();
        let wrong = |list: Vec<Slot>| at(self.line, format!("{N} registers expected, not {}", list.len()));
        slots?.try_into().map_err(wrong)
    }
}
