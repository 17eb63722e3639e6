//! Arithmetic on two arrays, which broadcast.

use crate::array::{address, device, empty};
use crate::copy;
use crate::launch::Launch;
use crate::operand::{Joint, Operand, is_direct, number};
use crate::transfer::download;
use crate::{is_float, ptx};
use candle_core::{CudaDevice, DType, Result, Tensor};
use candle_ffi_kernels::binary::Binary;

/// The kernel of an operation, and its number among those of the strided kernel.
fn code(op: Binary) -> (&'static str, u32) {
    match op {
        Binary::Add => ("binary_add", 0),
        Binary::Sub => ("binary_sub", 1),
        Binary::Mul => ("binary_mul", 2),
        Binary::Div => ("binary_div", 3),
        Binary::Maximum => ("binary_maximum", 4),
        Binary::Minimum => ("binary_minimum", 5),
        Binary::Pow => ("binary_pow", 6),
        Binary::Remainder => ("binary_remainder", 7),
        Binary::FloorDivide => ("binary_floor_divide", 8),
    }
}

/// The kernel that moves 16 bytes at a time for arrays that broadcast, of those operations that models do it with.
fn packed(code: u32) -> Option<&'static str> {
    ["binary_packed_add", "binary_packed_sub", "binary_packed_mul", "binary_packed_div"].get(code as usize).copied()
}

const PRELU: (&str, u32) = ("binary_prelu", 9);

/// `lhs op rhs` in the shape that both broadcast to, which is `dims`. One of them may be a tensor of a single element on
/// the host. None where there is no kernel, and where an integer would be divided by zero: the caller has another way,
/// or an error.
pub fn binary(op: Binary, lhs: &Tensor, rhs: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    if lhs.dtype() == DType::F8E4M3 || divides_by_zero(op, rhs)? {
        return Ok(None);
    }
    fresh(code(op), lhs, rhs, dims)
}

/// `x` where positive, else `weight · x`; the weight broadcasts to the shape of `x`.
pub fn prelu(x: &Tensor, weight: &Tensor) -> Result<Option<Tensor>> {
    if !x.dtype().is_float() || x.dtype() == DType::F8E4M3 {
        return Ok(None);
    }
    fresh(PRELU, x, weight, x.dims())
}

fn fresh(code: (&'static str, u32), lhs: &Tensor, rhs: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    let device = device(if lhs.device().is_cuda() { lhs } else { rhs })?;
    let result = empty(device, dims, lhs.dtype())?;
    Ok(launch(code, device, lhs, rhs, &result)?.then_some(result))
}

/// `dst = dst op src`; `src` broadcasts to the shape of `dst`, does not share its memory and may be one element on the
/// host. False as `None` of [`binary`]. No two elements of `dst` may share their memory.
pub fn binary_into(op: Binary, dst: &Tensor, src: &Tensor) -> Result<bool> {
    if dst.dtype() == DType::F8E4M3 || dst.layout().has_internal_overlap() || divides_by_zero(op, src)? {
        return Ok(false);
    }
    launch(code(op), device(dst)?, dst, src, dst)
}

/// False where the strides are beyond the kernels.
fn launch(
    (name, code): (&'static str, u32),
    device: &CudaDevice,
    lhs: &Tensor,
    rhs: &Tensor,
    result: &Tensor,
) -> Result<bool> {
    let (dims, count) = (result.dims(), result.elem_count());
    if count == 0 {
        return Ok(true);
    }
    let (left, right) = (Operand::of(lhs)?, Operand::of(rhs)?);
    if is_direct(lhs, dims) && is_direct(rhs, dims) && result.is_contiguous() {
        let mut launch = Launch::of(device, ptx::BINARY, name, result.dtype())?;
        launch.value(left).value(right).value(address(result)?);
        // SAFETY: as `DIRECT` of binary.cu is declared; each operand is one element or as many as the result.
        unsafe { launch.over_packs(count, 16 / result.dtype().size_in_bytes()) }?;
        return Ok(true);
    }
    let Some(joint) = Joint::of(dims, [lhs, rhs, result]) else { return Ok(false) };
    let pack = 16 / result.dtype().size_in_bytes();
    let kernel = packed(code).filter(|_| is_float(result.dtype()));
    if let (Some(kernel), Some(packs)) = (kernel, joint.in_packs(pack as u32)) {
        let mut aligned = true;
        for (array, tensor) in [lhs, rhs, result].into_iter().enumerate() {
            aligned &= packs.repeats(array) || address(tensor)?.is_multiple_of(16);
        }
        if aligned {
            let mut launch = Launch::of(device, ptx::BINARY, kernel, result.dtype())?;
            launch.value(left).value(right).value(address(result)?).value(packs);
            // SAFETY: as `PACKED` of binary.cu is declared; the strides are those of the three tensors, of whole packs that
            // are aligned.
            return unsafe { launch.over(count / pack) }.map(|()| true);
        }
    }
    let mut launch = Launch::of(device, ptx::BINARY, "binary_strided", result.dtype())?;
    launch.value(left).value(right).value(address(result)?).value(joint).value(code);
    // SAFETY: as `STRIDED` of binary.cu is declared; the strides are those of the three tensors.
    unsafe { launch.over(count) }?;
    Ok(true)
}

/// Whether an integer would be divided by zero, which is an error on every device of this library. A divisor on the
/// device has to be looked at first: one number comes back, so that the host waits for the stream. Divisions of floats
/// and those by a number that the host has do not wait.
fn divides_by_zero(op: Binary, divisor: &Tensor) -> Result<bool> {
    let divides = matches!(op, Binary::Div | Binary::Remainder | Binary::FloorDivide);
    if !divides || divisor.dtype().is_float() || divisor.elem_count() == 0 {
        return Ok(false);
    }
    if let Some(bits) = number(divisor) {
        return Ok(bits == 0);
    }
    let divisor = copy::followed(divisor)?;
    let device = device(&divisor)?;
    let found = copy::fill(device, 0.0, &[], DType::U32)?;
    let mut launch = Launch::of(device, ptx::BINARY, "has_zero", divisor.dtype())?;
    launch.strided(&divisor)?.tensor(&found)?;
    // SAFETY: as `ZEROS` of binary.cu is declared.
    unsafe { launch.over(divisor.elem_count()) }?;
    Ok(download::<u32>(&found)?[0] != 0)
}
