//! How a parameter looks in Go: its type, where it is an option, and what the C function is given.

use super::names::{exported, local};
use crate::Result;
use crate::signature::{Parameter, ParameterType};
use crate::source::Choice;

/// What a parameter is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// One that operations have too.
    Plain(ParameterType),
    Module,
    OptionalModule,
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// The name in C and Python.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What it is when it is not given, as Python has it.
    pub(super) default: Option<String>,
    /// Whether it stands in the options.
    pub(super) is_option: bool,
}

impl Given {
    pub(super) fn new(parameter: &Parameter, defaults: &[(String, String)]) -> Self {
        let stated = defaults.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
        let default = stated.or_else(|| implied(&parameter.kind).map(str::to_owned));
        Self { name: parameter.name.clone(), kind: Kind::Plain(parameter.kind.clone()), default, is_option: false }
    }

    /// The name in Go.
    pub(super) fn called(&self) -> String {
        if self.is_option { exported(&self.name) } else { local(&self.name) }
    }

    /// The name in the code of a function.
    fn expression(&self) -> String {
        if self.is_option { format!("o.{}", self.called()) } else { self.called() }
    }

    /// A local of its own, beside a parameter of its name.
    fn local(&self, what: &str) -> String {
        // Without the guard against keywords, which the ending is too.
        format!("{}{what}", local(&format!("{}_x", self.name)).trim_end_matches('X'))
    }

    /// Whether a number that is left out, and so is zero, would mean another value than the default.
    fn is_pointer(&self) -> bool {
        self.is_option && !self.default.as_deref().is_none_or(|value| matches!(value, "0" | "0.0" | "False" | "None"))
    }

    /// The type.
    pub(super) fn type_name(&self) -> String {
        let number = |name: &str| if self.is_pointer() { format!("*{name}") } else { name.to_owned() };
        let kind = match &self.kind {
            Kind::Plain(kind) => kind,
            Kind::Module | Kind::OptionalModule => return "*Module".to_owned(),
        };
        match kind {
            ParameterType::Tensor
            | ParameterType::OptionalTensor
            | ParameterType::ChangedTensor
            | ParameterType::OptionalChangedTensor => "*Tensor".to_owned(),
            ParameterType::Tensors => "[]*Tensor".to_owned(),
            ParameterType::Double => number("float64"),
            ParameterType::Int64 => number("int64"),
            ParameterType::Size => number("uint64"),
            ParameterType::Bool => number("bool"),
            ParameterType::OptionalDouble => "*float64".to_owned(),
            ParameterType::OptionalInt64 => "*int64".to_owned(),
            ParameterType::OptionalBool => "*bool".to_owned(),
            ParameterType::Int64s | ParameterType::OptionalInt64s | ParameterType::Padding => "[]int64".to_owned(),
            ParameterType::Doubles | ParameterType::OptionalDoubles => "[]float64".to_owned(),
            ParameterType::DType | ParameterType::OptionalDType => "DType".to_owned(),
            ParameterType::Device => "Device".to_owned(),
            ParameterType::Generator | ParameterType::OptionalGenerator => "*Generator".to_owned(),
            ParameterType::Choice(choice) => choice.clone(),
            ParameterType::Fixed(_) => unreachable!("Go has no older forms"),
        }
    }

    /// What an option is when it is left out, for its comment.
    pub(super) fn about(&self) -> String {
        let default = self.default.as_deref().unwrap_or("None");
        let none = match &self.kind {
            Kind::Plain(ParameterType::OptionalDouble) if default != "None" => "; None is PyTorch's None",
            _ => "",
        };
        format!("{} is PyTorch's {}={default}{none}.", self.called(), self.name)
    }

    /// Lines that must stand before the call, and what the C function is given.
    pub(super) fn code(&self, choices: &[Choice]) -> Result<(Vec<String>, Vec<String>)> {
        let value = self.expression();
        let stated = self.default.as_deref().filter(|value| self.is_option && *value != "None");
        let take = |how: &str, what: &str| {
            let local = self.local(what);
            (vec![format!("{local} := cx.{how}({value}, {:?})", self.name)], vec![local])
        };
        let plain = |argument: String| (Vec::new(), vec![argument]);
        let or = |value: &str, default: &str| {
            if self.is_pointer() { format!("or({value}, {default})") } else { value.to_owned() }
        };
        let kind = match &self.kind {
            Kind::Plain(kind) => kind,
            Kind::Module => return Ok(take("module", "Handle")),
            Kind::OptionalModule => return Ok(take("optionalModule", "Handle")),
        };
        Ok(match kind {
            ParameterType::Tensor | ParameterType::ChangedTensor => take("tensor", "Handle"),
            ParameterType::OptionalTensor | ParameterType::OptionalChangedTensor => take("optional", "Handle"),
            ParameterType::Tensors => {
                let local = self.local("Handles");
                let line = format!("{local} := cx.tensors({value}, {:?})", self.name);
                (vec![line], vec![format!("first({local})"), format!("C.size_t(len({local}))")])
            }
            ParameterType::Double => plain(format!("C.double({})", or(&value, stated.unwrap_or("0")))),
            ParameterType::Int64 => plain(format!("C.int64_t({})", or(&value, stated.unwrap_or("0")))),
            ParameterType::Size => plain(format!("C.size_t({})", or(&value, stated.unwrap_or("0")))),
            ParameterType::Bool => plain(format!("truth({})", or(&value, "true"))),
            ParameterType::OptionalDouble => plain(match stated {
                Some(default) => format!("doubleOr({value}, {default})"),
                None => format!("(*C.double)({value})"),
            }),
            ParameterType::OptionalInt64 => plain(format!("(*C.int64_t)({value})")),
            ParameterType::OptionalBool => plain(format!("optionalTruth({value})")),
            ParameterType::Int64s
            | ParameterType::OptionalInt64s
            | ParameterType::Padding
            | ParameterType::Doubles
            | ParameterType::OptionalDoubles => {
                let pointer = match kind {
                    ParameterType::Doubles | ParameterType::OptionalDoubles => "doubles",
                    _ => "int64s",
                };
                match stated {
                    Some(default) => {
                        let local = self.local("List");
                        let default = default.trim_matches(['(', ')', '[', ']']).trim_end_matches(',');
                        let line = format!("{local} := listOr({value}, {default})");
                        (vec![line], vec![format!("{pointer}({local})"), format!("C.size_t(len({local}))")])
                    }
                    None => (Vec::new(), vec![format!("{pointer}({value})"), format!("C.size_t(len({value}))")]),
                }
            }
            ParameterType::DType | ParameterType::OptionalDType => plain(match stated {
                // What is made of numbers has the dtype that is set for them.
                Some("float32") if matches!(&self.kind, Kind::Plain(ParameterType::DType)) => {
                    format!("C.CandleDType(dtypeOr({value}, DefaultDType()))")
                }
                Some(default) => format!("C.CandleDType(dtypeOr({value}, {}))", exported(default)),
                None => format!("C.CandleDType({value})"),
            }),
            ParameterType::Device => (Vec::new(), vec![format!("{value}.kind()"), format!("C.int32_t({value}.Index)")]),
            ParameterType::Generator | ParameterType::OptionalGenerator => take("generator", "Handle"),
            ParameterType::Choice(choice) => {
                let default = match stated {
                    Some(word) => constant(choice, word.trim_matches('"'), choices)?,
                    None => "\"\"".to_owned(),
                };
                let local = self.local("Code");
                let given = ["&cx", &value, &default, &format!("codesOf{choice}"), &format!("{:?}", self.name)]
                    .map(str::to_owned);
                let line = super::list("\t", &format!("{local} := C.Candle{choice}(choose"), &given, ")");
                (vec![line.trim().to_owned()], vec![local])
            }
            ParameterType::Fixed(_) => unreachable!("Go has no older forms"),
        })
    }
}

/// The constant of a word of an enumeration.
fn constant(choice: &str, word: &str, choices: &[Choice]) -> Result<String> {
    let known = choices.iter().find(|known| known.name == *choice);
    let variant = known.and_then(|known| known.variants.iter().find(|variant| variant.word == word));
    let variant = variant.ok_or_else(|| format!("`{word}` is no value of `{choice}`"))?;
    Ok(format!("{choice}{}", exported(&crate::rust_exports::snake(&variant.name))))
}

/// The default of a type that none is stated for.
fn implied(kind: &ParameterType) -> Option<&'static str> {
    match kind {
        ParameterType::Bool => Some("False"),
        ParameterType::Device => Some("cpu"),
        kind => kind.may_be_absent().then_some("None"),
    }
}

/// Makes options of those that have defaults and have none before them that must be given.
pub(super) fn divide(parameters: &mut [Given]) {
    let required = parameters.iter().rposition(|parameter| parameter.default.is_none()).map_or(0, |last| last + 1);
    for parameter in &mut parameters[required..] {
        parameter.is_option = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(kind: ParameterType, default: &str) -> Given {
        Given {
            name: "keepdim".to_owned(),
            kind: Kind::Plain(kind),
            default: Some(default.to_owned()),
            is_option: true,
        }
    }

    #[test]
    fn an_option_is_a_pointer_where_zero_is_not_its_default() {
        assert_eq!(option(ParameterType::Bool, "False").type_name(), "bool");
        assert_eq!(option(ParameterType::Bool, "True").type_name(), "*bool");
        assert_eq!(option(ParameterType::Double, "0.5").type_name(), "*float64");
        assert_eq!(option(ParameterType::Int64, "0").type_name(), "int64");
        assert_eq!(option(ParameterType::Int64s, "1").type_name(), "[]int64");
        let code = |given: &Given| given.code(&[]).expect("known").1.join(", ");
        assert_eq!(code(&option(ParameterType::Double, "0.5")), "C.double(or(o.KeepDim, 0.5))");
        assert_eq!(code(&option(ParameterType::OptionalDouble, "0.1")), "doubleOr(o.KeepDim, 0.1)");
    }

    #[test]
    fn options_are_those_behind_the_last_that_must_be_given() {
        let mut given = [
            option(ParameterType::OptionalTensor, "None"),
            Given { default: None, ..option(ParameterType::Tensor, "") },
            option(ParameterType::Bool, "False"),
        ];
        given.iter_mut().for_each(|one| one.is_option = false);
        divide(&mut given);
        assert_eq!(given.map(|one| one.is_option), [false, false, true]);
    }
}
