//! Each gradient against differences, for sequences of unequal lengths in both directions, in one thread and in several.

use super::*;
use crate::parallel::set_num_threads;

fn data(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * 7919 + seed * 131) % 1009) as f64 / 700.0 - 0.7).collect()
}

/// Central differences of `loss` at some elements of `values[which]` against `grad`.
fn compare(values: &[Vec<f64>], which: usize, grad: &[f64], loss: impl Fn(&[Vec<f64>]) -> f64) {
    let step = 1e-6;
    assert_eq!(values[which].len(), grad.len());
    for i in (0..grad.len()).step_by(1 + grad.len() / 40) {
        let mut moved = values.to_vec();
        moved[which][i] += step;
        let above = loss(&moved);
        moved[which][i] -= 2.0 * step;
        let difference = (above - loss(&moved)) / (2.0 * step);
        assert!((grad[i] - difference).abs() < 1e-7, "input {which}, element {i}: {} and {difference}", grad[i]);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The gradients that come in: of all outputs (in the right columns of two directions) and of the last states.
struct Case {
    steps: Steps,
    hidden: usize,
    state: usize,
    weights: [Vec<f64>; 3],
}

impl Case {
    fn new(sizes: &[usize], reverse: bool, hidden: usize, state: usize) -> Self {
        let steps = Steps::new(sizes, reverse);
        let weights = [
            data(steps.rows() * 2 * state, 11),
            data(steps.sequences() * state, 12),
            data(steps.sequences() * hidden, 13),
        ];
        Self { steps, hidden, state, weights }
    }

    fn incoming(&self) -> Incoming<'_, f64> {
        Incoming {
            out: Some(Columns { data: &self.weights[0], stride: 2 * self.state, first: self.state }),
            h_n: Some(&self.weights[1]),
            c_n: Some(&self.weights[2]),
        }
    }

    fn out(&self) -> Vec<f64> {
        vec![0.0; self.steps.rows() * 2 * self.state]
    }

    fn columns<'a>(&self, out: &'a mut [f64]) -> ColumnsMut<'a, f64> {
        ColumnsMut { data: out, stride: 2 * self.state, first: self.state }
    }
}

const SIZES: [&[usize]; 3] = [&[1], &[19, 19, 7, 3, 1], &[10, 10, 10]];

#[test]
fn lstm_gradients_equal_differences() {
    for sizes in SIZES {
        for (reverse, state) in [(false, 19), (true, 19), (false, 5), (true, 5)] {
            let case = Case::new(sizes, reverse, 19, state);
            let (rows, sequences, hidden) = (case.steps.rows(), case.steps.sequences(), case.hidden);
            let projects = state != hidden;
            let values = vec![
                data(rows * 4 * hidden, 1),
                data(sequences * state, 2),
                data(sequences * hidden, 3),
                data(4 * hidden * state, 4),
                data(state * hidden, 5),
            ];
            let run = |v: &[Vec<f64>], out: &mut [f64], keep: bool| {
                let weight_hr = projects.then_some(&v[4][..]);
                let input = LstmInput { steps: &case.steps, hidden, weight_hh: &v[3], weight_hr, h0: &v[1], c0: &v[2] };
                lstm(&input, v[0].clone(), case.columns(out), keep)
            };
            let loss = |v: &[Vec<f64>]| {
                let mut out = case.out();
                let result = run(v, &mut out, false);
                dot(&out, &case.weights[0]) + dot(&result.h_n, &case.weights[1]) + dot(&result.c_n, &case.weights[2])
            };
            let mut out = case.out();
            let result = run(&values, &mut out, true);
            let weight_hr = projects.then_some(&values[4][..]);
            let (weight_hh, h0, c0) = (&values[3], &values[1], &values[2]);
            let input = LstmInput { steps: &case.steps, hidden, weight_hh, weight_hr, h0, c0 };
            let grad =
                lstm_grad(&input, &result.kept.gates, &result.kept.c_before, &result.kept.tanh_c, &case.incoming());
            compare(&values, 0, &grad.gates, loss);
            compare(&values, 1, &grad.h0, loss);
            compare(&values, 2, &grad.c0, loss);
            set_num_threads(1);
            let alone =
                lstm_grad(&input, &result.kept.gates, &result.kept.c_before, &result.kept.tanh_c, &case.incoming());
            set_num_threads(0);
            assert_eq!((alone.gates, alone.h0, alone.c0), (grad.gates.clone(), grad.h0, grad.c0));
            let states = Columns { data: &out, stride: 2 * state, first: state };
            let before = case.steps.before(states, &values[1], state);
            let product = |a: &[f64], b: &[f64], n: usize, m: usize| -> Vec<f64> {
                (0..n * m).map(|at| (0..rows).map(|r| a[r * n + at / m] * b[r * m + at % m]).sum()).collect()
            };
            compare(&values, 3, &product(&grad.gates, &before, 4 * hidden, state), loss);
            if let Some((results, inner)) = grad.projection {
                compare(&values, 4, &product(&results, &inner, state, hidden), loss);
            }
        }
    }
}

#[test]
fn gru_gradients_equal_differences() {
    for sizes in SIZES {
        for (reverse, biased) in [(false, true), (true, false)] {
            let case = Case::new(sizes, reverse, 19, 19);
            let (rows, sequences, hidden) = (case.steps.rows(), case.steps.sequences(), case.hidden);
            let values = vec![
                data(rows * 3 * hidden, 1),
                data(sequences * hidden, 2),
                data(3 * hidden * hidden, 3),
                data(3 * hidden, 4),
            ];
            let run = |v: &[Vec<f64>], out: &mut [f64], keep: bool| {
                let bias_hh = biased.then_some(&v[3][..]);
                let input = GruInput { steps: &case.steps, hidden, weight_hh: &v[2], bias_hh, h0: &v[1] };
                gru(&input, v[0].clone(), case.columns(out), keep)
            };
            let loss = |v: &[Vec<f64>]| {
                let mut out = case.out();
                let result = run(v, &mut out, false);
                dot(&out, &case.weights[0]) + dot(&result.h_n, &case.weights[1])
            };
            let mut out = case.out();
            let result = run(&values, &mut out, true);
            let states = Columns { data: &out, stride: 2 * hidden, first: hidden };
            let before = case.steps.before(states, &values[1], hidden);
            let bias_hh = biased.then_some(&values[3][..]);
            let input = GruInput { steps: &case.steps, hidden, weight_hh: &values[2], bias_hh, h0: &values[1] };
            let grad = gru_grad(&input, &result.gates, &result.inner, &before, &case.incoming());
            compare(&values, 0, &grad.input_gates, loss);
            compare(&values, 1, &grad.h0, loss);
            let sums = |width: usize| -> Vec<f64> {
                (0..3 * hidden * width)
                    .map(|at| {
                        let factor = |r: usize| if width == 1 { 1.0 } else { before[r * hidden + at % width] };
                        (0..rows).map(|r| grad.hidden_gates[r * 3 * hidden + at / width] * factor(r)).sum()
                    })
                    .collect()
            };
            compare(&values, 2, &sums(hidden), loss);
            if biased {
                compare(&values, 3, &sums(1), loss);
            }
        }
    }
}

#[test]
fn plain_gradients_equal_differences() {
    for sizes in SIZES {
        for (reverse, nonlinearity) in [(false, Nonlinearity::Tanh), (true, Nonlinearity::Relu)] {
            let case = Case::new(sizes, reverse, 19, 19);
            let (rows, sequences, hidden) = (case.steps.rows(), case.steps.sequences(), case.hidden);
            let values = vec![data(rows * hidden, 1), data(sequences * hidden, 2), data(hidden * hidden, 3)];
            let run = |v: &[Vec<f64>], out: &mut [f64]| {
                let input = PlainInput { steps: &case.steps, hidden, nonlinearity, weight_hh: &v[2], h0: &v[1] };
                plain(&input, v[0].clone(), case.columns(out))
            };
            let loss = |v: &[Vec<f64>]| {
                let mut out = case.out();
                let result = run(v, &mut out);
                dot(&out, &case.weights[0]) + dot(&result.h_n, &case.weights[1])
            };
            let mut out = case.out();
            let result = run(&values, &mut out);
            let input = PlainInput { steps: &case.steps, hidden, nonlinearity, weight_hh: &values[2], h0: &values[1] };
            let grad = plain_grad(&input, &result.states, &case.incoming());
            compare(&values, 0, &grad.gates, loss);
            compare(&values, 1, &grad.h0, loss);
        }
    }
}
