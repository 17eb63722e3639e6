//! Makes every generated file in memory; writing and checking are two ways to end.

use crate::exports::{Export, check_forwarding, exports};
use crate::optimizers::Optimizers;
use crate::source::{Source, read};
use crate::{
    Result, cdef, cpp, enumerations, go, header, java, layers, misuse_test, node, null_test, ops_table, python,
    rust_exports, shims, symbols,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the generated exports are; files there that are not generated any more are removed.
const OPS: &str = "crates/candle-ffi/src/ops";
const LAYERS: &str = "crates/candle-ffi/src/layers";

type Files = BTreeMap<PathBuf, String>;

/// Writes what differs.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, text) in &files(root)? {
        if current(root, path).as_ref() != Some(text) {
            let target = root.join(path);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            std::fs::write(&target, text).map_err(|error| format!("{}: {error}", target.display()))?;
            println!("wrote {}", path.display());
        }
    }
    for path in stale(root, &files(root)?) {
        std::fs::remove_file(root.join(&path)).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("removed {}", path.display());
    }
    Ok(())
}

/// Fails when something differs, and says how to mend it.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = files(root)?;
    let mut differing: Vec<PathBuf> = files
        .iter()
        .filter(|(path, text)| current(root, path).as_ref() != Some(text))
        .map(|(path, _)| path.clone())
        .collect();
    differing.extend(stale(root, &files));
    if differing.is_empty() {
        return Ok(());
    }
    let list: String = differing.iter().map(|path| format!("  {}\n", path.display())).collect();
    Err(format!("these files are not what the sources say:\n{list}run `cargo xtask gen` and commit the result"))
}

fn current(root: &Path, path: &Path) -> Option<String> {
    std::fs::read_to_string(root.join(path)).ok()
}

fn stale(root: &Path, files: &Files) -> Vec<PathBuf> {
    let entries = |folder: &'static str| {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        entries.map(move |entry| Path::new(folder).join(entry.file_name()))
    };
    // What is written by hand lies beside these.
    let is_generated = |path: &PathBuf| current(root, path).is_some_and(|text| text.starts_with(java::MARK));
    let java = entries(java::FOLDER).filter(is_generated);
    entries(OPS).chain(entries(LAYERS)).chain(java).filter(|path| !files.contains_key(path)).collect()
}

fn files(root: &Path) -> Result<Files> {
    let source = Source::read(&root.join("crates/candle-ffi-core/src"))?;
    let mut files = Files::new();
    let module = |name: &str| Path::new(OPS).join(format!("{name}.rs"));
    files.insert(module("mod"), rustfmt(root, &rust_exports::module(&source))?);
    files.insert(module("options"), rustfmt(root, &rust_exports::options(&source.choices))?);
    for file in &source.files {
        files.insert(module(&file.name), rustfmt(root, &rust_exports::file(file, &source)?)?);
    }
    let module = |name: &str| Path::new(LAYERS).join(format!("{name}.rs"));
    files.insert(module("mod"), rustfmt(root, &layers::module(&source))?);
    for file in &source.layers {
        files.insert(module(&file.name), rustfmt(root, &layers::file(file, &source))?);
    }

    let mut sections = Vec::new();
    let mut plain_sections = Vec::new();
    let mut exported: Vec<Export> = Vec::new();
    let mut opaque = BTreeSet::new();
    let mut enumerations = Vec::new();
    let mut sized = BTreeSet::new();
    let mut optimizers = Optimizers::default();
    let mut layouts = Vec::new();
    let mut native = node::raw::Types::default();
    for path in abi_sources(root, &source, &files)? {
        let file = read(&path)?;
        opaque.extend(header::opaque_types(&file));
        check_forwarding(&file).map_err(|error| format!("{}: {error}", path.display()))?;
        exported.extend(exports(&file).map_err(|error| format!("{}: {error}", path.display()))?);
        enumerations.extend(enumerations::enumerations(&file));
        sized.extend(header::sized_types(&file));
        optimizers.read(&file);
        layouts.extend(java::layouts::layouts(&file)?);
        native.read(&file)?;
        sections.push(header::section(&path, &file, true)?);
        plain_sections.push(header::section(&path, &file, false)?);
    }
    let constants: Vec<String> = plain_sections
        .iter()
        .flat_map(|section| section.items.lines())
        .filter_map(|line| line.strip_prefix("#define "))
        .map(str::to_owned)
        .collect();

    files.insert("include/candle_ffi.h".into(), header::header(&sections));
    files.insert("include/candle_ffi.cdef".into(), cdef::cdef(&plain_sections));
    let cpp = |name: &str| Path::new("include/candle_ffi").join(name);
    files.insert(cpp("enums.hpp"), cpp::enums::header(&enumerations));
    files.insert(cpp("methods.hpp"), cpp::ops::methods(&source)?);
    files.insert(cpp("ops.hpp"), cpp::ops::functions(&source)?);
    files.insert(cpp("layers.hpp"), cpp::layers::header(&source)?);
    files.insert(cpp("optimizers.hpp"), cpp::optimizers::header(&optimizers));
    files.insert(java::path("CandleLibrary"), java::natives::class(&exported, &constants)?);
    files.insert(java::path("Operations"), java::ops::operations(&source)?);
    files.insert(java::path("TensorMethods"), java::ops::tensor_methods(&source)?);
    files.insert(java::path("Options"), java::ops::options(&source)?);
    files.insert(java::path("Layers"), java::layers::layers(&source)?);
    files.insert(java::path("Optim"), java::optimizers::optim(&optimizers, &layouts)?);
    files.insert(java::path("Layouts"), java::layouts::class(&layouts));
    files.extend(java::results::files(&source));
    files.extend(java::constants::files(&enumerations, &constants)?);
    let go = |name: &str| Path::new("bindings/go").join(name);
    files.insert(go("enums.go"), go::enums::file(&enumerations, &source.choices));
    files.insert(go("ops.go"), go::ops::file(&source)?);
    files.insert(go("layers.go"), go::layers::file(&source)?);
    files.insert(go("optimizers.go"), go::optimizers::file(&optimizers));
    files.insert(go("shims.h"), go::shims::header(&source, &exported, &optimizers));
    let node = |name: &str| Path::new("bindings/node/src/generated").join(name);
    files.insert(node("raw.ts"), node::raw::module(&exported, &native));
    files.insert(node("enums.ts"), node::enums::module(&source, &enumerations, &constants));
    files.insert(node("errors.ts"), node::enums::errors(&enumerations, &constants));
    files.insert(node("ops.ts"), node::ops::functions(&source)?);
    files.insert(node("methods.ts"), node::ops::methods(&source)?);
    files.insert(node("layers.ts"), node::layers::module(&source)?);
    files.insert(node("optimizers.ts"), node::optimizers::module(&optimizers));
    let shims = shims::shims(&source, &exported)?;
    files.insert("candle_ffi/_shims.h".into(), shims.definitions);
    files.insert("candle_ffi/_shims.cdef".into(), shims.declarations);
    files.insert("candle_ffi/_ops.py".into(), python::module(&source)?);
    files.insert("docs/ops.md".into(), ops_table::page(&source));
    files.insert("docs/layers.md".into(), ops_table::layers(&source));
    files.insert("tests/abi/symbols.txt".into(), symbols::list(&exported, &constants));
    files.insert("crates/candle-ffi/src/symbols.rs".into(), symbols::names(&exported));
    files.insert("tests/c/test_null.c".into(), null_test::program(&exported, &opaque));
    let kinds = enumerations.iter().map(|enumeration| enumeration.kind.to_owned()).collect();
    let types = misuse_test::Types { opaque: &opaque, enumerations: &kinds, sized: &sized };
    files.insert("tests/c/test_misuse.c".into(), misuse_test::program(&exported, &types));
    Ok(files)
}

/// The sources of the ABI crate in the order of its `lib.rs`. The generated ones are read from a copy
/// in `target`, so that checking writes nothing into the tree.
fn abi_sources(root: &Path, source: &Source, files: &Files) -> Result<Vec<PathBuf>> {
    let stage = root.join("target/xtask");
    std::fs::create_dir_all(&stage).map_err(|error| format!("{}: {error}", stage.display()))?;
    let mut paths = Vec::new();
    let src = root.join("crates/candle-ffi/src");
    for item in read(&src.join("lib.rs"))?.items {
        let syn::Item::Mod(module) = item else { continue };
        if !matches!(module.vis, syn::Visibility::Public(_)) {
            continue;
        }
        let module = module.ident.to_string();
        let (folder, names): (&str, Vec<&str>) = match module.as_str() {
            "ops" => {
                let files = source.files.iter().map(|file| file.name.as_str());
                (OPS, std::iter::once("options").chain(files).collect())
            }
            "layers" => (LAYERS, source.layers.iter().map(|file| file.name.as_str()).collect()),
            _ => {
                paths.push(src.join(format!("{module}.rs")));
                continue;
            }
        };
        for name in names {
            let path = stage.join(format!("{module}_{name}.rs"));
            let text = files.get(&Path::new(folder).join(format!("{name}.rs"))).cloned().unwrap_or_default();
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            paths.push(path);
        }
    }
    Ok(paths)
}

fn rustfmt(root: &Path, text: &str) -> Result<String> {
    let failed = |error: std::io::Error| format!("rustfmt: {error}");
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(format!("rustfmt refused a generated file:\n{text}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
