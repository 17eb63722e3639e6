//! Losses of scores against classes.

use super::common::{number, same_device, sizes};
use super::loss_common::{reduced, reduced_value, refuse_integers, require_class_weight, require_integers};
use super::{
    add, any, div, full_like, gather, index_select, log_softmax, logical_not, mul, neg, one_hot, reshape, softmax, sub,
    sum, to_dtype, unsqueeze, r#where,
};
use crate::autograd::{self, Saved};
use crate::compute::{self, Binary, Classes as Targets};
use crate::{DType, Error, Reduction, Result, Tensor, autocast, shape};

/// Cross entropy between logits and classes.
///
/// `input` holds logits of shape `[classes]`, `[batch, classes]` or `[batch, classes, …]`. `target`
/// holds either class indices, of the shape without the class dimension, or class probabilities, of
/// the input's shape and a floating dtype. `weight` has one factor per class. Samples whose index is
/// `ignore_index` count for nothing. `label_smoothing` in [0, 1] mixes the target with the uniform
/// distribution. Differentiable.
///
/// # Defaults
/// weight = None, ignore_index = -100, reduction = mean, label_smoothing = 0.0
///
/// # Errors
/// `Shape` when the shapes do not fit, `Index` for a class that is not there, `DType` for logits that
/// are not floating, `InvalidArgument` for a smoothing outside [0, 1], and for an `ignore_index` of 0 or more with
/// probabilities.
///
/// # PyTorch
/// `torch.nn.functional.cross_entropy`
///
/// # Examples
/// ```python
/// >>> cf.cross_entropy(cf.tensor([[2.0, 0.0], [0.0, 2.0]]), cf.tensor([0, 1]))
/// tensor(0.1269)
/// ```
pub fn cross_entropy(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    ignore_index: i64,
    reduction: Reduction,
    label_smoothing: f64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return cross_entropy(
            &cast.of(input)?,
            &cast.of(target)?,
            cast.optional(weight)?.as_ref(),
            ignore_index,
            reduction,
            label_smoothing,
        );
    }
    if !(0.0..=1.0).contains(&label_smoothing) {
        return Err(Error::argument(format!("label_smoothing must be between 0 and 1, and is {label_smoothing}")));
    }
    refuse_integers(input, "logits")?;
    let classes = Classes::of(input, weight)?;
    let differentiates_weight = autograd::is_enabled() && weight.is_some_and(Tensor::requires_grad);
    if classes.input.len() <= 2 && target.dtype().is_integer() && !differentiates_weight {
        return classes.in_one_pass(input, target, weight, ignore_index, reduction, label_smoothing);
    }
    if target.dtype().is_float() && ignore_index >= 0 {
        return Err(Error::argument(format!(
            "ignore_index {ignore_index} is for targets of class indices, and the target holds probabilities"
        )));
    }
    let log_probabilities = log_softmax(input, classes.dim, None)?;
    if target.dtype().is_float() {
        return classes.against_probabilities(&log_probabilities, target, weight, reduction, label_smoothing);
    }
    let picked = classes.against_indices(&log_probabilities, target, weight, ignore_index, reduction)?;
    if label_smoothing == 0.0 {
        return Ok(picked);
    }
    let uniform = classes.against_all(&log_probabilities, target, weight, ignore_index, reduction)?;
    add(
        &mul(&picked, &number(1.0 - label_smoothing))?,
        &mul(&uniform, &number(label_smoothing / classes.count as f64))?,
    )
}

/// Negative log likelihood of classes, from logarithms of probabilities.
///
/// `input` has shape `[classes]`, `[batch, classes]` or `[batch, classes, …]`, `target` the shape without
/// the class dimension. `weight` has one factor per class. Samples whose index is `ignore_index` count
/// for nothing. Differentiable.
///
/// # Defaults
/// weight = None, ignore_index = -100, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not fit, `Index` for a class that is not there, `DType` for an input that
/// is not floating or a target that is not of integers.
///
/// # PyTorch
/// `torch.nn.functional.nll_loss`
///
/// # Examples
/// ```python
/// >>> cf.nll_loss(cf.tensor([[-0.5, -1.0], [-2.0, -0.1]]), cf.tensor([0, 1]))
/// tensor(0.3000)
/// ```
pub fn nll_loss(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    ignore_index: i64,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return nll_loss(&cast.of(input)?, &cast.of(target)?, cast.optional(weight)?.as_ref(), ignore_index, reduction);
    }
    refuse_integers(input, "the input")?;
    Classes::of(input, weight)?.against_indices(input, target, weight, ignore_index, reduction)
}

/// Where the classes of an input are.
struct Classes {
    dim: i64,
    count: usize,
    /// The input's shape.
    input: shape::Dims,
    /// The same without the class dimension.
    samples: shape::Dims,
}

impl Classes {
    fn of(input: &Tensor, weight: Option<&Tensor>) -> Result<Self> {
        let dims = input.shape();
        if dims.is_empty() {
            return Err(Error::shape("the input needs a dimension of classes, and is a scalar", &[&dims]));
        }
        let dim = usize::from(dims.len() > 1);
        let mut samples = dims.clone();
        let count = samples.remove(dim);
        require_class_weight(weight, count)?;
        if let Some(weight) = weight {
            same_device(&[input, weight])?;
        }
        Ok(Self { dim: dim as i64, count, input: dims, samples })
    }

    /// Class indices as `int64`, checked for dtype and shape.
    fn checked(&self, target: &Tensor) -> Result<Tensor> {
        require_integers(target)?;
        if target.shape() != self.samples {
            return Err(Error::shape(
                format!(
                    "for an input of shape {:?} the target must have shape {:?}, and has {:?}",
                    &self.input[..],
                    &self.samples[..],
                    target.dims()
                ),
                &[&self.input, &target.dims()],
            ));
        }
        to_dtype(target, DType::Int64)
    }

    /// The same, whether each is ignored, and with 0 for the ignored ones.
    fn indices(&self, target: &Tensor, ignore_index: i64) -> Result<(Option<Tensor>, Tensor)> {
        let target = self.checked(target)?;
        let ignored = Tensor::from_value(compute::compare(
            compute::Compare::Eq,
            &target.value(),
            &compute::from_vec(vec![ignore_index], &[], DType::Int64).send_to(target.device())?,
        )?);
        let some = any(&ignored, None, false)?.value().to_device(crate::Device::CPU)?;
        if some.array.to_scalar::<u8>()? == 0 {
            return Ok((None, target));
        }
        let zeros = full_like(&target, 0.0, None)?;
        Ok((Some(ignored.clone()), r#where(&ignored, &zeros, &target)?))
    }

    /// Cross entropy of `[rows, classes]` against indices: one pass over the logits forward, one backward.
    fn in_one_pass(
        &self,
        input: &Tensor,
        target: &Tensor,
        weight: Option<&Tensor>,
        ignored: i64,
        reduction: Reduction,
        smoothing: f64,
    ) -> Result<Tensor> {
        same_device(&[input, target])?;
        let target = self.checked(target)?;
        let rows = shape::num_elements(&self.samples)?;
        let flat = reshape(input, &[rows as i64, self.count as i64])?;
        let classes = target.value().with_dims(&[rows])?;
        let targets = Targets { classes, weight: weight.map(Tensor::value), ignored, smoothing };
        let found = compute::cross_entropy(&flat.value(), &targets)?;
        let losses = found.losses.with_dims(&self.samples)?;
        let value = match reduction {
            Reduction::Mean => {
                let total = found.total.like(&losses)?;
                compute::binary(Binary::Div, &reduced_value(losses, Reduction::Sum)?, &total)?
            }
            _ => reduced_value(losses, reduction)?,
        };
        Tensor::record("cross_entropy", value, [&flat], || {
            let (saved, target, weight) = (Saved::new(&flat), Saved::new(&target), weight.map(Saved::new));
            let total = (reduction == Reduction::Mean).then(|| found.total.clone());
            move |grad, _| {
                let (x, target) = (saved.get()?, target.get()?);
                let weight = weight.as_ref().map(Saved::get).transpose()?;
                if autograd::is_enabled() {
                    let target = reshape(target, &[-1])?;
                    let grad = match &total {
                        Some(total) => &div(grad, &Tensor::from_value(total.like(&grad.value())?))?,
                        None => grad,
                    };
                    return Ok([Some(composed_grad(x, &target, weight, (ignored, smoothing), grad)?)]);
                }
                let slope = compute::cross_entropy_grad(
                    &x.value(),
                    &found.statistics,
                    &targets,
                    &grad.value(),
                    total.as_ref(),
                )?;
                Ok([Some(Tensor::from_value(slope))])
            }
        })
    }

    /// One factor per sample: the weight of its class, zero where it is ignored; `None` where all are one.
    fn factors(
        &self,
        like: &Tensor,
        weight: Option<&Tensor>,
        ignored: Option<&Tensor>,
        index: &Tensor,
    ) -> Result<Option<Tensor>> {
        let factors = match (weight, ignored) {
            (None, None) => return Ok(None),
            (Some(weight), _) => {
                let flat = reshape(index, &[-1])?;
                reshape(&index_select(&to_dtype(weight, like.dtype())?, 0, &flat)?, &sizes(&self.samples))?
            }
            (None, Some(ignored)) => return Ok(Some(to_dtype(&logical_not(ignored)?, like.dtype())?)),
        };
        match ignored {
            Some(ignored) => Ok(Some(r#where(ignored, &number(0.0), &factors)?)),
            None => Ok(Some(factors)),
        }
    }

    fn against_indices(
        &self,
        log_probabilities: &Tensor,
        target: &Tensor,
        weight: Option<&Tensor>,
        ignore_index: i64,
        reduction: Reduction,
    ) -> Result<Tensor> {
        same_device(&[log_probabilities, target])?;
        let (ignored, index) = self.indices(target, ignore_index)?;
        let picked = gather(log_probabilities, self.dim, &unsqueeze(&index, self.dim)?)?;
        let losses = neg(&reshape(&picked, &sizes(&self.samples))?)?;
        match self.factors(&losses, weight, ignored.as_ref(), &index)? {
            None => reduced(&losses, reduction),
            Some(factors) => self.weighted(&zero_where(ignored.as_ref(), &losses)?, &factors, reduction),
        }
    }

    /// The weighted losses; their mean is over the sum of the weights.
    fn weighted(&self, losses: &Tensor, factors: &Tensor, reduction: Reduction) -> Result<Tensor> {
        let losses = mul(losses, factors)?;
        match reduction {
            Reduction::Mean => div(&sum(&losses, None, false, None)?, &sum(factors, None, false, None)?),
            _ => reduced(&losses, reduction),
        }
    }

    /// The part of label smoothing: the loss against every class alike.
    fn against_all(
        &self,
        log_probabilities: &Tensor,
        target: &Tensor,
        weight: Option<&Tensor>,
        ignore_index: i64,
        reduction: Reduction,
    ) -> Result<Tensor> {
        let (ignored, index) = self.indices(target, ignore_index)?;
        let losses = neg(&self.over_classes(log_probabilities, weight)?)?;
        let losses = zero_where(ignored.as_ref(), &losses)?;
        match self.factors(&losses, weight, ignored.as_ref(), &index)? {
            Some(factors) if reduction == Reduction::Mean => {
                div(&sum(&losses, None, false, None)?, &sum(&factors, None, false, None)?)
            }
            _ => reduced(&losses, reduction),
        }
    }

    /// The sum over classes, each times its weight.
    fn over_classes(&self, input: &Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
        let weighted = match weight {
            None => input.clone(),
            Some(weight) => {
                let mut dims = vec![1; input.rank()];
                dims[self.dim as usize] = -1;
                mul(input, &reshape(&to_dtype(weight, input.dtype())?, &dims)?)?
            }
        };
        sum(&weighted, Some(&[self.dim]), false, None)
    }

    fn against_probabilities(
        &self,
        log_probabilities: &Tensor,
        target: &Tensor,
        weight: Option<&Tensor>,
        reduction: Reduction,
        label_smoothing: f64,
    ) -> Result<Tensor> {
        if target.shape() != log_probabilities.shape() {
            return Err(Error::shape(
                format!(
                    "a target of probabilities must have the input's shape {:?}, and has {:?}",
                    log_probabilities.dims(),
                    target.dims()
                ),
                &[&target.dims(), &log_probabilities.dims()],
            ));
        }
        let smooth = if label_smoothing == 0.0 {
            target.clone()
        } else {
            let uniform = number(label_smoothing / self.count as f64);
            add(&mul(target, &number(1.0 - label_smoothing))?, &uniform)?
        };
        let losses = neg(&self.over_classes(&mul(log_probabilities, &smooth)?, weight)?)?;
        reduced(&losses, reduction)
    }
}

/// Losses with zero for the ignored samples, whatever they are: an infinite one must not become NaN.
fn zero_where(ignored: Option<&Tensor>, losses: &Tensor) -> Result<Tensor> {
    ignored.map_or_else(|| Ok(losses.clone()), |ignored| r#where(ignored, &number(0.0), losses))
}

/// The gradient of logits `[rows, classes]` made of operations, for one that is to be differentiated again; `grad` is
/// that of each loss, or a scalar.
fn composed_grad(
    x: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    (ignored, smoothing): (i64, f64),
    grad: &Tensor,
) -> Result<Tensor> {
    let classes = x.shape()[1];
    let weights = match weight {
        Some(weight) => to_dtype(weight, x.dtype())?,
        None => Tensor::from_value(compute::fill(1.0, &[classes], x.dtype(), x.device())?),
    };
    let ignored = compute::fill(ignored as f64, &[], DType::Int64, target.device())?;
    let ignored = Tensor::from_value(compute::compare(compute::Compare::Eq, &target.value(), &ignored)?);
    let target = r#where(&ignored, &full_like(target, 0.0, None)?, target)?;
    let hot = to_dtype(&one_hot(&target, classes as i64)?, x.dtype())?;
    // What each logarithm of a probability is multiplied by, but for the sign.
    let shares = mul(&add(&mul(&hot, &number(1.0 - smoothing))?, &number(smoothing / classes as f64))?, &weights)?;
    let shares = r#where(&unsqueeze(&ignored, 1)?, &number(0.0), &shares)?;
    let slopes = sub(&mul(&softmax(x, 1, None)?, &sum(&shares, Some(&[1]), true, None)?)?, &shares)?;
    // One for each row, though a lone row has a scalar of any rank.
    let grad = if grad.rank() == 0 { grad.clone() } else { reshape(grad, &[-1, 1])? };
    mul(&slopes, &grad)
}
