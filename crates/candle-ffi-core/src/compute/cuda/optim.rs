//! Steps of optimizers and the clipping of gradients, for many parameters at a time.

use super::{made, together};
use crate::compute;
use crate::value::Value;
use crate::{DType, Result};
use candle_core::Tensor;
use candle_ffi_cuda as kernels;
use candle_ffi_kernels::optim::{Kernel, MOST_MEMORIES};
use smallvec::SmallVec;

/// A step that waits.
pub(in crate::compute) struct Step {
    kernel: Kernel,
    param: Tensor,
    grad: Tensor,
    memory: SmallVec<[Tensor; MOST_MEMORIES]>,
}

impl Step {
    /// None where no kernel makes the step.
    pub(in crate::compute) fn new(
        param: &Value,
        grad: &Value,
        memory: &[Value],
        kernel: Option<Kernel>,
    ) -> Result<Option<Self>> {
        let Some(kernel) = kernel else { return Ok(None) };
        let ready = |value: &Value| value.is_contiguous() && value.dtype == param.dtype && together(&[param, value]);
        let fits = kernels::can_step(param.array.dtype())
            && ready(param)
            && memory.iter().all(ready)
            && grad.dtype == param.dtype
            && together(&[param, grad])
            && !grad.shares_storage_with(param);
        if !fits {
            return Ok(None);
        }
        let grad = compute::contiguous(grad)?.array;
        let memory = memory.iter().map(|value| value.array.clone()).collect();
        Ok(Some(Self { kernel, param: param.array.clone(), grad, memory }))
    }

    fn target(&self) -> kernels::Target<'_> {
        kernels::Target { param: &self.param, grad: &self.grad, memory: &self.memory }
    }

    fn goes_with(&self, other: &Self) -> bool {
        self.kernel == other.kernel
            && self.param.dtype() == other.param.dtype()
            && self.param.device().same_device(other.param.device())
    }
}

/// Makes the steps that wait, those that go together by one launch.
pub(in crate::compute) fn make(waiting: Vec<Step>) -> Result<()> {
    let mut waiting = waiting.into_iter();
    while let Some(first) = waiting.next() {
        let (group, others): (Vec<_>, Vec<_>) = waiting.partition(|step| step.goes_with(&first));
        waiting = others.into_iter();
        let targets: Vec<_> = std::iter::once(&first).chain(&group).map(Step::target).collect();
        kernels::step(&first.kernel, &targets)?;
    }
    Ok(())
}

pub(in crate::compute) fn norm_of_all(values: &[Value], dtype: DType) -> Result<Option<Value>> {
    if !together(&values.iter().collect::<Vec<_>>()) {
        return Ok(None);
    }
    let arrays: Vec<_> = values.iter().map(|value| &value.array).collect();
    made(kernels::norm_of_all(&arrays, dtype.storage()), dtype)
}

pub(in crate::compute) fn scale_all(values: &[Value], factor: &Value) -> Result<bool> {
    if !together(&values.iter().chain([factor]).collect::<Vec<_>>()) {
        return Ok(false);
    }
    let arrays: Vec<_> = values.iter().map(|value| &value.array).collect();
    Ok(kernels::scale_all(&arrays, &factor.array)?)
}

pub(in crate::compute) fn unscale_all(values: &[Value], inverse_scale: f64) -> Result<Option<Value>> {
    if !together(&values.iter().collect::<Vec<_>>()) {
        return Ok(None);
    }
    let arrays: Vec<_> = values.iter().map(|value| &value.array).collect();
    made(kernels::unscale_all(&arrays, inverse_scale), DType::Float32)
}
