//! `optimizers.hpp`: the options of each optimizer, and a function that makes it.

use super::{comment, ending, fill, name, opening};
use crate::docs::lines;
use crate::signature::text;
use std::fmt::Write;
use syn::{FnArg, Item};

/// A structure of options and the function that takes it.
#[derive(Default)]
pub(crate) struct Optimizers {
    pub(crate) options: Vec<Options>,
    pub(crate) constructors: Vec<Constructor>,
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
    pub(crate) options: String,
pub(crate) struct Constructor {
    pub(crate) symbol: String,
    /// The type of its options in C.
    options: String,
    /// The type of its options in C.
    pub(crate) options: String,
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

    /// The header.
    pub(crate) fn header(&self) -> String {
        let mut out = opening(
            &["The optimizers: the options of each, and a function that makes it."],
            "crates/candle-ffi/src/optimizers.rs and optimizer_options.rs",
            "optimizers",
            &["<candle_ffi/optimizer.hpp>"],
        );
        out += "\n/// Optimizers; each function makes one.\nnamespace candle::optim {\n";
        for (constructor, options) in self.pairs() {
            optimizer(&mut out, constructor, options);
        }
        out += "\n}  // namespace candle::optim\n";
        out + &ending("optimizers")
    }
}

/// Whether a member is none of the user's.
pub(crate) fn is_internal(name: &str) -> bool {
    name == "struct_size" || name == "reserved"
}

fn optimizer(out: &mut String, constructor: &Constructor, options: &Options) {
    let kind = options.kind.trim_start_matches("Candle");
    let called = constructor.symbol.trim_start_matches("candle_").trim_end_matches("_new");
    let _ = write!(out, "\n/// Options of `{called}`.\nstruct {kind} {{\n");
    let members: Vec<_> = options.members.iter().filter(|(_, name, _)| !is_internal(name)).collect();
    for (kind, member, docs) in &members {
        let (docs, default) = docs.split_once(" Default: `").unwrap_or((docs, "0`"));
        let default = default.split('`').next().unwrap_or("0");
        let (kind, default) = match (kind.as_str(), default) {
            ("i32", "0") => ("bool", "false"),
            ("i32", _) => ("bool", "true"),
            ("i64", value) => ("std::int64_t", value),
            (_, value) => ("double", value),
        };
        let docs = docs.strip_prefix("1 ").map_or_else(|| docs.to_owned(), |rest| format!("True {rest}"));
        comment(out, "    ", &fill(&docs));
        let _ = writeln!(out, "    {kind} {} = {default};", name(member));
    }
    *out += "};\n\n";
    let docs: Vec<String> = constructor.docs.iter().take_while(|line| !line.is_empty()).cloned().collect();
    comment(out, "", &fill(&docs.join(" ")));
    let _ = write!(
        out,
        "inline Optimizer {}(Span<const Tensor> params, const {kind} &options = {{}}) {{\n    \
         {} given = {}_INIT;\n",
        name(called),
        options.kind,
        crate::rust_exports::snake(&options.kind).to_uppercase(),
    );
    for (_, member, _) in &members {
        let _ = writeln!(out, "    given.{member} = options.{};", name(member));
    }
    let _ = write!(
        out,
        "    const detail::Handles handles(params);\n    detail::Call call;\n    CandleOptimizer *out = nullptr;\n    \
         call.check({}(handles.data(), handles.size(), &given, &out, call.error()));\n    \
         return Optimizer::adopt(out);\n}}\n",
        constructor.symbol,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_members_with_defaults() {
        let file = syn::parse_file(
            "pub struct CandleSgdOptions { /// Size. Default: `1`.\n pub struct_size: usize,\n\
             /// The rate. Default: `1e-3`.\n pub lr: f64,\n/// 1 to climb. Default: `0`.\n pub maximize: i32 }\n\
             /// Makes it.\npub extern \"C\" fn candle_sgd_new(options: *const CandleSgdOptions) {}\n\
             pub extern \"C\" fn candle_look(options: *const CandleSgdOptions) {}",
        );
        let mut optimizers = Optimizers::default();
        optimizers.read(&file.expect("Rust"));
        let text = optimizers.header();
        assert!(text.contains(
            "    /// The rate.\n    double lr = 1e-3;\n    /// True to climb.\n    bool maximize = false;\n};"
        ));
        assert!(!text.contains("candle_look"));
        assert!(text.contains("CandleSgdOptions given = CANDLE_SGD_OPTIONS_INIT;\n    given.lr = options.lr;"));
        assert!(text.contains("candle_sgd_new(handles.data(), handles.size(), &given, &out, call.error())"));
    }
}
