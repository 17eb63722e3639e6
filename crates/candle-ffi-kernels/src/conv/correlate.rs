//! The sum over taps and channels at each output position: convolutions, and transposed ones.

use std::ops::Range;

use super::geometry::{Geometry, Plan, volume};
use super::pack::{Channels, Packed, pack};
use super::source::{Block, Blocks, Layout};
use super::spread::copy_spread;
use super::tile::{ROWS, cut_rows, run_tile};
use crate::parallel::{Shared, for_each_range, num_threads};
use crate::registers::Machine;
use crate::scratch::{Plain, with_scratch};
use crate::simd::Lanes;

/// Bytes of a copied source: it stays in the second-level cache.
const SOURCE: usize = 640 << 10;
/// Multiply-adds below which a part of the work is not worth a thread.
const GRAIN: usize = 128 << 10;
/// Bytes of weights above which they are read once for several tiles.
const WEIGHTS: usize = 768 << 10;
/// The widest tile, in elements: a row of eight vectors.
const WIDEST: usize = 8 * 16;

struct Work<'a, T> {
    geometry: &'a Geometry,
    plan: &'a Plan,
    channels: Channels,
    layout: Layout,
    passes: Vec<Packed>,
    weights: &'a [T],
    bias: Option<&'a [T]>,
    tiles: &'a [usize],
    /// Vectors of a tile, and elements of a vector.
    vectors: usize,
    lanes: usize,
    out: Shared<std::mem::MaybeUninit<T>>,
}

/// The target of a plan.
pub(super) fn correlate<T: Lanes + Plain>(
    geometry: &Geometry,
    plan: impl FnOnce(&Geometry) -> Plan,
    channels: Channels,
    source: &[T],
    weight: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let Channels { from, to, target, .. } = channels;
    let (groups, positions) = (geometry.groups, volume(target));
    let len = geometry.batch * groups * to * positions;
    if len == 0 {
        return Vec::new();
    }
    // Sizes of a weight without elements may be anything.
    let plan = if from == 0 { Plan::empty(geometry) } else { plan(geometry) };
    let plan = &plan;
    let mut out = Vec::with_capacity(len);
    let shared = Shared::new(&mut out.spare_capacity_mut()[..len]);
    if plan.sparse {
        fill_bias(shared, geometry.batch * groups * to, positions, bias, groups * to);
    }
    if !plan.passes.is_empty() {
        let machine = Machine::get();
        let vectors = match to {
            1 => 8,
            2 | 3 if machine.registers >= 32 => 6,
            _ => 3,
        };
        let tiles = cut_rows(to, if machine.registers >= 32 { ROWS } else { 4 });
        let threads = num_threads();
        let in_place = plan.in_place();
        let pieces = (2 * threads).div_ceil(geometry.batch * groups);
        let pieces = if geometry.batch * groups >= 2 * threads { 1 } else { pieces };
        let limit = if in_place { usize::MAX } else { SOURCE };
        let blocks = Blocks::new(plan, from * size_of::<T>(), limit, pieces);
        let layout = Layout::new(plan, blocks, in_place);
        let taps: usize = plan.passes.iter().map(|pass| pass.taps.len()).sum();
        with_scratch(groups * from * to * taps, |weights| {
            let passes = pack(plan, &layout, groups, channels, weight, &tiles, weights);
            let items = geometry.batch * groups * blocks.count();
            // Few positions: the output channels are shared too.
            let parts = if items >= 2 * threads { 1 } else { (2 * threads).div_ceil(items).min(tiles.len()) };
            let work = Work {
                geometry,
                plan,
                channels,
                layout,
                passes,
                weights,
                bias,
                tiles: &tiles,
                vectors,
                lanes: machine.lanes::<T>(),
                out: shared,
            };
            let each = (positions * from * to).saturating_mul(taps) / (blocks.count() * parts * plan.passes.len());
            for_each_range(items * parts, GRAIN.div_ceil(each.max(1)), |range| {
                for item in range {
                    let (item, part) = (item / parts, item % parts);
                    let (image, block) = (item / blocks.count(), blocks.get(item % blocks.count()));
                    let tiles = part * tiles.len() / parts..(part + 1) * tiles.len() / parts;
                    work.item(source, image, block, tiles);
                }
            });
        });
    }
    // SAFETY: each pass has written its positions, and the positions of no pass have been filled.
    unsafe { out.set_len(len) };
    out
}

/// The bias at every position.
fn fill_bias<T: Lanes>(
    out: Shared<std::mem::MaybeUninit<T>>,
    planes: usize,
    positions: usize,
    bias: Option<&[T]>,
    channels: usize,
) {
    for_each_range(planes, crate::parallel::GRAIN_MEMORY.div_ceil(positions.max(1)), |range| {
        for plane in range {
            let value = bias.map_or(T::ZERO, |bias| bias[plane % channels]);
            // SAFETY: planes are disjoint, and `out` is borrowed for the whole call.
            let plane = unsafe { out.slice(plane * positions..(plane + 1) * positions) };
            plane.fill(std::mem::MaybeUninit::new(value));
        }
    });
}

/// Rows of positions that follow each other in the source.
struct Plane {
    /// Where it starts in the source, and in the target.
    source: usize,
    target: usize,
    /// The rows, their length, and their distances.
    rows: usize,
    width: usize,
    source_row: usize,
    target_row: usize,
    /// The distance of neighbours in the target.
    step: usize,
}

impl<T: Lanes + Plain> Work<'_, T> {
    /// One block of positions of one group of one image, for some of its output channels.
    fn item(&self, source: &[T], image: usize, block: Block, tiles: Range<usize>) {
        let from = self.channels.from;
        let channels = from * volume(self.plan.source);
        let start = image * channels;
        if self.layout.in_place {
            let origin = start + self.layout.origin(block);
            self.passes(source, origin, image, block, &tiles);
            return;
        }
        with_scratch(self.layout.len(from), |copy| {
            let (copied, slack) = copy.split_at_mut(from * self.layout.channel);
            self.layout.fill(self.plan, block, &source[start..start + channels], copied);
            slack.fill(T::ZERO);
            self.passes(copy, 0, image, block, &tiles);
        });
    }

    fn passes(&self, x: &[T], origin: usize, image: usize, block: Block, tiles: &Range<usize>) {
        let [_, height, width] = self.plan.target;
        let [_, source_height, source_width] = self.layout.extent;
        for (pass, packed) in self.plan.passes.iter().zip(&self.passes) {
            let mut first = [0; 3];
            let mut count = pass.count;
            first[block.axis] = block.start;
            count[block.axis] = count[block.axis].min(block.end).saturating_sub(block.start);
            if volume(count) == 0 {
                continue;
            }
            let place: [usize; 3] = std::array::from_fn(|d| pass.start[d] + first[d] * pass.step[d]);
            let mut plane = Plane {
                source: origin,
                target: (place[0] * height + place[1]) * width + place[2],
                rows: count[1],
                width: count[2],
                source_row: source_width,
                target_row: pass.step[1] * width,
                step: pass.step[2],
            };
            if plane.rows > 1 && plane.width == plane.source_row && plane.width == plane.target_row && plane.step == 1 {
                plane.width *= plane.rows;
                plane.rows = 1;
            }
            for _ in 0..count[0] {
                self.plane(packed, x, image, &plane, tiles);
                plane.source += source_height * source_width;
                plane.target += pass.step[0] * height * width;
            }
        }
    }

    fn plane(&self, packed: &Packed, x: &[T], image: usize, plane: &Plane, tiles: &Range<usize>) {
        let width = self.vectors * self.lanes;
        let total = (plane.rows - 1) * plane.source_row + plane.width;
        let together = if packed.group * size_of::<T>() > WEIGHTS { 8 } else { 1 };
        let mut block = 0;
        while block < total {
            let end = (block + width * together).min(total);
            // What would be a narrow tile of its own is part of this block.
            let end = if total - end <= self.lanes { total } else { end };
            let mut row = self.tiles[..tiles.start].iter().sum();
            for &rows in &self.tiles[tiles.clone()] {
                let mut at = block;
                while at < end {
                    // Two halves are quicker than a whole tile and a narrow one.
                    let left = (end - at).div_ceil(self.lanes);
                    let even = self.vectors == 3 && left == 4;
                    let next = (at + if even { 2 * self.lanes } else { width }).min(end);
                    self.tile(packed, x, image, plane, (row, rows), at..next);
                    at = next;
                }
                row += rows;
            }
            block = end;
        }
    }

    /// `rows` output channels from the `row`th on, at some positions.
    fn tile(
        &self,
        packed: &Packed,
        x: &[T],
        image: usize,
        plane: &Plane,
        (row, rows): (usize, usize),
        positions: Range<usize>,
    ) {
        let vectors = positions.len().div_ceil(self.lanes);
        let vectors = match vectors {
            7 => 8,
            4 | 5 => 6,
            other => other,
        };
        let columns = vectors * self.lanes;
        let group = image % self.geometry.groups;
        let channel = group * self.channels.to + row;
        let mut bias = [T::ZERO; ROWS];
        if let Some(given) = self.bias {
            bias[..rows].copy_from_slice(&given[channel..channel + rows]);
        }
        let area = volume(self.plan.target);
        let target = (image * self.channels.to + row) * area + plane.target;
        let weights = &self.weights[packed.start + group * packed.group + row * packed.offsets.len()..]
            [..rows * packed.offsets.len()];
        let from = plane.source + positions.start;
        let inside = from + packed.furthest + columns <= x.len();
        let whole = columns == positions.len() && plane.rows == 1 && plane.step == 1;
        let mut buffer = [std::mem::MaybeUninit::<T>::uninit(); ROWS * WIDEST / 2];
        let buffer = buffer.as_mut_ptr().cast::<T>();
        let out = if whole {
            // SAFETY: inside of `out`, whose positions this tile alone writes.
            (unsafe { self.out.pointer().add(target + positions.start) }.cast::<T>(), area)
        } else {
            (buffer, columns)
        };
        let shape = (rows, vectors);
        if inside {
            // SAFETY: every read from `x` ends before its end, the weights have `rows` elements per offset, and the
            // rows of `out` are either its own or of the buffer, which holds `rows · columns` elements.
            unsafe { run_tile(shape, x[from..].as_ptr(), &packed.offsets, weights.as_ptr(), &bias, out) };
        } else {
            // The vectors reach beyond the end of the source: their elements are copied.
            let offsets: Vec<usize> = (0..packed.offsets.len()).map(|k| k * columns).collect();
            with_scratch(offsets.len() * columns, |copy: &mut [T]| {
                for (offset, copy) in packed.offsets.iter().zip(copy.chunks_exact_mut(columns)) {
                    let (inner, rest) = copy.split_at_mut(positions.len());
                    inner.copy_from_slice(&x[from + offset..][..inner.len()]);
                    rest.fill(T::ZERO);
                }
                // SAFETY: as above, with `columns` elements from each offset.
                unsafe { run_tile(shape, copy.as_ptr(), &offsets, weights.as_ptr(), &bias, out) };
            });
        }
        if !whole {
            for m in 0..rows {
                // SAFETY: the tile has written these elements of the buffer.
                let values = unsafe { std::slice::from_raw_parts(buffer.add(m * columns), positions.len()) };
                self.emit(values, target + m * area, plane, positions.start);
            }
        }
    }

    /// Writes the positions from `first` on, but for those between rows.
    fn emit(&self, values: &[T], target: usize, plane: &Plane, first: usize) {
        let (mut row, mut column) = (first / plane.source_row, first % plane.source_row);
        if plane.rows == 1 {
            (row, column) = (0, first);
        }
        let mut at = 0;
        while at < values.len() {
            if column < plane.width {
                let count = (plane.width - column).min(values.len() - at);
                let start = target + row * plane.target_row + column * plane.step;
                // SAFETY: positions of a pass are disjoint, and inside of `out`.
                unsafe {
                    let to = self.out.pointer().add(start).cast::<T>();
                    copy_spread(&values[at..at + count], to, plane.step);
                }
            }
            at += plane.source_row - column;
            column = 0;
            row += 1;
        }
    }
}
