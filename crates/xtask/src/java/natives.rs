//! `CandleLibrary.java`: every function of C as a native method, and the constants that are no enumeration.
//!
//! All arguments are numbers, addresses too, so that JNA passes them on as they are.

use super::{list, opening};
use crate::Result;
use crate::exports::{CType, Export};
use std::fmt::Write;

/// What opens the class.
const CLASS: &str = "/**
 * The functions of the C header, by name. An address is a {@code long}, as is a {@code size_t}: the
 * library is loaded on machines of 64 bits only.
 */
final class CandleLibrary {
    static {
        LibraryLoader.register(CandleLibrary.class);
    }

    private CandleLibrary() {}
";

/// The class.
pub(crate) fn class(exports: &[Export], constants: &[String]) -> Result<String> {
    let mut text = opening("crates/candle-ffi", &[]);
    text += CLASS;
    text.push('\n');
    for constant in constants {
        if let Some((name, value)) = constant.split_once(' ')
            && let Ok(value) = value.parse::<i64>()
        {
            let _ = writeln!(text, "    static final long {name} = {value};");
        }
    }
    for export in exports {
        let parameters: Vec<String> = export
            .parameters
            .iter()
            .map(|parameter| Ok(format!("{} {}", kind(&parameter.kind)?, super::camel(&parameter.name))))
            .collect::<Result<_>>()
            .map_err(|error| format!("{}: {error}", export.symbol))?;
        let returns = match export.returns.as_str() {
            "" => "void",
            pointer if pointer.contains('*') => "long",
            base => kind(&CType { base: base.to_owned(), pointers: Vec::new() })?,
        };
        text.push('\n');
        text += &list("    ", &format!("static native {returns} {}", export.symbol), &parameters, ";");
    }
    Ok(text + "}\n")
}

/// The type of a number in Java.
fn kind(kind: &CType) -> Result<&'static str> {
    if kind.is_pointer() {
        return Ok("long");
    }
    Ok(match kind.base.as_str() {
        "int32_t" | "uint32_t" => "int",
        "int64_t" | "uint64_t" | "size_t" | "ptrdiff_t" => "long",
        "float" => "float",
        "double" => "double",
        base if base.starts_with("Candle") && base.ends_with("Callback") => "long",
        // The typedefs of constants.
        base if base.starts_with("Candle") => "int",
        base => return Err(format!("`{base}` has no type in Java")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::exports;

    #[test]
    fn pointers_are_addresses() {
        let file = syn::parse_file(
            "/// F.\n#[unsafe(no_mangle)]\npub extern \"C\" fn candle_f(a: *const T, b: usize, c: CandleDType, d: f64) \
             -> CandleStatus {}",
        );
        let found = exports(&file.expect("Rust")).expect("exports");
        let text = class(&found, &["CANDLE_X -1".to_owned()]).expect("known types");
        assert!(text.contains("static native int candle_f(long a, long b, int c, double d);"));
        assert!(text.contains("static final long CANDLE_X = -1;"));
    }
}
