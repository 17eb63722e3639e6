//! The gated recurrent unit (Cho and others, 2014) in PyTorch's form: gates `r z n`, where `n = tanh(x_n + r h_n)` has
//! the map of the state inside, and `h' = (h - n) z + n`.

use super::block::{BLOCK, Incoming, add_outputs, last, load, store};
use super::packed::{Order, Packed, Start};
use super::{ColumnsMut, Real, Steps};
use crate::math::Compute;
use crate::parallel::{Shared, run_tasks};
use crate::profile;
use crate::simd::{self, Kernel};

/// What a direction of a GRU computes with.
pub struct GruInput<'a, T> {
    /// The steps.
    pub steps: &'a Steps,
    /// The size of the state.
    pub hidden: usize,
    /// `[3 hidden, hidden]`
    pub weight_hh: &'a [T],
    /// `[3 hidden]`
    pub bias_hh: Option<&'a [T]>,
    /// `[sequences, hidden]`
    pub h0: &'a [T],
}

/// The results of a direction besides its outputs, and what the gradient needs.
pub struct Gru<T> {
    /// `[sequences, hidden]`
    pub h_n: Vec<T>,
    /// `[rows, 3 hidden]`: the gates after their functions.
    pub gates: Vec<T>,
    /// `[rows, hidden]`: the map of the state that is inside the last gate; empty when it was not to be kept.
    pub inner: Vec<T>,
}

/// The gradients of a direction.
pub struct GruGrad<T> {
    /// `[rows, 3 hidden]`: of the map of the inputs.
    pub input_gates: Vec<T>,
    /// `[rows, 3 hidden]`: of the map of the states.
    pub hidden_gates: Vec<T>,
    /// `[sequences, hidden]`
    pub h0: Vec<T>,
}

impl<T: Real> GruInput<'_, T> {
    fn check(&self) {
        assert_eq!(self.weight_hh.len(), 3 * self.hidden * self.hidden, "the weight has another size");
        assert_eq!(self.h0.len(), self.steps.sequences() * self.hidden, "the state has another size");
    }

    fn tasks(&self) -> (usize, usize) {
        let part = self.steps.share(3 * self.hidden * self.hidden);
        (part, self.steps.sequences().div_ceil(part))
    }
}

/// All steps. `gates` hold the map of the inputs with its bias; `out` gets the states.
pub fn gru<T: Real>(input: &GruInput<'_, T>, mut gates: Vec<T>, out: ColumnsMut<'_, T>, keep: bool) -> Gru<T> {
    let _span = profile::kernel("gru");
    input.check();
    let (steps, hidden) = (input.steps, input.hidden);
    assert_eq!(gates.len(), steps.rows() * 3 * hidden, "the gates have another size");
    let recurrent = Packed::new(input.weight_hh, [hidden, 3 * hidden], Order::Columns);
    let start = input.bias_hh.map_or(Start::Zero, Start::Bias);
    let mut inner = vec![T::ZERO; if keep { steps.rows() * hidden } else { 0 }];
    let mut h_n = input.h0.to_vec();
    let shared = (Shared::new(&mut gates), Shared::new(&mut inner));
    let states = (Shared::new(&mut h_n), Shared::new(out.data));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        // SAFETY: each task has sequences of its own, and so rows of its own in every step.
        let h = unsafe { states.0.slice(sequences.start * hidden..sequences.end * hidden) };
        let mut mapped = vec![T::ZERO; sequences.len() * 3 * hidden];
        for rows in steps.forward(&sequences) {
            let of = |width: usize| rows.start * width..rows.end * width;
            // SAFETY: as above.
            let (gates, inner) =
                unsafe { (shared.0.slice(of(3 * hidden)), shared.1.slice(of(if keep { hidden } else { 0 }))) };
            let (h, mapped) = (&mut h[..rows.len() * hidden], &mut mapped[..rows.len() * 3 * hidden]);
            recurrent.multiply(h, start, mapped, tasks == 1);
            simd::run(Forward { gates, mapped, inner, h, hidden });
            for (row, h) in rows.zip(h.chunks_exact(hidden.max(1))) {
                let at = row * out.stride + out.first;
                // SAFETY: as above; directions that share the rows have columns of their own.
                unsafe { states.1.slice(at..at + hidden) }.copy_from_slice(h);
            }
        }
    });
    Gru { h_n, gates, inner }
}

/// The gradients of all steps. `before` are the states before each row's step.
pub fn gru_grad<T: Real>(
    input: &GruInput<'_, T>,
    gates: &[T],
    inner: &[T],
    before: &[T],
    grad: &Incoming<'_, T>,
) -> GruGrad<T> {
    let _span = profile::kernel("gru_grad");
    input.check();
    let (steps, hidden) = (input.steps, input.hidden);
    let rows = steps.rows();
    assert_eq!((gates.len(), inner.len()), (rows * 3 * hidden, rows * hidden), "nothing was kept");
    let recurrent = Packed::new(input.weight_hh, [3 * hidden, hidden], Order::Rows);
    let (mut input_gates, mut hidden_gates) = (vec![T::ZERO; rows * 3 * hidden], vec![T::ZERO; rows * 3 * hidden]);
    let mut h0 = vec![T::ZERO; input.h0.len()];
    let shared = (Shared::new(&mut input_gates), Shared::new(&mut hidden_gates), Shared::new(&mut h0));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        let mut dh = last(grad.h_n, sequences.clone(), hidden);
        for rows in steps.backward(&sequences) {
            let of = |width: usize| rows.start * width..rows.end * width;
            // SAFETY: each task has sequences of its own, and so rows of its own in every step.
            let (dinput, dhidden) = unsafe { (shared.0.slice(of(3 * hidden)), shared.1.slice(of(3 * hidden))) };
            let dh = &mut dh[..rows.len() * hidden];
            add_outputs(dh, grad.out, rows.clone(), hidden);
            let (gates, inner, before) = (&gates[of(3 * hidden)], &inner[of(hidden)], &before[of(hidden)]);
            simd::run(Backward { gates, inner, before, dh, dinput, dhidden, hidden });
            recurrent.multiply(dhidden, Start::Own, dh, tasks == 1);
        }
        // SAFETY: as above.
        unsafe { shared.2.slice(sequences.start * hidden..sequences.end * hidden) }.copy_from_slice(&dh);
    });
    GruGrad { input_gates, hidden_gates, h0 }
}

/// One step of some rows: `gates` become their functions, `h` the next state.
struct Forward<'a, T> {
    gates: &'a mut [T],
    mapped: &'a [T],
    /// Empty when it is not kept.
    inner: &'a mut [T],
    h: &'a mut [T],
    hidden: usize,
}

impl<T: Compute> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        for row in 0..self.h.len().checked_div(self.hidden).unwrap_or(0) {
            let mut at = 0;
            while at + BLOCK <= self.hidden {
                self.block::<FMA, BLOCK>(row, at);
                at += BLOCK;
            }
            for at in at..self.hidden {
                self.block::<FMA, 1>(row, at);
            }
        }
    }
}

impl<T: Compute> Forward<'_, T> {
    #[inline(always)]
    fn block<const FMA: bool, const N: usize>(&mut self, row: usize, at: usize) {
        let (gates, at) = (row * 3 * self.hidden + at, row * self.hidden + at);
        let [mut r, mut z, mut n]: [[T; N]; 3] =
            [load(self.gates, gates), load(self.gates, gates + self.hidden), load(self.gates, gates + 2 * self.hidden)];
        let [mapped_r, mapped_z, mapped_n]: [[T; N]; 3] = [
            load(self.mapped, gates),
            load(self.mapped, gates + self.hidden),
            load(self.mapped, gates + 2 * self.hidden),
        ];
        let mut h: [T; N] = load(self.h, at);
        for k in 0..N {
            r[k] = (r[k] + mapped_r[k]).sigmoid::<FMA>();
            z[k] = (z[k] + mapped_z[k]).sigmoid::<FMA>();
            n[k] = (n[k] + r[k] * mapped_n[k]).tanh::<FMA>();
            h[k] = (h[k] - n[k]) * z[k] + n[k];
        }
        store(self.h, at, h);
        if !self.inner.is_empty() {
            store(self.inner, at, mapped_n);
            store(self.gates, gates, r);
            store(self.gates, gates + self.hidden, z);
            store(self.gates, gates + 2 * self.hidden, n);
        }
    }
}

/// One step back: from `dh` to the gradients of both maps, and the part of the step before's `dh` that comes directly.
struct Backward<'a, T> {
    gates: &'a [T],
    inner: &'a [T],
    before: &'a [T],
    dh: &'a mut [T],
    dinput: &'a mut [T],
    dhidden: &'a mut [T],
    hidden: usize,
}

impl<T: Compute> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        for row in 0..self.dh.len().checked_div(self.hidden).unwrap_or(0) {
            let mut at = 0;
            while at + BLOCK <= self.hidden {
                self.block::<BLOCK>(row, at);
                at += BLOCK;
            }
            for at in at..self.hidden {
                self.block::<1>(row, at);
            }
        }
    }
}

impl<T: Compute> Backward<'_, T> {
    #[inline(always)]
    fn block<const N: usize>(&mut self, row: usize, at: usize) {
        let (gates, at) = (row * 3 * self.hidden + at, row * self.hidden + at);
        let [r, z, n]: [[T; N]; 3] =
            [load(self.gates, gates), load(self.gates, gates + self.hidden), load(self.gates, gates + 2 * self.hidden)];
        let [inner, before]: [[T; N]; 2] = [load(self.inner, at), load(self.before, at)];
        let mut dh: [T; N] = load(self.dh, at);
        let [mut dr, mut dz, mut dn, mut dinner] = [[T::ZERO; N]; 4];
        for k in 0..N {
            dz[k] = dh[k] * (before[k] - n[k]) * z[k] * (T::ONE - z[k]);
            dn[k] = dh[k] * (T::ONE - z[k]) * (T::ONE - n[k] * n[k]);
            dr[k] = dn[k] * inner[k] * r[k] * (T::ONE - r[k]);
            dinner[k] = dn[k] * r[k];
            dh[k] *= z[k];
        }
        store(self.dh, at, dh);
        for (target, last) in [(&mut *self.dinput, dn), (&mut *self.dhidden, dinner)] {
            store(target, gates, dr);
            store(target, gates + self.hidden, dz);
            store(target, gates + 2 * self.hidden, last);
        }
    }
}
