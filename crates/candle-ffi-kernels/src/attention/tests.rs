use super::*;

fn data(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| (((i + seed) * 7919) % 1009) as f64 / 500.0 - 1.0).collect()
}

/// Weights of one head by the formula.
fn weights(q: &[f64], k: &[f64], sizes: Sizes, causal: bool, mask: &[f64]) -> Vec<Vec<f64>> {
    let width = sizes.width;
    (0..sizes.queries)
        .map(|i| {
            let scores: Vec<f64> = (0..sizes.keys)
                .map(|j| {
                    let product: f64 = (0..width).map(|e| q[i * width + e] * k[j * width + e]).sum();
                    if causal && j > i { f64::NEG_INFINITY } else { 0.3 * product + mask[j] }
                })
                .collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exps: Vec<f64> = scores.iter().map(|s| if max.is_finite() { (s - max).exp() } else { 0.0 }).collect();
            let sum: f64 = exps.iter().sum();
            exps.iter().map(|e| if sum > 0.0 { e / sum } else { 0.0 }).collect()
        })
        .collect()
}

/// With every key masked by `all`, where it is given.
fn check(sizes: Sizes, causal: bool, all: Option<f64>) {
    let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
    let q = data(batch * heads * queries * width, 1);
    let k = data(batch * kv_heads * keys * width, 2);
    let v = data(batch * kv_heads * keys * value_width, 3);
    let mut mask = data(keys, 4);
    mask[0] = f64::NEG_INFINITY;
    if let Some(all) = all {
        mask.fill(all);
    }
    let shape =
        |heads, length, width| ([batch, heads, length, width], [heads * length * width, length * width, width, 1]);
    let (q_view, k_view, v_view) =
        (shape(heads, queries, width), shape(kv_heads, keys, width), shape(kv_heads, keys, value_width));
    let inputs = Inputs {
        query: Strided::new(&q, 0, &q_view.0, &q_view.1),
        key: Strided::new(&k, 0, &k_view.0, &k_view.1),
        value: Strided::new(&v, 0, &v_view.0, &v_view.1),
    };
    let mask_shape = [batch, heads, queries, keys];
    let options =
        Options { scale: 0.3, causal, mask: Some(Strided::new(&mask, 0, &mask_shape, &[0, 0, 0, 1])), dropout: None };
    let out_view = shape(heads, queries, value_width);
    let rows = |strides: [usize; 4]| [strides[0], strides[1], strides[2]];
    let (out, statistics) = forward(inputs, sizes, options, rows(out_view.1));
    let grad = data(out.len(), 5);
    let views = [&grad, &out].map(|data| Strided::new(data, 0, &out_view.0, &out_view.1));
    let [dq, dk, dv] = backward(
        views[0],
        views[1],
        &statistics,
        inputs,
        sizes,
        options,
        [rows(q_view.1), rows(k_view.1), rows(v_view.1)],
    );
    let (mut expected_dk, mut expected_dv) = (vec![0.0; k.len()], vec![0.0; v.len()]);
    for b in 0..batch {
        for h in 0..heads {
            let (at, kv) = (b * heads + h, b * kv_heads + sizes.kv_head(h));
            let q = &q[at * queries * width..][..queries * width];
            let (k, v) = (&k[kv * keys * width..][..keys * width], &v[kv * keys * value_width..][..keys * value_width]);
            let p = weights(q, k, sizes, causal, &mask);
            for i in 0..queries {
                let line = (at * queries + i) * value_width;
                for e in 0..value_width {
                    let expected: f64 = (0..keys).map(|j| p[i][j] * v[j * value_width + e]).sum();
                    assert!((out[line + e] - expected).abs() < 1e-12, "{sizes:?} {causal} {}", out[line + e]);
                }
                let slopes: Vec<f64> = (0..keys)
                    .map(|j| (0..value_width).map(|e| grad[line + e] * v[j * value_width + e]).sum())
                    .collect();
                let along: f64 = (0..keys).map(|j| slopes[j] * p[i][j]).sum();
                let mut expected_dq = vec![0.0; width];
                for j in 0..keys {
                    let slope = 0.3 * p[i][j] * (slopes[j] - along);
                    for e in 0..width {
                        expected_dq[e] += slope * k[j * width + e];
                        expected_dk[(kv * keys + j) * width + e] += slope * q[i * width + e];
                    }
                    for e in 0..value_width {
                        expected_dv[(kv * keys + j) * value_width + e] += p[i][j] * grad[line + e];
                    }
                }
                for e in 0..width {
                    assert!((dq[(at * queries + i) * width + e] - expected_dq[e]).abs() < 1e-11);
                }
            }
        }
    }
    assert!(dk.iter().zip(&expected_dk).all(|(x, y)| (x - y).abs() < 1e-10), "{sizes:?} {causal}");
    assert!(dv.iter().zip(&expected_dv).all(|(x, y)| (x - y).abs() < 1e-10), "{sizes:?} {causal}");
}

#[test]
fn results_and_gradients_are_those_of_the_formula() {
    for (queries, keys) in [(1, 1), (5, 3), (3, 5), (300, 130), (140, 600)] {
        for (heads, kv_heads) in [(2, 2), (4, 2)] {
            let sizes = Sizes { batch: 2, heads, kv_heads, queries, keys, width: 3, value_width: 2 };
            check(sizes, false, None);
            check(sizes, true, None);
        }
    }
    let sizes = Sizes { batch: 1, heads: 1, kv_heads: 1, queries: 2, keys: 3, width: 4, value_width: 4 };
    check(sizes, false, Some(f64::NEG_INFINITY));
    // So far below zero that nothing is left of the scores, nor of the logarithm of their number.
    check(sizes, false, Some(-1e30));
    check(Sizes { queries: 300, keys: 600, ..sizes }, true, Some(-1e30));
    check(Sizes { width: 0, ..sizes }, false, None);
    check(Sizes { value_width: 0, ..sizes }, false, None);
    check(Sizes { keys: 1, ..sizes }, true, None);
}

#[test]
fn dropped_weights_are_those_of_the_mask() {
    let sizes = Sizes { batch: 1, heads: 2, kv_heads: 2, queries: 4, keys: 700, width: 1, value_width: 1 };
    let (q, k, ones) = (vec![0.0f32; 8], vec![0.0f32; 1400], vec![1.0f32; 1400]);
    let inputs = Inputs {
        query: Strided::new(&q, 0, &[1, 2, 4, 1], &[8, 4, 1, 1]),
        key: Strided::new(&k, 0, &[1, 2, 700, 1], &[1400, 700, 1, 1]),
        value: Strided::new(&ones, 0, &[1, 2, 700, 1], &[1400, 700, 1, 1]),
    };
    let dropout = Dropout { seed: 3, offset: 5, p: 0.25 };
    let options = Options { scale: 1.0, causal: false, mask: None, dropout: Some(dropout) };
    let (out, _) = forward(inputs, sizes, options, [8, 4, 1]);
    let kept = crate::random::bernoulli_mask(3, 5, 8 * 700, 0.75);
    for (row, out) in kept.chunks(700).zip(out) {
        let count: f32 = row.iter().map(|kept| f32::from(*kept)).sum();
        assert!((out - count / 700.0 / 0.75).abs() < 1e-5);
    }
}
