//! The optimizers of the ABI crate: their options, and the functions that make them.

use crate::docs::lines;
use crate::signature::text;
use syn::{FnArg, Item};

/// A structure of options and the function that takes it.
#[derive(Default)]
pub(crate) struct Optimizers {
    options: Vec<Options>,
    constructors: Vec<Constructor>,
}

/// A structure of options.
pub(crate) struct Options {
    /// The type in C.
    pub(crate) kind: String,
    /// Members: type in C, name, comment.
    pub(crate) members: Vec<(String, String, String)>,
}

/// A function that makes an optimizer.
pub(crate) struct Constructor {
    pub(crate) symbol: String,
    /// The type of its options in C.
    options: String,
    pub(crate) docs: Vec<String>,
}

impl Optimizers {
    /// Reads a source file of the ABI crate.
    pub(crate) fn read(&mut self, file: &syn::File) {
        for item in &file.items {
            match item {
                Item::Struct(item) if item.ident.to_string().ends_with("Options") => {
                    let members = item.fields.iter().filter_map(|field| {
                        let name = field.ident.as_ref()?.to_string();
                        Some((text(&field.ty), name, lines(&field.attrs).join(" ")))
                    });
                    self.options.push(Options { kind: item.ident.to_string(), members: members.collect() });
                }
                Item::Fn(function) => {
                    let kinds = function.sig.inputs.iter().filter_map(|input| match input {
                        FnArg::Typed(typed) => Some(text(&typed.ty)),
                        FnArg::Receiver(_) => None,
                    });
                    let symbol = function.sig.ident.to_string();
                    let options = kinds
                        .filter_map(|kind| Some(kind.strip_prefix("*const")?.to_owned()))
                        .find(|kind| kind.starts_with("Candle") && kind.ends_with("Options"));
                    // The profiler has options too.
                    if let Some(options) = options.filter(|_| symbol.starts_with("candle_") && symbol.ends_with("_new"))
                    {
                        self.constructors.push(Constructor { symbol, options, docs: lines(&function.attrs) });
                    }
                }
                _ => {}
            }
        }
    }

    /// The constructors, each with its options.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Constructor, &Options)> {
        self.constructors.iter().filter_map(|constructor| {
            let options = self.options.iter().find(|options| options.kind == constructor.options)?;
            Some((constructor, options))
        })
    }
}

/// Whether a member is none of the user's.
pub(crate) fn is_internal(name: &str) -> bool {
    name == "struct_size" || name == "reserved"
}
