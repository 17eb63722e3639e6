//! Connectionist temporal classification: a block for each sequence.

use crate::array::{address, device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::transfer::from_host_staged;
use crate::{ptx, report};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Device, Result, Tensor, bail};

/// Threads of a block at most that goes through the steps of a sequence, and those of one that adds up a step.
const THREADS: usize = 512;
const STEP_THREADS: u32 = 128;
const CHECK_THREADS: u32 = 256;
const MOST_BLOCKS: usize = 1 << 16;

/// The part of the labels that is a sequence's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Where its labels begin.
    pub start: usize,
    /// How many there are.
    pub len: usize,
    /// How many steps of the sequence count.
    pub steps: usize,
}

/// Sequences to align with their targets.
#[derive(Clone, Debug)]
pub struct Sequences {
    labels: Tensor,
    spans: Tensor,
    count: usize,
    states: usize,
    longest: usize,
    blank: usize,
}

/// `Sequences` in ctc.cu.
#[repr(C)]
#[derive(Clone, Copy)]
struct Given {
    labels: u64,
    spans: u64,
    count: i64,
    steps: i64,
    classes: i64,
    states: i64,
    blank: i64,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Given {}

impl Sequences {
    /// Targets in a contiguous vector of `i64` labels on a device. Nobody waits for the device.
    pub fn new(labels: Tensor, targets: &[Labels], blank: usize) -> Result<Self> {
        let inside =
            |target: &Labels| target.start.checked_add(target.len).is_some_and(|end| end <= labels.elem_count());
        if labels.dtype() != DType::I64 || !labels.is_contiguous() || !targets.iter().all(inside) {
            bail!("the targets disagree with their labels");
        }
        let most = targets.iter().map(|target| target.len).max().unwrap_or(0);
        if i32::try_from(most).is_err() {
            bail!("a target of {most} labels is too long for the kernels");
        }
        let spans: Vec<i64> = targets
            .iter()
            .flat_map(|target| [target.start, target.len, target.steps].map(|number| number as i64))
            .collect();
        let spans = Tensor::from_vec(spans, (targets.len(), 3), &Device::Cpu)?;
        let spans = from_host_staged(&spans, device(&labels)?)?;
        let longest = targets.iter().map(|target| target.steps).max().unwrap_or(0);
        Ok(Self { labels, spans, count: targets.len(), states: 2 * most + 1, longest, blank })
    }

    fn given(&self, log_probs: &Tensor) -> Result<(Given, [usize; 3])> {
        let (steps, count, classes) = log_probs.dims3()?;
        if count != self.count || self.longest > steps || self.blank >= classes {
            bail!("{:?} has no room for the sequences", log_probs.shape());
        }
        let given = Given {
            labels: address(&self.labels)?,
            spans: address(&self.spans)?,
            count: count as i64,
            steps: steps as i64,
            classes: classes as i64,
            states: self.states as i64,
            blank: self.blank as i64,
        };
        Ok((given, [steps, count, classes]))
    }

    /// A kernel that goes through the steps of each sequence.
    ///
    /// # Safety
    ///
    /// As for [`Launch::run`].
    unsafe fn walk(&self, launch: &mut Launch) -> Result<()> {
        let threads = self.states.next_multiple_of(32).min(THREADS);
        // SAFETY: the caller's word.
        unsafe { launch.run([self.count.min(MOST_BLOCKS) as u32, 1, 1], [threads as u32, 1, 1], 0) }
    }
}

/// The losses of sequences, and what their gradient needs.
pub struct Ctc {
    /// One for each sequence.
    pub losses: Tensor,
    /// The logarithms of the forward probabilities, `[sequences, steps, states]`; those of no step or state are not set.
    pub forward: Tensor,
}

/// The losses of `[steps, sequences, classes]` logarithms of probabilities, of `f32` or `f64`; None for other dtypes. A label
/// that is no class is reported, see [`crate::report`]; the losses are of no use then.
pub fn ctc(log_probs: &Tensor, sequences: &Sequences) -> Result<Option<Ctc>> {
    let dtype = log_probs.dtype();
    if !matches!(dtype, DType::F32 | DType::F64) {
        return Ok(None);
    }
    let log_probs = contiguous(log_probs)?;
    let (device, (given, [steps, count, classes])) = (device(&log_probs)?, sequences.given(&log_probs)?);
    check(device, given, classes)?;
    let (losses, forward) = (empty(device, count, dtype)?, empty(device, (count, steps, sequences.states), dtype)?);
    let mut launch = Launch::of(device, ptx::CTC, "ctc_forward", dtype)?;
    launch.tensor(&log_probs)?.value(given).tensor(&forward)?.tensor(&losses)?;
    // SAFETY: as the kernel is declared; targets are inside of the labels, and no sequence has more steps or states than
    // there is room for.
    unsafe { sequences.walk(&mut launch) }?;
    Ok(Some(Ctc { losses, forward }))
}

fn check(device: &CudaDevice, given: Given, classes: usize) -> Result<()> {
    let found = report::slot(device, classes)?;
    let mut launch = Launch::plain(device, ptx::CTC, "ctc_check")?;
    launch.value(given).value(found);
    // SAFETY: as the kernel is declared, for one block.
    unsafe { launch.run([1, 1, 1], [CHECK_THREADS, 1, 1], 0) }
}

/// The gradient of the logarithms of probabilities, as if they came from a log-softmax, from what [`ctc`] gave and the
/// gradients of the losses. `zero_infinity` makes that of a target that cannot be spelled zero.
pub fn ctc_grad(
    log_probs: &Tensor,
    sequences: &Sequences,
    losses: &Tensor,
    forward: &Tensor,
    grads: &Tensor,
    zero_infinity: bool,
) -> Result<Option<Tensor>> {
    let dtype = log_probs.dtype();
    if !matches!(dtype, DType::F32 | DType::F64) {
        return Ok(None);
    }
    let [log_probs, losses, forward, grads] = [log_probs, losses, forward, grads].map(contiguous);
    let (log_probs, losses, forward, grads) = (log_probs?, losses?, forward?, grads?);
    let (device, (given, [steps, count, _])) = (device(&log_probs)?, sequences.given(&log_probs)?);
    let right = forward.dims() == [count, steps, sequences.states]
        && [&losses, &grads].iter().all(|x| x.elem_count() == count)
        && [&losses, &forward, &grads].iter().all(|x| x.dtype() == dtype);
    if !right {
        bail!("what is known of the sequences disagrees with them");
    }
    let later = empty(device, (count, 2, sequences.states), dtype)?;
    let joint = empty(device, forward.shape(), dtype)?;
    let links = empty(device, (count, sequences.states / 2, 2), DType::I32)?;
    let mut launch = Launch::of(device, ptx::CTC, "ctc_backward", dtype)?;
    launch.tensor(&log_probs)?.value(given).tensor(&forward)?.tensor(&later)?.tensor(&joint)?.tensor(&links)?;
    // SAFETY: as the kernel is declared, with the sizes that were compared above.
    unsafe { sequences.walk(&mut launch) }?;
    let result = empty(device, log_probs.shape(), dtype)?;
    let mut launch = Launch::of(device, ptx::CTC, "ctc_slopes", dtype)?;
    launch.tensor(&log_probs)?.value(given).tensor(&joint)?.tensor(&links)?.tensor(&losses)?.tensor(&grads)?;
    launch.value(u32::from(zero_infinity)).tensor(&result)?;
    // SAFETY: as the kernel is declared, with the sizes that were compared above.
    unsafe { launch.run([(steps * count).min(MOST_BLOCKS) as u32, 1, 1], [STEP_THREADS, 1, 1], 0) }?;
    Ok(Some(result))
}
