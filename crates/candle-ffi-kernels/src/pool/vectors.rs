//! Max pooling of `f32` in vectors: for whole windows at small distances.
//!
//! The elements of a row that windows begin with are `stride` apart. Rows are therefore first dealt out to `stride` phases,
//! in which the elements of neighbouring windows are neighbours; with a stride of 1 the input itself is the only phase.

use super::maximum::Search;
use pulp::{Simd, WithSimd};
use std::mem::MaybeUninit;

/// Larger strides leave too little for vectors to do.
const MOST_PHASES: usize = 4;
/// Rows with fewer whole windows are not worth a vector.
const LEAST_WINDOWS: usize = 4;

/// Some rows of outputs, and the rows of positions unless these are not wanted.
pub(super) struct Rows<'a, const PLACES: bool> {
    search: &'a Search<'a, f32>,
    out: &'a mut [MaybeUninit<f32>],
    at: &'a mut [MaybeUninit<u32>],
}

/// Computes the rows where this is the way for them, and says so.
pub(super) fn rows<const PLACES: bool>(
    search: &Search<'_, f32>,
    out: &mut [MaybeUninit<f32>],
    at: &mut [MaybeUninit<u32>],
) -> bool {
    let whole = search.axes[2].whole();
    let fits = whole.stride <= MOST_PHASES && whole.outputs.len() >= LEAST_WINDOWS;
    if fits {
        pulp::Arch::new().dispatch(Rows::<PLACES> { search, out, at });
    }
    fits
}

impl<const PLACES: bool> WithSimd for Rows<'_, PLACES> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let Self { search, out, at } = self;
        let [depth, height, width] = search.axes;
        let (row, each) = (width.output(), depth.output() * height.output());
        let (rows, mut done) = (out.len() / row, 0);
        let (mut phases, mut taps) = (Vec::new(), Vec::new());
        while done < rows {
            let number = search.first + done;
            let count = (rows - done).min(each - number % each);
            let cells = done * row..(done + count) * row;
            let plane = Plane {
                search,
                x: &search.x[number / each * search.inside..][..search.inside],
                rows: number % each..number % each + count,
            };
            let at = if PLACES { &mut at[cells.clone()] } else { &mut [] };
            plane.run::<V, PLACES>(simd, &mut phases, &mut taps, &mut out[cells], at);
            done += count;
        }
    }
}

/// Some rows of outputs of one plane.
struct Plane<'a> {
    search: &'a Search<'a, f32>,
    x: &'a [f32],
    rows: std::ops::Range<usize>,
}

/// An element of the first whole window: where it stands in the phases, and where in the plane.
type Tap = (usize, u32);

impl Plane<'_> {
    #[inline(always)]
    fn run<V: Simd, const PLACES: bool>(
        &self,
        simd: V,
        phases: &mut Vec<f32>,
        taps: &mut Vec<Tap>,
        out: &mut [MaybeUninit<f32>],
        at: &mut [MaybeUninit<u32>],
    ) {
        let [depth, height, width] = self.search.axes;
        let (whole, size, row) = (width.whole(), width.input(), width.output());
        let lines = self.lines();
        let (pitch, phase) = (size.div_ceil(whole.stride), lines.len() * size.div_ceil(whole.stride));
        let source: &[f32] = if whole.stride == 1 {
            &self.x[lines.start * size..lines.end * size]
        } else {
            phases.resize(whole.stride * phase, 0.0);
            deal(&self.x[lines.start * size..lines.end * size], size, whole.stride, phases);
            phases
        };
        let start = width.span(whole.outputs.start).0;
        for (i, number) in self.rows.clone().enumerate() {
            let (d, h) = (number / height.output(), number % height.output());
            taps.clear();
            for d in depth.elements(d) {
                for h in height.elements(h) {
                    let line = d * height.input() + h;
                    for k in 0..whole.kernel {
                        let column = start + k * width.dilation();
                        let place =
                            column % whole.stride * phase + (line - lines.start) * pitch + column / whole.stride;
                        taps.push((place, (line * size + column) as u32));
                    }
                }
            }
            let out = &mut out[i * row..][..row];
            let at = if PLACES { &mut at[i * row..][..row] } else { &mut [] };
            if taps.is_empty() {
                // All elements lie in the padding.
                (0..row).for_each(|w| self.search.one::<PLACES>(self.x, [d, h, w], out, at));
                continue;
            }
            let places = if PLACES { &mut at[whole.outputs.clone()] } else { &mut [] };
            windows::<V, PLACES>(simd, source, taps, whole.stride as u32, &mut out[whole.outputs.clone()], places);
            self.search.others::<PLACES>(self.x, d, h, out, at);
        }
    }

    /// The lines of the plane that the windows of these rows are part of.
    fn lines(&self) -> std::ops::Range<usize> {
        let [depth, height, _] = self.search.axes;
        let (first, last) = (self.rows.start, self.rows.end - 1);
        let (low, high) = (first / height.output(), last / height.output());
        let (front, back) = depth.hull(low..high + 1);
        let (above, below) = if low == high {
            height.hull(first % height.output()..last % height.output() + 1)
        } else {
            (0, height.input())
        };
        let lines = front * height.input() + above..back.saturating_sub(1) * height.input() + below;
        if lines.is_empty() { 0..0 } else { lines }
    }
}

/// Deals the elements of lines of `size` elements out to phases: element `i` to place `i / stride` of phase `i % stride`.
#[inline(always)]
fn deal(x: &[f32], size: usize, stride: usize, phases: &mut [f32]) {
    let phase = phases.len() / stride;
    let even = size.is_multiple_of(stride);
    // Lines that divide evenly are one long line.
    let (size, pitch) = if even { (x.len(), phase) } else { (size, size.div_ceil(stride)) };
    if size == 0 {
        return;
    }
    for (number, line) in x.chunks_exact(size).enumerate() {
        let at = number * pitch;
        let full = size / stride;
        if stride == 2 {
            let (first, second) = phases.split_at_mut(phase);
            let (first, second) = (&mut first[at..][..full], &mut second[at..][..full]);
            let pairs = &line.as_chunks::<2>().0[..full];
            for i in 0..full {
                first[i] = pairs[i][0];
                second[i] = pairs[i][1];
            }
        } else {
            for p in 0..stride {
                let cells = &mut phases[p * phase + at..][..full];
                for i in 0..full {
                    cells[i] = line[i * stride + p];
                }
            }
        }
        for i in full * stride..size {
            phases[i % stride * phase + at + full] = line[i];
        }
    }
}

/// The largest element of each of neighbouring windows, of which `taps` are the first one's elements.
#[inline(always)]
fn windows<V: Simd, const PLACES: bool>(
    simd: V,
    source: &[f32],
    taps: &[Tap],
    stride: u32,
    out: &mut [MaybeUninit<f32>],
    at: &mut [MaybeUninit<u32>],
) {
    let (count, lanes) = (out.len(), V::F32_LANES);
    let (&(first, first_place), others) = (&taps[0], &taps[1..]);
    assert!(taps.iter().all(|(tap, _)| tap + count <= source.len()), "a window outside the plane");
    assert!(lanes <= 16 && (!PLACES || at.len() == count), "vectors or positions of another length");
    let mut steps = [0u32; 16];
    for (i, step) in steps.iter_mut().enumerate() {
        *step = i as u32 * stride;
    }
    let steps = simd.partial_load_u32s(&steps[..lanes]);
    let mut next = 0;
    while next < count {
        // The last vector overlaps the one before.
        let start = if count < lanes { 0 } else { next.min(count - lanes) };
        let load = |tap: usize| {
            if count < lanes {
                return simd.partial_load_f32s(&source[tap..tap + count]);
            }
            // SAFETY: `start + lanes` is at most `count`, and `tap + count` was checked to be inside.
            unsafe { source.as_ptr().add(tap + start).cast::<V::f32s>().read_unaligned() }
        };
        let steps = simd.add_u32s(steps, simd.splat_u32s(start as u32 * stride));
        let mut best = load(first);
        let mut place = simd.add_u32s(simd.splat_u32s(first_place), steps);
        for &(tap, tap_place) in others {
            let x = load(tap);
            let larger = simd.greater_than_f32s(x, best);
            let number = simd.equal_f32s(x, x);
            best = simd.select_f32s(number, simd.select_f32s(larger, x, best), x);
            if PLACES {
                let here = simd.add_u32s(simd.splat_u32s(tap_place), steps);
                place = simd.select_u32s(number, simd.select_u32s(larger, here, place), here);
            }
        }
        let size = lanes.min(count);
        let (mut values, mut places) = ([0.0f32; 16], [0u32; 16]);
        if size == lanes {
            // SAFETY: `start + lanes` is at most the length of the slices.
            unsafe {
                out.as_mut_ptr().add(start).cast::<V::f32s>().write_unaligned(best);
                if PLACES {
                    at.as_mut_ptr().add(start).cast::<V::u32s>().write_unaligned(place);
                }
            }
        } else {
            simd.partial_store_f32s(&mut values[..lanes], best);
            simd.partial_store_u32s(&mut places[..lanes], place);
            for i in 0..size {
                out[i].write(values[i]);
                if PLACES {
                    at[i].write(places[i]);
                }
            }
        }
        next = start + size;
    }
}
