//! `enums.hpp`: the constants of each type of numbers as an enumeration.

use super::{comment, ending, name, opening};
use crate::enumerations::{Enumeration, shared};
use std::fmt::Write;

/// The header.
pub(crate) fn header(enumerations: &[Enumeration]) -> String {
    let mut out = opening(
        &["The constants of the C header as enumerations."],
        "the constants of crates/candle-ffi",
        "enums",
        &["<candle_ffi.h>", "", "<cstdint>"],
    )
    .replace("#include \n", "\n");
    out += "\nnamespace candle {\n";
    for of in enumerations.iter().filter(|of| !of.values.is_empty()) {
        let skipped = shared(&of.values);
        out.push('\n');
        comment(&mut out, "", &of.docs);
        let _ = writeln!(out, "enum class {} : std::int32_t {{", of.kind.trim_start_matches("Candle"));
        for (value, docs) in &of.values {
            comment(&mut out, "    ", docs);
            let _ = writeln!(out, "    {} = {value},", name(&value[skipped..].to_lowercase()));
        }
        out += "};\n";
    }
    out += "\n}  // namespace candle\n";
    out + &ending("enums")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerations::enumerations;

    #[test]
    fn constants_of_a_type_are_its_values() {
        let file = syn::parse_file(
            "/// D.\npub type CandleD = i32;\n/// One.\npub const CANDLE_D_BOOL: CandleD = 1;\n\
             /// Two.\npub const CANDLE_D_X_Y: CandleD = 2;\npub const OTHER: i64 = 3;",
        );
        let text = header(&enumerations(&file.expect("Rust")));
        assert!(text.contains("/// D.\nenum class D : std::int32_t {\n    /// One.\n    bool_ = CANDLE_D_BOOL,\n"));
        assert!(text.contains("    x_y = CANDLE_D_X_Y,\n};"));
    }
}
