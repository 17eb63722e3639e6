//! Max pooling.
//!
//! Layers that keep the largest element of each window, and their way back.

use super::Module;
use crate::{Error, OutputAndIndices, Result, Tensor, ops};

/// Gives what a layer that may also give indices computes: `forward` the output alone, `forward_many` both.
macro_rules! with_indices {
    ($Layer:ident, $class:literal, |$layer:ident, $input:ident| $plain:expr, $both:expr) => {
        impl Module for $Layer {
            fn name(&self) -> &'static str {
                $class
            }

            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                let $layer = self;
                $plain
            }

            fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
                let [Some($input)] = inputs else {
                    return Err(Error::argument(format!("{} takes one input", self.name())));
                };
                if !self.return_indices {
                    return Ok(vec![self.forward($input)?]);
                }
                let $layer = self;
                let OutputAndIndices { output, indices } = $both?;
                Ok(vec![output, indices])
            }
        }
    };
}

/// Max pooling over 1 dimension. `torch.nn.MaxPool1d`.
pub struct MaxPool1d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    return_indices: bool,
    ceil_mode: bool,
}

impl MaxPool1d {
    /// The largest element of each window of 1 dimension.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimension. The
    /// options are those of `max_pool1d`.
    ///
    /// # Defaults
    /// stride = None, padding = 0, dilation = 1, return_indices = False, ceil_mode = False
    ///
    /// # PyTorch
    /// `torch.nn.MaxPool1d`
    pub fn new(
        kernel_size: &[i64],
        stride: Option<&[i64]>,
        padding: &[i64],
        dilation: &[i64],
        return_indices: bool,
        ceil_mode: bool,
    ) -> Result<Self> {
        let (padding, dilation) = (padding.to_vec(), dilation.to_vec());
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding, dilation, return_indices, ceil_mode })
    }
}

with_indices!(
    MaxPool1d,
    "MaxPool1d",
    |this, input| ops::max_pool1d(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    ),
    ops::max_pool1d_with_indices(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    )
);

/// Max pooling over 2 dimensions. `torch.nn.MaxPool2d`.
pub struct MaxPool2d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    return_indices: bool,
    ceil_mode: bool,
}

impl MaxPool2d {
    /// The largest element of each window of 2 dimensions.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimensions. The
    /// options are those of `max_pool2d`.
    ///
    /// # Defaults
    /// stride = None, padding = 0, dilation = 1, return_indices = False, ceil_mode = False
    ///
    /// # PyTorch
    /// `torch.nn.MaxPool2d`
    pub fn new(
        kernel_size: &[i64],
        stride: Option<&[i64]>,
        padding: &[i64],
        dilation: &[i64],
        return_indices: bool,
        ceil_mode: bool,
    ) -> Result<Self> {
        let (padding, dilation) = (padding.to_vec(), dilation.to_vec());
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding, dilation, return_indices, ceil_mode })
    }
}

with_indices!(
    MaxPool2d,
    "MaxPool2d",
    |this, input| ops::max_pool2d(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    ),
    ops::max_pool2d_with_indices(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    )
);

/// Max pooling over 3 dimensions. `torch.nn.MaxPool3d`.
pub struct MaxPool3d {
    kernel_size: Vec<i64>,
    stride: Option<Vec<i64>>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    return_indices: bool,
    ceil_mode: bool,
}

impl MaxPool3d {
    /// The largest element of each window of 3 dimensions.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimensions. The
    /// options are those of `max_pool3d`.
    ///
    /// # Defaults
    /// stride = None, padding = 0, dilation = 1, return_indices = False, ceil_mode = False
    ///
    /// # PyTorch
    /// `torch.nn.MaxPool3d`
    pub fn new(
        kernel_size: &[i64],
        stride: Option<&[i64]>,
        padding: &[i64],
        dilation: &[i64],
        return_indices: bool,
        ceil_mode: bool,
    ) -> Result<Self> {
        let (padding, dilation) = (padding.to_vec(), dilation.to_vec());
        let stride = stride.map(<[i64]>::to_vec);
        Ok(Self { kernel_size: kernel_size.to_vec(), stride, padding, dilation, return_indices, ceil_mode })
    }
}

with_indices!(
    MaxPool3d,
    "MaxPool3d",
    |this, input| ops::max_pool3d(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    ),
    ops::max_pool3d_with_indices(
        input,
        &this.kernel_size,
        this.stride.as_deref(),
        &this.padding,
        &this.dilation,
        this.ceil_mode
    )
);

/// Adaptive max pooling over 1 dimension. `torch.nn.AdaptiveMaxPool1d`.
pub struct AdaptiveMaxPool1d {
    output_size: Vec<i64>,
    return_indices: bool,
}

impl AdaptiveMaxPool1d {
    /// The largest elements of windows that share 1 dimension evenly.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimension.
    ///
    /// # Defaults
    /// return_indices = False
    ///
    /// # PyTorch
    /// `torch.nn.AdaptiveMaxPool1d`
    pub fn new(output_size: &[i64], return_indices: bool) -> Result<Self> {
        Ok(Self { output_size: output_size.to_vec(), return_indices })
    }
}

with_indices!(
    AdaptiveMaxPool1d,
    "AdaptiveMaxPool1d",
    |this, input| ops::adaptive_max_pool1d(input, &this.output_size),
    ops::adaptive_max_pool1d_with_indices(input, &this.output_size)
);

/// Adaptive max pooling over 2 dimensions. `torch.nn.AdaptiveMaxPool2d`.
pub struct AdaptiveMaxPool2d {
    output_size: Vec<i64>,
    return_indices: bool,
}

impl AdaptiveMaxPool2d {
    /// The largest elements of windows that share 2 dimensions evenly.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimensions.
    ///
    /// # Defaults
    /// return_indices = False
    ///
    /// # PyTorch
    /// `torch.nn.AdaptiveMaxPool2d`
    pub fn new(output_size: &[i64], return_indices: bool) -> Result<Self> {
        Ok(Self { output_size: output_size.to_vec(), return_indices })
    }
}

with_indices!(
    AdaptiveMaxPool2d,
    "AdaptiveMaxPool2d",
    |this, input| ops::adaptive_max_pool2d(input, &this.output_size),
    ops::adaptive_max_pool2d_with_indices(input, &this.output_size)
);

/// Adaptive max pooling over 3 dimensions. `torch.nn.AdaptiveMaxPool3d`.
pub struct AdaptiveMaxPool3d {
    output_size: Vec<i64>,
    return_indices: bool,
}

impl AdaptiveMaxPool3d {
    /// The largest elements of windows that share 3 dimensions evenly.
    ///
    /// With `return_indices` the layer has a second result, the `int64` positions in the flattened spatial dimensions.
    ///
    /// # Defaults
    /// return_indices = False
    ///
    /// # PyTorch
    /// `torch.nn.AdaptiveMaxPool3d`
    pub fn new(output_size: &[i64], return_indices: bool) -> Result<Self> {
        Ok(Self { output_size: output_size.to_vec(), return_indices })
    }
}

with_indices!(
    AdaptiveMaxPool3d,
    "AdaptiveMaxPool3d",
    |this, input| ops::adaptive_max_pool3d(input, &this.output_size),
    ops::adaptive_max_pool3d_with_indices(input, &this.output_size)
);
