//! `layers.hpp`: a function that makes each layer.

use super::Cpp;
use super::parameter::{arguments, declaration, kind, only_at_the_end, preparation};
use super::{comment, documentation, ending, list, name, opening};
use crate::Result;
use crate::defaults::default;
use crate::layers::{Argument, Layer};
use crate::source::Source;
use std::fmt::Write;

/// The header.
pub(crate) fn header(source: &Source) -> Result<String> {
    let mut text = opening(
        &["The layers: a function for each, named as in C without `candle_` and `_new`."],
        "crates/candle-ffi-core/src/nn",
        "layers",
        &["<candle_ffi/module.hpp>"],
    );
    text += "\n/// Layers; each function makes one.\nnamespace candle::nn {\n";
    for file in &source.layers {
        let _ = writeln!(text);
        for line in &file.introduction {
            let _ = writeln!(text, "{}", format!("// {line}").trim_end());
        }
        // Who has an option less in C has a default here.
        for layer in file.layers.iter().filter(|layer| !layer.is_older()) {
            text.push('\n');
            function(&mut text, layer, source).map_err(|error| format!("the layer `{}`: {error}", layer.name))?;
        }
    }
    text += "\n}  // namespace candle::nn\n";
    Ok(text + &ending("layers"))
}

fn function(text: &mut String, layer: &Layer, source: &Source) -> Result<()> {
    let (mut names, mut kinds, mut defaults) = (Vec::new(), Vec::new(), Vec::new());
    let (mut given, mut lines) = (Vec::new(), Vec::new());
    let mut add = |kind: String, name: &str, default: Option<String>| {
        kinds.push(kind);
        names.push(name.to_owned());
        defaults.push(default);
    };
    for argument in &layer.arguments {
        match argument {
            Argument::Plain(parameter) => {
                let default = default::<Cpp>(parameter, &layer.docs.defaults, &source.choices)?;
                add(kind(&parameter.kind), &parameter.name, default);
                given.extend(arguments(parameter));
                lines.extend(preparation(parameter));
            }
            Argument::Module { name, optional } => {
                add("const Module &".to_owned(), name, optional.then(|| "{}".to_owned()));
                given.push(format!("{}.handle()", super::name(name)));
            }
            Argument::Factory => {
                add("DType ".to_owned(), "dtype", Some("DType::none".to_owned()));
                add("Device ".to_owned(), "device", Some("{}".to_owned()));
                add("const Generator &".to_owned(), "generator", Some("{}".to_owned()));
                let code = ["detail::code(dtype)", "detail::code(device.kind())", "device.index()"];
                given.extend(code.map(str::to_owned));
                given.push("generator.handle()".to_owned());
            }
        }
    }
    only_at_the_end(&mut defaults);
    let parameters: Vec<String> = kinds
        .iter()
        .zip(&names)
        .zip(&defaults)
        .map(|((kind, name), default)| declaration(kind, name, default.as_ref()))
        .collect();
    let called = layer.docs.older.as_ref().map_or(&layer.name, |older| &older.name);
    comment(text, "", &documentation(&layer.docs));
    *text += &list("", &format!("inline Module {}", name(called)), &parameters, " {");
    for line in lines {
        let _ = writeln!(text, "    {line}");
    }
    *text += "    detail::Call call;\n    CandleModule *out = nullptr;\n";
    given.extend(["&out", "call.error()"].map(str::to_owned));
    *text += &list("    ", &format!("call.check({}", layer.symbol()), &given, ");");
    *text += "    return Module::adopt(out);\n}\n";
    Ok(())
}
