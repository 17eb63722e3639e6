//! Cross entropy of rows of logits against class indices: the value in one pass over the logits, the gradient in another.
//! Compiled for `f32` and `f64` alone; smaller types are converted by the caller.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::pair_loss::Upstream;
use crate::parallel::{GRAIN_MATH, Shared, for_each_range};
use crate::simd::{self, Kernel, inlined};
use crate::{Error, Result};

/// Independent accumulators of a loop over a row.
const LANES: usize = 32;

/// What the loss is taken against.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a, C> {
    /// The class of each row.
    pub classes: &'a [i64],
    /// A factor for each class.
    pub weight: Option<&'a [C]>,
    /// The class whose rows do not count.
    pub ignored: i64,
    /// The part of each target that is spread over all classes.
    pub smoothing: f64,
}

/// The losses of rows, and what their gradient needs.
#[derive(Clone, Debug)]
pub struct CrossEntropy<C> {
    /// One for each row.
    pub losses: Vec<C>,
    /// For each row its maximum, and the sum of the exponentials of the differences from it.
    pub statistics: Vec<C>,
    /// The sum of the weights of the rows that count.
    pub total: f64,
}

impl<C: Compute> Targets<'_, C> {
    fn weight_of(&self, class: i64) -> C {
        self.weight.map_or(C::ONE, |weight| weight[class as usize])
    }

    /// The sum of the weights of all classes.
    fn weight_of_all(&self, n: usize) -> C {
        self.weight.map_or(C::of(n as f64), |weight| weight.iter().copied().sum())
    }

    fn check(&self, rows: usize, n: usize) -> Result<()> {
        assert_eq!(self.classes.len(), rows, "there is one class for each row");
        assert!(self.weight.is_none_or(|weight| weight.len() == n), "there is one weight for each class");
        match self.classes.iter().find(|class| **class != self.ignored && !(0..n as i64).contains(*class)) {
            None => Ok(()),
            Some(&index) => Err(Error::IndexOutOfRange { index, size: n }),
        }
    }
}

struct Forward<'a, C> {
    x: &'a [C],
    targets: Targets<'a, C>,
    n: usize,
    losses: &'a mut [MaybeUninit<C>],
    statistics: &'a mut [MaybeUninit<C>],
}

impl<C: Compute> Kernel for Forward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Forward { x, targets, n, losses, statistics } = self;
        let larger = inlined(
            #[inline(always)]
            |a: C, b: C| if b > a { b } else { a },
        );
        let add = inlined(
            #[inline(always)]
            |a: C, b: C| a + b,
        );
        let (sharp, spread) = (C::of(1.0 - targets.smoothing), C::of(targets.smoothing / n as f64));
        for (i, (loss, statistics)) in losses.iter_mut().zip(statistics.as_chunks_mut::<2>().0).enumerate() {
            let (row, class) = (&x[i * n..][..n], targets.classes[i]);
            if class == targets.ignored {
                loss.write(C::ZERO);
                statistics.fill(MaybeUninit::new(C::ONE));
                continue;
            }
            let max = simd::lanes::<LANES, _, _>(row, C::NEG_INFINITY, larger, larger);
            let exp = inlined(
                #[inline(always)]
                |sum: C, x: C| sum + (x - max).exp_flush::<FMA>(),
            );
            let sum = simd::lanes::<LANES, _, _>(row, C::ZERO, exp, add);
            statistics[0].write(max);
            statistics[1].write(sum);
            let log_sum = sum.log::<FMA>();
            let mut result = sharp * targets.weight_of(class) * ((max - row[class as usize]) + log_sum);
            if targets.smoothing != 0.0 {
                result += spread
                    * match targets.weight {
                        None => {
                            let below = inlined(
                                #[inline(always)]
                                |sum: C, x: C| sum + (max - x),
                            );
                            simd::lanes::<LANES, _, _>(row, C::ZERO, below, add) + C::of(n as f64) * log_sum
                        }
                        Some(weight) => row.iter().zip(weight).map(|(x, w)| *w * ((max - *x) + log_sum)).sum(),
                    };
            }
            loss.write(result);
        }
    }
}

/// The losses of `rows` rows of `n` logits.
///
/// # Errors
/// [`Error::IndexOutOfRange`] for a class that is not there.
pub fn cross_entropy<C: Compute>(x: &[C], n: usize, targets: Targets<'_, C>) -> Result<CrossEntropy<C>> {
    let _span = profile::kernel("cross_entropy");
    let rows = targets.classes.len();
    assert_eq!(x.len(), rows * n, "the length disagrees with the shape");
    targets.check(rows, n)?;
    let (mut losses, mut statistics) = (Vec::with_capacity(rows), Vec::with_capacity(2 * rows));
    let shared = (
        Shared::new(&mut losses.spare_capacity_mut()[..rows]),
        Shared::new(&mut statistics.spare_capacity_mut()[..2 * rows]),
    );
    for_each_range(rows, GRAIN_MATH.div_ceil(n.max(1)), |range| {
        // SAFETY: ranges of different tasks are disjoint and the vectors outlive the loop.
        let (losses, statistics) =
            unsafe { (shared.0.slice(range.clone()), shared.1.slice(2 * range.start..2 * range.end)) };
        let targets = Targets { classes: &targets.classes[range.clone()], ..targets };
        simd::run(Forward { x: &x[range.start * n..range.end * n], targets, n, losses, statistics });
    });
    // SAFETY: each row has written its loss and its statistics.
    unsafe {
        losses.set_len(rows);
        statistics.set_len(2 * rows);
    }
    let counted = targets.classes.iter().filter(|class| **class != targets.ignored);
    let total = match targets.weight {
        None => counted.count() as f64,
        Some(_) => counted.map(|class| targets.weight_of(*class).to_f64()).sum(),
    };
    Ok(CrossEntropy { losses, statistics, total })
}

struct Backward<'a, C> {
    x: &'a [C],
    statistics: &'a [C],
    targets: Targets<'a, C>,
    upstream: Upstream<'a, C>,
    n: usize,
    all: C,
    out: &'a mut [MaybeUninit<C>],
}

impl<C: Compute> Kernel for Backward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Backward { x, statistics, targets, upstream, n, all, out } = self;
        let (sharp, spread) = (C::of(1.0 - targets.smoothing), C::of(targets.smoothing / n as f64));
        for (i, out) in out.chunks_exact_mut(n).enumerate() {
            let (row, class) = (&x[i * n..][..n], targets.classes[i]);
            if class == targets.ignored {
                out.fill(MaybeUninit::new(C::ZERO));
                continue;
            }
            let grad = match upstream {
                Upstream::Same(grad) => grad,
                Upstream::Each(grads) => grads[i],
            };
            let own = sharp * targets.weight_of(class);
            let (max, factor) = (statistics[2 * i], grad * (own + spread * all) / statistics[2 * i + 1]);
            match targets.weight {
                Some(weight) if targets.smoothing != 0.0 => {
                    for ((cell, x), w) in out.iter_mut().zip(row).zip(weight) {
                        cell.write((*x - max).exp_flush::<FMA>() * factor - grad * spread * *w);
                    }
                }
                _ => {
                    let less = grad * spread;
                    for (cell, x) in out.iter_mut().zip(row) {
                        cell.write((*x - max).exp_flush::<FMA>() * factor - less);
                    }
                }
            }
            // SAFETY: the loops above have written every element.
            let cell = unsafe { out[class as usize].assume_init_mut() };
            *cell -= grad * own;
        }
    }
}

/// The gradient of the logits, from the statistics that [`cross_entropy`] gave and the gradient of the losses.
pub fn cross_entropy_grad<C: Compute>(
    x: &[C],
    n: usize,
    statistics: &[C],
    targets: Targets<'_, C>,
    upstream: Upstream<'_, C>,
) -> Vec<C> {
    let _span = profile::kernel("cross_entropy_grad");
    let rows = targets.classes.len();
    assert_eq!((x.len(), statistics.len()), (rows * n, 2 * rows), "lengths disagree with the shape");
    if let Upstream::Each(grads) = upstream {
        assert_eq!(grads.len(), rows, "there is one gradient for each row");
    }
    if x.is_empty() {
        return Vec::new();
    }
    let all = targets.weight_of_all(n);
    let mut result = Vec::with_capacity(x.len());
    let shared = Shared::new(&mut result.spare_capacity_mut()[..x.len()]);
    for_each_range(rows, GRAIN_MATH.div_ceil(n), |range| {
        // SAFETY: ranges of different tasks are disjoint and the vector outlives the loop.
        let out = unsafe { shared.slice(range.start * n..range.end * n) };
        simd::run(Backward {
            x: &x[range.start * n..range.end * n],
            statistics: &statistics[2 * range.start..2 * range.end],
            targets: Targets { classes: &targets.classes[range.clone()], ..targets },
            upstream: match upstream {
                Upstream::Same(grad) => Upstream::Same(grad),
                Upstream::Each(grads) => Upstream::Each(&grads[range]),
            },
            n,
            all,
            out,
        });
    });
    // SAFETY: each row has written its elements.
    unsafe { result.set_len(x.len()) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_equal_differences() {
        let (rows, n) = (5, 37);
        let x: Vec<f64> = (0..rows * n).map(|i| ((i * 7919) % 1009) as f64 / 200.0 - 2.5).collect();
        let weight: Vec<f64> = (0..n).map(|i| 0.5 + i as f64 / 40.0).collect();
        let classes = [3, -100, 0, 36, 12];
        let grads = [0.5, 7.0, -1.0, 2.0, 1.5];
        for (weight, smoothing) in [(None, 0.0), (None, 0.2), (Some(&weight[..]), 0.0), (Some(&weight[..]), 0.3)] {
            let targets = Targets { classes: &classes, weight, ignored: -100, smoothing };
            let loss = |x: &[f64]| -> f64 {
                let found = cross_entropy(x, n, targets).unwrap();
                found.losses.iter().zip(&grads).map(|(loss, grad)| loss * grad).sum()
            };
            let found = cross_entropy(&x, n, targets).unwrap();
            assert_eq!(found.losses[1], 0.0);
            let slopes = cross_entropy_grad(&x, n, &found.statistics, targets, Upstream::Each(&grads));
            for i in 0..x.len() {
                let mut moved = x.clone();
                moved[i] += 1e-6;
                let above = loss(&moved);
                moved[i] -= 2e-6;
                assert!((slopes[i] - (above - loss(&moved)) / 2e-6).abs() < 1e-7, "{i}");
            }
        }
    }

    #[test]
    fn classes_are_checked_and_logits_may_be_large() {
        let targets = |classes| Targets { classes, weight: None, ignored: -100, smoothing: 0.0 };
        let outside = cross_entropy(&[0.0f32; 6], 3, targets(&[0, 3]));
        assert_eq!(outside.unwrap_err(), Error::IndexOutOfRange { index: 3, size: 3 });
        assert!(cross_entropy(&[0.0f32; 3], 3, targets(&[-1])).is_err());
        let large = cross_entropy(&[1000.0f32, 0.0, -1000.0], 3, targets(&[2])).unwrap();
        assert_eq!((large.losses[0], large.total), (2000.0, 1.0));
        assert!(cross_entropy::<f32>(&[], 3, targets(&[])).unwrap().losses.is_empty());
    }
}
