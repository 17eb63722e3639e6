use crate::common::{close, device, nearest, numbers, on, read, reported};
use candle_core::Device;
use candle_ffi_cuda::{Labels, Sequences, ctc, ctc_grad};
use candle_ffi_kernels::ctc as cpu;

/// Where the labels of sequences lie, one after the other with a gap before each, and all labels.
fn spread(targets: &[Vec<usize>], steps: &[usize], gap: usize) -> (Vec<Labels>, Vec<i64>) {
    let (mut spans, mut labels) = (Vec::new(), Vec::new());
    for (target, &steps) in targets.iter().zip(steps) {
        // Nobody looks at what is in the gaps.
        labels.extend(vec![-7i64; gap]);
        spans.push(Labels { start: labels.len(), len: target.len(), steps });
        labels.extend(target.iter().map(|label| *label as i64));
    }
    (spans, labels)
}

/// Few labels, so that some repeat; those of a target that is longer than a block has threads.
fn target(len: usize, classes: usize, blank: usize) -> Vec<usize> {
    (0..len)
        .map(|i| (i * i * 31 / 7) % classes)
        .map(|label| if label == blank { (label + 1) % classes } else { label })
        .collect()
}

macro_rules! sequences {
    ($T:ty) => {
        |device: &Device| {
            type T = $T;
            let cases: [(usize, usize, usize, Vec<Vec<usize>>, Vec<usize>); 6] = [
                (7, 4, 0, vec![vec![1, 2, 2], vec![3], vec![], vec![1, 1, 1], vec![1, 1]], vec![7, 4, 5, 7, 2]),
                (1, 2, 1, vec![vec![0]], vec![1]),
                (3, 3, 2, vec![vec![], vec![0, 1], vec![]], vec![0, 2, 3]),
                // The blank among the labels, as the CPU takes it.
                (6, 3, 1, vec![vec![0, 1, 2], vec![1, 1]], vec![6, 6]),
                // More states than one pass of a block, and no step without a path.
                (560, 5, 0, vec![target(262, 5, 0), target(3, 5, 0)], vec![560, 9]),
                (40, 300, 7, vec![target(15, 300, 7), target(1, 300, 7)], vec![40, 33]),
            ];
            for (steps, classes, blank, targets, lengths) in cases {
                let what = format!("{steps} steps, {classes} classes, blank {blank}");
                let count = targets.len();
                // Normalised, as logarithms of probabilities are.
                let mut x = numbers::<T>(steps * count * classes, 3);
                for row in x.chunks_mut(classes) {
                    let sum = row.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
                    row.iter_mut().for_each(|x| *x = nearest::<T>(f64::from(*x) - sum));
                }
                let batch = cpu::Batch { log_probs: &x, classes, targets: &targets, lengths: &lengths, blank };
                let (losses, forward) = cpu::ctc(batch);
                let grads = numbers::<T>(count, 9);
                let xs = on(device, &x, &[steps, count, classes]);
                let gs = on(device, &grads, &[count]);
                // A long one once: the emulator takes its time.
                let gaps: &[usize] = if steps < 100 { &[0, 2] } else { &[1] };
                for &gap in gaps {
                    let (spans, labels) = spread(&targets, &lengths, gap);
                    let labels = on::<i64>(device, &labels, &[labels.len()]);
                    let sequences = Sequences::new(labels, &spans, blank).unwrap();
                    let found = ctc(&xs, &sequences).unwrap().unwrap();
                    close(&read::<T>(&found.losses), &losses, 20.0, &what);
                    for zero_infinity in [false, true] {
                        let expected = cpu::ctc_grad(batch, &losses, &forward, &grads, zero_infinity);
                        let slopes = ctc_grad(&xs, &sequences, &found.losses, &found.forward, &gs, zero_infinity);
                        // The probability of a path is the exponential of a sum over all steps.
                        close(&read::<T>(&slopes.unwrap().unwrap()), &expected, 20.0 * steps as f64, &what);
                    }
                }
            }
        }
    };
}

#[test]
fn sequences_are_aligned_as_on_the_cpu() {
    let Some(device) = device() else { return };
    (sequences!(f32))(&device);
    (sequences!(f64))(&device);
}

#[test]
fn labels_that_are_no_class_are_found() {
    let Some(device) = device() else { return };
    let x = on(&device, &[-1.0f32; 4 * 2 * 3], &[4, 2, 3]);
    for (labels, bad) in [([1i64, 2, 3, 1], 3), ([1, -2, 5, 0], -2)] {
        let spans = [Labels { start: 0, len: 2, steps: 4 }, Labels { start: 2, len: 2, steps: 4 }];
        let sequences = Sequences::new(on(&device, &labels, &[4]), &spans, 0).unwrap();
        assert_eq!(reported(&device, || drop(ctc(&x, &sequences).unwrap().unwrap())), Some((bad, 3)));
    }
    let spans = [Labels { start: 3, len: 2, steps: 4 }];
    assert!(Sequences::new(on(&device, &[1i64; 4], &[4]), &spans, 0).is_err());
}
