//! `ops.ts`, a function for each operation and another that does not wait for it; and `methods.ts`, the class whose
//! methods they are.

use super::parameter::{Given, arguments, split};
use super::{camel, comment, documentation, fill, introduction, list, local, opening, pascal};
use crate::Result;
use crate::signature::Output;
use crate::source::{Operation, Source};
use std::fmt::Write;

const IMPORTS: &str = r#"import type { Arguments, Call } from "../call.js";
import type { Generator } from "../generator.js";
import { later, now } from "../run.js";
import type { Tensor } from "../tensor.js";
import type { Doubles, Int, Ints, TensorLike } from "../types.js";
import { getDefaultDtype } from "../version.js";
import { codes } from "./enums.js";
import type * as enums from "./enums.js";
import * as raw from "./raw.js";
"#;

/// The parts of an operation that functions and methods are made of.
struct Parts<'a> {
    operation: &'a Operation,
    required: Vec<Given>,
    options: Vec<Given>,
}

impl<'a> Parts<'a> {
    fn new(operation: &'a Operation, source: &Source) -> Result<Self> {
        let given: Vec<Given> = operation
            .signature
            .parameters
            .iter()
            .map(|parameter| Given::new(parameter, &operation.docs, &source.choices))
            .collect::<Result<_>>()?;
        let (mut required, mut options) = split(given);
        // The tensor itself is never an option.
        if required.is_empty() && operation.signature.is_method() {
            required.push(options.remove(0));
        }
        Ok(Self { operation, required, options })
    }

    fn options_type(&self) -> String {
        format!("{}Options", self.pascal())
    }

    /// Names that end with an underscore have types of their own.
    fn pascal(&self) -> String {
        let name = pascal(&self.operation.signature.name);
        if self.operation.signature.name.ends_with('_') { format!("{name}InPlace") } else { name }
    }

    fn returns(&self) -> String {
        match &self.operation.signature.output {
            Output::InPlace | Output::Tensor => "Tensor".to_owned(),
            Output::Tensors => "Tensor[]".to_owned(),
            Output::Fields(name) => name.clone(),
        }
    }

    /// The parameters as a function declares them, from one on.
    fn parameters(&self, from: usize) -> Vec<String> {
        let mut parameters: Vec<String> = self.required[from..].iter().map(Given::declaration).collect();
        if !self.options.is_empty() {
            parameters.push(format!("options: {} = {{}}", self.options_type()));
        }
        parameters
    }

    /// The same as another function is given them.
    fn names(&self, from: usize) -> Vec<String> {
        let mut names: Vec<String> = self.required[from..].iter().map(|given| given.name.clone()).collect();
        if !self.options.is_empty() {
            names.push("options".to_owned());
        }
        names
    }
}

/// A type with the module that it is from: choices are in `enums.ts`.
fn qualified(text: &str, source: &Source) -> String {
    let mut text = text.replace("DType", "enums.DType");
    for choice in &source.choices {
        text = text.replace(&format!(": {}", choice.name), &format!(": enums.{}", choice.name));
    }
    text
}

/// `ops.ts`.
pub(crate) fn functions(source: &Source) -> Result<String> {
    let mut out = opening(
        "The operations: a function for each, with PyTorch's name in camel case.",
        "crates/candle-ffi-core/src/ops",
    );
    out += IMPORTS;
    for result in &source.results {
        out.push('\n');
        comment(&mut out, "", &fill(&result.docs.join(" ")));
        let _ = writeln!(out, "export interface {} {{", result.name);
        for (field, docs) in &result.fields {
            comment(&mut out, "    ", &fill(&docs.join(" ")));
            let _ = writeln!(out, "    {}: Tensor;", camel(field));
        }
        out += "}\n";
    }
    let mut renamed = Vec::new();
    for file in &source.files {
        introduction(&mut out, &file.introduction);
        for operation in &file.operations {
            let parts = Parts::new(operation, source)
                .map_err(|error| format!("the function `{}`: {error}", operation.signature.name))?;
            function(&mut out, &parts, source);
            let name = camel(&operation.signature.name);
            if local(&operation.signature.name) != name {
                renamed.push(format!("{name}_ as {name}"));
            }
        }
    }
    if !renamed.is_empty() {
        let _ = writeln!(out, "\n// Words of the language, which may be names of a module's members.");
        let _ = writeln!(out, "export {{ {} }};", renamed.join(", "));
    }
    Ok(out)
}

fn function(out: &mut String, parts: &Parts<'_>, source: &Source) {
    let signature = &parts.operation.signature;
    let name = local(&signature.name);
    if !parts.options.is_empty() {
        let _ = writeln!(out, "\n/** Options of `{}`. */", camel(&signature.name));
        let _ = writeln!(out, "export interface {} {{", parts.options_type());
        for option in &parts.options {
            let _ = writeln!(out, "    {}", qualified(&option.option(), source));
        }
        *out += "}\n";
    }

    // The arguments, apart, since two functions give them.
    let mut parameters = vec!["call: Call".to_owned()];
    parameters.extend(parts.required.iter().map(Given::declaration));
    if !parts.options.is_empty() {
        parameters.push(format!("options: {}", parts.options_type()));
    }
    let parameters: Vec<String> = parameters.iter().map(|text| qualified(text, source)).collect();
    let given = format!("{}Given", camel(signature.name.trim_end_matches('_')));
    let given = if signature.name.ends_with('_') { format!("{given}_") } else { given };
    *out += &("\n".to_owned() + &list("", &format!("function {given}"), &parameters, ": Arguments {"));
    options(out, "    ", &parts.options);
    let arguments = arguments(parts.required.iter().chain(&parts.options));
    *out += &array("    ", "return", &arguments);
    *out += "}\n\n";

    let names: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    comment(out, "", &documentation(&parts.operation.docs, &names));
    let parameters: Vec<String> = parts.parameters(0).iter().map(|text| qualified(text, source)).collect();
    let exported = if name == camel(&signature.name) { "export " } else { "" };
    *out += &list("", &format!("{exported}function {name}"), &parameters, &format!(": {} {{", parts.returns()));
    let mut shared = vec!["call".to_owned()];
    shared.extend(parts.names(0));
    let give = list("        ", &format!("(call) => {given}"), &shared, "").trim().to_owned();
    let call = |executor: &str| {
        let (kind, more) = match &signature.output {
            Output::InPlace => ("inPlace", vec![parts.required[0].name.clone()]),
            Output::Tensor => ("tensor", Vec::new()),
            Output::Tensors => ("tensors", Vec::new()),
            Output::Fields(name) => {
                let fields: Vec<String> =
                    source.fields(name).iter().map(|field| format!("\"{}\"", camel(field))).collect();
                ("fields", vec![format!("[{}]", fields.join(", "))])
            }
        };
        let generic = match &signature.output {
            Output::Fields(name) => format!("<{name}>"),
            _ => String::new(),
        };
        let mut items = vec![format!("\"{}\"", camel(&signature.name)), format!("raw.{}", signature.symbol())];
        items.push(give.clone());
        items.extend(more);
        list("    ", &format!("return {executor}.{kind}{generic}"), &items, ";")
    };
    *out += &call("now");
    *out += "}\n";
    if signature.is_in_place() {
        return;
    }
    let _ = writeln!(out, "\n/** `{}` on another thread. */", camel(&signature.name));
    let head = format!("export function {}Async", camel(&signature.name));
    *out += &list("", &head, &parameters, &format!(": Promise<{}> {{", parts.returns()));
    *out += &call("later");
    *out += "}\n";
}

/// The lines that take options apart, and refuse those that there are not.
pub(super) fn options(out: &mut String, indent: &str, options: &[Given]) {
    if options.is_empty() {
        return;
    }
    let members: Vec<String> = options
        .iter()
        .map(|option| format!("{} = {}", option.name, option.default.as_deref().unwrap_or("null")))
        .collect();
    // Two more, for a brace with a space in place of a parenthesis.
    let mut text = crate::text::list(indent, "const ", &members, " = options;", super::WIDTH - 2);
    // Braces, where a call has parentheses.
    if let Some(at) = text.find('(') {
        text.replace_range(at..=at, "{ ");
    }
    if let Some(at) = text.rfind(") = options;") {
        text.replace_range(at..=at, " }");
    }
    *out += &text.replace("{ \n", "{\n");
    let names: Vec<String> = options.iter().map(|option| format!("\"{}\"", option.name)).collect();
    *out += &list(indent, "call.options", &[vec!["options".to_owned()], names].concat(), ";");
}

/// `head [item, item];`
pub(super) fn array(indent: &str, head: &str, items: &[String]) -> String {
    let mut text = list(indent, &format!("{head} "), items, ";");
    if let Some(at) = text.find(&format!("{head} (")) {
        let at = at + head.len() + 1;
        text.replace_range(at..=at, "[");
    }
    if let Some(at) = text.rfind(");") {
        text.replace_range(at..=at, "]");
    }
    text
}

/// `methods.ts`.
pub(crate) fn methods(source: &Source) -> Result<String> {
    let mut out = opening(
        "The operations whose first parameter is the tensor, as methods of it.",
        "crates/candle-ffi-core/src/ops",
    );
    out += "import { Handle } from \"../handle.js\";\n\
            import type { Tensor } from \"../tensor.js\";\nimport type { Int, Ints, TensorLike } from \"../types.js\";\n\
            import type * as enums from \"./enums.js\";\nimport * as ops from \"./ops.js\";\n\n\
            /** The operations as methods; each is documented at the function of its name. */\n\
            export abstract class TensorMethods extends Handle {\n    /** This, as functions take it. */\n\
            \u{20}   protected abstract get self(): Tensor;\n";
    for operation in source.operations().filter(|operation| operation.signature.is_method()) {
        let parts = Parts::new(operation, source)?;
        let signature = &operation.signature;
        let qualify = |text: &String| {
            let text = qualified(text, source);
            text.replace(&parts.options_type(), &format!("ops.{}", parts.options_type()))
        };
        let parameters: Vec<String> = parts.parameters(1).iter().map(qualify).collect();
        let returns = match &signature.output {
            Output::Fields(name) => format!("ops.{name}"),
            _ => parts.returns(),
        };
        let mut given = vec!["this.self".to_owned()];
        given.extend(parts.names(1));
        let name = camel(&signature.name);
        out.push('\n');
        comment(&mut out, "    ", &fill(&operation.docs.summary));
        out += &list("    ", &name, &parameters, &format!(": {returns} {{"));
        out += &list("        ", &format!("return ops.{name}"), &given, ";");
        out += "    }\n";
        if signature.is_in_place() {
            continue;
        }
        let _ = writeln!(out, "\n    /** `{name}` on another thread. */");
        out += &list("    ", &format!("{name}Async"), &parameters, &format!(": Promise<{returns}> {{"));
        out += &list("        ", &format!("return ops.{name}Async"), &given, ";");
        out += "    }\n";
    }
    out += "}\n";
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_broken_like_lists() {
        assert_eq!(array("    ", "return", &["f(x, \"x\")".to_owned()]), "    return [f(x, \"x\")];\n");
        let items: Vec<String> = (0..12).map(|at| format!("call.int(dim{at}, \"\")")).collect();
        let text = array("", "return", &items);
        assert!(text.starts_with("return [\n") && text.ends_with("dim11, \"\")];\n"), "{text}");
    }
}
