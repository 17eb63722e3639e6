//! Comparisons and choices.

use super::super::assembler::Assembler;
use super::super::error::{ParseError, at};
use super::super::instruction::{FloatClass, Guard, Operation};
use super::super::statement::{Operand, Statement};
use super::super::types::{Comparison, Logic, Type};
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn compare(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        match base {
            "selp" => {
                let ty = suffixes.take_type()?;
                suffixes.finish()?;
                let [to, a, b, choice] = exactly(statement)?;
                let (a, b, choice) = (self.read(a, ty)?, self.read(b, ty)?, self.predicate(choice)?);
                let to = self.write(to, ty)?;
                self.push(Operation::Select { size: ty.size(), to, a, b, choice });
                Ok(())
            }
            "slct" => {
                suffixes.take("ftz");
                let (result, ty) = (suffixes.take_type()?, suffixes.take_type()?);
                suffixes.finish()?;
                let [to, a, b, c] = exactly(statement)?;
                let (a, b, c) = (self.read(a, result)?, self.read(b, result)?, self.read(c, ty)?);
                let to = self.write(to, result)?;
                self.push(Operation::SelectSign { size: result.size(), to, a, b, c, ty });
                Ok(())
            }
            "testp" => {
                let Some(class) = suffixes.take_some(float_class) else {
                    return Err(at(self.line, "what `testp` asks is not known"));
                };
                let ty = suffixes.take_type()?;
                suffixes.finish()?;
                let [to, a] = exactly(statement)?;
                let (a, to) = (self.read(a, ty)?, self.write(to, Type::Pred)?);
                self.push(Operation::TestFloat { class, ty, to, a });
                Ok(())
            }
            _ => self.set(base == "setp", suffixes, statement),
        }
    }

    fn set(
        &mut self,
        predicate: bool,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let Some(comparison) = suffixes.take_some(Comparison::parse) else {
            return Err(at(self.line, "the comparison is not known"));
        };
        let logic = suffixes.take_some(|name| match name {
            "and" => Some(Logic::And),
            "or" => Some(Logic::Or),
            "xor" => Some(Logic::Xor),
            _ => None,
        });
        let flush = suffixes.take("ftz");
        let result = if predicate { Type::Pred } else { suffixes.take_type()? };
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let (to, a, b) = match statement.operands.as_slice() {
            [to, a, b] | [to, a, b, _] => (to, a, b),
            _ => return Err(at(self.line, "a comparison takes three or four operands")),
        };
        let combine: Option<(Logic, Guard)> = match (logic, statement.operands.get(3)) {
            (Some(logic), Some(with)) => Some((logic, self.predicate(with)?)),
            (None, None) => None,
            _ => return Err(at(self.line, "the operand that a comparison is joined with is missing, or too many")),
        };
        let (a, b) = (self.read(a, ty)?, self.read(b, ty)?);
        if !predicate {
            let to = self.write(to, result)?;
            self.push(Operation::Set { comparison, ty, flush, result, to, a, b, combine });
            return Ok(());
        }
        let (first, second): (Operand<'m>, _) = self.pair(to);
        let to = self.write(&first, Type::Pred)?;
        let otherwise = match second {
            Some(second) => Some(self.write(&second, Type::Pred)?),
            None => None,
        };
        self.push(Operation::Compare { comparison, ty, flush, to, otherwise, a, b, combine });
        Ok(())
    }
}

fn float_class(name: &str) -> Option<FloatClass> {
    Some(match name {
        "finite" => FloatClass::Finite,
        "infinite" => FloatClass::Infinite,
        "number" => FloatClass::Number,
        "notanumber" => FloatClass::NotANumber,
        "normal" => FloatClass::Normal,
        "subnormal" => FloatClass::Subnormal,
        _ => return None,
    })
}
