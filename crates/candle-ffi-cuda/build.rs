//! Compiles `src/kernels/*.cu`, with the compiler that Candle's own kernels need, too. Without the feature `cuda` it does
//! nothing and needs nothing.
//!
//! nvcc makes PTX of the lowest capability, and its assembler makes machine code of that for each capability that is wanted.
//! Both are in one fat binary for each file, compressed: the driver takes the machine code that fits the GPU, and compiles
//! the PTX, which takes seconds, only for GPUs that came later.

#[cfg(feature = "cuda")]
#[path = "build/fat.rs"]
mod fat;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    compile()?;
    Ok(())
}

#[cfg(feature = "cuda")]
fn compile() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/kernels");
    let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    // Clippy has a folder of its own, and would have everything compiled once more.
    if std::env::var("RUSTC_WORKSPACE_WRAPPER").is_ok_and(|wrapper| wrapper.contains("clippy")) {
        return fat::pretend(&folder, "src/kernels");
    }
    // No --use_fast_math: results are compared with those of the CPU.
    cudaforge::KernelBuilder::new()
        .source_dir("src/kernels")
        .watch(["src/kernels"])
        .arg("-std=c++17")
        .arg("-O3")
        .arg("--expt-relaxed-constexpr")
        .build_ptx()?;
    fat::assemble(&folder, "src/kernels")
}
