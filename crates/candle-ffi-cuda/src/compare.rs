//! Comparisons, logic and choice; a bool is a byte of 0 or 1. Inputs broadcast, and may be one element on the host.

use crate::array::{device, empty};
use crate::bits::moved_as;
use crate::launch::Launch;
use crate::operand::{Joint, Operand, is_direct};
use crate::ptx;
use candle_core::{CudaDevice, DType, Result, Tensor};
use candle_ffi_kernels::compare::{Compare, Logical};

/// `lhs op rhs` in the shape that both broadcast to, which is `dims`.
pub fn compare(op: Compare, lhs: &Tensor, rhs: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    if lhs.dtype() == DType::F8E4M3 {
        return Ok(None);
    }
    match op {
        Compare::Eq => pairs(("compare_eq", 0), "compare_strided", lhs, rhs, dims),
        Compare::Ne => pairs(("compare_ne", 1), "compare_strided", lhs, rhs, dims),
        Compare::Lt => pairs(("compare_lt", 2), "compare_strided", lhs, rhs, dims),
        Compare::Le => pairs(("compare_le", 3), "compare_strided", lhs, rhs, dims),
        Compare::Gt => compare(Compare::Lt, rhs, lhs, dims),
        Compare::Ge => compare(Compare::Le, rhs, lhs, dims),
    }
}

/// `lhs op rhs` of bools.
pub fn logical(op: Logical, lhs: &Tensor, rhs: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    if lhs.dtype() != DType::U8 || rhs.dtype() != DType::U8 {
        return Ok(None);
    }
    let code = match op {
        Logical::And => ("logical_and", 0),
        Logical::Or => ("logical_or", 1),
        Logical::Xor => ("logical_xor", 2),
    };
    pairs(code, "logical_strided", lhs, rhs, dims)
}

/// The device of the first tensor that is on one.
fn device_of<'a>(tensors: &[&'a Tensor]) -> Result<&'a CudaDevice> {
    device(tensors.iter().find(|tensor| tensor.device().is_cuda()).unwrap_or(&tensors[0]))
}

fn pairs(
    (name, code): (&'static str, u32),
    strided: &'static str,
    lhs: &Tensor,
    rhs: &Tensor,
    dims: &[usize],
) -> Result<Option<Tensor>> {
    let device = device_of(&[lhs, rhs])?;
    let result = empty(device, dims, DType::U8)?;
    let count = result.elem_count();
    if count == 0 {
        return Ok(Some(result));
    }
    let (left, right) = (Operand::of(lhs)?, Operand::of(rhs)?);
    if is_direct(lhs, dims) && is_direct(rhs, dims) {
        let mut launch = Launch::of(device, ptx::COMPARE, name, lhs.dtype())?;
        launch.value(left).value(right).tensor(&result)?;
        // SAFETY: as `DIRECT` of compare.cu is declared; each operand is one element or as many as the result.
        unsafe { launch.over_packs(count, 16 / lhs.dtype().size_in_bytes()) }?;
        return Ok(Some(result));
    }
    let Some(joint) = Joint::of(dims, [lhs, rhs]) else { return Ok(None) };
    let mut launch = Launch::of(device, ptx::COMPARE, strided, lhs.dtype())?;
    launch.value(left).value(right).tensor(&result)?.value(joint).value(code);
    // SAFETY: as the strided kernels of compare.cu are declared; the strides are those of the operands.
    unsafe { launch.over(count) }?;
    Ok(Some(result))
}

/// The element of `on_true` where the condition, bytes, is not 0, else that of `on_false`; `dims` is the common shape.
pub fn select(condition: &Tensor, on_true: &Tensor, on_false: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    if condition.dtype() != DType::U8 || on_true.dtype() != on_false.dtype() {
        return Ok(None);
    }
    let device = device_of(&[condition, on_true, on_false])?;
    let (dtype, moved) = (on_true.dtype(), moved_as(on_true.dtype()));
    let result = empty(device, dims, dtype)?;
    let count = result.elem_count();
    if count == 0 {
        return Ok(Some(result));
    }
    let operands = [Operand::of(condition)?, Operand::of(on_true)?, Operand::of(on_false)?];
    if [condition, on_true, on_false].iter().all(|tensor| is_direct(tensor, dims)) {
        let mut launch = Launch::of(device, ptx::COMPARE, "select", moved)?;
        launch.value(operands[0]).value(operands[1]).value(operands[2]).tensor(&result)?;
        // SAFETY: as `SELECT` of compare.cu is declared; each operand is one element or as many as the result.
        unsafe { launch.over_packs(count, 16 / dtype.size_in_bytes()) }?;
        return Ok(Some(result));
    }
    let Some(joint) = Joint::of(dims, [condition, on_true, on_false]) else { return Ok(None) };
    let mut launch = Launch::of(device, ptx::COMPARE, "select_strided", moved)?;
    launch.value(operands[0]).value(operands[1]).value(operands[2]).tensor(&result)?.value(joint);
    // SAFETY: as `SELECT` of compare.cu is declared; the strides are those of the operands.
    unsafe { launch.over(count) }?;
    Ok(Some(result))
}
