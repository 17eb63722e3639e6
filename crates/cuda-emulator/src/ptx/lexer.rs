//! Words, numbers and signs of PTX text.

use super::error::{ParseError, at};

/// One piece of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name, a register, a directive or an opcode with its suffixes.
    Word(&'a str),
    Integer(u64),
    /// `0f` and eight digits.
    Single(u32),
    /// `0d` and sixteen digits, or a decimal fraction.
    Double(u64),
    Text(&'a str),
    Sign(u8),
    End,
}

/// Reads a text piece by piece. A copy of it is a place to come back to.
#[derive(Clone, Copy)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Lexer<'a> {
    /// `line` is the number of the text's first line.
    pub(crate) fn new(text: &'a str, line: u32) -> Self {
        Lexer { text, at: 0, line }
    }

    /// The line of the piece that was read last.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'\n', _) => {
                    self.line += 1;
                    self.at += 1;
                }
                (b' ' | b'\t' | b'\r', _) => self.at += 1,
                (b'/', b'/') => self.skip_line(),
                (b'/', b'*') => {
                    let end = self.text[self.at..].find("*/").map_or(self.text.len(), |n| self.at + n + 2);
                    self.line += newlines(&self.text[self.at..end]);
                    self.at = end;
                }
                _ => return,
            }
        }
    }

    /// Goes to the end of the line, for directives that end there.
    pub(crate) fn skip_line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |n| self.at + n);
    }

    pub(crate) fn peek(&self) -> Result<Token<'a>, ParseError> {
        let mut copy = *self;
        copy.next()
    }

    pub(crate) fn next(&mut self) -> Result<Token<'a>, ParseError> {
        self.skip_space();
        let start = self.at;
        match self.byte(0) {
            0 => Ok(Token::End),
            b'0'..=b'9' => self.number(),
            b'"' => {
                let Some(length) = self.text[start + 1..].find('"') else {
                    return Err(at(self.line, "a text that does not end"));
                };
                self.at = start + length + 2;
                Ok(Token::Text(&self.text[start + 1..start + 1 + length]))
            }
            first @ (b'.' | b'%' | b'$' | b'_' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.at += 1;
                loop {
                    match (self.byte(0), self.byte(1)) {
                        // `.reg.b32` are two directives.
                        (b'.', _) if first == b'.' => break,
                        (b'.' | b'%' | b'$' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', _) => self.at += 1,
                        (b':', b':') => self.at += 2,
                        _ => break,
                    }
                }
                Ok(Token::Word(&self.text[start..self.at]))
            }
            sign => {
                self.at += 1;
                Ok(Token::Sign(sign))
            }
        }
    }

    fn number(&mut self) -> Result<Token<'a>, ParseError> {
        let start = self.at;
        while matches!(self.byte(0), b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'_') {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        let bad = || at(self.line, format!("`{text}` is not a number"));
        let digits = text.trim_end_matches('U');
        match text.get(..2) {
            Some("0f" | "0F") => u32::from_str_radix(&text[2..], 16).map(Token::Single).map_err(|_| bad()),
            Some("0d" | "0D") => u64::from_str_radix(&text[2..], 16).map(Token::Double).map_err(|_| bad()),
            Some("0x" | "0X") => u64::from_str_radix(&digits[2..], 16).map(Token::Integer).map_err(|_| bad()),
            Some("0b" | "0B") => u64::from_str_radix(&digits[2..], 2).map(Token::Integer).map_err(|_| bad()),
            _ if text.contains('.') => text.parse::<f64>().map(|x| Token::Double(x.to_bits())).map_err(|_| bad()),
            _ => digits.parse().map(Token::Integer).map_err(|_| bad()),
        }
    }

    pub(crate) fn accept(&mut self, sign: u8) -> Result<bool, ParseError> {
        let found = self.peek()? == Token::Sign(sign);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    pub(crate) fn expect(&mut self, sign: u8) -> Result<(), ParseError> {
        match self.next()? {
            Token::Sign(found) if found == sign => Ok(()),
            other => Err(at(self.line, format!("`{}` expected, not {other:?}", sign as char))),
        }
    }

    pub(crate) fn word(&mut self) -> Result<&'a str, ParseError> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(at(self.line, format!("a name expected, not {other:?}"))),
        }
    }

    /// An integer, with a minus before it or not.
    pub(crate) fn integer(&mut self) -> Result<i64, ParseError> {
        match self.next()? {
            Token::Sign(b'-') => Ok(self.integer()?.wrapping_neg()),
            Token::Integer(value) => Ok(value as i64),
            other => Err(at(self.line, format!("a number expected, not {other:?}"))),
        }
    }

    /// After `{`: goes behind the `}` that closes it, and gives what is between, with the number of its first line.
    pub(crate) fn braces(&mut self) -> Result<(&'a str, u32), ParseError> {
        let (start, line) = (self.at, self.line);
        let bytes = self.text.as_bytes();
        let mut depth = 1;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\n' => self.line += 1,
                b'/' if self.byte(1) == b'/' => {
                    self.skip_line();
                    continue;
                }
                b'"' => {
                    self.at = self.text[self.at + 1..].find('"').map_or(self.text.len(), |n| self.at + n + 2);
                    continue;
                }
                b'{' => depth += 1,
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        let inside = &self.text[start..self.at];
                        self.at += 1;
                        return Ok((inside, line));
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(at(line, "a block that does not end"))
    }
}

fn newlines(text: &str) -> u32 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u32
}
