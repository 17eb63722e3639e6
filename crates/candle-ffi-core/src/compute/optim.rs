//! Optimizer steps, and the norm of gradients, on Candle's storage.

use super::copy::contiguous;
use super::dispatch::{self, CpuElement, with_float};
use super::inplace::{Change, Change1, Change2, contiguous_mut};
use crate::value::Value;
use crate::{Error, Result};
use candle_core::{CpuStorage, Layout};
use candle_ffi_kernels::clip as kernels;
use candle_ffi_kernels::optim::{Formula, Steppable};

/// One step of a formula over a contiguous parameter on the CPU and what is remembered of it, in one pass.
///
/// The gradient and the memories have the parameter's dtype and shape, and storages of their own.
pub(crate) fn step_into<const N: usize>(
    param: &Value,
    grad: &Value,
    memory: [&Value; N],
    formula: impl Formula<N>,
) -> Result<()> {
    let grad = contiguous(grad)?;
    with_float!(param.dtype, T => step_of::<T, N>(param, &grad, memory, formula))
}

fn step_of<T: CpuElement + Steppable, const N: usize>(
    param: &Value,
    grad: &Value,
    memory: [&Value; N],
    formula: impl Formula<N>,
) -> Result<()> {
    // Candle gives one storage to change at a time: the memories are changed inside. They belong to the
    // optimizer alone, so that nobody can hold one of them and wait for the parameter.
    Ok(param.array.inplace_op2(
        &grad.array,
        &Change2(Change::new(
            |(param, layout): (&mut CpuStorage, &Layout), (grad, grad_layout): (&CpuStorage, &Layout)| {
                let param = contiguous_mut::<T>(param, layout)?;
                let grad = dispatch::slice::<T>(grad, grad_layout)?;
                with_slices(&memory, [const { None }; N], 0, &mut |slices| {
                    T::step(param, grad, slices, formula);
                })
            },
        )),
    )?)
}

/// Opens the storages from `at` on, one inside the other, and hands all of them over.
fn with_slices<T: CpuElement, const N: usize>(
    values: &[&Value; N],
    found: [Option<&mut [T]>; N],
    at: usize,
    body: &mut dyn FnMut([&mut [T]; N]),
) -> Result<()> {
    let Some(value) = values.get(at) else {
        if found.iter().any(Option::is_none) {
            return Err(Error::internal("a memory of an optimizer was not opened"));
        }
        body(found.map(Option::unwrap_or_default));
        return Ok(());
    };
    Ok(value.array.inplace_op1(&Change1(Change::new(|storage: &mut CpuStorage, layout: &Layout| {
        let mut found = found;
        found[at] = Some(contiguous_mut::<T>(storage, layout)?);
        with_slices(values, found, at + 1, body)
    })))?)
}

/// The sum of the squares of all elements of a value on the CPU.
pub(crate) fn sum_of_squares(x: &Value) -> Result<f64> {
    let x = contiguous(x)?;
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |x| Ok(kernels::sum_of_squares(x))))
}
