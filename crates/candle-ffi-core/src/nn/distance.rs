//! Similarities and distances of two inputs.

use super::Module;
use crate::{Error, Result, Tensor, ops};

/// The two inputs of a layer.
fn two<'a>(name: &str, inputs: &[Option<&'a Tensor>]) -> Result<[&'a Tensor; 2]> {
    match inputs {
        [Some(first), Some(second)] => Ok([first, second]),
        _ => Err(Error::argument(format!("{name} takes two inputs, and got {}", inputs.iter().flatten().count()))),
    }
}

/// Cosine of the angle between vectors. `torch.nn.CosineSimilarity`.
pub struct CosineSimilarity {
    dim: i64,
    eps: f64,
}

impl CosineSimilarity {
    /// The cosine of the angle between the vectors of two inputs along a dimension.
    ///
    /// # Defaults
    /// dim = 1, eps = 1e-8
    ///
    /// # PyTorch
    /// `torch.nn.CosineSimilarity`
    pub fn new(dim: i64, eps: f64) -> Result<Self> {
        Ok(Self { dim, eps })
    }
}

impl Module for CosineSimilarity {
    fn name(&self) -> &'static str {
        "CosineSimilarity"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        two(self.name(), &[Some(input)]).map(|[first, _]| first.clone())
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [first, second] = two(self.name(), inputs)?;
        Ok(vec![ops::cosine_similarity(first, second, self.dim, self.eps)?])
    }
}

/// Distance of vectors along the last dimension. `torch.nn.PairwiseDistance`.
pub struct PairwiseDistance {
    p: f64,
    eps: f64,
    keepdim: bool,
}

impl PairwiseDistance {
    /// The distance, of order `p`, of the vectors of two inputs along the last dimension.
    ///
    /// # Defaults
    /// p = 2.0, eps = 1e-6, keepdim = False
    ///
    /// # PyTorch
    /// `torch.nn.PairwiseDistance`
    pub fn new(p: f64, eps: f64, keepdim: bool) -> Result<Self> {
        Ok(Self { p, eps, keepdim })
    }
}

impl Module for PairwiseDistance {
    fn name(&self) -> &'static str {
        "PairwiseDistance"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        two(self.name(), &[Some(input)]).map(|[first, _]| first.clone())
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [first, second] = two(self.name(), inputs)?;
        Ok(vec![ops::pairwise_distance(first, second, self.p, self.eps, self.keepdim)?])
    }
}
