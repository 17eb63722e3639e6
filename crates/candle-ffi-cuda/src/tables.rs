//! One launch over many tensors: a table of their addresses travels with it (`tables.cuh`).

use crate::array::address;
use crate::launch::Launch;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{Result, Tensor};

/// What a kernel does with the tensors of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads all of them.
    Read,
    /// It writes some of them.
    Write,
}

/// The elements that a block does at a time.
pub(crate) const CHUNK: usize = 4096;

/// Threads of a block.
const THREADS: u32 = 256;

/// Up to `CAPACITY` tuples of `D` contiguous arrays of one length each (`Table` in `tables.cuh`).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Table<const D: usize, const CAPACITY: usize> {
    count: u32,
    /// The first chunk of each tuple, and after the last the number of all: in C one array.
    first: [u32; CAPACITY],
    end: u32,
    sizes: [u64; CAPACITY],
    at: [[u64; CAPACITY]; D],
}

// SAFETY: plain numbers in C layout.
unsafe impl<const D: usize, const CAPACITY: usize> DeviceRepr for Table<D, CAPACITY> {}

/// Starts kernels over tuples of `D` tensors, as many tuples at a time as a table holds. The tensors of a tuple are
/// contiguous and of one size. `launch` makes a launch, given how many chunks came before; the table is its first
/// argument, to which `more` adds the others.
///
/// A tensor that is written and stands in several tuples is in several tables, one after the other: what happens to it
/// happens in their order.
///
/// # Safety
///
/// The kernel takes such a table and what `more` adds, with them stays inside the tensors, and does no more than `access`.
pub(crate) unsafe fn over<const D: usize>(
    access: Access,
    tuples: &[[&Tensor; D]],
    launch: impl Fn() -> Result<Launch>,
    more: impl Fn(&mut Launch, usize) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's word.
    unsafe {
        match D {
            1 => filled::<D, { capacity(1) }>(access, tuples, launch, more),
            2 => filled::<D, { capacity(2) }>(access, tuples, launch, more),
            3 => filled::<D, { capacity(3) }>(access, tuples, launch, more),
            4 => filled::<D, { capacity(4) }>(access, tuples, launch, more),
            _ => filled::<D, { capacity(5) }>(access, tuples, launch, more),
        }
    }
}

/// How many tuples of so many tensors a table has: `CAPACITY` in tables.cuh.
const fn capacity(tensors: usize) -> usize {
    match tensors {
        1 => 190,
        2 => 140,
        3 => 110,
        4 => 90,
        _ => 76,
    }
}

/// How many chunks a tensor has.
pub(crate) fn chunks(tensor: &Tensor) -> usize {
    tensor.elem_count().div_ceil(CHUNK)
}

/// Where the tensors of a table are: a set for more of them than there can be.
struct Addresses([u64; Self::SLOTS]);

impl Addresses {
    const SLOTS: usize = 1024;

    fn new() -> Self {
        Self([0; Self::SLOTS])
    }

    /// Where an address is, or would be.
    fn slot(&self, address: u64) -> usize {
        let mut at = (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize;
        while self.0[at] != 0 && self.0[at] != address {
            at = (at + 1) % Self::SLOTS;
        }
        at
    }

    fn has(&self, address: u64) -> bool {
        self.0[self.slot(address)] == address
    }

    fn add(&mut self, address: u64) {
        self.0[self.slot(address)] = address;
    }
}

/// # Safety
///
/// As for [`over`].
unsafe fn filled<const D: usize, const CAPACITY: usize>(
    access: Access,
    tuples: &[[&Tensor; D]],
    launch: impl Fn() -> Result<Launch>,
    more: impl Fn(&mut Launch, usize) -> Result<()>,
) -> Result<()> {
    const MOST_BLOCKS: u32 = 1 << 16;
    // With the other arguments of a launch, which are below a hundred bytes.
    const { assert!(CAPACITY != capacity(D) || size_of::<Table<D, CAPACITY>>() <= 4096 - 88) };
    // A set that is never full.
    const { assert!(CAPACITY != capacity(D) || D * CAPACITY < Addresses::SLOTS / 2) };
    let mut before = 0;
    let mut left = tuples;
    while !left.is_empty() {
        let mut table = Table::<D, CAPACITY> {
            count: 0,
            first: [0; CAPACITY],
            end: 0,
            sizes: [0; CAPACITY],
            at: [[0; CAPACITY]; D],
        };
        let mut taken = 0;
        let mut there = Addresses::new();
        for tuple in left {
            let at = table.count as usize;
            // More chunks than a table counts go to the next one.
            let Some(end) = u32::try_from(chunks(tuple[0])).ok().and_then(|more| table.end.checked_add(more)) else {
                break;
            };
            if at == CAPACITY {
                break;
            }
            if end == table.end {
                taken += 1;
                continue;
            }
            let mut places = [0; D];
            for (place, tensor) in places.iter_mut().zip(tuple) {
                *place = address(tensor)?;
            }
            if access == Access::Write {
                if places.iter().any(|&place| there.has(place)) {
                    break;
                }
                places.iter().for_each(|&place| there.add(place));
            }
            taken += 1;
            table.first[at] = table.end;
            table.sizes[at] = tuple[0].elem_count() as u64;
            for (addresses, place) in table.at.iter_mut().zip(places) {
                addresses[at] = place;
            }
            (table.count, table.end) = (table.count + 1, end);
        }
        if taken == 0 {
            candle_core::bail!("a tensor of {} elements is too long for a table", left[0][0].elem_count());
        }
        left = &left[taken..];
        let mut launch = launch()?;
        if let Some(first) = table.first.get_mut(table.count as usize) {
            // The end stands behind the last first.
            *first = table.end;
        }
        let chunks = table.end;
        launch.value(table);
        more(&mut launch, before)?;
        before += chunks as usize;
        // SAFETY: the caller's word; the table holds contiguous tensors of the sizes that it says.
        unsafe { launch.run([chunks.min(MOST_BLOCKS), 1, 1], [THREADS, 1, 1], 0) }?;
    }
    Ok(())
}
