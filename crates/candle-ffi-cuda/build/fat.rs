//! From PTX to fat binaries, by the assembler `ptxas` and `fatbinary` of the toolkit.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::{env, fs, thread};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Makes `name.fatbin` of each `name.ptx` in a folder, for the files `name.cu` of the sources, and `kernels.rs`, which has a
/// constant `NAME` for each, and `CAPABILITY`, that of the PTX.
pub(crate) fn assemble(folder: &Path, sources: &str) -> Result<()> {
    println!("cargo::rerun-if-env-changed=CUDA_COMPUTE_CAPS");
    println!("cargo::rerun-if-env-changed=CUDA_HOME");
    let (tools, names) = (Tools::find()?, names(sources)?);
    let next = Mutex::new(names.iter());
    let work = || -> Result<()> {
        loop {
            let name = next.lock().map_err(|_| "another file failed")?.next();
            let Some(name) = name else { return Ok(()) };
            tools.file(folder, name)?;
        }
    };
    let jobs = env::var("NUM_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1);
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread of the build failed")?)
    })?;
    let first = names.first().ok_or("there are no kernels")?;
    let ptx = fs::read_to_string(folder.join(format!("{first}.ptx")))?;
    let capability: String = lowest(&ptx)?.chars().take_while(char::is_ascii_digit).collect();
    let bytes = |name: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.fatbin\"))");
    declare(folder, &names, &capability, bytes)
}

/// Declares the same constants, of kernels that are nothing: for who reads Rust alone.
pub(crate) fn pretend(folder: &Path, sources: &str) -> Result<()> {
    declare(folder, &names(sources)?, "80", |_| "&[]".to_owned())
}

/// The names of the files with kernels.
fn names(sources: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(sources)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cu") {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

fn declare(folder: &Path, names: &[String], capability: &str, bytes: impl Fn(&str) -> String) -> Result<()> {
    let mut text = format!("pub const CAPABILITY: u32 = {capability};\n");
    let line = |name: &String| format!("pub const {}: &[u8] = {};\n", name.to_uppercase(), bytes(name));
    text.extend(names.iter().map(line));
    fs::write(folder.join("kernels.rs"), text)?;
    Ok(())
}

/// The capability that PTX is for: `80`, `90a`.
fn lowest(ptx: &str) -> Result<&str> {
    let target = ptx.lines().find_map(|line| line.strip_prefix(".target sm_")).ok_or("PTX without a target")?;
    Ok(target.split(',').next().unwrap_or(target).trim())
}

struct Tools {
    /// The folder of the toolkit's programs.
    programs: PathBuf,
    /// What to compile for: the words that `CUDA_COMPUTE_CAPS` lists; none: what the PTX is for.
    capabilities: Vec<String>,
}

impl Tools {
    fn find() -> Result<Self> {
        let listed = env::var("CUDA_COMPUTE_CAPS").unwrap_or_default().replace('.', "");
        let capabilities = listed.split([';', ',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        // `NVCC` may name a script that calls the compiler.
        let named = env::var_os("CUDA_HOME").map(|home| Path::new(&home).join("bin"));
        let beside =
            || cudaforge::CudaToolkit::detect().ok().and_then(|found| Some(found.nvcc_path.parent()?.to_owned()));
        let programs = named.filter(|folder| folder.join("ptxas").exists()).or_else(beside);
        Ok(Self { programs: programs.ok_or("the toolkit of CUDA is not found: set CUDA_HOME")?, capabilities })
    }

    /// One fat binary, unless it is there already.
    fn file(&self, folder: &Path, name: &str) -> Result<()> {
        let path = |extension: &str| folder.join(format!("{name}.{extension}"));
        let ptx = fs::read_to_string(path("ptx"))?;
        let lowest = lowest(&ptx)?;
        let wanted: Vec<&str> = if self.capabilities.is_empty() {
            vec![lowest]
        } else {
            self.capabilities.iter().map(String::as_str).collect()
        };
        let made = format!("{}\n{ptx}", wanted.join(" "));
        if path("fatbin").exists() && fs::read_to_string(path("made")).is_ok_and(|before| before == made) {
            return Ok(());
        }
        let (mut images, mut codes) = (vec![image("ptx", lowest, &path("ptx"))], Vec::new());
        for capability in wanted {
            let code = path(&format!("{capability}.cubin"));
            let target = format!("-arch=sm_{capability}");
            run(Command::new(self.programs.join("ptxas"))
                .arg("-O3")
                .arg(target)
                .arg("-o")
                .arg(&code)
                .arg(path("ptx")))?;
            images.push(image("elf", capability, &code));
            codes.push(code);
        }
        let create = format!("--create={}", path("fatbin").display());
        run(Command::new(self.programs.join("fatbinary")).arg(create).args(["--64", "--compress-all"]).args(images))?;
        codes.into_iter().try_for_each(fs::remove_file)?;
        fs::write(path("made"), made)?;
        Ok(())
    }
}

fn image(kind: &str, capability: &str, file: &Path) -> String {
    format!("--image3=kind={kind},sm={capability},file={}", file.display())
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}:\n{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        .into())
}
