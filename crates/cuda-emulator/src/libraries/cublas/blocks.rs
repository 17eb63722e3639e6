//! Sums as a device forms them, with `CUDA_EMULATOR_NOISE`: in `f32`, in blocks of terms, and in parts that are added in the
//! end.

use super::numbers::Number;
use crate::machine::noise;

/// How one product is summed.
pub(super) struct Blocks {
    /// Terms of one block.
    block: usize,
    /// Terms of one part.
    part: usize,
    /// What the sum of a part is rounded to, where the library may keep parts in the type of the result.
    kept: Option<Number>,
}

impl Blocks {
    /// For products of so many terms; `kept` if parts may be rounded.
    pub(super) fn wanted([m, n, k]: [usize; 3], kept: Option<Number>) -> Option<Self> {
        let bits = noise::bits(noise::seed()?, (m << 40 ^ n << 20 ^ k) as u64);
        let parts = 1 + (bits >> 8) as usize % 4;
        Some(Self { block: 4 << (bits % 5), part: k.div_ceil(parts).max(1), kept })
    }

    /// The sum of products of exact factors.
    pub(super) fn sum(&self, terms: impl ExactSizeIterator<Item = (f64, f64)>) -> f64 {
        let (mut whole, mut part, mut block) = (0.0_f32, 0.0_f32, 0.0_f32);
        let count = terms.len();
        for (index, (a, b)) in terms.enumerate() {
            // The product is exact in `f64`.
            block = (f64::from(block) + a * b) as f32;
            let last = index + 1 == count;
            let part_ends = last || (index + 1).is_multiple_of(self.part);
            if part_ends || (index + 1).is_multiple_of(self.block) {
                part += block;
                block = 0.0;
            }
            if part_ends {
                whole += self.keep(part);
                part = 0.0;
            }
        }
        whole.into()
    }

    fn keep(&self, part: f32) -> f32 {
        let Some(number) = self.kept else { return part };
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..number.size()];
        number.write(part.into(), bytes);
        number.read(bytes) as f32
    }
}
