//! Copies between host and devices, and memory set to one value.

use std::sync::Arc;

use super::border::{Address, HostPointer, In};
use super::context::{Context, context, current};
use super::counts::{Count, count};
use super::handles::Handle;
use super::registry::{Block, registry};
use super::status::Status;
use super::stream::{Stream, no_capture, stream, submit};
use super::{exports, order, report};

/// One end of a copy.
#[derive(Clone, Copy, Debug)]
enum End {
    /// An address of the host.
    Host(u64),
    /// An address of a device.
    Device(Address),
    /// Whichever it is.
    Either(u64),
}

impl End {
    fn address(self) -> u64 {
        match self {
            End::Host(address) | End::Device(address) | End::Either(address) => address,
        }
    }

    fn plus(self, bytes: usize) -> Self {
        let bytes = bytes as u64;
        match self {
            End::Host(address) => End::Host(address + bytes),
            End::Device(address) => End::Device(address + bytes),
            End::Either(address) => End::Either(address + bytes),
        }
    }

    /// Whether it is on a device, and whether a device could reach it without the host's help.
    fn place(self) -> Place {
        match registry().find(self.address()) {
            Some(block) if block.on_host() => Place::Locked,
            Some(_) => Place::Device,
            None if matches!(self, End::Device(_)) => Place::Device,
            None => Place::Pageable,
        }
    }

    /// The host's pointer to `size` bytes.
    fn pointer(self, size: usize, write: bool) -> Result<*mut u8, Status> {
        let address = self.address();
        let lost = |block: &Block| order::is_lost(block.start, order::running());
        if let Some(block) = registry().find_range(address, size).filter(|block| !lost(block)) {
            return Ok(block.pointer(address));
        }
        // An address in an allocation that is too short is wrong whoever names it.
        let outside = registry().find(address).is_some() || matches!(self, End::Device(_)) || address >> 47 != 0;
        if outside || address == 0 {
            report(format_args!("a copy goes wrong: {}", registry().explain(address, size, write)));
            return Err(Status::INVALID_VALUE);
        }
        Ok(HostPointer::at(address).bytes())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Device,
    /// Page-locked memory of the host.
    Locked,
    /// Memory of the host that no device knows.
    Pageable,
}

fn copy_now(to: End, from: End, size: usize) -> Result<(), Status> {
    if size == 0 {
        return Ok(());
    }
    let (to, from) = (to.pointer(size, true)?, from.pointer(size, false)?);
    if to != from && (to as usize).abs_diff(from as usize) < size {
        report(format_args!("a copy of {size} bytes goes wrong: from and to overlap"));
        return Err(Status::INVALID_VALUE);
    }
    // SAFETY: both ends are allocations that were looked up, or memory of the host that the caller vouches for.
    unsafe { std::ptr::copy(from, to, size) };
    Ok(())
}

fn count_copy(to: End, from: End, waits: bool) {
    let (to, from) = (to.place(), from.place());
    match (to, from) {
        (Place::Device, Place::Device) => count(Count::DeviceToDevice),
        (Place::Device, from) => {
            count(Count::HostToDevice);
            if from == Place::Pageable {
                count(Count::PageableUpload);
            }
        }
        (_, Place::Device) => count(Count::DeviceToHost),
        _ => {}
    }
    // A copy to memory that is not page-locked comes back only when it is done.
    if (waits && (to, from) != (Place::Device, Place::Device)) || (from == Place::Device && to == Place::Pageable) {
        count(Count::Synchronize);
    }
}

/// A copy for which the host waits.
fn copy(to: End, from: End, size: usize) -> Result<(), Status> {
    let context = current()?;
    no_capture(&context)?;
    count_copy(to, from, true);
    if order::deferred() { copy_later(&stream(0)?, to, from, size, true) } else { copy_now(to, from, size) }
}

/// A copy that takes its turn. What the host may do with its own memory when the call returns is what the documentation says
/// ("API synchronization behavior"): bytes from memory that is not page-locked have been taken, though they need not have
/// arrived; those to such memory have; page-locked memory is used later, unless the host has asked to wait.
fn copy_later(stream: &Arc<Stream>, to: End, from: End, size: usize, waits: bool) -> Result<(), Status> {
    known(stream, to, size, true)?;
    known(stream, from, size, false)?;
    let counted = || {};
    match (to.place(), from.place()) {
        (Place::Device, Place::Pageable) => {
            if waits {
                order::drain(stream)?;
            }
            let taken = HostPointer::at(from.address()).read(size)?;
            let work = move |_: &Context| copy_now(to, End::Host(taken.as_ptr() as u64), taken.len());
            submit(stream, counted, work)
        }
        ends => {
            submit(stream, counted, move |_| copy_now(to, from, size))?;
            let pageable = ends.0 == Place::Pageable || ends.1 == Place::Pageable;
            if pageable || (waits && ends != (Place::Device, Place::Device)) { finish(stream) } else { Ok(()) }
        }
    }
}

/// The host waits for a stream and learns what went wrong there.
fn finish(stream: &Arc<Stream>) -> Result<(), Status> {
    if order::deferred() {
        order::drain(stream)?;
        stream.context()?;
    }
    Ok(())
}

/// An end of a copy that is to be must be there; that of a graph is not there before the graph runs.
fn known(stream: &Arc<Stream>, end: End, size: usize, write: bool) -> Result<(), Status> {
    let address = end.address();
    if size == 0 {
        return Ok(());
    }
    let of_device = matches!(end, End::Device(_)) || address >> 47 != 0;
    if of_device && registry().find_range(address, size).is_none() {
        order::drain(stream)?;
    }
    end.pointer(size, write).map(|_| ())
}

/// A copy in the order of a stream.
fn copy_async(to: End, from: End, size: usize, on: Handle) -> Result<(), Status> {
    let stream = stream(on)?;
    // What the host does with memory that is not page-locked cannot be done again later.
    let pageable = to.place() == Place::Pageable || from.place() == Place::Pageable;
    if pageable && let Some(capture) = stream.capture() {
        capture.invalidate();
        return Err(Status::STREAM_CAPTURE_UNSUPPORTED);
    }
    if order::deferred() && stream.capture().is_none() {
        stream.context()?;
        count_copy(to, from, false);
        return copy_later(&stream, to, from, size, false);
    }
    submit(&stream, || count_copy(to, from, false), move |_| copy_now(to, from, size))
}

/// `CUDA_MEMCPY2D`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Copy2d {
    source: End2d,
    destination: End2d,
    width: usize,
    height: usize,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct End2d {
    x: usize,
    y: usize,
    kind: u32,
    host: u64,
    device: Address,
    array: Handle,
    pitch: usize,
}

impl End2d {
    fn row(&self, row: usize) -> Result<End, Status> {
        let end = match self.kind {
            1 => End::Host(self.host),
            2 => End::Device(self.device),
            4 => End::Either(self.device),
            // Arrays, which are for textures.
            _ => return Err(Status::NOT_SUPPORTED),
        };
        Ok(end.plus((self.y + row) * self.pitch + self.x))
    }
}

impl Copy2d {
    fn check(&self) -> Result<(), Status> {
        let too_narrow = |end: &End2d| end.pitch != 0 && end.pitch < self.width + end.x;
        if self.height > 1 && (too_narrow(&self.source) || too_narrow(&self.destination)) {
            return Err(Status::INVALID_VALUE);
        }
        Ok(())
    }

    /// Does it in its turn; the host waits where memory of its own is read or written that is not page-locked.
    fn submit(self, stream: &Arc<Stream>, waits: bool) -> Result<(), Status> {
        let (to, from) = (self.destination.row(0)?, self.source.row(0)?);
        let ends = (to.place(), from.place());
        let pageable = ends.0 == Place::Pageable || ends.1 == Place::Pageable;
        submit(stream, || count_copy(to, from, waits), move |_| self.run())?;
        let waited = pageable || (waits && ends != (Place::Device, Place::Device));
        if waited && stream.capture().is_none() { finish(stream) } else { Ok(()) }
    }

    fn run(&self) -> Result<(), Status> {
        (0..self.height).try_for_each(|row| copy_now(self.destination.row(row)?, self.source.row(row)?, self.width))
    }
}

/// `number` values of `width` bytes each.
fn set_now(to: Address, value: u32, width: usize, number: usize) -> Result<(), Status> {
    let size = number.checked_mul(width).ok_or(Status::INVALID_VALUE)?;
    if size == 0 {
        return Ok(());
    }
    let pointer = End::Device(to).pointer(size, true)?;
    let bytes = value.to_le_bytes();
    // SAFETY: the range has just been looked up, and no one else writes there: that would be a race of the program.
    let range = unsafe { std::slice::from_raw_parts_mut(pointer, size) };
    match width {
        1 => range.fill(bytes[0]),
        _ => range.chunks_exact_mut(width).for_each(|place| place.copy_from_slice(&bytes[..width])),
    }
    Ok(())
}

fn set(to: Address, value: u32, width: usize, number: usize) -> Result<(), Status> {
    let context = current()?;
    no_capture(&context)?;
    aligned(to, width)?;
    set_in(&stream(0)?, to, value, width, number)
}

fn set_async(to: Address, value: u32, width: usize, number: usize, on: Handle) -> Result<(), Status> {
    aligned(to, width)?;
    set_in(&stream(on)?, to, value, width, number)
}

/// Memory of the host's that a device sets is set when the call returns, that of a device later.
fn set_in(stream: &Arc<Stream>, to: Address, value: u32, width: usize, number: usize) -> Result<(), Status> {
    if order::deferred() && stream.capture().is_none() {
        known(stream, End::Device(to), number.checked_mul(width).ok_or(Status::INVALID_VALUE)?, true)?;
    }
    submit(stream, || count(Count::Memset), move |_| set_now(to, value, width, number))
}

fn aligned(to: Address, width: usize) -> Result<(), Status> {
    if to.is_multiple_of(width as u64) { Ok(()) } else { Err(Status::INVALID_VALUE) }
}

/// Rows of `width` values of `bytes` bytes.
fn set_rows(
    context: &Context,
    to: Address,
    pitch: usize,
    value: u32,
    bytes: usize,
    shape: [usize; 2],
) -> Result<(), Status> {
    context.alive()?;
    (0..shape[1]).try_for_each(|row| set_now(to + (row * pitch) as u64, value, bytes, shape[0]))
}

fn peer(to: Handle, from: Handle) -> Result<(), Status> {
    context(to)?.alive()?;
    context(from)?.alive()
}

exports! {
    fn cuMemcpy(to: Address, from: Address, size: usize) {
        copy(End::Either(to), End::Either(from), size)
    }

    fn cuMemcpyAsync(to: Address, from: Address, size: usize, on: Handle) {
        copy_async(End::Either(to), End::Either(from), size, on)
    }

    fn cuMemcpyHtoD_v2(to: Address, from: HostPointer, size: usize) {
        copy(End::Device(to), End::Host(from.address()), size)
    }

    fn cuMemcpyHtoDAsync_v2(to: Address, from: HostPointer, size: usize, on: Handle) {
        copy_async(End::Device(to), End::Host(from.address()), size, on)
    }

    fn cuMemcpyDtoH_v2(to: HostPointer, from: Address, size: usize) {
        copy(End::Host(to.address()), End::Device(from), size)
    }

    fn cuMemcpyDtoHAsync_v2(to: HostPointer, from: Address, size: usize, on: Handle) {
        copy_async(End::Host(to.address()), End::Device(from), size, on)
    }

    fn cuMemcpyDtoD_v2(to: Address, from: Address, size: usize) {
        copy(End::Device(to), End::Device(from), size)
    }

    fn cuMemcpyDtoDAsync_v2(to: Address, from: Address, size: usize, on: Handle) {
        copy_async(End::Device(to), End::Device(from), size, on)
    }

    fn cuMemcpyPeer(to: Address, to_context: Handle, from: Address, from_context: Handle, size: usize) {
        peer(to_context, from_context)?;
        // It comes after all that the contexts have been given, and before all that they are given later.
        order::settle(to_context)?;
        order::settle(from_context)?;
        copy(End::Device(to), End::Device(from), size)?;
        finish(&stream(0)?)
    }

    fn cuMemcpyPeerAsync(to: Address, to_context: Handle, from: Address, from_context: Handle, size: usize, on: Handle) {
        peer(to_context, from_context)?;
        copy_async(End::Device(to), End::Device(from), size, on)
    }

    fn cuMemcpy2D_v2(what: In<Copy2d>) {
        let what = what.get(0)?;
        let context = current()?;
        no_capture(&context)?;
        what.check()?;
        what.submit(&stream(0)?, true)
    }

    fn cuMemcpy2DUnaligned_v2(what: In<Copy2d>) {
        let what = what.get(0)?;
        let context = current()?;
        no_capture(&context)?;
        what.check()?;
        what.submit(&stream(0)?, true)
    }

    fn cuMemcpy2DAsync_v2(what: In<Copy2d>, on: Handle) {
        let what = what.get(0)?;
        what.check()?;
        what.submit(&stream(on)?, false)
    }

    fn cuMemsetD8_v2(to: Address, value: u8, number: usize) {
        set(to, value.into(), 1, number)
    }

    fn cuMemsetD16_v2(to: Address, value: u16, number: usize) {
        set(to, value.into(), 2, number)
    }

    fn cuMemsetD32_v2(to: Address, value: u32, number: usize) {
        set(to, value, 4, number)
    }

    fn cuMemsetD8Async(to: Address, value: u8, number: usize, on: Handle) {
        set_async(to, value.into(), 1, number, on)
    }

    fn cuMemsetD16Async(to: Address, value: u16, number: usize, on: Handle) {
        set_async(to, value.into(), 2, number, on)
    }

    fn cuMemsetD32Async(to: Address, value: u32, number: usize, on: Handle) {
        set_async(to, value, 4, number, on)
    }

    fn cuMemsetD2D8_v2(to: Address, pitch: usize, value: u8, width: usize, height: usize) {
        let context = current()?;
        no_capture(&context)?;
        submit(&stream(0)?, || count(Count::Memset), move |context| {
            set_rows(context, to, pitch, value.into(), 1, [width, height])
        })
    }

    fn cuMemsetD2D32_v2(to: Address, pitch: usize, value: u32, width: usize, height: usize) {
        let context = current()?;
        no_capture(&context)?;
        submit(&stream(0)?, || count(Count::Memset), move |context| {
            set_rows(context, to, pitch, value, 4, [width, height])
        })
    }

    fn cuMemsetD2D8Async(to: Address, pitch: usize, value: u8, width: usize, height: usize, on: Handle) {
        submit(&stream(on)?, || count(Count::Memset), move |context| {
            set_rows(context, to, pitch, value.into(), 1, [width, height])
        })
    }

    fn cuMemsetD2D32Async(to: Address, pitch: usize, value: u32, width: usize, height: usize, on: Handle) {
        submit(&stream(on)?, || count(Count::Memset), move |context| {
            set_rows(context, to, pitch, value, 4, [width, height])
        })
    }
}
