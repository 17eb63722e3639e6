//! How the steps and sequences of a call lie, and the way to rows that follow each other and back.

use crate::compute::{self, Plan};
use crate::ops::common::sizes;
use crate::ops::{permute, reshape};
use crate::value::Value;
use crate::{Result, Tensor};

/// The dimensions before the last one of what is given and of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Layout {
    /// Steps, sequences.
    Steps,
    /// Sequences, steps.
    Batches,
    /// The steps of one sequence.
    One,
    /// The rows of sequences of unequal lengths.
    Packed,
    /// One step of sequences.
    Cell,
    /// One step of one sequence.
    CellOfOne,
}

impl Layout {
    /// `[rows, …]`, contiguous.
    pub(super) fn rows(self, value: &Value) -> Result<Value> {
        let value = if self == Self::Batches { value.permute(&[1, 0, 2])? } else { value.clone() };
        let width = value.dims().last().copied().unwrap_or(1);
        let rows = value.dims()[..value.rank() - 1].iter().product();
        compute::contiguous(&value)?.with_dims(&[rows, width])
    }

    /// The same for a tensor of a graph.
    pub(super) fn tensor_rows(self, tensor: &Tensor) -> Result<Tensor> {
        let tensor = if self == Self::Batches { permute(tensor, &[1, 0, 2])? } else { tensor.clone() };
        let dims = tensor.shape();
        let (last, leading) = dims.split_last().map_or((1, &[][..]), |(last, leading)| (*last, leading));
        reshape(&tensor, &sizes(&[leading.iter().product(), last]))
    }

    /// Rows as the caller sees them.
    pub(super) fn outside(self, rows: &Value, plan: &Plan) -> Result<Value> {
        let value = rows.with_dims(&self.dims(plan, rows.dims()[1]))?;
        if self == Self::Batches { value.permute(&[1, 0, 2]) } else { Ok(value) }
    }

    /// The same for a tensor of a graph.
    pub(super) fn tensor_outside(self, rows: &Tensor, plan: &Plan) -> Result<Tensor> {
        let tensor = reshape(rows, &sizes(&self.dims(plan, rows.shape()[1])))?;
        if self == Self::Batches { permute(&tensor, &[1, 0, 2]) } else { Ok(tensor) }
    }

    /// The shape of rows, steps first.
    fn dims(self, plan: &Plan, width: usize) -> Vec<usize> {
        match self {
            Self::Steps | Self::Batches => vec![plan.sizes.len(), plan.sequences(), width],
            Self::One | Self::Packed | Self::Cell => vec![plan.rows(), width],
            Self::CellOfOne => vec![width],
        }
    }

    /// The shape of a state.
    pub(super) fn state(self, plan: &Plan, width: usize) -> Vec<usize> {
        let count = plan.layers * plan.directions;
        match self {
            Self::Steps | Self::Batches | Self::Packed => vec![count, plan.sequences(), width],
            Self::One => vec![count, width],
            Self::Cell => vec![plan.sequences(), width],
            Self::CellOfOne => vec![width],
        }
    }
}
