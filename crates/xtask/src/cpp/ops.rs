//! `methods.hpp`, the class whose methods are the operations, and `ops.hpp`, a function for each of them.

use super::Cpp;
use super::parameter::{arguments, declaration, kind, only_at_the_end, preparation};
use super::{comment, documentation, ending, fill, list, name, opening};
use crate::Result;
use crate::defaults::default;
use crate::signature::{Output, Parameter};
use crate::source::{Operation, Source};
use std::fmt::Write;

/// How the class of methods ends.
const METHODS_END: &str = "
protected:
    TensorMethods() = default;
    ~TensorMethods() = default;
    /// Nothing is here to be copied.
    TensorMethods(const TensorMethods &) = default;
    /// Nothing is here to be copied.
    TensorMethods &operator=(const TensorMethods &) = default;

private:
    const Tensor &self() const;
    Tensor &self();
};

}  // namespace candle
";

/// `methods.hpp`.
pub(crate) fn methods(source: &Source) -> Result<String> {
    let mut text = opening(
        &["The operations whose first parameter is the tensor, as methods of it."],
        "crates/candle-ffi-core/src/ops",
        "methods",
        &["<candle_ffi/generator.hpp>", "<candle_ffi/list.hpp>", "<candle_ffi/types.hpp>"],
    );
    text +=
        "\n#include <cstddef>\n#include <cstdint>\n#include <optional>\n#include <vector>\n\nnamespace candle {\n\n";
    text += "class Tensor;\n";
    for result in &source.results {
        let _ = writeln!(text, "struct {};", result.name);
    }
    text += "\n/// No tensor: what a parameter is when none is given for it.\nconst Tensor &none() noexcept;\n";
    text += "\n/// The operations as methods; `Tensor` derives from it. Each is documented at the\n/// function of its name.\n\
             class TensorMethods {\npublic:";
    for file in &source.files {
        for operation in file.operations.iter().filter(|operation| operation.signature.is_method()) {
            text.push('\n');
            comment(&mut text, "    ", &fill(&operation.docs.summary));
            text += &method(operation, source, "    ", "", true)?;
        }
    }
    text += METHODS_END;
    Ok(text + &ending("methods"))
}

/// `ops.hpp`.
pub(crate) fn functions(source: &Source) -> Result<String> {
    let mut text = opening(
        &["The operations: a function for each, named as in C without `candle_tensor_`."],
        "crates/candle-ffi-core/src/ops",
        "ops",
        &["<candle_ffi/tensor.hpp>"],
    );
    text += "\nnamespace candle {\n";
    for result in &source.results {
        text.push('\n');
        comment(&mut text, "", &fill(&result.docs.join(" ")));
        let _ = writeln!(text, "struct {} {{", result.name);
        for (field, docs) in &result.fields {
            comment(&mut text, "    ", docs);
            let _ = writeln!(text, "    Tensor {};", name(field));
        }
        text += "};\n";
    }
    text.push('\n');
    for file in &source.files {
        let _ = writeln!(text, "{}", section(&file.introduction));
        for operation in &file.operations {
            function(&mut text, operation, source)
                .map_err(|error| format!("the function `{}`: {error}", operation.signature.name))?;
        }
    }
    text += "// The methods.\n\n";
    for operation in source.operations().filter(|operation| operation.signature.is_method()) {
        let signature = &operation.signature;
        text += method(operation, source, "", "TensorMethods::", false)?.trim_end().trim_end_matches(';');
        let mut given = vec!["self()".to_owned()];
        given.extend(signature.parameters[1..].iter().map(|parameter| name(&parameter.name)));
        text += " {\n";
        text += &list("    ", &format!("return candle::{}", name(&signature.name)), &given, ";");
        text += "}\n\n";
    }
    text += "}  // namespace candle\n";
    Ok(text + &ending("ops"))
}

/// The comment that opens the functions of a file.
fn section(introduction: &[String]) -> String {
    introduction.iter().map(|line| format!("// {line}").trim_end().to_owned() + "\n").collect()
}

fn defaults(operation: &Operation, source: &Source) -> Result<Vec<Option<String>>> {
    let mut defaults: Vec<Option<String>> = operation
        .signature
        .parameters
        .iter()
        .map(|parameter| default::<Cpp>(parameter, &operation.docs.defaults, &source.choices))
        .collect::<Result<_>>()?;
    only_at_the_end(&mut defaults);
    Ok(defaults)
}

fn returns(output: &Output) -> String {
    match output {
        Output::InPlace => "Tensor &",
        Output::Tensor => "Tensor ",
        Output::Tensors => "std::vector<Tensor> ",
        Output::Fields(name) => return format!("{name} "),
    }
    .to_owned()
}

/// The declaration of a method, or the head of its definition.
fn method(operation: &Operation, source: &Source, indent: &str, scope: &str, with_defaults: bool) -> Result<String> {
    let signature = &operation.signature;
    let defaults = defaults(operation, source)?;
    let parameters: Vec<String> = signature.parameters[1..]
        .iter()
        .zip(&defaults[1..])
        .map(|(parameter, default)| {
            declaration(&kind(&parameter.kind), &parameter.name, default.as_ref().filter(|_| with_defaults))
        })
        .collect();
    let (before, after) = if scope.is_empty() { ("", ";") } else { ("inline ", ";") };
    let after = if signature.is_in_place() { after.to_owned() } else { format!(" const{after}") };
    let head = format!("{before}{}{scope}{}", returns(&signature.output), name(&signature.name));
    Ok(list(indent, &head, &parameters, &after))
}

fn function(text: &mut String, operation: &Operation, source: &Source) -> Result<()> {
    let signature = &operation.signature;
    let defaults = defaults(operation, source)?;
    let is_changed = |position: usize| position == 0 && signature.is_in_place();
    let parameters: Vec<String> = signature
        .parameters
        .iter()
        .zip(&defaults)
        .enumerate()
        .map(|(position, (parameter, default))| {
            let kind = if is_changed(position) { "Tensor &".to_owned() } else { kind(&parameter.kind) };
            declaration(&kind, &parameter.name, default.as_ref())
        })
        .collect();
    comment(text, "", &documentation(&operation.docs));
    let head = format!("inline {}{}", returns(&signature.output), name(&signature.name));
    *text += &list("", &head, &parameters, " {");
    let field_count = match &signature.output {
        Output::Fields(name) => source.fields(name).len(),
        _ => 0,
    };
    body(text, &signature.symbol(), &signature.parameters, &signature.output, field_count);
    text.push_str("}\n\n");
    Ok(())
}

fn body(text: &mut String, symbol: &str, parameters: &[Parameter], output: &Output, field_count: usize) {
    for line in parameters.iter().filter_map(preparation) {
        let _ = writeln!(text, "    {line}");
    }
    let mut given: Vec<String> = parameters.iter().flat_map(arguments).collect();
    let mut call = |more: &[&str]| {
        given.extend(more.iter().map(|&argument| argument.to_owned()));
        list("    ", &format!("call.check({symbol}"), &given, ");")
    };
    match output {
        Output::InPlace => {
            *text += "    detail::Call call;\n";
            *text += &call(&["call.error()"]);
            let _ = writeln!(text, "    return {};", name(&parameters[0].name));
        }
        Output::Tensor => {
            *text += "    detail::Call call;\n    CandleTensor *out = nullptr;\n";
            *text += &call(&["&out", "call.error()"]);
            *text += "    return Tensor::adopt(out);\n";
        }
        Output::Tensors => {
            given.extend(["outputs", "capacity", "count", "error"].map(str::to_owned));
            *text += "    return detail::collect([&](CandleTensor **outputs, std::size_t capacity, std::size_t *count,\n\
                      \u{20}                              CandleError **error) {\n";
            *text += &list("        ", &format!("return {symbol}"), &given, ";");
            *text += "    });\n";
        }
        Output::Fields(_) => {
            let cells: Vec<String> = (0..field_count).map(|at| format!("&out[{at}]")).collect();
            let mut more: Vec<&str> = cells.iter().map(String::as_str).collect();
            more.push("call.error()");
            let _ = writeln!(text, "    detail::Call call;\n    CandleTensor *out[{field_count}] = {{}};");
            *text += &call(&more);
            let fields: Vec<String> = (0..field_count).map(|at| format!("Tensor::adopt(out[{at}])")).collect();
            let _ = writeln!(text, "    return {{{}}};", fields.join(", "));
        }
    }
}
