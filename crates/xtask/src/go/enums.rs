//! `enums.go`: the constants of C, and PyTorch's words for the options of operations.

use super::names::exported;
use super::{comment, fill, opening};
use crate::enumerations::Enumeration;
use crate::rust_exports::snake;
use crate::source::Choice;
use std::fmt::Write;

/// The types of numbers that Go has too, with what their constants begin with; the others are options.
const NUMBERS: [(&str, &str, &str); 9] = [
    ("CandleStatus", "CANDLE_ERROR_", "Err"),
    ("CandleDType", "CANDLE_DTYPE_", ""),
    ("CandleDeviceKind", "CANDLE_DEVICE_", "Device"),
    ("CandleFallbackPolicy", "CANDLE_FALLBACK_", "Fallback"),
    ("CandleCudnnSwitch", "CANDLE_CUDNN_", "Cudnn"),
    ("CandleHandleKind", "CANDLE_HANDLE_", "Handle"),
    ("CandleCopyKind", "CANDLE_COPY_", "Copy"),
    ("CandleProfileKind", "CANDLE_PROFILE_", "Profile"),
    ("CandleProfileSort", "CANDLE_PROFILE_SORT_", "ProfileSort"),
];

/// The file.
pub(crate) fn file(enumerations: &[Enumeration], choices: &[Choice]) -> String {
    let mut text = opening("the constants of crates/candle-ffi");
    for (kind, prefix, begins) in NUMBERS {
        let Some(of) = enumerations.iter().find(|of| of.kind == kind) else { continue };
        let name = kind.trim_start_matches("Candle");
        let _ = writeln!(text, "\n// {name}: {}", plain(&of.docs));
        let _ = writeln!(text, "type {name} int32\n\n// The values of {name}.\nconst (");
        for (value, docs) in &of.values {
            // Success is no error, and no dtype is the zero value.
            if !value.starts_with(prefix) || value == "CANDLE_DTYPE_NONE" {
                continue;
            }
            comment(&mut text, "\t", &fill(&plain(docs)));
            let called = format!("{begins}{}", exported(&value[prefix.len()..].to_lowercase()));
            let _ = writeln!(text, "\t{called} {name} = C.{value}");
        }
        text.push_str(")\n");
    }
    for choice in choices {
        let name = &choice.name;
        let _ = writeln!(text, "\n// {name}: {}", plain(&choice.docs));
        let _ = writeln!(text, "type {name} string\n\n// The values of {name}.\nconst (");
        for variant in &choice.variants {
            comment(&mut text, "\t", &fill(&plain(&variant.docs)));
            let _ = writeln!(text, "\t{name}{} {name} = {:?}", exported(&snake(&variant.name)), variant.word);
        }
        let _ = writeln!(text, ")\n\nvar codesOf{name} = map[{name}]int32{{");
        // In columns, as gofmt has it.
        let constants: Vec<String> = choice.variants.iter().map(|variant| exported(&snake(&variant.name))).collect();
        let width = constants.iter().map(String::len).max().unwrap_or(0) + 1;
        for (variant, constant) in choice.variants.iter().zip(&constants) {
            let code = format!("CANDLE_{}_{}", snake(name), snake(&variant.name)).to_uppercase();
            let _ = writeln!(text, "\t{name}{:width$} C.{code},", format!("{constant}:"));
        }
        text.push_str("}\n");
    }
    text
}

fn plain(docs: &[String]) -> String {
    let kept: Vec<&str> = docs.iter().map(String::as_str).take_while(|line| !line.is_empty()).collect();
    kept.join(" ").replace('`', "")
}
