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

/// Which formula of GELU is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Approximate {
    /// The exact one, with the error function.
    None = 0,
    /// The approximation with the hyperbolic tangent.
    Tanh = 1,
}

impl Reduction {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::None, Self::Mean, Self::Sum].into_iter().find(|option| *option as i32 == code)
    }
}

impl Approximate {
    /// The option of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::None, Self::Tanh].into_iter().find(|option| *option as i32 == code)
    }
}
