//! `optimizers.go`: the options of each optimizer, and a function that makes it.

use super::names::exported;
use super::{comment, fill, opening};
use crate::optimizers::{Constructor, Optimizers, Options, is_internal};
use std::fmt::Write;

/// The file.
pub(crate) fn file(optimizers: &Optimizers) -> String {
    let mut text = opening("crates/candle-ffi/src/optimizers.rs and optimizer_options.rs");
    for (constructor, options) in optimizers.pairs() {
        optimizer(&mut text, constructor, options);
    }
    text
}

/// PyTorch's name of the class, which its comment ends with.
pub(super) fn class(constructor: &Constructor) -> String {
    let docs = constructor.docs.join(" ");
    let named = docs.split("PyTorch: `torch.optim.").nth(1).and_then(|rest| rest.split('`').next());
    named.map_or_else(
        || exported(constructor.symbol.trim_start_matches("candle_").trim_end_matches("_new")),
        str::to_owned,
    )
}

/// A member: its type in Go, and whether it is a pointer since zero is not its default.
fn member_type(kind: &str, default: &str) -> String {
    let name = match kind {
        "i32" => "bool",
        "i64" => "int64",
        _ => "float64",
    };
    let is_zero = default.parse::<f64>().is_ok_and(|value| value == 0.0);
    if is_zero { name.to_owned() } else { format!("*{name}") }
}

fn optimizer(text: &mut String, constructor: &Constructor, options: &Options) {
    let class = class(constructor);
    let kind = format!("{class}Options");
    let _ = writeln!(text, "\n// {kind} are the options of New{class}.\ntype {kind} struct {{");
    let mut lines = Vec::new();
    for (c_type, member, docs) in options.members.iter().filter(|(_, name, _)| !is_internal(name)) {
        let (docs, default) = docs.split_once(" Default: `").unwrap_or((docs, "0`"));
        let default = default.split('`').next().unwrap_or("0");
        let go_type = member_type(c_type, default);
        let docs = docs.replace('`', "");
        let docs = docs.strip_prefix("1 ").map_or_else(|| docs.clone(), |rest| format!("True {rest}"));
        let stated = match (c_type.as_str(), default) {
            ("i32", "0") => "False",
            ("i32", _) => "True",
            (_, value) => value,
        };
        let field = exported(member);
        comment(text, "\t", &fill(&format!("{docs} Default: {stated}.")));
        let _ = writeln!(text, "\t{field} {go_type}");
        let c_name = match c_type.as_str() {
            "i32" => "truth",
            "i64" => "C.int64_t",
            _ => "C.double",
        };
        lines.push(match go_type.starts_with('*') {
            true => format!("\tif o.{field} != nil {{\n\t\tgiven.{member} = {c_name}(*o.{field})\n\t}}\n"),
            false => format!("\tgiven.{member} = {c_name}(o.{field})\n"),
        });
    }
    let docs: Vec<String> = constructor.docs.iter().take_while(|line| !line.is_empty()).cloned().collect();
    let docs = docs.join(" ");
    let docs = docs.split(" PyTorch: `").next().unwrap_or(&docs).replace('`', "");
    let docs = docs.strip_prefix("Makes ").unwrap_or(&docs);
    text.push_str("}\n\n");
    comment(text, "", &fill(&format!("New{class} (torch.optim.{class}) makes {docs}")));
    let _ = write!(
        text,
        "func New{class}(params []*Tensor, options ...{kind}) (*Optimizer, error) {{\n\tvar cx call\n\
         \to := one(&cx, options)\n\tgiven := C.{}()\n{}\thandles := cx.tensors(params, \"params\")\n\
         \tif cx.failed({class:?}) {{\n\t\treturn nil, cx.err\n\t}}\n\
         \treturn cx.optimizerFrom(C.{}(first(handles), C.size_t(len(handles)), &given))\n}}\n",
        super::shims::initialiser(&options.kind),
        lines.concat(),
        super::shims::name(&constructor.symbol),
    );
}
