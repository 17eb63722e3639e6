//! Fat binaries: which of their images is taken, and what is wrong with others.

mod calls;

use std::ffi::CStr;

use calls::{KERNELS, argument, context, download, launch, synchronize, upload};
use cuda_emulator::driver::module::*;
use cuda_emulator::driver::{HostPointer, Out, Status, Text};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const PTX: u16 = 1;
const MACHINE_CODE: u16 = 2;

/// One image: its kind, its capability, and its content, compressed or not.
fn entry(kind: u16, capability: u32, content: &[u8], compressed: bool) -> Vec<u8> {
    let payload = if compressed { compress_to_vec(content, CompressionLevel::Fastest) } else { content.to_vec() };
    let padded = payload.len().next_multiple_of(8);
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([1, 1]);
    bytes.extend(64u32.to_le_bytes());
    bytes.extend((padded as u64).to_le_bytes());
    bytes.extend((if compressed { payload.len() as u32 } else { 0 }).to_le_bytes());
    bytes.resize(28, 0);
    bytes.extend(capability.to_le_bytes());
    bytes.resize(40, 0);
    bytes.extend((if compressed { 0x8011u64 } else { 0x11 }).to_le_bytes());
    bytes.resize(56, 0);
    bytes.extend((if compressed { content.len() as u64 } else { 0 }).to_le_bytes());
    bytes.extend(&payload);
    bytes.resize(64 + padded, 0);
    bytes
}

fn fat(entries: &[Vec<u8>]) -> Vec<u8> {
    let size: usize = entries.iter().map(Vec::len).sum();
    let mut bytes = vec![0x50, 0xED, 0x55, 0xBA, 1, 0, 16, 0];
    bytes.extend((size as u64).to_le_bytes());
    bytes.extend(entries.iter().flatten());
    bytes
}

/// What loading says, and the module.
fn load(image: &[u8]) -> (i32, u64) {
    let mut module = 0;
    // SAFETY: the pointers are to a variable and to as many bytes as the image says.
    (unsafe { cuModuleLoadData(Out::new(&mut module), HostPointer::new(image.as_ptr())) }, module)
}

#[test]
fn the_highest_ptx_that_the_device_can_run_is_taken() {
    context(0);
    let other = b"this is not PTX";
    for compressed in [false, true] {
        let image = fat(&[
            entry(MACHINE_CODE, 80, other, compressed),
            entry(PTX, 75, other, compressed),
            entry(PTX, 80, KERNELS.to_bytes(), compressed),
            entry(PTX, 90, other, compressed),
        ]);
        let (found, module) = load(&image);
        assert_eq!(found, 0);
        let (mut function, name): (_, &CStr) = (0, c"twice");
        // SAFETY: the pointers are to a variable and to a text.
        assert_eq!(unsafe { cuModuleGetFunction(Out::new(&mut function), module, Text::new(name)) }, 0);
        let (x, y, count) = (upload(&[1.0f32, 2.0]), upload(&[0.0f32; 2]), 2u32);
        assert_eq!(launch(function, 1, 2, &[argument(&x), argument(&y), argument(&count)]), 0);
        assert_eq!(synchronize(), 0);
        assert_eq!(download::<f32>(y, 2), [3.0, 5.0]);
    }
}

#[test]
fn images_for_other_devices_and_damaged_ones_are_errors() {
    context(0);
    let text = KERNELS.to_bytes();
    let later = fat(&[entry(MACHINE_CODE, 80, text, false), entry(PTX, 90, text, false)]);
    assert_eq!(load(&later).0, Status::NO_BINARY_FOR_GPU.0);
    let mut damaged = fat(&[entry(PTX, 80, text, true)]);
    damaged[16 + 64] ^= 0xFF;
    assert_eq!(load(&damaged).0, Status::INVALID_IMAGE.0);
    let mut too_long = fat(&[entry(PTX, 80, text, false)]);
    too_long[16 + 8] ^= 0x08;
    assert_eq!(load(&too_long).0, Status::INVALID_IMAGE.0);
    let mut by_lz4 = fat(&[entry(PTX, 80, text, false)]);
    by_lz4[16 + 41] = 0x20;
    assert_eq!(load(&by_lz4).0, Status::INVALID_IMAGE.0);
}
