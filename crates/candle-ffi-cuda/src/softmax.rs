//! Softmax and its relatives along one dimension.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::lines::Lines;
use crate::{is_float, ptx};
use candle_core::{Result, Tensor};

/// Which function of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Softmax {
    /// exp(x) divided by its sum.
    Plain,
    /// The logarithm of that.
    Log,
    /// The logarithm of the sum of exp(x), one for each line.
    LogSum,
}

/// The sizes before, of and after a dimension.
fn around(x: &Tensor, dim: usize) -> (usize, usize, usize) {
    let product = |sizes: &[usize]| sizes.iter().product();
    match x.dims().get(dim) {
        Some(&n) => (product(&x.dims()[..dim]), n, product(&x.dims()[dim + 1..])),
        // A number is a line of one element.
        None => (1, 1, 1),
    }
}

/// The function of each line of `x` along `dim`; the sums of logarithms come without that dimension.
pub fn softmax(op: Softmax, x: &Tensor, dim: usize) -> Result<Option<Tensor>> {
    if !is_float(x.dtype()) {
        return Ok(None);
    }
    let (x, (outer, n, inner)) = (contiguous(x)?, around(x, dim));
    let (name, shape) = match op {
        Softmax::Plain => ("softmax_forward", x.dims().to_vec()),
        Softmax::Log => ("softmax_log", x.dims().to_vec()),
        Softmax::LogSum => {
            let kept = x.dims().iter().enumerate().filter(|(at, _)| *at != dim);
            ("softmax_logsumexp", kept.map(|(_, &size)| size).collect())
        }
    };
    let result = empty(device(&x)?, shape, x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::SOFTMAX, name, x.dtype())?;
    launch.tensor(&x)?.tensor(&result)?;
    // SAFETY: as the kernels of softmax.cu are declared; the result has the elements that they write.
    unsafe { Lines::of(outer, n, inner).run(&mut launch) }?;
    Ok(Some(result))
}

/// The gradient of the input of [`softmax`], plain or of logarithms, from its output and the gradient of that.
pub fn softmax_grad(log: bool, output: &Tensor, grad: &Tensor, dim: usize) -> Result<Option<Tensor>> {
    let dtype = output.dtype();
    if !is_float(dtype) || grad.dtype() != dtype || grad.shape() != output.shape() {
        return Ok(None);
    }
    let (outer, n, inner) = around(output, dim);
    let (output, grad) = (contiguous(output)?, contiguous(grad)?);
    let result = empty(device(&output)?, output.shape(), dtype)?;
    let name = if log { "softmax_log_grad" } else { "softmax_grad" };
    let mut launch = Launch::of(device(&output)?, ptx::SOFTMAX, name, dtype)?;
    launch.tensor(&output)?.tensor(&grad)?.tensor(&result)?;
    // SAFETY: as the kernels of softmax.cu are declared; all three have the same number of elements.
    unsafe { Lines::of(outer, n, inner).run(&mut launch) }?;
    Ok(Some(result))
}
