//! `enums.ts`: the constants that JavaScript writes as words, and those it has as numbers.

use super::{comment, fill, opening};
use crate::docs::error_class;
use crate::enumerations::Enumeration;
use crate::source::Source;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What JavaScript writes as words, and no operation takes as an option.
const WORDS: [&str; 4] = ["CandleDType", "CandleDeviceKind", "CandleFallbackPolicy", "CandleCudnnSwitch"];
/// What other files need by number.
const NUMBERS: [&str; 4] = ["CandleHandleKind", "CandleIndexKind", "CandleProfileKind", "CandleProfileSort"];

/// `enums.ts`.
pub(crate) fn module(source: &Source, enumerations: &[Enumeration], constants: &[String]) -> String {
    let values: BTreeMap<&str, &str> = constants.iter().filter_map(|line| line.split_once(' ')).collect();
    let value = |name: &str| values.get(name).copied().unwrap_or("0");
    let mut out = opening("The constants of the C header.", "the constants of crates/candle-ffi");
    out +=
        "/** The number of each word. */\nexport type Codes<Word extends string> = Readonly<Record<Word, number>>;\n\n";
    let _ = writeln!(out, "/** The interface that this package was made for. */");
    let _ = writeln!(out, "export const ABI_VERSION = {};", value("CANDLE_FFI_ABI_VERSION"));
    for of in enumerations {
        let skipped = crate::enumerations::shared(&of.values);
        let name = of.kind.trim_start_matches("Candle");
        match of.kind.as_str() {
            kind if WORDS.contains(&kind) => {
                out.push('\n');
                comment(&mut out, "", &fill(&of.docs.join(" ")));
                let words: Vec<(String, &str)> = of
                    .values
                    .iter()
                    .map(|(constant, _)| (word(&constant[skipped..]), value(constant)))
                    .filter(|(word, _)| word != "none")
                    .collect();
                union(&mut out, name, &words);
            }
            kind if NUMBERS.contains(&kind) => {
                out.push('\n');
                comment(&mut out, "", &fill(&of.docs.join(" ")));
                let _ = writeln!(out, "export const {name} = {{");
                for (constant, docs) in &of.values {
                    comment(&mut out, "    ", &fill(&docs.join(" ")));
                    let _ = writeln!(out, "    {}: {},", constant[skipped..].to_lowercase(), value(constant));
                }
                out += "} as const;\n";
            }
            _ => {}
        }
    }
    for choice in &source.choices {
        out.push('\n');
        comment(&mut out, "", &fill(&choice.docs.join(" ")));
        let codes: Vec<String> = choice.variants.iter().map(|variant| variant.code.to_string()).collect();
        let words: Vec<(String, &str)> =
            choice.variants.iter().zip(&codes).map(|(variant, code)| (variant.word.clone(), code.as_str())).collect();
        union(&mut out, &choice.name, &words);
    }
    out += "\n/** The number of each word. */\nexport const codes = {\n";
    let words = WORDS.iter().map(|kind| kind.trim_start_matches("Candle"));
    for name in words.chain(source.choices.iter().map(|choice| choice.name.as_str())) {
        let _ = writeln!(out, "    {name}: {name}Codes,");
    }
    out + "};\n"
}

/// PyTorch's word for a constant.
fn word(constant: &str) -> String {
    match constant {
        "FLOAT8_E4M3" => "float8_e4m3fn".to_owned(),
        other => other.to_lowercase(),
    }
}

fn union(out: &mut String, name: &str, words: &[(String, &str)]) {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let _ = writeln!(out, "export type {name} =\n    | {};", quoted.join("\n    | "));
    let _ = writeln!(out, "\nconst {name}Codes: Codes<{name}> = {{");
    for (word, code) in words {
        let _ = writeln!(out, "    \"{word}\": {code},");
    }
    *out += "};\n";
}

/// `errors.ts`: a class of errors for each code.
pub(crate) fn errors(enumerations: &[Enumeration], constants: &[String]) -> String {
    let values: BTreeMap<&str, &str> = constants.iter().filter_map(|line| line.split_once(' ')).collect();
    let mut out = opening("A class of errors for each code of the library.", "the constants of crates/candle-ffi");
    out += "import { CandleError, classes } from \"../error.js\";\n";
    for of in enumerations.iter().filter(|of| of.kind == "CandleStatus") {
        for (constant, docs) in of.values.iter().filter(|(constant, _)| constant != "CANDLE_OK") {
            out.push('\n');
            comment(&mut out, "", &fill(&docs.join(" ")));
            let class = error_class(constant);
            let value = values.get(constant.as_str()).copied().unwrap_or("0");
            let _ = writeln!(out, "export class {class} extends CandleError {{");
            let _ = writeln!(out, "    override readonly status: number = {value};");
            let _ = writeln!(out, "    override readonly code: string = \"{constant}\";\n}}");
            let _ = writeln!(out, "classes.set({value}, {class});");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_class_of_errors() {
        let file = syn::parse_file(
            "/// S.\npub type CandleStatus = i32;\n/// None.\npub const CANDLE_OK: CandleStatus = 0;\n\
             /// Out of range.\npub const CANDLE_ERROR_INDEX: CandleStatus = 23;\n\
             /// In use.\npub const CANDLE_ERROR_BUSY: CandleStatus = 5;",
        );
        let enumerations = crate::enumerations::enumerations(&file.expect("Rust"));
        let text = errors(&enumerations, &["CANDLE_ERROR_INDEX 23".to_owned(), "CANDLE_ERROR_BUSY 5".to_owned()]);
        assert!(text.contains("/** Out of range. */\nexport class IndexError extends CandleError {"));
        assert!(text.contains("classes.set(23, IndexError);") && text.contains("classes.set(5, BusyError);"));
        assert!(!text.contains("CANDLE_OK"));
    }

    #[test]
    fn dtypes_are_words() {
        let file = syn::parse_file(
            "/// D.\npub type CandleDType = i32;\n/// No.\npub const CANDLE_DTYPE_NONE: CandleDType = 0;\n\
             /// Bool.\npub const CANDLE_DTYPE_BOOL: CandleDType = 1;",
        );
        let enumerations = crate::enumerations::enumerations(&file.expect("Rust"));
        let source = Source { files: Vec::new(), layers: Vec::new(), choices: Vec::new(), results: Vec::new() };
        let text = module(&source, &enumerations, &["CANDLE_DTYPE_BOOL 1".to_owned()]);
        assert!(text.contains("export type DType =\n    | \"bool\";"));
        assert!(text.contains("const DTypeCodes: Codes<DType> = {\n    \"bool\": 1,\n};"));
    }
}
