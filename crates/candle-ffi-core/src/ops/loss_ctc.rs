//! Connectionist temporal classification.

use super::common::same_device;
use super::loss_common::{reduced, refuse_integers, require_integers};
use super::{div, mean, reshape};
use crate::autograd::{self, Saved};
use crate::compute::{self, Alignment, Target};
use crate::value::Value;
use crate::{DType, Error, ErrorCode, Reduction, Result, Tensor, autocast};

/// Connectionist temporal classification: how badly sequences of distributions spell their targets, over all
/// alignments.
///
/// `log_probs` are logarithms of probabilities `[steps, batch, classes]`, such as `log_softmax` gives, or
/// `[steps, classes]`. `targets` holds labels, `[batch, length]` or all one after the other; `input_lengths` and
/// `target_lengths` have one number for each sequence. `blank` is the class that is no label. The mean is of the
/// losses divided by their target's length. `zero_infinity` makes losses of targets that cannot be spelled, and their
/// gradients, zero. Differentiable, once; the gradient is that of logits before a `log_softmax`, as in PyTorch.
/// Source: Graves et al., 2006.
///
/// # Defaults
/// blank = 0, reduction = mean, zero_infinity = False
///
/// # Errors
/// `Shape` when the shapes and lengths do not fit, `Index` for a label or blank that is no class, `DType` for an input
/// that is not floating or a target that is not of integers.
///
/// # PyTorch
/// `torch.nn.functional.ctc_loss`
///
/// # Examples
/// ```python
/// >>> log_probs = cf.log_softmax(cf.zeros(4, 1, 3), dim=-1)
/// >>> cf.nn.functional.ctc_loss(log_probs, cf.tensor([[1, 2]]), [4], [2])
/// tensor(0.8432)
/// ```
pub fn ctc_loss(
    log_probs: &Tensor,
    targets: &Tensor,
    input_lengths: &[i64],
    target_lengths: &[i64],
    blank: i64,
    reduction: Reduction,
    zero_infinity: bool,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[log_probs]) {
        return ctc_loss(
            &cast.of(log_probs)?,
            &cast.of(targets)?,
            input_lengths,
            target_lengths,
            blank,
            reduction,
            zero_infinity,
        );
    }
    refuse_integers(log_probs, "logarithms of probabilities")?;
    same_device(&[log_probs, targets])?;
    let dims = log_probs.shape();
    let (x, samples) = match dims[..] {
        [steps, classes] => (reshape(log_probs, &[steps as i64, 1, classes as i64])?, vec![]),
        [_, batch, _] => (log_probs.clone(), vec![batch as i64]),
        _ => {
            return Err(Error::shape(
                format!(
                    "log_probs must have shape [steps, batch, classes] or [steps, classes], and has {:?}",
                    &dims[..]
                ),
                &[&dims],
            ));
        }
    };
    let alignment = alignment(&x, targets, input_lengths, target_lengths, blank)?;
    let lengths: Vec<f64> = alignment.targets.iter().map(|target| target.len.max(1) as f64).collect();
    let losses = reshape(&recorded(&x, alignment, zero_infinity)?, &samples)?;
    if reduction != Reduction::Mean {
        return reduced(&losses, reduction);
    }
    let count = lengths.len();
    let lengths = compute::cast(&compute::from_vec(lengths, &[count], DType::Float64), x.dtype())?;
    mean(&div(&losses, &Tensor::from_value(lengths.send_to(x.device())?))?, None, false, None)
}

/// The losses `[batch]` of `[steps, batch, classes]`.
fn recorded(x: &Tensor, alignment: Alignment, zero_infinity: bool) -> Result<Tensor> {
    let (losses, forward) = compute::ctc(&x.value(), &alignment)?;
    let shown = if zero_infinity {
        let infinite = compute::fill(f64::INFINITY, &[], losses.dtype, losses.device())?;
        let infinite = compute::compare(compute::Compare::Eq, &losses, &infinite)?;
        compute::select(&infinite, &compute::fill(0.0, &[], losses.dtype, losses.device())?, &losses)?
    } else {
        losses.clone()
    };
    let shown = compute::cast(&shown, x.dtype())?;
    Tensor::record("ctc_loss", shown, [x], || {
        let saved = Saved::new(x);
        move |grad, _| {
            let x = saved.get()?;
            let slope = compute::ctc_grad(&x.value(), &alignment, &losses, &forward, &grad.value(), zero_infinity)?;
            if !autograd::is_enabled() {
                return Ok([Some(Tensor::from_value(slope))]);
            }
            let once = Tensor::record("ctc_loss_backward", slope, [grad, x], || {
                |_, _| -> Result<[Option<Tensor>; 2]> {
                    Err(Error::new(ErrorCode::NoGradient, "the gradient of ctc_loss cannot be differentiated again"))
                }
            });
            Ok([Some(once?)])
        }
    })
}

/// The sequences and their targets. That labels are classes is checked where they are.
fn alignment(
    x: &Tensor,
    targets: &Tensor,
    input_lengths: &[i64],
    target_lengths: &[i64],
    blank: i64,
) -> Result<Alignment> {
    let dims = x.shape();
    let (steps, batch, classes) = (dims[0], dims[1], dims[2]);
    if steps == 0 || batch == 0 || classes == 0 {
        return Err(Error::shape(format!("log_probs must not be empty, and has the shape {:?}", &dims[..]), &[&dims]));
    }
    for (name, lengths, most) in
        [("input_lengths", input_lengths, Some(steps)), ("target_lengths", target_lengths, None)]
    {
        if lengths.len() != batch {
            return Err(Error::shape(
                format!("{name} must have one length for each of the {batch} sequences, and has {}", lengths.len()),
                &[&dims, &[lengths.len()]],
            ));
        }
        let fits = |length: i64| usize::try_from(length).is_ok_and(|length| most.is_none_or(|most| length <= most));
        if let Some(length) = lengths.iter().find(|length| !fits(**length)) {
            return Err(Error::argument(match most {
                Some(most) => format!("{name} must be between 0 and the {most} steps of log_probs, and has {length}"),
                None => format!("{name} must not be negative, and has {length}"),
            }));
        }
    }
    let blank = usize::try_from(blank)
        .ok()
        .filter(|blank| *blank < classes)
        .ok_or_else(|| Error::index(format!("blank {blank} is none of the {classes} classes")))?;
    let (labels, starts) = labels(targets, target_lengths)?;
    let targets = starts
        .into_iter()
        .zip(target_lengths)
        .zip(input_lengths)
        .map(|((start, len), steps)| Target { start, len: *len as usize, steps: *steps as usize })
        .collect();
    Ok(Alignment { labels, targets, blank })
}

/// All labels one after the other, and where those of each sequence begin.
fn labels(targets: &Tensor, lengths: &[i64]) -> Result<(Value, Vec<usize>)> {
    require_integers(targets)?;
    let dims = targets.shape();
    let refuse = |message: String| Err(Error::shape(message, &[&dims]));
    let starts = match dims[..] {
        [count] => {
            let total = lengths.iter().try_fold(0i64, |total, length| total.checked_add(*length));
            if total != Some(count as i64) {
                return refuse(format!(
                    "targets of shape {:?} must have as many labels as target_lengths {lengths:?} have together",
                    &dims[..]
                ));
            }
            let before = |next: &mut usize, length: &i64| {
                let start = *next;
                *next += *length as usize;
                Some(start)
            };
            lengths.iter().scan(0, before).collect()
        }
        [count, room] if count == lengths.len() => {
            if let Some(length) = lengths.iter().find(|length| **length > room as i64) {
                return refuse(format!(
                    "targets of shape {:?} have no room for a target of length {length}",
                    &dims[..]
                ));
            }
            (0..count).map(|at| at * room).collect()
        }
        _ => {
            return refuse(format!(
                "targets must have shape [{}, length] or be all labels one after the other, and have {:?}",
                lengths.len(),
                &dims[..]
            ));
        }
    };
    let all = compute::contiguous(&compute::cast(&targets.value(), DType::Int64)?)?;
    let count = all.num_elements();
    Ok((all.with_dims(&[count])?, starts))
}
