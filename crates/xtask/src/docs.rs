//! The documentation comment of an operation, taken apart into its sections.

use crate::Result;
use syn::{Attribute, Expr, Lit, Meta};

/// What the comment of an operation says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Docs {
    /// The first paragraph, on one line.
    pub(crate) summary: String,
    /// What follows it, up to the first section.
    pub(crate) text: Vec<String>,
    /// `# Defaults`: parameter and Python expression.
    pub(crate) defaults: Vec<(String, String)>,
    /// `# Errors`.
    pub(crate) errors: Vec<String>,
    /// `# PyTorch`: the name there.
    pub(crate) pytorch: String,
    /// `# C`: the name there, and the older form that an export keeps.
    pub(crate) older: Option<Older>,
    /// `# Examples`: doctest lines without the fence.
    pub(crate) examples: Vec<String>,
}

/// An export that a name in C keeps, since signatures never change: "`mse_loss_weighted`; `mse_loss` without
/// `weight`".
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Older {
    /// The name in C of the form with all options.
    pub(crate) full: String,
    pub(crate) name: String,
    /// The options that it does not have, which are at their defaults.
    pub(crate) without: Vec<String>,
}

impl Older {
    fn parse(text: &str) -> Result<Self> {
        let mut words = text.split('`').skip(1).step_by(2).map(str::to_owned);
        match (words.next(), words.next(), words.collect::<Vec<_>>()) {
            (Some(full), Some(name), without) if !without.is_empty() => Ok(Self { full, name, without }),
            _ => Err("`# C` is \"`name`; `older name` without `option`\"".into()),
        }
    }

    /// What the option of an older form is: its default, as Rust writes it.
    pub(crate) fn fixed(&self, parameter: &str, docs: &Docs) -> Result<Option<String>> {
        if !self.without.iter().any(|name| name == parameter) {
            return Ok(None);
        }
        let default = docs.defaults.iter().find(|(name, _)| name == parameter);
        let (_, value) = default.ok_or_else(|| format!("`# C` leaves out `{parameter}`, which has no default"))?;
        Ok(Some(match value.as_str() {
            "True" => "true".to_owned(),
            "False" => "false".to_owned(),
            other => other.to_owned(),
        }))
    }
}

impl Docs {
    /// Reads the attributes of an item.
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut docs = Self::default();
        let mut section = String::new();
        let mut opening: Vec<String> = Vec::new();
        let (mut pytorch, mut c): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for line in lines(attributes) {
            if let Some(title) = line.strip_prefix("# ") {
                section = title.trim().to_owned();
                continue;
            }
            match section.as_str() {
                "" => opening.push(line),
                "Defaults" => docs.defaults.extend(defaults(&line)?),
                "Errors" => docs.errors.push(line),
                "PyTorch" => pytorch.push(line),
                "C" => c.push(line),
                "Examples" => docs.examples.push(line),
                other => return Err(format!("unknown section `# {other}`")),
            }
        }
        let mut opening = opening.into_iter().skip_while(|line| line.is_empty()).peekable();
        let mut summary = Vec::new();
        while let Some(line) = opening.next_if(|line| !line.is_empty()) {
            summary.push(line);
        }
        docs.summary = summary.join(" ");
        docs.text = trim(opening.collect());
        docs.errors = trim(docs.errors);
        docs.pytorch = trim(pytorch).join(" ");
        docs.older = if c.is_empty() { None } else { Some(Older::parse(&c.join(" "))?) };
        docs.examples = trim(docs.examples.into_iter().filter(|line| !line.starts_with("```")).collect());
        Ok(docs)
    }

    /// Whether gradients flow through: what the text says, where it says it.
    pub(crate) fn differentiable(&self) -> Option<bool> {
        let text = format!("{} {}", self.summary, self.text.join(" "));
        if text.contains("Not differentiable") {
            return Some(false);
        }
        text.contains("Differentiable").then_some(true)
    }
}

/// The lines of a comment, without the space that follows the slashes.
pub(crate) fn lines(attributes: &[Attribute]) -> Vec<String> {
    attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect()
}

/// How documentation calls the kinds of errors, their codes in C, their classes in Python.
const ERRORS: [(&str, &str, &str); 10] = [
    ("InvalidArgument", "CANDLE_ERROR_INVALID_ARGUMENT", "InvalidArgumentError"),
    ("Shape", "CANDLE_ERROR_SHAPE", "ShapeError"),
    ("DType", "CANDLE_ERROR_DTYPE", "DTypeError"),
    ("Device", "CANDLE_ERROR_DEVICE", "DeviceError"),
    ("Index", "CANDLE_ERROR_INDEX", "CandleIndexError"),
    ("OutOfMemory", "CANDLE_ERROR_OUT_OF_MEMORY", "OutOfMemoryError"),
    ("NoGradient", "CANDLE_ERROR_NO_GRADIENT", "NoGradientError"),
    ("Graph", "CANDLE_ERROR_GRAPH", "GraphError"),
    ("ModifiedInPlace", "CANDLE_ERROR_MODIFIED_IN_PLACE", "InPlaceError"),
    ("Unsupported", "CANDLE_ERROR_UNSUPPORTED", "UnsupportedError"),
];

/// The class of errors of a code in languages that need not tell it from one of their own: `CANDLE_ERROR_INDEX` is
/// `IndexError`.
pub(crate) fn error_class(code: &str) -> String {
    let known = ERRORS.iter().find(|(_, known, _)| *known == code);
    known.map_or_else(
        || {
            let words = code.trim_start_matches("CANDLE_ERROR_").split('_');
            words.map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect::<String>() + "Error"
        },
        |(_, _, class)| class.trim_start_matches("Candle").to_owned(),
    )
}

/// The text of an `# Errors` section with C's names.
pub(crate) fn c_errors(text: &str) -> String {
    ERRORS
        .iter()
        .fold(text.to_owned(), |text, (kind, code, _)| text.replace(&format!("`{kind}`"), &format!("`{code}`")))
}

/// The text of an `# Errors` section with names made of the kinds.
pub(crate) fn errors_named(text: &str, name: impl Fn(&str) -> String) -> String {
    ERRORS.iter().fold(text.to_owned(), |text, (kind, ..)| text.replace(&format!("`{kind}`"), &name(kind)))
}

/// The text of an `# Errors` section with Python's names.
pub(crate) fn python_errors(text: &str) -> String {
    ERRORS
        .iter()
        .fold(text.to_owned(), |text, (kind, _, class)| text.replace(&format!("`{kind}`"), &format!("`{class}`")))
}

/// How documentation calls the kinds of errors.
pub(crate) fn error_kinds() -> impl Iterator<Item = &'static str> {
    ERRORS.iter().map(|(kind, _, _)| *kind)
}

/// Without empty lines at both ends.
pub(crate) fn trim(lines: Vec<String>) -> Vec<String> {
    let first = lines.iter().position(|line| !line.is_empty());
    let last = lines.iter().rposition(|line| !line.is_empty());
    match (first, last) {
        (Some(first), Some(last)) => lines[first..=last].to_vec(),
        _ => Vec::new(),
    }
}

/// `dim = None, keepdim = False`: commas inside brackets and quotes belong to a value.
fn defaults(line: &str) -> Result<Vec<(String, String)>> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted) = (0, false);
    for character in line.trim_matches('`').chars() {
        match character {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if depth == 0 && !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
        .iter()
        .filter(|part| !part.trim().is_empty())
        .map(|part| match part.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().trim_end_matches('.').to_owned())),
            None => Err(format!("`# Defaults` has {part:?}, which is not `name = value`")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Docs> {
        let comment: String = text.lines().map(|line| format!("/// {line}\n")).collect();
        let function: syn::ItemFn = syn::parse_str(&format!("{comment}fn f() {{}}")).expect("a function");
        Docs::parse(&function.attrs)
    }

    #[test]
    fn sections_are_told_apart() {
        let docs = parse(
            "Sum over\ndims.\n\nText. Differentiable.\n\n# Defaults\ndim = None, x = (1, 2)\n\n# Errors\n`Index` when.\n\
             \n# PyTorch\n`torch.sum`\n\n# Examples\n```python\n>>> 1\n1\n```",
        )
        .expect("well formed");
        assert_eq!(docs.summary, "Sum over dims.");
        assert_eq!(docs.text, ["Text. Differentiable."]);
        assert_eq!(docs.defaults, [("dim".into(), "None".into()), ("x".into(), "(1, 2)".into())]);
        assert_eq!(docs.errors, ["`Index` when."]);
        assert_eq!(docs.pytorch, "`torch.sum`");
        assert_eq!(docs.examples, [">>> 1", "1"]);
        assert_eq!(docs.differentiable(), Some(true));
    }

    #[test]
    fn an_older_form_names_what_it_leaves_out() {
        let docs =
            parse("Loss.\n\n# Defaults\nweight = None\n\n# C\n`loss_weighted`; `loss` without `weight`").expect("fine");
        let older = docs.older.clone().expect("an older form");
        assert_eq!((older.full.as_str(), older.name.as_str()), ("loss_weighted", "loss"));
        assert_eq!(older.fixed("weight", &docs), Ok(Some("None".to_owned())));
        assert_eq!(older.fixed("input", &docs), Ok(None));
        assert!(parse("Loss.\n\n# C\n`loss`").is_err());
    }

    #[test]
    fn an_unknown_section_is_refused() {
        assert!(parse("Sum.\n\n# Panics\nNever.").is_err_and(|message| message.contains("Panics")));
    }
}
