//! `Optim.java`: the options of each optimizer, and a function that makes it.

use super::docs::comment;
use super::layouts::Layout;
use super::options::{Field, class};
use super::{camel, list, opening};
use crate::Result;
use crate::optimizers::{Constructor, Optimizers, Options, is_internal};
use std::fmt::Write;

/// The class.
pub(crate) fn optim(optimizers: &Optimizers, layouts: &[Layout]) -> Result<String> {
    let mut text = opening("crates/candle-ffi/src/optimizers.rs and optimizer_options.rs", &["java.util.List"]);
    text += "/**
 * Optimizers: a static method that makes each, and a class of its options.
 *
 * <pre>{@code Optim.sgd(model.parameters(), new Optim.SgdOptions().lr(0.1).momentum(0.9))}</pre>
 */
public final class Optim {
    private Optim() {}
";
    for (constructor, options) in optimizers.pairs() {
        let layout = layouts.iter().find(|layout| layout.name == options.kind);
        let layout = layout.ok_or_else(|| format!("`{}` is no `repr(C)`", options.kind))?;
        optimizer(&mut text, constructor, options, layout);
    }
    Ok(text + "}\n")
}

fn optimizer(text: &mut String, constructor: &Constructor, options: &Options, layout: &Layout) {
    let kind = options.kind.trim_start_matches("Candle");
    let called = camel(constructor.symbol.trim_start_matches("candle_").trim_end_matches("_new"));
    let docs: Vec<String> = constructor.docs.iter().take_while(|line| !line.is_empty()).cloned().collect();
    text.push('\n');
    comment(text, "    ", &docs);
    let _ = write!(
        text,
        "    public static Optimizer {called}(List<Tensor> params) {{\n        \
         return {called}(params, new {kind}());\n    }}\n\n"
    );
    comment(text, "    ", &docs);
    *text += &list(
        "    ",
        &format!("public static Optimizer {called}"),
        &["List<Tensor> params".to_owned(), format!("{kind} options")],
        " {",
    );
    let given = ["call.handles(params, \"params\")", "params.size()", "given", "call.out", "call.error"];
    text.push_str("        try (Call call = Call.begin()) {\n            long given = options.write(call);\n");
    *text += &list(
        "            ",
        &format!("call.check(CandleLibrary.{}", constructor.symbol),
        &given.map(str::to_owned),
        ");",
    );
    text.push_str("            return new Optimizer(call.address());\n        }\n    }\n");

    let (mut fields, mut writes) = (Vec::new(), String::new());
    for ((kind, member, docs), (_, at)) in options.members.iter().zip(&layout.members) {
        if !is_internal(member) {
            let name = camel(member);
            let default = docs.split_once(" Default: `").and_then(|(_, rest)| rest.split('`').next()).unwrap_or("0");
            let (kind, default, value) = match (kind.as_str(), default) {
                ("i32", "0") => ("boolean", "false", format!("call.put(at + {at}, Call.flag({name}));")),
                ("i32", _) => ("boolean", "true", format!("call.put(at + {at}, Call.flag({name}));")),
                ("f64", value) => ("double", value, format!("call.put(at + {at}, {name});")),
                (_, value) => ("long", value, format!("call.put(at + {at}, {name});")),
            };
            let about = docs.split(" Default:").next().unwrap_or_default();
            let about = about.strip_prefix("1 ").map_or_else(|| about.to_owned(), |rest| format!("True {rest}"));
            fields.push(Field::new(&name, kind, default).about(about));
            let _ = writeln!(writes, "            {value}");
        }
    }
    let size = layout.size;
    let mut nested = String::new();
    class(&mut nested, kind, &format!("Options of `{called}`."), &fields);
    *text += nested.strip_suffix("    }\n").unwrap_or(&nested);
    let _ = write!(
        text,
        "
        /** Writes the structure that C takes, and gives its address. */
        private long write(Call call) {{
            long at = call.zeroed({size});
            call.put(at, {size}L);
{writes}            return at;
        }}
    }}
"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_written_as_c_lays_it_out() {
        let file = syn::parse_file(
            "#[repr(C)]\npub struct CandleSgdOptions { /// Size. Default: `1`.\n pub struct_size: usize,\n\
             /// To climb. Default: `0`.\n pub maximize: i32, /// The rate. Default: `1e-3`.\n pub lr: f64 }\n\
             /// Makes it.\npub extern \"C\" fn candle_sgd_new(options: *const CandleSgdOptions) {}",
        );
        let file = file.expect("Rust");
        let mut optimizers = Optimizers::default();
        optimizers.read(&file);
        let layouts = super::super::layouts::layouts(&file).expect("known types");
        let text = optim(&optimizers, &layouts).expect("a layout");
        assert!(text.contains("call.put(at + 8, Call.flag(maximize));\n            call.put(at + 16, lr);"));
        assert!(text.contains("long at = call.zeroed(24);\n            call.put(at, 24L);"));
        assert!(text.contains("boolean maximize = false;\n        double lr = 1e-3;"));
    }
}
