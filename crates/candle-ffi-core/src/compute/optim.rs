//! Optimizer steps, and the norm of gradients, on Candle's storage.

use super::copy::contiguous;
use super::dispatch::{self, CpuElement, with_float};
use super::inplace::{Change, Change1, Change2, contiguous_mut};
use crate::value::Value;
use crate::{DType, Error, Result};
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

/// Steps that wait to be made together: on CUDA one launch serves all parameters that agree in formula, constants, dtype
/// and device.
#[derive(Default)]
pub(crate) struct Batch {
    #[cfg(feature = "cuda")]
    waiting: Vec<super::cuda::Step>,
}

impl Batch {
    /// Adds the step of a parameter; false where no kernel makes it, and nothing waits.
    pub(crate) fn add<const N: usize>(
        &mut self,
        param: &Value,
        grad: &Value,
        memory: [Value; N],
        formula: impl Formula<N>,
    ) -> Result<bool> {
        #[cfg(feature = "cuda")]
        if let Some(step) = super::cuda::Step::new(param, grad, &memory, formula.kernel())? {
            self.waiting.push(step);
            return Ok(true);
        }
        let _ = (param, grad, memory, formula);
        Ok(false)
    }

    /// Makes the steps.
    pub(crate) fn run(self) -> Result<()> {
        #[cfg(feature = "cuda")]
        super::cuda::make(self.waiting)?;
        Ok(())
    }
}

/// The norm of all values as one vector, where kernels compute it without waiting for it: on one CUDA device.
pub(crate) fn norm_of_all(values: &[Value], dtype: DType) -> Result<Option<Value>> {
    #[cfg(feature = "cuda")]
    return super::cuda::norm_of_all(values, dtype);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = (values, dtype);
        Ok(None)
    }
}

/// Multiplies all values, in place, by a number that is on their device; false where no kernel does.
pub(crate) fn scale_all(values: &[Value], factor: &Value) -> Result<bool> {
    #[cfg(feature = "cuda")]
    return super::cuda::scale_all(values, factor);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = (values, factor);
        Ok(false)
    }
}

/// Multiplies all values, in place, by a number, and gives one that is NaN where not all of them are finite then, and otherwise
/// 0; None where no kernel does.
pub(crate) fn unscale_all(values: &[Value], inverse_scale: f64) -> Result<Option<Value>> {
    #[cfg(feature = "cuda")]
    return super::cuda::unscale_all(values, inverse_scale);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = (values, inverse_scale);
        Ok(None)
    }
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
