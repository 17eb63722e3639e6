//! Resampling, and patches as columns.

use crate::array::{device, empty};
use crate::conv::{Columns, Sizes as ConvSizes};
use crate::copy::{contiguous, in_dtype};
use crate::copying::sent;
use crate::launch::Launch;
use crate::{capture, is_float, ptx, wide};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Result, Tensor};
use candle_ffi_kernels::conv::Geometry;
use candle_ffi_kernels::fold::Patches;
use candle_ffi_kernels::resample::Taps;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// `Sizes` in resample.cu.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sizes {
    input: [u32; 3],
    output: [u32; 3],
    starts: [u32; 3],
    places: [u32; 3],
    weights: [u32; 3],
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Sizes {}

/// The tables of three dimensions, one after the other.
struct Tables {
    sizes: Sizes,
    numbers: Vec<u32>,
    weights: Vec<f64>,
}

impl Tables {
    /// For the results of a resampling, or with `transposed` for those of its gradient. None where a number is too large.
    fn of(axes: &[Taps; 3], transposed: bool) -> Option<Self> {
        let mut tables = Self { sizes: Sizes::default(), numbers: Vec::new(), weights: Vec::new() };
        for (d, taps) in axes.iter().enumerate() {
            let (from, to) = if transposed { (taps.output(), taps.input()) } else { (taps.input(), taps.output()) };
            // For each result its elements, with their weights.
            let mut lists = vec![Vec::new(); to];
            for (i, place) in taps.places().iter().enumerate() {
                let (output, weight) = (i / taps.count(), taps.weights().get(i).copied().unwrap_or(1.0));
                let (result, element) = if transposed { (*place, output) } else { (output, *place) };
                lists[result].push((u32::try_from(element).ok()?, weight));
            }
            let number = |size: usize| u32::try_from(size).ok();
            (tables.sizes.input[d], tables.sizes.output[d]) = (number(from)?, number(to)?);
            tables.sizes.starts[d] = number(tables.numbers.len())?;
            let mut start = 0;
            tables.numbers.push(0);
            for list in &lists {
                start += number(list.len())?;
                tables.numbers.push(start);
            }
            tables.sizes.places[d] = number(tables.numbers.len())?;
            tables.sizes.weights[d] = number(tables.weights.len())?;
            tables.numbers.extend(lists.iter().flatten().map(|(element, _)| *element));
            tables.weights.extend(lists.iter().flatten().map(|(_, weight)| *weight));
        }
        Some(tables)
    }
}

/// Tables on a device, and what they are of. A training resamples in few ways, over and over.
struct Known {
    /// The context of the device, by its address.
    context: usize,
    axes: [Taps; 3],
    transposed: bool,
    sizes: Sizes,
    numbers: Tensor,
    weights: Tensor,
}

/// So many tables are kept.
const MOST: usize = 64;

/// The tables that were used last, those first.
static KNOWN: Mutex<VecDeque<Known>> = Mutex::new(VecDeque::new());

/// The tables on a device, with weights of this dtype; None where a number is too large.
fn tables(
    axes: &[Taps; 3],
    transposed: bool,
    dtype: DType,
    device: &CudaDevice,
) -> Result<Option<(Sizes, Tensor, Tensor)>> {
    let context = device.cuda_stream().context().cu_ctx().addr();
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |known: &Known| {
        (known.context, known.transposed, known.weights.dtype()) == (context, transposed, dtype) && known.axes == *axes
    };
    {
        let mut known = known();
        if let Some(found) = known.iter().position(same).and_then(|at| known.remove(at)) {
            let tables = (found.sizes, found.numbers.clone(), found.weights.clone());
            known.push_front(found);
            return Ok(Some(tables));
        }
    }
    let Some(new) = Tables::of(axes, transposed) else { return Ok(None) };
    let numbers = sent(&new.numbers, device)?;
    let weights = in_dtype(&sent(&new.weights, device)?, dtype)?;
    let tables = (new.sizes, numbers.clone(), weights.clone());
    // What a graph has made is there only while the graph runs.
    if !capture::is_captured(device) {
        let mut known = known();
        known.push_front(Known { context, axes: axes.clone(), transposed, sizes: new.sizes, numbers, weights });
        known.truncate(MOST);
    }
    Ok(Some(tables))
}

/// Weighted sums of a few elements along each dimension, of shape `dims`; with `transposed` the gradient of that. None
/// for dtypes without a kernel.
pub fn resample(x: &Tensor, axes: &[Taps; 3], transposed: bool, dims: &[usize]) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) {
        return Ok(None);
    }
    let x = contiguous(x)?;
    let at = device(&x)?;
    let Some((sizes, numbers, weights)) = tables(axes, transposed, wide(x.dtype()), at)? else { return Ok(None) };
    let out = empty(at, dims, x.dtype())?;
    if out.elem_count() == 0 {
        return Ok(Some(out));
    }
    let mut launch = Launch::of(at, ptx::RESAMPLE, "resample", x.dtype())?;
    launch.tensor(&x)?.tensor(&numbers)?.tensor(&weights)?.tensor(&out)?.value(sizes);
    // SAFETY: as the kernel is declared; the tables' places are inside of the planes.
    unsafe { launch.over(out.elem_count()) }?;
    Ok(Some(out))
}

/// Patches of `planes` planes as columns, of shape `dims`.
pub fn unfold(x: &Tensor, planes: usize, patches: &Patches, dims: &[usize]) -> Result<Option<Tensor>> {
    let Some((sizes, of)) = columns(planes, patches).filter(|_| is_float(x.dtype())) else { return Ok(None) };
    let x = contiguous(x)?;
    let out = empty(device(&x)?, dims, x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::CONV, "conv_to_columns", x.dtype())?;
    launch.tensor(&x)?.tensor(&out)?.value(sizes).value(of);
    // SAFETY: as the kernel is declared; planes are the channels of one image.
    unsafe { launch.over(planes * of.positions as usize) }?;
    Ok(Some(out))
}

/// The gradient of [`unfold`]: columns added up, to shape `dims`.
pub fn fold(x: &Tensor, planes: usize, patches: &Patches, dims: &[usize]) -> Result<Option<Tensor>> {
    let Some((sizes, of)) = columns(planes, patches).filter(|_| is_float(x.dtype())) else { return Ok(None) };
    let x = contiguous(x)?;
    let out = empty(device(&x)?, dims, x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::CONV, "conv_fold", x.dtype())?;
    launch.tensor(&x)?.value(0u64).tensor(&out)?.value(sizes).value(of);
    // SAFETY: as the kernel is declared; planes are the channels of one image.
    unsafe { launch.over(out.elem_count()) }?;
    Ok(Some(out))
}

/// Patches as a convolution of one image, whose channels are the planes, would have them.
fn columns(planes: usize, patches: &Patches) -> Option<(ConvSizes, Columns)> {
    let three = |first: usize, [y, x]: [usize; 2]| [first, y, x];
    let geometry = Geometry {
        batch: 1,
        groups: 1,
        large_channels: planes,
        small_channels: 1,
        large: three(1, patches.input),
        small: three(1, patches.output),
        kernel: three(1, patches.kernel),
        stride: three(1, patches.stride),
        padding: three(0, patches.padding),
        dilation: three(1, patches.dilation),
    };
    let sizes = ConvSizes::of(&geometry)?;
    let positions = patches.output[0] * patches.output[1];
    let of = Columns {
        channels: i32::try_from(planes).ok()?,
        first_channel: 0,
        positions: i32::try_from(positions).ok()?,
        first_position: 0,
        image: 0,
        row: positions,
    };
    Some((sizes, of))
}
