//! `Optim.java`: the options of each optimizer, and a function that makes it.

use super::docs::comment;
use super::options::{Field, class};
use super::{camel, list, opening};
use crate::Result;
use crate::cpp::optimizers::{Constructor, Optimizers, Options, is_internal};
use std::fmt::Write;

/// The class.
pub(crate) fn optim(optimizers: &Optimizers) -> Result<String> {
    let mut text = opening("crates/candle-ffi/src/optimizers.rs and optimizer_options.rs", &["java.util.List"]);
    text += "/**
 * Optimizers: a static method that makes each, and a class of its options.
 *
 * <pre>{@code Optim.sgd(model.parameters(), new Optim.SgdOptions().lr(0.1).momentum(0.9))}</pre>
 */
public final class Optim {
    private Optim() {}
";
    for constructor in &optimizers.constructors {
        if let Some(options) = optimizers.options.iter().find(|options| options.kind == constructor.options) {
            optimizer(&mut text, constructor, options)?;
        }
    }
    Ok(text + "}\n")
}

fn optimizer(text: &mut String, constructor: &Constructor, options: &Options) -> Result<()> {
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

    // The layout of C: each member at a multiple of its size.
    let (mut fields, mut writes, mut at) = (Vec::new(), String::new(), 0_usize);
    for (kind, member, docs) in &options.members {
        let size = match kind.as_str() {
            "i32" => 4,
            "i64" | "usize" | "f64" => 8,
            other => return Err(format!("{}: `{other}` is no type of an option", options.kind)),
        };
        at = at.next_multiple_of(size);
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
        at += size;
    }
    let size = at.next_multiple_of(8);
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_written_as_c_lays_it_out() {
        let file = syn::parse_file(
            "pub struct CandleSgdOptions { /// Size. Default: `1`.\n pub struct_size: usize,\n\
             /// To climb. Default: `0`.\n pub maximize: i32, /// The rate. Default: `1e-3`.\n pub lr: f64 }\n\
             /// Makes it.\npub extern \"C\" fn candle_sgd_new(options: *const CandleSgdOptions) {}",
        );
        let mut optimizers = Optimizers::default();
        optimizers.read(&file.expect("Rust"));
        let text = optim(&optimizers).expect("known types");
        assert!(text.contains("call.put(at + 8, Call.flag(maximize));\n            call.put(at + 16, lr);"));
        assert!(text.contains("long at = call.zeroed(24);\n            call.put(at, 24L);"));
        assert!(text.contains("boolean maximize = false;\n        double lr = 1e-3;"));
    }
}
