//! `optimizers.hpp`: the options of each optimizer, and a function that makes it.

use super::{comment, ending, fill, name, opening};
use crate::optimizers::{Constructor, Optimizers, Options, is_internal};
use std::fmt::Write;

/// The header.
pub(crate) fn header(optimizers: &Optimizers) -> String {
    let mut out = opening(
        &["The optimizers: the options of each, and a function that makes it."],
        "crates/candle-ffi/src/optimizers.rs and optimizer_options.rs",
        "optimizers",
        &["<candle_ffi/optimizer.hpp>"],
    );
    out += "\n/// Optimizers; each function makes one.\nnamespace candle::optim {\n";
    for (constructor, options) in optimizers.pairs() {
        optimizer(&mut out, constructor, options);
    }
    out += "\n}  // namespace candle::optim\n";
    out + &ending("optimizers")
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
        let text = header(&optimizers);
        assert!(text.contains(
            "    /// The rate.\n    double lr = 1e-3;\n    /// True to climb.\n    bool maximize = false;\n};"
        ));
        assert!(!text.contains("candle_look"));
        assert!(text.contains("CandleSgdOptions given = CANDLE_SGD_OPTIONS_INIT;\n    given.lr = options.lr;"));
        assert!(text.contains("candle_sgd_new(handles.data(), handles.size(), &given, &out, call.error())"));
    }
}
