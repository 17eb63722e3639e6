//! Moves, loads, stores and atomic operations.

use super::super::assembler::Assembler;
use super::super::error::{ParseError, at};
use super::super::instruction::{Atomic, Operation, Place};
use super::super::statement::{Operand, Statement};
use super::super::types::{Space, Type};
use super::operands::convert_bits;
use super::{Suffixes, exactly};

/// Where the windows of shared memory, of a thread's own memory and of the kernel's parameters begin among generic addresses.
pub(crate) const SHARED_WINDOW: u64 = 0x7f00_0000_0000_0000;
pub(crate) const LOCAL_WINDOW: u64 = 0x7f01_0000_0000_0000;
pub(crate) const PARAM_WINDOW: u64 = 0x7f02_0000_0000_0000;

/// Suffixes that say how caches are used or how strong an order is: every access here is as strong as it can be.
const HINTS: &[&str] = &[
    "nc",
    "ca",
    "cg",
    "cs",
    "lu",
    "cv",
    "wb",
    "wt",
    "volatile",
    "relaxed",
    "acquire",
    "release",
    "acq_rel",
    "seq_cst",
    "weak",
    "gpu",
    "cta",
    "sys",
    "cluster",
    "mmio",
    "L1::evict_normal",
    "L1::evict_unchanged",
    "L1::evict_first",
    "L1::evict_last",
    "L1::no_allocate",
    "L2::64B",
    "L2::128B",
    "L2::256B",
    "L2::cache_hint",
    "noftz",
    "proxy",
];

impl<'m> Assembler<'m> {
    pub(super) fn memory(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        if base == "mov" {
            return self.mov(suffixes, statement);
        }
        suffixes.list.retain(|suffix| !HINTS.contains(suffix));
        let in_parameters = suffixes.list.contains(&"param");
        let to_window = suffixes.take("to");
        let space = suffixes.take_some(|name| match name {
            "global" | "const" => Some(Space::Global),
            "shared" | "shared::cta" => Some(Space::Shared),
            "local" => Some(Space::Local),
            "param" | "param::entry" | "param::func" => Some(Space::Param),
            _ => None,
        });
        let space = match space {
            Some(Space::Param) if in_parameters => self.parameter_space(),
            Some(space) => space,
            None => Space::Generic,
        };
        match base {
            "cvta" => self.window(space, to_window, suffixes, statement),
            "isspacep" => {
                suffixes.finish()?;
                let [to, address] = exactly(statement)?;
                let (address, to) = (self.read_any(address, Type::U64)?, self.write(to, Type::Pred)?);
                self.push(Operation::IsSpace { space, to, address });
                Ok(())
            }
            "atom" | "red" => self.atomic(base == "atom", space, suffixes, statement),
            _ => {
                let count = [("v2", 2), ("v4", 4), ("v8", 8)].iter().find(|(name, _)| suffixes.take(name));
                let count = count.map_or(1, |&(_, count)| count);
                let ty = suffixes.take_type()?;
                suffixes.finish()?;
                let store = base == "st";
                let [first, second] = exactly(statement)?;
                let (address, values) = if store { (first, second) } else { (second, first) };
                let (address, space) = self.address(address, space)?;
                let values = match values {
                    Operand::List(list) => list.as_slice(),
                    one => std::slice::from_ref(one),
                };
                if values.len() != count {
                    return Err(at(self.line, format!("{count} registers expected, not {}", values.len())));
                }
                if store {
                    let from: Result<Box<[_]>, _> = values.iter().map(|value| self.read_any(value, ty)).collect();
                    self.push(Operation::Store { space, ty, address, from: from? });
                } else {
                    let write = |value: &Operand<'m>| match value {
                        Operand::Name("_", 0) => Ok(None),
                        value => self.write_any(value, ty).map(Some),
                    };
                    let to: Result<Box<[_]>, _> = values.iter().map(write).collect();
                    self.push(Operation::Load { space, ty, address, to: to? });
                }
                Ok(())
            }
        }
    }

    fn mov(&mut self, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let [to, from] = exactly(statement)?;
        match (to, from) {
            (Operand::List(parts), from) => {
                let from = Place { slot: self.read(from, ty)?, size: ty.size() };
                let part = part_type(ty, parts.len(), self.line)?;
                let write = |operand: &Operand<'m>| match operand {
                    Operand::Name("_", 0) => Ok(None),
                    operand => self.write(operand, part).map(|slot| Some(Place { slot, size: part.size() })),
                };
                let parts: Result<Box<[_]>, _> = parts.iter().map(write).collect();
                self.push(Operation::Unpack { parts: parts?, from });
            }
            (to, Operand::List(parts)) => {
                let part = part_type(ty, parts.len(), self.line)?;
                let read =
                    |operand: &Operand<'m>| self.read(operand, part).map(|slot| Place { slot, size: part.size() });
                let parts: Result<Box<[_]>, _> = parts.iter().map(read).collect();
                let to = Place { slot: self.write(to, ty)?, size: ty.size() };
                self.push(Operation::Pack { to, parts: parts? });
            }
            (to, from) if ty == Type::Pred => {
                let (from, to) = (self.predicate(from)?, self.write(to, ty)?);
                self.push(Operation::CopyPredicate { to, from });
            }
            (to, from) => {
                let from = self.read_any(from, ty)?;
                let to = self.write_any(to, ty)?;
                if from.size == to.size {
                    self.push(Operation::Copy { size: to.size, to: to.slot, from: from.slot });
                } else {
                    let smaller = ty.unsigned();
                    if to.size < smaller.size() {
                        return Err(at(self.line, "a register is too small for the move"));
                    }
                    // A special register may be larger or smaller than what it is copied into.
                    let narrow = if from.size < smaller.size() { Type::U32 } else { smaller };
                    self.push(convert_bits(narrow, to, from));
                }
            }
        }
        Ok(())
    }

    fn window(
        &mut self,
        space: Space,
        to_window: bool,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let [to, from] = exactly(statement)?;
        let (from, to) = (self.read(from, ty)?, self.write(to, ty)?);
        let base = match space {
            Space::Shared => SHARED_WINDOW,
            Space::Local => LOCAL_WINDOW,
            Space::Param => PARAM_WINDOW,
            Space::Generic | Space::Global => {
                self.push(Operation::Copy { size: ty.size(), to, from });
                return Ok(());
            }
        };
        use super::super::instruction::Integer2;
        let b = self.constant(ty.size(), base);
        let operation = if to_window { Integer2::Sub } else { Integer2::Add };
        self.push(Operation::Integer2 { operation, ty: ty.unsigned(), to, a: from, b });
        Ok(())
    }

    fn atomic(
        &mut self,
        returns: bool,
        space: Space,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        let Some(operation) = suffixes.take_some(atomic) else {
            return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode)));
        };
        let ty = suffixes.take_type()?;
        suffixes.finish()?;
        let mut operands = statement.operands.iter();
        let mut next = || operands.next().ok_or_else(|| at(statement.line, "an operand is missing"));
        let to = if returns { Some(next()?) } else { None };
        let (address, space) = self.address(next()?, space)?;
        let first = self.read(next()?, ty)?;
        // `cas` compares with its first operand and writes its second.
        let (compare, value) = match operation {
            Atomic::CompareExchange => (first, self.read(next()?, ty)?),
            _ => (first, first),
        };
        let to = match to {
            Some(to) => Some(self.write(to, ty)?),
            None => None,
        };
        self.push(Operation::Atomic { space, operation, ty, address, to, value, compare });
        Ok(())
    }
}

fn atomic(name: &str) -> Option<Atomic> {
    Some(match name {
        "add" => Atomic::Add,
        "min" => Atomic::Min,
        "max" => Atomic::Max,
        "and" => Atomic::And,
        "or" => Atomic::Or,
        "xor" => Atomic::Xor,
        "exch" => Atomic::Exchange,
        "cas" => Atomic::CompareExchange,
        "inc" => Atomic::Increment,
        "dec" => Atomic::Decrement,
        _ => return None,
    })
}

fn part_type(ty: Type, count: usize, line: u32) -> Result<Type, ParseError> {
    match usize::from(ty.size()).checked_div(count) {
        Some(1) => Ok(Type::B8),
        Some(2) => Ok(Type::B16),
        Some(4) => Ok(Type::B32),
        Some(8) => Ok(Type::B64),
        _ => Err(at(line, "so many parts do not fit")),
    }
}
