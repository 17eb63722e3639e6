//! `optimizers.ts`: the options of each optimizer, and a function that makes it.

use super::{camel, comment, fill, opening, pascal};
use crate::optimizers::{Constructor, Optimizers, Options, is_internal};
use std::fmt::Write;

/// `optimizers.ts`.
pub(crate) fn module(optimizers: &Optimizers) -> String {
    let mut out = opening(
        "The optimizers: the options of each, and a function that makes it.",
        "crates/candle-ffi/src/optimizers.rs and optimizer_options.rs",
    );
    out += "import type { Optimizer } from \"../optimizer.js\";\nimport { make } from \"../run.js\";\n\
            import type { Tensor } from \"../tensor.js\";\nimport type { Int } from \"../types.js\";\n\
            import * as raw from \"./raw.js\";\n";
    for (constructor, options) in optimizers.pairs() {
        optimizer(&mut out, constructor, options);
    }
    out
}

fn optimizer(out: &mut String, constructor: &Constructor, options: &Options) {
    let called = constructor.symbol.trim_start_matches("candle_").trim_end_matches("_new");
    let kind = format!("{}Options", pascal(called));
    let _ = writeln!(out, "\n/** Options of `{called}`. */\nexport interface {kind} {{");
    let (mut destructured, mut names, mut members) = (Vec::new(), Vec::new(), Vec::new());
    for (c_kind, member, docs) in &options.members {
        if member == "struct_size" {
            members.push(format!("struct_size: raw.sizes.{}", options.kind));
            continue;
        }
        if is_internal(member) {
            members.push(format!("{member}: 0"));
            continue;
        }
        let (docs, default) = docs.split_once(" Default: `").unwrap_or((docs, "0`"));
        let default = default.split('`').next().unwrap_or("0");
        let (kind, conversion, default) = match (c_kind.as_str(), default) {
            ("i32", "0") => ("boolean", "bool", "false"),
            ("i32", _) => ("boolean", "bool", "true"),
            ("i64", value) => ("Int", "int", value),
            (_, value) => ("number", "double", value),
        };
        let docs = docs.strip_prefix("1 ").map_or_else(|| docs.to_owned(), |rest| format!("True {rest}"));
        let name = camel(member);
        comment(out, "    ", &fill(&format!("{docs} Default: {default}.")));
        let _ = writeln!(out, "    {name}?: {kind};");
        destructured.push(format!("{name} = {default}"));
        names.push(format!("\"{name}\""));
        let given = format!("{member}: call.{conversion}({name}, \"{name}\")");
        // As deep as it stands below.
        members.push(if given.len() > 86 { given.replacen(": ", ":\n                ", 1) } else { given });
    }
    *out += "}\n\n";
    let docs: Vec<String> = constructor.docs.iter().take_while(|line| !line.is_empty()).cloned().collect();
    comment(out, "", &fill(&docs.join(" ")));
    let _ = writeln!(
        out,
        "export function {called}(params: readonly Tensor[], options: {kind} = {{}}): Optimizer {{\n    \
         return make.optimizer(\"{called}\", raw.{}, (call) => {{\n        const {{",
        constructor.symbol
    );
    for line in &destructured {
        let _ = writeln!(out, "            {line},");
    }
    let _ = writeln!(out, "        }} = options;");
    *out += &super::list("        ", "call.options", &[vec!["options".to_owned()], names].concat(), ";");
    *out += "        const given = {\n";
    for line in &members {
        let _ = writeln!(out, "            {line},");
    }
    *out += "        };\n        return [...call.params(params), given];\n    });\n}\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_defaults_and_become_members() {
        let file = syn::parse_file(
            "pub struct CandleSgdOptions { /// Size. Default: `1`.\n pub struct_size: usize,\n\
             /// The decay. Default: `1e-3`.\n pub weight_decay: f64,\n/// 1 to climb. Default: `0`.\n pub maximize: i32,\n\
             /// Not used. Default: `0`.\n pub reserved: i32 }\n\
             /// Makes it.\npub extern \"C\" fn candle_sgd_new(options: *const CandleSgdOptions) {}",
        );
        let mut optimizers = Optimizers::default();
        optimizers.read(&file.expect("Rust"));
        let text = module(&optimizers);
        assert!(text.contains("    /** The decay. Default: 1e-3. */\n    weightDecay?: number;\n"));
        assert!(text.contains("    /** True to climb. Default: false. */\n    maximize?: boolean;\n}"));
        assert!(text.contains("            weightDecay = 1e-3,\n            maximize = false,\n        } = options;"));
        assert!(text.contains("struct_size: raw.sizes.CandleSgdOptions,\n            weight_decay: call.double("));
        assert!(text.contains("reserved: 0,\n        };\n        return [...call.params(params), given];"));
    }
}
