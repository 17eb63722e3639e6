//! The enumerations of the ABI crate: types of numbers, and their constants.

use crate::docs::lines;
use crate::signature::text;
use syn::{Item, Visibility};

/// An enumeration: a public `type CandleX = i32` and the constants of that type.
pub(crate) struct Enumeration {
    /// The type in C.
    pub(crate) kind: String,
    pub(crate) docs: Vec<String>,
    /// Constants with their comments.
    pub(crate) values: Vec<(String, Vec<String>)>,
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
