//! What three descriptors of arrays and one of a convolution ask for, if they fit together.

use super::description::{Array, Convolution};
use super::{Dnn, refused};
use crate::libraries::cublas::numbers::Number;

/// Which of the three is the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// `y`, of `cudnnConvolutionForward`.
    Forward,
    /// `dx`, of `cudnnConvolutionBackwardData`.
    BackwardData,
    /// `dw`, of `cudnnConvolutionBackwardFilter`.
    BackwardFilter,
}

/// A convolution of three spatial dimensions; one of two has sizes of 1 before.
#[derive(Clone)]
pub(super) struct Problem {
    pub product: Product,
    pub number: Number,
    /// `cudnnMathType_t`.
    pub math: i32,
    pub flipped: bool,
    pub groups: usize,
    /// 2 or 3.
    pub spatial: usize,
    pub x: Array,
    pub w: Array,
    pub y: Array,
    pub padding: [i64; 3],
    pub stride: [i64; 3],
    pub dilation: [i64; 3],
}

/// The last three of the numbers of two or three dimensions, with another before where there are two.
fn three(values: &[i64], otherwise: i64) -> [i64; 3] {
    let mut all = [otherwise; 3];
    all[3 - values.len()..].copy_from_slice(values);
    all
}

/// Sizes and strides of five dimensions.
fn five(array: &Array) -> Array {
    if array.dims.len() == 5 {
        return array.clone();
    }
    let with = |values: &[i64], between: i64| [&values[..2], &[between], &values[2..]].concat();
    Array { number: array.number, dims: with(&array.dims, 1), strides: with(&array.strides, 1) }
}

impl Problem {
    pub(super) fn new(product: Product, x: &Array, w: &Array, y: &Array, of: &Convolution) -> Result<Self, Dnn> {
        let bad = |why: &str| Err(refused(Dnn::BAD_PARAM, why));
        let rank = x.dims.len();
        if rank != y.dims.len() {
            return bad("x and y have different numbers of dimensions");
        }
        if rank != w.dims.len() {
            return bad("x and w have different numbers of dimensions");
        }
        if rank < 3 {
            return bad("x has fewer than three dimensions");
        }
        if of.padding.len() + 2 != rank {
            return bad("convDesc->arrayLength != (filterDesc->nbDims - 2)");
        }
        if x.dims[1] != of.groups * w.dims[1] {
            return bad("inputTensorDesc->dimA[1] != convDesc->groupCount * filterDesc->dimA[1]");
        }
        if w.dims[0] % of.groups != 0 || y.dims[1] % of.groups != 0 {
            return bad("the channels of the output are no multiple of the groups");
        }
        if x.dims[0] != y.dims[0] || w.dims[0] != y.dims[1] {
            return bad("y is of another batch, or of other channels, than x and w give");
        }
        if x.number != w.number || x.number != y.number {
            return bad("x, w and y are of different types");
        }
        if !(4..=5).contains(&rank) {
            return Err(refused(Dnn::NOT_SUPPORTED, "convolutions are of two or three dimensions"));
        }
        for (at, spatial) in (2..rank).enumerate() {
            let reach = (w.dims[spatial] - 1) * of.dilation[at];
            let steps = x.dims[spatial] + 2 * of.padding[at] - reach - 1;
            if steps < 0 {
                return bad("the filter is larger than the padded input");
            }
            if steps / of.stride[at] + 1 != y.dims[spatial] {
                return Err(refused(Dnn::NOT_SUPPORTED, "y is of other sizes than the convolution gives"));
            }
        }
        if [x, w, y].iter().any(|array| array.strides.iter().any(|stride| *stride < 0)) {
            return Err(refused(Dnn::NOT_SUPPORTED, "a stride is negative"));
        }
        let Some(number) = x.number else { return Err(Dnn::NOT_SUPPORTED_DATA_TYPE) };
        // FLOAT_CONFIG, DOUBLE_CONFIG, PSEUDO_HALF_CONFIG, PSEUDO_BFLOAT16_CONFIG. Sums in halves are not emulated.
        let computed = if number == Number::F64 { 1 } else { 0 };
        if of.compute != computed {
            let told = format!("{} is not convolved in type {}", number.name(), of.compute);
            return Err(refused(Dnn::NOT_SUPPORTED_DATA_TYPE, told));
        }
        Ok(Self {
            product,
            number,
            math: of.math,
            flipped: of.flipped,
            groups: of.groups as usize,
            spatial: rank - 2,
            x: five(x),
            w: five(w),
            y: five(y),
            padding: three(&of.padding, 0),
            stride: three(&of.stride, 1),
            dilation: three(&of.dilation, 1),
        })
    }

    /// The two that are read, and the one that is written.
    pub(super) fn arrays(&self) -> [&Array; 3] {
        match self.product {
            Product::Forward => [&self.x, &self.w, &self.y],
            Product::BackwardData => [&self.w, &self.y, &self.x],
            Product::BackwardFilter => [&self.x, &self.y, &self.w],
        }
    }
}
