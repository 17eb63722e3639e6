//! A module: its variables, and its functions by name, which are decoded when they are first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::assembler::{self, Code};
use super::error::{ParseError, at};
use super::lexer::{Lexer, Token};
use super::types::Type;
use super::variable::{Declaration, Global, Variable, declaration, initialiser};
use crate::machine::Memory;

/// One parameter of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Where it begins in the parameters' bytes.
    pub offset: usize,
    /// Its bytes.
    pub size: usize,
    /// Its alignment.
    pub align: usize,
}

/// A kernel, ready to be launched.
pub struct Function {
    /// Its name in the module.
    pub name: String,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Bytes of all parameters together.
    pub parameter_bytes: usize,
    /// Bytes of shared memory whose size the text says.
    pub static_shared_bytes: usize,
    /// Bytes of each thread's own memory.
    pub local_bytes: usize,
    /// Registers that the text names, at most 255.
    pub registers: usize,
    /// The most threads of a block.
    pub max_threads: usize,
    /// The only block that it runs with, if there is one.
    pub required_block: Option<[u32; 3]>,
    pub(crate) source: Arc<str>,
    pub(crate) code: Result<Code, ParseError>,
}

impl Function {
    /// Why it cannot be launched, if so.
    pub fn error(&self) -> Option<&ParseError> {
        self.code.as_ref().err()
    }
}

/// A function's head, and where in the text its body is.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) entry: bool,
    pub(super) parameters: Vec<(String, Parameter)>,
    pub(super) returns: Vec<(String, Parameter)>,
    /// The text between its braces and the line on which it begins; none for what is only declared.
    pub(super) body: Option<(std::ops::Range<usize>, u32)>,
    max_threads: usize,
    required_block: Option<[u32; 3]>,
}

/// A shared variable that stands outside of functions.
#[derive(Clone, Copy)]
pub(super) struct SharedVariable {
    pub(super) size: usize,
    pub(super) align: usize,
}

/// The devices that a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The least capability, ten times: 80 for 8.0.
    pub capability: u32,
    /// Whether it is for this capability only (`sm_90a`), or for the like of it (`sm_100f`).
    pub specific: bool,
}

impl Target {
    fn new(name: &str) -> Option<Self> {
        let number = name.strip_prefix("sm_")?;
        let digits = number.trim_end_matches(['a', 'f']);
        Some(Self { capability: digits.parse().ok()?, specific: digits != number })
    }

    /// Whether a device of a capability runs it.
    pub fn runs_on(self, capability: u32) -> bool {
        if self.specific { capability == self.capability } else { capability >= self.capability }
    }
}

/// Bytes of parameters that a kernel may have, since version 8.1 of the language and before.
const PARAMETERS: usize = 32764;
const PARAMETERS_BEFORE: usize = 4352;

/// A module as the text says it.
pub struct Module {
    /// The version of the language, ten times: 80 for 8.0; 0 if the text has none.
    pub version: u32,
    /// What it is for, if the text says so.
    pub target: Option<Target>,
    pub(super) source: Arc<str>,
    pub(super) definitions: HashMap<String, Definition>,
    pub(super) shared: HashMap<String, SharedVariable>,
    variables: Vec<Variable>,
    pub(super) globals: HashMap<String, Global>,
    functions: Mutex<HashMap<String, Arc<Function>>>,
}

impl Module {
    /// Reads the heads of functions and the variables. Bodies are read when a function is asked for.
    pub fn parse(text: &str) -> Result<Module, ParseError> {
        let mut module = Module {
            version: 0,
            target: None,
            source: text.into(),
            definitions: HashMap::new(),
            shared: HashMap::new(),
            variables: Vec::new(),
            globals: HashMap::new(),
            functions: Mutex::new(HashMap::new()),
        };
        module.read(text).map_err(|error| error.with_text(text))?;
        Ok(module)
    }

    /// The variables in global and constant memory.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Gives each variable a place, which `allocate` finds (size and alignment), and writes its first value there.
    ///
    /// To be called once, before the first function is asked for. `None` from `allocate`, or an address that `memory` does
    /// not know, ends it with the variable's name.
    pub fn allocate(
        &mut self,
        allocate: &mut dyn FnMut(usize, usize) -> Option<u64>,
        memory: &dyn Memory,
    ) -> Result<(), String> {
        for variable in &self.variables {
            let address = allocate(variable.size.max(1), variable.align).ok_or_else(|| variable.name.clone())?;
            self.globals.insert(variable.name.clone(), Global { address, size: variable.size });
        }
        for variable in &self.variables {
            let mut bytes = variable.initial.clone();
            bytes.resize(variable.size, 0);
            for (offset, name, added) in &variable.references {
                let target = self.globals.get(name).ok_or_else(|| name.clone())?.address;
                let value = target.wrapping_add_signed(*added).to_le_bytes();
                if let Some(place) = bytes.get_mut(*offset..*offset + 8) {
                    place.copy_from_slice(&value);
                }
            }
            let address = self.globals[&variable.name].address;
            if !bytes.is_empty() {
                let host = memory.resolve(address, bytes.len(), true).ok_or_else(|| variable.name.clone())?;
                // SAFETY: `resolve` promises that many bytes, which may be written, at the address.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), host, bytes.len()) };
            }
        }
        Ok(())
    }

    /// Where a variable is; none before [`Module::allocate`].
    pub fn global(&self, name: &str) -> Option<Global> {
        self.globals.get(name).copied()
    }

    /// The names of the kernels, in the order of the alphabet.
    pub fn function_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.definitions.iter().filter(|(_, d)| d.entry).map(|(n, _)| n.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// A kernel. One whose body is not understood is there too: it says so when it is launched.
    pub fn function(&self, name: &str) -> Option<Arc<Function>> {
        let definition = self.definitions.get(name).filter(|definition| definition.entry)?;
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(name) {
            return Some(function.clone());
        }
        let code = assembler::assemble(self, name).map_err(|error| error.with_text(&self.source));
        let parameters: Vec<_> = definition.parameters.iter().map(|(_, parameter)| parameter.clone()).collect();
        let function = Arc::new(Function {
            name: name.to_owned(),
            parameter_bytes: parameters.last().map_or(0, |last| last.offset + last.size),
            parameters,
            static_shared_bytes: code.as_ref().map_or(0, |code| code.shared_bytes),
            local_bytes: code.as_ref().map_or(0, |code| code.frame_bytes),
            registers: code.as_ref().map_or(0, |code| code.registers.min(255)),
            max_threads: definition.max_threads,
            required_block: definition.required_block,
            source: self.source.clone(),
            code,
        });
        functions.insert(name.to_owned(), function.clone());
        Some(function)
    }

    fn read(&mut self, text: &str) -> Result<(), ParseError> {
        let mut lexer = Lexer::new(text, 1);
        loop {
            let word = match lexer.next()? {
                Token::End => return Ok(()),
                Token::Word(word) => word,
                Token::Sign(b';') => continue,
                other => return Err(at(lexer.line(), format!("{other:?} is not known outside of functions"))),
            };
            match word {
                ".version" => {
                    if let Token::Double(version) = lexer.next()? {
                        self.version = (10.0 * f64::from_bits(version)).round() as u32;
                    }
                    lexer.skip_line();
                }
                ".target" => {
                    self.target = Target::new(lexer.word()?);
                    lexer.skip_line();
                }
                ".address_size" | ".file" | ".loc" => lexer.skip_line(),
                ".visible" | ".extern" | ".weak" | ".common" => {}
                ".pragma" | ".alias" => while !matches!(lexer.next()?, Token::Sign(b';') | Token::End) {},
                ".section" => {
                    lexer.next()?;
                    lexer.expect(b'{')?;
                    lexer.braces()?;
                }
                ".entry" | ".func" => self.definition(&mut lexer, word == ".entry")?,
                ".global" | ".const" => self.variable(&mut lexer)?,
                ".shared" => loop {
                    let Declaration { name, size, align, .. } = declaration(&mut lexer)?;
                    self.shared.insert(name.to_owned(), SharedVariable { size, align });
                    if !lexer.accept(b',')? {
                        lexer.expect(b';')?;
                        break;
                    }
                },
                _ => return Err(at(lexer.line(), format!("`{word}` is not known outside of functions"))),
            }
        }
    }

    fn variable(&mut self, lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
        loop {
            let Declaration { name, ty, mut size, align, .. } = declaration(lexer)?;
            let mut variable =
                Variable { name: name.to_owned(), size, align, initial: Vec::new(), references: Vec::new() };
            if lexer.accept(b'=')? {
                initialiser(lexer, ty, &mut variable)?;
                size = size.max(variable.initial.len());
            }
            variable.size = size;
            // A variable of another module is declared without a size.
            if variable.size > 0 {
                self.variables.push(variable);
            }
            if !lexer.accept(b',')? {
                return lexer.expect(b';');
            }
        }
    }

    fn definition(&mut self, lexer: &mut Lexer<'_>, entry: bool) -> Result<(), ParseError> {
        let returns = parameters(lexer)?;
        let name = lexer.word()?;
        let parameters = parameters(lexer)?;
        let most = if self.version >= 81 { PARAMETERS } else { PARAMETERS_BEFORE };
        if let Some((_, last)) = parameters.last().filter(|(_, last)| entry && last.offset + last.size > most) {
            let size = last.offset + last.size;
            return Err(at(lexer.line(), format!("`{name}` has {size} bytes of parameters, and {most} are the most")));
        }
        let mut max_threads = 1024;
        let mut required_block = None;
        let body = loop {
            match lexer.next()? {
                Token::Sign(b';') => break None,
                Token::Sign(b'{') => {
                    let start = lexer.position();
                    let (inside, line) = lexer.braces()?;
                    break Some((start..start + inside.len(), line));
                }
                Token::Word(limit @ (".maxntid" | ".reqntid")) => {
                    let mut block = [lexer.integer()? as u32, 1, 1];
                    let mut rest = block[1..].iter_mut();
                    while lexer.accept(b',')? {
                        let size = lexer.integer()? as u32;
                        rest.next().into_iter().for_each(|place| *place = size);
                    }
                    max_threads = block.iter().map(|&size| size as usize).product();
                    if limit == ".reqntid" {
                        required_block = Some(block);
                    }
                }
                Token::Word(".minnctapersm" | ".maxnctapersm" | ".maxnreg" | ".pragma") => {
                    lexer.next()?;
                }
                Token::Word(".noreturn") => {}
                other => return Err(at(lexer.line(), format!("{other:?} is not known in a function's head"))),
            }
        };
        let definition = Definition { entry, parameters, returns, body, max_threads, required_block };
        // A function may be declared before it is defined.
        if definition.body.is_some() || !self.definitions.contains_key(name) {
            self.definitions.insert(name.to_owned(), definition);
        }
        Ok(())
    }
}

/// What stands in parentheses after a function's name, or before it; nothing if there are none.
fn parameters(lexer: &mut Lexer<'_>) -> Result<Vec<(String, Parameter)>, ParseError> {
    let mut list = Vec::new();
    if !lexer.accept(b'(')? {
        return Ok(list);
    }
    let mut end = 0;
    while !lexer.accept(b')')? {
        match lexer.word()? {
            ".param" => {}
            other => return Err(at(lexer.line(), format!("`{other}` is not known among parameters"))),
        }
        let Declaration { name, ty, size, align, .. } = declaration(lexer)?;
        debug_assert!(ty != Type::Pred);
        let offset = usize::next_multiple_of(end, align);
        end = offset + size;
        list.push((name.to_owned(), Parameter { offset, size, align }));
        lexer.accept(b',')?;
    }
    Ok(list)
}
