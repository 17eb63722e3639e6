//! `include/candle_ffi.h`, by cbindgen over the ABI crate's sources, file by file: each file is a
//! section, and its `//!` comment the section's introduction.

use crate::Result;
use cbindgen::{Builder, Config, ItemType, Language, Style};
use std::fmt::Write;
use std::path::Path;
use syn::{Item, Visibility};

/// The contract, which opens the header.
const CONTRACT: &str = include_str!("contract.txt");

/// Structures of other headers, which the caller includes where they are used.
pub(crate) const FOREIGN: [&str; 2] = ["DLManagedTensor", "DLManagedTensorVersioned"];

/// Their declarations, so that functions can take them without those headers.
pub(crate) fn foreign() -> String {
    FOREIGN.iter().map(|name| format!("struct {name};\n")).collect()
}

/// A source file as it appears in the header.
pub(crate) struct Section {
    /// The `//!` comment.
    pub(crate) introduction: Vec<String>,
    /// Opaque types, typedefs and structs.
    pub(crate) types: String,
    /// Constants and functions.
    pub(crate) items: String,
}

/// Reads a section. Types are given apart because functions of other files use them.
pub(crate) fn section(path: &Path, file: &syn::File, documentation: bool) -> Result<Section> {
    let types: Vec<String> = file
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) if matches!(item.vis, Visibility::Public(_)) => Some(item.ident.to_string()),
            Item::Type(item) if matches!(item.vis, Visibility::Public(_)) => Some(item.ident.to_string()),
            _ => None,
        })
        // Other public structs are Rust's own.
        .filter(|name| name.starts_with("Candle"))
        .collect();
    let initialisers: String =
        if documentation { file.items.iter().filter_map(initialiser).collect() } else { String::new() };
    let type_items = vec![ItemType::OpaqueItems, ItemType::Structs, ItemType::Typedefs];
    let types = if types.is_empty() {
        String::new()
    } else {
        bindings(path, type_items, types, documentation)? + &initialisers
    };
    let items = bindings(path, vec![ItemType::Constants, ItemType::Functions], Vec::new(), documentation)?;
    Ok(Section { introduction: crate::docs::trim(crate::docs::lines(&file.attrs)), types, items })
}

/// The types of handles: public structs of ours whose members C does not see.
pub(crate) fn opaque_types(file: &syn::File) -> Vec<String> {
    let structs = file.items.iter().filter_map(|item| match item {
        Item::Struct(item) if matches!(item.vis, Visibility::Public(_)) => Some(item),
        _ => None,
    });
    structs
        .filter(|item| !item.attrs.iter().any(|attribute| attribute.path().is_ident("repr")))
        .map(|item| item.ident.to_string())
        .filter(|name| name.starts_with("Candle"))
        .collect()
}

/// The structures that begin with their size.
pub(crate) fn sized_types(file: &syn::File) -> Vec<String> {
    let structs = file.items.iter().filter_map(|item| match item {
        Item::Struct(item) => Some(item),
        _ => None,
    });
    let begins = |item: &&syn::ItemStruct| {
        item.fields.iter().next().and_then(|field| field.ident.as_ref()).is_some_and(|name| name == "struct_size")
    };
    structs.filter(begins).map(|item| item.ident.to_string()).collect()
}

/// `CANDLE_INDEX_INIT` for a structure whose members' comments say "Default: `1`.".
fn initialiser(item: &Item) -> Option<String> {
    let Item::Struct(item) = item else { return None };
    let values: Vec<String> = item
        .fields
        .iter()
        .filter_map(|field| {
            let comment = crate::docs::lines(&field.attrs).join(" ");
            let (_, value) = comment.split_once("Default: `")?;
            Some(value.split_once('`')?.0.to_owned())
        })
        .collect();
    if values.is_empty() || values.len() != item.fields.len() {
        return None;
    }
    let name = item.ident.to_string();
    let constant = crate::rust_exports::snake(&name).to_uppercase();
    Some(format!("\n\n/** The defaults of a `{name}`. */\n#define {constant}_INIT {{{}}}", values.join(", ")))
}

fn bindings(path: &Path, items: Vec<ItemType>, include: Vec<String>, documentation: bool) -> Result<String> {
    let mut config = Config { language: Language::C, style: Style::Type, no_includes: true, ..Config::default() };
    config.documentation = documentation;
    config.line_length = 100;
    config.tab_width = 4;
    config.usize_is_size_t = true;
    config.export.rename = FOREIGN.iter().map(|name| ((*name).to_owned(), format!("struct {name}"))).collect();
    config.export.item_types = items;
    config.export.include = include;
    let bindings = Builder::new()
        .with_config(config)
        .with_src(path)
        .generate()
        .map_err(|error| format!("cbindgen, {}: {error}", path.display()))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map(|text| text.trim().to_owned()).map_err(|error| error.to_string())
}

/// The whole header.
pub(crate) fn header(sections: &[Section]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut numbers = version.split('.');
    let mut number = || numbers.next().unwrap_or("0");
    let mut text = String::from("/* Generated by `cargo xtask gen` from crates/candle-ffi. */\n\n");
    comment(&mut text, &CONTRACT.trim_end().lines().map(str::to_owned).collect::<Vec<_>>());
    text.push_str("\n#ifndef CANDLE_FFI_H\n#define CANDLE_FFI_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
    let _ = writeln!(text, "/** The version of the header, to be compared with `candle_ffi_version()`. */");
    let _ = writeln!(text, "#define CANDLE_FFI_VERSION \"{version}\"");
    let _ = writeln!(text, "#define CANDLE_FFI_VERSION_MAJOR {}", number());
    let _ = writeln!(text, "#define CANDLE_FFI_VERSION_MINOR {}", number());
    let _ = writeln!(text, "#define CANDLE_FFI_VERSION_PATCH {}", number());
    text.push_str("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    heading(&mut text, &["Types.".to_owned()]);
    let _ = writeln!(text, "/* Of dlpack.h, which whoever uses them includes. */\n{}", foreign());
    for section in sections.iter().filter(|section| !section.types.is_empty()) {
        let _ = writeln!(text, "{}\n", section.types);
    }
    for section in sections.iter().filter(|section| !section.items.is_empty()) {
        heading(&mut text, &section.introduction);
        let _ = writeln!(text, "{}\n", section.items);
    }
    text.push_str("#ifdef __cplusplus\n} /* extern \"C\" */\n#endif\n\n#endif /* CANDLE_FFI_H */\n");
    text
}

/// An introduction between two rules.
fn heading(text: &mut String, lines: &[String]) {
    let mut framed = vec!["-".repeat(96)];
    framed.extend(lines.iter().cloned());
    framed.push("-".repeat(96));
    comment(text, &framed);
    text.push('\n');
}

fn comment(text: &mut String, lines: &[String]) {
    text.push_str("/*\n");
    for line in lines {
        let _ = writeln!(text, "{}", format!(" * {line}").trim_end());
    }
    text.push_str(" */\n");
}
