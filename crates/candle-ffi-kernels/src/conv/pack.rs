//! Weights in the order in which tiles read them.

use super::geometry::Plan;
use super::source::Layout;
use super::tile::ROWS;
use crate::parallel::{Shared, for_each_range};
use crate::simd::Lanes;

/// The side of a group that is read and the one that is written.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The spatial sizes of the side that is written.
    pub(super) target: [usize; 3],
    /// Distances in the weight of a group of the two sides' channels.
    pub(super) weight: [usize; 2],
}

/// Packed weights of a pass: for each tile of rows, its elements of each channel and tap together.
pub(super) struct Packed {
    pub(super) offsets: Vec<usize>,
    /// The largest offset.
    pub(super) furthest: usize,
    /// Where the weights of a group are, and how many.
    pub(super) start: usize,
    pub(super) group: usize,
}

/// Puts the weights in the order in which tiles read them.
pub(super) fn pack<T: Lanes>(
    plan: &Plan,
    layout: &Layout,
    groups: usize,
    Channels { from, to, weight: [from_step, to_step], .. }: Channels,
    weight: &[T],
    tiles: &[usize],
    packed: &mut [T],
) -> Vec<Packed> {
    let group_step = (from * from_step).max(to * to_step);
    let mut start = 0;
    let mut passes = Vec::with_capacity(plan.passes.len());
    for (at, pass) in plan.passes.iter().enumerate() {
        let group = from * to * pass.taps.len();
        let shared = Shared::new(&mut packed[start..start + groups * group]);
        let starts: Vec<usize> = tiles
            .iter()
            .scan(0, |sum, rows| {
                let start = *sum;
                *sum += rows;
                Some(start)
            })
            .collect();
        let each = (from * pass.taps.len() * ROWS).max(1);
        for_each_range(groups * tiles.len(), (64usize << 10).div_ceil(each), |range| {
            for item in range {
                let (in_group, tile) = (item / tiles.len(), item % tiles.len());
                let (first, rows) = (starts[tile], tiles[tile]);
                let begin = in_group * group + first * from * pass.taps.len();
                // SAFETY: tiles are disjoint, and `packed` is borrowed for the whole call.
                let cells = unsafe { shared.slice(begin..begin + rows * from * pass.taps.len()) };
                let weight = &weight[in_group * group_step..][..group_step];
                let mut cells = cells.chunks_exact_mut(rows);
                for channel in 0..from {
                    for tap in &pass.taps {
                        let Some(cells) = cells.next() else { return };
                        let at = channel * from_step + first * to_step + tap.weight;
                        for (row, cell) in cells.iter_mut().enumerate() {
                            *cell = weight[at + row * to_step];
                        }
                    }
                }
            }
        });
        let offsets = layout.offsets(plan, at, from);
        let furthest = offsets.iter().copied().max().unwrap_or(0);
        passes.push(Packed { offsets, furthest, start, group });
        start += groups * group;
    }
    passes
}
