//! Losses of scores against classes by margins.

use super::common::{number, same_device, sizes};
use super::loss_common::{
    not_below_zero, over_count, reduced, refuse_integers, require_class_weight, require_integers,
};
use super::{add, gather, index_select, mul, one_hot, reshape, square, sub, sum, to_dtype, unsqueeze, r#where};
use crate::compute;
use crate::value::Value;
use crate::{DType, Device, Error, Reduction, Result, Tensor, autocast};

/// Scores of rows of classes, and the shape of the losses.
fn rows(input: &Tensor) -> Result<(Tensor, usize, Vec<i64>)> {
    refuse_integers(input, "the input")?;
    let dims = input.shape();
    let (count, classes) = match dims[..] {
        [classes] => (1, classes),
        [count, classes] => (count, classes),
        _ => {
            return Err(Error::shape(
                format!("the input must have shape [classes] or [batch, classes], and has {:?}", &dims[..]),
                &[&dims],
            ));
        }
    };
    if classes == 0 {
        return Err(Error::shape(format!("the input of shape {:?} has no classes", &dims[..]), &[&dims]));
    }
    Ok((reshape(input, &[count as i64, classes as i64])?, classes, sizes(&dims[..dims.len() - 1])))
}

fn require_target(input: &Tensor, target: &Tensor, fits: bool) -> Result<()> {
    same_device(&[input, target])?;
    require_integers(target)?;
    if fits {
        return Ok(());
    }
    Err(Error::shape(
        format!("the target of shape {:?} does not fit the input of shape {:?}", target.dims(), input.dims()),
        &[&target.dims(), &input.dims()],
    ))
}

/// Loss of scores by a margin: the mean over classes of `max(0, margin - input[target] + input[other])^p`.
///
/// `input` has shape `[classes]` or `[batch, classes]`, `target` the shape without classes. `weight` has one factor
/// for each class, that of the target counts. `p` is 1 or 2. Differentiable.
///
/// # Defaults
/// p = 1, margin = 1.0, weight = None, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not fit, `Index` for a class that is not there, `InvalidArgument` for another `p`,
/// `DType` for an input that is not floating or a target that is not of integers.
///
/// # PyTorch
/// `torch.nn.functional.multi_margin_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.multi_margin_loss(cf.tensor([[0.1, 0.2, 0.9]]), cf.tensor([2]))
/// tensor(0.1667)
/// ```
pub fn multi_margin_loss(
    input: &Tensor,
    target: &Tensor,
    p: i64,
    margin: f64,
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return multi_margin_loss(
            &cast.of(input)?,
            &cast.of(target)?,
            p,
            margin,
            cast.optional(weight)?.as_ref(),
            reduction,
        );
    }
    if p != 1 && p != 2 {
        return Err(Error::argument(format!("p must be 1 or 2, and is {p}")));
    }
    let (x, classes, samples) = rows(input)?;
    let fits = sizes(&target.shape()) == samples || samples.is_empty() && target.shape().as_slice() == [1];
    require_target(input, target, fits)?;
    require_class_weight(weight, classes)?;
    let target = reshape(&to_dtype(target, DType::Int64)?, &[-1])?;
    let own = gather(&x, 1, &unsqueeze(&target, 1)?)?;
    let short = not_below_zero(&add(&sub(&x, &own)?, &number(margin))?)?;
    let mut losses = if p == 2 { square(&short)? } else { short };
    if let Some(weight) = weight {
        let factors = index_select(&to_dtype(weight, x.dtype())?, 0, &target)?;
        losses = mul(&losses, &unsqueeze(&factors, 1)?)?;
    }
    let hot = to_dtype(&one_hot(&target, classes as i64)?, DType::Bool)?;
    let losses = over_count(&sum(&r#where(&hot, &number(0.0), &losses)?, Some(&[1]), false, None)?, classes)?;
    reduced(&reshape(&losses, &samples)?, reduction)
}

/// Loss of scores for several labels by a margin: the sum, over labels and classes that are none, of
/// `max(0, 1 - input[label] + input[other])`, divided by the number of classes.
///
/// `input` has shape `[classes]` or `[batch, classes]`, and so has `target`: its rows hold labels up to the first
/// -1. Differentiable.
///
/// # Defaults
/// reduction = mean
///
/// # Errors
/// `Shape` when the shapes differ, `Index` for a label that is not there, `DType` for an input that is not floating or
/// a target that is not of integers.
///
/// # PyTorch
/// `torch.nn.functional.multilabel_margin_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.multilabel_margin_loss(cf.tensor([[0.1, 0.2, 0.4, 0.8]]), cf.tensor([[3, 0, -1, 1]]))
/// tensor(0.8500)
/// ```
pub fn multilabel_margin_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return multilabel_margin_loss(&cast.of(input)?, &cast.of(target)?, reduction);
    }
    let (x, classes, samples) = rows(input)?;
    require_target(input, target, target.shape() == input.shape())?;
    let labels = Labels::read(target, classes)?;
    let (count, most) = (labels.count as i64, labels.most as i64);
    let device = input.device();
    let on = |value: Value| Ok::<_, Error>(Tensor::from_value(value.send_to(device)?));
    let picked = on(compute::from_vec(labels.index, &[labels.count, labels.most], DType::Int64))?;
    // One where both are given: a label, and a class that is none.
    let given = on(compute::from_vec(labels.given, &[labels.count, labels.most, 1], DType::Bool))?;
    let others = on(compute::from_vec(labels.others, &[labels.count, 1, classes], DType::Bool))?;
    let own = reshape(&gather(&x, 1, &picked)?, &[count, most, 1])?;
    let short = not_below_zero(&add(&sub(&unsqueeze(&x, 1)?, &own)?, &number(1.0))?)?;
    let counts = super::logical_and(&given, &others)?;
    let losses = sum(&r#where(&counts, &short, &number(0.0))?, Some(&[1, 2]), false, None)?;
    reduced(&reshape(&over_count(&losses, classes)?, &samples)?, reduction)
}

/// The labels of each row, padded to the most that a row has.
struct Labels {
    count: usize,
    most: usize,
    /// `[count, most]`, zero where there is none.
    index: Vec<i64>,
    /// `[count, most]`, whether there is one.
    given: Vec<u8>,
    /// `[count, classes]`, whether a class is no label.
    others: Vec<u8>,
}

impl Labels {
    fn read(target: &Tensor, classes: usize) -> Result<Self> {
        let target = to_dtype(target, DType::Int64)?.value().to_device(Device::CPU)?;
        let all: Vec<i64> = target.array.flatten_all()?.to_vec1()?;
        let rows: Vec<&[i64]> = all
            .chunks_exact(classes)
            .map(|row| &row[..row.iter().position(|label| *label < 0).unwrap_or(classes)])
            .collect();
        // Also behind the end of the labels.
        if let Some(label) = all.iter().find(|label| !(-1..classes as i64).contains(*label)) {
            return Err(Error::index(format!("label {label} is out of range for {classes} classes")));
        }
        let (count, most) = (rows.len(), rows.iter().map(|row| row.len()).max().unwrap_or(0));
        let mut labels = Self {
            count,
            most,
            index: vec![0; count * most],
            given: vec![0; count * most],
            others: vec![1; all.len()],
        };
        for (at, row) in rows.iter().enumerate() {
            for (place, label) in row.iter().enumerate() {
                labels.index[at * most + place] = *label;
                labels.given[at * most + place] = 1;
                labels.others[at * classes + *label as usize] = 0;
            }
        }
        Ok(labels)
    }
}
