//! Tables of vectors looked up by index.

use super::init::normal;
use super::{Factory, Module, Parameter};
use crate::autograd::GradMode;
use crate::indexing::{self, Index};
use crate::ops::embedding::padding_row;
use crate::{BagMode, Error, Result, Tensor, ops};
use std::borrow::Cow;

/// A table, and how it is looked up.
struct Table {
    /// `[num_embeddings, embedding_dim]`.
    weight: Parameter,
    /// A row that starts as zeros and gets no gradient.
    padding_idx: Option<i64>,
    max_norm: Option<f64>,
    norm_type: f64,
    scale_grad_by_freq: bool,
}

impl Table {
    fn new(sizes: [i64; 2], padding_idx: Option<i64>, factory: &Factory) -> Result<Self> {
        let padding_idx = padding_idx.map(|index| padding_row(index, sizes[0])).transpose()?;
        let table = normal(&sizes, factory)?;
        if let Some(row) = padding_idx {
            let _mode = GradMode::new(false);
            ops::zero_(&indexing::get(&table, &[Index::Integer(row)])?)?;
        }
        let weight = Parameter::new(table)?;
        Ok(Self { weight, padding_idx, max_norm: None, norm_type: 2.0, scale_grad_by_freq: false })
    }

    /// The weight, after the rows that are about to be used have been scaled.
    fn ready(&self, input: &Tensor) -> Result<Tensor> {
        let weight = self.weight.get();
        if let Some(max_norm) = self.max_norm {
            let _mode = GradMode::new(false);
            ops::embedding_renorm_(&weight, input, max_norm, self.norm_type)?;
        }
        Ok(weight)
    }
}

/// Rows of a table by index. `torch.nn.Embedding`.
pub struct Embedding(Table);

impl Embedding {
    /// A table of vectors that is looked up by integers.
    ///
    /// The table starts normal with deviation 1. The vector of `padding_idx`, which counts from the end when
    /// negative, starts as zeros and gets no gradient. With `max_norm` each vector that is looked up is first
    /// scaled, in place, to have no larger `norm_type`-norm. With `scale_grad_by_freq` the gradient of a vector
    /// is divided by how often it was looked up.
    ///
    /// # Defaults
    /// padding_idx = None, max_norm = None, norm_type = 2.0, scale_grad_by_freq = False
    ///
    /// # Errors
    /// `InvalidArgument` when `padding_idx` is not within the embeddings.
    ///
    /// # PyTorch
    /// `torch.nn.Embedding`
    ///
    /// # C
    /// `embedding_with_options`; `embedding` without `max_norm`, `norm_type`, `scale_grad_by_freq`
    pub fn new(
        num_embeddings: i64,
        embedding_dim: i64,
        padding_idx: Option<i64>,
        max_norm: Option<f64>,
        norm_type: f64,
        scale_grad_by_freq: bool,
        factory: &Factory,
    ) -> Result<Self> {
        let table = Table::new([num_embeddings, embedding_dim], padding_idx, factory)?;
        Ok(Self(Table { max_norm, norm_type, scale_grad_by_freq, ..table }))
    }
}

impl Module for Embedding {
    fn name(&self) -> &'static str {
        "Embedding"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::embedding(input, &self.0.ready(input)?, self.0.padding_idx, self.0.scale_grad_by_freq)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        vec![("weight".into(), &self.0.weight)]
    }
}

/// Sums, means or maxima of rows of a table by index. `torch.nn.EmbeddingBag`.
pub struct EmbeddingBag {
    table: Table,
    mode: BagMode,
    include_last_offset: bool,
}

impl EmbeddingBag {
    /// A table of vectors of which bags are summed, averaged, or taken the largest numbers of.
    ///
    /// The inputs are the integers, their offsets and the weights of a sum; see
    /// `torch.nn.functional.embedding_bag`. The table and its options are those of `Embedding`.
    ///
    /// # Defaults
    /// max_norm = None, norm_type = 2.0, scale_grad_by_freq = False, mode = mean,
    /// include_last_offset = False, padding_idx = None
    ///
    /// # Errors
    /// `InvalidArgument` when `padding_idx` is not within the embeddings.
    ///
    /// # PyTorch
    /// `torch.nn.EmbeddingBag`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        num_embeddings: i64,
        embedding_dim: i64,
        max_norm: Option<f64>,
        norm_type: f64,
        scale_grad_by_freq: bool,
        mode: BagMode,
        include_last_offset: bool,
        padding_idx: Option<i64>,
        factory: &Factory,
    ) -> Result<Self> {
        let table = Table::new([num_embeddings, embedding_dim], padding_idx, factory)?;
        let table = Table { max_norm, norm_type, scale_grad_by_freq, ..table };
        Ok(Self { table, mode, include_last_offset })
    }

    fn bags(&self, input: &Tensor, offsets: Option<&Tensor>, weights: Option<&Tensor>) -> Result<Tensor> {
        let table = &self.table;
        ops::embedding_bag(
            input,
            &table.ready(input)?,
            offsets,
            table.scale_grad_by_freq,
            self.mode,
            weights,
            self.include_last_offset,
            table.padding_idx,
        )
    }
}

impl Module for EmbeddingBag {
    fn name(&self) -> &'static str {
        "EmbeddingBag"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.bags(input, None, None)
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let at = |place: usize| inputs.get(place).copied().flatten();
        let (Some(input), true) = (at(0), inputs.len() <= 3) else {
            return Err(Error::argument("EmbeddingBag takes input, offsets and per_sample_weights"));
        };
        Ok(vec![self.bags(input, at(1), at(2))?])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        vec![("weight".into(), &self.table.weight)]
    }
}
