//! Descriptors of tensors, filters and convolutions, with the checks that the real ones make.

use std::sync::{Mutex, PoisonError};

use super::{Dnn, refused};
use crate::driver::{Handle, Handles, In, Out, exports};
use crate::libraries::cublas::numbers::Number;

/// `CUDNN_DIM_MAX`.
const MOST_DIMS: usize = 8;

/// A `cudnnTensorDescriptor_t` or `cudnnFilterDescriptor_t`; without dimensions it has not been set.
#[derive(Clone, Default)]
pub(super) struct Array {
    pub number: Option<Number>,
    pub dims: Vec<i64>,
    pub strides: Vec<i64>,
}

/// A `cudnnConvolutionDescriptor_t`.
#[derive(Clone)]
pub(super) struct Convolution {
    pub padding: Vec<i64>,
    pub stride: Vec<i64>,
    pub dilation: Vec<i64>,
    /// The kernel is turned round.
    pub flipped: bool,
    /// `cudnnDataType_t`.
    pub compute: i32,
    /// `cudnnMathType_t`.
    pub math: i32,
    pub groups: i64,
}

impl Default for Convolution {
    fn default() -> Self {
        let nothing = Vec::new;
        let (padding, stride, dilation) = (nothing(), nothing(), nothing());
        Self { padding, stride, dilation, flipped: false, compute: 0, math: 0, groups: 1 }
    }
}

static TENSORS: Handles<Mutex<Array>> = Handles::new();
static FILTERS: Handles<Mutex<Array>> = Handles::new();
static CONVOLUTIONS: Handles<Mutex<Convolution>> = Handles::new();

fn get<T: Clone>(handles: &Handles<Mutex<T>>, handle: Handle, what: &str) -> Result<T, Dnn> {
    let found = handles.get(handle).map_err(|_| refused(Dnn::BAD_PARAM, format!("{what} is no such descriptor")))?;
    Ok(found.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

fn set<T>(handles: &Handles<Mutex<T>>, handle: Handle, change: impl FnOnce(&mut T)) -> Result<(), Dnn> {
    let found = handles.get(handle).map_err(|_| refused(Dnn::BAD_PARAM, "it is no such descriptor"))?;
    change(&mut found.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(())
}

pub(super) fn tensor(handle: Handle) -> Result<Array, Dnn> {
    get(&TENSORS, handle, "a tensor's")
}

pub(super) fn filter(handle: Handle) -> Result<Array, Dnn> {
    get(&FILTERS, handle, "a filter's")
}

pub(super) fn convolution(handle: Handle) -> Result<Convolution, Dnn> {
    get(&CONVOLUTIONS, handle, "a convolution's")
}

/// The `cudnnDataType_t` of numbers that are convolved here; None for the others that there are.
fn number(code: i32) -> Result<Option<Number>, Dnn> {
    match code {
        0 => Ok(Some(Number::F32)),
        1 => Ok(Some(Number::F64)),
        2 => Ok(Some(Number::F16)),
        9 => Ok(Some(Number::Bf16)),
        3..=23 => Ok(None),
        _ => Err(Dnn::BAD_PARAM),
    }
}

fn numbers(from: In<i32>, count: usize) -> Result<Vec<i64>, Dnn> {
    (0..count).map(|at| Ok(from.get(at)?.into())).collect()
}

/// Sizes of an array, all of whose elements an `int` counts.
fn sizes(of: &str, dims: In<i32>, count: i32) -> Result<Vec<i64>, Dnn> {
    let count = usize::try_from(count).map_err(|_| Dnn::BAD_PARAM)?;
    if count > MOST_DIMS {
        return Err(Dnn::NOT_SUPPORTED);
    }
    let dims = numbers(dims, count)?;
    if let Some(at) = dims.iter().position(|size| *size <= 0) {
        let told = format!("{of} dimension {at} has invalid size {} (must be > 0).", dims[at]);
        return Err(refused(Dnn::BAD_PARAM, told));
    }
    Ok(dims)
}

exports! {
    panic = 4000, error = Dnn;

    fn cudnnCreateTensorDescriptor(out: Out<Handle>) {
        out.set(TENSORS.add(Mutex::default()))?;
        Ok(())
    }

    fn cudnnDestroyTensorDescriptor(handle: Handle) {
        TENSORS.remove(handle).map_err(|_| Dnn::BAD_PARAM)?;
        Ok(())
    }

    fn cudnnSetTensorNdDescriptor(handle: Handle, data: i32, count: i32, dims: In<i32>, strides: In<i32>) {
        let number = number(data)?;
        let dims = sizes("Tensor", dims, count)?;
        let strides = numbers(strides, dims.len())?;
        for (at, (size, stride)) in dims.iter().zip(&strides).enumerate() {
            if *stride == 0 && *size != 1 {
                let told = format!("Tensor dimension {at} has stride 0 but size {size}");
                return Err(refused(Dnn::BAD_PARAM, told));
            }
        }
        let reach: i128 = dims.iter().zip(&strides).map(|(size, stride)| i128::from(size - 1) * i128::from(*stride)).sum();
        if reach >= i128::from(i32::MAX) {
            return Err(Dnn::NOT_SUPPORTED);
        }
        set(&TENSORS, handle, |array| *array = Array { number, dims, strides })
    }

    fn cudnnCreateFilterDescriptor(out: Out<Handle>) {
        out.set(FILTERS.add(Mutex::default()))?;
        Ok(())
    }

    fn cudnnDestroyFilterDescriptor(handle: Handle) {
        FILTERS.remove(handle).map_err(|_| Dnn::BAD_PARAM)?;
        Ok(())
    }

    fn cudnnSetFilterNdDescriptor(handle: Handle, data: i32, format: i32, count: i32, dims: In<i32>) {
        let number = number(data)?;
        if !(0..=2).contains(&format) {
            return Err(refused(Dnn::BAD_PARAM, format!("Unsupported tensor format {format} for filter descriptor.")));
        }
        if count <= 2 {
            let told = format!("Filter descriptor requires more than 2 dimensions, but got nbDims = {count}.");
            return Err(refused(Dnn::BAD_PARAM, told));
        }
        let dims = sizes("Filter", dims, count)?;
        // The other formats hold the channels last, or in packs.
        let number = if format == 0 { number } else { None };
        let mut strides = vec![1; dims.len()];
        for at in (1..dims.len()).rev() {
            strides[at - 1] = strides[at] * dims[at];
        }
        set(&FILTERS, handle, |array| *array = Array { number, dims, strides })
    }

    fn cudnnCreateConvolutionDescriptor(out: Out<Handle>) {
        out.set(CONVOLUTIONS.add(Mutex::default()))?;
        Ok(())
    }

    fn cudnnDestroyConvolutionDescriptor(handle: Handle) {
        CONVOLUTIONS.remove(handle).map_err(|_| Dnn::BAD_PARAM)?;
        Ok(())
    }

    fn cudnnSetConvolutionNdDescriptor(
        handle: Handle, count: i32, padding: In<i32>, stride: In<i32>, dilation: In<i32>, mode: i32, compute: i32,
    ) {
        let count = usize::try_from(count).map_err(|_| Dnn::BAD_PARAM)?;
        if count > MOST_DIMS - 2 {
            return Err(Dnn::NOT_SUPPORTED);
        }
        let (padding, stride, dilation) = (numbers(padding, count)?, numbers(stride, count)?, numbers(dilation, count)?);
        for (what, values, least) in [("padding", &padding, 0), ("stride", &stride, 1), ("dilation", &dilation, 1)] {
            if let Some(at) = values.iter().position(|value| *value < least) {
                let told = format!("Convolution {what}[{at}] = {} must be at least {least}.", values[at]);
                return Err(refused(Dnn::BAD_PARAM, told));
            }
        }
        if !(0..=1).contains(&mode) {
            return Err(refused(Dnn::BAD_PARAM, format!("Invalid convolution mode {mode}.")));
        }
        if !matches!(compute, 0 | 1 | 2 | 4 | 14) {
            return Err(refused(Dnn::BAD_PARAM, format!("Unsupported convolution compute type {compute}.")));
        }
        set(&CONVOLUTIONS, handle, |convolution| {
            *convolution =
                Convolution { padding, stride, dilation, flipped: mode == 0, compute, ..convolution.clone() };
        })
    }

    fn cudnnSetConvolutionMathType(handle: Handle, math: i32) {
        if !(0..=3).contains(&math) {
            return Err(refused(Dnn::BAD_PARAM, format!("Invalid math type {math}.")));
        }
        set(&CONVOLUTIONS, handle, |convolution| convolution.math = math)
    }

    fn cudnnSetConvolutionGroupCount(handle: Handle, groups: i32) {
        if groups < 1 {
            return Err(refused(Dnn::BAD_PARAM, format!("Convolution group count must be >= 1, but got {groups}.")));
        }
        set(&CONVOLUTIONS, handle, |convolution| convolution.groups = groups.into())
    }
}
