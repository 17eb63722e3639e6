//! How a parameter looks in C++: its type, its default, and what the C function is given.

use super::name;
use crate::Result;
use crate::rust_exports::snake;
use crate::signature::{Parameter, ParameterType};
use crate::source::Choice;

/// The type as a declaration has it, up to the name.
pub(super) fn kind(kind: &ParameterType) -> String {
    match kind {
        ParameterType::Tensor | ParameterType::OptionalTensor => "const Tensor &",
        ParameterType::ChangedTensor => "Tensor &",
        ParameterType::OptionalChangedTensor => "Tensor *",
        ParameterType::Tensors => "Span<const Tensor> ",
        ParameterType::Double => "double ",
        ParameterType::Int64 => "std::int64_t ",
        ParameterType::Size => "std::size_t ",
        ParameterType::Bool => "bool ",
        ParameterType::OptionalDouble => "std::optional<double> ",
        ParameterType::OptionalInt64 => "std::optional<std::int64_t> ",
        ParameterType::OptionalBool => "std::optional<bool> ",
        ParameterType::Int64s | ParameterType::OptionalInt64s => "Ints ",
        ParameterType::Doubles | ParameterType::OptionalDoubles => "Doubles ",
        ParameterType::Padding => "Padding ",
        ParameterType::DType | ParameterType::OptionalDType => "DType ",
        ParameterType::Device => "Device ",
        ParameterType::Generator | ParameterType::OptionalGenerator => "const Generator &",
        ParameterType::Choice(choice) => return format!("{choice} "),
        ParameterType::Fixed(_) => unreachable!("C++ has no older forms"),
    }
    .to_owned()
}

/// What the C function is given.
pub(super) fn arguments(parameter: &Parameter) -> Vec<String> {
    let name = name(&parameter.name);
    match &parameter.kind {
        ParameterType::Tensor
        | ParameterType::OptionalTensor
        | ParameterType::ChangedTensor
        | ParameterType::Generator
        | ParameterType::OptionalGenerator => vec![format!("{name}.handle()")],
        ParameterType::OptionalChangedTensor => vec![format!("detail::handle({name})")],
        ParameterType::Tensors => vec![format!("{name}_handles.data()"), format!("{name}_handles.size()")],
        ParameterType::Double | ParameterType::Int64 | ParameterType::Size | ParameterType::Bool => vec![name],
        ParameterType::OptionalDouble | ParameterType::OptionalInt64 => vec![format!("detail::pointer({name})")],
        ParameterType::OptionalBool => vec![format!("detail::pointer({name}_code)")],
        ParameterType::Int64s
        | ParameterType::OptionalInt64s
        | ParameterType::Doubles
        | ParameterType::OptionalDoubles
        | ParameterType::Padding => vec![format!("{name}.data()"), format!("{name}.size()")],
        ParameterType::DType | ParameterType::OptionalDType | ParameterType::Choice(_) => {
            vec![format!("detail::code({name})")]
        }
        ParameterType::Device => vec![format!("detail::code({name}.kind())"), format!("{name}.index()")],
        ParameterType::Fixed(_) => unreachable!("C++ has no older forms"),
    }
}

/// Lines that must stand before the call.
pub(super) fn preparation(parameter: &Parameter) -> Option<String> {
    let name = name(&parameter.name);
    match parameter.kind {
        ParameterType::Tensors => Some(format!("const detail::Handles {name}_handles({name});")),
        ParameterType::OptionalBool => Some(format!("const std::optional<std::int32_t> {name}_code({name});")),
        _ => None,
    }
}

/// The default of a type that none is stated for.
fn implied(kind: &ParameterType) -> Option<&'static str> {
    match kind {
        ParameterType::Bool => Some("false"),
        ParameterType::OptionalChangedTensor => Some("nullptr"),
        ParameterType::OptionalDouble | ParameterType::OptionalInt64 | ParameterType::OptionalBool => {
            Some("std::nullopt")
        }
        ParameterType::OptionalDType => Some("DType::none"),
        ParameterType::OptionalTensor => Some("none()"),
        ParameterType::OptionalInt64s
        | ParameterType::OptionalDoubles
        | ParameterType::Device
        | ParameterType::Generator
        | ParameterType::OptionalGenerator => Some("{}"),
        _ => None,
    }
}

/// A default of Python as C++ has it.
fn stated(kind: &ParameterType, value: &str, choices: &[Choice]) -> Result<String> {
    let unquoted = value.trim_matches('"');
    Ok(match (kind, value) {
        (_, "True") => "true".to_owned(),
        (_, "False") => "false".to_owned(),
        (ParameterType::Device, _) => "{}".to_owned(),
        (_, "None") => implied(kind).ok_or_else(|| format!("`None` is no default of a {kind:?}"))?.to_owned(),
        // What is made of numbers has the dtype that is set for them.
        (ParameterType::DType, "float32") => "default_dtype()".to_owned(),
        (ParameterType::DType | ParameterType::OptionalDType, _) => format!("DType::{}", self::name(value)),
        (ParameterType::Choice(choice), _) => {
            let variants = choices.iter().find(|known| known.name == *choice).map(|known| &known.variants);
            let variant = variants.and_then(|variants| variants.iter().find(|variant| variant.word == unquoted));
            let variant = variant.ok_or_else(|| format!("`{value}` is no value of `{choice}`"))?;
            format!("{choice}::{}", self::name(&snake(&variant.name)))
        }
        (_, value) if value.starts_with(['(', '[']) => {
            format!("{{{}}}", value.trim_matches(['(', ')', '[', ']']).trim_end_matches(','))
        }
        (_, value) => value.to_owned(),
    })
}

/// The default of a parameter, as long as none after it must be given.
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

/// Takes away the defaults before a parameter that must be given.
pub(super) fn only_at_the_end(defaults: &mut [Option<String>]) {
    let mut required = false;
    for default in defaults.iter_mut().rev() {
        required |= default.is_none();
        if required {
            *default = None;
        }
    }
}

/// `kind name = default`.
pub(super) fn declaration(kind: &str, name: &str, default: Option<&String>) -> String {
    let default = default.map(|value| format!(" = {value}")).unwrap_or_default();
    format!("{kind}{}{default}", self::name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_python() {
        let default = |kind: ParameterType, value: &str| stated(&kind, value, &[]).expect("known");
        assert_eq!(default(ParameterType::OptionalInt64s, "None"), "{}");
        assert_eq!(default(ParameterType::OptionalDouble, "None"), "std::nullopt");
        assert_eq!(default(ParameterType::Doubles, "(0.9, 0.99)"), "{0.9, 0.99}");
        assert_eq!(default(ParameterType::OptionalDType, "float32"), "DType::float32");
        assert_eq!(default(ParameterType::Bool, "True"), "true");
        assert!(stated(&ParameterType::Double, "None", &[]).is_err());
    }

    #[test]
    fn a_default_before_a_required_parameter_goes_away() {
        let mut defaults = [Some("1".to_owned()), None, Some("2".to_owned())];
        only_at_the_end(&mut defaults);
        assert_eq!(defaults, [None, None, Some("2".to_owned())]);
    }
}
