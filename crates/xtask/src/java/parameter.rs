//! How a parameter looks in Java: its type, its default, and what the C function is given.

use super::camel;
use crate::Result;
use crate::rust_exports::snake;
use crate::signature::{Parameter, ParameterType};
use crate::source::Choice;

/// The type in Java.
pub(super) fn kind(kind: &ParameterType) -> &str {
    match kind {
        ParameterType::Tensor
        | ParameterType::OptionalTensor
        | ParameterType::ChangedTensor
        | ParameterType::OptionalChangedTensor => "Tensor",
        ParameterType::Tensors => "List<Tensor>",
        ParameterType::Double => "double",
        ParameterType::Int64 | ParameterType::Size => "long",
        ParameterType::Bool => "boolean",
        ParameterType::OptionalDouble => "Double",
        ParameterType::OptionalInt64 => "Long",
        ParameterType::OptionalBool => "Boolean",
        ParameterType::Int64s | ParameterType::OptionalInt64s | ParameterType::Padding => "long[]",
        ParameterType::Doubles | ParameterType::OptionalDoubles => "double[]",
        ParameterType::DType | ParameterType::OptionalDType => "DType",
        ParameterType::Device => "Device",
        ParameterType::Generator | ParameterType::OptionalGenerator => "Generator",
        ParameterType::Choice(choice) => choice,
        ParameterType::Fixed(_) => unreachable!("Java has no older forms"),
    }
}

/// The type as what sets an option takes it: numbers one by one, and never null for a number.
pub(super) fn given(kind: &ParameterType) -> String {
    match self::kind(kind) {
        "Double" => "double".to_owned(),
        "Long" => "long".to_owned(),
        "Boolean" => "boolean".to_owned(),
        other => variable(other),
    }
}

/// An array as the last parameter takes its numbers one by one.
pub(super) fn variable(kind: &str) -> String {
    kind.strip_suffix("[]").map_or_else(|| kind.to_owned(), |element| format!("{element}..."))
}

/// What the C function is given of an expression.
pub(super) fn arguments(parameter: &Parameter, from: &str) -> Vec<String> {
    let name = format!("{from}{}", camel(&parameter.name));
    match &parameter.kind {
        ParameterType::Tensor
        | ParameterType::OptionalTensor
        | ParameterType::ChangedTensor
        | ParameterType::OptionalChangedTensor
        | ParameterType::Generator
        | ParameterType::OptionalGenerator => vec![format!("call.use({name})")],
        ParameterType::Tensors => {
            vec![format!("call.handles({name}, \"{}\")", camel(&parameter.name)), format!("{name}.size()")]
        }
        ParameterType::Double | ParameterType::Int64 | ParameterType::Size => vec![name],
        ParameterType::Bool => vec![format!("Call.flag({name})")],
        ParameterType::OptionalDouble | ParameterType::OptionalInt64 | ParameterType::OptionalBool => {
            vec![format!("call.optional({name})")]
        }
        ParameterType::Int64s | ParameterType::Padding => {
            vec![format!("call.longs({name}, \"{}\")", camel(&parameter.name)), format!("{name}.length")]
        }
        ParameterType::Doubles => {
            vec![format!("call.doubles({name}, \"{}\")", camel(&parameter.name)), format!("{name}.length")]
        }
        ParameterType::OptionalInt64s => vec![format!("call.longs({name})"), format!("Call.length({name})")],
        ParameterType::OptionalDoubles => vec![format!("call.doubles({name})"), format!("Call.length({name})")],
        ParameterType::DType | ParameterType::OptionalDType => vec![format!("Call.code({name})")],
        ParameterType::Choice(_) => vec![format!("Call.code({name}, \"{}\")", camel(&parameter.name))],
        ParameterType::Device => vec![format!("Call.kind({name})"), format!("Call.index({name})")],
        ParameterType::Fixed(_) => unreachable!("Java has no older forms"),
    }
}

/// The default of a type that none is stated for.
fn implied(kind: &ParameterType) -> Option<&'static str> {
    match kind {
        ParameterType::Bool => Some("false"),
        ParameterType::OptionalDType => Some("DType.NONE"),
        ParameterType::Device => Some("Device.CPU"),
        ParameterType::OptionalChangedTensor
        | ParameterType::OptionalDouble
        | ParameterType::OptionalInt64
        | ParameterType::OptionalBool
        | ParameterType::OptionalTensor
        | ParameterType::OptionalInt64s
        | ParameterType::OptionalDoubles
        | ParameterType::Generator
        | ParameterType::OptionalGenerator => Some("null"),
        _ => None,
    }
}

/// A default of Python as Java has it.
fn stated(kind: &ParameterType, value: &str, choices: &[Choice]) -> Result<String> {
    let unquoted = value.trim_matches('"');
    Ok(match (kind, value) {
        (_, "True") => "true".to_owned(),
        (_, "False") => "false".to_owned(),
        (ParameterType::Device, _) => "Device.CPU".to_owned(),
        (_, "None") => implied(kind).ok_or_else(|| format!("`None` is no default of a {kind:?}"))?.to_owned(),
        // What is made of numbers has the dtype that is set for them.
        (ParameterType::DType, "float32") => "Candle.defaultDType()".to_owned(),
        (ParameterType::DType | ParameterType::OptionalDType, _) => format!("DType.{}", value.to_uppercase()),
        (ParameterType::Choice(choice), _) => {
            let variants = choices.iter().find(|known| known.name == *choice).map(|known| &known.variants);
            let variant = variants.and_then(|variants| variants.iter().find(|variant| variant.word == unquoted));
            let variant = variant.ok_or_else(|| format!("`{value}` is no value of `{choice}`"))?;
            format!("{choice}.{}", snake(&variant.name).to_uppercase())
        }
        (
            ParameterType::Int64s
            | ParameterType::OptionalInt64s
            | ParameterType::Padding
            | ParameterType::Doubles
            | ParameterType::OptionalDoubles,
            value,
        ) => format!("{{{}}}", value.trim_matches(['(', ')', '[', ']']).trim_end_matches(',')),
        (ParameterType::OptionalDouble, value) if !value.contains(['.', 'e']) => format!("{value}.0"),
        (ParameterType::OptionalInt64, value) => format!("{value}L"),
        (_, value) => value.to_owned(),
    })
}

/// The default of a parameter; without one it must be given.
pub(super) fn default(
    parameter: &Parameter,
    defaults: &[(String, String)],
    choices: &[Choice],
) -> Result<Option<String>> {
    match defaults.iter().find(|(name, _)| *name == parameter.name) {
        Some((_, value)) => stated(&parameter.kind, value, choices).map(Some),
        None => Ok(implied(&parameter.kind).map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_python() {
        let default = |kind: ParameterType, value: &str| stated(&kind, value, &[]).expect("known");
        assert_eq!(default(ParameterType::OptionalInt64s, "None"), "null");
        assert_eq!(default(ParameterType::Int64s, "1"), "{1}");
        assert_eq!(default(ParameterType::Doubles, "(0.9, 0.99)"), "{0.9, 0.99}");
        assert_eq!(default(ParameterType::OptionalDType, "float32"), "DType.FLOAT32");
        assert!(stated(&ParameterType::Double, "None", &[]).is_err());
    }
}
