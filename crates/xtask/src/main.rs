//! Code generation for candle_ffi.
//!
//! `cargo xtask gen` reads the operations and layers of `candle-ffi-core` and the exports of `candle-ffi`, and
//! writes everything that follows from them; `cargo xtask gen --check` fails when something differs.
//! There is no list of operations or layers here: a signature is recognised by its types, see [`signature`]
//! and [`layers`].

mod cdef;
mod cpp;
mod defaults;
mod docs;
mod enumerations;
mod exports;
mod generate;
mod go;
mod header;
mod java;
mod layers;
mod misuse_test;
mod node;
mod null_test;
mod ops_table;
mod optimizers;
mod python;
mod python_docs;
mod rust_exports;
mod shims;
mod signature;
mod source;
mod symbols;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

/// A failure, told to the person who ran the command.
type Result<T, E = String> = std::result::Result<T, E>;

const USAGE: &str = "usage: cargo xtask gen [--check]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["gen"] => generate::write(&root()),
        ["gen", "--check"] => generate::check(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}
