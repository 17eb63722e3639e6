//! Branches, calls, and where threads wait for each other.

use super::super::assembler::{Assembler, Symbol};
use super::super::error::{ParseError, at};
use super::super::instruction::{Atomic, BarrierResult, Guard, Meeting, Operation, Place, Shuffle, Slot};
use super::super::statement::{Operand, Statement};
use super::super::types::Type;
use super::{Suffixes, exactly};

impl<'m> Assembler<'m> {
    pub(super) fn control(
        &mut self,
        base: &str,
        mut suffixes: Suffixes<'m>,
        statement: &Statement<'m>,
    ) -> Result<(), ParseError> {
        suffixes.take("uni");
        match base {
            "bra" => {
                let [label] = exactly(statement)?;
                let label = self.name(label)?;
                self.jumps.push((self.code.instructions.len(), vec![label]));
                self.push(Operation::Branch { target: 0 });
                Ok(())
            }
            "brx" => {
                let [index, table] = exactly(statement)?;
                let (index, table) = (self.read(index, Type::U32)?, self.name(table)?);
                let Some(targets) = self.tables.get(table) else {
                    return Err(at(self.line, format!("the table `{table}` is not there")));
                };
                self.jumps.push((self.code.instructions.len(), targets.clone()));
                self.push(Operation::BranchTable { index, targets: Box::new([]) });
                Ok(())
            }
            "call" => self.call(statement),
            "ret" if self.within.len() > 1 => {
                self.returns.push(self.code.instructions.len());
                self.push(Operation::Branch { target: 0 });
                Ok(())
            }
            "ret" | "exit" => {
                self.push(Operation::Exit);
                Ok(())
            }
            "trap" | "brkpt" => {
                self.push(Operation::Trap { message: "the kernel stops itself (trap)".into() });
                Ok(())
            }
            // Each instruction of a thread is done before its next one begins, and its host thread's order holds.
            "membar" | "fence" | "nanosleep" | "pmevent" | "discard" | "prefetch" | "prefetchu" | "applypriority" => {
                self.push(Operation::Nothing);
                Ok(())
            }
            "bar" | "barrier" => self.barrier(base, suffixes, statement),
            "activemask" => {
                let [to] = exactly(statement)?;
                let to = self.write(to, Type::B32)?;
                self.push(Operation::ActiveMask { to });
                Ok(())
            }
            _ => self.meeting(base, suffixes, statement),
        }
    }

    fn call(&mut self, statement: &Statement<'m>) -> Result<(), ParseError> {
        let operands = statement.operands.as_slice();
        let (results, name, arguments) = match operands {
            [Operand::List(results), Operand::Name(name, 0), Operand::List(arguments), ..] => {
                (results.as_slice(), name, arguments.as_slice())
            }
            [Operand::List(results), Operand::Name(name, 0)] => (results.as_slice(), name, [].as_slice()),
            [Operand::Name(name, 0), Operand::List(arguments), ..] => ([].as_slice(), name, arguments.as_slice()),
            [Operand::Name(name, 0)] => ([].as_slice(), name, [].as_slice()),
            _ => return Err(at(self.line, "a call of this form is not known")),
        };
        let Some((name, definition)) = self.module.definitions.get_key_value(*name) else {
            return Err(at(
                self.line,
                format!("the function `{name}` is not there; calls by address are not supported"),
            ));
        };
        if definition.body.is_none() {
            return match name.as_str() {
                "__assertfail" => {
                    let places = self.call_places(arguments)?;
                    let Some(&parameters) = places.first_chunk() else {
                        return Err(at(self.line, "an assertion has at least three parameters"));
                    };
                    self.push(Operation::Assertion { parameters });
                    Ok(())
                }
                // Nothing is printed.
                "vprintf" => Ok(()),
                _ => Err(at(self.line, format!("the function `{name}` has no body"))),
            };
        }
        let results = self.call_places(results)?;
        let arguments = self.call_places(arguments)?;
        let guard: Option<Guard> = self.take_guard();
        self.inline(name, &results, &arguments, guard)
    }

    fn call_places(&mut self, operands: &[Operand<'m>]) -> Result<Vec<u64>, ParseError> {
        let mut places = Vec::with_capacity(operands.len());
        for operand in operands {
            let name = self.name(operand)?;
            match self.symbol(name) {
                Some(Symbol::Local(place)) => places.push(place),
                _ => return Err(at(self.line, format!("`{name}` is not a parameter of a call"))),
            }
        }
        Ok(places)
    }

    fn barrier(&mut self, base: &str, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        if suffixes.take("warp") {
            suffixes.take("sync");
            suffixes.finish()?;
            let [mask] = exactly(statement)?;
            let mask = self.read(mask, Type::U32)?;
            self.push(Operation::Meeting { meeting: Meeting::Barrier, mask: Some(mask) });
            return Ok(());
        }
        suffixes.take("cta");
        let aligned = suffixes.take("aligned") || base == "bar";
        let arrive = suffixes.take("arrive");
        let sync = suffixes.take("sync");
        let reduce = suffixes.take("red");
        if usize::from(arrive) + usize::from(sync) + usize::from(reduce) != 1 {
            return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode)));
        }
        let mut operands = statement.operands.as_slice();
        let mut result = BarrierResult::None;
        if reduce {
            let kind = suffixes.take_some(|name| matches!(name, "popc" | "and" | "or").then(|| name.to_owned()));
            let ty = suffixes.take_type()?;
            let ([to, .., _], [.., value]) = (operands, operands) else {
                return Err(at(self.line, "operands are missing"));
            };
            let (to, value) = (self.write(to, ty)?, self.predicate(value)?);
            operands = &operands[1..operands.len() - 1];
            result = match kind.as_deref() {
                Some("popc") => BarrierResult::Count { to, value },
                Some("and") => BarrierResult::All { to, value },
                Some("or") => BarrierResult::Any { to, value },
                _ => return Err(at(self.line, "what the barrier computes is not known")),
            };
        }
        suffixes.finish()?;
        let (id, threads) = match operands {
            [id] => (self.read(id, Type::U32)?, None),
            [id, threads] => (self.read(id, Type::U32)?, Some(self.read(threads, Type::U32)?)),
            _ => return Err(at(self.line, "a barrier takes one or two operands")),
        };
        self.code.has_barrier = true;
        self.push(Operation::Barrier { id, threads, wait: !arrive, aligned, result });
        Ok(())
    }

    fn meeting(&mut self, base: &str, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        let sync = suffixes.take("sync");
        let meeting = match base {
            "shfl" => return self.shuffle(sync, suffixes, statement),
            "vote" => {
                let kind = suffixes
                    .take_some(|name| matches!(name, "all" | "any" | "uni" | "ballot").then(|| name.to_owned()));
                let ty = suffixes.take_type()?;
                let (Some(to), Some(value)) = (statement.operands.first(), statement.operands.get(1)) else {
                    return Err(at(self.line, "operands are missing"));
                };
                let (to, value) = (self.write(to, ty)?, self.predicate(value)?);
                match kind.as_deref() {
                    Some("all") => Meeting::All { to, value },
                    Some("any") => Meeting::Any { to, value },
                    Some("ballot") => Meeting::Ballot { to, value },
                    // `.uni` has been taken away as a suffix of branches.
                    _ => Meeting::Uniform { to, value },
                }
            }
            "match" => {
                let all = suffixes.take("all");
                suffixes.take("any");
                let ty = suffixes.take_type()?;
                let [to, value, _] = exactly(statement)?;
                let (to, same) = self.pair(to);
                let value = Place { slot: self.read(value, ty)?, size: ty.size() };
                let to = self.write(&to, Type::B32)?;
                let same = match same {
                    Some(same) => Some(self.write(&same, Type::Pred)?),
                    None => None,
                };
                if all { Meeting::MatchAll { to, same, value } } else { Meeting::MatchAny { to, value } }
            }
            "redux" => {
                let operation = suffixes.take_some(|name| match name {
                    "add" => Some(Atomic::Add),
                    "min" => Some(Atomic::Min),
                    "max" => Some(Atomic::Max),
                    "and" => Some(Atomic::And),
                    "or" => Some(Atomic::Or),
                    "xor" => Some(Atomic::Xor),
                    _ => None,
                });
                let ty = suffixes.take_type()?;
                let Some(operation) = operation else {
                    return Err(at(self.line, "what `redux` computes is not known"));
                };
                let [to, value, _] = exactly(statement)?;
                let (value, to) = (self.read(value, ty)?, self.write(to, ty)?);
                Meeting::Reduce { operation, ty, to, value }
            }
            _ => return Err(at(self.line, format!("the instruction `{}` is not known", statement.opcode))),
        };
        suffixes.finish()?;
        let mask: Option<Slot> = match (sync, statement.operands.get(2)) {
            (true, Some(mask)) => Some(self.read(mask, Type::B32)?),
            _ => None,
        };
        self.push(Operation::Meeting { meeting, mask });
        Ok(())
    }

    fn shuffle(&mut self, sync: bool, mut suffixes: Suffixes<'m>, statement: &Statement<'m>) -> Result<(), ParseError> {
        let mode = suffixes.take_some(|name| match name {
            "up" => Some(Shuffle::Up),
            "down" => Some(Shuffle::Down),
            "bfly" => Some(Shuffle::Butterfly),
            "idx" => Some(Shuffle::Index),
            _ => None,
        });
        let Some(mode) = mode else { return Err(at(self.line, "which lane `shfl` reads is not known")) };
        suffixes.take("b32");
        suffixes.finish()?;
        let Some([to, value, lane, clamp]) = statement.operands.first_chunk::<4>() else {
            return Err(at(self.line, "operands are missing"));
        };
        let (to, valid) = self.pair(to);
        let value = self.read(value, Type::B32)?;
        let (lane, clamp) = (self.read(lane, Type::B32)?, self.read(clamp, Type::B32)?);
        let mask = match (sync, statement.operands.get(4)) {
            (true, Some(mask)) => Some(self.read(mask, Type::B32)?),
            (false, None) => None,
            _ => return Err(at(self.line, "the mask of `shfl.sync` is missing")),
        };
        let to = self.write(&to, Type::B32)?;
        let valid = match valid {
            Some(valid) => Some(self.write(&valid, Type::Pred)?),
            None => None,
        };
        self.push(Operation::Meeting { meeting: Meeting::Shuffle { mode, to, valid, value, lane, clamp }, mask });
        Ok(())
    }
}
