//! Instructions as they stand in the text: a guard, an opcode and operands.

use super::error::{ParseError, at};
use super::lexer::{Lexer, Token};

/// An operand as it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand<'a> {
    /// A register, a variable, a label or a function, and what is added to it.
    Name(&'a str, i64),
    /// A predicate the other way round.
    Not(&'a str),
    Integer(u64),
    Single(u32),
    Double(u64),
    /// `{a, b}`, and `(a, b)` of calls.
    List(Vec<Operand<'a>>),
    /// `[a+4]`
    Address(Option<&'a str>, i64),
    /// `p|q`
    Pair(&'a str, &'a str),
}

/// An instruction as it stands in the text.
#[derive(Clone, Debug)]
pub(super) struct Statement<'a> {
    /// The predicate, and whether it stands after `!`.
    pub(super) guard: Option<(&'a str, bool)>,
    pub(super) opcode: &'a str,
    pub(super) operands: Vec<Operand<'a>>,
    pub(super) line: u32,
}

/// The instruction whose opcode, or `@`, has just been read.
pub(super) fn statement<'a>(lexer: &mut Lexer<'a>, first: Token<'a>) -> Result<Statement<'a>, ParseError> {
    let mut guard = None;
    let opcode = match first {
        Token::Sign(b'@') => {
            let negated = lexer.accept(b'!')?;
            guard = Some((lexer.word()?, negated));
            lexer.word()?
        }
        Token::Word(word) => word,
        other => return Err(at(lexer.line(), format!("{other:?} does not begin an instruction"))),
    };
    let line = lexer.line();
    let mut operands = Vec::new();
    while !lexer.accept(b';')? {
        operands.push(operand(lexer)?);
        lexer.accept(b',')?;
    }
    Ok(Statement { guard, opcode, operands, line })
}

fn operand<'a>(lexer: &mut Lexer<'a>) -> Result<Operand<'a>, ParseError> {
    Ok(match lexer.next()? {
        Token::Sign(b'{') => list(lexer, b'}')?,
        Token::Sign(b'(') => list(lexer, b')')?,
        Token::Sign(b'!') => Operand::Not(lexer.word()?),
        Token::Sign(b'-') => match lexer.next()? {
            Token::Integer(value) => Operand::Integer(value.wrapping_neg()),
            Token::Double(bits) => Operand::Double((-f64::from_bits(bits)).to_bits()),
            Token::Single(bits) => Operand::Single(bits ^ 1 << 31),
            other => return Err(at(lexer.line(), format!("a number expected after `-`, not {other:?}"))),
        },
        Token::Sign(b'[') => {
            let base = match lexer.peek()? {
                Token::Word(word) => {
                    lexer.next()?;
                    Some(word)
                }
                _ => None,
            };
            let offset = match lexer.peek()? {
                Token::Sign(b']') => 0,
                Token::Sign(b'+') => {
                    lexer.next()?;
                    lexer.integer()?
                }
                _ => lexer.integer()?,
            };
            lexer.expect(b']')?;
            Operand::Address(base, offset)
        }
        Token::Integer(value) => Operand::Integer(value),
        Token::Single(bits) => Operand::Single(bits),
        Token::Double(bits) => Operand::Double(bits),
        Token::Word(word) => {
            if lexer.accept(b'|')? {
                Operand::Pair(word, lexer.word()?)
            } else if lexer.accept(b'+')? {
                Operand::Name(word, lexer.integer()?)
            } else {
                Operand::Name(word, 0)
            }
        }
        other => return Err(at(lexer.line(), format!("{other:?} is not an operand"))),
    })
}

fn list<'a>(lexer: &mut Lexer<'a>, end: u8) -> Result<Operand<'a>, ParseError> {
    let mut items = Vec::new();
    while !lexer.accept(end)? {
        items.push(operand(lexer)?);
        lexer.accept(b',')?;
    }
    Ok(Operand::List(items))
}
