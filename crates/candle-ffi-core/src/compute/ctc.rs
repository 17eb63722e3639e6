//! Connectionist temporal classification. Half precision is computed in `float32` and rounded once.

use super::activation::is_half;
use super::copy::{cast, contiguous, contiguous_for_result, from_vec};
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Device, Error, Result, fallback, shape};
use candle_ffi_kernels::ctc as kernels;

/// The target of one sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where its labels begin among those of all sequences.
    pub(crate) start: usize,
    /// How many labels it has.
    pub(crate) len: usize,
    /// How many steps of the sequence count.
    pub(crate) steps: usize,
}

/// Sequences to align with their targets, which are inside of the labels.
pub(crate) struct Alignment {
    /// A vector of `int64`, where the distributions are.
    pub(crate) labels: Value,
    pub(crate) targets: Vec<Target>,
    /// The class that is no label.
    pub(crate) blank: usize,
}

/// What the gradient needs: the logarithms of forward probabilities, and what the host has read.
pub(crate) enum Forward {
    Narrow(OnHost<f32>),
    Wide(OnHost<f64>),
    #[cfg(feature = "cuda")]
    OnDevice(super::cuda::CtcForward),
}

/// The labels and steps of each sequence, and its logarithms.
pub(crate) struct OnHost<C> {
    targets: Vec<Vec<usize>>,
    lengths: Vec<usize>,
    alpha: Vec<Vec<C>>,
}

impl Alignment {
    /// The states of the longest target.
    pub(super) fn states(&self) -> usize {
        self.targets.iter().map(|target| 2 * target.len + 1).max().unwrap_or(0)
    }

    /// The labels of each sequence; what is none of them is not looked at.
    fn read(&self, classes: usize) -> Result<Vec<Vec<usize>>> {
        let labels = contiguous(&self.labels.to_device(Device::CPU)?)?.array.to_vec1::<i64>()?;
        let class = |label: &i64| {
            let found = usize::try_from(*label).ok().filter(|label| *label < classes);
            found.ok_or_else(|| Error::index(format!("label {label} is none of the {classes} classes")))
        };
        let of_one = |target: &Target| labels[target.start..][..target.len].iter().map(class).collect();
        self.targets.iter().map(of_one).collect()
    }
}

/// The loss of each sequence of `[steps, batch, classes]`.
pub(crate) fn ctc(log_probs: &Value, alignment: &Alignment) -> Result<(Value, Forward)> {
    on_cuda!(ctc(log_probs, alignment));
    let device = log_probs.device();
    if !device.is_cpu() {
        fallback::announce("ctc", &[log_probs])?;
    }
    let x = contiguous(&log_probs.to_device(Device::CPU)?)?;
    let [steps, count, classes] = *x.dims() else { return Err(Error::internal("ctc needs three dimensions")) };
    // What is kept of each sequence: steps × states.
    shape::check_allocation(&[count, steps, alignment.states()], x.dtype)?;
    // The losses of halves stay in float32: the gradient needs more of them than a half shows.
    let x = if is_half(x.dtype) { cast(&x, DType::Float32)? } else { x };
    let (targets, blank) = (alignment.read(classes)?, alignment.blank);
    let lengths: Vec<usize> = alignment.targets.iter().map(|target| target.steps).collect();
    let locked = lock([&x]);
    macro_rules! computed {
        ($T:ty, $kind:ident) => {{
            let log_probs = locked.slice::<$T>(0)?;
            let batch = kernels::Batch { log_probs, classes, targets: &targets, lengths: &lengths, blank };
            let (losses, alpha) = kernels::ctc(batch);
            (from_vec(losses, &[count], x.dtype), Forward::$kind(OnHost { targets, lengths, alpha }))
        }};
    }
    let (losses, forward) = if x.dtype == DType::Float64 { computed!(f64, Wide) } else { computed!(f32, Narrow) };
    Ok((losses.to_device(device)?, forward))
}

/// Its gradient, from one for each sequence.
pub(crate) fn ctc_grad(
    log_probs: &Value,
    alignment: &Alignment,
    losses: &Value,
    forward: &Forward,
    grad: &Value,
    zero_infinity: bool,
) -> Result<Value> {
    on_cuda!(ctc_grad(log_probs, losses, forward, grad, zero_infinity));
    if !host::on_cpu(&[log_probs, losses, grad]) {
        return host::round_trip_one("ctc_grad", [log_probs, losses, grad], |[log_probs, losses, grad]| {
            ctc_grad(&log_probs, alignment, &losses, forward, &grad, zero_infinity)
        });
    }
    let (dtype, wide) = (log_probs.dtype, log_probs.dtype.wide());
    let [x, losses, grad] = [log_probs, losses, grad].map(|value| contiguous(&cast(value, wide)?));
    let (x, losses, grad) = (contiguous_for_result(&x?)?, losses?, grad?);
    let locked = lock([&x, &losses, &grad]);
    let (classes, blank) = (x.dims()[2], alignment.blank);
    macro_rules! computed {
        ($T:ty, $known:expr) => {{
            let OnHost { targets, lengths, alpha } = $known;
            let batch = kernels::Batch { log_probs: locked.slice::<$T>(0)?, classes, targets, lengths, blank };
            let found = kernels::ctc_grad(batch, locked.slice(1)?, alpha, locked.slice(2)?, zero_infinity);
            from_vec(found, x.dims(), wide)
        }};
    }
    let result = match forward {
        Forward::Narrow(known) => computed!(f32, known),
        Forward::Wide(known) => computed!(f64, known),
        #[cfg(feature = "cuda")]
        Forward::OnDevice(_) => {
            return Err(Error::internal("what ctc has kept is on another device than its gradient"));
        }
    };
    cast(&result, dtype)
}
