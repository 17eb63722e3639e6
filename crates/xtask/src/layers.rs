//! The layers of `candle-ffi-core`: reading their constructors, and writing the exports
//! `crates/candle-ffi/src/layers/*.rs`.

use crate::Result;
use crate::docs::{Docs, lines, trim};
use crate::rust_exports::{
    Paragraphs, argument, conversion, doc, forward, imports, is_pointer, marker, may_be_null, rust_parameters, snake,
};
use crate::signature::{Known, Parameter, ParameterType, parameter, returned, text};
use crate::source::Source;
use std::collections::BTreeSet;
use std::fmt::Write;
use syn::ext::IdentExt;
use syn::{FnArg, ImplItem, Item, ItemFn, Visibility};

/// A file of layers.
#[derive(Debug)]
pub(crate) struct LayersFile {
    /// The name without `.rs`.
    pub(crate) name: String,
    /// The `//!` comment.
    pub(crate) introduction: Vec<String>,
    pub(crate) layers: Vec<Layer>,
}

/// A layer: how it is made.
#[derive(Debug)]
pub(crate) struct Layer {
    /// The name in C, such as `batch_norm2d`.
    pub(crate) name: String,
    /// What makes it: `BatchNorm2d::new`, or the function of a layer without state.
    constructor: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) docs: Docs,
}

/// An argument of a constructor.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// One that operations have too.
    Plain(Parameter),
    /// `&Factory`: crosses as dtype, device and generator.
    Factory,
    /// `&SharedModule`, or `Option<&SharedModule>`.
    Module { name: String, optional: bool },
}

impl Layer {
    /// PyTorch's class, which names the operation of an error; or the type's name where it has none there.
    pub(crate) fn class(&self) -> &str {
        let pytorch = self.docs.pytorch.trim_matches('`');
        match pytorch.strip_prefix("torch.nn.") {
            Some(class) if class.chars().all(char::is_alphanumeric) => class,
            _ => self.constructor.split("::").next().unwrap_or_default(),
        }
    }

    /// Whether it makes weights. Of other layers Python, where layers compute themselves, needs no handle.
    pub(crate) fn makes_weights(&self) -> bool {
        self.arguments.iter().any(|argument| match argument {
            Argument::Factory => true,
            Argument::Plain(parameter) => {
                matches!(parameter.kind, ParameterType::DType | ParameterType::OptionalDType)
            }
            Argument::Module { .. } => false,
        })
    }

    /// Whether it is kept for those who call it, and another export has all options.
    pub(crate) fn is_older(&self) -> bool {
        self.docs.older.as_ref().is_some_and(|older| older.name == self.name)
    }

    /// The name of the C function.
    pub(crate) fn symbol(&self) -> String {
        format!("candle_{}_new", self.name)
    }
}

/// Reads a file of `nn`. There are layers of two forms: a type that has `pub fn new(…) -> Result<Self>` and
/// is a `Module`, and a function that returns `Result<Function>`.
pub(crate) fn layers_file(name: &str, file: &syn::File, known: &Known) -> Result<LayersFile> {
    let modules: BTreeSet<String> = file.items.iter().filter_map(module_type).collect();
    let mut layers = Vec::new();
    for item in &file.items {
        match item {
            Item::Fn(function) if is_public(&function.vis) && returned(&function.sig) == "Result<Function>" => {
                let name = function.sig.ident.unraw().to_string();
                layers.extend(layer(&name, name.clone(), function, known)?);
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let kind = text(&item.self_ty);
                for function in &item.items {
                    let ImplItem::Fn(function) = function else { continue };
                    if function.sig.ident != "new" || returned(&function.sig) != "Result<Self>" {
                        continue;
                    }
                    // A macro may implement the trait: then the documentation tells a layer.
                    if !modules.contains(&kind) && !lines(&function.attrs).iter().any(|line| line == "# PyTorch") {
                        continue;
                    }
                    let function = ItemFn {
                        attrs: function.attrs.clone(),
                        vis: function.vis.clone(),
                        sig: function.sig.clone(),
                        block: Box::new(function.block.clone()),
                    };
                    layers.extend(layer(&snake(&kind), format!("{kind}::new"), &function, known)?);
                }
            }
            _ => {}
        }
    }
    let introduction = trim(lines(&file.attrs));
    if introduction.is_empty() && !layers.is_empty() {
        return Err("the file has no `//!` comment, which becomes the introduction of its section".into());
    }
    Ok(LayersFile { name: name.to_owned(), introduction, layers })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The type that an item makes a `Module`.
fn module_type(item: &Item) -> Option<String> {
    let Item::Impl(item) = item else { return None };
    let (_, path, _) = item.trait_.as_ref()?;
    path.is_ident("Module").then(|| text(&item.self_ty))
}

/// Reads a layer, and the older form of its export where there is one.
fn layer(name: &str, constructor: String, function: &ItemFn, known: &Known) -> Result<Vec<Layer>> {
    read_layer(name, constructor.clone(), function, known)
        .map_err(|error| format!("the layer `{constructor}`: {error}"))
}

fn read_layer(name: &str, constructor: String, function: &ItemFn, known: &Known) -> Result<Vec<Layer>> {
    let docs = Docs::parse(&function.attrs)?;
    if docs.summary.is_empty() {
        return Err("it has no documentation: a sentence that says what it does".into());
    }
    if docs.pytorch.is_empty() {
        return Err("its documentation has no `# PyTorch` section with the name there".into());
    }
    let arguments: Vec<Argument> =
        function.sig.inputs.iter().map(|input| layer_argument(input, known)).collect::<Result<_>>()?;
    if arguments.iter().rev().skip(1).any(|argument| matches!(argument, Argument::Factory)) {
        return Err("the `&Factory` is not its last parameter".into());
    }
    for (name, _) in &docs.defaults {
        let is_it = |argument: &Argument| match argument {
            Argument::Plain(parameter) => parameter.name == *name,
            Argument::Module { name: module, .. } => module == name,
            Argument::Factory => false,
        };
        if !arguments.iter().any(is_it) {
            return Err(format!("`# Defaults` names `{name}`, which is no parameter"));
        }
    }
    let Some(older) = docs.older.clone() else {
        return Ok(vec![Layer { name: name.to_owned(), constructor, arguments, docs }]);
    };
    let mut shorter = arguments.clone();
    for argument in &mut shorter {
        if let Argument::Plain(parameter) = argument
            && let Some(value) = older.fixed(&parameter.name, &docs)?
        {
            parameter.kind = ParameterType::Fixed(value);
        }
    }
    Ok(vec![
        Layer { name: older.name, constructor: constructor.clone(), arguments: shorter, docs: docs.clone() },
        Layer { name: older.full, constructor, arguments, docs },
    ])
}

fn layer_argument(input: &FnArg, known: &Known) -> Result<Argument> {
    if let FnArg::Typed(typed) = input
        && let syn::Pat::Ident(pattern) = &*typed.pat
    {
        let name = pattern.ident.to_string();
        match text(&typed.ty).as_str() {
            "&Factory" => return Ok(Argument::Factory),
            "&SharedModule" => return Ok(Argument::Module { name, optional: false }),
            "Option<&SharedModule>" => return Ok(Argument::Module { name, optional: true }),
            _ => {}
        }
    }
    parameter(input, known).map(Argument::Plain)
}

/// `layers/mod.rs`.
pub(crate) fn module(source: &Source) -> String {
    let mut text = String::from("//! One constructor for each layer of `candle-ffi-core`, file by file.\n");
    text += &marker("crates/candle-ffi-core/src/nn");
    for file in &source.layers {
        let _ = writeln!(text, "pub mod {};", file.name);
    }
    text
}

/// `layers/<file>.rs`.
pub(crate) fn file(file: &LayersFile, source: &Source) -> String {
    let mut body = String::new();
    for layer in &file.layers {
        function(&mut body, layer);
    }
    let mut text: String =
        file.introduction.iter().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect();
    text += &marker(&format!("crates/candle-ffi-core/src/nn/{}.rs", file.name));
    text += &imports(&body, source, "nn");
    text + &body
}

fn function(text: &mut String, layer: &Layer) {
    doc(text, &comment(layer));
    text.push_str("#[unsafe(no_mangle)]\n");
    let mut parameters: Vec<String> = Vec::new();
    for argument in &layer.arguments {
        match argument {
            Argument::Plain(parameter) => parameters.extend(rust_parameters(parameter, false)),
            Argument::Module { name, .. } => parameters.push(format!("{name}: *const CandleModule")),
            Argument::Factory => parameters.extend(
                [
                    "dtype: CandleDType",
                    "device: CandleDeviceKind",
                    "device_index: i32",
                    "generator: *const CandleGenerator",
                ]
                .map(str::to_owned),
            ),
        }
    }
    parameters.extend(["out: *mut *mut CandleModule", "error: *mut *mut CandleError"].map(str::to_owned));
    let _ = write!(
        text,
        "pub unsafe extern \"C\" fn {}({}) -> CandleStatus {{\n{}\n\
         // SAFETY: the caller keeps the contract of the header.\nunsafe {{\n\
         guard(error, \"{}\", || {{\nlet out = output(out, \"out\")?;\n",
        layer.symbol(),
        parameters.join(", "),
        forward(&layer.symbol(), &parameters),
        layer.class(),
    );
    for pointers in [true, false] {
        for argument in &layer.arguments {
            for line in conversions(argument, pointers) {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    let arguments: Vec<String> = layer
        .arguments
        .iter()
        .map(|given| match given {
            Argument::Plain(parameter) => argument(parameter),
            Argument::Module { name, optional: false } => format!("&{name}.module"),
            Argument::Module { name, optional: true } => format!("{name}.as_ref().map(|layer| &layer.module)"),
            Argument::Factory => "&factory".to_owned(),
        })
        .collect();
    let call = format!("nn::{}({})", layer.constructor, arguments.join(", "));
    let _ = write!(text, "out.put(Layer::new({call}?));\nOk(())\n}})\n}}\n}}\n\n");
}

/// The lines that check an argument: of pointers, or of values.
fn conversions(argument: &Argument, pointers: bool) -> Vec<String> {
    match argument {
        Argument::Plain(parameter) if is_pointer(&parameter.kind) == pointers => {
            conversion(parameter, None, false).into_iter().collect()
        }
        Argument::Module { name, optional } if pointers => {
            let borrow = if *optional { "borrow_optional" } else { "borrow" };
            vec![format!("let {name} = {borrow}({name}, \"{name}\")?;")]
        }
        Argument::Factory if pointers => vec!["let generator = borrow_optional(generator, \"generator\")?;".to_owned()],
        Argument::Factory => vec![
            "let (dtype, device) = (dtype_optional(dtype, \"dtype\")?, device_of(device, device_index)?);".to_owned(),
            "let factory = Factory::new(dtype, device, generator.as_deref());".to_owned(),
        ],
        _ => Vec::new(),
    }
}

fn comment(layer: &Layer) -> Vec<String> {
    let docs = &layer.docs;
    let mut lines = Paragraphs::new(docs.summary.clone());
    lines.add(docs.text.clone());
    let optional: Vec<String> = layer
        .arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Plain(parameter) => may_be_null(&parameter.kind).then_some(parameter.name.as_str()),
            Argument::Module { name, optional } => optional.then_some(name.as_str()),
            Argument::Factory => Some("generator"),
        })
        .map(|name| format!("`{name}` may be NULL."))
        .collect();
    lines.add(if optional.is_empty() { Vec::new() } else { vec![optional.join(" ")] });
    lines.add_older(docs, &layer.name);
    lines.add_errors(docs);
    let is_fixed = |name: &str| {
        layer.arguments.iter().any(|argument| match argument {
            Argument::Plain(parameter) => parameter.name == name && matches!(parameter.kind, ParameterType::Fixed(_)),
            _ => false,
        })
    };
    let defaults: Vec<String> = docs
        .defaults
        .iter()
        .filter(|(name, _)| !is_fixed(name))
        .map(|(name, value)| format!("{name} = {}", c_value(value)))
        .collect();
    let defaults = if defaults.is_empty() { String::new() } else { format!("; {}", defaults.join(", ")) };
    lines.add(vec![format!("PyTorch: {}{defaults}", docs.pytorch)]);
    lines.lines
}

/// A default of Python as C has it.
fn c_value(value: &str) -> &str {
    match value {
        "True" => "1",
        "False" => "0",
        "None" => "NULL",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<LayersFile> {
        layers_file("linear", &syn::parse_file(source).expect("Rust"), &Known::default())
    }

    const LINEAR: &str = "//! Maps.\nimpl Linear {\n/// A map.\n///\n/// # Defaults\n/// bias = True\n///\n/// # PyTorch\n\
        /// `torch.nn.Linear`\npub fn new(size: i64, bias: bool, factory: &Factory) -> Result<Self> {}\n}\n\
        impl Module for Linear {}";

    #[test]
    fn types_and_functions_are_layers() {
        let file = parse(&format!(
            "{LINEAR}\n/// The identity.\n///\n/// # PyTorch\n/// `torch.nn.Identity`\n\
             pub fn identity() -> Result<Function> {{}}\nimpl Helper {{ pub fn new() -> Result<Self> {{}} }}"
        ))
        .expect("well formed");
        let names: Vec<_> = file.layers.iter().map(|layer| (layer.symbol(), layer.class().to_owned())).collect();
        let expected = [("candle_linear_new", "Linear"), ("candle_identity_new", "Identity")];
        assert_eq!(names, expected.map(|(symbol, class)| (symbol.to_owned(), class.to_owned())));
    }

    #[test]
    fn a_factory_crosses_as_dtype_device_and_generator() {
        let file = parse(LINEAR).expect("well formed");
        let mut text = String::new();
        function(&mut text, &file.layers[0]);
        assert!(text.contains(
            "(size: i64, bias: i32, dtype: CandleDType, device: CandleDeviceKind, device_index: i32, generator: *const \
             CandleGenerator, out: *mut *mut CandleModule, error: *mut *mut CandleError)"
        ));
        assert!(text.contains("out.put(Layer::new(nn::Linear::new(size, bias != 0, &factory)?));"));
        assert!(text.contains("/// PyTorch: `torch.nn.Linear`; bias = 1"));
    }

    #[test]
    fn a_layer_without_documentation_is_named() {
        let bare = "//! L.\nimpl Conv {\npub fn new() -> Result<Self> {}\n}\nimpl Module for Conv {}";
        assert!(parse(bare).is_err_and(|error| error.contains("`Conv::new`") && error.contains("no documentation")));
        let nameless = "//! L.\n/// Identity.\npub fn identity() -> Result<Function> {}";
        assert!(parse(nameless).is_err_and(|error| error.contains("`identity`") && error.contains("# PyTorch")));
    }
}
