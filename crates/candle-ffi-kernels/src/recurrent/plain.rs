//! The plain recurrent layer (Elman, 1990): `h' = tanh(x + W_hh h)`, or with a ReLU.

use super::block::{Incoming, add_outputs, last};
use super::packed::{Order, Packed, Start};
use super::{ColumnsMut, Real, Steps};
use crate::math::Compute;
use crate::parallel::{Shared, run_tasks};
use crate::profile;
use crate::simd::{self, Kernel};

/// The function of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// Hyperbolic tangent.
    Tanh,
    /// `max(x, 0)`.
    Relu,
}

/// What a direction computes with.
pub struct PlainInput<'a, T> {
    /// The steps.
    pub steps: &'a Steps,
    /// The size of the state.
    pub hidden: usize,
    /// The function of the state.
    pub nonlinearity: Nonlinearity,
    /// `[hidden, hidden]`
    pub weight_hh: &'a [T],
    /// `[sequences, hidden]`
    pub h0: &'a [T],
}

/// The results of a direction besides its outputs.
pub struct Plain<T> {
    /// `[sequences, hidden]`
    pub h_n: Vec<T>,
    /// `[rows, hidden]`: the states after each step, which the gradient needs.
    pub states: Vec<T>,
}

/// The gradients of a direction.
pub struct PlainGrad<T> {
    /// `[rows, hidden]`: of what the function was given.
    pub gates: Vec<T>,
    /// `[sequences, hidden]`
    pub h0: Vec<T>,
}

impl<T: Real> PlainInput<'_, T> {
    fn check(&self) {
        assert_eq!(self.weight_hh.len(), self.hidden * self.hidden, "the weight has another size");
        assert_eq!(self.h0.len(), self.steps.sequences() * self.hidden, "the state has another size");
    }

    fn tasks(&self) -> (usize, usize) {
        let part = self.steps.share(self.hidden * self.hidden);
        (part, self.steps.sequences().div_ceil(part))
    }
}

/// All steps. `gates` hold the map of the inputs, both biases included; `out` gets the states.
pub fn plain<T: Real>(input: &PlainInput<'_, T>, mut gates: Vec<T>, out: ColumnsMut<'_, T>) -> Plain<T> {
    let _span = profile::kernel("rnn");
    input.check();
    let (steps, hidden) = (input.steps, input.hidden);
    assert_eq!(gates.len(), steps.rows() * hidden, "the gates have another size");
    let recurrent = Packed::new(input.weight_hh, [hidden, hidden], Order::Columns);
    let mut h_n = input.h0.to_vec();
    let (shared, states, out_shared) = (Shared::new(&mut gates), Shared::new(&mut h_n), Shared::new(out.data));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        // SAFETY: each task has sequences of its own, and so rows of its own in every step.
        let h = unsafe { states.slice(sequences.start * hidden..sequences.end * hidden) };
        for rows in steps.forward(&sequences) {
            // SAFETY: as above.
            let gates = unsafe { shared.slice(rows.start * hidden..rows.end * hidden) };
            let h = &mut h[..rows.len() * hidden];
            recurrent.multiply(h, Start::Own, gates, tasks == 1);
            simd::run(Forward { gates, nonlinearity: input.nonlinearity });
            h.copy_from_slice(gates);
            for (row, h) in rows.zip(h.chunks_exact(hidden.max(1))) {
                let at = row * out.stride + out.first;
                // SAFETY: as above; directions that share the rows have columns of their own.
                unsafe { out_shared.slice(at..at + hidden) }.copy_from_slice(h);
            }
        }
    });
    Plain { h_n, states: gates }
}

/// The gradients of all steps.
pub fn plain_grad<T: Real>(input: &PlainInput<'_, T>, after: &[T], grad: &Incoming<'_, T>) -> PlainGrad<T> {
    let _span = profile::kernel("rnn_grad");
    input.check();
    let (steps, hidden) = (input.steps, input.hidden);
    assert_eq!(after.len(), steps.rows() * hidden, "nothing was kept");
    let recurrent = Packed::new(input.weight_hh, [hidden, hidden], Order::Rows);
    let (mut gates, mut h0) = (vec![T::ZERO; steps.rows() * hidden], vec![T::ZERO; input.h0.len()]);
    let (shared, states) = (Shared::new(&mut gates), Shared::new(&mut h0));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        let mut dh = last(grad.h_n, sequences.clone(), hidden);
        for rows in steps.backward(&sequences) {
            let of = rows.start * hidden..rows.end * hidden;
            // SAFETY: each task has sequences of its own, and so rows of its own in every step.
            let dgates = unsafe { shared.slice(of.clone()) };
            let dh = &mut dh[..rows.len() * hidden];
            add_outputs(dh, grad.out, rows, hidden);
            simd::run(Backward { after: &after[of], dh, dgates, nonlinearity: input.nonlinearity });
            recurrent.multiply(dgates, Start::Zero, dh, tasks == 1);
        }
        // SAFETY: as above.
        unsafe { states.slice(sequences.start * hidden..sequences.end * hidden) }.copy_from_slice(&dh);
    });
    PlainGrad { gates, h0 }
}

struct Forward<'a, T> {
    gates: &'a mut [T],
    nonlinearity: Nonlinearity,
}

impl<T: Compute> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match self.nonlinearity {
            Nonlinearity::Tanh => self.gates.iter_mut().for_each(
                #[inline(always)]
                |x| *x = x.tanh::<FMA>(),
            ),
            // NaN stays NaN.
            Nonlinearity::Relu => self.gates.iter_mut().for_each(
                #[inline(always)]
                |x| *x = if *x < T::ZERO { T::ZERO } else { *x },
            ),
        }
    }
}

struct Backward<'a, T> {
    after: &'a [T],
    dh: &'a [T],
    dgates: &'a mut [T],
    nonlinearity: Nonlinearity,
}

impl<T: Compute> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let cells = self.dgates.iter_mut().zip(self.after).zip(self.dh);
        match self.nonlinearity {
            Nonlinearity::Tanh => cells.for_each(
                #[inline(always)]
                |((cell, y), grad)| *cell = *grad * (T::ONE - *y * *y),
            ),
            Nonlinearity::Relu => cells.for_each(
                #[inline(always)]
                |((cell, y), grad)| *cell = if *y <= T::ZERO { T::ZERO } else { *grad },
            ),
        }
    }
}
