use std::fmt;

/// What in the text was not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line of the module's text, from 1.
    pub line: u32,
    /// That line.
    pub text: String,
    /// What was not understood.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PTX line {}: {}: `{}`", self.line, self.message, self.text)
    }
}

impl std::error::Error for ParseError {}

/// A message at a line; the text of the line is added where the whole text is at hand.
pub(crate) fn at(line: u32, message: impl Into<String>) -> ParseError {
    ParseError { line, text: String::new(), message: message.into() }
}

impl ParseError {
    pub(crate) fn with_text(mut self, source: &str) -> Self {
        self.text = line_text(source, self.line).to_owned();
        self
    }
}

/// The line of a text, from 1, without the spaces around it.
pub(crate) fn line_text(source: &str, line: u32) -> &str {
    source.lines().nth(line.saturating_sub(1) as usize).unwrap_or("").trim()
}
