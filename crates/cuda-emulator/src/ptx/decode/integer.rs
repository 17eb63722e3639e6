//! Integers and bits.

use super::super::assembler::Assembler;
use super::super::error::{ParseError, at};
use super::super::instruction::{Bits, Half, Integer2, Operation, Permute, Place};
use super::super::statement::{Operand, Statement};
use super::super::types::{Logic, Type};
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn integer(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        match base {
            "add" | "sub" if suffixes.take("cc") => self.carry(base == "sub", false, true, suffixes, statement),
            "addc" | "subc" => {
                let output = suffixes.take("cc");
                self.carry(base == "subc", true, output, suffixes, statement)
            }
            "mad" | "madc" => self.multiply_add(base == "madc", suffixes, statement),
            "and" | "or" | "xor" | "not" if suffixes.take("pred") => self.logic(base, statement),
            _ => match integer2(base, &mut suffixes) {
                Some(operation) => self.two(operation, suffixes, statement),
                None => self.bits(base, suffixes, statement),
            },
        }
    }

    fn two(
        &mut self,
        mut operation: Integer2,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let ty = suffixes.take_type()?;
        if suffixes.take("sat") {
            operation = match operation {
                Integer2::Add => Integer2::AddSaturating,
                Integer2::Sub => Integer2::SubSaturating,
                _ => return Err(at(self.line, "`.sat` is not known here")),
            };
        }
        suffixes.finish()?;
        let [to, a, b] = exactly(statement)?;
        let shift = matches!(operation, Integer2::ShiftLeft | Integer2::ShiftRight);
        let (a, b) = (self.read(a, ty)?, self.read(b, if shift { Type::U32 } else { ty })?);
        let result = if operation == Integer2::MulWide { wide(ty) } else { ty };
        let to = self.write(to, result)?;
        self.push(Operation::Integer2 { operation, ty, to, a, b });
        Ok(())
    }

    fn multiply_add(
        &mut self,
        input: bool,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let output = suffixes.take("cc");
        let half = if suffixes.take("wide") {
            Half::Wide
        } else if suffixes.take("hi") {
            Half::High
        } else {
            suffixes.take("lo");
            Half::Low
        };
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let [to, a, b, c] = exactly(statement)?;
        let result = if half == Half::Wide { wide(ty) } else { ty };
        let (a, b, c) = (self.read(a, ty)?, self.read(b, ty)?, self.read(c, result)?);
        let to = self.write(to, result)?;
        self.push(if input || output {
            Operation::MultiplyAddCarry { ty, half, input, output, to, a, b, c }
        } else {
            Operation::MultiplyAdd { half, ty, to, a, b, c }
        });
        Ok(())
    }

    fn carry(
        &mut self,
        subtract: bool,
        input: bool,
        output: bool,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let [to, a, b] = exactly(statement)?;
        let (a, b, to) = (self.read(a, ty)?, self.read(b, ty)?, self.write(to, ty)?);
        self.push(Operation::AddCarry { ty, subtract, input, output, to, a, b });
        Ok(())
    }

    fn logic(&mut self, base: &str, statement: &Statement<'m>) -> Result<(), ParseError> {
        if base == "not" {
            let [to, a] = exactly(statement)?;
            let mut from = self.predicate(a)?;
            from.negated = !from.negated;
            let to = self.write(to, Type::Pred)?;
            self.push(Operation::CopyPredicate { to, from });
            return Ok(());
        }
        let logic = match base {
            "and" => Logic::And,
            "or" => Logic::Or,
            _ => Logic::Xor,
        };
        let [to, a, b] = exactly(statement)?;
        let (a, b, to) = (self.predicate(a)?, self.predicate(b)?, self.write(to, Type::Pred)?);
        self.push(Operation::Logic { logic, to, a, b });
        Ok(())
    }

    fn bits(&mut self, base: &str, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        if base == "dp4a" || base == "dp2a" {
            return self.dot(base, suffixes, statement);
        }
        let operation = match base {
            "not" => Bits::Not,
            "cnot" => Bits::CountNotInverted,
            "neg" => Bits::Negate,
            "abs" => Bits::Absolute,
            "popc" => Bits::Population,
            "clz" => Bits::LeadingZeros,
            "brev" => Bits::Reverse,
            "bfe" => Bits::Extract,
            "bfi" => Bits::Insert,
            "bfind" if suffixes.take("shiftamt") => Bits::FindLeadingShift,
            "bfind" => Bits::FindLeading,
            "prmt" => Bits::Permute(suffixes.take_some(permute).unwrap_or(Permute::Any)),
            "lop3" => Bits::Table(0),
            "shf" => {
                let left = suffixes.take("l");
                if !left && !suffixes.take("r") {
                    return Err(at(self.line, "`shf` without `.l` or `.r`"));
                }
                let wrap = suffixes.take("wrap");
                suffixes.take("clamp");
                if left { Bits::FunnelLeft(wrap) } else { Bits::FunnelRight(wrap) }
            }
            "sad" => Bits::AbsoluteDifference,
            "mul24" => {
                suffixes.take("lo");
                Bits::Mul24
            }
            "mad24" => {
                suffixes.take("lo");
                Bits::Mad24
            }
            "fns" => Bits::FindNth,
            "bmsk" if suffixes.take("clamp") => Bits::Mask,
            _ => return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode))),
        };
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let Some((to, mut operands)) = statement.operands.split_first() else {
            return Err(at(self.line, "no operands"));
        };
        let mut operation = operation;
        let last_integer = operands.last().map(|last| match last {
            Operand::Integer(value) => Ok(*value as u8),
            _ => Err(at(self.line, "the table of `lop3` is a number")),
        });
        if let (Bits::Table(_), Some(table)) = (operation, last_integer) {
            operation = Bits::Table(table?);
            operands = &operands[..operands.len() - 1];
        }
        let mut places = [Place { slot: self.code.carry, size: 0 }; 4];
        if operands.len() > places.len() {
            return Err(at(self.line, "too many operands"));
        }
        for (index, operand) in operands.iter().enumerate() {
            // Distances and lengths are 32 bits, whatever the instruction's type.
            let distance = match operation {
                Bits::Extract => index > 0,
                Bits::Insert => index > 1,
                _ => false,
            };
            let ty = if distance { Type::U32 } else { ty };
            places[index] = Place { slot: self.read(operand, ty)?, size: ty.size() };
        }
        let counts = matches!(
            operation,
            Bits::Population | Bits::LeadingZeros | Bits::FindLeading | Bits::FindLeadingShift | Bits::FindNth
        );
        let result = if counts { Type::U32 } else { ty };
        let to = Place { slot: self.write(to, result)?, size: result.size() };
        self.push(Operation::Bits { operation, ty, to, operands: places });
        Ok(())
    }

    fn dot(&mut self, base: &str, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        let high = suffixes.take("hi");
        suffixes.take("lo");
        let (a_type, b_type) = (suffixes.take_type()?, suffixes.take_type()?);
        suffixes.finish()?;
        let (a_signed, b_signed) = (a_type.is_signed(), b_type.is_signed());
        let [to, a, b, c] = exactly(statement)?;
        let mut places = [Place { slot: self.code.carry, size: 0 }; 4];
        for (place, operand) in places.iter_mut().zip([a, b, c]) {
            *place = Place { slot: self.read(operand, Type::U32)?, size: 4 };
        }
        let operation =
            if base == "dp4a" { Bits::Dot4(a_signed, b_signed) } else { Bits::Dot2(a_signed, b_signed, high) };
        let to = Place { slot: self.write(to, Type::U32)?, size: 4 };
        self.push(Operation::Bits { operation, ty: Type::U32, to, operands: places });
        Ok(())
    }
}

fn integer2(base: &str, suffixes: &mut Suffixes<'_>) -> Option<Integer2> {
    Some(match base {
        "add" => Integer2::Add,
        "sub" => Integer2::Sub,
        "mul" if suffixes.take("wide") => Integer2::MulWide,
        "mul" if suffixes.take("hi") => Integer2::MulHigh,
        "mul" => {
            suffixes.take("lo");
            Integer2::MulLow
        }
        "div" => Integer2::Div,
        "rem" => Integer2::Rem,
        "min" => Integer2::Min,
        "max" => Integer2::Max,
        "and" => Integer2::And,
        "or" => Integer2::Or,
        "xor" => Integer2::Xor,
        "shl" => Integer2::ShiftLeft,
        "shr" => Integer2::ShiftRight,
        _ => return None,
    })
}

fn permute(name: &str) -> Option<Permute> {
    Some(match name {
        "f4e" => Permute::Forward4,
        "b4e" => Permute::Backward4,
        "rc8" => Permute::Replicate8,
        "ecl" => Permute::EdgeLeft,
        "ecr" => Permute::EdgeRight,
        "rc16" => Permute::Replicate16,
        _ => return None,
    })
}

/// The type of twice the size.
fn wide(ty: Type) -> Type {
    match ty {
        Type::U16 => Type::U32,
        Type::S16 => Type::S32,
        Type::U32 => Type::U64,
        Type::S32 => Type::S64,
        _ => Type::B128,
    }
}
