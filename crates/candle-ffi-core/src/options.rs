//! Options with a few named values; each crosses the ABI as a numbered constant and Python as a string.

/// What a loss does with the losses of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Reduction {
    /// Keep them.
    None = 0,
    /// Their mean.
    Mean = 1,
    /// Their sum.
    Sum = 2,
}

/// How the rows of a bag become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum BagMode {
    /// Their sum.
    Sum = 0,
    /// Their mean.
    Mean = 1,
    /// The largest number of each column.
    Max = 2,
}

/// What a divergence does with the divergences of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum KlDivReduction {
    /// Keep them.
    None = 0,
    /// Their mean.
    Mean = 1,
    /// Their sum.
    Sum = 2,
    /// Their sum divided by the size of the first dimension.
    Batchmean = 3,
}

/// Which formula of GELU is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Approximate {
    /// The exact one, with the error function.
    None = 0,
    /// The approximation with the hyperbolic tangent.
    Tanh = 1,
}

/// How resampling makes elements of their neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum InterpolateMode {
    /// The nearest one, rounded down.
    Nearest = 0,
    /// The one whose centre is nearest.
    #[doc(alias = "nearest-exact")]
    NearestExact = 1,
    /// Linear in one dimension.
    Linear = 2,
    /// Linear in two dimensions.
    Bilinear = 3,
    /// Cubic in two dimensions.
    Bicubic = 4,
    /// Linear in three dimensions.
    Trilinear = 5,
    /// The average of the area.
    Area = 6,
}

/// What padding puts at the ends of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum PadMode {
    /// A number.
    Constant = 0,
    /// The mirror image without the border.
    Reflect = 1,
    /// The border.
    Replicate = 2,
    /// The other end.
    Circular = 3,
}

/// What a convolutional layer puts around its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum PaddingMode {
    /// Zeros.
    Zeros = 0,
    /// The mirror image without the border.
    Reflect = 1,
    /// The border.
    Replicate = 2,
    /// The other end.
    Circular = 3,
}

/// What stands between the two linear maps of a transformer's layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum TransformerActivation {
    /// `relu`.
    Relu = 0,
    /// `gelu`, the exact one.
    Gelu = 1,
}

/// The function of a recurrent layer's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum RnnNonlinearity {
    /// Hyperbolic tangent.
    Tanh = 0,
    /// `max(x, 0)`.
    Relu = 1,
}

impl Reduction {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::None, Self::Mean, Self::Sum].into_iter().find(|option| *option as i32 == code)
    }
}

impl BagMode {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Sum, Self::Mean, Self::Max].into_iter().find(|option| *option as i32 == code)
    }
}

impl KlDivReduction {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::None, Self::Mean, Self::Sum, Self::Batchmean].into_iter().find(|option| *option as i32 == code)
    }
}

impl Approximate {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::None, Self::Tanh].into_iter().find(|option| *option as i32 == code)
    }
}

impl InterpolateMode {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Nearest, Self::NearestExact, Self::Linear, Self::Bilinear, Self::Bicubic, Self::Trilinear, Self::Area]
            .into_iter()
            .find(|option| *option as i32 == code)
    }
}

impl PadMode {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Constant, Self::Reflect, Self::Replicate, Self::Circular]
            .into_iter()
            .find(|option| *option as i32 == code)
    }
}

impl PaddingMode {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Zeros, Self::Reflect, Self::Replicate, Self::Circular].into_iter().find(|option| *option as i32 == code)
    }
}

impl TransformerActivation {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Relu, Self::Gelu].into_iter().find(|option| *option as i32 == code)
    }
}

impl RnnNonlinearity {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Tanh, Self::Relu].into_iter().find(|option| *option as i32 == code)
    }
}
