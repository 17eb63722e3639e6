//! Compiles `src/kernels/*.cu` to PTX, with the compiler that Candle's own kernels need, too. Without the feature
//! `cuda` it does nothing and needs nothing.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    compile()?;
    Ok(())
}

#[cfg(feature = "cuda")]
fn compile() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/kernels");
    // No --use_fast_math: results are compared with those of the CPU.
    let kernels = cudaforge::KernelBuilder::new()
        .source_dir("src/kernels")
        .watch(["src/kernels"])
        .arg("-std=c++17")
        .arg("-O3")
        .arg("--expt-relaxed-constexpr")
        .build_ptx()?;
    kernels.write(std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("ptx.rs"))?;
    Ok(())
}
