//! Losses of how near vectors are to each other.

use super::common::{number, to_float};
use super::loss_common::{not_below_zero, reduced, refuse_integers};
use super::{add, div, eq, minimum, mul, ne, neg, pairwise_distance, sqrt, square, sub, sum, r#where};
use crate::{Error, Reduction, Result, Tensor, autocast};

/// Loss of distances: `input` where the target is 1, `max(0, margin - input)` where it is -1.
///
/// Shapes broadcast. Differentiable with respect to the input.
///
/// # Defaults
/// margin = 1.0, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `DType` for an input that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.hinge_embedding_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.hinge_embedding_loss(cf.tensor([0.5, 0.2]), cf.tensor([1.0, -1.0]))
/// tensor(0.6500)
/// ```
pub fn hinge_embedding_loss(input: &Tensor, target: &Tensor, margin: f64, reduction: Reduction) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return hinge_embedding_loss(&cast.of(input)?, &cast.of(target)?, margin, reduction);
    }
    refuse_integers(input, "the input")?;
    let zero = number(0.0);
    let far = not_below_zero(&sub(&number(margin), input)?)?;
    let far = r#where(&ne(target, &number(1.0))?, &far, &zero)?;
    let near = r#where(&ne(target, &number(-1.0))?, input, &zero)?;
    reduced(&add(&far, &near)?, reduction)
}

/// Loss of an order: `max(0, margin - target · (input1 - input2))`.
///
/// The target is 1 where `input1` should be larger, -1 where `input2` should. Shapes broadcast. Differentiable.
///
/// # Defaults
/// margin = 0.0, reduction = mean
///
/// # Errors
/// `Shape` when the ranks differ or the shapes do not broadcast.
///
/// # PyTorch
/// `torch.nn.functional.margin_ranking_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.margin_ranking_loss(cf.tensor([1.0, 2.0]), cf.tensor([2.0, 1.0]), cf.tensor([1.0, 1.0]))
/// tensor(0.5000)
/// ```
pub fn margin_ranking_loss(
    input1: &Tensor,
    input2: &Tensor,
    target: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input1]) {
        return margin_ranking_loss(&cast.of(input1)?, &cast.of(input2)?, &cast.of(target)?, margin, reduction);
    }
    let (first, second) = (input1.shape(), input2.shape());
    if first.len() != second.len() || first.len() != target.rank() {
        return Err(Error::shape(
            format!(
                "both inputs and the target must have the same number of dimensions, and have the shapes {:?}, {:?} \
                 and {:?}",
                &first[..],
                &second[..],
                target.dims()
            ),
            &[&first, &second, &target.dims()],
        ));
    }
    let gain = mul(&neg(&to_float(target)?)?, &sub(input1, input2)?)?;
    reduced(&not_below_zero(&add(&gain, &number(margin))?)?, reduction)
}

/// Loss of triplets: `max(0, margin + distance(anchor, positive) - distance(anchor, negative))`.
///
/// Distances are norms of order `p` along the last dimension. With `swap`, the negative's distance is the lesser of
/// that to the anchor and that to the positive. Differentiable. Source: Balntas et al., 2016.
///
/// # Defaults
/// margin = 1.0, p = 2.0, eps = 1e-6, swap = False, reduction = mean
///
/// # Errors
/// `Shape` when the ranks differ or the shapes do not broadcast, `InvalidArgument` unless `margin` is positive.
///
/// # PyTorch
/// `torch.nn.functional.triplet_margin_loss`
///
/// # Examples
/// ```python
/// >>> near, far = cf.tensor([[0.0, 1.0]]), cf.tensor([[0.0, 1.5]])
/// >>> cf.nn.functional.triplet_margin_loss(cf.zeros(1, 2), near, far)
/// tensor(0.5000)
/// ```
#[expect(clippy::too_many_arguments, reason = "these are PyTorch's")]
pub fn triplet_margin_loss(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    margin: f64,
    p: f64,
    eps: f64,
    swap: bool,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[anchor]) {
        return triplet_margin_loss(
            &cast.of(anchor)?,
            &cast.of(positive)?,
            &cast.of(negative)?,
            margin,
            p,
            eps,
            swap,
            reduction,
        );
    }
    if margin.is_nan() || margin <= 0.0 {
        return Err(Error::argument(format!("margin must be positive, and is {margin}")));
    }
    if anchor.rank() != positive.rank() || anchor.rank() != negative.rank() {
        let shapes = [anchor.dims(), positive.dims(), negative.dims()];
        return Err(Error::shape(
            format!(
                "anchor, positive and negative must have the same number of dimensions, and have the shapes {:?}, \
                 {:?} and {:?}",
                shapes[0], shapes[1], shapes[2]
            ),
            &[&shapes[0], &shapes[1], &shapes[2]],
        ));
    }
    let distance = |a: &Tensor, b: &Tensor| pairwise_distance(a, b, p, eps, false);
    let near = distance(anchor, positive)?;
    let mut far = distance(anchor, negative)?;
    if swap {
        far = minimum(&far, &distance(positive, negative)?)?;
    }
    reduced(&not_below_zero(&sub(&add(&near, &number(margin))?, &far)?)?, reduction)
}

/// Loss of angles: `1 - cos` where the target is 1, `max(0, cos - margin)` where it is -1.
///
/// The inputs have shape `[batch, size]` with a target `[batch]`, or `[size]` with a scalar target. Differentiable.
///
/// # Defaults
/// margin = 0.0, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not fit.
///
/// # PyTorch
/// `torch.nn.functional.cosine_embedding_loss`
///
/// # Examples
/// ```python
/// >>> a, b = cf.tensor([[1.0, 0.0]]), cf.tensor([[1.0, 1.0]])
/// >>> cf.nn.functional.cosine_embedding_loss(a, b, cf.tensor([1.0]))
/// tensor(0.2929)
/// ```
pub fn cosine_embedding_loss(
    input1: &Tensor,
    input2: &Tensor,
    target: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input1]) {
        return cosine_embedding_loss(&cast.of(input1)?, &cast.of(input2)?, &cast.of(target)?, margin, reduction);
    }
    let rank = target.rank();
    if rank > 1 || input1.rank() != rank + 1 || input2.rank() != rank + 1 {
        let shapes = [input1.dims(), input2.dims(), target.dims()];
        return Err(Error::shape(
            format!(
                "the inputs must have shape [batch, size] with a target [batch], or [size] with a scalar target, and \
                 have {:?} and {:?} with a target {:?}",
                shapes[0], shapes[1], shapes[2]
            ),
            &[&shapes[0], &shapes[1], &shapes[2]],
        ));
    }
    let (x1, x2) = (to_float(input1)?, to_float(input2)?);
    let over = |x: &Tensor| sum(x, Some(&[rank as i64]), false, None);
    let size = |x: &Tensor| add(&over(&square(x)?)?, &number(1e-12));
    let cosine = div(&over(&mul(&x1, &x2)?)?, &sqrt(&mul(&size(&x1)?, &size(&x2)?)?)?)?;
    let zero = number(0.0);
    let near = r#where(&eq(target, &number(1.0))?, &sub(&number(1.0), &cosine)?, &zero)?;
    let far = not_below_zero(&sub(&cosine, &number(margin))?)?;
    let far = r#where(&eq(target, &number(-1.0))?, &far, &zero)?;
    reduced(&add(&near, &far)?, reduction)
}
