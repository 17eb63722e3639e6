//! Optimizer steps, fused: one pass over the parameter.

use crate::Float;
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::simd::{inlined, vectorize};

/// The options of a step of [`sgd`], with PyTorch's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// The learning rate
    pub lr: f64,
    /// How much of the last direction remains
    pub momentum: f64,
    /// How much of the gradient is left out of the momentum
    pub dampening: f64,
    /// L2 penalty
    pub weight_decay: f64,
    /// Nesterov's momentum
    pub nesterov: bool,
    /// Climb instead of descend
    pub maximize: bool,
}

/// One step of stochastic gradient descent. `momentum_buffer` is needed where `momentum` is not 0; its content is
/// not read on the first step.
pub fn sgd<T: Float>(
    param: &mut [T],
    grad: &[T],
    momentum_buffer: Option<&mut [T]>,
    first_step: bool,
    options: &SgdOptions,
) {
    let len = param.len();
    assert_eq!(len, grad.len(), "parameter and gradient differ in length");
    let of = T::Compute::of;
    let sign = if options.maximize { -T::Compute::ONE } else { T::Compute::ONE };
    let (lr, decay, momentum) = (of(options.lr), of(options.weight_decay), of(options.momentum));
    let params = Shared::new(param);
    let buffer = momentum_buffer.filter(|_| options.momentum != 0.0).map(|buffer| {
        assert_eq!(len, buffer.len(), "parameter and momentum differ in length");
        Shared::new(buffer)
    });
    assert!(buffer.is_some() || options.momentum == 0.0, "momentum without a buffer");
    let taken = of(1.0 - options.dampening);
    let nesterov = options.nesterov;
    // What is not asked for has no part: 0 times an infinite parameter would be NaN.
    let decayed = inlined(
        #[inline(always)]
        move |x: T::Compute, grad: T| {
            let g = sign * grad.to_compute();
            let with_decay = g + decay * x;
            if decay == T::Compute::ZERO { g } else { with_decay }
        },
    );
    for_each_range(len, GRAIN_MEMORY / 2, |range| {
        // SAFETY: ranges of different tasks are disjoint and both slices are borrowed for the whole call.
        let (param, buffer) =
            unsafe { (params.slice(range.clone()), buffer.as_ref().map(|buffer| buffer.slice(range.clone()))) };
        let grad = &grad[range];
        // By value: what is behind a reference would be read again after each write.
        vectorize(
            #[inline(always)]
            move || {
                let Some(buffer) = buffer else {
                    for (param, grad) in param.iter_mut().zip(grad) {
                        let x = param.to_compute();
                        *param = T::from_compute(x - lr * decayed(x, *grad));
                    }
                    return;
                };
                for ((param, grad), buffer) in param.iter_mut().zip(grad).zip(buffer) {
                    let x = param.to_compute();
                    let g = decayed(x, *grad);
                    // On the first step whatever the buffer holds, NaN included, has no part.
                    let next = momentum * buffer.to_compute() + taken * g;
                    let direction = if first_step { g } else { next };
                    *buffer = T::from_compute(direction);
                    let step = if nesterov { g + momentum * direction } else { direction };
                    *param = T::from_compute(x - lr * step);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SgdOptions =
        SgdOptions { lr: 0.1, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, maximize: false };

    #[test]
    fn follows_the_formula() {
        let mut x = [1.0f64, 2.0];
        sgd(&mut x, &[1.0, -1.0], None, true, &PLAIN);
        assert_eq!(x, [0.9, 2.1]);
        sgd(&mut x, &[1.0, -1.0], None, true, &SgdOptions { maximize: true, ..PLAIN });
        assert_eq!(x, [1.0, 2.0]);

        let options = SgdOptions { momentum: 0.9, dampening: 0.5, weight_decay: 0.01, nesterov: false, ..PLAIN };
        let (mut x, mut buffer) = ([1.0f64], [f64::NAN]);
        sgd(&mut x, &[2.0], Some(&mut buffer), true, &options);
        assert!((buffer[0] - 2.01).abs() < 1e-12 && (x[0] - 0.799).abs() < 1e-12);
        sgd(&mut x, &[2.0], Some(&mut buffer), false, &options);
        let expected = 0.9 * 2.01 + 0.5 * (2.0 + 0.00799);
        assert!((buffer[0] - expected).abs() < 1e-12 && (x[0] - (0.799 - 0.1 * expected)).abs() < 1e-12);

        let options = SgdOptions { momentum: 0.9, nesterov: true, ..PLAIN };
        let (mut x, mut buffer) = ([1.0f64], [0.0]);
        sgd(&mut x, &[2.0], Some(&mut buffer), true, &options);
        assert!((x[0] - (1.0 - 0.1 * (2.0 + 0.9 * 2.0))).abs() < 1e-12);
        sgd::<f32>(&mut [], &[], None, true, &PLAIN);
    }

    #[test]
    fn what_is_not_asked_for_has_no_part() {
        let infinite = [f32::INFINITY, f32::NEG_INFINITY];
        let mut x = infinite;
        sgd(&mut x, &[1.0, 1.0], None, true, &PLAIN);
        assert_eq!(x, infinite);
        let (mut x, mut buffer) = (infinite, [f32::NAN; 2]);
        sgd(&mut x, &[1.0, 1.0], Some(&mut buffer), true, &SgdOptions { momentum: 0.9, ..PLAIN });
        assert_eq!((x, buffer), (infinite, [1.0, 1.0]));
        sgd(&mut x, &[1.0, 1.0], Some(&mut buffer), false, &SgdOptions { weight_decay: 0.1, ..PLAIN });
        assert!(x.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn large_parameters_are_all_stepped() {
        let mut x = vec![1.0f32; 300_000];
        sgd(&mut x, &vec![1.0; 300_000], Some(&mut vec![0.0; 300_000]), true, &SgdOptions { momentum: 0.5, ..PLAIN });
        assert!(x.iter().all(|x| *x == 0.9));
    }
}
