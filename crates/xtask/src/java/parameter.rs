//! How a parameter looks in Java: its type, its default, and what the C function is given.

use super::camel;
use crate::defaults::Dialect;
use crate::rust_exports::snake;
use crate::signature::{Parameter, ParameterType};
use crate::source::Variant;

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

/// How Java writes values.
pub(crate) struct Java;

impl Dialect for Java {
    const CPU: &'static str = "Device.CPU";
    const DEFAULT_DTYPE: &'static str = "Candle.defaultDType()";

    fn absent(kind: &ParameterType) -> &'static str {
        if *kind == ParameterType::OptionalDType { "DType.NONE" } else { "null" }
    }

    fn dtype(name: &str) -> String {
        format!("DType.{}", name.to_uppercase())
    }

    fn variant(choice: &str, variant: &Variant) -> String {
        format!("{choice}.{}", snake(&variant.name).to_uppercase())
    }

    fn list(numbers: &str) -> String {
        format!("{{{numbers}}}")
    }

    fn number(kind: &ParameterType, value: &str) -> String {
        match kind {
            ParameterType::Int64s
            | ParameterType::OptionalInt64s
            | ParameterType::Padding
            | ParameterType::Doubles
            | ParameterType::OptionalDoubles => Self::list(value),
            ParameterType::OptionalDouble if !value.contains(['.', 'e']) => format!("{value}.0"),
            ParameterType::OptionalInt64 => format!("{value}L"),
            _ => value.to_owned(),
        }
    }
}
