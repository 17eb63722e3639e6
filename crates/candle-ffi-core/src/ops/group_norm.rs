//! Normalisation of groups of channels, of neighbouring channels, and of vectors.

use super::batch_norm::{Normed, channel_norm, check_channel_tensors, of_nothing, plane_norm};
use super::common::{number, sizes};
use super::vector_norm::norm;
use super::{add, cat, clamp, div, mul, narrow, pow, square, zeros};
use crate::compute::Planes;
use crate::{Error, Result, Tensor, autocast};

/// Group normalisation: the channels of a sample in groups, each minus its mean and divided by its
/// deviation, times `weight`, plus `bias`.
///
/// `input` has shape `[batch, channels, …]`; `weight` and `bias` have one number per channel. Half precision
/// may have them in `float32`. Differentiable. Source: Wu and He, 2018.
///
/// # Defaults
/// weight = None, bias = None, eps = 1e-5
///
/// # Errors
/// `Shape` when the shapes do not fit, `InvalidArgument` when the channels cannot be divided into so many
/// groups, `DType` when the dtypes do not fit.
///
/// # PyTorch
/// `torch.nn.functional.group_norm`
///
/// # Examples
/// ```python
/// >>> cf.group_norm(cf.tensor([[1.0, 3.0, 8.0, 4.0]]), 2)
/// tensor([[-1.0000,  1.0000,  1.0000, -1.0000]])
/// ```
pub fn group_norm(
    input: &Tensor,
    num_groups: i64,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return group_norm(
            &cast.of(input)?,
            num_groups,
            cast.optional(weight)?.as_ref(),
            cast.optional(bias)?.as_ref(),
            eps,
        );
    }
    let dims = input.shape();
    if dims.len() < 2 {
        return Err(Error::shape(
            format!("group_norm needs an input of shape [batch, channels, …], and got {:?}", &dims[..]),
            &[&dims],
        ));
    }
    let channels = dims[1];
    let groups = usize::try_from(num_groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| Error::argument(format!("num_groups must be greater than 0, and is {num_groups}")))?;
    if !channels.is_multiple_of(groups) {
        return Err(Error::shape(
            format!(
                "Expected number of channels in input to be divisible by num_groups, but got input of shape {:?} and \
                 num_groups={num_groups}",
                &dims[..]
            ),
            &[&dims],
        ));
    }
    check_channel_tensors(input, channels, &[("weight", weight), ("bias", bias)])?;
    let planes = Planes { batch: dims[0], channels, inner: dims[2..].iter().product(), groups: Some(groups) };
    if planes.is_empty() {
        return of_nothing(input, weight, bias);
    }
    if planes.len() == groups {
        return Err(Error::shape(
            format!(
                "Expected more than 1 value per channel when training, got input size {:?} and num_groups={num_groups}",
                &dims[..]
            ),
            &[&dims],
        ));
    }
    channel_norm("group_norm", input, planes, weight, bias, eps, || {
        let found = plane_norm(input, planes, weight, bias, eps)?;
        Ok(Normed { output: found.output, mean: found.mean, rstd: found.rstd, fixed: false })
    })
}

/// Local response normalisation: each element divided by a power of the mean square of its neighbours in
/// `size` channels, `x / (k + alpha · mean(x²))^beta`.
///
/// `input` has shape `[batch, channels, …]` with at least three dimensions. Keeps the shape. Differentiable.
/// Source: Krizhevsky, Sutskever and Hinton, 2012.
///
/// # Defaults
/// alpha = 1e-4, beta = 0.75, k = 1.0
///
/// # Errors
/// `Shape` for fewer than three dimensions, `InvalidArgument` for a size that is not positive.
///
/// # PyTorch
/// `torch.nn.functional.local_response_norm`
///
/// # Examples
/// ```python
/// >>> cf.local_response_norm(cf.tensor([[[1.0], [2.0]]]), 2, alpha=2.0, beta=1.0)
/// tensor([[[0.5000],
///          [0.3333]]])
/// ```
pub fn local_response_norm(input: &Tensor, size: i64, alpha: f64, beta: f64, k: f64) -> Result<Tensor> {
    // Planes of channels are averaged in three dimensions from four on.
    let class = if input.rank() > 3 { autocast::FLOAT32 } else { autocast::FLOAT32_ON_GPU };
    let some = !input.shape().contains(&0);
    if some && let Some(cast) = autocast::enter(class, &[input]) {
        return local_response_norm(&cast.of(input)?, size, alpha, beta, k);
    }
    let dims = input.shape();
    if dims.len() < 3 {
        return Err(Error::shape(
            format!(
                "Expected 3D or higher dimensionality input (got {} dimensions, of shape {:?})",
                dims.len(),
                &dims[..]
            ),
            &[&dims],
        ));
    }
    if size < 1 {
        return Err(Error::argument(format!("size must be positive, and is {size}")));
    }
    if dims.contains(&0) {
        return super::clone(input);
    }
    let channels = dims[1] as i64;
    // Beyond the channels there are only zeros.
    let (before, after) = ((size / 2).min(channels), ((size - 1) / 2).min(channels));
    let rim = |count: i64| {
        let mut shape = sizes(&dims);
        shape[1] = count;
        zeros(&shape, input.dtype(), input.device())
    };
    let squares = square(input)?;
    let padded = cat(&[&rim(before)?, &squares, &rim(after)?], 1)?;
    let mut total = narrow(&padded, 1, 0, channels)?;
    for offset in 1..=before + after {
        total = add(&total, &narrow(&padded, 1, offset, channels)?)?;
    }
    let base = add(&mul(&total, &number(alpha / size as f64))?, &number(k))?;
    div(input, &pow(&base, &number(beta))?)
}

/// Vectors divided by their norm, or by `eps` where that is larger.
///
/// The vectors lie along `dim`; `p` is the exponent of the norm. Keeps the shape. Differentiable.
///
/// # Defaults
/// p = 2.0, dim = 1, eps = 1e-12
///
/// # Errors
/// `Index` for a dimension out of range, `DType` for integers.
///
/// # PyTorch
/// `torch.nn.functional.normalize`
///
/// # Examples
/// ```python
/// >>> cf.normalize(cf.tensor([[3.0, 4.0]]))
/// tensor([[0.6000, 0.8000]])
/// ```
pub fn normalize(input: &Tensor, p: f64, dim: &[i64], eps: f64) -> Result<Tensor> {
    div(input, &clamp(&norm(input, p, Some(dim), true)?, Some(eps), None)?)
}
