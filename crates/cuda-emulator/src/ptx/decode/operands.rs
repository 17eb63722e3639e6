//! Operands made into places.

use super::super::assembler::{Assembler, Special, Symbol};
use super::super::error::{ParseError, at};
use super::super::instruction::{Address, Guard, Operation, Place, Slot};
use super::super::statement::Operand;
use super::super::types::{Space, Type};

impl<'m> Assembler<'m> {
    /// Where an operand of this type is read. A register has to have the size of the type.
    pub(super) fn read(&mut self, operand: &Operand<'m>, ty: Type) -> Result<Slot, ParseError> {
        let place = self.read_any(operand, ty)?;
        if place.size == ty.size() {
            return Ok(place.slot);
        }
        if place.size > ty.size() {
            // The lower part of a larger register.
            let part = self.place(ty.size());
            let unsigned = ty.unsigned();
            self.push(convert_bits(unsigned, part, place));
            return Ok(part.slot);
        }
        Err(at(self.line, format!("{operand:?} is smaller than the instruction's {ty:?}")))
    }

    /// Where an operand is read, whatever the size of its register.
    pub(super) fn read_any(&mut self, operand: &Operand<'m>, ty: Type) -> Result<Place, ParseError> {
        let size = ty.size();
        let bits = match *operand {
            Operand::Integer(value) if ty == Type::F32 => u64::from((value as i64 as f32).to_bits()),
            Operand::Integer(value) if ty == Type::F64 => (value as i64 as f64).to_bits(),
            Operand::Integer(value) => value,
            Operand::Single(bits) if ty == Type::F64 => f64::from(f32::from_bits(bits)).to_bits(),
            Operand::Single(bits) => u64::from(bits),
            Operand::Double(bits) if ty.size() == 4 => u64::from((f64::from_bits(bits) as f32).to_bits()),
            Operand::Double(bits) => bits,
            Operand::Name(name, added) => match self.symbol(name) {
                Some(Symbol::Register(place)) => return Ok(place),
                Some(Symbol::Local(value) | Symbol::Shared(value) | Symbol::Param(value) | Symbol::Global(value)) => {
                    value.wrapping_add_signed(added)
                }
                Some(Symbol::Family(_)) => return Err(at(self.line, format!("`{name}` is a family of registers"))),
                None => return self.special_named(name),
            },
            ref other => return Err(at(self.line, format!("{other:?} is not an operand that can be read"))),
        };
        Ok(Place { slot: self.constant(size, bits), size })
    }

    fn special_named(&mut self, name: &str) -> Result<Place, ParseError> {
        let dimension = |name: &str| match name.rsplit('.').next() {
            Some("x") => Some(0),
            Some("y") => Some(1),
            Some("z") => Some(2),
            _ => None,
        };
        let base = name.split('.').next().unwrap_or(name);
        let special = match (base, dimension(name)) {
            ("%tid", Some(d)) => Special::Thread(d),
            ("%ntid", Some(d)) => Special::Threads(d),
            ("%ctaid", Some(d)) => Special::Block(d),
            ("%nctaid", Some(d)) => Special::Blocks(d),
            ("%laneid", None) => Special::Lane,
            ("%warpid", None) => Special::Warp,
            ("%nwarpid", None) => Special::Warps,
            ("%lanemask_eq", None) => Special::LaneEqual,
            ("%lanemask_lt", None) => Special::LaneBelow,
            ("%lanemask_le", None) => Special::LaneUpTo,
            ("%lanemask_gt", None) => Special::LaneAbove,
            ("%lanemask_ge", None) => Special::LaneFrom,
            ("%dynamic_smem_size", None) => Special::DynamicShared,
            ("%total_smem_size", None) => Special::TotalShared,
            ("%smid", None) => Special::Zero,
            ("%nsmid", None) => Special::One,
            ("%gridid", None) => return Ok(Place { slot: self.constant(8, 0), size: 8 }),
            ("WARP_SZ", None) => return Ok(Place { slot: self.constant(4, 32), size: 4 }),
            ("%clock" | "%clock_hi" | "%globaltimer_lo", None) => return Ok(self.clock(4)),
            ("%clock64" | "%globaltimer", None) => return Ok(self.clock(8)),
            _ => return Err(at(self.line, format!("the name `{name}` is not known"))),
        };
        Ok(Place { slot: self.special(special), size: 4 })
    }

    fn clock(&mut self, size: u8) -> Place {
        let to = self.place(size);
        self.push(Operation::Clock { to });
        to
    }

    /// Where a result of this type is written: a register of that size.
    pub(super) fn write(&mut self, operand: &Operand<'m>, ty: Type) -> Result<Slot, ParseError> {
        let place = self.write_any(operand, ty)?;
        if place.size == ty.size() {
            return Ok(place.slot);
        }
        Err(at(self.line, format!("{operand:?} has not the size of the instruction's {ty:?}")))
    }

    /// Where a result is written, whatever the size of the register; `_` is a place that nobody reads.
    pub(super) fn write_any(&mut self, operand: &Operand<'m>, ty: Type) -> Result<Place, ParseError> {
        match operand {
            Operand::Name("_", 0) => Ok(self.place(ty.size())),
            Operand::Name(name, 0) => match self.symbol(name) {
                Some(Symbol::Register(place)) => Ok(place),
                _ => Err(at(self.line, format!("`{name}` is not a register"))),
            },
            other => Err(at(self.line, format!("{other:?} is not a register"))),
        }
    }

    /// A predicate that is read, as it is or the other way round.
    pub(super) fn predicate(&mut self, operand: &Operand<'m>) -> Result<Guard, ParseError> {
        match *operand {
            Operand::Not(name) => Ok(Guard { slot: self.predicate_slot(name)?, negated: true }),
            Operand::Name(name, 0) => Ok(Guard { slot: self.predicate_slot(name)?, negated: false }),
            Operand::Integer(value) => Ok(Guard { slot: self.constant(0, value), negated: false }),
            ref other => Err(at(self.line, format!("{other:?} is not a predicate"))),
        }
    }

    /// The one or two results of `p|q`.
    pub(super) fn pair(&self, operand: &Operand<'m>) -> (Operand<'m>, Option<Operand<'m>>) {
        match *operand {
            Operand::Pair(first, second) => {
                (Operand::Name(first, 0), (second != "_").then_some(Operand::Name(second, 0)))
            }
            ref other => (other.clone(), None),
        }
    }

    /// An address in brackets, and its space: a variable's name says it where the instruction does not.
    pub(super) fn address(&mut self, operand: &Operand<'m>, space: Space) -> Result<(Address, Space), ParseError> {
        let (name, added) = match *operand {
            Operand::Address(Some(name), added) => (name, added),
            Operand::Address(None, added) => return Ok((Address { base: None, offset: added }, space)),
            ref other => return Err(at(self.line, format!("{other:?} is not an address"))),
        };
        let (space, start) = match self.symbol(name) {
            Some(Symbol::Register(place)) if matches!(place.size, 4 | 8) => {
                return Ok((Address { base: Some(place), offset: added }, space));
            }
            Some(Symbol::Local(start)) => (Space::Local, start),
            Some(Symbol::Shared(start)) => (Space::Shared, start),
            Some(Symbol::Param(start)) => (Space::Param, start),
            Some(Symbol::Global(start)) => (Space::Global, start),
            _ => return Err(at(self.line, format!("`{name}` has no address"))),
        };
        Ok((Address { base: None, offset: (start as i64).wrapping_add(added) }, space))
    }
}

/// Takes the lower part of `from`, as this type, into `to`.
pub(super) fn convert_bits(ty: Type, to: Place, from: Place) -> Operation {
    let mode = super::Mode::PLAIN;
    Operation::Convert { to_type: ty, from_type: ty, mode, to_integer: false, to, from }
}
