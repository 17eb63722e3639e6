//! Long short-term memory (Hochreiter and Schmidhuber, 1997): gates `i f g o`, `c' = f c + i g`, `h' = o tanh(c')`,
//! and with a projection (Sak, Senior and Beaufays, 2014) `h' = W_hr (o tanh(c'))`.

use super::block::{BLOCK, Incoming, add_outputs, last, load, store};
use super::packed::{Order, Packed, Start};
use super::{ColumnsMut, Real, Steps};
use crate::math::Compute;
use crate::parallel::{Shared, run_tasks};
use crate::profile;
use crate::simd::{self, Kernel};

/// What a direction of an LSTM computes with.
pub struct LstmInput<'a, T> {
    /// The steps.
    pub steps: &'a Steps,
    /// The size of the cell state.
    pub hidden: usize,
    /// `[4 hidden, state]`
    pub weight_hh: &'a [T],
    /// `[state, hidden]`; without it the state is as large as the cell state.
    pub weight_hr: Option<&'a [T]>,
    /// `[sequences, state]`
    pub h0: &'a [T],
    /// `[sequences, hidden]`
    pub c0: &'a [T],
}

/// What the gradient needs.
pub struct LstmKept<T> {
    /// `[rows, 4 hidden]`: the gates after their functions.
    pub gates: Vec<T>,
    /// `[rows, hidden]`: the cell state before each step.
    pub c_before: Vec<T>,
    /// `[rows, hidden]`: the hyperbolic tangent of the cell state after it.
    pub tanh_c: Vec<T>,
}

/// The results of a direction besides its outputs.
pub struct Lstm<T> {
    /// `[sequences, state]`
    pub h_n: Vec<T>,
    /// `[sequences, hidden]`
    pub c_n: Vec<T>,
    /// Without what was not to be kept.
    pub kept: LstmKept<T>,
}

/// The gradients of a direction.
pub struct LstmGrad<T> {
    /// `[rows, 4 hidden]`: of the gates before their functions.
    pub gates: Vec<T>,
    /// `[sequences, state]`
    pub h0: Vec<T>,
    /// `[sequences, hidden]`
    pub c0: Vec<T>,
    /// With a projection: `[rows, state]`, of its results, and `[rows, hidden]`, what it was given.
    pub projection: Option<(Vec<T>, Vec<T>)>,
}

impl<T: Real> LstmInput<'_, T> {
    fn state(&self) -> usize {
        self.weight_hr.map_or(self.hidden, |weight| weight.len().checked_div(self.hidden).unwrap_or(0))
    }

    fn check(&self) {
        let (sequences, state) = (self.steps.sequences(), self.state());
        assert_eq!(self.weight_hh.len(), 4 * self.hidden * state, "the weight has another size");
        assert_eq!((self.h0.len(), self.c0.len()), (sequences * state, sequences * self.hidden), "states disagree");
    }

    /// How many sequences a task takes, and how many tasks there are.
    fn tasks(&self) -> (usize, usize) {
        let part = self.steps.share(4 * self.hidden * self.state());
        (part, self.steps.sequences().div_ceil(part))
    }
}

/// All steps. `gates` hold the map of the inputs, both biases included; `out` gets the states.
pub fn lstm<T: Real>(input: &LstmInput<'_, T>, mut gates: Vec<T>, out: ColumnsMut<'_, T>, keep: bool) -> Lstm<T> {
    let _span = profile::kernel("lstm");
    input.check();
    let (steps, hidden, state) = (input.steps, input.hidden, input.state());
    assert_eq!(gates.len(), steps.rows() * 4 * hidden, "the gates have another size");
    let recurrent = Packed::new(input.weight_hh, [state, 4 * hidden], Order::Columns);
    let project = input.weight_hr.map(|weight| Packed::new(weight, [hidden, state], Order::Columns));
    let kept = if keep { steps.rows() * hidden } else { 0 };
    let (mut c_before, mut tanh_c) = (vec![T::ZERO; kept], vec![T::ZERO; kept]);
    let (mut h_n, mut c_n) = (input.h0.to_vec(), input.c0.to_vec());
    let shared = (Shared::new(&mut gates), Shared::new(&mut c_before), Shared::new(&mut tanh_c));
    let states = (Shared::new(&mut h_n), Shared::new(&mut c_n), Shared::new(out.data));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        // SAFETY: each task has sequences of its own, and so rows of its own in every step.
        let (h, c) = unsafe {
            (
                states.0.slice(sequences.start * state..sequences.end * state),
                states.1.slice(sequences.start * hidden..sequences.end * hidden),
            )
        };
        let mut inner = vec![T::ZERO; if project.is_some() { sequences.len() * hidden } else { 0 }];
        for rows in steps.forward(&sequences) {
            let of = |width: usize| rows.start * width..rows.end * width;
            // SAFETY: as above.
            let (gates, c_before, tanh_c) = unsafe {
                (
                    shared.0.slice(of(4 * hidden)),
                    shared.1.slice(of(if keep { hidden } else { 0 })),
                    shared.2.slice(of(if keep { hidden } else { 0 })),
                )
            };
            let (h, c) = (&mut h[..rows.len() * state], &mut c[..rows.len() * hidden]);
            recurrent.multiply(h, Start::Own, gates, tasks == 1);
            match &project {
                None => simd::run(Forward { gates, c, c_before, tanh_c, h, hidden }),
                Some(project) => {
                    let inner = &mut inner[..rows.len() * hidden];
                    simd::run(Forward { gates, c, c_before, tanh_c, h: inner, hidden });
                    project.multiply(inner, Start::Zero, h, tasks == 1);
                }
            }
            for (row, h) in rows.zip(h.chunks_exact(state.max(1))) {
                let at = row * out.stride + out.first;
                // SAFETY: as above; directions that share the rows have columns of their own.
                unsafe { states.2.slice(at..at + state) }.copy_from_slice(h);
            }
        }
    });
    Lstm { h_n, c_n, kept: LstmKept { gates, c_before, tanh_c } }
}

/// The gradients of all steps. `gates`, `c_before` and `tanh_c` are those that were kept.
pub fn lstm_grad<T: Real>(
    input: &LstmInput<'_, T>,
    gates: &[T],
    c_before: &[T],
    tanh_c: &[T],
    grad: &Incoming<'_, T>,
) -> LstmGrad<T> {
    let _span = profile::kernel("lstm_grad");
    input.check();
    let (steps, hidden, state) = (input.steps, input.hidden, input.state());
    let rows = steps.rows();
    assert_eq!((gates.len(), c_before.len(), tanh_c.len()), (rows * 4 * hidden, rows * hidden, rows * hidden));
    let recurrent = Packed::new(input.weight_hh, [4 * hidden, state], Order::Rows);
    let project = input.weight_hr.map(|weight| Packed::new(weight, [state, hidden], Order::Rows));
    let projected = if project.is_some() { rows } else { 0 };
    let mut dgates = vec![T::ZERO; rows * 4 * hidden];
    let (mut results, mut inner) = (vec![T::ZERO; projected * state], vec![T::ZERO; projected * hidden]);
    let (mut h0, mut c0) = (vec![T::ZERO; input.h0.len()], vec![T::ZERO; input.c0.len()]);
    let shared = (Shared::new(&mut dgates), Shared::new(&mut results), Shared::new(&mut inner));
    let states = (Shared::new(&mut h0), Shared::new(&mut c0));
    let (part, tasks) = input.tasks();
    run_tasks(tasks, &|task| {
        let sequences = task * part..((task + 1) * part).min(steps.sequences());
        let mut dh = last(grad.h_n, sequences.clone(), state);
        let mut dc = last(grad.c_n, sequences.clone(), hidden);
        let mut through = vec![T::ZERO; if project.is_some() { sequences.len() * hidden } else { 0 }];
        for rows in steps.backward(&sequences) {
            let of = |width: usize| rows.start * width..rows.end * width;
            // SAFETY: each task has sequences of its own, and so rows of its own in every step.
            let dgates = unsafe { shared.0.slice(of(4 * hidden)) };
            let (dh, dc) = (&mut dh[..rows.len() * state], &mut dc[..rows.len() * hidden]);
            add_outputs(dh, grad.out, rows.clone(), state);
            let (gates, c_before, tanh_c) = (&gates[of(4 * hidden)], &c_before[of(hidden)], &tanh_c[of(hidden)]);
            match &project {
                None => simd::run(Backward { gates, c_before, tanh_c, dh, dc, dgates, inner: &mut [], hidden }),
                Some(project) => {
                    // SAFETY: as above.
                    let (results, inner) = unsafe { (shared.1.slice(of(state)), shared.2.slice(of(hidden))) };
                    results.copy_from_slice(dh);
                    let through = &mut through[..rows.len() * hidden];
                    project.multiply(dh, Start::Zero, through, tasks == 1);
                    simd::run(Backward { gates, c_before, tanh_c, dh: through, dc, dgates, inner, hidden });
                }
            }
            recurrent.multiply(dgates, Start::Zero, dh, tasks == 1);
        }
        // SAFETY: as above.
        unsafe {
            states.0.slice(sequences.start * state..sequences.end * state).copy_from_slice(&dh);
            states.1.slice(sequences.start * hidden..sequences.end * hidden).copy_from_slice(&dc);
        }
    });
    LstmGrad { gates: dgates, h0, c0, projection: project.map(|_| (results, inner)) }
}

/// One step of some rows: `gates` become their functions, `c` the next cell state, `h` the next state.
struct Forward<'a, T> {
    gates: &'a mut [T],
    c: &'a mut [T],
    /// Empty when it is not kept, as `tanh_c`.
    c_before: &'a mut [T],
    tanh_c: &'a mut [T],
    h: &'a mut [T],
    hidden: usize,
}

impl<T: Compute> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        for row in 0..self.c.len().checked_div(self.hidden).unwrap_or(0) {
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
        let (gates, at) = (row * 4 * self.hidden + at, row * self.hidden + at);
        let [mut i, mut f, mut g, mut o]: [[T; N]; 4] = [
            load(self.gates, gates),
            load(self.gates, gates + self.hidden),
            load(self.gates, gates + 2 * self.hidden),
            load(self.gates, gates + 3 * self.hidden),
        ];
        let before: [T; N] = load(self.c, at);
        let (mut c, mut tanh_c, mut h) = (before, before, before);
        for k in 0..N {
            i[k] = i[k].sigmoid::<FMA>();
            f[k] = f[k].sigmoid::<FMA>();
            g[k] = g[k].tanh::<FMA>();
            o[k] = o[k].sigmoid::<FMA>();
            c[k] = f[k] * before[k] + i[k] * g[k];
            tanh_c[k] = c[k].tanh::<FMA>();
            h[k] = o[k] * tanh_c[k];
        }
        store(self.c, at, c);
        store(self.h, at, h);
        if !self.c_before.is_empty() {
            store(self.c_before, at, before);
            store(self.tanh_c, at, tanh_c);
            store(self.gates, gates, i);
            store(self.gates, gates + self.hidden, f);
            store(self.gates, gates + 2 * self.hidden, g);
            store(self.gates, gates + 3 * self.hidden, o);
        }
    }
}

/// One step back: from `dh` and `dc` to `dgates` and the `dc` of the step before.
struct Backward<'a, T> {
    gates: &'a [T],
    c_before: &'a [T],
    tanh_c: &'a [T],
    dh: &'a [T],
    dc: &'a mut [T],
    dgates: &'a mut [T],
    /// Gets what the projection was given; empty without one.
    inner: &'a mut [T],
    hidden: usize,
}

impl<T: Compute> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        for row in 0..self.dc.len().checked_div(self.hidden).unwrap_or(0) {
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
        let (gates, at) = (row * 4 * self.hidden + at, row * self.hidden + at);
        let [i, f, g, o]: [[T; N]; 4] = [
            load(self.gates, gates),
            load(self.gates, gates + self.hidden),
            load(self.gates, gates + 2 * self.hidden),
            load(self.gates, gates + 3 * self.hidden),
        ];
        let [before, tanh_c, dh]: [[T; N]; 3] = [load(self.c_before, at), load(self.tanh_c, at), load(self.dh, at)];
        let mut dc: [T; N] = load(self.dc, at);
        let [mut di, mut df, mut dg, mut d_o, mut inner] = [[T::ZERO; N]; 5];
        for k in 0..N {
            let through = dc[k] + dh[k] * o[k] * (T::ONE - tanh_c[k] * tanh_c[k]);
            di[k] = through * g[k] * i[k] * (T::ONE - i[k]);
            df[k] = through * before[k] * f[k] * (T::ONE - f[k]);
            dg[k] = through * i[k] * (T::ONE - g[k] * g[k]);
            d_o[k] = dh[k] * tanh_c[k] * o[k] * (T::ONE - o[k]);
            dc[k] = through * f[k];
            inner[k] = o[k] * tanh_c[k];
        }
        store(self.dc, at, dc);
        store(self.dgates, gates, di);
        store(self.dgates, gates + self.hidden, df);
        store(self.dgates, gates + 2 * self.hidden, dg);
        store(self.dgates, gates + 3 * self.hidden, d_o);
        if !self.inner.is_empty() {
            store(self.inner, at, inner);
        }
    }
}
