//! `layers.go`: a function that makes each layer.

use super::function::{Function, Returns};
use super::parameter::{Given, Kind, divide};
use super::{comment, documentation, opening};
use crate::Result;
use crate::layers::{Argument, Layer};
use crate::signature::{Parameter, ParameterType};
use crate::source::Source;

/// The file.
pub(crate) fn file(source: &Source) -> Result<String> {
    let mut text = opening("crates/candle-ffi-core/src/nn");
    for file in &source.layers {
        text.push('\n');
        comment(&mut text, "", &file.introduction);
        // Who has an option less in C has a default here.
        for layer in file.layers.iter().filter(|layer| !layer.is_older()) {
            function(&mut text, layer, source).map_err(|error| format!("the layer `{}`: {error}", layer.name))?;
        }
    }
    Ok(text)
}

fn parameters(layer: &Layer) -> Vec<Given> {
    let defaults = &layer.docs.defaults;
    let mut parameters = Vec::new();
    for argument in &layer.arguments {
        match argument {
            Argument::Plain(parameter) => parameters.push(Given::new(parameter, defaults)),
            Argument::Module { name, optional } => parameters.push(Given {
                name: name.clone(),
                kind: if *optional { Kind::OptionalModule } else { Kind::Module },
                default: optional.then(|| "None".to_owned()),
                is_option: false,
            }),
            Argument::Factory => {
                let made = [
                    ("dtype", ParameterType::OptionalDType),
                    ("device", ParameterType::Device),
                    ("generator", ParameterType::OptionalGenerator),
                ];
                parameters.extend(made.map(|(name, kind)| Given::new(&Parameter { name: name.to_owned(), kind }, &[])));
            }
        }
    }
    divide(&mut parameters);
    parameters
}

fn function(text: &mut String, layer: &Layer, source: &Source) -> Result<()> {
    let parameters = parameters(layer);
    let renamed: Vec<(String, String)> =
        parameters.iter().map(|parameter| (parameter.name.clone(), parameter.called())).collect();
    let class = layer.class();
    let name = format!("New{class}");
    Function {
        options: format!("{class}LayerOptions"),
        operation: class,
        documentation: documentation(&name, &layer.docs, &renamed),
        symbol: layer.symbol(),
        parameters: &parameters,
        is_method: false,
        returns: Returns::Module,
        name,
    }
    .write(text, &source.choices)
}
