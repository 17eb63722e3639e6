//! Losses of probabilities: against labels of two classes, and against distributions.

use super::common::{number, promoted};
use super::loss_common::{over_count, pairwise, reduced, refuse_integers, require_shape_of_input};
use super::{add, amax, amin, detach, mul, neg, softplus, sub, sum, to_dtype};
use crate::compute::PairLoss;
use crate::{DType, Error, KlDivReduction, Reduction, Result, Tensor, autocast, shape};

/// Binary cross entropy between probabilities: `-(t · log(x) + (1 - t) · log(1 - x))`.
///
/// Each logarithm is at least -100. `target` has the input's shape; `weight` broadcasts to it. Differentiable.
///
/// # Defaults
/// weight = None, reduction = mean
///
/// # Errors
/// `Shape` when target and input differ in shape or the weight does not broadcast to it, `InvalidArgument` for an input
/// or target outside [0, 1], `DType` for an input that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.binary_cross_entropy`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.binary_cross_entropy(cf.tensor([0.5, 0.9]), cf.tensor([0.0, 1.0]))
/// tensor(0.3993)
/// ```
pub fn binary_cross_entropy(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    autocast::refuse("binary_cross_entropy", "binary_cross_entropy_with_logits", input)?;
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return binary_cross_entropy(&cast.of(input)?, &cast.of(target)?, cast.optional(weight)?.as_ref(), reduction);
    }
    refuse_integers(input, "probabilities")?;
    require_shape_of_input(input, "target", target)?;
    require_weight_of_input(input, "weight", weight)?;
    require_probabilities("input", input)?;
    require_probabilities("target", target)?;
    weighted("binary_cross_entropy", PairLoss::BinaryCrossEntropy, input, target, weight, reduction)
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
/// `Shape` when target and input differ in shape or a weight does not broadcast to it, `DType` for logits that are not
/// floating.
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
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return binary_cross_entropy_with_logits(
            &cast.of(input)?,
            &cast.of(target)?,
            cast.optional(weight)?.as_ref(),
            reduction,
            cast.optional(pos_weight)?.as_ref(),
        );
    }
    refuse_integers(input, "logits")?;
    require_shape_of_input(input, "target", target)?;
    require_weight_of_input(input, "weight", weight)?;
    require_weight_of_input(input, "pos_weight", pos_weight)?;
    let Some(pos_weight) = pos_weight else {
        let loss = PairLoss::BinaryCrossEntropyWithLogits;
        return weighted("binary_cross_entropy_with_logits", loss, input, target, weight, reduction);
    };
    let (input, target) = promoted(input, &to_dtype(target, input.dtype())?)?;
    let one = number(1.0);
    let soft = softplus(&neg(&input)?, 1.0, f64::INFINITY)?;
    let soft = mul(&soft, &add(&mul(&sub(pos_weight, &one)?, &target)?, &one)?)?;
    let losses = add(&mul(&sub(&one, &target)?, &input)?, &soft)?;
    reduced(&times(losses, weight)?, reduction)
}

fn require_probabilities(name: &str, given: &Tensor) -> Result<()> {
    if given.num_elements() == 0 || given.dtype() == DType::Bool {
        return Ok(());
    }
    let given = detach(given)?;
    let (least, most) = (amin(&given, None, false)?.to_number()?, amax(&given, None, false)?.to_number()?);
    // Not so where one is NaN.
    if least >= 0.0 && most <= 1.0 {
        return Ok(());
    }
    Err(Error::argument(format!(
        "all elements of the {name} must be probabilities, between 0 and 1, and they are from {least} to {most}"
    )))
}

/// Fails when a weight would make the losses more than the elements of the input.
fn require_weight_of_input(input: &Tensor, name: &str, weight: Option<&Tensor>) -> Result<()> {
    match weight {
        Some(weight) if shape::broadcast(&input.shape(), &weight.shape())? != input.shape() => Err(Error::shape(
            format!("the {name} of shape {:?} must broadcast to the input's shape {:?}", weight.dims(), input.dims()),
            &[&weight.dims(), &input.dims()],
        )),
        _ => Ok(()),
    }
}

/// A loss of pairs in one pass; with a weight the losses are reduced after it.
fn weighted(
    name: &'static str,
    loss: PairLoss,
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let target = to_dtype(target, input.dtype())?;
    if weight.is_none() {
        return pairwise(name, loss, input, &target, reduction);
    }
    reduced(&times(pairwise(name, loss, input, &target, Reduction::None)?, weight)?, reduction)
}

fn times(losses: Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
    weight.map_or(Ok(losses.clone()), |weight| mul(&losses, weight))
}

/// Kullback-Leibler divergence of a distribution from another: `target · (log(target) - input)`.
///
/// `input` holds logarithms of probabilities, `target` probabilities, or logarithms too with `log_target`. Shapes
/// broadcast. `batchmean` divides the sum by the size of the first dimension, which is the definition; `mean` divides
/// by the number of elements. Differentiable.
///
/// # Defaults
/// reduction = mean, log_target = False
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `DType` for an input that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.kl_div`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.kl_div(cf.log(cf.tensor([[0.5, 0.5]])), cf.tensor([[0.9, 0.1]]), reduction="batchmean")
/// tensor(0.3681)
/// ```
pub fn kl_div(input: &Tensor, target: &Tensor, reduction: KlDivReduction, log_target: bool) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return kl_div(&cast.of(input)?, &cast.of(target)?, reduction, log_target);
    }
    refuse_integers(input, "logarithms of probabilities")?;
    let loss = if log_target { PairLoss::KlDivergenceOfLogs } else { PairLoss::KlDivergence };
    let of = |reduction| pairwise("kl_div", loss, input, target, reduction);
    match reduction {
        KlDivReduction::None => of(Reduction::None),
        KlDivReduction::Mean => of(Reduction::Mean),
        KlDivReduction::Sum => of(Reduction::Sum),
        KlDivReduction::Batchmean => match input.shape().first() {
            Some(&size) => over_count(&of(Reduction::Sum)?, size),
            None => of(Reduction::Sum),
        },
    }
}

/// Logistic loss of scores against signs: `log(1 + exp(-target · input))`.
///
/// `target` holds 1 and -1 in the input's shape. Differentiable.
///
/// # Defaults
/// reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `DType` for an input that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.soft_margin_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.soft_margin_loss(cf.tensor([0.0, 2.0]), cf.tensor([1.0, -1.0]))
/// tensor(1.4100)
/// ```
pub fn soft_margin_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return soft_margin_loss(&cast.of(input)?, &cast.of(target)?, reduction);
    }
    refuse_integers(input, "the input")?;
    pairwise("soft_margin_loss", PairLoss::SoftMargin, input, target, reduction)
}

/// Binary cross entropy of scores for several labels: the mean over the last dimension.
///
/// `input` holds logits `[…, classes]`, `target` zeros and ones of its shape; `weight` broadcasts to it. Differentiable.
///
/// # Defaults
/// weight = None, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not fit, or for scalars, `DType` for logits that are not floating.
///
/// # PyTorch
/// `torch.nn.functional.multilabel_soft_margin_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.multilabel_soft_margin_loss(cf.tensor([[0.0, 2.0]]), cf.tensor([[0.0, 1.0]]))
/// tensor(0.4100)
/// ```
pub fn multilabel_soft_margin_loss(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    refuse_integers(input, "logits")?;
    let Some(classes) = input.shape().last().copied() else {
        return Err(Error::shape("the input needs a dimension of classes, and is a scalar", &[&[]]));
    };
    let loss = PairLoss::BinaryCrossEntropyWithLogits;
    let losses = pairwise("multilabel_soft_margin_loss", loss, input, target, Reduction::None)?;
    reduced(&over_count(&sum(&times(losses, weight)?, Some(&[-1]), false, None)?, classes)?, reduction)
}
