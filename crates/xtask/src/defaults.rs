//! The defaults of options: Python's, which the comments of operations state, as other languages write them.

use crate::Result;
use crate::signature::{Parameter, ParameterType};
use crate::source::{Choice, Variant};

/// How a language writes values.
pub(crate) trait Dialect {
    /// Where tensors are made when nothing is said.
    const CPU: &'static str;
    /// The dtype that is set for what is made of numbers.
    const DEFAULT_DTYPE: &'static str;

    /// What is not given, of a type that allows it.
    fn absent(kind: &ParameterType) -> &'static str;

    /// A dtype of this name.
    fn dtype(name: &str) -> String;

    /// A value of an enumeration.
    fn variant(choice: &str, variant: &Variant) -> String;

    /// Numbers with commas between.
    fn list(numbers: &str) -> String;

    /// A number, or one in place of a list.
    fn number(_kind: &ParameterType, value: &str) -> String {
        value.to_owned()
    }
}

/// The default of a parameter; `None` where it must be given.
pub(crate) fn default<L: Dialect>(
    parameter: &Parameter,
    defaults: &[(String, String)],
    choices: &[Choice],
) -> Result<Option<String>> {
    match defaults.iter().find(|(name, _)| *name == parameter.name) {
        Some((_, value)) => stated::<L>(&parameter.kind, value, choices).map(Some),
        None => Ok(implied::<L>(&parameter.kind)),
    }
}

/// The default of a type that none is stated for.
fn implied<L: Dialect>(kind: &ParameterType) -> Option<String> {
    match kind {
        ParameterType::Bool => Some("false".to_owned()),
        ParameterType::Device => Some(L::CPU.to_owned()),
        kind => kind.may_be_absent().then(|| L::absent(kind).to_owned()),
    }
}

fn stated<L: Dialect>(kind: &ParameterType, value: &str, choices: &[Choice]) -> Result<String> {
    let unquoted = value.trim_matches('"');
    Ok(match (kind, value) {
        (_, "True") => "true".to_owned(),
        (_, "False") => "false".to_owned(),
        (ParameterType::Device, _) => L::CPU.to_owned(),
        (_, "None") => implied::<L>(kind).ok_or_else(|| format!("`None` is no default of a {kind:?}"))?,
        (ParameterType::DType, "float32") => L::DEFAULT_DTYPE.to_owned(),
        (ParameterType::DType | ParameterType::OptionalDType, _) => L::dtype(unquoted),
        (ParameterType::Choice(choice), _) => {
            let variants = choices.iter().find(|known| known.name == *choice).map(|known| &known.variants);
            let variant = variants.and_then(|variants| variants.iter().find(|variant| variant.word == unquoted));
            L::variant(choice, variant.ok_or_else(|| format!("`{value}` is no value of `{choice}`"))?)
        }
        (_, value) if value.starts_with(['(', '[']) => {
            L::list(value.trim_matches(['(', ')', '[', ']']).trim_end_matches(','))
        }
        (_, value) => L::number(kind, value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cpp::Cpp, java::Java, node::Node};

    fn written<L: Dialect>() -> Vec<String> {
        let cases = [
            (ParameterType::OptionalInt64s, "None"),
            (ParameterType::OptionalDouble, "None"),
            (ParameterType::Int64s, "1"),
            (ParameterType::Doubles, "(0.9, 0.99)"),
            (ParameterType::OptionalDType, "float32"),
            (ParameterType::Bool, "True"),
        ];
        assert!(stated::<L>(&ParameterType::Double, "None", &[]).is_err());
        cases.iter().map(|(kind, value)| stated::<L>(kind, value, &[]).expect("known")).collect()
    }

    #[test]
    fn defaults_are_those_of_python() {
        let cpp = ["{}", "std::nullopt", "1", "{0.9, 0.99}", "DType::float32", "true"];
        assert_eq!(written::<Cpp>(), cpp);
        let java = ["null", "null", "{1}", "{0.9, 0.99}", "DType.FLOAT32", "true"];
        assert_eq!(written::<Java>(), java);
        let node = ["null", "null", "1", "[0.9, 0.99]", "\"float32\"", "true"];
        assert_eq!(written::<Node>(), node);
    }
}
