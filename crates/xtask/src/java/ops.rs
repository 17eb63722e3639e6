//! `Operations.java`, a static method for each operation; `TensorMethods.java`, those whose first parameter is the
//! tensor as methods of it; `Options.java`, what may be left out.
//!
//! One rule for all: what must be given stands in PyTorch's order, all else is in an object of options, and there
//! is a method without that object.

use super::Java;
use super::docs::{comment, documentation};
use super::options::{Field, class};
use super::parameter::{arguments, kind, variable};
use super::{camel, list, opening, pascal};
use crate::Result;
use crate::defaults::default;
use crate::signature::{Output, Parameter, ParameterType};
use crate::source::{Operation, Source};
use std::fmt::Write;

/// An operation as Java has it.
struct Method<'a> {
    operation: &'a Operation,
    /// Whether each parameter must be given.
    required: Vec<bool>,
    options: Vec<Field>,
    /// The required tensor in whose place a number may stand.
    number: Option<usize>,
}

/// How a method is written.
#[derive(Clone, Copy)]
struct Form<'a> {
    with_options: bool,
    /// The type of a number in the place of a tensor.
    number: Option<&'a str>,
    /// Whether the last list is one number.
    single: bool,
}

impl<'a> Method<'a> {
    fn new(operation: &'a Operation, source: &Source, file: &str) -> Result<Self> {
        let signature = &operation.signature;
        let (mut required, mut options) = (Vec::new(), Vec::new());
        for parameter in &signature.parameters {
            let field = Field::of(parameter, &operation.docs.defaults, &source.choices)
                .map_err(|error| format!("the function `{}`: {error}", signature.name))?;
            required.push(default::<Java>(parameter, &operation.docs.defaults, &source.choices)?.is_none());
            options.extend(field);
        }
        let is_tensor = |at: &usize| signature.parameters[*at].kind == ParameterType::Tensor && required[*at];
        let last = (1..signature.parameters.len()).rev().find(is_tensor);
        // Products take no numbers.
        let number = last.filter(|&at| match signature.parameters[at].name.as_str() {
            "other" => file != "matmul",
            "value" => signature.is_method(),
            _ => false,
        });
        Ok(Self { operation, required, options, number })
    }

    /// The class of its options.
    fn options_class(&self) -> String {
        format!("{}Options", pascal(&self.operation.signature.name))
    }

    /// The parameters that must be given, without the first ones.
    fn given(&self, skip: usize) -> Vec<(usize, &Parameter)> {
        let parameters = self.operation.signature.parameters.iter().enumerate();
        parameters.filter(|(at, _)| self.required[*at]).skip(skip).collect()
    }

    /// The forms there are: without and with options, with numbers, with one number for a list.
    fn forms(&self) -> Vec<Form<'static>> {
        let mut forms = Vec::new();
        for with_options in [false, true] {
            if with_options && self.options.is_empty() {
                continue;
            }
            forms.push(Form { with_options, number: None, single: false });
            let lists = self.given(0).iter().filter(|(_, parameter)| kind(&parameter.kind).ends_with("[]")).count();
            let last = self.given(0).last().is_some_and(|(_, parameter)| kind(&parameter.kind).ends_with("[]"));
            if with_options && lists == 1 && last {
                forms.push(Form { with_options, number: None, single: true });
            }
            if self.number.is_some() {
                forms.push(Form { with_options, number: Some("double"), single: false });
                forms.push(Form { with_options, number: Some("long"), single: false });
            }
        }
        forms
    }

    fn returns(&self) -> &str {
        match &self.operation.signature.output {
            Output::InPlace | Output::Tensor => "Tensor",
            Output::Tensors => "List<Tensor>",
            Output::Fields(name) => name,
        }
    }

    /// Declarations of the parameters of a form.
    fn parameters(&self, skip: usize, form: Form<'_>) -> Vec<String> {
        let given = self.given(skip);
        let mut declared: Vec<String> = given
            .iter()
            .enumerate()
            .map(|(position, (at, parameter))| {
                let is_last = position + 1 == given.len();
                let kind = match (form.number.filter(|_| Some(*at) == self.number), kind(&parameter.kind)) {
                    (Some(number), _) => number.to_owned(),
                    (None, kind) if is_last && form.single => kind.trim_end_matches("[]").to_owned(),
                    (None, kind) if is_last && !form.with_options => variable(kind),
                    (None, kind) => kind.to_owned(),
                };
                format!("{kind} {}", camel(&parameter.name))
            })
            .collect();
        if form.with_options {
            declared.push(format!("Options.{} options", self.options_class()));
        }
        declared
    }

    /// The names of the parameters of a form, with something else for one of them.
    fn names(
        &self,
        skip: usize,
        form: Form<'_>,
        options: Option<&str>,
        instead: impl Fn(usize) -> Option<String>,
    ) -> Vec<String> {
        let mut names: Vec<String> = self
            .given(skip)
            .iter()
            .map(|(at, parameter)| instead(*at).unwrap_or_else(|| camel(&parameter.name)))
            .collect();
        names.extend(options.filter(|_| form.with_options).map(str::to_owned));
        names
    }

    fn comment(&self, text: &mut String, form: Form<'_>) {
        let names: Vec<&str> = self.operation.signature.parameters.iter().map(|p| p.name.as_str()).collect();
        let lines = if form.number.is_some() || form.single || form.with_options == self.options.is_empty() {
            vec![self.operation.docs.summary.clone()]
        } else {
            documentation(&self.operation.docs, &names)
        };
        comment(text, "    ", &lines);
    }

    /// The static methods.
    fn functions(&self, text: &mut String, source: &Source) {
        for form in self.forms() {
            let called = camel(&self.operation.signature.name);
            text.push('\n');
            self.comment(text, form);
            let head = format!("public static {} {called}", self.returns());
            *text += &list("    ", &head, &self.parameters(0, form), " {");
            let whole = form.with_options != self.options.is_empty();
            if let (Some(_), Some(number)) = (form.number, self.number) {
                let given = camel(&self.operation.signature.parameters[number].name);
                let names = self.names(0, form, Some("options"), |at| (at == number).then(|| "number".to_owned()));
                let _ = writeln!(text, "        try (Tensor number = Candle.scalar({given})) {{");
                *text += &list("            ", &format!("return {called}"), &names, ";");
                text.push_str("        }\n");
            } else if form.single {
                let last =
                    self.given(0).last().map(|(at, parameter)| (*at, kind(&parameter.kind), camel(&parameter.name)));
                let names = self.names(0, form, Some("options"), |at| {
                    let (position, kind, name) = last.as_ref()?;
                    (at == *position).then(|| format!("new {kind} {{{name}}}"))
                });
                *text += &list("        ", &format!("return {called}"), &names, ";");
            } else if whole {
                self.body(text, source);
            } else {
                let mut names = self.names(0, form, None, |_| None);
                names.push(format!("new Options.{}()", self.options_class()));
                *text += &list("        ", &format!("return {called}"), &names, ";");
            }
            text.push_str("    }\n");
        }
    }

    /// The call into C.
    fn body(&self, text: &mut String, source: &Source) {
        let signature = &self.operation.signature;
        let mut given: Vec<String> = signature
            .parameters
            .iter()
            .enumerate()
            .flat_map(|(at, parameter)| arguments(parameter, if self.required[at] { "" } else { "options." }))
            .collect();
        let symbol = format!("CandleLibrary.{}", signature.symbol());
        text.push_str("        try (Call call = Call.begin()) {\n");
        let mut call = |more: &[String]| {
            given.extend(more.iter().cloned());
            list("            ", &format!("call.check({symbol}"), &given, ");")
        };
        match &signature.output {
            Output::InPlace => {
                *text += &call(&["call.error".to_owned()]);
                let _ = writeln!(text, "            return {};", camel(&signature.parameters[0].name));
            }
            Output::Tensor => {
                *text += &call(&["call.out".to_owned(), "call.error".to_owned()]);
                *text += "            return call.tensor();\n";
            }
            Output::Tensors => {
                given.extend(["outputs", "capacity", "count", "error"].map(str::to_owned));
                *text += "            return call.tensors((outputs, capacity, count, error) ->\n";
                *text += &list("                    ", &symbol, &given, ");");
            }
            Output::Fields(name) => {
                let fields = source.fields(name).len();
                let mut more: Vec<String> = (0..fields).map(|at| format!("call.out({at})")).collect();
                more.push("call.error".to_owned());
                *text += &call(&more);
                let tensors: Vec<String> = (0..fields).map(|at| format!("call.tensor({at})")).collect();
                *text += &list("            ", &format!("return new {name}"), &tensors, ";");
            }
        }
        text.push_str("        }\n");
    }

    /// The methods of a tensor.
    fn methods(&self, text: &mut String) {
        let called = camel(&self.operation.signature.name);
        for form in self.forms() {
            text.push('\n');
            comment(text, "    ", std::slice::from_ref(&self.operation.docs.summary));
            if called == "clone" {
                text.push_str("    @Override\n");
            }
            *text += &list("    ", &format!("public {} {called}", self.returns()), &self.parameters(1, form), " {");
            let mut names = vec!["self()".to_owned()];
            names.extend(self.names(1, form, Some("options"), |_| None));
            *text += &list("        ", &format!("return Operations.{called}"), &names, ";");
            text.push_str("    }\n");
        }
    }
}

fn methods(source: &Source) -> Result<Vec<(&str, Method<'_>)>> {
    let files = source.files.iter();
    files
        .flat_map(|file| file.operations.iter().map(move |operation| (file.name.as_str(), operation)))
        .map(|(file, operation)| Ok((file, Method::new(operation, source, file)?)))
        .collect()
}

const FROM: &str = "crates/candle-ffi-core/src/ops";

/// `Operations.java`.
pub(crate) fn operations(source: &Source) -> Result<String> {
    let mut text = opening(FROM, &["java.util.List"]);
    text += "/** The operations: a static method for each, which {@link Candle} offers. */
abstract class Operations {
    Operations() {}
";
    for (_, method) in methods(source)? {
        method.functions(&mut text, source);
    }
    Ok(text + "}\n")
}

/// `TensorMethods.java`.
pub(crate) fn tensor_methods(source: &Source) -> Result<String> {
    let mut text = opening(FROM, &["java.util.List"]);
    text += "/**
 * The operations whose first parameter is the tensor, as methods. Each is documented at the static
 * method of {@link Candle} of its name.
 */
abstract class TensorMethods extends NativeObject {
    TensorMethods(Handle handle) {
        super(handle);
    }

    private Tensor self() {
        return (Tensor) this;
    }
";
    for (_, method) in methods(source)?.iter().filter(|(_, method)| method.operation.signature.is_method()) {
        method.methods(&mut text);
    }
    Ok(text + "}\n")
}

/// `Options.java`.
pub(crate) fn options(source: &Source) -> Result<String> {
    let mut text = opening(FROM, &["java.util.List"]).replace("import java.util.List;\n\n", "");
    text += "/**
 * What operations need not be given: a class for each, with PyTorch's defaults.
 *
 * <pre>{@code x.sum(new SumOptions().dim(1).keepdim(true))}</pre>
 */
public final class Options {
    private Options() {}
";
    for (_, method) in methods(source)?.iter().filter(|(_, method)| !method.options.is_empty()) {
        let about = format!("Options of `{}`.", camel(&method.operation.signature.name));
        class(&mut text, &method.options_class(), &about, &method.options);
    }
    Ok(text + "}\n")
}
