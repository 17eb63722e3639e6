//! Gives the library the versions that programs linked to NVIDIA's ask the loader for, so that it does not warn.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=versions.map");
    // rustc links with LLD on this target, which takes a second version script beside rustc's own; others refuse it, and
    // there the loader's warning is all that is lost.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let usual_linker = !flags.contains("fuse-ld") && !flags.contains("linker");
    if env::var("TARGET").as_deref() == Ok("x86_64-unknown-linux-gnu") && usual_linker {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-cdylib-link-arg=-Wl,--version-script={folder}/versions.map");
    }
}
