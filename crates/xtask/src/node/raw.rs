//! `raw.ts`: every exported function, structure and callback as koffi knows it.

use super::{WIDTH, opening};
use crate::Result;
use crate::exports::{CParameter, CType, Export, c_type};
use crate::signature::text;
use std::collections::BTreeMap;
use std::fmt::Write;
use syn::{Item, ReturnType, Type, Visibility};

const OPENING: &str = r#"import { declare, size, type Native } from "../library.js";

/** The address of something of the library's, or none. */
export type Pointer = bigint | null;
/** Room for addresses and counts that a function writes. */
export type Cells = BigUint64Array;
/** Integers that a function reads. */
export type Integers = readonly (number | bigint)[] | BigInt64Array | null;
/** Numbers that a function reads. */
export type Numbers = readonly number[] | null;
/** Memory that a function reads or writes. */
export type Bytes = ArrayBufferView | Pointer;
"#;

/// The types that functions of C take besides numbers and handles.
#[derive(Default)]
pub(crate) struct Types {
    /// `type CandleX = i32` and the C type of it.
    aliases: BTreeMap<String, String>,
    /// Structures with their members: name and C type.
    structures: Vec<(String, Vec<(String, CType)>)>,
    /// Callbacks: name, what they return, the types of what they are given.
    callbacks: Vec<(String, String, Vec<CType>)>,
}

impl Types {
    /// Reads a source file of the ABI crate.
    pub(crate) fn read(&mut self, file: &syn::File) -> Result<()> {
        for item in &file.items {
            match item {
                Item::Type(item) if matches!(item.vis, Visibility::Public(_)) => {
                    let name = item.ident.to_string();
                    if let Some(function) = callback(&item.ty) {
                        let given = function.inputs.iter().map(|input| c_type(&input.ty)).collect::<Result<_>>()?;
                        let returns = match &function.output {
                            ReturnType::Default => "void".to_owned(),
                            ReturnType::Type(_, kind) => c_type(kind)?.text(),
                        };
                        self.callbacks.push((name, returns, given));
                    } else if text(&item.ty) == "i32" {
                        self.aliases.insert(name, "int32_t".to_owned());
                    }
                }
                Item::Struct(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("repr")) => {
                    let name = item.ident.to_string();
                    if !name.starts_with("Candle") || item.fields.iter().any(|field| field.ident.is_none()) {
                        continue;
                    }
                    let members = item
                        .fields
                        .iter()
                        .map(|field| {
                            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                            Ok((name, c_type(&field.ty)?))
                        })
                        .collect::<Result<_>>()?;
                    self.structures.push((name, members));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A base type, of numbers only.
    fn base<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    fn is_structure(&self, name: &str) -> bool {
        self.structures.iter().any(|(structure, _)| structure == name)
    }

    fn is_callback(&self, name: &str) -> bool {
        self.callbacks.iter().any(|(callback, _, _)| callback == name)
    }

    /// A parameter as koffi's prototypes have it: handles and rooms are `void *`, for which it takes memory of
    /// JavaScript in place.
    fn prototype(&self, kind: &CType) -> String {
        let base = self.base(&kind.base);
        match &kind.pointers[..] {
            [] if self.is_callback(base) => "void *".to_owned(),
            [] => base.to_owned(),
            [is_const] if self.is_structure(base) => {
                format!("{}{base} *", if *is_const { "" } else { "_Inout_ " })
            }
            [true] if ["char", "int64_t", "double"].contains(&base) => format!("const {base} *"),
            [true, true] if base == "char" => "const char **".to_owned(),
            _ => "void *".to_owned(),
        }
    }

    /// The same in TypeScript.
    fn kind(&self, kind: &CType) -> &'static str {
        let base = self.base(&kind.base);
        match &kind.pointers[..] {
            [] if self.is_callback(base) => "Pointer",
            [] => match base {
                "int64_t" | "uint64_t" | "size_t" | "ptrdiff_t" => "number | bigint",
                _ => "number",
            },
            [_] if self.is_structure(base) => "object | readonly object[] | null",
            [true] => match base {
                "char" => "string",
                "int64_t" => "Integers",
                "double" => "Numbers",
                "void" => "Bytes",
                _ => "Pointer",
            },
            [false] => match base {
                "int32_t" => "Int32Array",
                "int64_t" => "BigInt64Array",
                "double" => "Float64Array",
                "char" => "Uint8Array",
                "size_t" | "uint64_t" => "Cells",
                "void" => "Bytes",
                _ => "Pointer",
            },
            [true, true] if base == "char" => "readonly string[]",
            [true, true] => "Cells | null",
            _ => "Cells",
        }
    }
}

/// The function behind `Option<unsafe extern "C" fn(…)>`.
fn callback(kind: &Type) -> Option<&syn::TypeBareFn> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(Type::BareFn(function)) => Some(function),
        _ => None,
    }
}

/// `raw.ts`.
pub(crate) fn module(exports: &[Export], types: &Types) -> String {
    let mut out = opening("The functions of C, as they are.", "the exports of crates/candle-ffi");
    out += OPENING;
    out += "\n/** The sizes of structures. */\nexport const sizes = {\n";
    for (name, members) in &types.structures {
        let members: Vec<String> =
            members.iter().map(|(member, kind)| format!("{member}: \"{}\"", member_type(types, kind))).collect();
        out += &format!("    {name}: size(\"{name}\", {{\n");
        for member in members {
            let _ = writeln!(out, "        {member},");
        }
        out += "    }),\n";
    }
    out += "};\n\n/** What callbacks look like. */\nexport const callbacks = {\n";
    for (name, returns, given) in &types.callbacks {
        let given: Vec<&str> =
            given.iter().map(|kind| if kind.is_pointer() { "void *" } else { types.base(&kind.base) }).collect();
        let _ = writeln!(out, "    {name}: \"{} {name}({})\",", types.base(returns), given.join(", "));
    }
    out += "} as const;\n";
    for export in exports {
        function(&mut out, export, types);
    }
    out
}

/// A member of a structure: text stays an address.
fn member_type<'a>(types: &'a Types, kind: &'a CType) -> &'a str {
    match (kind.base.as_str(), kind.is_pointer()) {
        ("char", true) => "const char *",
        (_, true) => "void *",
        (base, false) => types.base(base),
    }
}

fn function(out: &mut String, export: &Export, types: &Types) {
    let (result, returns) = match export.returns.as_str() {
        "" => ("void", "void"),
        "const char *" => ("const char *", "string"),
        "size_t" | "uint64_t" => (export.returns.as_str(), "number | bigint"),
        other => (types.base(other), "number"),
    };
    // Counts and sizes are far below the numbers that a JavaScript number cannot hold.
    let returns = if export.returns == "size_t" { "number" } else { returns };
    let name = |parameter: &CParameter| super::local(&parameter.name);
    let given: Vec<String> = export.parameters.iter().map(|parameter| types.prototype(&parameter.kind)).collect();
    let parameters: Vec<String> =
        export.parameters.iter().map(|p| format!("{}: {}", name(p), types.kind(&p.kind))).collect();
    let head = format!("export const {}: Native<", export.symbol);
    let tail = format!(" => {returns}> =");
    *out += &("\n".to_owned() + &super::list("", &head, &parameters, &tail));
    let given: Vec<String> = given.iter().map(|kind| format!("\"{kind}\"")).collect();
    // A bracket where a list has none, and one more at the end.
    let text =
        crate::text::list("    ", &format!("declare(\"{result} {}\", ", export.symbol), &given, "]);", WIDTH - 4);
    *out += &text.replacen(", (", ", [", 1).replace(")]);", "]);");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_koffi_takes_in_place() {
        let mut types = Types::default();
        let file = syn::parse_file(
            "pub type CandleStatus = i32;\npub type CandleHook = Option<unsafe extern \"C\" fn(data: *mut c_void) -> \
             CandleStatus>;\n#[repr(C)]\npub struct CandleIndex { pub kind: i32, pub start: i64 }",
        );
        types.read(&file.expect("Rust")).expect("known");
        let kind = |text: &str| c_type(&syn::parse_str(text).expect("a type")).expect("known");
        let seen = |text: &str| (types.prototype(&kind(text)), types.kind(&kind(text)));
        assert_eq!(seen("*const CandleTensor"), ("void *".to_owned(), "Pointer"));
        assert_eq!(seen("*mut *mut CandleTensor"), ("void *".to_owned(), "Cells"));
        assert_eq!(seen("*const i64"), ("const int64_t *".to_owned(), "Integers"));
        assert_eq!(seen("CandleStatus"), ("int32_t".to_owned(), "number"));
        assert_eq!(seen("*const CandleIndex"), ("CandleIndex *".to_owned(), "object | readonly object[] | null"));
        assert_eq!(seen("CandleHook"), ("void *".to_owned(), "Pointer"));
        assert_eq!(types.callbacks[0].1, "CandleStatus");
    }
}
