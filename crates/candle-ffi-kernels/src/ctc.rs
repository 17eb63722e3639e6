//! Connectionist temporal classification (Graves, Fernández, Gomez and Schmidhuber, 2006): the probability that a sequence
//! of distributions spells a target, over all alignments, and its gradient. Compiled for `f32` and `f64` alone.
//!
//! A target of length s is walked through 2s + 1 states: a blank, its first label, a blank, its second label, … .

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, Shared, for_each_range};
use crate::profile;
use crate::simd::{self, Kernel};

/// A batch of sequences. Each target's labels are below `classes`, each length at most `steps`.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, C> {
    /// Logarithms of probabilities, `[steps, targets.len(), classes]`.
    pub log_probs: &'a [C],
    /// The number of classes.
    pub classes: usize,
    /// The labels of each sequence.
    pub targets: &'a [Vec<usize>],
    /// The number of steps of each sequence that count.
    pub lengths: &'a [usize],
    /// The class that is no label.
    pub blank: usize,
}

impl<C: Compute> Batch<'_, C> {
    fn check(&self) {
        let size = self.targets.len() * self.classes;
        let steps = self.log_probs.len().checked_div(size).unwrap_or(0);
        assert_eq!(self.lengths.len(), self.targets.len(), "there is one length for each target");
        assert_eq!(self.log_probs.len(), steps * size, "the length disagrees with the shape");
        assert!(size == 0 || self.lengths.iter().all(|length| *length <= steps), "a sequence is too long");
    }

    /// The distribution of one sequence at one step.
    fn at(&self, step: usize, sequence: usize) -> &[C] {
        &self.log_probs[(step * self.targets.len() + sequence) * self.classes..][..self.classes]
    }

    /// The states of a sequence.
    fn states(&self, sequence: usize) -> States<C> {
        let target = &self.targets[sequence];
        let blank = std::iter::repeat(self.blank);
        let mut classes: Vec<usize> = blank.zip(target).flat_map(|(blank, label)| [blank, *label]).collect();
        classes.push(self.blank);
        // A state may follow the one two before it where both are labels and differ.
        let label = |state: usize| (state % 2 == 1).then(|| target.get(state / 2)).flatten();
        let skips = (0..classes.len() + 2)
            .map(|state| match (state.checked_sub(2).and_then(label), label(state)) {
                (Some(before), Some(own)) if before != own => C::ZERO,
                _ => C::NEG_INFINITY,
            })
            .collect();
        States { classes, skips }
    }

    fn grain(&self) -> usize {
        let cost = self.log_probs.len() / self.targets.len().max(1);
        (GRAIN_MATH / 4).div_ceil(cost.max(1))
    }
}

/// The states that a target is walked through.
struct States<C> {
    /// The class of each.
    classes: Vec<usize>,
    /// For each state and two after the last: 0 where it may follow the one two before it, else minus infinity.
    skips: Vec<C>,
}

/// ln(Σ exp(x)); minus infinity where all are.
#[inline(always)]
fn log_sum_exp<C: Compute, const FMA: bool>(a: C, b: C, c: C) -> C {
    let max = if a > b { a } else { b };
    let max = if c > max { c } else { max };
    let max = if max == C::NEG_INFINITY { C::ZERO } else { max };
    let sum = (a - max).exp_flush::<FMA>() + (b - max).exp_flush::<FMA>() + (c - max).exp_flush::<FMA>();
    sum.log::<FMA>() + max
}

/// The losses of the sequences, and for each the logarithms of the forward probabilities, `[length, states]`.
pub fn ctc<C: Compute>(batch: Batch<'_, C>) -> (Vec<C>, Vec<Vec<C>>) {
    let _span = profile::kernel("ctc");
    batch.check();
    let count = batch.targets.len();
    let (mut losses, mut forward) = (vec![C::ZERO; count], vec![Vec::new(); count]);
    let (shared_losses, shared_forward) = (Shared::new(&mut losses), Shared::new(&mut forward));
    for_each_range(count, batch.grain(), |range| {
        for sequence in range {
            // SAFETY: sequences are disjoint and the vectors outlive the loop.
            let (loss, alpha) = unsafe {
                (
                    &mut shared_losses.slice(sequence..sequence + 1)[0],
                    &mut shared_forward.slice(sequence..sequence + 1)[0],
                )
            };
            let walk = batch.states(sequence);
            *alpha = simd::run(Alpha { batch: &batch, walk: &walk, sequence });
            let states = walk.classes.len();
            *loss = -match alpha.len().checked_sub(states) {
                // Nothing is spelled by no step.
                None if states == 1 => C::ZERO,
                None => C::NEG_INFINITY,
                Some(last) if states == 1 => alpha[last],
                Some(last) => {
                    log_sum_exp::<C, false>(alpha[last + states - 1], alpha[last + states - 2], C::NEG_INFINITY)
                }
            };
        }
    });
    (losses, forward)
}

/// The logarithms of the forward probabilities of one sequence.
struct Alpha<'a, C> {
    batch: &'a Batch<'a, C>,
    walk: &'a States<C>,
    sequence: usize,
}

impl<C: Compute> Kernel for Alpha<'_, C> {
    type Output = Vec<C>;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Vec<C> {
        let Alpha { batch, walk: States { classes, skips }, sequence } = self;
        let (length, states) = (batch.lengths[sequence], classes.len());
        let mut alpha = vec![C::NEG_INFINITY; length * states];
        // The step before, after two states that cannot be.
        let mut before = vec![C::NEG_INFINITY; states + 2];
        let mut own = vec![C::ZERO; states];
        for (step, now) in alpha.chunks_exact_mut(states).enumerate() {
            let log_probs = batch.at(step, sequence);
            for (cell, class) in own.iter_mut().zip(classes) {
                *cell = log_probs[*class];
            }
            if step == 0 {
                let first = states.min(2);
                now[..first].copy_from_slice(&own[..first]);
            } else {
                let (two, one, same) = (&before[..states], &before[1..][..states], &before[2..][..states]);
                // Slices of one known length: no check is left in the loop, and it vectorises.
                let (skips, own, now) = (&skips[..states], &own[..states], &mut now[..states]);
                for state in 0..states {
                    let sum = log_sum_exp::<C, FMA>(same[state], one[state], two[state] + skips[state]);
                    now[state] = sum + own[state];
                }
            }
            before[2..].copy_from_slice(now);
        }
        alpha
    }
}

/// The gradient of the logarithms of probabilities, as if they came from a log-softmax, from what [`ctc`] gave and the
/// gradient of each loss. `zero_infinity` makes the gradient of a target that cannot be spelled zero.
pub fn ctc_grad<C: Compute>(
    batch: Batch<'_, C>,
    losses: &[C],
    forward: &[Vec<C>],
    grads: &[C],
    zero_infinity: bool,
) -> Vec<C> {
    let _span = profile::kernel("ctc_grad");
    batch.check();
    let count = batch.targets.len();
    assert_eq!((losses.len(), forward.len(), grads.len()), (count, count, count), "lengths disagree");
    let mut result = vec![C::ZERO; batch.log_probs.len()];
    let shared = Shared::new(&mut result);
    for_each_range(count, batch.grain(), |range| {
        for sequence in range {
            if zero_infinity && losses[sequence] == -C::NEG_INFINITY {
                continue;
            }
            let walk = batch.states(sequence);
            simd::run(Slopes {
                batch: &batch,
                walk: &walk,
                sequence,
                alpha: &forward[sequence],
                loss: losses[sequence],
                grad: grads[sequence],
                out: shared,
            });
        }
    });
    result
}

/// Writes the gradient of one sequence.
struct Slopes<'a, C> {
    batch: &'a Batch<'a, C>,
    walk: &'a States<C>,
    sequence: usize,
    alpha: &'a [C],
    loss: C,
    grad: C,
    out: Shared<C>,
}

impl<C: Compute> Kernel for Slopes<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Slopes { batch, walk: States { classes, skips }, sequence, alpha, loss, grad, out } = self;
        let (length, states) = (batch.lengths[sequence], classes.len());
        // The backward probabilities of the step after, before two states that cannot be.
        let mut after = vec![C::NEG_INFINITY; states + 2];
        let (mut joint, mut shares) = (vec![C::NEG_INFINITY; states], vec![C::ZERO; batch.classes]);
        for step in (0..length).rev() {
            let (log_probs, alpha) = (batch.at(step, sequence), &alpha[step * states..][..states]);
            // What follows this step, and so without its own probability.
            if step + 1 == length {
                joint[states.saturating_sub(2)..].fill(C::ZERO);
            } else {
                let (same, one, two) = (&after[..states], &after[1..][..states], &after[2..][..states]);
                let (skips, joint) = (&skips[2..][..states], &mut joint[..states]);
                for state in 0..states {
                    joint[state] = log_sum_exp::<C, FMA>(same[state], one[state], two[state] + skips[state]);
                }
            }
            for ((cell, following), class) in after.iter_mut().zip(&joint).zip(classes) {
                *cell = *following + log_probs[*class];
            }
            let mut max = C::NEG_INFINITY;
            for (cell, alpha) in joint.iter_mut().zip(alpha) {
                *cell += *alpha;
                max = if *cell > max { *cell } else { max };
            }
            let shift = if max == C::NEG_INFINITY { C::ZERO } else { max };
            for cell in &mut joint {
                *cell = (*cell - shift).exp_flush::<FMA>();
            }
            shares.fill(C::ZERO);
            for (part, class) in joint.iter().zip(classes) {
                shares[*class] += *part;
            }
            // Of one where the target can be spelled, else NaN.
            let scale = (max + loss).exp::<FMA>();
            let start = (step * batch.targets.len() + sequence) * batch.classes;
            // SAFETY: sequences are disjoint and the vector outlives the loop.
            let out = unsafe { out.slice(start..start + batch.classes) };
            for ((cell, log_prob), share) in out.iter_mut().zip(log_probs).zip(&shares) {
                *cell = (log_prob.exp_flush::<FMA>() - *share * scale) * grad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normalised rows of logarithms.
    fn log_probs(rows: usize, classes: usize, raw: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut result = Vec::new();
        for row in 0..rows {
            let values: Vec<f64> = (0..classes).map(|class| raw(row * classes + class)).collect();
            let sum = values.iter().map(|x| x.exp()).sum::<f64>().ln();
            result.extend(values.iter().map(|x| x - sum));
        }
        result
    }

    /// The same by trying every path.
    fn by_paths(log_probs: &[f64], classes: usize, steps: usize, target: &[usize], blank: usize) -> f64 {
        let mut total = 0.0;
        for path in 0..classes.pow(steps as u32) {
            let labels: Vec<usize> = (0..steps).map(|step| path / classes.pow(step as u32) % classes).collect();
            let mut merged = labels.clone();
            merged.dedup();
            merged.retain(|label| *label != blank);
            if merged == target {
                total += labels.iter().enumerate().map(|(t, label)| log_probs[t * classes + label]).sum::<f64>().exp();
            }
        }
        -total.ln()
    }

    #[test]
    fn losses_equal_those_of_all_paths() {
        let (steps, classes) = (5, 3);
        let x = log_probs(steps, classes, |i| ((i * 7919) % 101) as f64 / 40.0);
        for (target, blank) in
            [(vec![1, 2], 0), (vec![1, 1], 0), (vec![], 0), (vec![2], 0), (vec![0, 2, 0], 1), (vec![1, 1, 1], 0)]
        {
            let expected = by_paths(&x, classes, steps, &target, blank);
            let targets = [target];
            let batch = Batch { log_probs: &x, classes, targets: &targets, lengths: &[steps], blank };
            let loss = ctc(batch).0[0];
            assert!((loss - expected).abs() < 1e-12, "{targets:?}: {loss} {expected}");
        }
    }

    #[test]
    fn gradients_equal_differences_through_log_softmax() {
        let (steps, classes) = (6, 4);
        let targets = [vec![1, 2, 2], vec![3], vec![]];
        let lengths = [6, 4, 5];
        let raw: Vec<f64> = (0..steps * 3 * classes).map(|i| ((i * 7919) % 101) as f64 / 40.0).collect();
        let grads = [1.0, -0.5, 2.0];
        let sequences = Batch { log_probs: &[], classes, targets: &targets, lengths: &lengths, blank: 0 };
        let loss = |raw: &[f64]| -> f64 {
            let x = log_probs(steps * 3, classes, |i| raw[i]);
            let (losses, _) = ctc(Batch { log_probs: &x, ..sequences });
            losses.iter().zip(&grads).map(|(loss, grad)| loss * grad).sum()
        };
        let x = log_probs(steps * 3, classes, |i| raw[i]);
        let batch = Batch { log_probs: &x, ..sequences };
        let (losses, forward) = ctc(batch);
        // Its rows sum to zero, so that a log-softmax passes it on as it is.
        let slopes = ctc_grad(batch, &losses, &forward, &grads, false);
        for i in 0..raw.len() {
            let mut moved = raw.clone();
            moved[i] += 1e-6;
            let above = loss(&moved);
            moved[i] -= 2e-6;
            assert!((slopes[i] - (above - loss(&moved)) / 2e-6).abs() < 1e-7, "{i}");
        }
    }

    #[test]
    fn what_cannot_be_spelled_is_infinite() {
        let x = log_probs(2, 3, |i| i as f64 / 3.0);
        let targets = [vec![1, 1]];
        let batch = Batch { log_probs: &x, classes: 3, targets: &targets, lengths: &[2], blank: 0 };
        let (losses, forward) = ctc(batch);
        assert_eq!(losses, [f64::INFINITY]);
        assert_eq!(ctc_grad(batch, &losses, &forward, &[1.0], true), [0.0; 6]);
        let none = Batch { lengths: &[0], ..batch };
        assert_eq!(ctc(none).0, [f64::INFINITY]);
        let nothing = [vec![]];
        assert_eq!(ctc(Batch { lengths: &[0], targets: &nothing, ..batch }).0, [0.0]);
    }
}
