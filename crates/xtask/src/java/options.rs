//! Classes of options: a field with PyTorch's default and a method that sets it, for each parameter that need not be
//! given.

use super::Java;
use super::camel;
use super::docs::comment;
use super::parameter::{given, kind};
use crate::Result;
use crate::defaults::default;
use crate::signature::{Parameter, ParameterType};
use crate::source::Choice;
use std::fmt::Write;

/// An option.
pub(super) struct Field {
    name: String,
    kind: String,
    given: String,
    default: String,
    /// Whether it may also be `Padding.SAME` or `Padding.VALID`.
    is_padding: bool,
    /// What it is, where more than its name tells it.
    about: String,
}

impl Field {
    /// A field that is no parameter of an operation.
    pub(super) fn new(name: &str, kind: &str, default: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            given: kind.to_owned(),
            default: default.to_owned(),
            is_padding: false,
            about: String::new(),
        }
    }

    /// The field with a sentence that says what it is.
    pub(super) fn about(self, about: String) -> Self {
        Self { about, ..self }
    }

    /// The field of a parameter that has a default.
    pub(super) fn of(parameter: &Parameter, defaults: &[(String, String)], choices: &[Choice]) -> Result<Option<Self>> {
        Ok(default::<Java>(parameter, defaults, choices)?.map(|default| Self {
            name: camel(&parameter.name),
            kind: kind(&parameter.kind).to_owned(),
            given: given(&parameter.kind),
            default,
            is_padding: parameter.kind == ParameterType::Padding,
            about: String::new(),
        }))
    }
}

/// A class of options, nested in another class.
pub(super) fn class(text: &mut String, name: &str, about: &str, fields: &[Field]) {
    text.push('\n');
    comment(text, "    ", &[about.to_owned()]);
    let _ = writeln!(text, "    public static final class {name} {{");
    for field in fields {
        let assigned = if field.default == "null" { String::new() } else { format!(" = {}", field.default) };
        let _ = writeln!(text, "        {} {}{assigned};", field.kind, field.name);
    }
    text.push('\n');
    comment(text, "        ", &["The defaults.".to_owned()]);
    let _ = writeln!(text, "        public {name}() {{}}");
    for field in fields {
        let shown = match field.default.as_str() {
            "null" | "DType.NONE" => "not given".to_owned(),
            default => format!("`{}`", default.trim_start_matches('{').trim_end_matches('}')),
        };
        let about = match field.about.trim_end_matches('.') {
            "" => format!("Sets `{}`", field.name),
            about => about.to_owned(),
        };
        setter(text, name, field, &format!("{about}; default: {shown}."), &field.given, &field.name);
        if field.is_padding {
            let about = "As much as the output needs to be as large as the input, or none.";
            setter(text, name, field, about, "Padding", &format!("{}.sizes()", field.name));
        }
    }
    let _ = writeln!(text, "    }}");
}

fn setter(text: &mut String, class: &str, field: &Field, about: &str, kind: &str, value: &str) {
    let name = &field.name;
    text.push('\n');
    comment(text, "        ", &[about.to_owned()]);
    let _ = writeln!(text, "        public {class} {name}({kind} {name}) {{");
    let _ = writeln!(text, "            this.{name} = {value};\n            return this;\n        }}");
}
