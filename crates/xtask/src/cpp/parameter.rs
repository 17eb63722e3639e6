//! How a parameter looks in C++: its type, its default, and what the C function is given.

use super::name;
use crate::defaults::Dialect;
use crate::rust_exports::snake;
use crate::signature::{Parameter, ParameterType};
use crate::source::Variant;

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

/// How C++ writes values.
pub(crate) struct Cpp;

impl Dialect for Cpp {
    const CPU: &'static str = "{}";
    const DEFAULT_DTYPE: &'static str = "default_dtype()";

    fn absent(kind: &ParameterType) -> &'static str {
        match kind {
            ParameterType::OptionalChangedTensor => "nullptr",
            ParameterType::OptionalDouble | ParameterType::OptionalInt64 | ParameterType::OptionalBool => {
                "std::nullopt"
            }
            ParameterType::OptionalDType => "DType::none",
            ParameterType::OptionalTensor => "none()",
            _ => "{}",
        }
    }

    fn dtype(name: &str) -> String {
        format!("DType::{}", self::name(name))
    }

    fn variant(choice: &str, variant: &Variant) -> String {
        format!("{choice}::{}", name(&snake(&variant.name)))
    }

    fn list(numbers: &str) -> String {
        format!("{{{numbers}}}")
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
    fn a_default_before_a_required_parameter_goes_away() {
        let mut defaults = [Some("1".to_owned()), None, Some("2".to_owned())];
        only_at_the_end(&mut defaults);
        assert_eq!(defaults, [None, None, Some("2".to_owned())]);
    }
}
