//! The exports of the ABI crate, generated and hand-written alike, as the null test and the list of
//! symbols see them.

use crate::Result;
use crate::docs::lines;
use syn::{FnArg, Item, Pat, ReturnType, Type};

/// An exported function.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) symbol: String,
    pub(crate) parameters: Vec<CParameter>,
    /// The C type it returns; empty for nothing.
    pub(crate) returns: String,
}

/// A parameter of an exported function.
#[derive(Debug)]
pub(crate) struct CParameter {
    pub(crate) name: String,
    pub(crate) kind: CType,
    /// Whether the comment says "`name` may be NULL".
    pub(crate) may_be_null: bool,
}

/// A C type as far as a caller must know it: a base type behind pointers, outermost first, each of
/// which is `const` or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CType {
    pub(crate) base: String,
    /// From the outermost pointer inwards, whether what it points to is const.
    pub(crate) pointers: Vec<bool>,
}

impl CType {
    /// How C spells it: `const CandleTensor *const *`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (position, is_const) in self.pointers.iter().rev().enumerate() {
            let word = if *is_const { "const" } else { "" };
            if position == 0 {
                text = if *is_const { format!("const {} *", self.base) } else { format!("{} *", self.base) };
            } else {
                text += &format!("{word}{}*", if word.is_empty() { "" } else { " " });
            }
        }
        if self.pointers.is_empty() { self.base.clone() } else { text }
    }

    /// How C declares a parameter or a variable of it.
    pub(crate) fn declare(&self, name: &str) -> String {
        let text = self.text();
        if text.ends_with('*') { format!("{text}{name}") } else { format!("{text} {name}") }
    }

    /// Whether it is a pointer.
    pub(crate) fn is_pointer(&self) -> bool {
        !self.pointers.is_empty()
    }
}

impl Export {
    /// The C declaration without comment.
    pub(crate) fn declaration(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(|p| p.kind.declare(&p.name)).collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let returns = if self.returns.is_empty() { "void".to_owned() } else { self.returns.clone() };
        let space = if returns.ends_with('*') { "" } else { " " };
        format!("{returns}{space}{}({parameters})", self.symbol)
    }

    /// Whether it takes `CandleError **error`, and so reports by its status.
    pub(crate) fn reports(&self) -> bool {
        self.parameters.last().is_some_and(|last| last.kind.base == "CandleError" && last.kind.pointers.len() == 2)
    }
}

/// The functions of a source file that are exported.
fn exported(file: &syn::File) -> impl Iterator<Item = &syn::ItemFn> {
    file.items
        .iter()
        .filter_map(|item| match item {
            Item::Fn(function) => Some(function),
            _ => None,
        })
        .filter(|function| {
            function.attrs.iter().any(|attribute| quote::quote!(#attribute).to_string().contains("no_mangle"))
        })
}

/// Makes sure that every export of a source file begins by passing the call on, with all its arguments in their order.
pub(crate) fn check_forwarding(file: &syn::File) -> Result<()> {
    for function in exported(file) {
        let symbol = &function.sig.ident;
        let names = function.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&typed.pat),
            FnArg::Receiver(_) => None,
        });
        let expected = quote::quote!(forward!(#symbol(#(#names),*));).to_string();
        let first = function.block.stmts.first().map(|first| quote::quote!(#first).to_string()).unwrap_or_default();
        if first != expected {
            return Err(format!("the export `{symbol}` does not begin with `{}`", expected.replace(' ', "")));
        }
    }
    Ok(())
}

/// The exported functions of a source file.
pub(crate) fn exports(file: &syn::File) -> Result<Vec<Export>> {
    let mut found = Vec::new();
    for function in exported(file) {
        let symbol = function.sig.ident.to_string();
        let comment = lines(&function.attrs).join(" ");
        if comment.trim().is_empty() {
            return Err(format!("the export `{symbol}` has no documentation"));
        }
        let parameters = function
            .sig
            .inputs
            .iter()
            .map(|input| match input {
                FnArg::Typed(typed) => match &*typed.pat {
                    Pat::Ident(pattern) => {
                        let name = pattern.ident.to_string();
                        let kind = c_type(&typed.ty)?;
                        let is_error = name == "error" && kind.pointers.len() == 2;
                        let may_be_null = is_error || comment.contains(&format!("`{name}` may be NULL"));
                        Ok(CParameter { kind, name, may_be_null })
                    }
                    _ => Err(format!("`{symbol}`: a parameter is a plain name")),
                },
                FnArg::Receiver(_) => Err(format!("`{symbol}` has `self`")),
            })
            .collect::<Result<_>>()?;
        let returns = match &function.sig.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, kind) => c_type(kind)?.text(),
        };
        found.push(Export { symbol, parameters, returns });
    }
    Ok(found)
}

/// The C type of a type of Rust.
pub(crate) fn c_type(kind: &Type) -> Result<CType> {
    match kind {
        Type::Ptr(pointer) => {
            let inner = c_type(&pointer.elem)?;
            let mut pointers = vec![pointer.mutability.is_none()];
            pointers.extend(inner.pointers);
            Ok(CType { base: inner.base, pointers })
        }
        Type::Path(path) => {
            let name = path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            let base = match name.as_str() {
                "i32" => "int32_t",
                "u32" => "uint32_t",
                "i64" => "int64_t",
                "u64" => "uint64_t",
                "usize" => "size_t",
                "isize" => "ptrdiff_t",
                "f32" => "float",
                "f64" => "double",
                "u8" => "uint8_t",
                "c_char" => "char",
                "c_void" => "void",
                // Of the caller's own dlpack.h.
                "DLManagedTensor" => "struct DLManagedTensor",
                "DLManagedTensorVersioned" => "struct DLManagedTensorVersioned",
                other => other,
            };
            // A callback type is `Option<unsafe extern "C" fn …>` behind a typedef of ours.
            Ok(CType { base: base.to_owned(), pointers: Vec::new() })
        }
        other => Err(format!("`{}` cannot cross the ABI", quote::quote!(#other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_does_not_pass_its_call_on_is_named() {
        let check = |body: &str| {
            let text =
                format!("#[unsafe(no_mangle)]\npub extern \"C\" fn candle_x(a: i32, b: i32) -> i32 {{ {body} }}");
            check_forwarding(&syn::parse_file(&text).expect("Rust"))
        };
        assert!(check("forward!(candle_x(a, b)); a + b").is_ok());
        for body in ["a + b", "forward!(candle_x(b, a)); a + b", "let c = a; forward!(candle_x(a, b)); c", ""] {
            assert!(check(body).is_err_and(|error| error.contains("`forward!(candle_x(a,b));`")), "{body}");
        }
    }

    #[test]
    fn pointers_are_spelled_as_in_c() {
        let spell = |text: &str| c_type(&syn::parse_str(text).expect("a type")).expect("known").text();
        assert_eq!(spell("*const *const CandleTensor"), "const CandleTensor *const *");
        assert_eq!(spell("*mut *mut CandleTensor"), "CandleTensor **");
        assert_eq!(spell("*const i64"), "const int64_t *");
        assert_eq!(spell("usize"), "size_t");
    }
}
