//! `layers.ts`: a function that makes each layer.

use super::ops::{array, options};
use super::parameter::{Given, arguments, split};
use super::{WIDTH, camel, comment, documentation, introduction, list, local, opening, pascal};
use crate::Result;
use crate::layers::{Argument, Layer};
use crate::source::Source;
use std::fmt::Write;

const IMPORTS: &str = r#"import type { Generator } from "../generator.js";
import type { Module } from "../module.js";
import { make } from "../run.js";
import type { Doubles, Int, Ints } from "../types.js";
import { codes } from "./enums.js";
"#;

/// `layers.ts`.
pub(crate) fn module(source: &Source) -> Result<String> {
    let mut body = String::new();
    for file in &source.layers {
        introduction(&mut body, &file.introduction);
        // Who has an option less in C has a default here.
        for layer in file.layers.iter().filter(|layer| !layer.is_older()) {
            function(&mut body, layer, source).map_err(|error| format!("the layer `{}`: {error}", layer.name))?;
        }
    }
    let mut out = opening(
        "The layers: a function for each, named as in C with capitals for underscores.",
        "crates/candle-ffi-core/src/nn",
    );
    out += IMPORTS;
    let mut types: Vec<&str> = source.choices.iter().map(|choice| choice.name.as_str()).collect();
    types.push("DType");
    types.retain(|name| body.contains(&format!(": {name}")));
    types.sort_unstable();
    let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
    out += &list("", "import type ", &types, " from \"./enums.js\";").replacen('(', "{ ", 1).replacen(')', " }", 1);
    out += "import * as raw from \"./raw.js\";\n";
    Ok(out + &body)
}

fn function(out: &mut String, layer: &Layer, source: &Source) -> Result<()> {
    let mut given = Vec::new();
    for argument in &layer.arguments {
        given.extend(Given::of_layer(argument, &layer.docs, &source.choices)?);
    }
    let (required, optional) = split(given);
    let called = layer.docs.older.as_ref().map_or(&layer.name, |older| &older.name);
    let kind = format!("{}Options", pascal(called));
    let mut parameters: Vec<String> = required.iter().map(Given::declaration).collect();
    if !optional.is_empty() {
        let _ = writeln!(out, "\n/** Options of `{}`. */\nexport interface {kind} {{", camel(called));
        for option in &optional {
            let _ = writeln!(out, "    {}", option.option());
        }
        *out += "}\n";
        parameters.push(format!("options: {kind} = {{}}"));
    }
    let names: Vec<&str> = layer
        .arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Plain(parameter) => Some(parameter.name.as_str()),
            Argument::Module { name, .. } => Some(name.as_str()),
            Argument::Factory => None,
        })
        .collect();
    out.push('\n');
    comment(out, "", &documentation(&layer.docs, &names));
    let name = local(called);
    *out += &list("", &format!("export function {name}"), &parameters, ": Module {");
    let arguments = arguments(required.iter().chain(&optional));
    let call = if arguments.is_empty() { "" } else { "call" };
    let head = format!("    return make.module(\"{}\", raw.{}, ({call}) => {{", camel(called), layer.symbol());
    // The name of a function that is long makes room for itself.
    let head = if head.len() > WIDTH { head.replace(", raw.", ",\n        raw.") } else { head };
    *out += &(head + "\n");
    options(out, "        ", &optional);
    *out += &array("        ", "return", &arguments);
    *out += "    });\n}\n";
    Ok(())
}
