//! The types an operation may have, and how each of them crosses: the table that decides what is regular.

use crate::Result;
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::{FnArg, ItemFn, Pat, ReturnType};

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParameterType {
    Tensor,
    OptionalTensor,
    /// A tensor that the operation changes besides what it gives.
    ChangedTensor,
    OptionalChangedTensor,
    Tensors,
    Double,
    Int64,
    Size,
    Bool,
    OptionalDouble,
    OptionalInt64,
    OptionalBool,
    Int64s,
    OptionalInt64s,
    Doubles,
    OptionalDoubles,
    /// `Padding<'_>`: sizes, or one of two names.
    Padding,
    DType,
    OptionalDType,
    Device,
    Generator,
    OptionalGenerator,
    /// An enumeration of `options.rs`, by its name.
    Choice(String),
    /// An option that an older form of the export does not have: this expression of Rust.
    Fixed(String),
}

impl ParameterType {
    /// Whether its values include "not given", which is then its default.
    pub(crate) fn may_be_absent(&self) -> bool {
        matches!(
            self,
            Self::OptionalTensor
                | Self::OptionalChangedTensor
                | Self::OptionalDouble
                | Self::OptionalInt64
                | Self::OptionalBool
                | Self::OptionalInt64s
                | Self::OptionalDoubles
                | Self::OptionalDType
                | Self::Generator
                | Self::OptionalGenerator
        )
    }
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Nothing: it changes its first parameter.
    InPlace,
    Tensor,
    Tensors,
    /// A struct of `results.rs`, by its name.
    Fields(String),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: ParameterType,
}

/// The names that the types of a signature may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The enumerations of `options.rs`.
    pub(crate) choices: BTreeSet<String>,
    /// The structs of `results.rs`.
    pub(crate) results: BTreeSet<String>,
}

/// The signature of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    /// The name in C, which is another one where an older form of the export has the first.
    pub(crate) c_name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
}

/// Whether a function is an operation: it returns a `Result`.
pub(crate) fn is_operation(function: &ItemFn) -> bool {
    matches!(function.vis, syn::Visibility::Public(_)) && returned(&function.sig).starts_with("Result<")
}

impl Signature {
    /// Reads a signature; an error says which type is not known.
    pub(crate) fn parse(function: &ItemFn, known: &Known) -> Result<Self> {
        let name = function.sig.ident.unraw().to_string();
        if let Some(generic) = function.sig.generics.type_params().next() {
            return Err(format!("an operation has no type parameters, and this has `{}`", generic.ident));
        }
        let parameters = function.sig.inputs.iter().map(|input| parameter(input, known)).collect::<Result<Vec<_>>>()?;
        let output = match returned(&function.sig).as_str() {
            "Result<()>" => Output::InPlace,
            "Result<Tensor>" => Output::Tensor,
            "Result<Vec<Tensor>>" => Output::Tensors,
            other => match other.strip_prefix("Result<").and_then(|rest| rest.strip_suffix('>')) {
                Some(result) if known.results.contains(result) => Output::Fields(result.to_owned()),
                _ => return Err(format!("it returns `{other}`, which no operation returns")),
            },
        };
        let signature = Self { c_name: name.clone(), name, parameters, output };
        signature.check()?;
        Ok(signature)
    }

    fn check(&self) -> Result<()> {
        let first = self.parameters.first().map(|parameter| &parameter.kind);
        match (self.name.ends_with('_'), &self.output) {
            (true, Output::InPlace) if first == Some(&ParameterType::Tensor) => Ok(()),
            (true, Output::InPlace) => {
                Err("an in-place operation takes the tensor that it changes first, as `&Tensor`".into())
            }
            (true, _) => Err("a name that ends in `_` is an in-place operation, which returns `Result<()>`".into()),
            (false, Output::InPlace) => {
                Err("an operation that returns nothing is in place, and its name ends in `_`".into())
            }
            (false, _) => Ok(()),
        }
    }

    /// Whether the operation is also a method: its first parameter is the tensor `input`.
    pub(crate) fn is_method(&self) -> bool {
        self.parameters.first().is_some_and(|first| first.kind == ParameterType::Tensor && first.name == "input")
    }

    /// Whether the operation changes its first parameter.
    pub(crate) fn is_in_place(&self) -> bool {
        self.output == Output::InPlace
    }

    /// The name as Rust writes it: `r#where`.
    pub(crate) fn rust_name(&self) -> String {
        let is_keyword = syn::parse_str::<syn::Ident>(&self.name).is_err();
        if is_keyword { format!("r#{}", self.name) } else { self.name.clone() }
    }

    /// The name of the C function.
    pub(crate) fn symbol(&self) -> String {
        format!("candle_tensor_{}", self.c_name)
    }
}

/// The type that a function returns.
pub(crate) fn returned(function: &syn::Signature) -> String {
    match &function.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, kind) => text(kind),
    }
}

/// A type as text without spaces and lifetimes' noise, so that formatting does not matter.
pub(crate) fn text(kind: &syn::Type) -> String {
    quote::quote!(#kind).to_string().replace(' ', "")
}

/// Reads a parameter.
pub(crate) fn parameter(input: &FnArg, known: &Known) -> Result<Parameter> {
    let FnArg::Typed(typed) = input else {
        return Err("an operation is a free function, and this has `self`".into());
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err("a parameter is a plain name".into());
    };
    let name = pattern.ident.to_string();
    let kind = match text(&typed.ty).as_str() {
        "&Tensor" => ParameterType::Tensor,
        "Option<&Tensor>" => ParameterType::OptionalTensor,
        "&mutTensor" => ParameterType::ChangedTensor,
        "Option<&mutTensor>" => ParameterType::OptionalChangedTensor,
        "&[&Tensor]" => ParameterType::Tensors,
        "f64" => ParameterType::Double,
        "i64" => ParameterType::Int64,
        "usize" => ParameterType::Size,
        "bool" => ParameterType::Bool,
        "Option<f64>" => ParameterType::OptionalDouble,
        "Option<i64>" => ParameterType::OptionalInt64,
        "Option<bool>" => ParameterType::OptionalBool,
        "&[i64]" => ParameterType::Int64s,
        "Option<&[i64]>" => ParameterType::OptionalInt64s,
        "&[f64]" => ParameterType::Doubles,
        "Option<&[f64]>" => ParameterType::OptionalDoubles,
        "Padding<'_>" => ParameterType::Padding,
        "DType" => ParameterType::DType,
        "Option<DType>" => ParameterType::OptionalDType,
        "Device" => ParameterType::Device,
        "&Generator" => ParameterType::Generator,
        "Option<&Generator>" => ParameterType::OptionalGenerator,
        other if known.choices.contains(other) => ParameterType::Choice(other.to_owned()),
        other => {
            return Err(format!(
                "the parameter `{name}` is a `{other}`, which cannot cross the ABI; the known types are in crates/xtask/src/signature.rs"
            ));
        }
    };
    Ok(Parameter { name, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<Signature> {
        let known = Known { choices: ["Reduction".to_owned()].into(), results: ["ValuesAndIndices".to_owned()].into() };
        Signature::parse(&syn::parse_str(source).expect("a function"), &known)
    }

    #[test]
    fn types_are_recognised_however_they_are_formatted() {
        let signature =
            parse("pub fn sum(input: &Tensor, dim: Option<&[i64]>, r: Reduction) -> Result<Vec<Tensor>> {}")
                .expect("known");
        assert_eq!(signature.parameters[1].kind, ParameterType::OptionalInt64s);
        assert_eq!(signature.parameters[2].kind, ParameterType::Choice("Reduction".into()));
        assert_eq!(signature.output, Output::Tensors);
        assert!(signature.is_method());
    }

    #[test]
    fn types_with_lifetimes_and_mutable_references_are_recognised() {
        let signature = parse(
            "pub fn norm(input: &Tensor, mean: Option<&mut Tensor>, var: &mut Tensor, padding: Padding<'_>, training: Option<bool>, scales: Option<&[f64]>) -> Result<Tensor> {}",
        )
        .expect("known");
        let kinds: Vec<_> = signature.parameters.into_iter().map(|parameter| parameter.kind).collect();
        let expected = [
            ParameterType::Tensor,
            ParameterType::OptionalChangedTensor,
            ParameterType::ChangedTensor,
            ParameterType::Padding,
            ParameterType::OptionalBool,
            ParameterType::OptionalDoubles,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn an_unknown_type_is_named() {
        assert!(parse("pub fn f(x: Vec<f32>) -> Result<Tensor> {}").is_err_and(|message| message.contains("Vec<f32>")));
        assert!(parse("pub fn f(x: f64) -> Result<String> {}").is_err_and(|message| message.contains("String")));
    }

    #[test]
    fn in_place_and_underscore_go_together() {
        assert!(parse("pub fn add_(input: &Tensor) -> Result<()> {}").is_ok());
        assert!(parse("pub fn add(input: &Tensor) -> Result<()> {}").is_err());
        assert!(parse("pub fn add_(input: &Tensor) -> Result<Tensor> {}").is_err());
    }
}
