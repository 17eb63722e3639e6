//! Convolutions, as the three products of their two sides and the weight.
//!
//! [`crate::cudnn`] computes them where it can. Else patches become columns, and cuBLAS multiplies, for as many images at
//! once as the columns have room. Groups of very few channels go the direct way, always, and kernels of one element need
//! no columns.

use crate::array::{address, device, empty};
use crate::copy::{contiguous, in_dtype};
use crate::cudnn::{self, Product};
use crate::gemm::{Gemm, Matrix};
use crate::launch::Launch;
use crate::matmul::fill_rows;
use crate::{ptx, wide};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Result, Tensor};
use candle_ffi_kernels::conv::Geometry;

/// The memory of columns.
const ROOM: usize = 256 << 20;

/// Groups with so many weights of one tap, or fewer, go the direct way.
const FEW_WEIGHTS: usize = 4;

/// `Sizes` in conv.cu.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    groups: i32,
    large_channels: i32,
    small_channels: i32,
    large: [i32; 3],
    small: [i32; 3],
    kernel: [i32; 3],
    stride: [i32; 3],
    padding: [i32; 3],
    dilation: [i32; 3],
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Sizes {}

/// `Columns` in conv.cu.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) channels: i32,
    pub(crate) first_channel: i32,
    pub(crate) positions: i32,
    pub(crate) first_position: i32,
    pub(crate) image: usize,
    pub(crate) row: usize,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Columns {}

/// A convolution whose sizes fit the kernels.
struct Conv<'a> {
    geometry: &'a Geometry,
    sizes: Sizes,
    device: &'a CudaDevice,
    dtype: DType,
    /// Of a group: channels on either side.
    from: usize,
    to: usize,
    taps: usize,
    /// Elements of a channel on either side.
    large: usize,
    small: usize,
    /// Bytes of columns at most, unless the least part of a product needs more.
    room: usize,
}

/// Channels of the large side, of all groups or of a part of one.
struct Part {
    first_group: usize,
    groups: usize,
    /// In each of the groups.
    first: usize,
    channels: usize,
}

/// The small side of the large one, of shape `dims`; `bias` is added to each channel. None for dtypes without a kernel.
pub fn conv(
    geometry: &Geometry,
    large: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    dims: &[usize],
) -> Result<Option<Tensor>> {
    let Some(conv) = Conv::new(geometry, large, weight)? else { return Ok(None) };
    let (large, weight, bias) = (contiguous(large)?, contiguous(weight)?, bias.map(contiguous).transpose()?);
    let out = empty(conv.device, dims, conv.dtype)?;
    if out.elem_count() == 0 {
        return Ok(Some(out));
    }
    if conv.is_direct() {
        conv.direct("conv_to_small", [&large, &weight], bias.as_ref(), &out)?;
        return Ok(Some(out));
    }
    let empty_sum = conv.from * conv.taps == 0;
    if !empty_sum && cudnn::conv(Product::Small, geometry, [&large, &weight], bias.as_ref(), &out)? {
        return Ok(Some(out));
    }
    if bias.is_some() || empty_sum {
        fill_rows(bias.as_ref(), &out, conv.small, geometry.small_channels)?;
    }
    if !empty_sum {
        conv.forward(&large, &weight, &out, if bias.is_some() { 1.0 } else { 0.0 })?;
    }
    Ok(Some(out))
}

/// The large side of the small one, of shape `dims`: the transpose of [`conv`].
pub fn conv_transpose(
    geometry: &Geometry,
    small: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    dims: &[usize],
) -> Result<Option<Tensor>> {
    let Some(conv) = Conv::new(geometry, small, weight)? else { return Ok(None) };
    let (small, weight, bias) = (contiguous(small)?, contiguous(weight)?, bias.map(contiguous).transpose()?);
    let out = empty(conv.device, dims, conv.dtype)?;
    if out.elem_count() == 0 {
        return Ok(Some(out));
    }
    if small.elem_count() == 0 || weight.elem_count() == 0 {
        fill_rows(bias.as_ref(), &out, conv.large, geometry.large_channels)?;
    } else if conv.is_direct() {
        conv.direct("conv_to_large", [&small, &weight], bias.as_ref(), &out)?;
    } else if !cudnn::conv(Product::Large, geometry, [&weight, &small], bias.as_ref(), &out)? {
        conv.transpose(&small, &weight, bias.as_ref(), &out)?;
    }
    Ok(Some(out))
}

/// The gradient of the weight, of shape `dims`, from both sides.
pub fn conv_weight_grad(geometry: &Geometry, large: &Tensor, small: &Tensor, dims: &[usize]) -> Result<Option<Tensor>> {
    let Some(conv) = Conv::new(geometry, large, small)? else { return Ok(None) };
    let (large, small) = (contiguous(large)?, contiguous(small)?);
    let lengths = [large.elem_count(), small.elem_count(), dims.iter().product()];
    if cudnn::is_wanted() && !conv.is_direct() && !lengths.contains(&0) {
        let out = empty(conv.device, dims, conv.dtype)?;
        if cudnn::conv(Product::Weight, geometry, [&large, &small], None, &out)? {
            return Ok(Some(out));
        }
    }
    let dtype = if conv.is_direct() { conv.dtype } else { conv.wide() };
    let out = empty(conv.device, dims, dtype)?;
    if out.elem_count() == 0 {
        return Ok(Some(empty(conv.device, dims, conv.dtype)?));
    }
    if large.elem_count() == 0 || small.elem_count() == 0 {
        fill_rows(None, &out, 1, 1)?;
    } else if conv.is_direct() {
        let count = out.elem_count();
        let mut launch = Launch::of(conv.device, ptx::CONV, "conv_to_weight", dtype)?;
        launch.tensor(&large)?.tensor(&small)?.tensor(&out)?.value(conv.sizes).value(geometry.batch).value(count);
        // SAFETY: as the kernel is declared; lengths are those of the geometry.
        unsafe { launch.run([count.min(1 << 16) as u32, 1, 1], [256, 1, 1], 0) }?;
    } else {
        conv.weight_grad(&large, &small, &out)?;
    }
    Ok(Some(in_dtype(&out, conv.dtype)?))
}

fn volume(sizes: [usize; 3]) -> usize {
    sizes.iter().product()
}

impl<'a> Conv<'a> {
    /// None where the dtype has no kernels, or a number is too large for them.
    fn new(geometry: &'a Geometry, first: &'a Tensor, second: &Tensor) -> Result<Option<Self>> {
        let dtype = first.dtype();
        let float = matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64);
        if !float || second.dtype() != dtype {
            return Ok(None);
        }
        let Some(sizes) = Sizes::of(geometry) else { return Ok(None) };
        Ok(Some(Self {
            geometry,
            sizes,
            device: device(first)?,
            dtype,
            from: geometry.large_channels / geometry.groups,
            to: geometry.small_channels / geometry.groups,
            taps: volume(geometry.kernel),
            large: volume(geometry.large),
            small: volume(geometry.small),
            room: ROOM,
        }))
    }

    /// In which sums are kept that are not a single product's.
    fn wide(&self) -> DType {
        wide(self.dtype)
    }

    fn is_direct(&self) -> bool {
        self.geometry.groups > 1 && self.from * self.to <= FEW_WEIGHTS
    }

    /// Whether the large side is its own matrix of columns.
    fn is_pointwise(&self) -> bool {
        let Geometry { kernel, stride, padding, .. } = self.geometry;
        kernel == &[1; 3] && stride == &[1; 3] && padding == &[0; 3]
    }

    fn direct(&self, name: &'static str, inputs: [&Tensor; 2], bias: Option<&Tensor>, out: &Tensor) -> Result<()> {
        let mut launch = Launch::of(self.device, ptx::CONV, name, self.dtype)?;
        launch.tensor(inputs[0])?.tensor(inputs[1])?.optional(bias)?.tensor(out)?.value(self.sizes);
        // SAFETY: as the kernels are declared; lengths are those of the geometry.
        unsafe { launch.over(out.elem_count()) }
    }

    /// How many images' columns there is room for, where one takes so many elements; at least one.
    fn images(&self, each: usize, dtype: DType) -> usize {
        (self.room / (each * dtype.size_in_bytes()).max(1)).clamp(1, self.geometry.batch.max(1))
    }

    /// The channels of the large side in parts whose columns for one image have room.
    fn parts(&self, positions: usize, dtype: DType) -> Vec<Part> {
        let groups = self.geometry.groups;
        let most = (self.room / (self.taps * positions * dtype.size_in_bytes()).max(1)).max(1);
        if groups * self.from <= most {
            return vec![Part { first_group: 0, groups, first: 0, channels: self.from }];
        }
        let of_group = |first_group: usize| {
            (0..self.from).step_by(most).map(move |first| Part {
                first_group,
                groups: 1,
                first,
                channels: most.min(self.from - first),
            })
        };
        (0..groups).flat_map(of_group).collect()
    }

    /// The columns of a part of the large side's channels and of the small side's positions, for some images.
    fn columns(&self, large: &Tensor, first_image: usize, images: usize, of: Columns, to: &Tensor) -> Result<()> {
        let count = images * of.channels as usize * of.positions as usize;
        let image = self.geometry.large_channels * self.large;
        let mut launch = Launch::of(self.device, ptx::CONV, "conv_to_columns", self.dtype)?;
        let from = address(large)? + (first_image * image * self.dtype.size_in_bytes()) as u64;
        launch.value(from).tensor(to)?.value(self.sizes).value(of);
        // SAFETY: as the kernel is declared; images, channels and positions are inside of the sides, and the columns
        // have room for them.
        unsafe { launch.over(count) }
    }

    fn forward(&self, large: &Tensor, weight: &Tensor, out: &Tensor, keep: f64) -> Result<()> {
        let Geometry { batch, groups, large_channels, small_channels, .. } = *self.geometry;
        let (rows, inner) = (large_channels * self.taps, self.from * self.taps);
        let weights = Side::new(Matrix::rows(address(weight)?, inner), 0, self.to * inner);
        let into =
            Side::new(Matrix::rows(address(out)?, self.small), small_channels * self.small, self.to * self.small);
        let gemm = |positions: usize| Gemm { keep, ..Gemm::new([self.to, positions, inner], self.dtype) };
        if self.is_pointwise() {
            let columns = Matrix::rows(address(large)?, self.large);
            let columns = Side::new(columns, large_channels * self.large, inner * self.large);
            return self.products(gemm(self.small), [batch, groups], weights, columns, into);
        }
        let most = self.images(rows * self.small, self.dtype);
        // Where not even one image has room, its positions are taken in parts.
        let positions = if most > 1 { self.small } else { self.room / (rows * self.dtype.size_in_bytes()) };
        let positions = positions.clamp(1, self.small);
        let columns = empty(self.device, most * rows * positions, self.dtype)?;
        for first in (0..batch).step_by(most) {
            let images = most.min(batch - first);
            for start in (0..self.small).step_by(positions) {
                let count = positions.min(self.small - start);
                let of = Columns {
                    channels: large_channels as i32,
                    first_channel: 0,
                    positions: count as i32,
                    first_position: start as i32,
                    image: rows * count,
                    row: count,
                };
                self.columns(large, first, images, of, &columns)?;
                let from = Side::new(Matrix::rows(address(&columns)?, count), rows * count, inner * count);
                let into = into.after(first * small_channels * self.small + start, self.dtype);
                self.products(gemm(count), [images, groups], weights, from, into)?;
            }
        }
        Ok(())
    }

    fn transpose(&self, small: &Tensor, weight: &Tensor, bias: Option<&Tensor>, out: &Tensor) -> Result<()> {
        let Geometry { batch, large_channels, small_channels, .. } = *self.geometry;
        let wide = self.wide();
        // Columns that become halves only after they have been added up are rounded once.
        let most = self.images(large_channels * self.taps * self.small, wide);
        let parts = self.parts(self.small, wide);
        let largest = parts.iter().map(|part| part.groups * part.channels).max().unwrap_or(0);
        let columns = empty(self.device, most * largest * self.taps * self.small, wide)?;
        for first in (0..batch).step_by(most) {
            let images = most.min(batch - first);
            for part in &parts {
                let (channels, rows) = (part.groups * part.channels, part.channels * self.taps);
                let of = Columns {
                    channels: channels as i32,
                    first_channel: (part.first_group * self.from + part.first) as i32,
                    positions: self.small as i32,
                    first_position: 0,
                    image: channels * self.taps * self.small,
                    row: self.small,
                };
                let inner = self.from * self.taps;
                let weights = Matrix::columns(address(weight)?, inner)
                    .after(part.first_group * self.to * inner + part.first * self.taps, self.dtype);
                let from = Matrix::rows(address(small)?, self.small)
                    .after((first * small_channels + part.first_group * self.to) * self.small, self.dtype);
                let gemm = Gemm { result: wide, ..Gemm::new([rows, self.small, self.to], self.dtype) };
                self.products(
                    gemm,
                    [images, part.groups],
                    Side::new(weights, 0, self.to * inner),
                    Side::new(from, small_channels * self.small, self.to * self.small),
                    Side::new(Matrix::rows(address(&columns)?, self.small), of.image, rows * self.small),
                )?;
                let to = address(out)? + (first * large_channels * self.large * self.dtype.size_in_bytes()) as u64;
                let mut launch = Launch::of(self.device, ptx::CONV, "conv_from_columns", self.dtype)?;
                launch.tensor(&columns)?.optional(bias)?.value(to).value(self.sizes).value(of);
                // SAFETY: as the kernel is declared; the columns are those of these images and channels.
                unsafe { launch.over(images * channels * self.large) }?;
            }
        }
        Ok(())
    }

    /// Adds up in the wide dtype.
    fn weight_grad(&self, large: &Tensor, small: &Tensor, out: &Tensor) -> Result<()> {
        let Geometry { batch, large_channels, small_channels, .. } = *self.geometry;
        let most = self.images(large_channels * self.taps * self.small, self.dtype);
        let parts = self.parts(self.small, self.dtype);
        let largest = parts.iter().map(|part| part.groups * part.channels).max().unwrap_or(0);
        let columns = empty(self.device, most * largest * self.taps * self.small, self.dtype)?;
        let small = small.reshape((batch, small_channels, self.small))?;
        for first in (0..batch).step_by(most) {
            let images = most.min(batch - first);
            // Channels first, so that images and positions are one long sum.
            let small = contiguous(&small.narrow(0, first, images)?.transpose(0, 1)?)?;
            let long = images * self.small;
            for part in &parts {
                let (channels, rows) = (part.groups * part.channels, part.channels * self.taps);
                let of = Columns {
                    channels: channels as i32,
                    first_channel: (part.first_group * self.from + part.first) as i32,
                    positions: self.small as i32,
                    first_position: 0,
                    image: self.small,
                    row: long,
                };
                self.columns(large, first, images, of, &columns)?;
                let inner = self.from * self.taps;
                let keep = if first == 0 { 0.0 } else { 1.0 };
                let gemm = Gemm { keep, result: out.dtype(), ..Gemm::new([self.to, rows, long], self.dtype) };
                let from = Matrix::rows(address(&small)?, long).after(part.first_group * self.to * long, self.dtype);
                let into = Matrix::rows(address(out)?, inner)
                    .after(part.first_group * self.to * inner + part.first * self.taps, out.dtype());
                self.products(
                    gemm,
                    [1, part.groups],
                    Side::new(from, 0, self.to * long),
                    Side::new(Matrix::columns(address(&columns)?, long), 0, rows * long),
                    Side::new(into, 0, self.to * inner),
                )?;
            }
        }
        Ok(())
    }

    /// The products of all images and groups, in as few calls as it takes.
    fn products(&self, gemm: Gemm, [images, groups]: [usize; 2], lhs: Side, rhs: Side, out: Side) -> Result<()> {
        let by_image = groups <= images;
        let (calls, batch) = if by_image { (groups, images) } else { (images, groups) };
        let gemm = Gemm { batch, ..gemm };
        let of = |side: Side, call: usize, dtype: DType| {
            let (each, step) = if by_image { (side.group, side.image) } else { (side.image, side.group) };
            side.matrix.after(call * each, dtype).every(step)
        };
        for call in 0..calls {
            // SAFETY: sizes and strides are those of the sides and the columns.
            unsafe {
                gemm.run(self.device, of(lhs, call, gemm.dtype), of(rhs, call, gemm.dtype), of(out, call, gemm.result))
            }?;
        }
        Ok(())
    }
}

/// A matrix for each image and group.
#[derive(Clone, Copy)]
struct Side {
    matrix: Matrix,
    /// Elements from one image to the next, and from one group to the next.
    image: usize,
    group: usize,
}

impl Side {
    fn new(matrix: Matrix, image: usize, group: usize) -> Self {
        Self { matrix, image, group }
    }

    fn after(self, elements: usize, dtype: DType) -> Self {
        Self { matrix: self.matrix.after(elements, dtype), ..self }
    }
}

impl Sizes {
    pub(crate) fn of(geometry: &Geometry) -> Option<Self> {
        let number = |size: usize| i32::try_from(size).ok();
        let three = |sizes: [usize; 3]| Some([number(sizes[0])?, number(sizes[1])?, number(sizes[2])?]);
        // The furthest that the kernels' arithmetic goes in each dimension, and in a channel.
        for d in 0..3 {
            let reach = geometry.kernel[d].checked_mul(geometry.dilation[d])?.checked_add(geometry.large[d])?;
            number(reach.checked_add(geometry.padding[d])?.checked_add(geometry.stride[d])?)?;
            number(geometry.small[d].checked_mul(geometry.stride[d])?.checked_add(reach)?)?;
        }
        for sizes in [geometry.large, geometry.small, geometry.kernel] {
            number(sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size))?)?;
        }
        Some(Self {
            groups: number(geometry.groups)?,
            large_channels: number(geometry.large_channels)?,
            small_channels: number(geometry.small_channels)?,
            large: three(geometry.large)?,
            small: three(geometry.small)?,
            kernel: three(geometry.kernel)?,
            stride: three(geometry.stride)?,
            padding: three(geometry.padding)?,
            dilation: three(geometry.dilation)?,
        })
    }
}

#[cfg(test)]
mod tests;
