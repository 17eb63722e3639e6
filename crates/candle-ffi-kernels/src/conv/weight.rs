//! The gradient of the weight: products of the two sides summed over all positions.
//!
//! The images are cut into parts that depend on the sizes alone; each part adds up for itself, and the parts are added
//! in their order, so that the result is the same for any number of threads.

use std::ops::Range;

use super::geometry::{Geometry, Plan, volume};
use super::source::{Block, Blocks, Layout};
use super::tile::{Run, cut_rows, run_dots, run_outer};
use crate::parallel::{Shared, for_each_range};
use crate::registers::Machine;
use crate::scratch::{Plain, with_scratch};
use crate::simd::Lanes;

/// Bytes of a copied source.
const SOURCE: usize = 512 << 10;
/// Parts, as long as their sums are together below the next number of bytes.
const PARTS: usize = 16;
const SUMS: usize = 8 << 20;
/// Bytes of one side that stay in the first-level cache.
const NEAR: usize = 24 << 10;
/// Multiply-adds below which one thread does all.
const GRAIN: usize = 128 << 10;

struct Work<'a, T> {
    geometry: &'a Geometry,
    plan: &'a Plan,
    blocks: Blocks,
    layout: Layout,
    large: &'a [T],
    small: &'a [T],
    /// Offsets of the taps of all channels, and how many a channel has.
    offsets: Vec<usize>,
    taps: usize,
    lanes: usize,
    registers: usize,
    /// Channels of the small side in a row of sums.
    pitch: usize,
}

/// A part of the work: some blocks of some images, one group, some channels of the large side.
struct Part {
    units: Range<usize>,
    group: usize,
    channels: Range<usize>,
}

/// `[small_channels, large_channels / groups, kernel…]` from both sides.
pub(super) fn weight_grad<T: Lanes + Plain>(geometry: &Geometry, large: &[T], small: &[T]) -> Vec<T> {
    let mut result = vec![T::ZERO; geometry.weight_len()];
    if result.is_empty() || small.is_empty() || large.is_empty() {
        return result;
    }
    let plan = Plan::down(geometry);
    let (groups, channels, rows) = (geometry.groups, geometry.large_per_group(), geometry.small_per_group());
    let Some(pass) = plan.passes.first() else { return result };
    let machine = Machine::get();
    let lanes = machine.lanes::<T>();
    let narrow = rows < lanes / 2;
    let images_and_groups = geometry.batch;
    let blocks = Blocks::new(&plan, channels * size_of::<T>(), SOURCE, PARTS.div_ceil(images_and_groups));
    let layout = Layout::new(&plan, blocks, plan.in_place() && !narrow);
    let taps = pass.taps.len();
    let pitch = if narrow { rows } else { rows.next_multiple_of(lanes) };
    let units = geometry.batch * blocks.count();
    let sums = groups * channels * taps * pitch;
    let parts = (SUMS / (sums * size_of::<T>())).clamp(1, PARTS).min(units);
    let splits = PARTS.div_ceil(parts * groups).min(channels.div_ceil(8)).max(1);
    let offsets = layout.offsets(&plan, 0, channels);
    let registers = machine.registers;
    let work = Work { geometry, plan: &plan, blocks, layout, large, small, offsets, taps, lanes, registers, pitch };
    with_scratch(parts * sums, |all: &mut [T]| {
        let shared = Shared::new(all);
        let body = |task: usize| {
            let (part, rest) = (task / (groups * splits), task % (groups * splits));
            let (group, split) = (rest / splits, rest % splits);
            let channels = split * channels / splits..(split + 1) * channels / splits;
            let start = part * sums + (group * work.geometry.large_per_group() + channels.start) * taps * pitch;
            // SAFETY: parts, groups and channels are disjoint, and `all` is borrowed for the whole call.
            let sums = unsafe { shared.slice(start..start + channels.len() * taps * pitch) };
            sums.fill(T::ZERO);
            let units = part * units / parts..(part + 1) * units / parts;
            let part = Part { units, group, channels };
            if narrow { work.dots(&part, sums) } else { work.outer(&part, sums) }
        };
        let tasks = parts * groups * splits;
        let products = (sums / pitch * rows).saturating_mul(geometry.batch * volume(geometry.small));
        for_each_range(tasks, GRAIN.div_ceil((products / tasks).max(1)), |range| range.for_each(body));
        let all: &[T] = all;
        let kernel = volume(geometry.kernel);
        let weights = Shared::new(&mut result);
        let write = |task: usize| {
            let (group, channel) = (task / channels, task % channels);
            for (tap, weight) in pass.taps.iter().enumerate() {
                let at = ((group * channels + channel) * taps + tap) * pitch;
                for row in 0..rows {
                    let sum = (0..parts).map(|part| all[part * sums + at + row]).sum::<T>();
                    let to = ((group * rows + row) * channels + channel) * kernel + weight.weight;
                    // SAFETY: each weight is written once, and `result` is borrowed for the whole call.
                    unsafe { weights.pointer().add(to).write(sum) };
                }
            }
        };
        let each = (taps * rows * parts).max(1);
        for_each_range(groups * channels, (32usize << 10).div_ceil(each), |range| range.for_each(write));
    });
    result
}

impl<T: Lanes + Plain> Work<'_, T> {
    /// Calls `f(source, origin, block, small, first)` for each unit of a part: the source to read, where its position
    /// 0 is, and the small side's channels of the image with the first position of the block.
    fn each_unit(&self, part: &Part, mut f: impl FnMut(&[T], usize, Block, &[T], usize)) {
        let (geometry, plan) = (self.geometry, self.plan);
        let size = volume(plan.source);
        let [_, height, width] = geometry.small;
        let rows = geometry.small_per_group() * volume(geometry.small);
        for unit in part.units.clone() {
            let (image, block) = (unit / self.blocks.count(), self.blocks.get(unit % self.blocks.count()));
            let group = image * geometry.groups + part.group;
            let small = &self.small[group * rows..][..rows];
            let first = block.start * [height * width, width, 1][block.axis];
            let channels = group * geometry.large_per_group();
            let source = &self.large[(channels + part.channels.start) * size..(channels + part.channels.end) * size];
            if self.layout.in_place {
                f(source, self.layout.origin(block), block, small, first);
                continue;
            }
            with_scratch(self.layout.len(part.channels.len()), |copy| {
                let (copied, slack) = copy.split_at_mut(part.channels.len() * self.layout.channel);
                self.layout.fill(plan, block, source, copied);
                slack.fill(T::ZERO);
                f(copy, 0, block, small, first);
            });
        }
    }

    /// The number of positions of a block in each dimension.
    fn count(&self, block: Block) -> [usize; 3] {
        let mut count = self.geometry.small;
        count[block.axis] = block.end - block.start;
        count
    }

    /// Vectors along the small side's channels.
    fn outer(&self, part: &Part, sums: &mut [T]) {
        let (rows, lanes) = (self.geometry.small_per_group(), self.lanes);
        let (area, pitch) = (volume(self.geometry.small), self.pitch);
        let [_, extent_height, extent_width] = self.layout.extent;
        // The offsets count from the part's first channel.
        let offsets = &self.offsets[..part.channels.len() * self.taps];
        let widest = if self.registers >= 32 { 4 } else { 2 };
        self.each_unit(part, |x, origin, block, small, first| {
            let count = self.count(block);
            let positions = volume(count);
            let mut column = 0;
            while column < pitch {
                let vectors = [4, 2, 1].into_iter().find(|v| *v <= widest && column + v * lanes <= pitch).unwrap_or(1);
                let width = vectors * lanes;
                let near = (NEAR / (width * size_of::<T>())).max(1);
                let groups = runs(count, [extent_height * extent_width, extent_width], origin, near);
                let tallest = if vectors == 4 || (vectors == 2 && self.registers < 32) { 6 } else { 8 };
                let tiles = cut_rows(offsets.len(), tallest);
                with_scratch(positions * width, |columns: &mut [T]| {
                    let used = width.min(rows - column);
                    transpose(&small[column * area + first..], area, used, positions, columns, width);
                    for runs in &groups {
                        let mut at = 0;
                        for &height in &tiles {
                            let out = sums[at * pitch + column..].as_mut_ptr();
                            // SAFETY: every run lies inside of the source from every offset, the columns have
                            // `vectors` vectors at each position, and the sums a row of `pitch` for each offset.
                            unsafe {
                                let (x, columns) = (x.as_ptr(), columns.as_ptr());
                                run_outer((height, vectors), x, &offsets[at..at + height], columns, runs, (out, pitch));
                            }
                            at += height;
                        }
                    }
                });
                column += width;
            }
        });
    }

    /// Vectors along the positions, for few channels of the small side.
    fn dots(&self, part: &Part, sums: &mut [T]) {
        let (rows, lanes) = (self.geometry.small_per_group(), self.lanes);
        let area = volume(self.geometry.small);
        let [_, extent_height, extent_width] = self.layout.extent;
        let offsets = &self.offsets[..part.channels.len() * self.taps];
        let width = self.geometry.small[2];
        self.each_unit(part, |x, _, block, small, first| {
            let count = self.count(block);
            let total = ((count[0] - 1) * extent_height + count[1] - 1) * extent_width + count[2];
            // Each channel as long as the source, with zeros where the source has no position.
            let pitch = total.next_multiple_of(lanes);
            with_scratch(rows * pitch, |columns: &mut [T]| {
                for (row, line) in columns.chunks_exact_mut(pitch).enumerate() {
                    let mut from = row * area + first;
                    let mut filled = 0;
                    for z in 0..count[0] {
                        for y in 0..count[1] {
                            let at = (z * extent_height + y) * extent_width;
                            line[filled..at].fill(T::ZERO);
                            line[at..at + count[2]].copy_from_slice(&small[from..from + count[2]]);
                            filled = at + count[2];
                            from += if block.axis == 2 { width } else { count[2] };
                        }
                    }
                    line[filled..].fill(T::ZERO);
                }
                let mut row = 0;
                while row < rows {
                    let height = if row + 3 <= rows { 3 } else { 1 };
                    let mut at = 0;
                    while at < offsets.len() {
                        let left = offsets.len() - at;
                        let several = if height == 1 && left != 8 && left != 16 { 9 } else { 8 };
                        let several = [several, 8, 4, 2, 1].into_iter().find(|n| *n <= left).unwrap_or(1);
                        let vectors = pitch / lanes;
                        // SAFETY: the columns have `pitch` elements in each row, the source has as many from each
                        // offset, as its slack is more than a vector, and the sums a row for each offset.
                        unsafe {
                            run_dots(
                                height,
                                x.as_ptr(),
                                &offsets[at..at + several],
                                (columns[row * pitch..].as_ptr(), pitch),
                                vectors,
                                (sums[at * rows + row..].as_mut_ptr(), rows),
                            );
                        }
                        at += several;
                    }
                    row += height;
                }
            });
        });
    }
}

/// The rows of a box of positions, in groups of about `near` positions.
fn runs(count: [usize; 3], steps: [usize; 2], origin: usize, near: usize) -> Vec<Vec<Run>> {
    let (mut groups, mut group, mut held, mut at) = (Vec::new(), Vec::new(), 0, 0);
    for z in 0..count[0] {
        for y in 0..count[1] {
            let start = origin + z * steps[0] + y * steps[1];
            for first in (0..count[2]).step_by(near) {
                let len = near.min(count[2] - first);
                if held != 0 && held + len > near {
                    groups.push(std::mem::take(&mut group));
                    held = 0;
                }
                group.push(Run { x: start + first, at, len });
                at += len;
                held += len;
            }
        }
    }
    if held != 0 {
        groups.push(group);
    }
    groups
}

/// `to[p · width + c] = from[c · pitch + p]` for `used` channels, and zeros for the rest of the width.
fn transpose<T: Lanes>(from: &[T], pitch: usize, used: usize, positions: usize, to: &mut [T], width: usize) {
    const TILE: usize = 16;
    for first in (0..positions).step_by(TILE) {
        let count = TILE.min(positions - first);
        let to = &mut to[first * width..][..count * width];
        for c in 0..used {
            let from = &from[c * pitch + first..][..count];
            for (i, value) in from.iter().enumerate() {
                to[i * width + c] = *value;
            }
        }
        if used < width {
            to.chunks_exact_mut(width).for_each(|line| line[used..].fill(T::ZERO));
        }
    }
}
