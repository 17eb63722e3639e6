//! Unpooling.
//!
//! Layers that put elements back where max pooling has taken them from. They have two inputs, the elements and the indices.

use super::Module;
use crate::{Error, Result, Tensor, ops};

/// Gives a layer of two inputs its forward function.
macro_rules! of_two {
    ($Layer:ident, $class:literal, |$layer:ident, $input:ident, $indices:ident| $both:expr) => {
        impl Module for $Layer {
            fn name(&self) -> &'static str {
                $class
            }

            fn forward(&self, _: &Tensor) -> Result<Tensor> {
                Err(Error::argument(format!("{} takes two inputs, the elements and their indices", self.name())))
            }

            fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
                let [Some($input), Some($indices)] = inputs else {
                    return Err(Error::argument(format!(
                        "{} takes two inputs, the elements and their indices",
                        self.name()
                    )));
                };
                let $layer = self;
                Ok(vec![$both?])
            }
        }
    };
}

/// Unpooling over 1 dimension. `torch.nn.MaxUnpool1d`.
pub struct MaxUnpool1d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
}

impl MaxUnpool1d {
    /// Zeros, with each element where max pooling over 1 dimension has taken it from.
    ///
    /// The options are those of the pooling; the result has the size that it most simply came from.
    ///
    /// # Defaults
    /// stride = None, padding = 0
    ///
    /// # PyTorch
    /// `torch.nn.MaxUnpool1d`
    pub fn new(kernel_size: &[i64], stride: Option<&[i64]>, padding: &[i64]) -> Result<Self> {
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding: padding.to_vec() })
    }
}

of_two!(MaxUnpool1d, "MaxUnpool1d", |this, input, indices| ops::max_unpool1d(
    input,
    indices,
    &this.kernel_size,
    this.stride.as_deref(),
    &this.padding,
    None
));

/// Unpooling over 2 dimensions. `torch.nn.MaxUnpool2d`.
pub struct MaxUnpool2d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
}

impl MaxUnpool2d {
    /// Zeros, with each element where max pooling over 2 dimensions has taken it from.
    ///
    /// The options are those of the pooling; the result has the size that it most simply came from.
    ///
    /// # Defaults
    /// stride = None, padding = 0
    ///
    /// # PyTorch
    /// `torch.nn.MaxUnpool2d`
    pub fn new(kernel_size: &[i64], stride: Option<&[i64]>, padding: &[i64]) -> Result<Self> {
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding: padding.to_vec() })
    }
}

of_two!(MaxUnpool2d, "MaxUnpool2d", |this, input, indices| ops::max_unpool2d(
    input,
    indices,
    &this.kernel_size,
    this.stride.as_deref(),
    &this.padding,
    None
));

/// Unpooling over 3 dimensions. `torch.nn.MaxUnpool3d`.
pub struct MaxUnpool3d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
}

impl MaxUnpool3d {
    /// Zeros, with each element where max pooling over 3 dimensions has taken it from.
    ///
    /// The options are those of the pooling; the result has the size that it most simply came from.
    ///
    /// # Defaults
    /// stride = None, padding = 0
    ///
    /// # PyTorch
    /// `torch.nn.MaxUnpool3d`
    pub fn new(kernel_size: &[i64], stride: Option<&[i64]>, padding: &[i64]) -> Result<Self> {
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding: padding.to_vec() })
    }
}

of_two!(MaxUnpool3d, "MaxUnpool3d", |this, input, indices| ops::max_unpool3d(
    input,
    indices,
    &this.kernel_size,
    this.stride.as_deref(),
    &this.padding,
    None
));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{AdaptiveMaxPool1d, MaxPool1d, zero_pad2d};
    use crate::{DType, Device};

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.value().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn layers_of_several_inputs_and_results() {
        let row = ops::arange(0.0, 6.0, 1.0, DType::Float32, Device::CPU).unwrap();
        let x = ops::reshape(&row, &[1, 1, 6]).unwrap();
        let pool = MaxPool1d::new(&[2], None, &[0], &[1], true, false).unwrap();
        let found = pool.forward_many(&[Some(&x)]).unwrap();
        assert_eq!(numbers(&found[0]), [1.0, 3.0, 5.0]);
        assert_eq!(numbers(&pool.forward(&x).unwrap()), [1.0, 3.0, 5.0]);
        let unpool = MaxUnpool1d::new(&[2], None, &[0]).unwrap();
        let back = unpool.forward_many(&[Some(&found[0]), Some(&found[1])]).unwrap();
        assert_eq!(numbers(&back[0]), [0.0, 1.0, 0.0, 3.0, 0.0, 5.0]);
        assert!(unpool.forward(&x).is_err() && unpool.forward_many(&[Some(&x)]).is_err());
        assert!(pool.forward_many(&[Some(&x), Some(&x)]).is_err());
        let adaptive = AdaptiveMaxPool1d::new(&[2], false).unwrap();
        assert_eq!(adaptive.forward_many(&[Some(&x)]).unwrap().len(), 1);
    }

    #[test]
    fn one_number_pads_all_ends() {
        let x = ops::ones(&[1, 2, 3], DType::Float32, Device::CPU).unwrap();
        assert_eq!(zero_pad2d(&[1]).unwrap().forward(&x).unwrap().dims(), [1, 4, 5]);
        assert_eq!(zero_pad2d(&[1, 0, 2, 0]).unwrap().forward(&x).unwrap().dims(), [1, 4, 4]);
        assert!(zero_pad2d(&[1, 2]).is_err());
    }
}
