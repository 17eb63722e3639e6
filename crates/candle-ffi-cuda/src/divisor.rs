//! Division by a number that is known when a kernel starts.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

/// A number that kernels divide by, with what makes a multiplication of it (`Divisor` in `common.cuh`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divisor {
    size: u32,
    /// The quotient of n below 2³¹ is (⌊n · magic / 2³²⌋ + n) / 2^shift.
    magic: u32,
    shift: u32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Divisor {}

impl Divisor {
    /// In the place of a dimension that is not there.
    pub(crate) const NONE: Self = Self { size: 0, magic: 0, shift: 0 };

    pub(crate) fn of(size: u32) -> Self {
        if size > 1 << 31 {
            // Every quotient is 0.
            return Self { size, magic: 0, shift: 31 };
        }
        // 0 divides nothing; there are no elements then.
        let by = u64::from(size.max(1));
        let shift = by.next_power_of_two().trailing_zeros();
        let magic = (((1 << shift) - by) << 32) / by + 1;
        // Below 2³², as 2^shift is less than twice the number.
        Self { size, magic: magic as u32, shift }
    }

    /// The number itself.
    pub(crate) fn size(self) -> u32 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_a_division() {
        let most = (1u32 << 31) - 1;
        let sizes =
            (1..200).chain([255, 256, 257, 641, 65_535, 65_536, 65_537, 6_700_417, most - 1, most, 1 << 31, u32::MAX]);
        for size in sizes {
            let divisor = Divisor::of(size);
            let near = |n: u64| [n.saturating_sub(1), n, n + 1];
            let multiples = [1, 2, 3, 1000, u64::from(most / size)].into_iter().flat_map(|n| near(n * u64::from(size)));
            for n in multiples.chain(near(u64::from(most))).filter_map(|n| u32::try_from(n).ok()).filter(|n| *n <= most)
            {
                let high = ((u64::from(n) * u64::from(divisor.magic)) >> 32) as u32;
                assert_eq!(high.checked_add(n).unwrap() >> divisor.shift, n / size, "{n} / {size}");
            }
        }
    }
}
