//! `decode FILE.ptx…`: the kernels of PTX files, and which of them are not understood.

use cuda_emulator::machine::Memory;
use cuda_emulator::ptx::Module;

/// Room for variables, which nobody reads here.
struct Heap(Vec<u64>);

// SAFETY: nothing is written while a kernel runs; none does here.
unsafe impl Sync for Heap {}

impl Memory for Heap {
    fn resolve(&self, address: u64, size: usize, _write: bool) -> Option<*mut u8> {
        let end = usize::try_from(address).ok()?.checked_add(size)?;
        (end <= self.0.len() * 8).then(|| self.0.as_ptr().cast::<u8>().cast_mut().wrapping_add(address as usize))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&file)?;
        let began = std::time::Instant::now();
        let mut module = Module::parse(&text)?;
        let read = began.elapsed();
        let heap = Heap(vec![0; 1 << 20]);
        let mut end = 0;
        let mut place = |size: usize, align: usize| {
            let start = usize::next_multiple_of(end, align);
            end = start + size;
            Some(start as u64)
        };
        module.allocate(&mut place, &heap)?;
        let mut unknown = 0;
        let names = module.function_names();
        for name in &names {
            if let Some(error) = module.function(name).as_deref().and_then(|function| function.error()) {
                unknown += 1;
                println!("{name}: {error}");
            }
        }
        println!(
            "{file}: {} of {} kernels decoded; {read:.1?} to read, {:.1?} in all",
            names.len() - unknown,
            names.len(),
            began.elapsed()
        );
    }
    Ok(())
}
