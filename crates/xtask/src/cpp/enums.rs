//! `enums.hpp`: the constants of each type of numbers as an enumeration.

use super::{comment, ending, name, opening};
use crate::docs::lines;
use crate::signature::text;
use std::fmt::Write;
use syn::{Item, Visibility};

/// An enumeration: a public `type CandleX = i32` and the constants of that type.
pub(crate) struct Enumeration {
    /// The type in C.
    pub(crate) kind: String,
    pub(crate) docs: Vec<String>,
    /// Constants with their comments.
    pub(crate) values: Vec<(String, Vec<String>)>,
}

impl Enumeration {
    /// The type in C.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }
}

/// The enumerations of a source file of the ABI crate.
pub(crate) fn enumerations(file: &syn::File) -> Vec<Enumeration> {
    let mut found: Vec<Enumeration> = Vec::new();
    for item in &file.items {
        if let Item::Type(item) = item
            && matches!(item.vis, Visibility::Public(_))
            && text(&item.ty) == "i32"
        {
            found.push(Enumeration { kind: item.ident.to_string(), docs: lines(&item.attrs), values: Vec::new() });
        }
    }
    for item in &file.items {
        if let Item::Const(item) = item
            && matches!(item.vis, Visibility::Public(_))
            && let Some(of) = found.iter_mut().find(|of| of.kind == text(&item.ty))
        {
            of.values.push((item.ident.to_string(), lines(&item.attrs)));
        }
    }
    found
}

/// The words at the beginning that all constants share.
pub(crate) fn shared(values: &[(String, Vec<String>)]) -> usize {
    let Some(((first, _), rest)) = values.split_first() else { return 0 };
    let ends = first.match_indices('_').map(|(at, _)| at + 1);
    ends.filter(|&end| rest.iter().all(|(value, _)| value.starts_with(&first[..end]))).max().unwrap_or(0)
}

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
