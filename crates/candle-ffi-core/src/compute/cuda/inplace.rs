//! Changes to a value's own storage. `Some` once it is done.

use super::{reachable, together};
use crate::Result;
use crate::compute::Binary;
use crate::value::Value;
use candle_ffi_cuda as kernels;

/// `dst = src`; `src` broadcasts and does not share the memory of `dst`.
pub(in crate::compute) fn copy_into(dst: &Value, src: &Value) -> Result<Option<()>> {
    let on_device = together(&[dst]) && reachable(&[dst, src]);
    Ok((on_device && kernels::copy_into(&dst.array, &src.array)?).then_some(()))
}

/// `dst = dst op src`; `src` broadcasts and does not share the memory of `dst`.
pub(in crate::compute) fn binary_into(op: Binary, dst: &Value, src: &Value) -> Result<Option<()>> {
    let on_device = together(&[dst]) && reachable(&[dst, src]);
    Ok((on_device && kernels::binary_into(op, &dst.array, &src.array)?).then_some(()))
}
