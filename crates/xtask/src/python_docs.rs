//! Docstrings in NumPy's convention, from the documentation of the operations.

use crate::Result;
use crate::docs::python_errors;
use crate::python::annotation;
use crate::signature::Output;
use crate::source::{Operation, Source};
use std::fmt::Write;

/// The widest line of a docstring, without its indentation.
const WIDTH: usize = 96;

/// The docstring with its indentation and its quotes.
pub(crate) fn docstring(operation: &Operation, source: &Source, defaults: &[Option<String>]) -> Result<String> {
    let (docs, signature) = (&operation.docs, &operation.signature);
    let (summary, rest) = summary(&python_text(&docs.summary))?;
    let mut lines = vec![format!("\"\"\"{summary}")];
    let mut paragraph = |text: Vec<String>| {
        if !text.is_empty() {
            lines.push(String::new());
            lines.extend(text);
        }
    };
    paragraph(wrap(&rest, ""));
    paragraph(paragraphs(&docs.text));
    let mut parameters = Vec::new();
    for (position, (parameter, default)) in signature.parameters.iter().zip(defaults).enumerate() {
        let kind = annotation(parameter, position, signature).replace("Sequence[int]", "sequence of int");
        let kind = kind.replace("Sequence[float]", "sequence of float");
        let kind =
            kind.replace("Sequence[Tensor]", "sequence of Tensor").replace(" | ", " or ").replace("Number", "number");
        let choices = source
            .choices
            .iter()
            .find(|choice| parameter.kind == crate::signature::ParameterType::Choice(choice.name.clone()));
        let kind = choices.map_or(kind, |choice| {
            let names: Vec<String> = choice.variants.iter().map(|variant| format!("\"{}\"", variant.word)).collect();
            format!("{{{}}}", names.join(", "))
        });
        let default = default.as_ref().map(|value| format!(", default {value}")).unwrap_or_default();
        let line = format!("{} : {kind}{default}", parameter.name);
        // The values of a choice that do not fit go below it.
        match kind.strip_prefix('{').and_then(|names| names.strip_suffix('}')).filter(|_| line.len() > 96) {
            Some(names) => {
                parameters.push(format!("{} : str{default}", parameter.name));
                parameters.push(format!("    One of {names}."));
            }
            None => parameters.push(line),
        }
    }
    if !parameters.is_empty() {
        let mut section = vec!["Parameters".to_owned(), "-".repeat(10)];
        section.extend(parameters);
        paragraph(section);
    }
    let returns = match &signature.output {
        Output::InPlace => format!("Tensor\n    ``{}`` itself.", signature.parameters[0].name),
        Output::Tensor => "Tensor".to_owned(),
        Output::Tensors => "list of Tensor".to_owned(),
        Output::Fields(name) => name.clone(),
    };
    let mut section = vec!["Returns".to_owned(), "-".repeat(7)];
    section.extend(returns.lines().map(str::to_owned));
    paragraph(section);
    if !docs.errors.is_empty() {
        let mut section = vec!["Raises".to_owned(), "-".repeat(6), "CandleError".to_owned()];
        section.extend(wrap(&python_text(&python_errors(&docs.errors.join(" "))), "    "));
        paragraph(section);
    }
    let mut section = vec!["Notes".to_owned(), "-".repeat(5)];
    section.extend(wrap(&format!("PyTorch: {}", python_text(&docs.pytorch)), ""));
    paragraph(section);
    if !docs.examples.is_empty() {
        let mut section = vec!["Examples".to_owned(), "-".repeat(8)];
        // Each example is run on its own.
        if !docs.examples.iter().any(|line| line.contains("import candle_ffi")) {
            section.push(">>> import candle_ffi as cf".to_owned());
        }
        section.extend(docs.examples.iter().map(|line| line.replace('\\', "\\\\")));
        paragraph(section);
    }
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", format!("    {line}").trim_end());
    }
    text.push_str("    \"\"\"\n");
    Ok(text)
}

/// The first line of a docstring: the summary, or what comes before its first stop, colon or comma when it does not fit.
fn summary(text: &str) -> Result<(String, String)> {
    if text.chars().count() <= WIDTH - 3 {
        return Ok((text.to_owned(), String::new()));
    }
    for end in [". ", ": ", "; ", ", "] {
        if let Some((first, rest)) = text.split_once(end) {
            let first = format!("{first}.");
            if first.chars().count() <= WIDTH - 3 {
                return Ok((first, capitalised(rest)));
            }
        }
    }
    Err(format!("the first sentence of its documentation is longer than {} characters", WIDTH - 3))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().collect::<String>() + characters.as_str()).unwrap_or_default()
}

/// Rust's markup as Python's: double backticks, escaped backslashes.
pub(crate) fn python_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace("``", "`").replace('`', "``")
}

/// Paragraphs and lists, refilled; what is indented or a list item keeps its lines.
fn paragraphs(lines: &[String]) -> Vec<String> {
    let mut text = Vec::new();
    let mut open = String::new();
    let close = |open: &mut String, text: &mut Vec<String>| {
        text.extend(wrap(open, ""));
        open.clear();
    };
    for line in lines {
        let line = python_text(line);
        if line.is_empty() || line.starts_with([' ', '-', '*', '|']) {
            close(&mut open, &mut text);
            text.push(line);
        } else {
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(&line);
        }
    }
    close(&mut open, &mut text);
    text
}

/// Breaks text into lines of at most the width.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_marked_up_for_python() {
        assert_eq!(python_text("the `dim`"), "the ``dim``");
        let lines = wrap(&"word ".repeat(40), "    ");
        assert!(lines.len() > 1 && lines.iter().all(|line| line.starts_with("    ") && line.len() <= WIDTH));
    }

    #[test]
    fn a_long_summary_is_cut_after_its_first_sentence() {
        let long = format!("Short. {}", "long ".repeat(30));
        assert_eq!(summary(&long).map(|(first, _)| first), Ok("Short.".to_owned()));
        assert!(summary(&"long ".repeat(30)).is_err());
    }
}
