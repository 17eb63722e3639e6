//! `Layers.java`: a function that makes each layer, and its options.

use super::docs::{comment, documentation};
use super::options::{Field, class};
use super::parameter::{arguments, kind, variable};
use super::{camel, list, opening, pascal};
use crate::Result;
use crate::layers::{Argument, Layer};
use crate::source::Source;
use std::fmt::Write;

/// The class.
pub(crate) fn layers(source: &Source) -> Result<String> {
    let mut text = opening("crates/candle-ffi-core/src/nn", &[]);
    text += "/** The layers: a static method for each, which {@link Nn} offers, and a class of its options. */
abstract class Layers {
    Layers() {}
";
    for file in &source.layers {
        // Who has an option less in C has a default here.
        for layer in file.layers.iter().filter(|layer| !layer.is_older()) {
            function(&mut text, layer, source).map_err(|error| format!("the layer `{}`: {error}", layer.name))?;
        }
    }
    Ok(text + "}\n")
}

fn function(text: &mut String, layer: &Layer, source: &Source) -> Result<()> {
    let (mut required, mut fields, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for argument in &layer.arguments {
        match argument {
            Argument::Plain(parameter) => match Field::of(parameter, &layer.docs.defaults, &source.choices)? {
                Some(field) => {
                    fields.push(field);
                    given.extend(arguments(parameter, "options."));
                }
                None => {
                    required.push((kind(&parameter.kind).to_owned(), camel(&parameter.name)));
                    given.extend(arguments(parameter, ""));
                }
            },
            Argument::Module { name, optional: true } => {
                fields.push(Field::new(&camel(name), "Nn.Module", "null"));
                given.push(format!("call.use(options.{})", camel(name)));
            }
            Argument::Module { name, optional: false } => {
                required.push(("Nn.Module".to_owned(), camel(name)));
                given.push(format!("call.use({})", camel(name)));
            }
            Argument::Factory => {
                fields.push(Field::new("dtype", "DType", "DType.NONE"));
                fields.push(Field::new("device", "Device", "Device.CPU"));
                fields.push(Field::new("generator", "Generator", "null"));
                let code = ["Call.code(options.dtype)", "Call.kind(options.device)", "Call.index(options.device)"];
                given.extend(code.map(str::to_owned));
                given.push("call.use(options.generator)".to_owned());
            }
        }
    }
    given.extend(["call.out", "call.error"].map(str::to_owned));
    let name = layer.docs.older.as_ref().map_or(&layer.name, |older| &older.name);
    let called = camel(name);
    let options = format!("{}Options", pascal(name));
    let names: Vec<&str> = layer
        .arguments
        .iter()
        .map(|argument| match argument {
            Argument::Plain(parameter) => parameter.name.as_str(),
            Argument::Module { name, .. } => name,
            Argument::Factory => "dtype",
        })
        .collect();
    let declare = |is_variable: bool, single: bool, with_options: bool| {
        let count = required.len();
        let mut declared: Vec<String> = required
            .iter()
            .enumerate()
            .map(|(at, (kind, name))| match at + 1 == count {
                true if is_variable => format!("{} {name}", variable(kind)),
                true if single => format!("{} {name}", kind.trim_end_matches("[]")),
                _ => format!("{kind} {name}"),
            })
            .collect();
        if with_options {
            declared.push(format!("{options} options"));
        }
        declared
    };
    let head = format!("public static Nn.Module {called}");
    let passed = |last: Option<String>, options: String| {
        let mut names: Vec<String> = required.iter().map(|(_, name)| name.clone()).collect();
        if let (Some(given), Some(last)) = (names.last_mut(), last) {
            *given = last;
        }
        names.push(options);
        list("        ", &format!("return {called}"), &names, ";")
    };
    if !fields.is_empty() {
        text.push('\n');
        comment(text, "    ", std::slice::from_ref(&layer.docs.summary));
        *text += &list("    ", &head, &declare(true, false, false), " {");
        *text += &passed(None, format!("new {options}()"));
        text.push_str("    }\n");
        let lists = required.iter().filter(|(kind, _)| kind.ends_with("[]")).count();
        if let Some((kind, name)) = required.last().filter(|(kind, _)| lists == 1 && kind.ends_with("[]")) {
            text.push('\n');
            comment(text, "    ", std::slice::from_ref(&layer.docs.summary));
            *text += &list("    ", &head, &declare(false, true, true), " {");
            *text += &passed(Some(format!("new {kind} {{{name}}}")), "options".to_owned());
            text.push_str("    }\n");
        }
    }
    text.push('\n');
    comment(text, "    ", &documentation(&layer.docs, &names));
    *text += &list("    ", &head, &declare(fields.is_empty(), false, !fields.is_empty()), " {");
    text.push_str("        try (Call call = Call.begin()) {\n");
    *text += &list("            ", &format!("call.check(CandleLibrary.{}", layer.symbol()), &given, ");");
    let _ = write!(text, "            return new Nn.Module(call.address());\n        }}\n    }}\n");
    if !fields.is_empty() {
        class(text, &options, &format!("Options of `{called}`."), &fields);
    }
    Ok(())
}
