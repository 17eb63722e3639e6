//! Patches of planes as columns, and columns added up to planes again.
//!
//! Planes are contiguous `[planes, height, width]`; columns are `[planes, kernel height · kernel width, patches]`.

use crate::profile;
use std::mem::MaybeUninit;
use std::ops::Range;

use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, build_units};

/// Where the patches lie, height first.
#[derive(Clone, Copy, Debug)]
pub struct Patches {
    /// Sizes of a plane.
    pub input: [usize; 2],
    /// Patches along each dimension.
    pub output: [usize; 2],
    /// Sizes of a patch.
    pub kernel: [usize; 2],
    /// Distance between the elements of a patch.
    pub dilation: [usize; 2],
    /// Zeros on either side of a plane.
    pub padding: [usize; 2],
    /// Distance between patches.
    pub stride: [usize; 2],
}

impl Patches {
    fn lengths(&self) -> (usize, usize, usize) {
        (self.input.iter().product(), self.output.iter().product(), self.kernel.iter().product())
    }

    /// The patches whose element number `k` along a dimension is not padding, and that element of the first of them.
    fn inside(&self, dim: usize, k: usize) -> (Range<usize>, usize) {
        let (reach, padding, stride) = (k * self.dilation[dim], self.padding[dim], self.stride[dim]);
        let first = padding.saturating_sub(reach).div_ceil(stride).min(self.output[dim]);
        let end = (self.input[dim] + padding).saturating_sub(reach).div_ceil(stride).min(self.output[dim]);
        if first >= end {
            return (0..0, 0);
        }
        (first..end, first * stride + reach - padding)
    }
}

/// `columns[p, (i, j), (y, x)] = planes[p, y · stride + i · dilation - padding, …]`, and 0 in the padding.
pub fn unfold<T: Compute>(x: &[T], planes: usize, patches: &Patches) -> Vec<T> {
    let _span = profile::kernel("unfold");
    let (inside, count, size) = patches.lengths();
    assert_eq!(x.len(), planes * inside, "the length disagrees with the shape");
    let ([_, width], [_, columns], stride) = (patches.input, patches.output, patches.stride);
    // SAFETY: rows outside are filled with zeros, and of the others every part is written.
    unsafe {
        build_units(planes * size * count, count, GRAIN_MEMORY, |start, out| {
            for (i, out) in out.chunks_exact_mut(count).enumerate() {
                let (plane, element) = ((start / count + i) / size, (start / count + i) % size);
                let x = &x[plane * inside..][..inside];
                let (rows, first_row) = patches.inside(0, element / patches.kernel[1]);
                let (within, first) = patches.inside(1, element % patches.kernel[1]);
                let zero = MaybeUninit::new(T::ZERO);
                for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                    if !rows.contains(&row) {
                        out.fill(zero);
                        continue;
                    }
                    let line = &x[(first_row + (row - rows.start) * stride[0]) * width..][..width];
                    out[..within.start].fill(zero);
                    out[within.end..].fill(zero);
                    let out = &mut out[within.clone()];
                    if stride[1] == 1 {
                        for (cell, x) in out.iter_mut().zip(&line[first..]) {
                            cell.write(*x);
                        }
                    } else {
                        for (cell, x) in out.iter_mut().zip(line[first..].iter().step_by(stride[1])) {
                            cell.write(*x);
                        }
                    }
                }
            }
        })
    }
}

/// The transpose of [`unfold`]: every element of a plane is the sum of its places in the columns.
pub fn fold<T: Compute>(columns: &[T], planes: usize, patches: &Patches) -> Vec<T> {
    let _span = profile::kernel("fold");
    let (inside, count, size) = patches.lengths();
    assert_eq!(columns.len(), planes * size * count, "the length disagrees with the shape");
    let ([_, width], [_, across], stride) = (patches.input, patches.output, patches.stride);
    // SAFETY: every element is zeroed before something is added to it.
    unsafe {
        build_units(planes * inside, inside, GRAIN_MEMORY.div_ceil(size.max(1)), |start, cells| {
            for (i, cells) in cells.chunks_exact_mut(inside).enumerate() {
                let plane = start / inside + i;
                cells.fill(MaybeUninit::new(T::ZERO));
                let cells = &mut *(std::ptr::from_mut(cells) as *mut [T]);
                for element in 0..size {
                    let from = &columns[(plane * size + element) * count..][..count];
                    let (rows, first_row) = patches.inside(0, element / patches.kernel[1]);
                    let (within, first) = patches.inside(1, element % patches.kernel[1]);
                    for row in rows.clone() {
                        let line = &mut cells[(first_row + (row - rows.start) * stride[0]) * width..][..width];
                        let from = &from[row * across..][within.clone()];
                        if from.is_empty() {
                            continue;
                        }
                        if stride[1] == 1 {
                            for (cell, x) in line[first..].iter_mut().zip(from) {
                                *cell += *x;
                            }
                        } else {
                            for (cell, x) in line[first..].iter_mut().step_by(stride[1]).zip(from) {
                                *cell += *x;
                            }
                        }
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_sums_equal_the_definition() {
        let cases = [
            ([5, 6], [3, 2], [1, 1], [0, 0], [1, 1]),
            ([5, 6], [3, 3], [1, 1], [1, 1], [2, 2]),
            ([7, 5], [2, 3], [2, 1], [2, 0], [1, 3]),
            ([2, 2], [2, 2], [1, 1], [3, 3], [1, 2]),
        ];
        for (input, kernel, dilation, padding, stride) in cases {
            let out = |d: usize| (input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
            let patches = Patches { input, output: [out(0), out(1)], kernel, dilation, padding, stride };
            let (inside, count, size) = patches.lengths();
            let x: Vec<f64> = (0..2 * inside).map(|i| ((i * 37) % 101) as f64).collect();
            let g: Vec<f64> = (0..2 * size * count).map(|i| ((i * 31) % 17) as f64 - 8.0).collect();
            let (mut columns, mut sums) = (vec![0.0; g.len()], vec![0.0; x.len()]);
            for at in 0..g.len() {
                let (p, element, patch) = (at / (size * count), at / count % size, at % count);
                let place = |d: usize, patch: usize, k: usize| {
                    (patch * stride[d] + k * dilation[d]).checked_sub(padding[d]).filter(|place| *place < input[d])
                };
                let row = place(0, patch / patches.output[1], element / kernel[1]);
                let column = place(1, patch % patches.output[1], element % kernel[1]);
                if let (Some(row), Some(column)) = (row, column) {
                    let from = p * inside + row * input[1] + column;
                    columns[at] = x[from];
                    sums[from] += g[at];
                }
            }
            assert_eq!(unfold(&x, 2, &patches), columns);
            assert_eq!(fold(&g, 2, &patches), sums);
        }
    }
}
