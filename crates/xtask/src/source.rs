//! The operations of `candle-ffi-core`, as its sources say.

use crate::Result;
use crate::docs::{Docs, lines, trim};
use crate::layers::{LayersFile, layers_file};
use crate::rust_exports::snake;
use crate::signature::{Known, ParameterType, Signature, is_operation};
use std::path::{Path, PathBuf};
use syn::{Item, Visibility};

/// Everything the generator reads from the core crate.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) files: Vec<OpsFile>,
    pub(crate) layers: Vec<LayersFile>,
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
    /// What Python calls it: the name in snake case, or its `#[doc(alias = "…")]`.
    pub(crate) word: String,
}

/// A struct of `results.rs`: fields that are all tensors.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) fields: Vec<(String, Vec<String>)>,
}

impl Operation {
    /// The operation without the options that an older form of its export does not have.
    pub(crate) fn older(&self) -> Result<Option<Self>> {
        let Some(older) = &self.docs.older else { return Ok(None) };
        let mut signature = Signature { c_name: older.name.clone(), ..self.signature.clone() };
        for parameter in &mut signature.parameters {
            if let Some(value) = older.fixed(&parameter.name, &self.docs)? {
                parameter.kind = ParameterType::Fixed(value);
            }
        }
        Ok(Some(Self { signature, docs: self.docs.clone() }))
    }
}

impl Source {
    /// Reads `options.rs`, `results.rs`, `ops/*.rs` and `nn/*.rs` of the crate's `src`.
    pub(crate) fn read(src: &Path) -> Result<Self> {
        let choices = choices(&read(&src.join("options.rs"))?)?;
        let results = results(&read(&src.join("results.rs"))?)?;
        let known = Known {
            choices: choices.iter().map(|choice| choice.name.clone()).collect(),
            results: results.iter().map(|result| result.name.clone()).collect(),
        };
        let mut files = each_file(&src.join("ops"), |name, file| ops_file(name, file, &known))?;
        files.retain(|file| !file.operations.is_empty());
        let mut layers = each_file(&src.join("nn"), |name, file| layers_file(name, file, &known))?;
        layers.retain(|file| !file.layers.is_empty());
        Ok(Self { files, layers, choices, results })
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

/// What is read from each source file of a folder, in the order of their names. A folder inside with a
/// `mod.rs` is a file in parts.
fn each_file<T>(folder: &Path, read_file: impl Fn(&str, &syn::File) -> Result<T>) -> Result<Vec<T>> {
    entries(folder)?
        .into_iter()
        .filter(|path| is_rust(path) || path.join("mod.rs").exists())
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file = if path.is_dir() { read_parts(&path)? } else { read(&path)? };
            read_file(&name, &file).map_err(|error| format!("{}: {error}", path.display()))
        })
        .collect()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The items of all files of a folder, under the comment of its `mod.rs`.
fn read_parts(folder: &Path) -> Result<syn::File> {
    let mut whole = read(&folder.join("mod.rs"))?;
    for path in entries(folder)?.into_iter().filter(|path| is_rust(path) && !path.ends_with("mod.rs")) {
        whole.items.extend(read(&path)?.items);
    }
    Ok(whole)
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
    let mut signature = Signature::parse(function, known)?;
    if let Some(older) = &docs.older {
        signature.c_name.clone_from(&older.full);
    }
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
            let name = variant.ident.to_string();
            let word = alias(&variant.attrs).unwrap_or_else(|| snake(&name));
            variants.push(Variant { name, docs: lines(&variant.attrs), code, word });
        }
        choices.push(Choice { name, docs: lines(&item.attrs), variants });
    }
    Ok(choices)
}

/// The text of `#[doc(alias = "…")]`.
fn alias(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).find_map(|attribute| {
        let pair = attribute.parse_args::<syn::MetaNameValue>().ok().filter(|pair| pair.path.is_ident("alias"))?;
        match pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        }
    })
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
    fn a_choice_is_called_by_its_alias_or_in_snake_case() {
        let file = syn::parse_file(
            "/// M.\npub enum Mode { /// One.\n NearestExact = 0, /// Two.\n #[doc(alias = \"two-two\")]\n Two = 1 }",
        );
        let found = choices(&file.expect("Rust")).expect("well formed");
        let words: Vec<&str> = found[0].variants.iter().map(|variant| variant.word.as_str()).collect();
        assert_eq!(words, ["nearest_exact", "two-two"]);
    }

    #[test]
    fn an_operation_without_documentation_is_named() {
        let missing = parse("//! U.\npub fn exp(input: &Tensor) -> Result<Tensor> {}");
        assert!(missing.is_err_and(|error| error.contains("`exp`") && error.contains("no documentation")));
        let nameless = parse("//! U.\n/// Exponential.\npub fn exp(input: &Tensor) -> Result<Tensor> {}");
        assert!(nameless.is_err_and(|error| error.contains("`exp`") && error.contains("# PyTorch")));
    }
}
