//! The devices: how many there are, what they are, and how one is opened.

use crate::{capture, memory};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};
use candle_core::{CudaDevice, Device};
use std::sync::OnceLock;

/// The version of CUDA that this library was built with, as CUDA writes it: 13000 is 13.0.
pub const CUDA_VERSION: i32 = sys::CUDA_VERSION as i32;

/// What a device is.
#[derive(Clone, Debug)]
pub struct Properties {
    /// Its name, such as "NVIDIA A100-SXM4-80GB".
    pub name: String,
    /// What tells it from all others, as `nvidia-smi -L` prints it.
    pub uuid: String,
    /// What it can do: 8 and 0 for 8.0.
    pub compute_capability: (i32, i32),
    /// How many multiprocessors it has.
    pub multiprocessors: i32,
    /// How many threads go in step.
    pub warp_size: i32,
    /// The bytes of its memory.
    pub total_memory: u64,
    /// The newest version of CUDA that the driver knows.
    pub driver_version: i32,
}

/// How many devices there are, or why there is none. None is opened.
///
/// What the driver says first holds for the life of the process: it looks at `CUDA_VISIBLE_DEVICES` only once.
pub fn count() -> Result<usize, String> {
    static COUNT: OnceLock<Result<usize, String>> = OnceLock::new();
    COUNT.get_or_init(|| start().map_err(|error| reason(error.0))?).clone()
}

/// Starts the driver and asks it.
fn start() -> Result<Result<usize, String>, DriverError> {
    result::init()?;
    let driver = driver_version()?;
    if driver < CUDA_VERSION {
        return Ok(Err(format!(
            "the NVIDIA driver knows CUDA up to {}, but this library is built with CUDA {}: update the driver",
            version(driver),
            version(CUDA_VERSION)
        )));
    }
    Ok(match usize::try_from(result::device::get_count()?).unwrap_or(0) {
        0 => Err(none_visible()),
        count => Ok(count),
    })
}

/// What a device is. It need not be open, and is not opened.
pub fn properties(index: usize) -> candle_core::Result<Properties> {
    use sys::CUdevice_attribute_enum as Attribute;
    let read = || -> Result<Properties, DriverError> {
        result::init()?;
        let device = result::device::get(i32::try_from(index).unwrap_or(i32::MAX))?;
        // SAFETY: the driver has just given this device.
        let attribute = |attribute| unsafe { result::device::get_attribute(device, attribute) };
        Ok(Properties {
            name: result::device::get_name(device)?,
            uuid: uuid(&result::device::get_uuid(device)?),
            compute_capability: (
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            warp_size: attribute(Attribute::CU_DEVICE_ATTRIBUTE_WARP_SIZE)?,
            // SAFETY: as above.
            total_memory: unsafe { result::device::total_mem(device) }? as u64,
            driver_version: driver_version()?,
        })
    };
    read().w()
}

/// How many multiprocessors a device has; it is asked once. Those of a large one where the driver does not tell.
pub(crate) fn multiprocessors(device: &CudaDevice) -> usize {
    static OF_DEVICES: OnceLock<Vec<usize>> = OnceLock::new();
    const MANY: usize = 128;
    let of = |index| properties(index).ok().and_then(|found| usize::try_from(found.multiprocessors).ok());
    let known = OF_DEVICES.get_or_init(|| (0..count().unwrap_or(0)).map(|index| of(index).unwrap_or(MANY)).collect());
    known.get(device.cuda_stream().context().ordinal()).copied().unwrap_or(MANY).max(1)
}

/// As many blocks of 256 threads keep every multiprocessor of a device busy.
pub(crate) fn blocks_wanted(device: &CudaDevice) -> usize {
    8 * multiprocessors(device)
}

/// Opens a device.
///
/// All its work goes to one stream of its own, whichever thread asks for it: Candle's default is a stream for each
/// thread, between which a tensor that two threads use would race. With one stream nothing needs the events by which
/// streams wait for each other's use of memory. Memory that is freed stays with the process for what comes next.
pub fn open(index: usize) -> candle_core::Result<Device> {
    let device = Device::new_cuda_with_stream(index)?;
    let cuda = device.as_cuda_device()?;
    // SAFETY: nothing but the one stream of this device works on its tensors; where others do (another device, another
    // library), they wait for it, and it for them, by events of their own.
    unsafe { cuda.disable_event_tracking() };
    memory::keep_freed(cuda)?;
    Ok(device)
}

/// What is refused where nobody can wait.
pub(crate) const WAITS: &str = "the host cannot wait for a device, nor read an element of it,";

/// Waits for all that a device has been given to do.
pub fn synchronize(device: &Device) -> candle_core::Result<()> {
    let cuda = device.as_cuda_device()?;
    capture::refuse(cuda, WAITS)?;
    {
        let _pass = capture::enter(cuda)?;
        cuda.cuda_stream().context().synchronize().w()?;
    }
    #[cfg(target_os = "linux")]
    crate::adopted::finish();
    Ok(())
}

/// Why the driver does not work with this library, for those of its errors that have a remedy.
pub(crate) fn reason(error: sys::CUresult) -> String {
    use sys::CUresult as Code;
    match error {
        Code::CUDA_ERROR_NO_DEVICE => none_visible(),
        Code::CUDA_ERROR_STUB_LIBRARY => "libcuda.so.1 is the stub that programs are linked with, not the NVIDIA driver: \
             take its folder out of LD_LIBRARY_PATH"
            .to_owned(),
        Code::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => "libcuda.so.1 and the NVIDIA driver in the kernel are of two versions: \
             restart the machine, or install the driver again"
            .to_owned(),
        Code::CUDA_ERROR_NOT_INITIALIZED => "CUDA does not work in a child of a process that has used it: fork before it is \
             used, or start the process anew (in Python, multiprocessing's start method \"spawn\")"
            .to_owned(),
        Code::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => format!(
            "the NVIDIA driver is older than CUDA {}, with which this library is built: update the driver",
            version(CUDA_VERSION)
        ),
        Code::CUDA_ERROR_NO_BINARY_FOR_GPU | Code::CUDA_ERROR_INVALID_PTX => {
            "this library is not built for the compute capability of this GPU".to_owned()
        }
        Code::CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED | Code::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED => {
            "this cannot be done while a graph is captured; the capture has failed".to_owned()
        }
        Code::CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD => {
            "another thread captures a graph on this device, and does not end".to_owned()
        }
        Code::CUDA_ERROR_UNKNOWN | Code::CUDA_ERROR_OPERATING_SYSTEM => {
            "the NVIDIA driver does not start: `nvidia-smi` tells whether its kernel modules are loaded and its devices \
             may be used"
                .to_owned()
        }
        other => format!("the NVIDIA driver does not start: {}", DriverError(other)),
    }
}

fn none_visible() -> String {
    match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(visible) => format!("the NVIDIA driver finds no GPU with CUDA_VISIBLE_DEVICES={visible:?}"),
        Err(_) => "the NVIDIA driver finds no GPU".to_owned(),
    }
}

fn driver_version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: it is written before the call returns.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
    Ok(version)
}

/// 13000 as "13.0".
fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

fn uuid(uuid: &sys::CUuuid) -> String {
    let mut text = String::from("GPU");
    for (at, &byte) in uuid.bytes.iter().enumerate() {
        let dash = if matches!(at, 0 | 4 | 6 | 8 | 10) { "-" } else { "" };
        text += &format!("{dash}{:02x}", byte as u8);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!((version(13000), version(12080)), ("13.0".to_owned(), "12.8".to_owned()));
        let bytes = std::array::from_fn(|at| at as std::ffi::c_char - 1);
        assert_eq!(uuid(&sys::CUuuid { bytes }), "GPU-ff000102-0304-0506-0708-090a0b0c0d0e");
    }
}
