//! Gives the shared library the name that programs linked to it look for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The number is the ABI's major version: it changes when a program must be linked again.
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libcandle_ffi.0.dylib");
        }
        Ok("windows") | Err(_) => {}
        Ok(_) => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcandle_ffi.so.0"),
    }
}
