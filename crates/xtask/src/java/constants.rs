//! Enumerations from the constants of C, and an exception for each code of an error.

use super::docs::comment;
use super::{MARK, capital, opening, path};
use crate::Result;
use crate::enumerations::{Enumeration, shared};
use std::fmt::Write;
use std::path::PathBuf;

/// A file for each enumeration and each exception.
pub(crate) fn files(enumerations: &[Enumeration], constants: &[String]) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for of in enumerations.iter().filter(|of| !of.values.is_empty()) {
        let name = of.kind.trim_start_matches("Candle");
        files.push((path(name), enumeration(name, of, constants)?));
        if name == "Status" {
            files.extend(exceptions(of));
            files.push((path("Exceptions"), table(of)));
        }
    }
    Ok(files)
}

/// The number of a constant.
fn code(constant: &str, constants: &[String]) -> Result<i32> {
    let value = constants.iter().find_map(|line| line.strip_prefix(constant)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("`{constant}` has no number in the header"))
}

fn enumeration(name: &str, of: &Enumeration, constants: &[String]) -> Result<String> {
    let skipped = shared(&of.values);
    let mut text = opening("the constants of crates/candle-ffi", &[]);
    comment(&mut text, "", &of.docs);
    let _ = writeln!(text, "public enum {name} implements Coded {{");
    let count = of.values.len();
    for (position, (value, docs)) in of.values.iter().enumerate() {
        comment(&mut text, "    ", docs);
        let end = if position + 1 == count { ";" } else { "," };
        let _ = writeln!(text, "    {}({}){end}", &value[skipped..], code(value, constants)?);
    }
    let _ = write!(
        text,
        "
    private static final {name}[] VALUES = values();

    private final int code;

    {name}(int code) {{
        this.code = code;
    }}

    @Override
    public int code() {{
        return code;
    }}

    /** The value of a number of C; null for a number that only a newer library has. */
    static {name} of(int code) {{
        for ({name} value : VALUES) {{
            if (value.code == code) {{
                return value;
            }}
        }}
        return null;
    }}
}}
"
    );
    Ok(text)
}

/// The name of the exception of a code: `CANDLE_ERROR_SHAPE` is `ShapeException`.
fn exception(constant: &str) -> Option<String> {
    // `NullPointerException` is Java's own.
    let words = constant.strip_prefix("CANDLE_ERROR_")?.to_lowercase().replace("null_pointer", "null_argument");
    Some(words.split('_').map(capital).collect::<String>() + "Exception")
}

fn exceptions(of: &Enumeration) -> Vec<(PathBuf, String)> {
    let classes = of.values.iter().filter_map(|(value, docs)| {
        let name = exception(value)?;
        let mut text = format!("{MARK}the codes of crates/candle-ffi.\n\npackage io.github.candleffi;\n\n");
        comment(&mut text, "", docs);
        // One of them is also what a closed object throws.
        let modifier = if name == "InvalidHandleException" { "sealed " } else { "final " };
        let permits = if name == "InvalidHandleException" { " permits ClosedException" } else { "" };
        let _ = write!(
            text,
            "public {modifier}class {name} extends CandleException{permits} {{
    private static final long serialVersionUID = 1L;

    {name}(String message, ErrorDetails details) {{
        super(message, details);
    }}
}}
"
        );
        Some((path(&name), text))
    });
    classes.collect()
}

/// `Exceptions.java`: from a code to its exception.
fn table(of: &Enumeration) -> String {
    let mut text = opening("the codes of crates/candle-ffi", &[]);
    text += "/** From a code to its exception. */
final class Exceptions {
    private Exceptions() {}

    static CandleException of(String message, ErrorDetails details) {
        // A library may be newer than this package.
        if (details.code() == null) {
            return new CandleException(message, details);
        }
        return switch (details.code()) {
";
    for (value, _) in &of.values {
        if let Some(name) = exception(value) {
            let constant = &value[shared(&of.values)..];
            let _ = writeln!(text, "            case {constant} -> new {name}(message, details);");
        }
    }
    text + "            default -> new CandleException(message, details);
        };
    }
}
"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_value_and_an_exception() {
        let file = syn::parse_file(
            "/// S.\npub type CandleStatus = i32;\n/// Fine.\npub const CANDLE_OK: CandleStatus = 0;\n\
             /// Bad dtype.\npub const CANDLE_ERROR_DTYPE: CandleStatus = 21;",
        );
        let found = crate::enumerations::enumerations(&file.expect("Rust"));
        let files = files(&found, &["CANDLE_OK 0".into(), "CANDLE_ERROR_DTYPE 21".into()]).expect("numbers");
        let names: Vec<_> = files.iter().filter_map(|(path, _)| path.file_stem()?.to_str()).collect();
        assert_eq!(names, ["Status", "DTypeException", "Exceptions"]);
        assert!(files[0].1.contains("    ERROR_DTYPE(21);"));
        assert!(files[2].1.contains("case ERROR_DTYPE -> new DTypeException(message, details);"));
    }
}
