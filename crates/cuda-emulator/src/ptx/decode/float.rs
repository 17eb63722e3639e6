//! Floating-point arithmetic.

use super::super::assembler::Assembler;
use super::super::error::{ParseError, at};
use super::super::instruction::{Float1, Float2, Operation};
use super::super::statement::Statement;
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn float(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let absolute = base == "abs";
        let mut mode = suffixes.take_mode();
        // The approximations of the hardware are at least as wide as what is computed here.
        suffixes.take("approx");
        suffixes.take("full");
        suffixes.take("noftz");
        mode.absolute &= !absolute;
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let one = match base {
            "neg" => Some(Float1::Negate),
            "abs" => Some(Float1::Absolute),
            "sqrt" => Some(Float1::Root),
            "rsqrt" => Some(Float1::ReciprocalRoot),
            "rcp" => Some(Float1::Reciprocal),
            "ex2" => Some(Float1::Exp2),
            "lg2" => Some(Float1::Log2),
            "sin" => Some(Float1::Sine),
            "cos" => Some(Float1::Cosine),
            "tanh" => Some(Float1::Tanh),
            _ => None,
        };
        if let Some(operation) = one {
            let [to, a] = exactly(statement)?;
            let (a, to) = (self.read(a, ty)?, self.write(to, ty)?);
            self.push(Operation::Float1 { operation, ty, mode, to, a });
            return Ok(());
        }
        if matches!(base, "fma" | "mad") {
            let [to, a, b, c] = exactly(statement)?;
            let (a, b, c) = (self.read(a, ty)?, self.read(b, ty)?, self.read(c, ty)?);
            let to = self.write(to, ty)?;
            self.push(Operation::FusedMultiplyAdd { ty, mode, to, a, b, c });
            return Ok(());
        }
        let operation = match base {
            "add" => Float2::Add,
            "sub" => Float2::Sub,
            "mul" => Float2::Mul,
            "div" => Float2::Div,
            "min" => Float2::Min,
            "max" => Float2::Max,
            "copysign" => Float2::CopySign,
            _ => return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode))),
        };
        if let (Float2::Min | Float2::Max, [to, a, b, c]) = (operation, statement.operands.as_slice()) {
            let (a, b, c) = (self.read(a, ty)?, self.read(b, ty)?, self.read(c, ty)?);
            let to = self.write(to, ty)?;
            self.push(Operation::Float3 { operation, ty, mode, to, a, b, c });
            return Ok(());
        }
        let [to, a, b] = exactly(statement)?;
        let (a, b, to) = (self.read(a, ty)?, self.read(b, ty)?, self.write(to, ty)?);
        self.push(Operation::Float2 { operation, ty, mode, to, a, b });
        Ok(())
    }
}
