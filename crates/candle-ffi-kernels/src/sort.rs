//! Order along one dimension of a contiguous array seen as `[outer, n, inner]`. NaN is the largest; equal elements stay in
//! their order.
//!
//! An element becomes an unsigned key of the same order, and key and position are sorted together as one integer.

use crate::profile;
use half::{bf16, f16};

use crate::parallel::{GRAIN_MATH, Shared, for_each_range};

/// An element with an unsigned key of the same order.
pub trait SortKey: Copy + Send + Sync {
    /// Whether keys have at most 32 bits.
    const SHORT: bool;
    /// The key.
    fn key(self) -> u64;
}

macro_rules! integer_keys {
    ($($T:ty => $short:expr),*) => {$(
        impl SortKey for $T {
            const SHORT: bool = $short;

            #[inline(always)]
            fn key(self) -> u64 {
                let key = i64::from(self) as u64 ^ 1 << 63;
                // Without the bits that all values share.
                if $short { key.wrapping_sub((1 << 63) - (1 << 31)) } else { key }
            }
        }
    )*};
}

integer_keys!(u8 => true, i16 => true, i32 => true, i64 => false);

impl SortKey for u32 {
    const SHORT: bool = true;

    #[inline(always)]
    fn key(self) -> u64 {
        u64::from(self)
    }
}

impl SortKey for f32 {
    const SHORT: bool = true;

    #[inline(always)]
    fn key(self) -> u64 {
        if self.is_nan() {
            return u64::from(u32::MAX);
        }
        // Both zeros become one.
        let bits = (self + 0.0).to_bits();
        u64::from(if bits >> 31 == 1 { !bits } else { bits | 1 << 31 })
    }
}

impl SortKey for f64 {
    const SHORT: bool = false;

    #[inline(always)]
    fn key(self) -> u64 {
        if self.is_nan() {
            return u64::MAX;
        }
        let bits = (self + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }
}

impl SortKey for f16 {
    const SHORT: bool = true;

    #[inline(always)]
    fn key(self) -> u64 {
        self.to_f32().key()
    }
}

impl SortKey for bf16 {
    const SHORT: bool = true;

    #[inline(always)]
    fn key(self) -> u64 {
        self.to_f32().key()
    }
}

/// Which part of the order is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// The first so many, in order.
    First(usize),
    /// The one at this place alone.
    Nth(usize),
}

impl Part {
    /// The number of positions of a line.
    pub fn len(self, n: usize) -> usize {
        match self {
            Self::All => n,
            Self::First(k) => k,
            Self::Nth(_) => 1,
        }
    }

    /// Puts the wanted elements in front.
    fn sort<K: Ord + Copy>(self, keys: &mut [K]) {
        match self {
            Self::All => keys.sort_unstable(),
            Self::First(0) => {}
            Self::First(k) => {
                if k < keys.len() {
                    keys.select_nth_unstable(k - 1);
                }
                keys[..k].sort_unstable();
            }
            Self::Nth(k) => {
                let (_, found, _) = keys.select_nth_unstable(k);
                let found = *found;
                keys[0] = found;
            }
        }
    }
}

/// The positions along the dimension of the elements in ascending or descending order. At most 2^32 elements a line.
pub fn argsort<T: SortKey>(x: &[T], outer: usize, n: usize, inner: usize, descending: bool, part: Part) -> Vec<i64> {
    let _span = profile::kernel("argsort");
    assert_eq!(x.len(), outer * n * inner, "the length disagrees with the shape");
    assert!(u32::try_from(n.saturating_sub(1)).is_ok(), "a line of more than 2^32 elements");
    let k = part.len(n);
    assert!(k <= n || x.is_empty(), "more are wanted than there are");
    let lines = outer * inner;
    let mut out = vec![0i64; lines * k];
    if out.is_empty() || x.is_empty() {
        return out;
    }
    let shared = Shared::new(&mut out);
    for_each_range(lines, (GRAIN_MATH / 8).div_ceil(n), |range| {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        for line in range {
            let first = line / inner * n * inner + line % inner;
            let keys = (0..n).map(|i| {
                let key = x[first + i * inner].key();
                if descending { !key } else { key }
            });
            let place = |i: usize| {
                let at = line / inner * k * inner + i * inner + line % inner;
                // SAFETY: each line belongs to one task, and the vector outlives the loop.
                unsafe { &mut shared.slice(at..at + 1)[0] }
            };
            if T::SHORT {
                short.clear();
                short.extend(keys.zip(0u64..).map(|(key, i)| key << 32 | i));
                part.sort(&mut short);
                for (i, key) in short[..k].iter().enumerate() {
                    *place(i) = (key & u64::from(u32::MAX)) as i64;
                }
            } else {
                long.clear();
                long.extend(keys.zip(0u32..=u32::MAX));
                part.sort(&mut long);
                for (i, (_, at)) in long[..k].iter().enumerate() {
                    *place(i) = i64::from(*at);
                }
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_the_largest_and_equal_ones_keep_their_order() {
        let x = [2.0, f32::NAN, -1.0, 0.0, -0.0, 2.0, f32::NEG_INFINITY];
        assert_eq!(argsort(&x, 1, 7, 1, false, Part::All), [6, 2, 3, 4, 0, 5, 1]);
        assert_eq!(argsort(&x, 1, 7, 1, true, Part::All), [1, 0, 5, 3, 4, 2, 6]);
        let wide = x.map(f64::from);
        assert_eq!(argsort(&wide, 1, 7, 1, true, Part::All), [1, 0, 5, 3, 4, 2, 6]);
        assert_eq!(argsort(&x, 1, 7, 1, true, Part::First(3)), [1, 0, 5]);
        assert_eq!(argsort(&x, 1, 7, 1, false, Part::Nth(2)), [3]);
    }

    #[test]
    fn integers_of_every_width() {
        assert_eq!(argsort(&[0u8, 255, 3], 1, 3, 1, false, Part::All), [0, 2, 1]);
        assert_eq!(argsort(&[0i16, -255, 3], 1, 3, 1, false, Part::All), [1, 0, 2]);
        assert_eq!(argsort(&[i32::MIN, i32::MAX, 3], 1, 3, 1, true, Part::All), [1, 2, 0]);
        assert_eq!(argsort(&[i64::MIN, i64::MAX, 3], 1, 3, 1, false, Part::All), [0, 2, 1]);
        assert_eq!(argsort(&[u32::MAX, 0, 3], 1, 3, 1, false, Part::All), [1, 2, 0]);
    }

    #[test]
    fn along_any_dimension() {
        let x = [3, 1, 2, 6, 5, 4];
        assert_eq!(argsort(&x, 2, 3, 1, false, Part::All), [1, 2, 0, 2, 1, 0]);
        assert_eq!(argsort(&x, 1, 3, 2, false, Part::All), [1, 0, 0, 2, 2, 1]);
        assert!(argsort::<f32>(&[], 0, 3, 1, false, Part::All).is_empty());
        assert!(argsort(&x, 2, 3, 1, false, Part::First(0)).is_empty());
    }
}
