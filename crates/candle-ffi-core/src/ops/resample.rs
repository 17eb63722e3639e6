//! Resampling of spatial dimensions to other sizes.

use super::pool::adaptive;
use super::spatial::per_dim;
use super::to_dtype;
use crate::compute::{self, OnPlanes};
use crate::shape::{self, Dims};
use crate::{DType, Error, InterpolateMode, Result, Tensor, autocast};
use candle_ffi_kernels::resample::Taps;
use std::sync::Arc;

/// A resampling: the elements that each output is made of.
pub(super) type Resampling = Arc<OnPlanes<[Taps; 3]>>;

/// The input with its spatial dimensions resampled to another size.
///
/// The input is `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`, and the result has `size`, or its own size times
/// `scale_factor` rounded down; either is one number, or one for each spatial dimension. `mode` is how elements are made of
/// their neighbours: the nearest one (`nearest` as PyTorch rounds it, `nearest-exact` as others do), linearly (`linear` for
/// one, `bilinear` for two, `trilinear` for three dimensions), with cubics (`bicubic`, two dimensions), or the average of an
/// `area`. With `align_corners` the centres of the corner elements stay where they are. Places are computed with
/// `scale_factor` itself unless `recompute_scale_factor`. With `antialias`, `bilinear` and `bicubic` of two dimensions average
/// what a smaller result leaves out. Differentiable.
///
/// # Defaults
/// size = None, scale_factor = None, mode = nearest, align_corners = None, recompute_scale_factor = None, antialias = False
///
/// # Errors
/// `Shape` for an input of a rank that the mode does not have and for sizes of 0, `InvalidArgument` for none or both of `size`
/// and `scale_factor` and for options that the mode does not have, `DType` for integers (but for `uint8` with `nearest`).
///
/// # PyTorch
/// `torch.nn.functional.interpolate`
///
/// # Examples
/// ```python
/// >>> x = cf.tensor([[[1.0, 2.0]]])
/// >>> cf.nn.functional.interpolate(x, scale_factor=2.0)
/// tensor([[[1., 1., 2., 2.]]])
/// >>> cf.nn.functional.interpolate(x, 3, mode="linear", align_corners=True)
/// tensor([[[1.0000, 1.5000, 2.0000]]])
/// ```
pub fn interpolate(
    input: &Tensor,
    size: Option<&[i64]>,
    scale_factor: Option<&[f64]>,
    mode: InterpolateMode,
    align_corners: Option<bool>,
    recompute_scale_factor: Option<bool>,
    antialias: bool,
) -> Result<Tensor> {
    // Areas are averaged, which `adaptive_avg_pool3d` does in float32 on the CPU.
    let class = match mode {
        InterpolateMode::Area => (input.rank() == 5).then_some(autocast::FLOAT32_ON_CPU),
        _ => Some(autocast::FLOAT32_ON_GPU),
    };
    if let Some(cast) = class.and_then(|class| autocast::enter(class, &[input])) {
        return interpolate(
            &cast.of(input)?,
            size,
            scale_factor,
            mode,
            align_corners,
            recompute_scale_factor,
            antialias,
        );
    }
    check_mode(input, mode, align_corners, antialias)?;
    let dims = input.shape();
    let (spatial, recompute) = (&dims[2..], recompute_scale_factor == Some(true));
    if recompute && size.is_some() {
        return Err(Error::argument("recompute_scale_factor is not meaningful with an explicit size"));
    }
    let (sizes, scales) = match spatial.len() {
        1 => target::<1>(&dims, size, scale_factor)?,
        2 => target::<2>(&dims, size, scale_factor)?,
        _ => target::<3>(&dims, size, scale_factor)?,
    };
    if dims[1..].contains(&0) || sizes.contains(&0) {
        return Err(Error::shape(
            format!(
                "sizes must be greater than 0, and the input of shape {:?} is to become {:?}",
                &dims[..],
                &sizes[..]
            ),
            &[&dims, &sizes],
        ));
    }
    if mode == InterpolateMode::Area {
        let sizes = super::common::sizes(&sizes);
        return match spatial.len() {
            1 => super::pool::average("interpolate", input, &adaptive::<1>(input, &sizes)?),
            2 => super::pool::average("interpolate", input, &adaptive::<2>(input, &sizes)?),
            _ => super::pool::average("interpolate", input, &adaptive::<3>(input, &sizes)?),
        };
    }
    let nearest = matches!(mode, InterpolateMode::Nearest | InterpolateMode::NearestExact);
    if nearest && input.dtype() == DType::UInt8 {
        let single = to_dtype(input, DType::Float32)?;
        let result = interpolate(&single, size, scale_factor, mode, None, recompute_scale_factor, false)?;
        return to_dtype(&result, DType::UInt8);
    }
    let rule = Rule {
        mode,
        align_corners: align_corners == Some(true),
        antialias,
        double: input.dtype() == DType::Float64,
        planar: spatial.len() == 2,
    };
    let plan = resampling(&dims, &sizes, |d, input, output| {
        rule.taps(input, output, scales.as_ref().filter(|_| !recompute).map(|scales| scales[d]))
    })?;
    resampled("interpolate", input, &plan)
}

fn check_mode(input: &Tensor, mode: InterpolateMode, align_corners: Option<bool>, antialias: bool) -> Result<()> {
    let rank = input.rank();
    let ranks = match mode {
        InterpolateMode::Linear => 3..=3,
        InterpolateMode::Bilinear | InterpolateMode::Bicubic => 4..=4,
        InterpolateMode::Trilinear => 5..=5,
        _ => 3..=5,
    };
    if !ranks.contains(&rank) {
        let needs = if ranks.start() == ranks.end() { format!("{}", ranks.start()) } else { "3, 4 or 5".to_owned() };
        return Err(Error::shape(
            format!("this mode needs an input of {needs} dimensions, and its shape is {:?}", input.dims()),
            &[&input.dims()],
        ));
    }
    let weighted = !matches!(mode, InterpolateMode::Nearest | InterpolateMode::NearestExact | InterpolateMode::Area);
    if align_corners.is_some() && !weighted {
        return Err(Error::argument(
            "align_corners can only be set with the modes linear, bilinear, bicubic and trilinear",
        ));
    }
    if antialias && !matches!(mode, InterpolateMode::Bilinear | InterpolateMode::Bicubic) {
        return Err(Error::argument("antialias is only for the modes bilinear and bicubic"));
    }
    Ok(())
}

/// The sizes of the result, and the factors where these were given.
fn target<const N: usize>(
    dims: &[usize],
    size: Option<&[i64]>,
    scale_factor: Option<&[f64]>,
) -> Result<(Dims, Option<Vec<f64>>)> {
    match (size, scale_factor) {
        (Some(size), None) => Ok((per_dim::<N>("size", size)?.into_iter().collect(), None)),
        (None, Some(factors)) => {
            let wrong = || Error::argument(format!("scale_factor takes one number or {N}, and is {factors:?}"));
            let factors: [f64; N] = match *factors {
                [one] => [one; N],
                _ => factors.try_into().map_err(|_| wrong())?,
            };
            let scaled = |(&size, factor): (&usize, &f64)| (size as f64 * factor).floor();
            let sizes: Vec<f64> = dims[2..].iter().zip(&factors).map(scaled).collect();
            if sizes.iter().any(|size| !(0.0..=f64::from(i32::MAX)).contains(size)) {
                return Err(Error::shape(
                    format!("an input of shape {dims:?} cannot be scaled by {factors:?}"),
                    &[dims],
                ));
            }
            Ok((sizes.into_iter().map(|size| size as usize).collect(), Some(factors.to_vec())))
        }
        (None, None) => Err(Error::argument("either size or scale_factor must be given")),
        (Some(_), Some(_)) => Err(Error::argument("only one of size and scale_factor must be given")),
    }
}

/// How places and weights of a mode are computed: in the precision of the tensor, as PyTorch does, since a place that is
/// rounded the other way is another element.
struct Rule {
    mode: InterpolateMode,
    align_corners: bool,
    antialias: bool,
    double: bool,
    /// Of two dimensions, for which PyTorch has rules of its own.
    planar: bool,
}

impl Rule {
    fn round(&self, value: f64) -> f64 {
        if self.double { value } else { f64::from(value as f32) }
    }

    /// The distance in the input between neighbours of the output.
    fn step(&self, input: usize, output: usize, scale: Option<f64>) -> f64 {
        if self.align_corners {
            let gaps = output.saturating_sub(1);
            return if gaps == 0 { 0.0 } else { self.round((input - 1) as f64 / gaps as f64) };
        }
        self.round(scale.filter(|scale| *scale > 0.0).map_or(input as f64 / output as f64, |scale| 1.0 / scale))
    }

    fn taps(&self, input: usize, output: usize, scale: Option<f64>) -> Taps {
        let step = self.step(input, output, scale);
        if self.antialias {
            return self.averaging(input, output, step);
        }
        let half_step = |at: usize| self.round(self.round(step * (at as f64 + 0.5)) - 0.5);
        let place = |at: usize| if self.align_corners { self.round(step * at as f64) } else { half_step(at) };
        // The rounding to single precision is PyTorch's, also for float64.
        let floor = |value: f64| ((value as f32).floor() as usize).min(input - 1);
        match self.mode {
            InterpolateMode::Nearest if self.planar && output == input => Taps::picks(input, (0..output).collect()),
            InterpolateMode::Nearest if self.planar && output == 2 * input => {
                Taps::picks(input, (0..output).map(|at| at / 2).collect())
            }
            InterpolateMode::Nearest => {
                Taps::picks(input, (0..output).map(|at| floor(self.round(step * at as f64))).collect())
            }
            InterpolateMode::NearestExact => {
                let nearest = |at: usize| floor(self.round(half_step(at).max(0.0) + 0.5));
                Taps::picks(input, (0..output).map(nearest).collect())
            }
            InterpolateMode::Bicubic => {
                let (mut places, mut weights) = (Vec::with_capacity(4 * output), Vec::with_capacity(4 * output));
                for at in 0..output {
                    let real = place(at);
                    let first = real.floor().min((input - 1) as f64);
                    let t = self.round(real - first).clamp(0.0, 1.0);
                    places.extend((-1..3).map(|k| (first as i64 + k).clamp(0, input as i64 - 1) as usize));
                    weights.extend([t + 1.0, t, 1.0 - t, 2.0 - t].map(|distance| cubic(distance, -0.75)));
                }
                Taps::new(input, 4, places, weights)
            }
            _ if input == output => Taps::picks(input, (0..output).collect()),
            _ => {
                let (mut places, mut weights) = (Vec::with_capacity(2 * output), Vec::with_capacity(2 * output));
                for at in 0..output {
                    let real = place(at).max(0.0);
                    let first = (real.floor() as usize).min(input - 1);
                    let t = self.round(real - first as f64).clamp(0.0, 1.0);
                    places.extend([first, (first + 1).min(input - 1)]);
                    weights.extend([self.round(1.0 - t), t]);
                }
                Taps::new(input, 2, places, weights)
            }
        }
    }

    /// Weights over all elements that an output covers.
    fn averaging(&self, input: usize, output: usize, step: f64) -> Taps {
        let reach = if self.mode == InterpolateMode::Bicubic { 2.0 } else { 1.0 };
        let filter = |x: f64| match self.mode {
            InterpolateMode::Bicubic => cubic(x.abs(), -0.5),
            _ => (1.0 - x.abs()).max(0.0),
        };
        let (support, inverse) =
            if step >= 1.0 { (self.round(reach * step), self.round(1.0 / step)) } else { (reach, 1.0) };
        let spans: Vec<(usize, usize, f64)> = (0..output)
            .map(|at| {
                let center = self.round(step * (at as f64 + 0.5));
                let first = ((center - support + 0.5) as usize).min(input - 1);
                let end = ((center + support + 0.5) as usize).clamp(first + 1, input);
                (first, end - first, center)
            })
            .collect();
        let count = spans.iter().map(|(_, size, _)| *size).max().unwrap_or(1).max(2);
        let (mut places, mut weights) = (Vec::with_capacity(count * output), Vec::with_capacity(count * output));
        for (first, size, center) in spans {
            let found: Vec<f64> = (0..size).map(|k| filter(((first + k) as f64 - center + 0.5) * inverse)).collect();
            let total: f64 = found.iter().sum();
            for k in 0..count {
                places.push(first + k.min(size - 1));
                let weight = found.get(k).copied().unwrap_or(0.0);
                weights.push(if total == 0.0 { weight } else { weight / total });
            }
        }
        Taps::new(input, count, places, weights)
    }
}

/// Keys' cubic kernel at a distance from 0.
fn cubic(x: f64, a: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

/// The resampling of the last dimensions to these sizes; `taps` are those of a dimension by its number among them.
pub(super) fn resampling(
    dims: &Dims,
    sizes: &[usize],
    taps: impl Fn(usize, usize, usize) -> Taps,
) -> Result<Resampling> {
    let leading = dims.len() - sizes.len();
    let mut output = Dims::from_slice(&dims[..leading]);
    output.extend_from_slice(sizes);
    let single = || Taps::picks(1, vec![0]);
    let mut axes = [single(), single(), single()];
    if !dims.contains(&0) && !output.contains(&0) {
        for (d, &size) in sizes.iter().enumerate() {
            shape::check_allocation(&[size, 8], DType::Int64)?;
            axes[3 - sizes.len() + d] = taps(d, dims[leading + d], size);
        }
    }
    let count = dims[..leading].iter().product();
    Ok(Arc::new(OnPlanes { count, input: dims.clone(), output, geometry: axes }))
}

/// The weighted sums; each is the other's gradient.
pub(super) fn resampled(name: &'static str, input: &Tensor, plan: &Resampling) -> Result<Tensor> {
    let value = compute::resample(&input.value(), plan)?;
    Tensor::record(name, value, [input], || {
        let plan = plan.clone();
        move |grad, _| Ok([Some(resampled_grad(name, grad, &plan)?)])
    })
}

fn resampled_grad(name: &'static str, grad: &Tensor, plan: &Resampling) -> Result<Tensor> {
    let value = compute::resample_grad(&grad.value(), plan)?;
    Tensor::record(name, value, [grad], || {
        let plan = plan.clone();
        move |grad, _| Ok([Some(resampled(name, grad, &plan)?)])
    })
}
