//! Copies of an image that kernels read without looking at borders: padded with zeros, and for a stride the elements
//! of each remainder together. A tap is then an offset, the same for every output position.

use super::geometry::{Plan, volume};
use crate::simd::vectorize;

/// Elements behind a copy that may be read with its last ones.
pub(super) const SLACK: usize = 256;

/// A part of the output positions along one dimension.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) axis: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How the output positions are cut: in blocks of `size` along `axis`.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    axis: usize,
    size: usize,
    span: usize,
}

impl Blocks {
    /// Blocks whose source is `bytes` or less where that is possible, and at least `pieces` of them where they are not
    /// too small.
    pub(super) fn new(plan: &Plan, channel_bytes: usize, bytes: usize, pieces: usize) -> Self {
        let (span, reach) = (plan.span(), plan.reach);
        let axis = (0..2).find(|d| span[*d] > 1).unwrap_or(2);
        let others =
            |sizes: [usize; 3]| sizes.iter().enumerate().map(|(d, n)| if d == axis { 1 } else { *n }).product();
        let across: usize = others(std::array::from_fn(|d| span[d] + reach[d]));
        let fitting = (bytes / (channel_bytes * plan.copies() * across).max(1)).saturating_sub(reach[axis]);
        // Small blocks copy their borders more often than their insides, and fill no vectors.
        let positions: usize = others(span);
        let least = reach[axis].max(192usize.div_ceil(positions.max(1))).max(1);
        let size = fitting.min(span[axis].div_ceil(pieces.max(1))).max(least);
        let count = span[axis].div_ceil(size).max(1);
        Self { axis, size: span[axis].div_ceil(count).max(1), span: span[axis] }
    }

    pub(super) fn count(self) -> usize {
        self.span.div_ceil(self.size)
    }

    pub(super) fn get(self, index: usize) -> Block {
        let start = index * self.size;
        Block { axis: self.axis, start, end: (start + self.size).min(self.span) }
    }
}

/// Where the elements of a copy, or of a source that is read where it lies, are.
pub(super) struct Layout {
    /// Sizes of a copy.
    pub(super) extent: [usize; 3],
    /// The distance of channels.
    pub(super) channel: usize,
    /// Whether the source itself is read.
    pub(super) in_place: bool,
}

impl Layout {
    pub(super) fn new(plan: &Plan, blocks: Blocks, in_place: bool) -> Self {
        if in_place {
            return Self { extent: plan.source, channel: volume(plan.source), in_place };
        }
        let mut extent: [usize; 3] = std::array::from_fn(|d| plan.span()[d] + plan.reach[d]);
        extent[blocks.axis] = blocks.size + plan.reach[blocks.axis];
        // An odd number of lines, so that channels do not share their places in the caches.
        let lines = (volume(extent) * plan.copies()).div_ceil(16);
        Self { extent, channel: (lines | 1) * 16, in_place }
    }

    /// The offset of each tap of each channel from that of the output position.
    pub(super) fn offsets(&self, plan: &Plan, pass: usize, channels: usize) -> Vec<usize> {
        let [_, height, width] = self.extent;
        let tap = |tap: &super::geometry::Tap| {
            tap.phase * volume(self.extent) + (tap.at[0] * height + tap.at[1]) * width + tap.at[2]
        };
        let taps: Vec<usize> = plan.passes[pass].taps.iter().map(tap).collect();
        (0..channels).flat_map(|channel| taps.iter().map(move |tap| channel * self.channel + tap)).collect()
    }

    /// The elements of a copy of this many channels.
    pub(super) fn len(&self, channels: usize) -> usize {
        channels * self.channel + SLACK
    }

    /// Where a block begins in a source that is read where it lies.
    pub(super) fn origin(&self, block: Block) -> usize {
        let [_, height, width] = self.extent;
        block.start * [height * width, width, 1][block.axis]
    }

    /// Copies the channels of `source` that a block needs.
    pub(super) fn fill<T: Copy + Default>(&self, plan: &Plan, block: Block, source: &[T], copy: &mut [T]) {
        let [depth, height, width] = plan.source;
        let mut origin = [0; 3];
        origin[block.axis] = block.start;
        let place = |d: usize, at: usize, phase: usize| {
            let at = ((at + origin[d]) * plan.step[d] + phase).cast_signed() - plan.before[d];
            usize::try_from(at).ok().filter(|at| *at < plan.source[d])
        };
        let volume = depth * height * width;
        for (source, copy) in source.chunks_exact(volume.max(1)).zip(copy.chunks_mut(self.channel)) {
            let mut rows = copy.chunks_mut(self.extent[2]);
            for &in_z in &plan.phases[0] {
                for &in_y in &plan.phases[1] {
                    for &in_x in &plan.phases[2] {
                        for z in 0..self.extent[0] {
                            let plane = place(0, z, in_z);
                            for y in 0..self.extent[1] {
                                let Some(row) = rows.next() else { return };
                                match (plane, place(1, y, in_y)) {
                                    (Some(z), Some(y)) => {
                                        let from = &source[(z * height + y) * width..][..width];
                                        let first = (origin[2] * plan.step[2] + in_x).cast_signed() - plan.before[2];
                                        copy_row(from, first, plan.step[2], row);
                                    }
                                    _ => row.fill(T::default()),
                                }
                            }
                        }
                    }
                }
            }
            rows.for_each(|rest| rest.fill(T::default()));
        }
    }
}

/// `row[i] = source[first + i step]`, or zero outside.
fn copy_row<T: Copy + Default>(source: &[T], first: isize, step: usize, row: &mut [T]) {
    let before = if first < 0 { (-first).cast_unsigned().div_ceil(step).min(row.len()) } else { 0 };
    let start = (first + (before * step).cast_signed()).max(0).cast_unsigned();
    let inside = source.len().saturating_sub(start).div_ceil(step).min(row.len() - before);
    let (zeros, row) = row.split_at_mut(before);
    let (inner, after) = row.split_at_mut(inside);
    zeros.fill(T::default());
    after.fill(T::default());
    if inside == 0 {
        return; // the padding alone, perhaps far from the source
    }
    match step {
        1 => inner.copy_from_slice(&source[start..start + inside]),
        2 if inside > 1 => {
            let (pairs, last) = (&source[start..start + 2 * inside - 1], inside - 1);
            vectorize(
                #[inline(always)]
                || inner.iter_mut().zip(pairs.as_chunks::<2>().0).for_each(|(to, pair)| *to = pair[0]),
            );
            inner[last] = pairs[2 * last];
        }
        _ => inner.iter_mut().zip(source.iter().skip(start).step_by(step)).for_each(|(to, from)| *to = *from),
    }
}
