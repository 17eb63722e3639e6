//! A table of vectors looked up by index.

use super::init::normal;
use super::{Factory, Module, Parameter};
use crate::autograd::GradMode;
use crate::indexing::{self, Index};
use crate::{Error, Result, Tensor, ops};

/// Rows of a table by index. `torch.nn.Embedding`.
pub struct Embedding {
    /// `[num_embeddings, embedding_dim]`.
    weight: Parameter,
    /// A row that starts as zeros and gets no gradient.
    padding_idx: Option<i64>,
}

impl Embedding {
    /// The table starts normal with deviation 1; a negative `padding_idx` counts from the end.
    pub fn new(num_embeddings: i64, embedding_dim: i64, padding_idx: Option<i64>, factory: &Factory) -> Result<Self> {
        let padding_idx = padding_idx.map(|index| within(index, num_embeddings)).transpose()?;
        let table = normal(&[num_embeddings, embedding_dim], factory)?;
        if let Some(row) = padding_idx {
            let _mode = GradMode::new(false);
            ops::zero_(&indexing::get(&table, &[Index::Integer(row)])?)?;
        }
        Ok(Self { weight: Parameter::new(table)?, padding_idx })
    }
}

fn within(index: i64, count: i64) -> Result<i64> {
    if index < -count || index >= count {
        return Err(Error::argument(format!("padding_idx {index} must be within the {count} embeddings")));
    }
    Ok(if index < 0 { index + count } else { index })
}

impl Module for Embedding {
    fn name(&self) -> &'static str {
        "Embedding"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::embedding(input, &self.weight.get(), self.padding_idx)
    }

    fn parameters(&self) -> Vec<(&'static str, &Parameter)> {
        vec![("weight", &self.weight)]
    }
}
