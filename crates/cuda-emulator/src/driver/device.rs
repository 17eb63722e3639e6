//! The devices: how many there are and what they say of themselves.

use std::ffi::c_char;
use std::ffi::c_void;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::border::{Out, Text};
use super::counts::write_text;
use super::exports;
use super::settings::settings;
use super::status::Status;

/// The process that has called `cuInit`; 0: none has.
static INITIALIZED: AtomicU32 = AtomicU32::new(0);

/// An error before `cuInit`, and in a process that was forked after it, as with the real driver.
pub(crate) fn initialized() -> Result<(), Status> {
    if INITIALIZED.load(Ordering::Acquire) == process::id() { Ok(()) } else { Err(Status::NOT_INITIALIZED) }
}

/// A device by its `CUdevice`.
pub(crate) fn device(ordinal: i32) -> Result<usize, Status> {
    initialized()?;
    usize::try_from(ordinal).ok().filter(|device| *device < settings().devices.len()).ok_or(Status::INVALID_DEVICE)
}

/// The capability, ten times.
pub(crate) const CAPABILITY: u32 = 80;
/// Shared memory of a block: without asking, and when a function asks for more.
pub(crate) const SHARED: usize = 48 << 10;
pub(crate) const SHARED_OPT_IN: usize = 163 << 10;
/// Threads of a block and of a multiprocessor, multiprocessors.
pub(crate) const BLOCK_THREADS: usize = 1024;
pub(crate) const PROCESSOR_THREADS: usize = 2048;
pub(crate) const PROCESSORS: usize = 108;
/// The largest grid and block.
pub(crate) const GRID: [u32; 3] = [0x7FFF_FFFF, 65535, 65535];
pub(crate) const BLOCK: [u32; 3] = [1024, 1024, 64];

/// The answers of an A100, whose capability 8.0 the emulator has.
fn attribute(attribute: i32, ordinal: usize) -> Option<i64> {
    Some(match attribute {
        1 => BLOCK_THREADS as i64,
        2..=4 => i64::from(BLOCK[attribute as usize - 2]),
        5..=7 => i64::from(GRID[attribute as usize - 5]),
        8 => SHARED as i64,
        9 => 64 << 10,
        10 => 32,
        11 => i64::from(i32::MAX),
        12 | 82 => 64 << 10,
        13 => 1_410_000,
        14 => 512,
        16 => PROCESSORS as i64,
        17 | 18 | 20 => 0,
        15 | 19 | 31 | 41 => 1,
        21 => 131_072,
        22 => 131_072,
        23 => 65_536,
        24..=26 => 16_384,
        27..=29 => 32_768,
        30 => 512,
        32 => 1,
        33 => 1 + settings().devices[ordinal] as i64,
        34 | 50 => 0,
        35 => 0,
        36 => 1_215_000,
        37 => 5120,
        38 => 40 << 20,
        39 => PROCESSOR_THREADS as i64,
        40 => 3,
        42..=74 => 16_384,
        75 => i64::from(CAPABILITY / 10),
        76 => i64::from(CAPABILITY % 10),
        77 => 32_768,
        78..=80 => 1,
        81 => 164 << 10,
        83 => 1,
        84 => 0,
        85 => ordinal as i64,
        86 => 0,
        87 => 2,
        88 => 0,
        89 => 1,
        90 => 1,
        91 => 1,
        92..=94 => 0,
        95 => 0,
        96 => 0,
        97 => SHARED_OPT_IN as i64,
        98 => 0,
        99 => 1,
        100 | 101 => 0,
        102..=105 => 0,
        106 => 32,
        107..=110 => 0,
        111 => 1 << 10,
        112 | 114 => 0,
        113 => 1,
        115 => 1,
        116..=119 => 0,
        120..=200 => 0,
        _ => return None,
    })
}

fn uuid(ordinal: usize) -> [u8; 16] {
    let mut uuid = *b"cuda-emulator-00";
    uuid[15] = b'0' + settings().devices[ordinal] as u8;
    uuid
}

exports! {
    fn cuInit(flags: u32) {
        if flags != 0 {
            return Err(Status::INVALID_VALUE);
        }
        if settings().devices.is_empty() {
            return Err(Status::NO_DEVICE);
        }
        _ = INITIALIZED.compare_exchange(0, process::id(), Ordering::AcqRel, Ordering::Acquire);
        initialized()
    }

    fn cuDriverGetVersion(version: Out<i32>) {
        version.set(settings().version)
    }

    fn cuDeviceGet(out: Out<i32>, ordinal: i32) {
        device(ordinal)?;
        out.set(ordinal)
    }

    fn cuDeviceGetCount(count: Out<i32>) {
        initialized()?;
        count.set(settings().devices.len() as i32)
    }

    fn cuDeviceGetName(name: Out<c_char>, length: i32, ordinal: i32) {
        let device = device(ordinal)?;
        let length = usize::try_from(length).map_err(|_| Status::INVALID_VALUE)?;
        if name.is_null() || length == 0 {
            return Err(Status::INVALID_VALUE);
        }
        write_text(name, length, &format!("CUDA emulator {}", settings().devices[device]));
        Ok(())
    }

    fn cuDeviceGetUuid(out: Out<[u8; 16]>, ordinal: i32) {
        out.set(uuid(device(ordinal)?))
    }

    fn cuDeviceGetUuid_v2(out: Out<[u8; 16]>, ordinal: i32) {
        out.set(uuid(device(ordinal)?))
    }

    fn cuDeviceTotalMem_v2(bytes: Out<usize>, ordinal: i32) {
        device(ordinal)?;
        bytes.set(settings().memory)
    }

    fn cuDeviceGetAttribute(value: Out<i32>, which: i32, ordinal: i32) {
        let device = device(ordinal)?;
        value.set(attribute(which, device).ok_or(Status::INVALID_VALUE)? as i32)
    }

    fn cuDeviceComputeCapability(major: Out<i32>, minor: Out<i32>, ordinal: i32) {
        device(ordinal)?;
        major.set(8)?;
        minor.set(0)
    }

    fn cuDeviceGetPCIBusId(text: Out<c_char>, length: i32, ordinal: i32) {
        let device = device(ordinal)?;
        let length = usize::try_from(length).map_err(|_| Status::INVALID_VALUE)?;
        write_text(text, length, &format!("0000:{:02X}:00.0", 1 + settings().devices[device]));
        Ok(())
    }

    fn cuDeviceGetByPCIBusId(out: Out<i32>, text: Text) {
        initialized()?;
        let text = text.read()?;
        let matches = |device: &usize| text == format!("0000:{:02X}:00.0", 1 + device);
        let ordinal = settings().devices.iter().position(matches).ok_or(Status::INVALID_DEVICE)?;
        out.set(ordinal as i32)
    }

    fn cuGetErrorName(code: i32, out: Out<*const c_char>) {
        let (name, _) = Status::describe(code).ok_or(Status::INVALID_VALUE)?;
        out.set(name.as_ptr().cast())
    }

    fn cuGetErrorString(code: i32, out: Out<*const c_char>) {
        let (_, text) = Status::describe(code).ok_or(Status::INVALID_VALUE)?;
        out.set(text.as_ptr().cast())
    }

    fn cuGetProcAddress_v2(name: Text, out: Out<*mut c_void>, _version: i32, _flags: u64, found: Out<i32>) {
        // Programs that link the library need no table of it; those that look names up are told that there is none.
        name.read()?;
        out.set(std::ptr::null_mut())?;
        found.set_if_wanted(1);
        Err(Status::NOT_FOUND)
    }
}
