//! `ops.go`: the operations. Those that PyTorch has in `torch.nn.functional` are functions, as are those without a
//! tensor to begin with; the others are methods of the tensor.

use super::function::{Function, Returns};
use super::names::exported;
use super::parameter::{Given, divide};
use super::{comment, documentation, fill, opening};
use crate::Result;
use crate::signature::Output;
use crate::source::{Operation, Source};
use std::fmt::Write;

/// The file.
pub(crate) fn file(source: &Source) -> Result<String> {
    let mut text = opening("crates/candle-ffi-core/src/ops");
    for result in &source.results {
        text.push('\n');
        let about = result.docs.join(" ").replace('`', "");
        let about = format!("{} is {}{}", result.name, about[..1].to_lowercase(), &about[1..]);
        comment(&mut text, "", &fill(&about));
        let _ = writeln!(text, "type {} struct {{", result.name);
        for (field, docs) in &result.fields {
            comment(&mut text, "\t", &docs.iter().map(|line| line.replace('`', "")).collect::<Vec<_>>());
            let _ = writeln!(text, "\t{} *Tensor", exported(field));
        }
        text += "}\n";
    }
    for file in &source.files {
        text.push('\n');
        comment(&mut text, "", &file.introduction);
        for operation in &file.operations {
            function(&mut text, operation, source)
                .map_err(|error| format!("the function `{}`: {error}", operation.signature.name))?;
        }
    }
    Ok(text)
}

/// Whether the operation is a method.
fn is_method(operation: &Operation) -> bool {
    let is_functional = operation.docs.pytorch.contains("torch.nn.functional.");
    operation.signature.is_in_place() || operation.signature.is_method() && !is_functional
}

fn function(text: &mut String, operation: &Operation, source: &Source) -> Result<()> {
    let (signature, docs) = (&operation.signature, &operation.docs);
    let mut parameters: Vec<Given> =
        signature.parameters.iter().map(|parameter| Given::new(parameter, &docs.defaults)).collect();
    divide(&mut parameters);
    let renamed: Vec<(String, String)> =
        parameters.iter().map(|parameter| (parameter.name.clone(), parameter.called())).collect();
    let name = exported(&signature.name);
    Function {
        options: format!("{name}Options"),
        operation: &signature.name,
        documentation: documentation(&name, docs, &renamed),
        symbol: signature.symbol(),
        parameters: &parameters,
        is_method: is_method(operation),
        returns: match &signature.output {
            Output::InPlace => Returns::Nothing,
            Output::Tensor => Returns::Tensor,
            Output::Tensors => Returns::Tensors,
            Output::Fields(name) => {
                Returns::Fields(name, source.fields(name).iter().map(|&field| field.to_owned()).collect())
            }
        },
        name,
    }
    .write(text, &source.choices)
}
