//! `Layouts.java`: where the members of C's structures lie.

use super::opening;
use crate::Result;
use crate::signature::text;
use std::fmt::Write;
use syn::{Item, Visibility};

/// A structure.
pub(crate) struct Layout {
    /// The type in C.
    pub(super) name: String,
    pub(super) size: usize,
    /// Names and offsets.
    pub(super) members: Vec<(String, usize)>,
}

/// The structures of a source file of the ABI crate that a caller can look into.
pub(crate) fn layouts(file: &syn::File) -> Result<Vec<Layout>> {
    let mut found = Vec::new();
    for item in &file.items {
        let Item::Struct(item) = item else { continue };
        let is_c = item.attrs.iter().any(|attribute| quote::quote!(#attribute).to_string().contains("repr (C)"));
        let is_open = item.fields.iter().all(|field| matches!(field.vis, Visibility::Public(_)));
        if !is_c || !is_open || !matches!(item.vis, Visibility::Public(_)) || item.fields.is_empty() {
            continue;
        }
        let name = item.ident.to_string();
        let (mut members, mut at, mut align) = (Vec::new(), 0_usize, 1);
        for field in &item.fields {
            let Some(member) = &field.ident else { continue };
            let size = match text(&field.ty).as_str() {
                "i32" | "u32" => 4,
                "usize" | "i64" | "u64" | "f64" => 8,
                pointer if pointer.starts_with('*') => 8,
                // The typedefs of constants.
                kind if kind.starts_with("Candle") => 4,
                other => return Err(format!("{name}: a member is a `{other}`, which has no size for Java")),
            };
            // Each member lies at a multiple of its size.
            at = at.next_multiple_of(size);
            members.push((member.to_string(), at));
            at += size;
            align = align.max(size);
        }
        found.push(Layout { name, size: at.next_multiple_of(align), members });
    }
    Ok(found)
}

/// The class.
pub(crate) fn class(layouts: &[Layout]) -> String {
    let mut out = opening("the structures of crates/candle-ffi", &[]);
    out += "/** Where the members of C's structures lie, and how large these are, on machines of 64 bits. */
final class Layouts {
    private Layouts() {}
";
    for layout in layouts {
        let _ = write!(
            out,
            "\n    static final class {} {{\n        static final long SIZE = {};\n",
            layout.name.trim_start_matches("Candle"),
            layout.size
        );
        for (member, at) in layout.members.iter().filter(|(member, _)| member != "reserved") {
            let _ = writeln!(out, "        static final long {} = {at};", member.to_uppercase());
        }
        out += "    }\n";
    }
    out + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lie_where_c_puts_them() {
        let file = syn::parse_file(
            "#[repr(C)] pub struct CandleS { pub a: CandleKind, pub b: f64, pub c: i32 }\n\
             #[repr(C)] pub struct CandleHidden { a: i32 }",
        );
        let found = layouts(&file.expect("Rust")).expect("known types");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].size, 24);
        let offsets: Vec<usize> = found[0].members.iter().map(|(_, at)| *at).collect();
        assert_eq!(offsets, [0, 8, 16]);
    }
}
