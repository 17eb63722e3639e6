//! Modules: PTX text, or a fat binary that has some, read and kept until its kernels are asked for.

use std::sync::{Arc, Mutex, PoisonError};

use super::border::{Address, HostPointer, Out, Text};
use super::context::{Context, current};
use super::counts::{Count, count};
use super::device::{CAPABILITY, SHARED};
use super::function::{self, Loaded};
use super::handles::{Handle, Handles};
use super::memory::{allocate, give_back};
use super::registry::{Kind, registry};
use super::settings::settings;
use super::status::Status;
use super::stream::no_capture;
use super::{exports, fat_binary, order, report};
use crate::ptx;

/// A `CUmodule`.
struct Module {
    context: Handle,
    ptx: ptx::Module,
    /// Functions that were asked for, by name.
    functions: Mutex<Vec<(String, Handle)>>,
    /// Its variables in the memory of the device.
    variables: Vec<Address>,
}

impl Module {
    fn unload(&self) {
        for (_, function) in self.functions.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            function::remove(function);
        }
        for address in &self.variables {
            // None is left where the context has been reset meanwhile.
            _ = registry().free(*address, |kind| *kind == Kind::Module).map(|block| give_back(&block));
        }
    }
}

static MODULES: Handles<Module> = Handles::new();

/// The first bytes of what has no PTX: an ELF file, and what a compiler wraps around a fat binary.
const BINARY: [&[u8]; 2] = [b"\x7fELF", &[0x46, 0x62, 0xB1, 0x43]];

fn load(out: Out<Handle>, image: HostPointer) -> Result<(), Status> {
    let context = current()?;
    if image.address() == 0 {
        return Err(Status::INVALID_VALUE);
    }
    let first = image.array::<[u8; 4]>().get(0)?;
    if BINARY.contains(&&first[..]) {
        report(format_args!("a module holds machine code; only PTX can be run"));
        return Err(Status::NO_BINARY_FOR_GPU);
    }
    let text = match first {
        fat_binary::MAGIC => fat_binary::ptx(image)?,
        _ => image.text().read().map_err(|_| Status::INVALID_IMAGE)?,
    };
    load_text(&context, out, &text)
}

/// The version of PTX, ten times, that a driver understands, from the version of CUDA that it is of.
fn newest(driver: i32) -> u32 {
    let (major, minor) = ((driver / 1000) as u32, (driver % 1000 / 10) as u32);
    match (major, minor) {
        (..=11, minor) => 70 + minor.min(8),
        (12, minor @ 0..=5) => 80 + minor,
        (12, minor) => 79 + minor,
        (major, minor) => 10 * (major - 4) + minor,
    }
}

/// Whether this driver and this device take the text.
fn fits(module: &ptx::Module) -> Result<(), Status> {
    let newest = newest(settings().version);
    let target = module.target.filter(|_| module.version > 0).ok_or_else(|| {
        report(format_args!("a module's PTX says no version or no target"));
        Status::INVALID_PTX
    })?;
    if module.version > newest {
        let (has, takes) = (f64::from(module.version) / 10.0, f64::from(newest) / 10.0);
        report(format_args!("a module is of version {has:.1} of PTX, and this driver takes {takes:.1} at most"));
        return Err(Status::UNSUPPORTED_PTX_VERSION);
    }
    if !target.runs_on(CAPABILITY) {
        report(format_args!("a module is for sm_{}, which a device of sm_{CAPABILITY} is not", target.capability));
        return Err(Status::NO_BINARY_FOR_GPU);
    }
    Ok(())
}

fn load_text(context: &Context, out: Out<Handle>, text: &str) -> Result<(), Status> {
    no_capture(context)?;
    let mut parsed = ptx::Module::parse(text).map_err(|error| {
        report(format_args!("a module's PTX cannot be read: {error}"));
        Status::INVALID_PTX
    })?;
    fits(&parsed)?;
    let mut variables = Vec::new();
    let mut place = |size: usize, _align: usize| {
        let address = allocate(context, size, Kind::Module).ok()?;
        variables.push(address);
        Some(address)
    };
    let placed = parsed.allocate(&mut place, &context.view());
    let module = Module { context: context.handle, ptx: parsed, functions: Mutex::default(), variables };
    if let Err(variable) = placed {
        report(format_args!("there is no place for the module's variable {variable}"));
        module.unload();
        return Err(Status::OUT_OF_MEMORY);
    }
    count(Count::ModuleLoad);
    out.set(MODULES.add(module))
}

exports! {
    fn cuModuleLoad(out: Out<Handle>, path: Text) {
        let context = current()?;
        let text = std::fs::read_to_string(path.read()?).map_err(|_| Status::FILE_NOT_FOUND)?;
        load_text(&context, out, &text)
    }

    fn cuModuleLoadData(out: Out<Handle>, image: HostPointer) {
        load(out, image)
    }

    fn cuModuleLoadDataEx(out: Out<Handle>, image: HostPointer, _number: u32, _options: HostPointer, _values: HostPointer) {
        load(out, image)
    }

    fn cuModuleUnload(handle: Handle) {
        let module = MODULES.remove(current().and(Ok(handle))?)?;
        order::settle(module.context)?;
        module.unload();
        Ok(())
    }

    fn cuModuleGetFunction(out: Out<Handle>, handle: Handle, name: Text) {
        current()?;
        let (module, name) = (MODULES.get(handle)?, name.read()?);
        let mut functions = module.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, function)) = functions.iter().find(|(known, _)| *known == name) {
            return out.set(*function);
        }
        let parsed: Arc<ptx::Function> = module.ptx.function(&name).ok_or(Status::NOT_FOUND)?;
        // The real one compiles the whole module when it is loaded, and refuses it then.
        if parsed.static_shared_bytes > SHARED {
            let size = parsed.static_shared_bytes;
            report(format_args!("`{name}` has {size} bytes of shared memory that its text declares, and {SHARED} are the most"));
            return Err(Status::INVALID_PTX);
        }
        let function = function::add(Loaded::new(parsed, module.context));
        functions.push((name, function));
        out.set(function)
    }

    fn cuModuleGetGlobal_v2(address: Out<Address>, size: Out<usize>, handle: Handle, name: Text) {
        current()?;
        let module = MODULES.get(handle)?;
        let global = module.ptx.global(&name.read()?).ok_or(Status::NOT_FOUND)?;
        address.set_if_wanted(global.address);
        size.set_if_wanted(global.size);
        Ok(())
    }

    fn cuModuleGetLoadingMode(mode: Out<i32>) {
        // Eager: the text is read when the module is loaded.
        mode.set(1)
    }
}
