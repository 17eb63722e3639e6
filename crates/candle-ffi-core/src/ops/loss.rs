//! Losses. Each gives one value per sample, or their mean or sum.

use super::common::{number, promoted, same_device, sizes, to_float};
use super::{
    abs, add, any, div, exp, full_like, gather, index_select, log_softmax, log1p, logical_not, mean, mul, neg, relu,
    reshape, sigmoid, sub, sum, to_dtype, unsqueeze, r#where,
};
use crate::autograd::{self, GradMode, Saved};
use crate::compute::{self, Binary, Reduce, Unary};
use crate::{DType, Error, Reduction, Result, Tensor, shape};

fn reduced(losses: &Tensor, reduction: Reduction) -> Result<Tensor> {
    match reduction {
        Reduction::None => Ok(losses.clone()),
        Reduction::Mean => mean(losses, None, false, None),
        Reduction::Sum => sum(losses, None, false, None),
    }
}

/// Squared error: `(input - target)²`.
///
/// Shapes broadcast and dtypes promote; integers become the default dtype. Differentiable.
///
/// # Defaults
/// reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not broadcast.
///
/// # PyTorch
/// `torch.nn.functional.mse_loss`
///
/// # Examples
/// ```python
/// >>> cf.mse_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.0, 4.0]))
/// tensor(2.5000)
/// ```
pub fn mse_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    let (input, target) = promoted(&to_float(input)?, &to_float(target)?)?;
    // One node and not three: the difference serves the value and the gradient.
    let difference = compute::binary(Binary::Sub, &input.value(), &target.value())?;
    let losses = compute::unary(Unary::Square, &difference)?;
    let dims: shape::Dims = (0..losses.rank()).collect();
    let value = match reduction {
        Reduction::None => losses,
        Reduction::Mean => compute::reduce(Reduce::Mean, &losses, &dims, false)?,
        Reduction::Sum => compute::reduce(Reduce::Sum, &losses, &dims, false)?,
    };
    Tensor::record("mse_loss", value, [&input, &target], || {
        let scale = if reduction == Reduction::Mean { 2.0 / difference.num_elements() as f64 } else { 2.0 };
        let (saved_input, saved_target) = (Saved::new(&input), Saved::new(&target));
        move |grad, context| {
            let difference = if autograd::is_enabled() {
                sub(saved_input.get()?, saved_target.get()?)?
            } else {
                Tensor::from_value(difference.clone())
            };
            let slope = mul(&difference, &mul(grad, &number(scale))?)?;
            Ok([
                context.wants(0, || super::common::sum_to(&slope, &saved_input.shape()))?,
                context.wants(1, || super::common::sum_to(&neg(&slope)?, &saved_target.shape()))?,
            ])
        }
    })
}

/// Absolute error: `|input - target|`.
///
/// Shapes broadcast and dtypes promote. Differentiable; the gradient at zero is zero.
///
/// # Defaults
/// reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not broadcast.
///
/// # PyTorch
/// `torch.nn.functional.l1_loss`
///
/// # Examples
/// ```python
/// >>> cf.l1_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.0, 4.0]))
/// tensor(1.5000)
/// ```
pub fn l1_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    reduced(&abs(&sub(&to_float(input)?, &to_float(target)?)?)?, reduction)
}

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
/// are not floating, `InvalidArgument` for a smoothing outside [0, 1].
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
    if !(0.0..=1.0).contains(&label_smoothing) {
        return Err(Error::argument(format!("label_smoothing must be between 0 and 1, and is {label_smoothing}")));
    }
    refuse_integers(input, "logits")?;
    let classes = Classes::of(input, weight)?;
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
        if let Some(weight) = weight {
            if weight.shape().as_slice() != [count] {
                return Err(Error::shape(
                    format!("the weight must have shape [{count}], one factor per class, and has {:?}", weight.dims()),
                    &[&weight.dims(), &[count]],
                ));
            }
            same_device(&[input, weight])?;
        }
        Ok(Self { dim: dim as i64, count, input: dims, samples })
    }

    /// Class indices as `int64`, whether each is ignored, and with 0 for the ignored ones.
    fn indices(&self, target: &Tensor, ignore_index: i64) -> Result<(Option<Tensor>, Tensor)> {
        if !target.dtype().is_integer() {
            return Err(Error::dtype(
                format!("class indices must be of an integer dtype, and are {}", target.dtype()),
                &[target.dtype()],
            ));
        }
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
        let target = to_dtype(target, DType::Int64)?;
        let ignored = Tensor::from_value(compute::compare(
            compute::Compare::Eq,
            &target.value(),
            &compute::from_vec(vec![ignore_index], &[], DType::Int64).to_device(target.device())?,
        )?);
        let some = any(&ignored, None, false)?.value().to_device(crate::Device::CPU)?;
        if some.array.to_scalar::<u8>()? == 0 {
            return Ok((None, target));
        }
        let zeros = full_like(&target, 0.0, None)?;
        Ok((Some(ignored.clone()), r#where(&ignored, &zeros, &target)?))
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

/// Binary cross entropy between logits and probabilities, without overflow.
///
/// Per element `(1 - t) x + (1 + (pos_weight - 1) t) log(1 + exp(-x))`, times `weight`. `target` has the
/// input's shape; `weight` and `pos_weight` broadcast to it. Differentiable.
///
/// # Defaults
/// weight = None, reduction = mean, pos_weight = None
///
/// # Errors
/// `Shape` when target and input differ in shape, `DType` for logits that are not floating.
///
/// # PyTorch
/// `torch.nn.functional.binary_cross_entropy_with_logits`
///
/// # Examples
/// ```python
/// >>> cf.binary_cross_entropy_with_logits(cf.tensor([0.0, 2.0]), cf.tensor([0.0, 1.0]))
/// tensor(0.4100)
/// ```
pub fn binary_cross_entropy_with_logits(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
    pos_weight: Option<&Tensor>,
) -> Result<Tensor> {
    refuse_integers(input, "logits")?;
    if target.shape() != input.shape() {
        return Err(Error::shape(
            format!("the target of shape {:?} must have the input's shape {:?}", target.dims(), input.dims()),
            &[&target.dims(), &input.dims()],
        ));
    }
    let (input, target) = promoted(input, &to_dtype(target, input.dtype())?)?;
    let one = number(1.0);
    let mut soft = softplus(&neg(&input)?)?;
    if let Some(pos_weight) = pos_weight {
        soft = mul(&soft, &add(&mul(&sub(pos_weight, &one)?, &target)?, &one)?)?;
    }
    let mut losses = add(&mul(&sub(&one, &target)?, &input)?, &soft)?;
    if let Some(weight) = weight {
        losses = mul(&losses, weight)?;
    }
    reduced(&losses, reduction)
}

/// `log(1 + exp(x))` without overflow, with a gradient that is right at zero too.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let value = {
        let _mode = GradMode::new(false);
        add(&relu(x)?, &log1p(&exp(&neg(&abs(x)?)?)?)?)?.value()
    };
    Tensor::record("softplus", value, [x], || {
        let saved = Saved::new(x);
        move |grad, _| Ok([Some(mul(grad, &sigmoid(saved.get()?)?)?)])
    })
}

fn refuse_integers(input: &Tensor, what: &str) -> Result<()> {
    if input.dtype().is_float() {
        return Ok(());
    }
    Err(Error::dtype(format!("{what} must be of a floating dtype, not {}", input.dtype()), &[input.dtype()]))
}
