//! Indexing.
//!
//! `tensor[index]` with integers, slices, an ellipsis and new axes, as in Python. A result is a view where
//! it can be one.

use crate::error::{CandleError, CandleStatus};
use crate::handle::{borrow, borrow_mut};
use crate::panic::guard;
use crate::pointer::{output, slice};
use crate::tensor::CandleTensor;
use candle_ffi_core::indexing::{self, Index};
use candle_ffi_core::{Error, Result};

/// What an item of an index is: one of the `CANDLE_INDEX_*` constants.
pub type CandleIndexKind = i32;

/// One entry, at `start`; the dimension goes away.
pub const CANDLE_INDEX_INTEGER: CandleIndexKind = 1;
/// The entries from `start` up to but without `stop`, each `step`-th.
pub const CANDLE_INDEX_SLICE: CandleIndexKind = 2;
/// All dimensions that no other item takes.
pub const CANDLE_INDEX_ELLIPSIS: CandleIndexKind = 3;
/// A new dimension of size 1.
pub const CANDLE_INDEX_NEW_AXIS: CandleIndexKind = 4;

/// An item of an index; `CANDLE_INDEX_INIT` takes a whole dimension.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleIndex {
    /// What it is. Default: `CANDLE_INDEX_SLICE`.
    pub kind: CandleIndexKind,
    /// 1 when a slice has a `start`. Default: `0`.
    pub has_start: i32,
    /// 1 when a slice has a `stop`. Default: `0`.
    pub has_stop: i32,
    /// The position of an integer, the first of a slice; negative ones count from the end. Default: `0`.
    pub start: i64,
    /// The position after the last of a slice; negative ones count from the end. Default: `0`.
    pub stop: i64,
    /// The distance between the entries of a slice; at least 1. Default: `1`.
    pub step: i64,
}

impl CandleIndex {
    fn item(&self) -> Result<Index> {
        match self.kind {
            CANDLE_INDEX_INTEGER => Ok(Index::Integer(self.start)),
            CANDLE_INDEX_SLICE => Ok(Index::Slice {
                start: (self.has_start != 0).then_some(self.start),
                stop: (self.has_stop != 0).then_some(self.stop),
                step: self.step,
            }),
            CANDLE_INDEX_ELLIPSIS => Ok(Index::Ellipsis),
            CANDLE_INDEX_NEW_AXIS => Ok(Index::NewAxis),
            other => Err(Error::argument(format!("{other} is no kind of index; see the CANDLE_INDEX_* constants"))),
        }
    }
}

fn items(index: &[CandleIndex]) -> Result<Vec<Index>> {
    index.iter().map(CandleIndex::item).collect()
}

/// The part of a tensor that an index names; dimensions without an item are taken whole.
///
/// Differentiable. Fails with `CANDLE_ERROR_INDEX` when there are too many items or an integer is out of
/// range; the bounds of a slice are cut as Python does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_get_item(
    tensor: *const CandleTensor,
    index: *const CandleIndex,
    num_index: usize,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_get_item(tensor, index, num_index, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "getitem", || {
            let out = output(out, "out")?;
            let tensor = borrow(tensor, "tensor")?;
            let index = slice(index, num_index, "index")?;
            out.put(indexing::get(&tensor, &items(index)?)?);
            Ok(())
        })
    }
}

/// Writes `source` into the part of a tensor that an index names; it broadcasts and is converted.
///
/// Fails with `CANDLE_ERROR_SHAPE` when it does not broadcast, with `CANDLE_ERROR_MODIFIED_IN_PLACE` for a leaf
/// that requires a gradient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_set_item(
    tensor: *mut CandleTensor,
    index: *const CandleIndex,
    num_index: usize,
    source: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_set_item(tensor, index, num_index, source, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "setitem", || {
            let tensor = borrow_mut(tensor, "tensor")?;
            let index = slice(index, num_index, "index")?;
            let source = tensor.beside(source, "source")?;
            indexing::set(&tensor, &items(index)?, &source)
        })
    }
}
