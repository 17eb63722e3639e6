//! The small network of the examples.

use super::{Factory, Linear, Module, SharedModule};
use crate::{Error, Result, Tensor, ops};
use std::path::Path;
use std::sync::Arc;

/// Two affine maps with a ReLU between: `fc2(relu(fc1(x)))`.
pub struct SimpleNN {
    fc1: SharedModule,
    fc2: SharedModule,
}

impl SimpleNN {
    /// Two affine maps with a ReLU between: `fc2(relu(fc1(x)))`.
    ///
    /// Sizes `in_features → hidden_size → out_features`.
    ///
    /// # PyTorch
    /// `torch.nn.Sequential` of `Linear`, `ReLU` and `Linear`
    pub fn new(in_features: i64, hidden_size: i64, out_features: i64, factory: &Factory) -> Result<Self> {
        Ok(Self {
            fc1: Arc::new(Linear::new(in_features, hidden_size, true, factory)?),
            fc2: Arc::new(Linear::new(hidden_size, out_features, true, factory)?),
        })
    }

    /// One with the weights of a safetensors file, whatever their sizes.
    ///
    /// The file has the keys `fc1.weight`, `fc1.bias`, `fc2.weight` and `fc2.bias`, all of one floating
    /// dtype; fails with `StateDict` when the keys or sizes are not those of such a network.
    pub fn load(path: &Path) -> Result<Self> {
        let (tensors, _) = crate::io::load(path)?;
        let of = |key: &str| tensors.iter().find(|(name, _)| name == key).map(|(_, tensor)| tensor);
        let sizes = |key: &str| of(key).map(Tensor::dims).filter(|dims| dims.len() == 2);
        let (Some(first), Some(second)) = (sizes("fc1.weight"), sizes("fc2.weight")) else {
            return Err(Error::new(
                crate::ErrorCode::StateDict,
                format!(
                    "{} does not hold a SimpleNN: it must have matrices fc1.weight and fc2.weight, and has {:?}",
                    path.display(),
                    tensors.iter().map(|(name, tensor)| format!("{name} {:?}", tensor.dims())).collect::<Vec<_>>()
                ),
            ));
        };
        let dtype = of("fc1.weight").map_or(crate::DType::Float32, Tensor::dtype);
        let factory = Factory { dtype, generator: Some(crate::Generator::new(0)), ..Factory::default() };
        let model = Self::new(first[1] as i64, first[0] as i64, second[0] as i64, &factory)?;
        let entries: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        super::load_state_dict(&model, &entries, true)?;
        Ok(model)
    }
}

impl Module for SimpleNN {
    fn name(&self) -> &'static str {
        "SimpleNN"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.fc2.forward(&ops::relu(&self.fc1.forward(input)?)?)
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        vec![("fc1".to_owned(), self.fc1.clone()), ("fc2".to_owned(), self.fc2.clone())]
    }
}
