//! Variables of a module, with the bytes that they begin with.

use super::error::{ParseError, at};
use super::lexer::{Lexer, Token};
use super::types::Type;

/// A variable of the module in global or constant memory, before it has a place.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name in the text.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// The alignment of its address.
    pub align: usize,
    /// What it begins with; shorter than `size` if the rest is zero.
    pub initial: Vec<u8>,
    /// Where in it the address of another variable stands: offset, name and what is added.
    pub(crate) references: Vec<(usize, String, i64)>,
}

/// Where a module's variable is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global {
    /// The device address.
    pub address: u64,
    /// Bytes.
    pub size: usize,
}

/// A declaration: what stands between the space and the comma or the end.
pub(crate) struct Declaration<'a> {
    pub(crate) name: &'a str,
    pub(crate) ty: Type,
    /// Bytes; zero for an array without a length.
    pub(crate) size: usize,
    pub(crate) align: usize,
    /// The number of a family of registers, `%r<8>`.
    pub(crate) family: Option<u32>,
}

/// Type, alignment and name of a declaration, and whatever else may stand among them.
pub(crate) fn declaration<'a>(lexer: &mut Lexer<'a>) -> Result<Declaration<'a>, ParseError> {
    let (mut ty, mut align, mut lanes) = (None, None, 1);
    loop {
        let word = lexer.word()?;
        match word.strip_prefix('.') {
            None => {
                let ty = ty.ok_or_else(|| at(lexer.line(), "a declaration without a type"))?;
                return finish(lexer, word, ty, align, lanes);
            }
            Some("align") => align = Some(lexer.integer()? as usize),
            Some("v2") => lanes = 2,
            Some("v4") => lanes = 4,
            // Where a parameter points: says nothing about the parameter itself.
            Some("ptr") => loop {
                match lexer.peek()? {
                    Token::Word(".global" | ".shared" | ".local" | ".const" | ".generic") => lexer.next()?,
                    Token::Word(".align") => {
                        lexer.next()?;
                        lexer.next()?
                    }
                    _ => break,
                };
            },
            Some("attribute") => while !matches!(lexer.next()?, Token::Sign(b')') | Token::End) {},
            Some(name) => match Type::parse(name) {
                Some(found) => ty = Some(found),
                None => return Err(at(lexer.line(), format!("`{word}` is not known in a declaration"))),
            },
        }
    }
}

fn finish<'a>(
    lexer: &mut Lexer<'a>,
    name: &'a str,
    ty: Type,
    align: Option<usize>,
    lanes: usize,
) -> Result<Declaration<'a>, ParseError> {
    let element = usize::from(ty.size()) * lanes;
    let mut size = element;
    let mut family = None;
    while lexer.accept(b'[')? {
        let count = if lexer.peek()? == Token::Sign(b']') { 0 } else { lexer.integer()? as usize };
        size *= count;
        lexer.expect(b']')?;
    }
    if lexer.accept(b'<')? {
        family = Some(lexer.integer()? as u32);
        lexer.expect(b'>')?;
    }
    Ok(Declaration { name, ty, size, align: align.unwrap_or(element), family })
}

/// The bytes after `=`.
pub(crate) fn initialiser(lexer: &mut Lexer<'_>, ty: Type, variable: &mut Variable) -> Result<(), ParseError> {
    if lexer.accept(b'{')? {
        while !lexer.accept(b'}')? {
            initialiser(lexer, ty, variable)?;
            lexer.accept(b',')?;
        }
        return Ok(());
    }
    let size = usize::from(ty.size());
    let bits = match lexer.next()? {
        Token::Sign(b'-') => (lexer.integer()?.wrapping_neg()) as u64,
        Token::Integer(value) => value,
        Token::Single(bits) => u64::from(bits),
        Token::Double(bits) if ty == Type::F32 => u64::from((f64::from_bits(bits) as f32).to_bits()),
        Token::Double(bits) => bits,
        Token::Word(name) => {
            let name = if name == "generic" {
                lexer.expect(b'(')?;
                let inner = lexer.word()?;
                lexer.expect(b')')?;
                inner
            } else {
                name
            };
            let added = if lexer.accept(b'+')? { lexer.integer()? } else { 0 };
            variable.references.push((variable.initial.len(), name.to_owned(), added));
            0
        }
        other => return Err(at(lexer.line(), format!("{other:?} is not known as a first value"))),
    };
    variable.initial.extend_from_slice(&bits.to_le_bytes()[..size.min(8)]);
    Ok(())
}
