//! What all generated functions share: a structure of options, a head, and a body that calls C.

use super::names::exported;
use super::parameter::Given;
use super::{comment, list};
use crate::Result;
use crate::source::Choice;
use std::fmt::Write;

/// A function of Go that calls one of C.
pub(super) struct Function<'a> {
    /// Its name.
    pub(super) name: String,
    /// The type of its options, where it has any.
    pub(super) options: String,
    /// What errors call it.
    pub(super) operation: &'a str,
    pub(super) documentation: Vec<String>,
    /// The C function.
    pub(super) symbol: String,
    pub(super) parameters: &'a [Given],
    /// Whether its first parameter is its receiver.
    pub(super) is_method: bool,
    /// The type of what it gives besides an error.
    pub(super) returns: Returns<'a>,
}

/// What a function gives.
pub(super) enum Returns<'a> {
    Nothing,
    Tensor,
    Tensors,
    Module,
    /// A structure of tensors: its name, its fields.
    Fields(&'a str, Vec<String>),
}

impl Function<'_> {
    /// The function and its options.
    pub(super) fn write(&self, text: &mut String, choices: &[Choice]) -> Result<()> {
        let has_options = self.parameters.iter().any(|parameter| parameter.is_option);
        if has_options {
            let _ = writeln!(text, "\n// {} are the options of {}.\ntype {0} struct {{", self.options, self.name);
            for option in self.parameters.iter().filter(|parameter| parameter.is_option) {
                comment(text, "\t", &[option.about()]);
                let _ = writeln!(text, "\t{} {}", option.called(), option.type_name());
            }
            text.push_str("}\n");
        }
        text.push('\n');
        comment(text, "", &self.documentation);
        self.head(text, has_options);
        let _ = writeln!(text, "\tvar cx call");
        if has_options {
            let _ = writeln!(text, "\to := one(&cx, options)");
        }
        let (mut lines, mut given) = (Vec::new(), Vec::new());
        for parameter in self.parameters {
            let (before, arguments) = parameter.code(choices)?;
            lines.extend(before);
            given.extend(arguments);
        }
        for line in &lines {
            let _ = writeln!(text, "\t{line}");
        }
        if has_options || !lines.is_empty() {
            let nothing = match &self.returns {
                Returns::Nothing => "cx.err".to_owned(),
                Returns::Fields(name, _) => format!("{name}{{}}, cx.err"),
                Returns::Tensor | Returns::Tensors | Returns::Module => "nil, cx.err".to_owned(),
            };
            let _ = writeln!(text, "\tif cx.failed({:?}) {{\n\t\treturn {nothing}\n\t}}", self.operation);
        }
        self.call(text, given);
        text.push_str("}\n");
        Ok(())
    }

    fn head(&self, text: &mut String, has_options: bool) {
        let mut words = Vec::new();
        let positional: Vec<&Given> = self.parameters.iter().filter(|parameter| !parameter.is_option).collect();
        let positional = &positional[usize::from(self.is_method)..];
        for (at, parameter) in positional.iter().enumerate() {
            let kind = parameter.type_name();
            let is_shared = positional.get(at + 1).is_some_and(|next| next.type_name() == kind);
            words.push(if is_shared { parameter.called() } else { format!("{} {kind}", parameter.called()) });
        }
        if has_options {
            words.push(format!("options ...{}", self.options));
        }
        let receiver =
            if self.is_method { format!("({} *Tensor) ", self.parameters[0].called()) } else { String::new() };
        let returns = match &self.returns {
            Returns::Nothing => "error".to_owned(),
            Returns::Tensor => "(*Tensor, error)".to_owned(),
            Returns::Tensors => "([]*Tensor, error)".to_owned(),
            Returns::Module => "(*Module, error)".to_owned(),
            Returns::Fields(name, _) => format!("({name}, error)"),
        };
        text.push_str(&list("", &format!("func {receiver}{}", self.name), &words, &format!(" {returns} {{")));
    }

    fn call(&self, text: &mut String, mut given: Vec<String>) {
        let call = format!("C.{}", super::shims::name(&self.symbol));
        match &self.returns {
            Returns::Nothing => text.push_str(&list("\t", &format!("return cx.finish({call}"), &given, ")")),
            Returns::Tensor => text.push_str(&list("\t", &format!("return cx.tensorFrom({call}"), &given, ")")),
            Returns::Module => text.push_str(&list("\t", &format!("return cx.moduleFrom({call}"), &given, ")")),
            Returns::Tensors => {
                text.push_str("\treturn cx.tensorsFrom(func(room list) C.candle_go_result {\n");
                given.extend(["room.outputs", "room.capacity", "room.count"].map(str::to_owned));
                text.push_str(&list("\t\t", &format!("return {call}"), &given, ""));
                text.push_str("\t})\n");
            }
            Returns::Fields(name, fields) => {
                text.push_str(&list("\t", &format!("out, err := cx.severalFrom({call}"), &given, ")"));
                let fields: Vec<String> =
                    fields.iter().enumerate().map(|(at, field)| format!("{}: out[{at}]", exported(field))).collect();
                let _ = writeln!(text, "\treturn {name}{{{}}}, err", fields.join(", "));
            }
        }
    }
}
