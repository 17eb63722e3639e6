//! The operations of `candle-ffi-core`, as its sources say.

use crate::Result;
use crate::docs::{Docs, lines, trim};
use crate::signature::{Known, Signature, is_operation};
use std::path::Path;
use syn::{Item, Visibility};

/// Everything the generator reads from the core crate.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) files: Vec<OpsFile>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) results: Vec<Fields>,
}

/// A file of operations.
#[derive(Debug)]
pub(crate) struct OpsFile {
    /// The name without `.rs`.
    pub(crate) name: String,
    /// The `//!` comment.
    pub(crate) introduction: Vec<String>,
    pub(crate) operations: Vec<Operation>,
}

/// An operation: signature and documentation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) signature: Signature,
    pub(crate) docs: Docs,
}

/// An enumeration of `options.rs`.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) variants: Vec<Variant>,
}

/// A value of an enumeration.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) code: i32,
}

/// A struct of `results.rs`: fields that are all tensors.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) fields: Vec<(String, Vec<String>)>,
}

impl Source {
    /// Reads `options.rs`, `results.rs` and `ops/*.rs` of the crate's `src`.
    pub(crate) fn read(src: &Path) -> Result<Self> {
        let choices = choices(&read(&src.join("options.rs"))?)?;
        let results = results(&read(&src.join("results.rs"))?)?;
        let known = Known {
            choices: choices.iter().map(|choice| choice.name.clone()).collect(),
            results: results.iter().map(|result| result.name.clone()).collect(),
        };
        let mut paths: Vec<_> = std::fs::read_dir(src.join("ops"))
            .map_err(|error| format!("{}: {error}", src.join("ops").display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .collect();
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file =
                ops_file(&name, &read(&path)?, &known).map_err(|error| format!("{}: {error}", path.display()))?;
            if !file.operations.is_empty() {
                files.push(file);
            }
        }
        Ok(Self { files, choices, results })
    }

    /// The operations of all files.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.files.iter().flat_map(|file| &file.operations)
    }

    /// The fields of a result struct.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let result = self.results.iter().find(|result| result.name == name);
        result.map(|result| result.fields.iter().map(|(field, _)| field.as_str()).collect()).unwrap_or_default()
    }
}

/// Reads and parses a source file.
pub(crate) fn read(path: &Path) -> Result<syn::File> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn ops_file(name: &str, file: &syn::File, known: &Known) -> Result<OpsFile> {
    let mut operations = Vec::new();
    for item in &file.items {
        let Item::Fn(function) = item else { continue };
        if is_operation(function) {
            let operation = operation(function, known)
                .map_err(|error| format!("the function `{}`: {error}", function.sig.ident))?;
            operations.push(operation);
        }
    }
    let introduction = trim(lines(&file.attrs));
    if introduction.is_empty() && !operations.is_empty() {
        return Err("the file has no `//!` comment, which becomes the introduction of its section".into());
    }
    Ok(OpsFile { name: name.to_owned(), introduction, operations })
}

fn operation(function: &syn::ItemFn, known: &Known) -> Result<Operation> {
    let docs = Docs::parse(&function.attrs)?;
    if docs.summary.is_empty() {
        return Err("it has no documentation: a sentence that says what it gives".into());
    }
    if docs.pytorch.is_empty() {
        return Err("its documentation has no `# PyTorch` section with the name there".into());
    }
    let signature = Signature::parse(function, known)?;
    for (name, _) in &docs.defaults {
        if !signature.parameters.iter().any(|parameter| parameter.name == *name) {
            return Err(format!("`# Defaults` names `{name}`, which is no parameter"));
        }
    }
    Ok(Operation { signature, docs })
}

fn choices(file: &syn::File) -> Result<Vec<Choice>> {
    let mut choices = Vec::new();
    for item in &file.items {
        let Item::Enum(item) = item else { continue };
        if !matches!(item.vis, Visibility::Public(_)) {
            continue;
        }
        let name = item.ident.to_string();
        let mut variants = Vec::new();
        for variant in &item.variants {
            let code = match &variant.discriminant {
                Some((_, value)) => quote::quote!(#value).to_string().parse().ok(),
                None => None,
            }
            .ok_or_else(|| format!("options.rs: `{name}::{}` has no number: write `= 0`", variant.ident))?;
            variants.push(Variant { name: variant.ident.to_string(), docs: lines(&variant.attrs), code });
        }
        choices.push(Choice { name, docs: lines(&item.attrs), variants });
    }
    Ok(choices)
}

fn results(file: &syn::File) -> Result<Vec<Fields>> {
    let mut results = Vec::new();
    for item in &file.items {
        let Item::Struct(item) = item else { continue };
        if !matches!(item.vis, Visibility::Public(_)) {
            continue;
        }
        let name = item.ident.to_string();
        let mut fields = Vec::new();
        for field in &item.fields {
            let kind = &field.ty;
            match &field.ident {
                Some(ident) if quote::quote!(#kind).to_string() == "Tensor" => {
                    fields.push((ident.to_string(), lines(&field.attrs)));
                }
                _ => return Err(format!("results.rs: a field of `{name}` is no named `Tensor`")),
            }
        }
        results.push(Fields { name, docs: lines(&item.attrs), fields });
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<OpsFile> {
        ops_file("unary", &syn::parse_file(source).expect("Rust"), &Known::default())
    }

    #[test]
    fn public_functions_that_return_a_result_are_operations() {
        let file = parse(
            "//! Unary.\n/// Exponential.\n///\n/// # PyTorch\n/// `torch.exp`\npub fn exp(input: &Tensor) -> Result<Tensor> {}\n\
             pub(crate) fn helper(x: &Other) -> Result<Tensor> {}\npub fn plain() {}",
        )
        .expect("well formed");
        assert_eq!(file.operations.len(), 1);
        assert_eq!(file.introduction, ["Unary."]);
    }

    #[test]
    fn an_operation_without_documentation_is_named() {
        let missing = parse("//! U.\npub fn exp(input: &Tensor) -> Result<Tensor> {}");
        assert!(missing.is_err_and(|error| error.contains("`exp`") && error.contains("no documentation")));
        let nameless = parse("//! U.\n/// Exponential.\npub fn exp(input: &Tensor) -> Result<Tensor> {}");
        assert!(nameless.is_err_and(|error| error.contains("`exp`") && error.contains("# PyTorch")));
    }
}
