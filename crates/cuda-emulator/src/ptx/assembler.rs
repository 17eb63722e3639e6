//! Goes through a body: names become places, labels become indices, and called functions are put in where they are called.

use std::collections::HashMap;

use super::error::{ParseError, at};
use super::instruction::{Guard, Instruction, Operation, Place, Slot};
use super::lexer::{Lexer, Token};
use super::module::Module;
use super::statement::{Operand, statement};
use super::types::{Space, Type};
use super::variable::declaration;

/// A kernel's instructions, and what has to be ready before the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) instructions: Vec<Instruction>,
    /// The length of a warp's register file.
    pub(crate) file_bytes: usize,
    /// Slots that hold one value for all lanes, always.
    pub(crate) constants: Vec<(Place, u64)>,
    /// Slots that hold what the hardware knows.
    pub(crate) specials: Vec<(Special, Slot)>,
    /// The flag of additions with a carry.
    pub(crate) carry: Slot,
    pub(crate) shared_bytes: usize,
    /// Bytes of a thread's own memory.
    pub(crate) frame_bytes: usize,
    pub(crate) registers: usize,
    /// Whether the warps of a block wait for each other.
    pub(crate) has_barrier: bool,
}

/// A read-only register. The number is the dimension, from 0 for `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Special {
    Thread(u8),
    Threads(u8),
    Block(u8),
    Blocks(u8),
    Lane,
    Warp,
    Warps,
    /// Masks of the lanes equal to, below, up to, above, and from the own one.
    LaneEqual,
    LaneBelow,
    LaneUpTo,
    LaneAbove,
    LaneFrom,
    DynamicShared,
    TotalShared,
    Zero,
    One,
}

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Symbol {
    Register(Place),
    /// Registers `name0`, `name1` and so on, which get their slots when they are first used.
    Family(u8),
    Local(u64),
    Shared(u64),
    Param(u64),
    Global(u64),
}

type Scope<'m> = HashMap<&'m str, Symbol>;

/// The state of assembling one kernel.
pub(super) struct Assembler<'m> {
    pub(super) module: &'m Module,
    pub(super) code: Code,
    scopes: Vec<Scope<'m>>,
    /// The names of a function that is put in more than once: a lane is in one of them at a time, so that they may share.
    roots: HashMap<&'m str, Scope<'m>>,
    constants: HashMap<(u8, u64), Slot>,
    specials: HashMap<Special, Slot>,
    labels: HashMap<&'m str, u32>,
    pub(super) tables: HashMap<&'m str, Vec<&'m str>>,
    /// Branches whose labels may come later: the instruction and its labels.
    pub(super) jumps: Vec<(usize, Vec<&'m str>)>,
    /// Branches to the end of the function that is being put in.
    pub(super) returns: Vec<usize>,
    /// The functions we are in, the kernel first.
    pub(super) within: Vec<&'m str>,
    guard: Option<Guard>,
    pub(super) line: u32,
    dynamic_shared_base: u64,
    uses_dynamic_shared: bool,
}

/// A kernel's code.
pub(super) fn assemble(module: &Module, name: &str) -> Result<Code, ParseError> {
    let first = Assembler::new(module, 0).kernel(name)?;
    if first.uses_dynamic_shared && first.code.shared_bytes > 0 {
        // Shared memory whose size the launch says comes after the rest, whose size is known only now.
        let base = first.code.shared_bytes.next_multiple_of(16) as u64;
        return Ok(Assembler::new(module, base).kernel(name)?.code);
    }
    Ok(first.code)
}

impl<'m> Assembler<'m> {
    fn new(module: &'m Module, dynamic_shared_base: u64) -> Self {
        let mut assembler = Assembler {
            module,
            code: Code {
                instructions: Vec::new(),
                file_bytes: 0,
                constants: Vec::new(),
                specials: Vec::new(),
                carry: Slot(0),
                shared_bytes: 0,
                frame_bytes: 0,
                registers: 0,
                has_barrier: false,
            },
            scopes: Vec::new(),
            roots: HashMap::new(),
            constants: HashMap::new(),
            specials: HashMap::new(),
            labels: HashMap::new(),
            tables: HashMap::new(),
            jumps: Vec::new(),
            returns: Vec::new(),
            within: Vec::new(),
            guard: None,
            line: 0,
            dynamic_shared_base,
            uses_dynamic_shared: false,
        };
        assembler.code.carry = assembler.slot(0);
        assembler
    }

    fn kernel(mut self, name: &str) -> Result<Self, ParseError> {
        let module = self.module;
        let Some((name, definition)) = module.definitions.get_key_value(name) else {
            return Err(at(0, format!("the kernel `{name}` is not there")));
        };
        let Some((range, line)) = definition.body.clone() else {
            return Err(at(0, format!("the kernel `{name}` has no body")));
        };
        let parameters = definition.parameters.iter();
        self.scopes.push(parameters.map(|(name, p)| (name.as_str(), Symbol::Param(p.offset as u64))).collect());
        self.within.push(name);
        self.body(&module.source[range], line)?;
        // A body may end without `ret`.
        self.guard = None;
        self.push(Operation::Exit);
        Ok(self)
    }

    /// Puts a function's body here. The parameters' and results' places are those of the call.
    pub(super) fn inline(
        &mut self,
        name: &'m str,
        results: &[u64],
        arguments: &[u64],
        skip: Option<Guard>,
    ) -> Result<(), ParseError> {
        let definition = &self.module.definitions[name];
        let Some((range, line)) = definition.body.clone() else {
            return Err(at(self.line, format!("the function `{name}` has no body")));
        };
        if self.within.contains(&name) {
            return Err(at(self.line, format!("`{name}` calls itself, which is not supported")));
        }
        if results.len() != definition.returns.len() || arguments.len() != definition.parameters.len() {
            return Err(at(self.line, format!("the call of `{name}` has not as many operands as the function")));
        }
        let mut root = self.roots.remove(name).unwrap_or_default();
        let (returned, taken) = (definition.returns.iter().zip(results), definition.parameters.iter().zip(arguments));
        root.extend(returned.chain(taken).map(|((name, _), &place)| (name.as_str(), Symbol::Local(place))));

        let call_line = self.line;
        self.guard = None;
        let jump = self.code.instructions.len();
        if let Some(guard) = skip {
            self.guard = Some(Guard { negated: !guard.negated, ..guard });
            self.push(Operation::Branch { target: 0 });
        }
        let outer_scopes = std::mem::replace(&mut self.scopes, vec![root]);
        let outer_labels = std::mem::take(&mut self.labels);
        let outer_tables = std::mem::take(&mut self.tables);
        let outer_jumps = std::mem::take(&mut self.jumps);
        let outer_returns = std::mem::take(&mut self.returns);
        self.within.push(name);
        let source = &self.module.source;
        self.body(&source[range], line)?;
        self.within.pop();
        let end = self.code.instructions.len() as u32;
        for index in std::mem::replace(&mut self.returns, outer_returns) {
            self.code.instructions[index].operation = Operation::Branch { target: end };
        }
        if skip.is_some() {
            self.code.instructions[jump].operation = Operation::Branch { target: end };
        }
        if let Some(root) = std::mem::replace(&mut self.scopes, outer_scopes).into_iter().next() {
            self.roots.insert(name, root);
        }
        self.labels = outer_labels;
        self.tables = outer_tables;
        self.jumps = outer_jumps;
        self.line = call_line;
        Ok(())
    }

    fn body(&mut self, text: &'m str, line: u32) -> Result<(), ParseError> {
        let mut lexer = Lexer::new(text, line);
        loop {
            match lexer.next()? {
                Token::End => break,
                Token::Sign(b'{') => self.scopes.push(Scope::new()),
                Token::Sign(b'}') => {
                    self.scopes.pop();
                }
                Token::Sign(b';') => {}
                Token::Word(word) if word.starts_with('.') => self.directive(&mut lexer, word)?,
                Token::Word(word) if lexer.peek()? == Token::Sign(b':') => {
                    lexer.next()?;
                    self.label(&mut lexer, word)?;
                }
                first => {
                    let statement = statement(&mut lexer, first)?;
                    self.line = statement.line;
                    self.guard = match statement.guard {
                        Some((name, negated)) => Some(Guard { slot: self.predicate_slot(name)?, negated }),
                        None => None,
                    };
                    self.decode(&statement)?;
                }
            }
        }
        for (index, names) in std::mem::take(&mut self.jumps) {
            let mut targets = Vec::with_capacity(names.len());
            for name in names {
                let missing = || at(self.code.instructions[index].line, format!("the label `{name}` is not there"));
                targets.push(*self.labels.get(name).ok_or_else(missing)?);
            }
            match &mut self.code.instructions[index].operation {
                Operation::Branch { target } => *target = targets[0],
                Operation::BranchTable { targets: places, .. } => *places = targets.into(),
                _ => {}
            }
        }
        Ok(())
    }

    fn label(&mut self, lexer: &mut Lexer<'m>, name: &'m str) -> Result<(), ParseError> {
        match lexer.peek()? {
            Token::Word(".branchtargets") => {
                lexer.next()?;
                let mut targets = vec![lexer.word()?];
                while lexer.accept(b',')? {
                    targets.push(lexer.word()?);
                }
                self.tables.insert(name, targets);
                lexer.expect(b';')
            }
            Token::Word(".callprototype" | ".calltargets") => skip_statement(lexer),
            _ if self.labels.insert(name, self.code.instructions.len() as u32).is_some() => {
                Err(at(lexer.line(), format!("the label `{name}` is there twice")))
            }
            _ => Ok(()),
        }
    }

    fn directive(&mut self, lexer: &mut Lexer<'m>, word: &str) -> Result<(), ParseError> {
        match word {
            ".loc" | ".file" => {
                lexer.skip_line();
                return Ok(());
            }
            ".pragma" => return skip_statement(lexer),
            ".extern" | ".visible" | ".weak" => return Ok(()),
            _ => {}
        }
        // A list has the type once, before its first name.
        let mut first = None;
        loop {
            let (name, ty, size, align, family) = match first {
                None => {
                    let found = declaration(lexer)?;
                    (found.name, found.ty, found.size, found.align, found.family)
                }
                Some(ty) => (lexer.word()?, ty, usize::from(Type::size(ty)), usize::from(Type::size(ty)), None),
            };
            first = Some(ty);
            let symbol = match word {
                ".reg" => match family {
                    Some(_) => Symbol::Family(ty.size()),
                    None => Symbol::Register(Place { slot: self.slot(ty.size()), size: ty.size() }),
                },
                ".local" | ".param" => Symbol::Local(reserve(&mut self.code.frame_bytes, size, align)),
                ".shared" if size == 0 => self.dynamic_shared(),
                ".shared" => Symbol::Shared(reserve(&mut self.code.shared_bytes, size, align)),
                _ => return Err(at(lexer.line(), format!("`{word}` is not known in a function"))),
            };
            self.define(name, symbol);
            if !lexer.accept(b',')? {
                return lexer.expect(b';');
            }
        }
    }

    fn dynamic_shared(&mut self) -> Symbol {
        self.uses_dynamic_shared = true;
        Symbol::Shared(self.dynamic_shared_base)
    }

    fn define(&mut self, name: &'m str, symbol: Symbol) {
        // A local variable of a function that is put in again keeps its place, as its registers do.
        let again = self.within.len() > 1 && self.scopes.len() == 1;
        if let Some(scope) = self.scopes.last_mut() {
            if again {
                scope.entry(name).or_insert(symbol);
            } else {
                scope.insert(name, symbol);
            }
        }
    }

    /// What a name means here.
    pub(super) fn symbol(&mut self, name: &'m str) -> Option<Symbol> {
        if let Some(found) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            return Some(*found);
        }
        let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
        for index in (0..self.scopes.len()).rev() {
            if let Some(&Symbol::Family(size)) = self.scopes[index].get(prefix) {
                let symbol = Symbol::Register(Place { slot: self.slot(size), size });
                self.scopes[index].insert(name, symbol);
                return Some(symbol);
            }
        }
        if let Some(global) = self.module.globals.get(name) {
            return Some(Symbol::Global(global.address));
        }
        let variable = *self.module.shared.get(name)?;
        let symbol = match variable.size {
            0 => self.dynamic_shared(),
            size => Symbol::Shared(reserve(&mut self.code.shared_bytes, size, variable.align)),
        };
        self.scopes[0].insert(name, symbol);
        Some(symbol)
    }

    /// A new place in the register file.
    pub(super) fn slot(&mut self, size: u8) -> Slot {
        let offset = self.code.file_bytes;
        let bytes = if size == 0 { 4 } else { 32 * usize::from(size) };
        // Whole cache lines for values; predicates are too small for that.
        self.code.file_bytes = if size == 0 { offset + 4 } else { offset.next_multiple_of(64) + bytes };
        self.code.registers += 1;
        Slot(if size == 0 { offset } else { offset.next_multiple_of(64) } as u32)
    }

    pub(super) fn place(&mut self, size: u8) -> Place {
        Place { slot: self.slot(size), size }
    }

    /// A place that holds one value for all lanes.
    pub(super) fn constant(&mut self, size: u8, value: u64) -> Slot {
        let bits = match size {
            0 if value != 0 => u64::from(u32::MAX),
            0 => 0,
            8.. => value,
            _ => value & ((1 << (8 * u32::from(size))) - 1),
        };
        if let Some(&slot) = self.constants.get(&(size, bits)) {
            return slot;
        }
        let slot = self.slot(size);
        self.constants.insert((size, bits), slot);
        self.code.constants.push((Place { slot, size }, bits));
        slot
    }

    pub(super) fn special(&mut self, special: Special) -> Slot {
        if let Some(&slot) = self.specials.get(&special) {
            return slot;
        }
        let slot = self.slot(4);
        self.specials.insert(special, slot);
        self.code.specials.push((special, slot));
        slot
    }

    /// Adds an instruction under the guard of the statement that is being decoded.
    pub(super) fn push(&mut self, operation: Operation) {
        self.code.instructions.push(Instruction { guard: self.guard, operation, line: self.line });
    }

    /// The statement's guard, which the caller takes over.
    pub(super) fn take_guard(&mut self) -> Option<Guard> {
        self.guard.take()
    }

    pub(super) fn predicate_slot(&mut self, name: &'m str) -> Result<Slot, ParseError> {
        match self.symbol(name) {
            Some(Symbol::Register(Place { slot, size: 0 })) => Ok(slot),
            _ => Err(at(self.line, format!("`{name}` is not a predicate"))),
        }
    }

    /// The space that `ld.param` means for a register's address.
    pub(super) fn parameter_space(&self) -> Space {
        if self.within.len() == 1 { Space::Param } else { Space::Local }
    }

    /// The name of an operand that has to be one.
    pub(super) fn name(&self, operand: &Operand<'m>) -> Result<&'m str, ParseError> {
        match operand {
            Operand::Name(name, 0) => Ok(name),
            other => Err(at(self.line, format!("a name expected, not {other:?}"))),
        }
    }
}

fn reserve(end: &mut usize, size: usize, align: usize) -> u64 {
    let start = end.next_multiple_of(align.max(1));
    *end = start + size;
    start as u64
}

fn skip_statement(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    while !matches!(lexer.next()?, Token::Sign(b';') | Token::End) {}
    Ok(())
}
