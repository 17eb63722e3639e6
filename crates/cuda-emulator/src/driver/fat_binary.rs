//! Fat binaries: machine code and PTX for several devices in one image, of which a driver takes what fits.
//!
//! The layout is not documented; this is what `fatbinary` of CUDA 13 writes. All numbers are little endian:
//!
//! | image | | entry | |
//! | --- | --- | --- | --- |
//! | 0 | magic number, `u32` | 0 | kind, `u16`: 1 is PTX, 2 an ELF file |
//! | 4 | version, `u16` | 4 | size of the entry's header, `u32` |
//! | 6 | size of this header, `u16` | 8 | size of what follows it, with padding, `u64` |
//! | 8 | size of all entries, `u64` | 16 | size of what is compressed, `u32` |
//! | | | 28 | capability, `u32`: 80 is 8.0 |
//! | | | 40 | flags, `u64` |

use std::io::Read;

use super::border::HostPointer;
use super::report;
use super::status::Status;

pub(super) const MAGIC: [u8; 4] = [0x50, 0xED, 0x55, 0xBA];
const HEADER: usize = 16;
const PTX: u64 = 1;
/// How an entry is compressed: by LZ4, by Zstandard.
const LZ4: u64 = 0x2000;
const ZSTANDARD: u64 = 0x8000;
/// The capability of the emulated device.
const CAPABILITY: u64 = 80;

/// The PTX that the device can run: that of the highest capability up to its own.
pub(super) fn ptx(image: HostPointer) -> Result<String, Status> {
    let header = image.read(HEADER)?;
    let size = usize::try_from(number(&header, 8, 8)?).map_err(|_| Status::INVALID_IMAGE)?;
    let bytes = image.read(HEADER.checked_add(size).ok_or(Status::INVALID_IMAGE)?)?;
    let mut entries = bytes.get(number(&bytes, 6, 2)? as usize..).ok_or(Status::INVALID_IMAGE)?;
    let mut best: Option<(u64, &[u8])> = None;
    while !entries.is_empty() {
        let sizes = number(entries, 4, 4)?.checked_add(number(entries, 8, 8)?);
        let size = sizes.and_then(|size| usize::try_from(size).ok()).filter(|size| (1..=entries.len()).contains(size));
        let (entry, rest) = entries.split_at(size.ok_or(Status::INVALID_IMAGE)?);
        let (kind, capability) = (number(entry, 0, 2)?, number(entry, 28, 4)?);
        if kind == PTX && capability <= CAPABILITY && best.is_none_or(|(before, _)| before < capability) {
            best = Some((capability, entry));
        }
        entries = rest;
    }
    let Some((_, entry)) = best else {
        report(format_args!("a fat binary has no PTX for capabilities up to 8.0; machine code cannot be run"));
        return Err(Status::NO_BINARY_FOR_GPU);
    };
    let content = entry.get(number(entry, 4, 4)? as usize..).ok_or(Status::INVALID_IMAGE)?;
    let text = match number(entry, 40, 8)? {
        flags if flags & LZ4 != 0 => {
            report(format_args!("a fat binary is compressed by LZ4, which is not read"));
            return Err(Status::INVALID_IMAGE);
        }
        flags if flags & ZSTANDARD != 0 => {
            let compressed = content.get(..number(entry, 16, 4)? as usize).ok_or(Status::INVALID_IMAGE)?;
            let mut text = Vec::new();
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(compressed).map_err(|_| Status::INVALID_IMAGE)?;
            decoder.read_to_end(&mut text).map_err(|_| Status::INVALID_IMAGE)?;
            text
        }
        _ => content.to_vec(),
    };
    // Padded with zeros.
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    String::from_utf8(text[..end].to_vec()).map_err(|_| Status::INVALID_IMAGE)
}

/// The number of so many bytes at a place.
fn number(bytes: &[u8], at: usize, size: usize) -> Result<u64, Status> {
    let found = bytes.get(at..at + size).ok_or(Status::INVALID_IMAGE)?;
    Ok(found.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}
