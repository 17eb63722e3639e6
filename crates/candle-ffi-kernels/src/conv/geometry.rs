//! Sizes of a convolution, and which input elements meet in which output element.
//!
//! A convolution takes a *large* side to a *small* one; a transposed convolution, and the gradient of the input, take
//! the small side to the large one. One and two dimensions are three with leading sizes of 1.

/// Sizes of a convolution of three spatial dimensions. The element `z·stride + k·dilation - padding` of the large side
/// meets tap `k` of the kernel and element `z` of the small side; outside of the large side there are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The number of images.
    pub batch: usize,
    /// Groups of channels that do not meet.
    pub groups: usize,
    /// Channels of the large side, a multiple of `groups`.
    pub large_channels: usize,
    /// Channels of the small side, a multiple of `groups`.
    pub small_channels: usize,
    /// Spatial sizes of the large side.
    pub large: [usize; 3],
    /// Spatial sizes of the small side.
    pub small: [usize; 3],
    /// Sizes of the kernel.
    pub kernel: [usize; 3],
    /// Steps on the large side, 1 or more.
    pub stride: [usize; 3],
    /// Zeros before the large side.
    pub padding: [usize; 3],
    /// Distances of the taps, 1 or more.
    pub dilation: [usize; 3],
}

impl Geometry {
    /// The number of elements of the large side.
    pub fn large_len(&self) -> usize {
        self.batch * self.large_channels * volume(self.large)
    }

    /// The number of elements of the small side.
    pub fn small_len(&self) -> usize {
        self.batch * self.small_channels * volume(self.small)
    }

    /// The number of elements of the weight, `[small_channels, large_channels / groups, kernel…]`.
    pub fn weight_len(&self) -> usize {
        self.small_channels * self.large_per_group() * volume(self.kernel)
    }

    /// Channels of a group on the large side.
    pub(super) fn large_per_group(&self) -> usize {
        self.large_channels / self.groups
    }

    /// Channels of a group on the small side.
    pub(super) fn small_per_group(&self) -> usize {
        self.small_channels / self.groups
    }
}

/// The number of elements of a box.
pub(super) fn volume(sizes: [usize; 3]) -> usize {
    sizes.iter().product()
}

/// How a source is copied, and the passes that make a target of the copy.
pub(super) struct Plan {
    pub(super) source: [usize; 3],
    pub(super) target: [usize; 3],
    /// Per dimension, the remainders that a copy is made for: element `i` of the copy for remainder `r` is element
    /// `i·step + r - before` of the source, or zero where there is none.
    pub(super) phases: [Vec<usize>; 3],
    pub(super) step: [usize; 3],
    pub(super) before: [isize; 3],
    /// The furthest that a tap reaches beyond an output position.
    pub(super) reach: [usize; 3],
    pub(super) passes: Vec<Pass>,
    /// Whether some target elements are in no pass.
    pub(super) sparse: bool,
}

/// Target elements that see the same taps: `start + step · position`, for positions up to `count`.
pub(super) struct Pass {
    pub(super) taps: Vec<Tap>,
    pub(super) count: [usize; 3],
    pub(super) start: [usize; 3],
    pub(super) step: [usize; 3],
}

/// A tap: its place in the kernel, the copy that it reads, and where in that it reads for position 0.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    pub(super) weight: usize,
    pub(super) phase: usize,
    pub(super) at: [usize; 3],
}

/// A tap in one dimension.
#[derive(Clone, Copy)]
struct Tap1 {
    weight: usize,
    phase: usize,
    at: usize,
}

impl Plan {
    /// From the large side to the small one.
    pub(super) fn down(geometry: &Geometry) -> Self {
        let (mut phases, mut before, mut reach) = (<[Vec<usize>; 3]>::default(), [0; 3], [0; 3]);
        let mut taps = <[Vec<Tap1>; 3]>::default();
        for d in 0..3 {
            let (stride, dilation, padding) = (geometry.stride[d], geometry.dilation[d], geometry.padding[d]);
            // Taps that meet nothing but zeros are left out: copies are never much larger than their source.
            let meets = |k: usize| {
                let first = (k * dilation).cast_signed() - padding.cast_signed();
                let skipped = (-first).max(0).cast_unsigned().div_ceil(stride);
                skipped < geometry.small[d]
                    && first + (skipped * stride).cast_signed() < geometry.large[d].cast_signed()
            };
            let useful: Vec<usize> = (0..geometry.kernel[d]).filter(|k| meets(*k)).collect();
            phases[d] = useful.iter().map(|k| k * dilation % stride).collect();
            phases[d].sort_unstable();
            phases[d].dedup();
            let lowest = useful.first().map_or(0, |k| k * dilation / stride);
            before[d] = padding.cast_signed() - (lowest * stride).cast_signed();
            for weight in useful {
                let phase = phases[d].iter().position(|found| *found == weight * dilation % stride);
                let at = weight * dilation / stride - lowest;
                taps[d].push(Tap1 { weight, phase: phase.unwrap_or_default(), at });
                reach[d] = at;
            }
        }
        let sparse = taps.iter().any(Vec::is_empty);
        let pass = Pass {
            taps: combine([&taps[0], &taps[1], &taps[2]], geometry.kernel, counts(&phases)),
            count: geometry.small,
            start: [0; 3],
            step: [1; 3],
        };
        let passes = if sparse { Vec::new() } else { vec![pass] };
        let (source, target) = (geometry.large, geometry.small);
        Self { source, target, phases, step: geometry.stride, before, reach, passes, sparse }
    }

    /// From the small side to the large one: a pass for each remainder of the stride.
    pub(super) fn up(geometry: &Geometry) -> Self {
        let (mut before, mut reach, mut sparse) = ([0; 3], [0; 3], false);
        // For each dimension, the remainders with their taps.
        let mut found = <[Vec<(usize, Vec<Tap1>)>; 3]>::default();
        for d in 0..3 {
            let (stride, dilation, padding) = (geometry.stride[d], geometry.dilation[d], geometry.padding[d]);
            let remainders = stride.min(geometry.large[d]);
            let mut lists = std::collections::BTreeMap::<usize, Vec<(usize, isize)>>::new();
            let (mut lowest, mut highest) = (isize::MAX, isize::MIN);
            for k in 0..geometry.kernel[d] {
                // The remainder whose elements this tap reaches, and the source element of the first of them.
                let remainder = (k * dilation % stride + stride - padding % stride) % stride;
                let at = (remainder + padding).cast_signed() - (k * dilation).cast_signed();
                let at = at / stride.cast_signed();
                let count = geometry.large[d].saturating_sub(remainder).div_ceil(stride).cast_signed();
                if count > 0 && at < geometry.small[d].cast_signed() && at + count > 0 {
                    (lowest, highest) = (lowest.min(at), highest.max(at));
                    lists.entry(remainder).or_default().push((k, at));
                }
            }
            sparse |= lists.len() < remainders;
            if lists.is_empty() {
                continue;
            }
            before[d] = -lowest;
            reach[d] = (highest - lowest).cast_unsigned();
            let tap = |(weight, at): (usize, isize)| Tap1 { weight, phase: 0, at: (at - lowest).cast_unsigned() };
            found[d] = lists.into_iter().map(|(r, list)| (r, list.into_iter().map(tap).collect())).collect();
        }
        let mut passes = Vec::new();
        for (z, in_z) in &found[0] {
            for (y, in_y) in &found[1] {
                for (x, in_x) in &found[2] {
                    let start = [*z, *y, *x];
                    passes.push(Pass {
                        taps: combine([in_z, in_y, in_x], geometry.kernel, [1; 3]),
                        count: std::array::from_fn(|d| (geometry.large[d] - start[d]).div_ceil(geometry.stride[d])),
                        start,
                        step: geometry.stride,
                    });
                }
            }
        }
        let phases = [vec![0], vec![0], vec![0]];
        Self { source: geometry.small, target: geometry.large, phases, step: [1; 3], before, reach, passes, sparse }
    }

    /// No pass at all.
    pub(super) fn empty(geometry: &Geometry) -> Self {
        let phases = <[Vec<usize>; 3]>::default();
        let (source, target) = (geometry.large, geometry.small);
        let (step, before, reach) = ([1; 3], [0; 3], [0; 3]);
        Self { source, target, phases, step, before, reach, passes: Vec::new(), sparse: true }
    }

    /// Whether the source can be read where it lies: the copy would be the same.
    pub(super) fn in_place(&self) -> bool {
        let inside = |d: usize| {
            let count = self.passes.iter().map(|pass| pass.count[d]).max().unwrap_or(0);
            self.step[d] == 1 && self.before[d] == 0 && count + self.reach[d] <= self.source[d]
        };
        (0..3).all(inside)
    }

    /// The number of copies of a source.
    pub(super) fn copies(&self) -> usize {
        volume(counts(&self.phases))
    }

    /// The most positions of a pass in each dimension.
    pub(super) fn span(&self) -> [usize; 3] {
        std::array::from_fn(|d| self.passes.iter().map(|pass| pass.count[d]).max().unwrap_or(0))
    }
}

fn counts(phases: &[Vec<usize>; 3]) -> [usize; 3] {
    phases.each_ref().map(Vec::len)
}

/// The taps of three dimensions from those of each.
fn combine(taps: [&[Tap1]; 3], kernel: [usize; 3], phases: [usize; 3]) -> Vec<Tap> {
    let mut result = Vec::with_capacity(taps.iter().map(|list| list.len()).product());
    for z in taps[0] {
        for y in taps[1] {
            for x in taps[2] {
                result.push(Tap {
                    weight: (z.weight * kernel[1] + y.weight) * kernel[2] + x.weight,
                    phase: (z.phase * phases[1] + y.phase) * phases[2] + x.phase,
                    at: [z.at, y.at, x.at],
                });
            }
        }
    }
    result
}
