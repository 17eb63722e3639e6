//! Matrices that the lanes of a warp hold together. Which lane holds what is in the PTX ISA, "Matrix Fragments for
//! mma.m16n8k16 with floating point type" and "ldmatrix"; a lane's group is its number / 4, its place in the group the rest.

use super::fault::{Outcome, Problem};
use super::file::{File, LANES, for_lanes};
use super::rounding::canonical;
use super::shadow::Touch;
use super::warp::Machine;
use super::word::read;
use crate::ptx::{Address, LOCAL_WINDOW, SHARED_WINDOW, Slot, Space, Type};

impl Machine<'_> {
    /// `ldmatrix`: the lanes 8 n to 8 n + 7 say where the rows of matrix n are.
    pub(super) fn load_matrices(&mut self, to: &[Slot], space: Space, address: Address, transposed: bool) -> Outcome {
        // All are read before the first register is written: the address may be in it.
        let mut matrices = [[[0u16; 8]; 8]; 4];
        for (lane, row) in matrices.as_flattened_mut().iter_mut().take(8 * to.len()).enumerate() {
            let start = self.address(address, lane);
            if space == Space::Generic && !(SHARED_WINDOW..LOCAL_WINDOW).contains(&start) {
                let message = "`ldmatrix` reads shared memory only";
                return Err(Box::new(Problem {
                    address: Some(start),
                    size: 16,
                    ..*Problem::new(lane as u32, message)
                }));
            }
            let host = self.locate(space, start, 16, false, lane)?;
            if self.is_watched(space, start) {
                self.watch(start, 16, Touch::Read, lane)?;
            }
            // SAFETY: `locate` found 16 bytes, so aligned.
            let words = unsafe { [read::<u64>(host), read::<u64>(host.add(8))] };
            *row = std::array::from_fn(|n| (words[n / 4] >> (16 * (n % 4))) as u16);
        }
        let file = self.file;
        for (&slot, rows) in to.iter().zip(&matrices) {
            for lane in 0..LANES {
                let (row, column) = (lane / 4, lane % 4 * 2);
                let [low, high] = match transposed {
                    false => [rows[row][column], rows[row][column + 1]],
                    true => [rows[column][row], rows[column + 1][row]],
                };
                file.set(slot, lane, u32::from(high) << 16 | u32::from(low));
            }
        }
        Ok(())
    }
}

/// A half as `f32`, without asking what the processor can do.
#[inline(always)]
fn half(ty: Type, bits: u32) -> f32 {
    if ty == Type::Bf16 {
        return f32::from_bits(bits << 16);
    }
    let sign = (bits & 0x8000) << 16;
    let shifted = (bits & 0x7fff) << 13;
    // The exponent is 112 too small, also that of a subnormal number.
    let scaled = f32::from_bits(shifted) * f32::from_bits(239 << 23);
    let special = f32::from_bits(shifted | 0x7f80_0000);
    f32::from_bits((if bits & 0x7c00 == 0x7c00 { special } else { scaled }).to_bits() | sign)
}

for_lanes! {
    /// `mma.m16n8k16`: what a tensor core adds up, and rounds in a way that is not documented, is added in `f64` here and
    /// rounded once.
    fn multiply(file: File, ty: Type, to: [Slot; 4], a: [Slot; 4], b: [Slot; 2], c: [Slot; 4]) {
        let mut left = [[0f64; 16]; 16];
        let mut right = [[0f64; 8]; 16];
        let mut sums = [[0f64; 8]; 16];
        for lane in 0..LANES {
            let (group, place) = (lane / 4, lane % 4 * 2);
            let pair = |slot: Slot| {
                let bits: u32 = file.get(slot, lane);
                [bits & 0xffff, bits >> 16].map(|bits| f64::from(half(ty, bits)))
            };
            for (n, &slot) in a.iter().enumerate() {
                let (row, column) = (group + n % 2 * 8, place + n / 2 * 8);
                [left[row][column], left[row][column + 1]] = pair(slot);
            }
            for (n, &slot) in b.iter().enumerate() {
                [right[place + n * 8][group], right[place + n * 8 + 1][group]] = pair(slot);
            }
            for (n, &slot) in c.iter().enumerate() {
                sums[group + n / 2 * 8][place + n % 2] = f64::from(file.get::<f32>(slot, lane));
            }
        }
        for (sums, left) in sums.iter_mut().zip(&left) {
            for (&factor, right) in left.iter().zip(&right) {
                for (sum, &other) in sums.iter_mut().zip(right) {
                    // The product of two halves is exact.
                    *sum += factor * other;
                }
            }
        }
        for lane in 0..LANES {
            let (group, place) = (lane / 4, lane % 4 * 2);
            for (n, &slot) in to.iter().enumerate() {
                file.set(slot, lane, canonical(sums[group + n / 2 * 8][place + n % 2] as f32));
            }
        }
    }
}
