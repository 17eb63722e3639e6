//! Reading and writing through `i64` indices.

use crate::array::{device, empty};
use crate::launch::Launch;
use crate::ptx;
use crate::reduce::Plan;
use candle_core::{DType, Result, Tensor};

/// The place of the first index that is not there and the index itself, on its device: a negative place where all are.
pub struct Outside(pub(crate) Tensor);

impl Outside {
    /// Waits for the device, and says which index is not there.
    pub fn index(&self) -> Result<Option<i64>> {
        let found = self.0.to_vec1::<i64>()?;
        Ok((found[0] >= 0).then_some(found[1]))
    }
}

/// Looks for indices outside `0..size`; None where there is no index at all, or the layout is too much for kernels.
pub fn first_outside(index: &Tensor, size: usize) -> Result<Option<Outside>> {
    if index.elem_count() == 0 {
        return Ok(None);
    }
    let dims: Vec<usize> = (0..index.rank()).collect();
    let Some(plan) = Plan::of(index.layout(), &dims) else { return Ok(None) };
    let found = empty(device(index)?, 2, DType::I64)?;
    let arguments = |launch: &mut Launch| {
        launch.tensor(index)?.value(size as i64).tensor(&found)?;
        Ok(())
    };
    // SAFETY: as the kernel is declared; it has one result.
    unsafe { plan.run(device(index)?, ptx::INDEX_CHECK, "index_check", DType::I64, arguments) }?;
    Ok(Some(Outside(found)))
}
