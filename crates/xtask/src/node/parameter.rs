//! How a parameter looks in TypeScript: its type, its default, and what the C function is given.

use super::camel;
use crate::Result;
use crate::defaults::{self, Dialect};
use crate::docs::Docs;
use crate::layers::Argument;
use crate::signature::{Parameter, ParameterType};
use crate::source::{Choice, Variant};

/// A parameter of a function.
pub(super) struct Given {
    /// The name in JavaScript.
    pub(super) name: String,
    kind: String,
    /// Its default, where it need not be given.
    pub(super) default: Option<String>,
    /// What the C function is given for it.
    arguments: String,
}

impl Given {
    /// A parameter of an operation.
    pub(super) fn new(parameter: &Parameter, docs: &Docs, choices: &[Choice]) -> Result<Self> {
        let name = super::local(&parameter.name);
        let default = defaults::default::<Node>(parameter, &docs.defaults, choices)?;
        let label = camel(&parameter.name);
        let arguments = match &parameter.kind {
            ParameterType::Choice(choice) => format!("call.choice(codes.{choice}, {name}, \"{label}\")"),
            kind => format!("{}({name}, \"{label}\")", conversion(kind)),
        };
        let kind = self::kind(&parameter.kind);
        Ok(Self { name, kind, default, arguments })
    }

    /// An argument of a layer, which may be several parameters.
    pub(super) fn of_layer(argument: &Argument, docs: &Docs, choices: &[Choice]) -> Result<Vec<Self>> {
        let one = |name: &str, kind: &str, default: Option<&str>, conversion: &str| Self {
            name: camel(name),
            kind: kind.to_owned(),
            default: default.map(str::to_owned),
            arguments: format!("{conversion}({}, \"{}\")", camel(name), camel(name)),
        };
        Ok(match argument {
            Argument::Plain(parameter) => vec![Self::new(parameter, docs, choices)?],
            Argument::Module { name, optional: false } => vec![one(name, "Module", None, "call.module")],
            Argument::Module { name, optional: true } => {
                vec![one(name, "Module | null", Some("null"), "call.optionalModule")]
            }
            Argument::Factory => vec![
                one("dtype", "DType | null", Some("null"), "call.optionalDtype"),
                one("device", "string", Some("\"cpu\""), "...call.device"),
                one("generator", "Generator | null", Some("null"), "call.generator"),
            ],
        })
    }

    /// `name: kind`.
    pub(super) fn declaration(&self) -> String {
        format!("{}: {}", self.name, self.kind)
    }

    /// `name?: kind`, a member of the options.
    pub(super) fn option(&self) -> String {
        format!("{}?: {};", self.name, self.kind)
    }
}

/// The parameters that must be given, and those that are options: all that have a default behind the last of the first.
pub(super) fn split(mut parameters: Vec<Given>) -> (Vec<Given>, Vec<Given>) {
    let required = parameters.iter().rposition(|parameter| parameter.default.is_none()).map_or(0, |last| last + 1);
    let options = parameters.split_off(required);
    (parameters, options)
}

/// What the C function is given for some parameters.
pub(super) fn arguments<'a>(parameters: impl Iterator<Item = &'a Given>) -> Vec<String> {
    parameters.map(|parameter| parameter.arguments.clone()).collect()
}

/// The type.
fn kind(kind: &ParameterType) -> String {
    match kind {
        ParameterType::Tensor => "TensorLike",
        ParameterType::OptionalTensor => "TensorLike | null",
        ParameterType::ChangedTensor => "Tensor",
        ParameterType::OptionalChangedTensor => "Tensor | null",
        ParameterType::Tensors => "readonly TensorLike[]",
        ParameterType::Double | ParameterType::Size => "number",
        ParameterType::Int64 => "Int",
        ParameterType::Bool => "boolean",
        ParameterType::OptionalDouble => "number | null",
        ParameterType::OptionalInt64 => "Int | null",
        ParameterType::OptionalBool => "boolean | null",
        ParameterType::Int64s => "Ints",
        ParameterType::OptionalInt64s => "Ints | null",
        ParameterType::Doubles => "Doubles",
        ParameterType::OptionalDoubles => "Doubles | null",
        ParameterType::Padding => "Ints | \"same\" | \"valid\"",
        ParameterType::DType => "DType",
        ParameterType::OptionalDType => "DType | null",
        ParameterType::Device => "string",
        ParameterType::Generator | ParameterType::OptionalGenerator => "Generator | null",
        ParameterType::Choice(choice) => return choice.clone(),
        ParameterType::Fixed(_) => unreachable!("Node has no older forms"),
    }
    .to_owned()
}

/// The function that checks and converts it; of several arguments with `...`.
fn conversion(kind: &ParameterType) -> &'static str {
    match kind {
        ParameterType::Tensor => "call.tensor",
        ParameterType::ChangedTensor => "call.changed",
        ParameterType::OptionalTensor => "call.optionalTensor",
        ParameterType::OptionalChangedTensor => "call.optionalChanged",
        ParameterType::Tensors => "...call.tensors",
        ParameterType::Double => "call.double",
        ParameterType::Int64 => "call.int",
        ParameterType::Size => "call.size",
        ParameterType::Bool => "call.bool",
        ParameterType::OptionalDouble => "call.optionalDouble",
        ParameterType::OptionalInt64 => "call.optionalInt",
        ParameterType::OptionalBool => "call.optionalBool",
        ParameterType::Int64s => "...call.ints",
        ParameterType::OptionalInt64s => "...call.optionalInts",
        ParameterType::Doubles => "...call.doubles",
        ParameterType::OptionalDoubles => "...call.optionalDoubles",
        ParameterType::Padding => "...call.padding",
        ParameterType::DType => "call.dtype",
        ParameterType::OptionalDType => "call.optionalDtype",
        ParameterType::Device => "...call.device",
        ParameterType::Generator | ParameterType::OptionalGenerator => "call.generator",
        ParameterType::Choice(_) | ParameterType::Fixed(_) => unreachable!("handled apart"),
    }
}

/// How JavaScript writes values.
pub(crate) struct Node;

impl Dialect for Node {
    const CPU: &'static str = "\"cpu\"";
    const DEFAULT_DTYPE: &'static str = "getDefaultDtype()";

    fn absent(_kind: &ParameterType) -> &'static str {
        "null"
    }

    fn dtype(name: &str) -> String {
        format!("\"{name}\"")
    }

    fn variant(_choice: &str, variant: &Variant) -> String {
        format!("\"{}\"", variant.word)
    }

    fn list(numbers: &str) -> String {
        format!("[{numbers}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_before_a_required_parameter_must_be_given() {
        let given = |name: &str, default: Option<&str>| Given {
            name: name.to_owned(),
            kind: "number".to_owned(),
            default: default.map(str::to_owned),
            arguments: String::new(),
        };
        let (required, options) = split(vec![given("a", Some("1")), given("b", None), given("c", Some("2"))]);
        assert_eq!((required.len(), options.len(), options[0].name.as_str()), (2, 1, "c"));
    }
}
