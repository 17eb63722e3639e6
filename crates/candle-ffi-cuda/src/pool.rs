//! Pooling: the largest element or the average of each window of a plane.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::divisor::Divisor;
use crate::is_float;
use crate::launch::{BLOCK, Launch};
use crate::ptx;
use crate::transfer::download;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};
use candle_ffi_kernels::pool::{Rule, Windows};

/// Windows of so many elements or more are searched by a warp each, if there are not enough of them to fill a device.
const LARGE_WINDOW: usize = 64;
const MANY_WINDOWS: usize = 1 << 20;
const WARP: usize = 32;

/// `Axis` in pool.cu.
#[repr(C)]
#[derive(Clone, Copy)]
struct Axis {
    input: Divisor,
    output: Divisor,
    stride: Divisor,
    kernel: i32,
    padding: i32,
    dilation: i32,
    adaptive: u32,
    count_padding: u32,
    divided: u32,
    divisor: f64,
}

impl Axis {
    fn of(windows: &Windows) -> Option<Self> {
        let number = |size: usize| i32::try_from(size).ok();
        let divisor = |size: usize| number(size).map(|size| Divisor::of(size.cast_unsigned()));
        let (rule, given) = windows.rule();
        let (adaptive, [kernel, stride, padding, dilation], count_padding) = match rule {
            Rule::Adaptive => (true, [1, 1, 0, 1], false),
            Rule::Grid { kernel, stride, padding, dilation, count_padding } => {
                (false, [kernel, stride, padding, dilation], count_padding)
            }
        };
        // Of one window the stride may be anything; of several, the last begins inside.
        let stride = stride.min(windows.input().saturating_add(2 * padding).saturating_add(1));
        // As far as the end of a window is computed.
        let end = windows.output().saturating_mul(stride).max(windows.input());
        number(end.saturating_add(2 * padding).saturating_add(kernel.saturating_mul(dilation)))?;
        Some(Self {
            input: divisor(windows.input())?,
            output: divisor(windows.output())?,
            stride: divisor(stride)?,
            kernel: number(kernel)?,
            padding: number(padding)?,
            dilation: number(dilation)?,
            adaptive: u32::from(adaptive),
            count_padding: u32::from(count_padding),
            divided: u32::from(given.is_some()),
            divisor: given.unwrap_or_default(),
        })
    }
}

/// `Axes` in pool.cu.
#[repr(C)]
#[derive(Clone, Copy)]
struct Axes([Axis; 3]);

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Axes {}

impl Axes {
    /// None for planes of 2³¹ elements or more.
    fn of([depth, height, width]: &[Windows; 3]) -> Option<Self> {
        let volume = |of: fn(&Windows) -> usize| {
            let elements = [depth, height, width].into_iter().try_fold(1usize, |all, axis| all.checked_mul(of(axis)));
            elements.and_then(|elements| i32::try_from(elements).ok())
        };
        volume(Windows::input)?;
        volume(Windows::output)?;
        Some(Self([Axis::of(depth)?, Axis::of(height)?, Axis::of(width)?]))
    }
}

/// How many threads work on a window, and how many windows a block then has.
fn team(windows: &[Windows; 3], count: usize) -> usize {
    let size: usize = windows.iter().map(|axis| axis.input().div_ceil(axis.output().max(1))).product();
    if size >= LARGE_WINDOW && count < MANY_WINDOWS { WARP } else { 1 }
}

/// Starts a kernel of which a team works on each of so many windows.
///
/// # Safety
///
/// As for [`Launch::run`].
unsafe fn by_teams(launch: &mut Launch, team: usize, count: usize) -> Result<()> {
    let blocks = (count * team).div_ceil(BLOCK as usize).min(1 << 16);
    // SAFETY: the caller's word.
    unsafe { launch.value(team as i32).value(count).run([blocks as u32, 1, 1], [BLOCK, 1, 1], 0) }
}

/// The average of each window, of shape `dims`; None for dtypes and planes without a kernel.
pub fn avg_pool(x: &Tensor, windows: &[Windows; 3], dims: &[usize]) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) {
        return Ok(None);
    }
    let Some(axes) = Axes::of(windows) else { return Ok(None) };
    let x = contiguous(x)?;
    let out = empty(device(&x)?, dims, x.dtype())?;
    let count = out.elem_count();
    let mut launch = Launch::of(device(&x)?, ptx::POOL, "pool_average", x.dtype())?;
    launch.tensor(&x)?.tensor(&out)?.value(axes);
    // SAFETY: as the kernel is declared; windows are inside of their planes.
    unsafe { by_teams(&mut launch, team(windows, count), count) }?;
    Ok(Some(out))
}

/// The gradient of [`avg_pool`], of shape `dims`.
pub fn avg_pool_grad(grad: &Tensor, windows: &[Windows; 3], dims: &[usize]) -> Result<Option<Tensor>> {
    if !is_float(grad.dtype()) {
        return Ok(None);
    }
    let Some(axes) = Axes::of(windows) else { return Ok(None) };
    let grad = contiguous(grad)?;
    let out = empty(device(&grad)?, dims, grad.dtype())?;
    let mut launch = Launch::of(device(&grad)?, ptx::POOL, "pool_average_grad", grad.dtype())?;
    launch.tensor(&grad)?.tensor(&out)?.value(axes);
    // SAFETY: as the kernel is declared; the gradient has an element for each window.
    unsafe { launch.over(out.elem_count()) }?;
    Ok(Some(out))
}

/// The largest element of each window; with `places` also its `uint32` position in its plane.
pub fn max_pool(
    x: &Tensor,
    windows: &[Windows; 3],
    dims: &[usize],
    places: bool,
) -> Result<Option<(Tensor, Option<Tensor>)>> {
    if x.dtype() == DType::F8E4M3 {
        return Ok(None);
    }
    let Some(axes) = Axes::of(windows) else { return Ok(None) };
    let x = contiguous(x)?;
    let out = empty(device(&x)?, dims, x.dtype())?;
    let at = if places { Some(empty(device(&x)?, dims, DType::U32)?) } else { None };
    let count = out.elem_count();
    let mut launch = Launch::of(device(&x)?, ptx::POOL, "pool_maximum", x.dtype())?;
    launch.tensor(&x)?.tensor(&out)?.optional(at.as_ref())?.value(axes);
    // SAFETY: as the kernel is declared; windows are inside of their planes.
    unsafe { by_teams(&mut launch, team(windows, count), count) }?;
    Ok(Some((out, at)))
}

/// The gradient of [`max_pool`], of shape `dims`.
pub fn max_pool_grad(grad: &Tensor, places: &Tensor, windows: &[Windows; 3], dims: &[usize]) -> Result<Option<Tensor>> {
    if !is_float(grad.dtype()) || places.dtype() != DType::U32 {
        return Ok(None);
    }
    let Some(axes) = Axes::of(windows) else { return Ok(None) };
    let (grad, places) = (contiguous(grad)?, contiguous(places)?);
    let out = empty(device(&grad)?, dims, grad.dtype())?;
    let mut launch = Launch::of(device(&grad)?, ptx::POOL, "pool_spread", grad.dtype())?;
    launch.tensor(&grad)?.tensor(&places)?.tensor(&out)?.value(axes);
    // SAFETY: as the kernel is declared; gradient and positions have an element for each window.
    unsafe { launch.over(out.elem_count()) }?;
    Ok(Some(out))
}

/// What [`max_unpool`] found.
pub enum Unpooled {
    /// Zeros, with each value at its position.
    Values(Tensor),
    /// A position outside of its plane.
    Outside(i64),
}

/// Zeros of shape `dims`, with each value of `x` at its `int64` position in its plane of `inside` elements; of values with
/// one position the last one. Waits for the device, for an error to be one at once.
pub fn max_unpool(
    x: &Tensor,
    places: &Tensor,
    planes: usize,
    inside: usize,
    dims: &[usize],
) -> Result<Option<Unpooled>> {
    let outside = x.elem_count().checked_div(planes).unwrap_or(0);
    if !is_float(x.dtype()) || places.dtype() != DType::I64 || u32::try_from(outside).is_err() {
        return Ok(None);
    }
    let (x, places) = (contiguous(x)?, contiguous(places)?);
    let at = device(&x)?;
    let out = empty(at, dims, x.dtype())?;
    let (last, wrong) = (empty(at, planes * inside, DType::U32)?, empty(at, 1, DType::I64)?);
    let mut launch = Launch::plain(at, ptx::POOL, "pool_settle_begin")?;
    launch.tensor(&last)?.tensor(&wrong)?;
    // One thread at least, for `wrong`.
    // SAFETY: as the kernel is declared; both tensors have room for one element more than they say they have.
    unsafe { launch.over((planes * inside).max(1)) }?;
    let mut launch = Launch::plain(at, ptx::POOL, "pool_settle")?;
    launch.tensor(&places)?.tensor(&last)?.tensor(&wrong)?.value(outside.max(1)).value(inside);
    // SAFETY: as the kernel is declared, which leaves out what is not inside.
    unsafe { launch.over(places.elem_count()) }?;
    if let Ok(wrong) = usize::try_from(download::<i64>(&wrong)?[0]) {
        return Ok(Some(Unpooled::Outside(download::<i64>(&places.flatten_all()?.narrow(0, wrong, 1)?)?[0])));
    }
    let mut launch = Launch::of(at, ptx::POOL, "pool_put", x.dtype())?;
    launch.tensor(&x)?.tensor(&last)?.tensor(&out)?.value(outside).value(inside.max(1));
    // SAFETY: as the kernel is declared; `last` says where in `x`.
    unsafe { launch.over(out.elem_count()) }?;
    Ok(Some(Unpooled::Values(out)))
}
