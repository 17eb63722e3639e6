//! Normalisation of channels by statistics over a batch, or over the elements of a sample.

use super::common::{number, same_device, sizes};
use super::norm::composed_grad;
use super::{add, expand, mean, mul, reshape, sub, sum, to_dtype};
use crate::autograd::{self, GradMode, Saved};
use crate::compute::{self, Center, PlaneNorm, Planes, Unary};
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Error, Result, Tensor};

/// Batch normalisation: each channel minus its mean, divided by its deviation, times `weight`, plus `bias`.
///
/// `input` has shape `[batch, channels, …]`; the others have one number per channel. In training mean and
/// variance are the batch's own, and the running ones, where given, are moved towards them in place:
/// `running = (1 - momentum) · running + momentum · own`, with the unbiased variance. Otherwise the running
/// ones are used. Half precision may have its other tensors in `float32`. Differentiable with respect to
/// `input`, `weight` and `bias`. Source: Ioffe and Szegedy, 2015.
///
/// # Defaults
/// weight = None, bias = None, training = False, momentum = 0.1, eps = 1e-5
///
/// # Errors
/// `Shape` when the shapes do not fit and for one value per channel in training, `DType` when the dtypes
/// do not fit, `InvalidArgument` without running statistics outside of training.
///
/// # PyTorch
/// `torch.nn.functional.batch_norm`
///
/// # Examples
/// ```python
/// >>> cf.batch_norm(cf.tensor([[1.0], [3.0]]), None, None, training=True)
/// tensor([[-1.0000],
///         [ 1.0000]])
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's signature")]
pub fn batch_norm(
    input: &Tensor,
    running_mean: Option<&mut Tensor>,
    running_var: Option<&mut Tensor>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    training: bool,
    momentum: f64,
    eps: f64,
) -> Result<Tensor> {
    let (running_mean, running_var) = (running_mean.as_deref(), running_var.as_deref());
    let dims = input.shape();
    if dims.len() < 2 {
        return Err(Error::shape(
            format!("batch_norm needs an input of shape [batch, channels, …], and got {:?}", &dims[..]),
            &[&dims],
        ));
    }
    if training && (eps < 0.0 || eps.is_nan()) {
        return Err(Error::argument(format!("batch_norm: eps must not be negative during training, and is {eps}")));
    }
    if running_mean.is_some() != running_var.is_some() {
        return Err(Error::argument("running_mean and running_var must either both be there or neither"));
    }
    let channels = dims[1];
    check_channel_tensors(
        input,
        channels,
        &[("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)],
    )?;
    let planes = Planes { batch: dims[0], channels, inner: dims[2..].iter().product(), groups: None };
    let count = planes.batch * planes.inner;
    let statistics = match (running_mean, running_var) {
        _ if training && count == 1 => {
            return Err(Error::shape(
                format!("Expected more than 1 value per channel when training, got input size {:?}", &dims[..]),
                &[&dims],
            ));
        }
        (mean, var) if training => Statistics::Own { mean, var },
        (Some(mean), Some(var)) => Statistics::Given { mean, var },
        _ => return Err(Error::argument("Expected running_mean and running_var to be defined when training=False")),
    };
    if planes.is_empty() {
        return of_nothing(input, weight, bias);
    }
    channel_norm("batch_norm", input, planes, weight, bias, eps, || match statistics {
        Statistics::Given { mean, var } => Ok(Normed::given(input, planes, mean, var, weight, bias, eps)?),
        Statistics::Own { mean, var } => {
            let norm = plane_norm(input, planes, weight, bias, eps)?;
            let unbiased = compute::binary(
                compute::Binary::Mul,
                &norm.var,
                &compute::fill(count as f64 / (count as f64 - 1.0), &[], norm.var.dtype, norm.var.device())?,
            )?;
            move_towards(mean, &norm.mean, momentum)?;
            move_towards(var, &unbiased, momentum)?;
            Ok(Normed { output: norm.output, mean: norm.mean, rstd: norm.rstd, fixed: false })
        }
    })
}

/// Where the statistics come from, and what is updated.
enum Statistics<'a> {
    Own { mean: Option<&'a Tensor>, var: Option<&'a Tensor> },
    Given { mean: &'a Tensor, var: &'a Tensor },
}

/// Instance normalisation: each channel of each sample minus its mean, divided by its deviation, times
/// `weight`, plus `bias`.
///
/// `input` has shape `[batch, channels, …]`; the others have one number per channel. With `use_input_stats`
/// mean and variance are the sample's own, and the running ones, where given, are moved towards their means
/// over the batch in place, as in `batch_norm`. Otherwise the running ones are used. Differentiable with
/// respect to `input`, `weight` and `bias`. Source: Ulyanov, Vedaldi and Lempitsky, 2016.
///
/// # Defaults
/// running_mean = None, running_var = None, weight = None, bias = None, use_input_stats = True,
/// momentum = 0.1, eps = 1e-5
///
/// # Errors
/// `Shape` when the shapes do not fit and for one element per channel with `use_input_stats`, `DType` when
/// the dtypes do not fit, `InvalidArgument` without statistics to use.
///
/// # PyTorch
/// `torch.nn.functional.instance_norm`
///
/// # Examples
/// ```python
/// >>> cf.instance_norm(cf.tensor([[[1.0, 3.0]], [[8.0, 4.0]]]))
/// tensor([[[-1.0000,  1.0000]],
///         [[ 1.0000, -1.0000]]])
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's signature")]
pub fn instance_norm(
    input: &Tensor,
    running_mean: Option<&mut Tensor>,
    running_var: Option<&mut Tensor>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    use_input_stats: bool,
    momentum: f64,
    eps: f64,
) -> Result<Tensor> {
    let dims = input.shape();
    if dims.len() < 2 {
        return Err(Error::shape(
            format!("instance_norm needs an input of shape [batch, channels, …], and got {:?}", &dims[..]),
            &[&dims],
        ));
    }
    let (batch, channels) = (dims[0], dims[1]);
    if use_input_stats && dims[2..].iter().product::<usize>() == 1 {
        return Err(Error::shape(
            format!("Expected more than 1 spatial element when training, got input size {:?}", &dims[..]),
            &[&dims],
        ));
    }
    let (own_mean, own_var) = (running_mean.as_deref(), running_var.as_deref());
    let of_channels = [("running_mean", own_mean), ("running_var", own_var), ("weight", weight), ("bias", bias)];
    check_channel_tensors(input, channels, &of_channels)?;
    // A batch of one, with the channels of all samples side by side.
    let repeat = |tensor: Option<&Tensor>| {
        let repeated = |tensor: &Tensor| reshape(&expand(tensor, &[batch as i64, channels as i64])?, &[-1]);
        tensor.filter(|_| !dims.contains(&0)).map(repeated).transpose()
    };
    let copied = |tensor: Option<&Tensor>| -> Result<Option<Tensor>> {
        let _mode = GradMode::new(false);
        repeat(tensor)?.map(|tensor| super::clone(&tensor)).transpose()
    };
    if dims.contains(&0) {
        return batch_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps);
    }
    let (mut all_means, mut all_vars) = (copied(own_mean)?, copied(own_var)?);
    let mut side_by_side = sizes(&dims);
    (side_by_side[0], side_by_side[1]) = (1, (batch * channels) as i64);
    let result = batch_norm(
        &reshape(input, &side_by_side)?,
        all_means.as_mut(),
        all_vars.as_mut(),
        repeat(weight)?.as_ref(),
        repeat(bias)?.as_ref(),
        use_input_stats,
        momentum,
        eps,
    )?;
    if use_input_stats {
        let _mode = GradMode::new(false);
        for (running, all) in [(own_mean, all_means), (own_var, all_vars)] {
            let (Some(running), Some(all)) = (running, all) else { continue };
            let by_sample = reshape(&all, &[batch as i64, channels as i64])?;
            running.assign(&mean(&by_sample, Some(&[0]), false, None)?)?;
        }
    }
    reshape(&result, &sizes(&dims))
}

/// `running = (1 - momentum) running + momentum · own`, in place.
fn move_towards(running: Option<&Tensor>, own: &Value, momentum: f64) -> Result<()> {
    let Some(running) = running else { return Ok(()) };
    let _mode = GradMode::new(false);
    let kept = mul(&to_dtype(running, own.dtype)?, &number(1.0 - momentum))?;
    running
        .assign(&to_dtype(&add(&kept, &mul(&Tensor::from_value(own.clone()), &number(momentum))?)?, running.dtype())?)
}

/// Whether tensors have one number per channel, on the device of the input and of a dtype that goes with it.
pub(super) fn check_channel_tensors(
    input: &Tensor,
    channels: usize,
    tensors: &[(&str, Option<&Tensor>)],
) -> Result<()> {
    let dtype = input.dtype();
    if !dtype.is_float() || dtype == DType::Float8E4M3 {
        return Err(Error::dtype(format!("normalisation needs a floating dtype, and got {dtype}"), &[dtype]));
    }
    for (name, tensor) in tensors {
        let Some(tensor) = tensor else { continue };
        if tensor.shape().as_slice() != [channels] {
            return Err(Error::shape(
                format!(
                    "{name} should contain {channels} elements, one per channel of the input {:?}, and has shape {:?}",
                    input.dims(),
                    tensor.dims()
                ),
                &[&tensor.dims(), &input.dims()],
            ));
        }
        let own = tensor.dtype();
        if own != dtype && !(own == DType::Float32 && dtype.promote(own) == own) {
            return Err(Error::dtype(format!("{name} of {own} does not go with an input of {dtype}"), &[own, dtype]));
        }
        same_device(&[input, tensor])?;
    }
    Ok(())
}

/// The result without elements, with gradients of zero.
pub(super) fn of_nothing(input: &Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut shape = vec![1; input.rank()];
    shape[1] = -1;
    if input.shape()[1] == 0 {
        shape[1] = 0;
    }
    let mut result = super::clone(input)?;
    for (tensor, operation) in [(weight, mul as fn(&Tensor, &Tensor) -> Result<Tensor>), (bias, add)] {
        if let Some(tensor) = tensor {
            result = operation(&result, &to_dtype(&reshape(tensor, &shape)?, input.dtype())?)?;
        }
    }
    Ok(result)
}

pub(super) fn plane_norm(
    input: &Tensor,
    planes: Planes,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<PlaneNorm> {
    let (weight, bias) = (weight.map(Tensor::value), bias.map(Tensor::value));
    compute::plane_norm(&input.value(), planes, weight.as_ref(), bias.as_ref(), eps)
}

/// A result, and what its rule keeps.
pub(super) struct Normed {
    pub(super) output: Value,
    /// One number for each group, in the dtype that is computed in.
    pub(super) mean: Value,
    pub(super) rstd: Value,
    /// Whether mean and deviation do not depend on the input.
    pub(super) fixed: bool,
}

impl Normed {
    fn given(
        input: &Tensor,
        planes: Planes,
        mean: &Tensor,
        var: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Self> {
        let wide = input.dtype().wide();
        let copied = |tensor: &Tensor| compute::copy(&compute::cast(&tensor.value(), wide)?);
        let (mean, var) = (copied(mean)?, copied(var)?);
        let eps = compute::fill(eps, &[], wide, var.device())?;
        let rstd = compute::unary(Unary::Rsqrt, &compute::binary(compute::Binary::Add, &var, &eps)?)?;
        let (weight, bias) = (weight.map(Tensor::value), bias.map(Tensor::value));
        let output = compute::plane_affine(&input.value(), planes, &mean, &rstd, weight.as_ref(), bias.as_ref())?;
        Ok(Self { output, mean, rstd, fixed: true })
    }
}

/// Records a normalisation of planes.
pub(super) fn channel_norm(
    name: &'static str,
    input: &Tensor,
    planes: Planes,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
    compute: impl FnOnce() -> Result<Normed>,
) -> Result<Tensor> {
    let Normed { output, mean, rstd, fixed } = compute()?;
    let inputs: Vec<&Tensor> = [Some(input), weight, bias].into_iter().flatten().collect();
    Tensor::record_many(name, output, &inputs, || {
        let rule = Rule { planes, dims: input.shape(), eps, mean, rstd, fixed };
        let (saved, weight, bias) = (Saved::new(input), weight.map(Saved::new), bias.map(Tensor::dtype));
        move |grad, _| {
            let x = saved.get()?;
            let weight = weight.as_ref().map(Saved::get).transpose()?;
            let [dx, dweight, dbias] =
                if autograd::is_enabled() { rule.composed(x, weight, grad)? } else { rule.fused(x, weight, grad)? };
            let dweight = weight.map(|weight| to_dtype(&dweight, weight.dtype())).transpose()?;
            let dbias = bias.map(|dtype| to_dtype(&dbias, dtype)).transpose()?;
            Ok([Some(dx), dweight, dbias].into_iter().flatten().map(Some).collect())
        }
    })
}

/// What the gradients are made of.
struct Rule {
    planes: Planes,
    dims: Dims,
    eps: f64,
    mean: Value,
    rstd: Value,
    fixed: bool,
}

impl Rule {
    fn fused(&self, x: &Tensor, weight: Option<&Tensor>, grad: &Tensor) -> Result<[Tensor; 3]> {
        let weight = weight.map(Tensor::value);
        let moments = [&self.mean, &self.rstd];
        let grads =
            compute::plane_norm_grad(&grad.value(), &x.value(), self.planes, moments, weight.as_ref(), self.fixed)?;
        Ok(grads.map(Tensor::from_value))
    }

    /// The same of recorded operations, on `[batch, groups, channels of a group, inner]`.
    fn composed(&self, x: &Tensor, weight: Option<&Tensor>, grad: &Tensor) -> Result<[Tensor; 3]> {
        let Planes { batch, channels, inner, groups } = self.planes;
        // A channel's planes are a group over the batch; the planes of a group are one over channels.
        let (groups, over): (usize, &[i64]) = groups.map_or((channels, &[0, 2, 3]), |groups| (groups, &[2, 3]));
        let own = channels / groups;
        let shape = sizes(&[batch, groups, own, inner]);
        let (dtype, wide) = (x.dtype(), self.mean.dtype);
        let (x, grad) = (to_dtype(&reshape(x, &shape)?, wide)?, to_dtype(&reshape(grad, &shape)?, wide)?);
        let weight =
            weight.map(|weight| to_dtype(&reshape(weight, &sizes(&[1, groups, own, 1]))?, wide)).transpose()?;
        let [dx, along] = if self.fixed {
            let of_channels = |value: &Value| reshape(&Tensor::from_value(value.clone()), &sizes(&[1, groups, own, 1]));
            let rstd = of_channels(&self.rstd)?;
            let scaled = weight.as_ref().map_or_else(|| Ok(grad.clone()), |weight| mul(&grad, weight))?;
            [mul(&scaled, &rstd)?, mul(&grad, &mul(&sub(&x, &of_channels(&self.mean)?)?, &rstd)?)?]
        } else {
            composed_grad(&x, weight.as_ref(), &grad, over, Center::Mean, self.eps)?
        };
        let by_channel = |tensor: &Tensor| reshape(&sum(tensor, Some(&[0, 3]), false, None)?, &[channels as i64]);
        Ok([to_dtype(&reshape(&dx, &sizes(&self.dims))?, dtype)?, by_channel(&along)?, by_channel(&grad)?])
    }
}
