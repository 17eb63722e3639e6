//! What pooling operations share: windows from options, and the gradients.

use super::common::sizes;
use super::spatial::{per_dim, positive_per_dim, wrong_rank};
use super::{gather, reshape};
use crate::compute::{self, OnPlanes};
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Error, ErrorCode, Result, Tensor, autograd, shape};
use candle_ffi_kernels::pool::Windows;
use std::sync::Arc;

/// A pooling: the windows of every plane.
pub(super) type Pool = Arc<OnPlanes<[Windows; 3]>>;

/// Windows at equal distances, as the options of a pooling say it.
pub(super) struct Grid<const N: usize> {
    kernel: [usize; N],
    stride: [usize; N],
    padding: [usize; N],
    dilation: [usize; N],
    ceil_mode: bool,
}

impl<const N: usize> Grid<N> {
    /// Without a stride it is the size of the kernel.
    pub(super) fn new(
        kernel_size: &[i64],
        stride: Option<&[i64]>,
        padding: &[i64],
        dilation: &[i64],
        ceil_mode: bool,
    ) -> Result<Self> {
        let kernel = positive_per_dim("kernel_size", kernel_size)?;
        let stride = match stride {
            None | Some([]) => kernel,
            Some(stride) => positive_per_dim("stride", stride)?,
        };
        let (padding, dilation) = (per_dim("padding", padding)?, positive_per_dim("dilation", dilation)?);
        let grid = Self { kernel, stride, padding, dilation, ceil_mode };
        if (0..N).any(|d| grid.padding[d] > grid.reach(d) / 2) {
            return Err(Error::argument(format!(
                "padding must be at most half of the kernel's extent, and is {:?} for kernel_size {:?} and dilation {:?}",
                grid.padding, grid.kernel, grid.dilation
            )));
        }
        Ok(grid)
    }

    /// The number of elements from the first to the last of a window.
    fn reach(&self, d: usize) -> usize {
        (self.kernel[d] - 1) * self.dilation[d] + 1
    }

    fn outputs(&self, d: usize, size: usize) -> usize {
        let (stride, padding) = (self.stride[d], self.padding[d]);
        let more = if self.ceil_mode { stride - 1 } else { 0 };
        let Some(room) = (size + 2 * padding + more).checked_sub(self.reach(d)) else { return 0 };
        let count = room / stride + 1;
        // The last window begins inside the input or the padding before it.
        if self.ceil_mode && (count - 1) * stride >= size + padding { count - 1 } else { count }
    }

    /// The windows of this input; averages count the padding with `count_padding`.
    pub(super) fn on(&self, input: &Tensor, count_padding: bool) -> Result<Pool> {
        let dims = spatial_input::<N>(input, true)?;
        let leading = dims.len() - N;
        let outputs: Dims = (0..N).map(|d| self.outputs(d, dims[leading + d])).collect();
        if outputs.contains(&0) {
            return Err(Error::shape(
                format!(
                    "the output of an input of shape {:?} would have no elements: kernel_size {:?}, stride {:?}, padding {:?}, \
                     dilation {:?}",
                    &dims[..],
                    self.kernel,
                    self.stride,
                    self.padding,
                    self.dilation
                ),
                &[&dims],
            ));
        }
        pool(&dims, &outputs, |d, input, output| {
            let options = [self.kernel[d], self.stride[d], self.padding[d], self.dilation[d]];
            Windows::grid(input, output, options, count_padding)
        })
    }

    /// The sizes of which these windows would have made this input: what unpooling gives.
    pub(super) fn unpooled(&self, input: &[usize]) -> Result<[usize; N]> {
        let leading = input.len() - N;
        let mut sizes = [0; N];
        for d in 0..N {
            sizes[d] = input[leading + d]
                .saturating_sub(1)
                .checked_mul(self.stride[d])
                .and_then(|size| size.checked_add(self.kernel[d])?.checked_sub(2 * self.padding[d]))
                .ok_or_else(|| Error::shape(format!("an input of shape {input:?} cannot be unpooled"), &[input]))?;
        }
        Ok(sizes)
    }

    pub(super) fn stride(&self) -> [usize; N] {
        self.stride
    }
}

/// Windows that share each dimension evenly.
pub(super) fn adaptive<const N: usize>(input: &Tensor, output_size: &[i64]) -> Result<Pool> {
    let outputs: [usize; N] = per_dim("output_size", output_size)?;
    let dims = spatial_input::<N>(input, false)?;
    pool(&dims, &outputs, |_, input, output| Windows::adaptive(input, output))
}

/// The shape of an input with `N` spatial dimensions, which are not empty, after perhaps a batch, which may be empty, and
/// channels, which may be empty unless `with_channels`.
fn spatial_input<const N: usize>(input: &Tensor, with_channels: bool) -> Result<Dims> {
    let dims = input.shape();
    if dims.len() != N + 1 && dims.len() != N + 2 {
        return Err(wrong_rank(input, N));
    }
    let first = if with_channels { dims.len() - N - 1 } else { dims.len() - N };
    if dims[first..].contains(&0) {
        return Err(Error::shape(format!("only the batch may be empty, and the shape is {:?}", &dims[..]), &[&dims]));
    }
    Ok(dims)
}

fn pool(dims: &Dims, outputs: &[usize], windows: impl Fn(usize, usize, usize) -> Windows) -> Result<Pool> {
    let leading = dims.len() - outputs.len();
    let mut result = Dims::from_slice(&dims[..leading]);
    result.extend_from_slice(outputs);
    let mut axes = [Windows::single(), Windows::single(), Windows::single()];
    // Where there is nothing there are no windows.
    if !dims.contains(&0) && !result.contains(&0) {
        for (d, &output) in outputs.iter().enumerate() {
            shape::check_allocation(&[output, 3], DType::Int64)?;
            axes[3 - outputs.len() + d] = windows(d, dims[leading + d], output);
        }
    }
    let count = dims[..leading].iter().product();
    Ok(Arc::new(OnPlanes { count, input: dims.clone(), output: result, geometry: axes }))
}

/// The same windows, whose sums are divided by a number.
pub(super) fn divided_by(pool: &Pool, divisor: i64) -> Result<Pool> {
    if divisor == 0 {
        return Err(Error::argument("divisor_override must not be 0"));
    }
    let mut pool = OnPlanes::clone(pool);
    pool.geometry = pool.geometry.map(|axis| axis.with_divisor(1.0));
    pool.geometry[0] = pool.geometry[0].clone().with_divisor(divisor as f64);
    Ok(Arc::new(pool))
}

/// The average of each window.
pub(super) fn average(name: &'static str, input: &Tensor, pool: &Pool) -> Result<Tensor> {
    let value = compute::avg_pool(&input.value(), pool)?;
    Tensor::record(name, value, [input], || {
        let pool = pool.clone();
        move |grad, _| Ok([Some(average_grad(name, grad, &pool)?)])
    })
}

fn average_grad(name: &'static str, grad: &Tensor, pool: &Pool) -> Result<Tensor> {
    let value = compute::avg_pool_grad(&grad.value(), pool)?;
    Tensor::record(name, value, [grad], || {
        let pool = pool.clone();
        move |grad, _| Ok([Some(average(name, grad, &pool)?)])
    })
}

/// The largest element of each window, and the `int64` positions in the planes when they are asked for.
pub(super) fn maximum(
    name: &'static str,
    input: &Tensor,
    pool: &Pool,
    with_indices: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    if pool.inside() > u32::MAX as usize {
        return Err(Error::new(ErrorCode::Unsupported, "planes of 2^32 elements and more are not implemented"));
    }
    let tracked = autograd::is_enabled() && input.requires_grad();
    let (value, places) = compute::max_pool(&input.value(), pool, tracked || with_indices)?;
    let indices =
        places.as_ref().filter(|_| with_indices).map(|places| compute::cast(places, DType::Int64)).transpose()?;
    let output = Tensor::record(name, value, [input], || {
        let pool = pool.clone();
        move |grad, _| {
            let places = places.as_ref().ok_or_else(|| Error::internal("the positions of the maxima were not kept"))?;
            Ok([Some(maximum_grad(name, grad, places, &pool)?)])
        }
    })?;
    Ok((output, indices.map(Tensor::from_value)))
}

fn maximum_grad(name: &'static str, grad: &Tensor, places: &Value, pool: &Pool) -> Result<Tensor> {
    let value = compute::max_pool_grad(&grad.value(), places, pool)?;
    Tensor::record(name, value, [grad], || {
        let (places, pool) = (places.clone(), pool.clone());
        move |grad, _| {
            let places = Tensor::from_value(compute::cast(&places, DType::Int64)?);
            Ok([Some(at_places(grad, &places, pool.count, &pool.output)?)])
        }
    })
}

/// The elements at these positions of their planes, in this shape.
pub(super) fn at_places(planes: &Tensor, places: &Tensor, count: usize, dims: &[usize]) -> Result<Tensor> {
    let flat = |tensor: &Tensor| {
        let each = tensor.num_elements().checked_div(count).unwrap_or(0);
        reshape(tensor, &sizes(&[count, each]))
    };
    reshape(&gather(&flat(planes)?, 1, &flat(places)?)?, &sizes(dims))
}
