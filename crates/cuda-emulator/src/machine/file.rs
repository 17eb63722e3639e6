//! The register file of a warp.

use crate::ptx::{Guard, Place, Slot};

pub(super) const LANES: usize = 32;
pub(super) const ALL: u32 = u32::MAX;

/// A function whose loops over lanes are compiled twice: for any processor, and for those with AVX2 and FMA, where 32 lanes
/// are a few instructions. Which one runs is asked at each call, which is cheap.
macro_rules! for_lanes {
    (
        $(#[$meta:meta])*
        fn $name:ident($($argument:ident: $ty:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$meta])*
        pub(super) fn $name($($argument: $ty),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $ty),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,bmi1,bmi2,f16c")]
                fn wide($($argument: $ty),*) $(-> $result)? {
                    body($($argument),*)
                }
                if is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("f16c")
                {
                    // SAFETY: the processor has them.
                    return unsafe { wide($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}
pub(super) use for_lanes;

/// The register file of the warp that runs: rows of 32 values, one for each lane.
///
/// It is a plain pointer, because operands and result may be the same row. Whoever makes one promises that the memory is
/// as long as the code says, aligned to 64 bytes, and nobody else's while this is used.
#[derive(Clone, Copy)]
pub(super) struct File {
    base: *mut u8,
}

/// Calls `f` with each lane of a mask.
#[inline(always)]
pub(super) fn each(mut mask: u32, mut f: impl FnMut(usize)) {
    while mask != 0 {
        f(mask.trailing_zeros() as usize);
        mask &= mask - 1;
    }
}

/// The lanes of a mask, for loops that may end early.
pub(super) fn lanes(mask: u32) -> Lanes {
    Lanes(mask)
}

pub(super) struct Lanes(u32);

impl Iterator for Lanes {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

impl File {
    pub(super) fn new(base: *mut u8) -> Self {
        File { base }
    }

    /// The 32 values of a slot, as values of this type.
    #[inline(always)]
    pub(super) fn row<T>(self, slot: Slot) -> *mut T {
        // SAFETY: the assembler made the slot within the length of the file.
        unsafe { self.base.add(slot.offset()).cast() }
    }

    /// The bits of a predicate.
    #[inline(always)]
    pub(super) fn bits(self, slot: Slot) -> u32 {
        // SAFETY: a predicate's slot holds one word.
        unsafe { *self.row::<u32>(slot) }
    }

    /// The lanes in which a predicate, or its opposite, holds.
    #[inline(always)]
    pub(super) fn guard(self, guard: Guard) -> u32 {
        self.bits(guard.slot) ^ if guard.negated { ALL } else { 0 }
    }

    #[inline(always)]
    pub(super) fn set_bits(self, slot: Slot, mask: u32, bits: u32) {
        let row = self.row::<u32>(slot);
        // SAFETY: as above.
        unsafe { *row = (*row & !mask) | (bits & mask) };
    }

    #[inline(always)]
    pub(super) fn get<T: Copy>(self, slot: Slot, lane: usize) -> T {
        debug_assert!(lane < LANES);
        // SAFETY: a row has 32 values.
        unsafe { *self.row::<T>(slot).add(lane) }
    }

    #[inline(always)]
    pub(super) fn set<T: Copy>(self, slot: Slot, lane: usize, value: T) {
        debug_assert!(lane < LANES);
        // SAFETY: a row has 32 values.
        unsafe { *self.row::<T>(slot).add(lane) = value };
    }

    /// A value of any size, as 64 bits of which the upper ones are zero.
    #[inline(always)]
    pub(super) fn get_bits(self, place: Place, lane: usize) -> u64 {
        match place.size {
            1 => u64::from(self.get::<u8>(place.slot, lane)),
            2 => u64::from(self.get::<u16>(place.slot, lane)),
            4 => u64::from(self.get::<u32>(place.slot, lane)),
            8 => self.get::<u64>(place.slot, lane),
            16 => self.get::<u128>(place.slot, lane) as u64,
            _ => u64::from(self.bits(place.slot) >> lane & 1),
        }
    }

    #[inline(always)]
    pub(super) fn put_bits(self, place: Place, lane: usize, bits: u64) {
        match place.size {
            1 => self.set(place.slot, lane, bits as u8),
            2 => self.set(place.slot, lane, bits as u16),
            4 => self.set(place.slot, lane, bits as u32),
            8 => self.set(place.slot, lane, bits),
            16 => self.set(place.slot, lane, u128::from(bits)),
            _ => self.set_bits(place.slot, 1 << lane, if bits == 0 { 0 } else { ALL }),
        }
    }

    #[inline(always)]
    pub(super) fn map1<A: Copy, D: Copy + Default>(self, mask: u32, to: Slot, a: Slot, f: impl Fn(A) -> D) {
        let (a, to) = (self.row::<A>(a), self.row::<D>(to));
        // SAFETY: rows have 32 values each.
        unsafe {
            if mask == ALL {
                let a = a.cast::<[A; LANES]>().read();
                let mut result = [D::default(); LANES];
                for lane in 0..LANES {
                    result[lane] = f(a[lane]);
                }
                to.cast::<[D; LANES]>().write(result);
            } else {
                each(mask, |lane| *to.add(lane) = f(*a.add(lane)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn map2<A: Copy, B: Copy, D: Copy + Default>(
        self,
        mask: u32,
        to: Slot,
        (a, b): (Slot, Slot),
        f: impl Fn(A, B) -> D,
    ) {
        let (a, b, to) = (self.row::<A>(a), self.row::<B>(b), self.row::<D>(to));
        // SAFETY: rows have 32 values each.
        unsafe {
            if mask == ALL {
                let (a, b) = (a.cast::<[A; LANES]>().read(), b.cast::<[B; LANES]>().read());
                let mut result = [D::default(); LANES];
                for lane in 0..LANES {
                    result[lane] = f(a[lane], b[lane]);
                }
                to.cast::<[D; LANES]>().write(result);
            } else {
                each(mask, |lane| *to.add(lane) = f(*a.add(lane), *b.add(lane)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn map3<A: Copy, C: Copy, D: Copy + Default>(
        self,
        mask: u32,
        to: Slot,
        (a, b, c): (Slot, Slot, Slot),
        f: impl Fn(A, A, C) -> D,
    ) {
        let (a, b, c, to) = (self.row::<A>(a), self.row::<A>(b), self.row::<C>(c), self.row::<D>(to));
        // SAFETY: rows have 32 values each.
        unsafe {
            if mask == ALL {
                let (a, b) = (a.cast::<[A; LANES]>().read(), b.cast::<[A; LANES]>().read());
                let c = c.cast::<[C; LANES]>().read();
                let mut result = [D::default(); LANES];
                for lane in 0..LANES {
                    result[lane] = f(a[lane], b[lane], c[lane]);
                }
                to.cast::<[D; LANES]>().write(result);
            } else {
                each(mask, |lane| *to.add(lane) = f(*a.add(lane), *b.add(lane), *c.add(lane)));
            }
        }
    }

    /// The lanes in which `f` holds.
    #[inline(always)]
    pub(super) fn test2<A: Copy>(self, mask: u32, a: Slot, b: Slot, f: impl Fn(A, A) -> bool) -> u32 {
        let (a, b) = (self.row::<A>(a), self.row::<A>(b));
        let mut bits = 0;
        // SAFETY: rows have 32 values each.
        unsafe {
            if mask == ALL {
                let (a, b) = (&*a.cast::<[A; LANES]>(), &*b.cast::<[A; LANES]>());
                for lane in 0..LANES {
                    bits |= u32::from(f(a[lane], b[lane])) << lane;
                }
            } else {
                each(mask, |lane| bits |= u32::from(f(*a.add(lane), *b.add(lane))) << lane);
            }
        }
        bits
    }
}
