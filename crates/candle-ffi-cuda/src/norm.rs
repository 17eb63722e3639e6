//! Layer and RMS normalisation over rows.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::lines::Lines;
use crate::{is_float, ptx, wide};
use candle_core::{DType, Result, Tensor, bail};
use candle_ffi_kernels::norm::Center;

/// Rows that one block adds the gradients of weights of, at least.
const ROWS: usize = 64;
/// As many parts of the rows there are at most.
const MOST_PARTS: usize = 128;

fn optional(tensor: Option<&Tensor>) -> Result<Option<Tensor>> {
    tensor.map(contiguous).transpose()
}

/// Weight or bias must be of the rows' length and dtype.
fn check(values: Option<&Tensor>, n: usize, dtype: DType) -> Result<()> {
    if values.is_some_and(|values| values.elem_count() != n || values.dtype() != dtype) {
        bail!("a weight or bias disagrees with the rows");
    }
    Ok(())
}

/// `(x - center) rstd weight + bias` for rows of `n` elements, with the center and the reciprocal deviation of each row in
/// the dtype that is computed in.
pub fn row_norm(
    x: &Tensor,
    n: usize,
    center: Center,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Option<(Tensor, Tensor, Tensor)>> {
    let dtype = x.dtype();
    if !is_float(dtype) {
        return Ok(None);
    }
    check(weight, n, dtype)?;
    check(bias, n, dtype)?;
    let (x, weight, bias) = (contiguous(x)?, optional(weight)?, optional(bias)?);
    let (device, rows) = (device(&x)?, x.elem_count().checked_div(n).unwrap_or(0));
    let result = empty(device, x.shape(), dtype)?;
    let (means, rstds) = (empty(device, rows, wide(dtype))?, empty(device, rows, wide(dtype))?);
    let mut launch = Launch::of(device, ptx::NORM_ROWS, "norm_rows_forward", dtype)?;
    launch.tensor(&x)?.optional(weight.as_ref())?.optional(bias.as_ref())?;
    launch.value(u32::from(center == Center::Mean)).value(eps);
    launch.tensor(&result)?.tensor(&means)?.tensor(&rstds)?;
    // SAFETY: as the kernels of norm_rows.cu are declared, with the sizes that were compared.
    unsafe { Lines::of(rows, n, 1).run(&mut launch) }?;
    Ok(Some((result, means, rstds)))
}

/// The gradients of input, weight and bias. Those of the weights are sums in an order that the shape alone decides.
pub fn row_norm_grad(
    grad: &Tensor,
    x: &Tensor,
    [means, rstds]: [&Tensor; 2],
    n: usize,
    center: Center,
    weight: Option<&Tensor>,
) -> Result<Option<[Tensor; 3]>> {
    let (dtype, rows) = (x.dtype(), means.elem_count());
    if !is_float(dtype) || grad.dtype() != dtype || [means, rstds].iter().any(|other| other.dtype() != wide(dtype)) {
        return Ok(None);
    }
    check(weight, n, dtype)?;
    if x.elem_count() != rows * n || grad.elem_count() != rows * n || rstds.elem_count() != rows {
        bail!("the statistics disagree with the rows");
    }
    let (grad, x, weight) = (contiguous(grad)?, contiguous(x)?, optional(weight)?);
    let (means, rstds) = (contiguous(means)?, contiguous(rstds)?);
    let device = device(&x)?;
    let dx = empty(device, x.shape(), dtype)?;
    let mut launch = Launch::of(device, ptx::NORM_ROWS, "norm_rows_grad", dtype)?;
    launch.tensor(&grad)?.tensor(&x)?.tensor(&means)?.tensor(&rstds)?.optional(weight.as_ref())?;
    launch.value(u32::from(center == Center::Mean)).tensor(&dx)?;
    // SAFETY: as the kernels of norm_rows.cu are declared, with the sizes that were compared.
    unsafe { Lines::of(rows, n, 1).run(&mut launch) }?;

    let part = rows.div_ceil(MOST_PARTS).max(ROWS);
    let parts = rows.div_ceil(part);
    let partial = empty(device, parts * 2 * n, DType::F64)?;
    let columns = n.div_ceil(32).min(1 << 16) as u32;
    if parts > 0 {
        let mut launch = Launch::of(device, ptx::NORM_ROWS, "norm_rows_columns", dtype)?;
        launch.tensor(&grad)?.tensor(&x)?.tensor(&means)?.tensor(&rstds)?;
        launch.value(rows as i64).value(n as i64).value(part as i64).tensor(&partial)?;
        // SAFETY: as the kernels are declared; `partial` has two rows of `n` for each part.
        unsafe { launch.run([columns, parts as u32, 1], [32, 8, 1], 0) }?;
    }
    let (dweight, dbias) = (empty(device, n, dtype)?, empty(device, n, dtype)?);
    let mut launch = Launch::of(device, ptx::NORM_ROWS, "norm_rows_weights", dtype)?;
    launch.tensor(&partial)?.value(parts as i64).value(n as i64).tensor(&dweight)?.tensor(&dbias)?;
    // SAFETY: as the kernels are declared.
    unsafe { launch.run([columns, 1, 1], [32, 8, 1], 0) }?;
    Ok(Some([dx, dweight, dbias]))
}
