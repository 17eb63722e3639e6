//! Kernels started: the arguments copied, the limits checked, the machine run, and what becomes of a context in which a
//! kernel goes astray.

use std::ffi::c_void;

use super::border::{HostPointer, In};
use super::context::{Context, current};
use super::counts::count_launch;
use super::device::{BLOCK, BLOCK_THREADS, GRID};
use super::function::{Loaded, function};
use super::handles::Handle;
use super::registry::registry;
use super::settings::settings;
use super::status::Status;
use super::stream::{stream, submit};
use super::{exports, report};
use crate::machine::{self, Fault};

/// Where a launch goes and how large it is.
struct Launch {
    grid: [u32; 3],
    block: [u32; 3],
    shared: u32,
    stream: Handle,
}

impl Launch {
    fn check(&self, loaded: &Loaded) -> Result<(), Status> {
        let within =
            |size: &[u32; 3], limit: [u32; 3]| size.iter().zip(limit).all(|(size, limit)| (1..=limit).contains(size));
        if !within(&self.grid, GRID) || !within(&self.block, BLOCK) {
            return Err(Status::INVALID_VALUE);
        }
        if loaded.function.required_block.is_some_and(|required| required != self.block) {
            return Err(Status::INVALID_VALUE);
        }
        let threads = self.block.iter().map(|size| *size as usize).product::<usize>();
        if threads > BLOCK_THREADS.min(loaded.function.max_threads) || self.shared as usize > loaded.dynamic_limit() {
            return Err(Status::INVALID_VALUE);
        }
        Ok(())
    }

    fn start(self, handle: Handle, arguments: In<HostPointer>, extra: HostPointer) -> Result<(), Status> {
        let (loaded, stream) = (function(handle)?, stream(self.stream)?);
        // A stream belongs to a device: a launch, unlike a copy, needs that of the current context.
        if loaded.context != stream.context || current()?.handle != stream.context {
            return Err(Status::INVALID_HANDLE);
        }
        stream.context()?;
        self.check(&loaded)?;
        let parameters = parameters(&loaded, arguments, extra)?;
        let name = loaded.function.name.clone();
        submit(
            &stream,
            || count_launch(&name),
            move |context| run(context, &loaded, self.grid, self.block, self.shared, &parameters),
        )
    }
}

/// `CU_LAUNCH_PARAM_BUFFER_POINTER` and `CU_LAUNCH_PARAM_BUFFER_SIZE`.
const BUFFER: u64 = 1;
const BUFFER_SIZE: u64 = 2;

/// The arguments, each copied from where the caller has it to where the kernel looks for it.
fn parameters(loaded: &Loaded, arguments: In<HostPointer>, extra: HostPointer) -> Result<Vec<u8>, Status> {
    let mut bytes = vec![0; loaded.function.parameter_bytes];
    if extra.address() != 0 {
        let words = extra.array::<u64>();
        let (mut buffer, mut size) = (0, 0);
        for pair in 0..2 {
            match words.get(2 * pair)? {
                BUFFER => buffer = words.get(2 * pair + 1)?,
                BUFFER_SIZE => size = HostPointer::at(words.get(2 * pair + 1)?).array::<usize>().get(0)?,
                _ => return Err(Status::INVALID_VALUE),
            }
        }
        let given = HostPointer::at(buffer).read(size.min(bytes.len()))?;
        bytes[..given.len()].copy_from_slice(&given);
        return Ok(bytes);
    }
    for (index, parameter) in loaded.function.parameters.iter().enumerate() {
        let value = arguments.get(index)?.read(parameter.size)?;
        bytes[parameter.offset..parameter.offset + parameter.size].copy_from_slice(&value);
    }
    Ok(bytes)
}

fn run(
    context: &Context,
    loaded: &Loaded,
    grid: [u32; 3],
    block: [u32; 3],
    shared: u32,
    parameters: &[u8],
) -> Result<(), Status> {
    let view = context.view();
    let Err(fault) = machine::launch(&loaded.function, grid, block, shared, parameters, &view) else {
        return Ok(());
    };
    let text = fault.to_string();
    let status = status_of(&fault, loaded);
    match fault.address {
        Some(address) if fault.message.contains(GLOBAL) && status == Status::ILLEGAL_ADDRESS => {
            let near = registry().explain(address, fault.size, fault.message.contains("write"));
            report(format_args!("{text}\n    {near}"));
        }
        _ => report(format_args!("{text}")),
    }
    context.kill(status);
    // The host of a real device learns of it at its next call, unless it waits for each launch.
    if settings().blocking { Err(status) } else { Ok(()) }
}

/// What a fault says of an access that is not to the block's or the thread's own memory.
const GLOBAL: &str = "global memory";

/// The code that a real device gives for such a fault.
fn status_of(fault: &Fault, loaded: &Loaded) -> Status {
    let says = |words: &str| fault.message.contains(words);
    match fault.address {
        _ if loaded.function.error().is_some() => Status::ILLEGAL_INSTRUCTION,
        Some(_) if says("misaligned") => Status::MISALIGNED_ADDRESS,
        Some(_) => Status::ILLEGAL_ADDRESS,
        None if says("the assertion") => Status::ASSERT,
        None if says("runs for too long") => Status::LAUNCH_TIMEOUT,
        None => Status::LAUNCH_FAILED,
    }
}

/// `CUlaunchConfig`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Config {
    grid: [u32; 3],
    block: [u32; 3],
    shared: u32,
    stream: Handle,
    attributes: *const c_void,
    attribute_count: u32,
}

/// A function of the host, called in the order of a stream.
type HostFunction = Option<unsafe extern "C" fn(*mut c_void)>;
/// The older kind, which is told the stream and its state.
type Callback = Option<unsafe extern "C" fn(Handle, i32, *mut c_void)>;

exports! {
    fn cuLaunchKernel(
        handle: Handle,
        grid_x: u32, grid_y: u32, grid_z: u32,
        block_x: u32, block_y: u32, block_z: u32,
        shared: u32, on: Handle, arguments: In<HostPointer>, extra: HostPointer,
    ) {
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        Launch { grid, block, shared, stream: on }.start(handle, arguments, extra)
    }

    fn cuLaunchKernelEx(config: In<Config>, handle: Handle, arguments: In<HostPointer>, extra: HostPointer) {
        let Config { grid, block, shared, stream, .. } = config.get(0)?;
        Launch { grid, block, shared, stream }.start(handle, arguments, extra)
    }

    fn cuLaunchCooperativeKernel(
        _handle: Handle,
        _grid_x: u32, _grid_y: u32, _grid_z: u32,
        _block_x: u32, _block_y: u32, _block_z: u32,
        _shared: u32, _on: Handle, _arguments: In<HostPointer>,
    ) {
        // Blocks run one after another, so they cannot wait for each other.
        Err(Status::NOT_SUPPORTED)
    }

    fn cuLaunchHostFunc(on: Handle, function: HostFunction, data: HostPointer) {
        let function = function.ok_or(Status::INVALID_VALUE)?;
        let data = data.address();
        submit(&stream(on)?, || (), move |_| {
            // SAFETY: the caller hands in a function of this type and what it wants to be given.
            unsafe { function(data as *mut c_void) };
            Ok(())
        })
    }

    fn cuStreamAddCallback(on: Handle, function: Callback, data: HostPointer, _flags: u32) {
        let function = function.ok_or(Status::INVALID_VALUE)?;
        let stream = stream(on)?;
        if stream.capture().is_some() {
            return Err(Status::STREAM_CAPTURE_UNSUPPORTED);
        }
        let data = data.address();
        submit(&stream, || (), move |_| {
            // SAFETY: the caller hands in a function of this type and what it wants to be given.
            unsafe { function(on, 0, data as *mut c_void) };
            Ok(())
        })
    }
}
