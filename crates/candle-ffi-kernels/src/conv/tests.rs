use super::*;
use crate::parallel::set_num_threads;

fn data(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * 7919 + seed * 131) % 1009) as f64 / 300.0 - 1.5).collect()
}

/// Calls `f(large, weight, small)` for each product of the definition.
fn each(g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let (from, to) = (g.large_per_group(), g.small_per_group());
    let index = |at: [usize; 3], sizes: [usize; 3]| (at[0] * sizes[1] + at[1]) * sizes[2] + at[2];
    let cells = |sizes: [usize; 3]| {
        (0..volume(sizes)).map(move |i| [i / sizes[2] / sizes[1], i / sizes[2] % sizes[1], i % sizes[2]])
    };
    for n in 0..g.batch {
        for row in 0..g.small_channels {
            for channel in 0..from {
                let group = row / to;
                for at in cells(g.small) {
                    for k in cells(g.kernel) {
                        let place: [isize; 3] = std::array::from_fn(|d| {
                            (at[d] * g.stride[d] + k[d] * g.dilation[d]) as isize - g.padding[d] as isize
                        });
                        if (0..3).all(|d| place[d] >= 0 && (place[d] as usize) < g.large[d]) {
                            let place = place.map(|x| x as usize);
                            let large =
                                ((n * g.groups + group) * from + channel) * volume(g.large) + index(place, g.large);
                            let weight = (row * from + channel) * volume(g.kernel) + index(k, g.kernel);
                            let small = (n * g.small_channels + row) * volume(g.small) + index(at, g.small);
                            f(large, weight, small);
                        }
                    }
                }
            }
        }
    }
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (at, (x, y)) in found.iter().zip(expected).enumerate() {
        assert!((x - y).abs() <= 1e-9 * (1.0 + y.abs()), "{at}: {x} and {y}");
    }
}

fn check(g: Geometry) {
    let (large, weight, small) = (data(g.large_len(), 1), data(g.weight_len(), 2), data(g.small_len(), 3));
    let (to_small, to_large) = (data(g.small_channels, 4), data(g.large_channels, 5));
    let mut down: Vec<f64> =
        (0..small.len()).map(|i| to_small[i / volume(g.small).max(1) % g.small_channels]).collect();
    let mut up: Vec<f64> = (0..large.len()).map(|i| to_large[i / volume(g.large).max(1) % g.large_channels]).collect();
    let mut across = vec![0.0; weight.len()];
    each(&g, |l, w, s| {
        down[s] += large[l] * weight[w];
        up[l] += small[s] * weight[w];
        across[w] += large[l] * small[s];
    });
    close(&conv(&g, &large, &weight, Some(&to_small)), &down);
    close(&conv_transpose(&g, &small, &weight, Some(&to_large)), &up);
    close(&conv_weight_grad(&g, &large, &small), &across);
    let narrow = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
    let near = |found: Vec<f32>, expected: &[f64]| {
        let scale = 1.0 + expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(x, y)| (f64::from(*x) - y).abs() < 1e-5 * scale), "{g:?}");
    };
    near(conv(&g, &narrow(&large), &narrow(&weight), Some(&narrow(&to_small))), &down);
    near(conv_transpose(&g, &narrow(&small), &narrow(&weight), Some(&narrow(&to_large))), &up);
    near(conv_weight_grad(&g, &narrow(&large), &narrow(&small)), &across);
    let together = (conv(&g, &large, &weight, None), conv_weight_grad(&g, &large, &small));
    set_num_threads(1);
    let alone = (conv(&g, &large, &weight, None), conv_weight_grad(&g, &large, &small));
    set_num_threads(0);
    assert_eq!(together, alone, "{g:?}");
}

/// A geometry from the large side's sizes, with the small side as PyTorch says.
fn geometry(
    (batch, groups, large_channels, small_channels): (usize, usize, usize, usize),
    large: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
) -> Geometry {
    let small =
        std::array::from_fn(|d| (large[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1);
    Geometry { batch, groups, large_channels, small_channels, large, small, kernel, stride, padding, dilation }
}

#[test]
fn equal_to_the_definition() {
    let one = [1; 3];
    check(geometry((2, 1, 3, 5), [1, 7, 9], [1, 3, 3], one, [0, 1, 1], one));
    check(geometry((1, 1, 1, 1), [1, 1, 1], [1, 1, 1], one, [0; 3], one));
    check(geometry((2, 1, 20, 37), [1, 14, 15], [1, 3, 3], one, [0, 1, 1], one));
    check(geometry((3, 1, 17, 33), [1, 8, 8], [1, 1, 1], one, [0; 3], one));
    check(geometry((2, 2, 40, 120), [2, 3, 5], [1, 1, 1], one, [0; 3], one));
    check(geometry((2, 1, 3, 16), [1, 31, 29], [1, 7, 7], [1, 2, 2], [0, 3, 3], one));
    check(geometry((2, 1, 6, 16), [1, 12, 12], [1, 5, 5], one, [0; 3], one));
    check(geometry((2, 1, 1, 6), [1, 28, 28], [1, 5, 5], one, [0; 3], one));
    check(geometry((2, 8, 8, 8), [1, 28, 28], [1, 3, 3], one, [0, 1, 1], one));
    check(geometry((2, 4, 8, 8), [1, 9, 28], [1, 3, 3], [1, 2, 1], [0, 1, 1], one));
    check(geometry((2, 3, 3, 6), [1, 9, 8], [1, 2, 4], [1, 3, 2], [0, 0, 1], [1, 2, 1]));
    check(geometry((2, 2, 6, 4), [5, 6, 7], [2, 3, 2], [2, 1, 3], [1, 0, 1], [1, 2, 3]));
    check(geometry((3, 1, 4, 40), [1, 1, 300], [1, 1, 5], one, [0, 0, 2], one));
    check(geometry((1, 1, 64, 64), [1, 56, 56], [1, 3, 3], one, [0, 1, 1], one));
    check(geometry((1, 1, 9, 8), [4, 20, 20], [3, 3, 3], one, one, one));
}

#[test]
fn taps_that_meet_only_zeros_and_elements_that_meet_no_tap() {
    let one = [1; 3];
    // A stride beyond the kernel, and padding beyond it.
    check(geometry((2, 1, 3, 4), [1, 10, 11], [1, 1, 2], [1, 3, 4], [0; 3], one));
    check(geometry((2, 1, 3, 4), [1, 2, 3], [1, 3, 2], one, [0, 5, 4], one));
    check(geometry((1, 1, 2, 2), [1, 1, 3], [1, 1, 3], [1, 1, 50], [0, 0, 200], [1, 1, 150]));
    // A large side longer than what the taps reach: `output_padding`.
    let mut longer = geometry((2, 1, 3, 4), [1, 9, 9], [1, 3, 3], [1, 2, 2], [0, 1, 1], one);
    longer.large = [1, 10, 10];
    check(longer);
    longer.large = [1, 14, 9];
    check(longer);
    // More padding behind than before.
    let mut behind = geometry((2, 1, 3, 4), [1, 9, 9], [1, 2, 4], one, [0, 0, 1], one);
    behind.small = [1, 9, 9];
    check(behind);
}

#[test]
fn nothing() {
    let one = [1; 3];
    let mut empty = geometry((0, 1, 3, 4), [1, 9, 9], [1, 3, 3], one, [0; 3], one);
    check(empty);
    empty.batch = 2;
    empty.large_channels = 0;
    let out = conv::<f32>(&empty, &[], &[], Some(&[1.0, 2.0, 3.0, 4.0]));
    assert_eq!((out.len(), out[0], out[49]), (2 * 4 * 49, 1.0, 2.0));
    assert!(conv_weight_grad::<f32>(&empty, &[], &vec![0.0; 2 * 4 * 49]).is_empty());
}
