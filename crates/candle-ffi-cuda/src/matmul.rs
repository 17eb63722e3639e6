//! Products of matrices that lie in any strides.

use crate::array::{Strides, address, device, empty};
use crate::copy::contiguous;
use crate::gemm::{Gemm, Matrix};
use crate::launch::Launch;
use crate::ptx;
use candle_core::{DType, Layout, Result, Shape, Tensor, bail};
use smallvec::SmallVec;

/// As many calls for one product are faster than a copy of an operand, from which one call would do.
const FEW_CALLS: usize = 8;

/// `[…batch, m, k] × […batch, k, n]` with equal batch dimensions, and `bias`, which has n elements, added to each row;
/// None for dtypes without a product. Integers wrap around, and have no bias.
pub fn matmul(lhs: &Tensor, rhs: &Tensor, bias: Option<&Tensor>) -> Result<Option<Tensor>> {
    let float = matches!(lhs.dtype(), DType::F16 | DType::BF16 | DType::F32 | DType::F64);
    let rank = lhs.rank();
    if lhs.dtype() != rhs.dtype() || rank < 2 || rhs.rank() != rank || (!float && bias.is_some()) {
        return Ok(None);
    }
    let (batch, [m, k], [_, n]) = (&lhs.dims()[..rank - 2], matrix(lhs), matrix(rhs));
    if &rhs.dims()[..rank - 2] != batch || matrix(rhs)[0] != k || bias.is_some_and(|bias| bias.dims() != [n]) {
        bail!("{:?} × {:?} do not fit", lhs.shape(), rhs.shape());
    }
    let dims: SmallVec<[usize; 8]> = batch.iter().copied().chain([m, n]).collect();
    let count = batch.iter().product::<usize>();
    let out = empty(device(lhs)?, &dims[..], lhs.dtype())?;
    if out.elem_count() == 0 {
        return Ok(Some(out));
    }
    if !float {
        integers(lhs, rhs, &out, count)?;
        return Ok(Some(out));
    }
    if bias.is_some() || k == 0 {
        fill_rows(bias, &out, 1, n)?;
    }
    if k > 0 {
        let keep = if bias.is_some() { 1.0 } else { 0.0 };
        floats(lhs, rhs, &out, Gemm { batch: count, keep, ..Gemm::new([m, n, k], lhs.dtype()) })?;
    }
    Ok(Some(out))
}

fn matrix(x: &Tensor) -> [usize; 2] {
    let dims = x.dims();
    [dims[dims.len() - 2], dims[dims.len() - 1]]
}

/// Writes one number for each of `n` channels, `inner` adjacent elements of each; zeros without numbers.
pub(crate) fn fill_rows(numbers: Option<&Tensor>, out: &Tensor, inner: usize, n: usize) -> Result<()> {
    let numbers = numbers.map(contiguous).transpose()?;
    let mut launch = Launch::of(device(out)?, ptx::MATMUL, "matmul_fill", out.dtype())?;
    launch.optional(numbers.as_ref())?.tensor(out)?.value(inner).value(n);
    // SAFETY: as the kernel is declared; there are n numbers, which the kernel takes positions modulo.
    unsafe { launch.over(out.elem_count()) }
}

/// How an operand's matrices lie, if cuBLAS can read them there.
fn readable(x: &Tensor) -> Result<Option<Matrix>> {
    let [rows, columns] = matrix(x);
    let strides = x.layout().stride();
    let (down, right) = (strides[strides.len() - 2], strides[strides.len() - 1]);
    let at = address(x)?;
    if (right == 1 || columns == 1) && (down >= columns || rows == 1) {
        return Ok(Some(Matrix::rows(at, if rows == 1 { columns } else { down })));
    }
    if (down == 1 || rows == 1) && (right >= rows || columns == 1) {
        return Ok(Some(Matrix::columns(at, if columns == 1 { rows } else { right })));
    }
    Ok(None)
}

/// Dimensions of a batch that lie as one in both operands: how many, and the strides.
type Run = (usize, [usize; 2]);

/// The batch's dimensions, adjacent ones merged where both operands allow it.
fn runs(lhs: &Tensor, rhs: &Tensor) -> SmallVec<[Run; 6]> {
    let mut runs = SmallVec::<[Run; 6]>::new();
    let batch = lhs.rank() - 2;
    for at in 0..batch {
        let (size, strides) = (lhs.dims()[at], [lhs.layout().stride()[at], rhs.layout().stride()[at]]);
        if size == 1 {
            continue;
        }
        match runs.last_mut() {
            Some((count, before)) if *before == strides.map(|stride| stride * size) => {
                *count *= size;
                *before = strides;
            }
            _ => runs.push((size, strides)),
        }
    }
    runs
}

/// Whether the batch of an operand is at equal distances, for itself.
fn even(x: &Tensor) -> bool {
    runs(x, x).len() < 2
}

fn floats(lhs: &Tensor, rhs: &Tensor, out: &Tensor, gemm: Gemm) -> Result<()> {
    let straight = |x: &Tensor| if readable(x)?.is_some() { Ok(x.clone()) } else { contiguous(x) };
    let (mut lhs, mut rhs) = (straight(lhs)?, straight(rhs)?);
    let calls = |lhs: &Tensor, rhs: &Tensor| {
        let runs = runs(lhs, rhs);
        let most = runs.iter().map(|run| run.0).max().unwrap_or(1);
        runs.iter().map(|run| run.0).product::<usize>() / most
    };
    for first in [true, false] {
        if calls(&lhs, &rhs) > FEW_CALLS {
            let one = if first { &mut lhs } else { &mut rhs };
            if !even(one) {
                *one = contiguous(one)?;
            }
        }
    }
    if calls(&lhs, &rhs) > FEW_CALLS {
        (lhs, rhs) = (contiguous(&lhs)?, contiguous(&rhs)?);
    }
    let (Some(left), Some(right)) = (readable(&lhs)?, readable(&rhs)?) else { bail!("a matrix is in no order") };
    let into = Matrix::rows(address(out)?, gemm.n);
    let runs = runs(&lhs, &rhs);
    // The longest run is one call's batch; the others are counted through.
    let longest = (0..runs.len()).max_by_key(|at| runs[*at].0);
    let steps: SmallVec<[usize; 6]> =
        (0..runs.len()).map(|at| runs[at + 1..].iter().map(|run| run.0).product::<usize>() * gemm.m * gemm.n).collect();
    let (count, [step_left, step_right]) = longest.map_or((1, [0, 0]), |at| runs[at]);
    let step_out = longest.map_or(0, |at| steps[at]);
    let call = Gemm { batch: count, ..gemm };
    for number in 0..gemm.batch / count.max(1) {
        let (mut rest, mut offsets) = (number, [0; 3]);
        for (at, (size, strides)) in runs.iter().enumerate().rev().filter(|(at, _)| Some(*at) != longest) {
            let index = rest % size;
            rest /= size;
            let steps = [strides[0], strides[1], steps[at]];
            offsets.iter_mut().zip(steps).for_each(|(offset, step)| *offset += index * step);
        }
        let [left_at, right_at, out_at] = offsets;
        // SAFETY: sizes and strides are those of the tensors, and `out` is fresh.
        unsafe {
            call.run(
                device(out)?,
                left.after(left_at, gemm.dtype).every(step_left),
                right.after(right_at, gemm.dtype).every(step_right),
                into.after(out_at, gemm.result).every(step_out),
            )
        }?;
    }
    Ok(())
}

/// Rows and columns of a tile of the kernel.
const TILE: usize = 16;

fn integers(lhs: &Tensor, rhs: &Tensor, out: &Tensor, batch: usize) -> Result<()> {
    let ([m, k], [_, n]) = (matrix(lhs), matrix(rhs));
    let tiles = batch * m.div_ceil(TILE) * n.div_ceil(TILE);
    let mut launch = Launch::of(device(out)?, ptx::MATMUL, "matmul_integer", out.dtype())?;
    for x in [lhs, rhs] {
        let (dims, strides) = (x.dims(), x.layout().stride());
        let batch = dims.len() - 2;
        let layout = Layout::new(Shape::from(&dims[..batch]), strides[..batch].to_vec(), 0);
        let Some(matrices) = Strides::of(&layout) else { bail!("a batch is strided in more ways than kernels follow") };
        launch.tensor(x)?.value(matrices).value(strides[batch]).value(strides[batch + 1]);
    }
    launch.tensor(out)?.value(m).value(n).value(k).value(tiles);
    // SAFETY: as the kernel is declared; it stays inside of m, n, k and the batch.
    unsafe { launch.run([tiles.min(1 << 16) as u32, 1, 1], [TILE as u32, TILE as u32, 1], 0) }
}
