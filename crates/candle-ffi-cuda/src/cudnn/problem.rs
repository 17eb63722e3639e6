//! What is asked of cuDNN, in its words.

use super::options::{Switch, is_on};
use candle_core::DType;
use candle_ffi_kernels::conv::Geometry;
use std::ffi::c_int;

/// Which of the three sides of a convolution is the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// The small side: cuDNN's forward convolution.
    Small,
    /// The large side: its gradient of the data.
    Large,
    /// The weight: its gradient of the filter.
    Weight,
}

/// `cudnnDataType_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DataType(pub(super) c_int);

impl DataType {
    const FLOAT: Self = Self(0);
    const DOUBLE: Self = Self(1);
    const HALF: Self = Self(2);
    const BFLOAT16: Self = Self(9);

    /// What is summed in: halves in float32.
    pub(super) fn computed(self) -> Self {
        if self == Self::DOUBLE { self } else { Self::FLOAT }
    }

    pub(super) fn is_double(self) -> bool {
        self == Self::DOUBLE
    }
}

/// `cudnnMathType_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Math(pub(super) c_int);

impl Math {
    /// For float32 this is TF32, where the device has it.
    const DEFAULT: Self = Self(0);
    /// Tensor cores for halves.
    const TENSOR_OP: Self = Self(1);
    /// float32 as it is.
    pub(super) const FMA: Self = Self(3);
}

/// One product of one convolution, and how it may be computed: all that a choice of algorithms depends on.
///
/// A convolution of one dimension is one of two here, which is the least that cuDNN does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Problem {
    pub(super) product: Product,
    pub(super) data: DataType,
    pub(super) math: Math,
    pub(super) deterministic: bool,
    pub(super) benchmark: bool,
    pub(super) groups: c_int,
    /// 2 or 3; of the arrays below the last so many count.
    pub(super) spatial: usize,
    /// Batch, channels, spatial sizes.
    pub(super) large: [c_int; 5],
    pub(super) small: [c_int; 5],
    pub(super) weight: [c_int; 5],
    pub(super) padding: [c_int; 3],
    pub(super) stride: [c_int; 3],
    pub(super) dilation: [c_int; 3],
}

impl Problem {
    /// None where cuDNN has no words for it: other dtypes, sizes beyond its integers, zeros that are not as many on either
    /// end, and outputs that a convolution of these options does not have.
    pub(super) fn of(product: Product, geometry: &Geometry, dtype: DType) -> Option<Self> {
        let (data, math) = match dtype {
            DType::F16 => (DataType::HALF, Math::TENSOR_OP),
            DType::BF16 => (DataType::BFLOAT16, Math::TENSOR_OP),
            DType::F32 if is_on(Switch::AllowTf32) => (DataType::FLOAT, Math::DEFAULT),
            DType::F32 => (DataType::FLOAT, Math::FMA),
            DType::F64 => (DataType::DOUBLE, Math::DEFAULT),
            _ => return None,
        };
        let g = geometry;
        // `padding` is what is before the large side. cuDNN has as much behind it, and infers the small side.
        let follows = (0..3).all(|d| {
            let reach = (g.kernel[d] - 1).checked_mul(g.dilation[d]);
            let padded = g.padding[d].checked_mul(2).and_then(|zeros| g.large[d].checked_add(zeros));
            let steps = padded.zip(reach).and_then(|(padded, reach)| padded.checked_sub(1)?.checked_sub(reach));
            steps.is_some_and(|steps| steps / g.stride[d] + 1 == g.small[d])
        });
        if !follows {
            return None;
        }
        let from_group = g.large_channels.checked_div(g.groups)?;
        Some(Self {
            product,
            data,
            math,
            deterministic: is_on(Switch::Deterministic),
            benchmark: is_on(Switch::Benchmark),
            groups: g.groups.try_into().ok()?,
            spatial: if is_flat(g) { 2 } else { 3 },
            large: tensor([g.batch, g.large_channels], g.large)?,
            small: tensor([g.batch, g.small_channels], g.small)?,
            weight: tensor([g.small_channels, from_group], g.kernel)?,
            padding: three(g.padding)?,
            stride: three(g.stride)?,
            dilation: three(g.dilation)?,
        })
    }
}

/// Whether the first of three dimensions makes no difference.
fn is_flat(geometry: &Geometry) -> bool {
    let Geometry { large, small, kernel, padding, .. } = geometry;
    [large[0], small[0], kernel[0]] == [1; 3] && padding[0] == 0
}

fn three(sizes: [usize; 3]) -> Option<[c_int; 3]> {
    let [first, second, third] = sizes.map(|size| c_int::try_from(size).ok());
    Some([first?, second?, third?])
}

/// The sizes of a tensor whose elements are all in the reach of cuDNN's strides.
fn tensor(leading: [usize; 2], sizes: [usize; 3]) -> Option<[c_int; 5]> {
    let all = leading.into_iter().chain(sizes).try_fold(1usize, usize::checked_mul)?;
    c_int::try_from(all).ok()?;
    let [batch, channels] = leading.map(|size| c_int::try_from(size).ok());
    let [first, second, third] = three(sizes)?;
    Some([batch?, channels?, first, second, third])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry() -> Geometry {
        Geometry {
            batch: 2,
            groups: 1,
            large_channels: 3,
            small_channels: 4,
            large: [1, 8, 8],
            small: [1, 8, 8],
            kernel: [1, 3, 3],
            stride: [1; 3],
            padding: [0, 1, 1],
            dilation: [1; 3],
        }
    }

    #[test]
    fn one_and_two_dimensions_are_two() {
        let of = |geometry: &Geometry| Problem::of(Product::Small, geometry, DType::F32).map(|problem| problem.spatial);
        assert_eq!(of(&geometry()), Some(2));
        let deep = Geometry { large: [2, 8, 8], small: [2, 8, 8], ..geometry() };
        assert_eq!(of(&deep), Some(3));
    }

    #[test]
    fn what_cudnn_cannot_say_is_none() {
        let of = |geometry: &Geometry, dtype| Problem::of(Product::Large, geometry, dtype);
        assert!(of(&geometry(), DType::I64).is_none());
        // Two zeros before and one behind: an even kernel with padding "same".
        let uneven = Geometry { kernel: [1, 4, 4], ..geometry() };
        assert!(of(&uneven, DType::F32).is_none());
        // An output padding as long as the stride.
        let longer = Geometry { large: [1, 9, 9], ..geometry() };
        assert!(of(&longer, DType::F32).is_none());
        let huge = Geometry { batch: 1 << 26, ..geometry() };
        assert!(of(&huge, DType::F32).is_none());
        assert!(of(&geometry(), DType::F32).is_some());
    }
}
