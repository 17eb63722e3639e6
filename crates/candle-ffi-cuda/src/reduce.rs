//! Reductions over any dimensions of arrays that lie in any way.

use crate::array::{Strides, device, empty};
use crate::device::blocks_wanted;
use crate::launch::{Launch, Module};
use crate::ptx;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Layout, Result, Shape, Tensor};

/// A reduction to one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The sum; of integers as `i64`, wrapping.
    Sum,
    /// The mean of floats; of nothing, NaN.
    Mean,
    /// The product; of integers as `i64`, wrapping.
    Prod,
    /// The largest; NaN where there is one.
    Max,
    /// The smallest; NaN where there is one.
    Min,
    /// Whether any bool is set.
    Any,
    /// Whether all bools are set.
    All,
}

/// Threads of a block (`REDUCE_THREADS` in `reduce.cuh`).
const THREADS: usize = 256;
/// As many blocks there are in a row at most; kernels go on in steps of the grid.
const MOST_BLOCKS: usize = 1 << 16;
/// Elements for each thread, below which a reduction is not worth cutting into more parts.
const WORTH_A_PART: usize = 16;
/// Bytes that are kept of each part; no kernel needs more.
const PARTIAL_BYTES: usize = 24;

/// `Reduction` in `reduce.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Reduction {
    kept: Strides,
    reduced: Strides,
    outputs: i64,
    n: i64,
    part: i64,
    parts: i64,
    rows: u32,
    stage: u32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Reduction {}

/// How a reduction is given to blocks and threads.
pub(crate) struct Plan {
    reduction: Reduction,
    /// Threads of x and y.
    threads: (usize, usize),
}

impl Plan {
    /// For the reduction of `dims` (ascending) of an array, or of others that lie like it; None where it lies in too many ways.
    pub(crate) fn of(array: &Tensor, dims: &[usize]) -> Result<Option<Self>> {
        Ok(Self::for_blocks(blocks_wanted(device(array)?), array.layout(), dims))
    }

    fn for_blocks(wanted: usize, layout: &Layout, dims: &[usize]) -> Option<Self> {
        let part = |chosen: bool| {
            let of = |values: &[usize]| -> Vec<usize> {
                values.iter().enumerate().filter(|(at, _)| dims.contains(at) == chosen).map(|(_, &v)| v).collect()
            };
            Layout::new(Shape::from(of(layout.dims())), of(layout.stride()), 0)
        };
        let (kept, reduced) = (part(false), part(true));
        let (outputs, n) = (kept.shape().elem_count(), reduced.shape().elem_count());
        // Neighbouring threads look at what lies nearest: at elements of one result, or at neighbouring results.
        let nearest = |layout: &Layout| {
            let moving = layout.dims().iter().zip(layout.stride()).filter(|(size, stride)| **size > 1 && **stride > 0);
            moving.map(|(_, &stride)| stride).min().unwrap_or(usize::MAX)
        };
        let rows = n > 1 && (outputs == 1 || nearest(&reduced) <= nearest(&kept));
        let power = |wanted: usize, most: usize| wanted.next_power_of_two().clamp(1, most);
        let threads = if rows {
            let x = power(n.div_ceil(4), THREADS);
            (x, THREADS / x)
        } else {
            let x = power(outputs, 32);
            let y = power(n.div_ceil(4), THREADS / x);
            (x, y)
        };
        let (lanes, each) = if rows { threads } else { (threads.1, threads.0) };
        let blocks = outputs.div_ceil(each).max(1);
        let parts = wanted.div_ceil(blocks).min(n / (lanes * WORTH_A_PART)).max(1);
        let parts = if blocks >= wanted / 2 { 1 } else { parts };
        let part = n.div_ceil(parts);
        let number = |size: usize| i64::try_from(size).ok();
        let reduction = Reduction {
            kept: Strides::of(&kept)?,
            reduced: Strides::of(&reduced)?,
            outputs: number(outputs)?,
            n: number(n)?,
            part: number(part)?,
            // Rounded up, parts may leave nothing for the last ones.
            parts: number(if part == 0 { 1 } else { n.div_ceil(part) })?,
            rows: u32::from(rows),
            stage: 0,
        };
        Some(Self { reduction, threads })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.reduction.outputs as usize
    }

    pub(crate) fn n(&self) -> usize {
        self.reduction.n as usize
    }

    /// Runs a kernel of `reduce.cuh`; `arguments` adds those before the reduction itself.
    ///
    /// # Safety
    ///
    /// The arguments are those of the kernel, and its operation stays inside its tensors at the places of the layout.
    pub(crate) unsafe fn run(
        &self,
        device: &CudaDevice,
        module: Module,
        name: &'static str,
        dtype: DType,
        arguments: impl Fn(&mut Launch) -> Result<()>,
    ) -> Result<()> {
        let (outputs, parts) = (self.outputs(), self.reduction.parts as usize);
        if outputs == 0 {
            return Ok(());
        }
        let partial = (parts > 1).then(|| empty(device, parts * outputs * PARTIAL_BYTES, DType::U8)).transpose()?;
        let (x, y) = self.threads;
        let blocks = |each: usize| outputs.div_ceil(each).min(MOST_BLOCKS) as u32;
        let stages = [
            ([blocks(if self.reduction.rows == 1 { y } else { x }), parts as u32, 1], [x as u32, y as u32, 1]),
            ([blocks(THREADS / 32), 1, 1], [32, (THREADS / 32) as u32, 1]),
        ];
        for (stage, (grid, block)) in (0..).zip(stages).take(if parts > 1 { 2 } else { 1 }) {
            let mut launch = Launch::of(device, module, name, dtype)?;
            arguments(&mut launch)?;
            launch.value(Reduction { stage, ..self.reduction }).optional(partial.as_ref())?;
            // SAFETY: the caller's word; `partial` has room for an Acc of each part and result.
            unsafe { launch.run(grid, block, 0) }?;
        }
        Ok(())
    }
}

/// Whether the kernels of all numbers are for this dtype.
fn is_number(dtype: DType) -> bool {
    crate::is_float(dtype) || matches!(dtype, DType::U8 | DType::U32 | DType::I16 | DType::I32 | DType::I64)
}

/// Reduces `dims` (ascending); the result is of the kept dimensions. None for a dtype that has no such reduction.
pub fn reduce(op: Reduce, x: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    let dtype = x.dtype();
    let float = crate::is_float(dtype);
    let known = match op {
        Reduce::Any | Reduce::All => dtype == DType::U8,
        Reduce::Mean => float,
        _ => is_number(dtype),
    };
    if !known {
        return Ok(None);
    }
    let Some(plan) = Plan::of(x, dims)? else { return Ok(None) };
    let result = match op {
        Reduce::Sum | Reduce::Prod if !float => DType::I64,
        _ => dtype,
    };
    let result = empty(device(x)?, plan.outputs(), result)?;
    let (module, name) = match op {
        Reduce::Sum | Reduce::Mean => (ptx::REDUCE_SUM, "reduce_sum"),
        Reduce::Prod => (ptx::REDUCE_SUM, "reduce_prod"),
        Reduce::Max => (ptx::REDUCE_EXTREME, "reduce_max"),
        Reduce::Min => (ptx::REDUCE_EXTREME, "reduce_min"),
        Reduce::Any => (ptx::REDUCE_EXTREME, "reduce_any"),
        Reduce::All => (ptx::REDUCE_EXTREME, "reduce_all"),
    };
    let divisor = if op == Reduce::Mean { plan.n() as f64 } else { 1.0 };
    let arguments = |launch: &mut Launch| {
        launch.tensor(x)?.tensor(&result)?;
        if name == "reduce_sum" {
            launch.value(divisor);
        }
        Ok(())
    };
    // SAFETY: as the kernels of these files are declared; the result has an element for each output.
    unsafe { plan.run(device(x)?, module, name, dtype, arguments) }?;
    Ok(Some(result))
}

/// The largest (else smallest) elements over `dims` and their first flat positions among them, as `i64`.
pub fn argselect(largest: bool, x: &Tensor, dims: &[usize]) -> Result<Option<(Tensor, Tensor)>> {
    let dtype = x.dtype();
    if !is_number(dtype) {
        return Ok(None);
    }
    let Some(plan) = Plan::of(x, dims)? else { return Ok(None) };
    let values = empty(device(x)?, plan.outputs(), dtype)?;
    let positions = empty(device(x)?, plan.outputs(), DType::I64)?;
    let name = if largest { "reduce_argmax" } else { "reduce_argmin" };
    let arguments = |launch: &mut Launch| {
        launch.tensor(x)?.tensor(&values)?.tensor(&positions)?;
        Ok(())
    };
    // SAFETY: as the kernels are declared; both results have an element for each output.
    unsafe { plan.run(device(x)?, ptx::REDUCE_SELECT, name, dtype, arguments) }?;
    Ok(Some((values, positions)))
}

/// The numbers near the means that `moments.cuh` takes distances from: the means themselves for `f64`, else None, which
/// stands for the first elements.
pub(crate) fn shifts(x: &Tensor, plan: &Plan) -> Result<Option<Tensor>> {
    if x.dtype() != DType::F64 {
        return Ok(None);
    }
    let means = empty(device(x)?, plan.outputs(), DType::F64)?;
    let arguments = |launch: &mut Launch| {
        launch.tensor(x)?.tensor(&means)?.value(plan.n() as f64);
        Ok(())
    };
    // SAFETY: as the kernel is declared.
    unsafe { plan.run(device(x)?, ptx::REDUCE_SUM, "reduce_sum", DType::F64, arguments) }?;
    Ok(Some(means))
}

/// The variance of floats over `dims`, divided by `max(0, n - correction)`.
pub fn var(x: &Tensor, dims: &[usize], correction: f64) -> Result<Option<Tensor>> {
    let dtype = x.dtype();
    if !crate::is_float(dtype) {
        return Ok(None);
    }
    let Some(plan) = Plan::of(x, dims)? else { return Ok(None) };
    let result = empty(device(x)?, plan.outputs(), dtype)?;
    let shifts = shifts(x, &plan)?;
    let divisor = (plan.n() as f64 - correction).max(0.0);
    let arguments = |launch: &mut Launch| {
        launch.tensor(x)?.optional(shifts.as_ref())?.tensor(&result)?.value(divisor);
        Ok(())
    };
    // SAFETY: as the kernels are declared; the result has an element for each output.
    unsafe { plan.run(device(x)?, ptx::REDUCE_VAR, "reduce_var", dtype, arguments) }?;
    Ok(Some(result))
}
