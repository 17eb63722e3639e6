use crate::common::{close, device, nearest, numbers, on, read, reported};
use candle_core::Device;
use candle_ffi_cuda::{Targets, cross_entropy, cross_entropy_grad, pair_loss, pair_loss_grad};
use candle_ffi_kernels::cross_entropy as cpu;
use candle_ffi_kernels::pair_loss::{self as pair, PairLoss, Side, Upstream};

/// What the CPU computes in f32 and f64 alone.
macro_rules! classes {
    ($T:ty) => {
        |device: &Device| {
            type T = $T;
            for (rows, n) in [(1, 1), (5, 37), (300, 3), (2, 1000), (1, 5000), (0, 4)] {
                let x = numbers::<T>(rows * n, 1);
                let weight: Vec<T> = (0..n).map(|i| nearest::<T>(0.5 + i as f64 / n as f64)).collect();
                let which: Vec<i64> = (0..rows).map(|i| if i % 7 == 3 { -100 } else { (i * 31 % n) as i64 }).collect();
                let grads = numbers::<T>(rows, 9);
                for (weight, smoothing) in
                    [(None, 0.0), (None, 0.2), (Some(&weight[..]), 0.0), (Some(&weight[..]), 0.3)]
                {
                    let what = format!("{rows} × {n}, weight: {}, smoothing {smoothing}", weight.is_some());
                    let targets = cpu::Targets { classes: &which, weight, ignored: -100, smoothing };
                    let expected = cpu::cross_entropy(&x, n, targets).unwrap();
                    let [xs, gs] =
                        [(&x, vec![rows, n]), (&grads, vec![rows])].map(|(data, shape)| on(device, data, &shape));
                    let (classes, weights) =
                        (on(device, &which, &[rows]), weight.map(|weight| on(device, weight, &[n])));
                    let given = Targets { classes: &classes, weight: weights.as_ref(), ignored: -100, smoothing };
                    let found = cross_entropy(&xs, given).unwrap().unwrap();
                    close(&read::<T>(&found.losses), &expected.losses, 5.0, &what);
                    close(&read::<T>(&found.statistics), &expected.statistics, 5.0, &what);
                    let total = read::<f64>(&found.total)[0];
                    assert!((total - expected.total).abs() < 1e-5 * total.max(1.0), "{what}");
                    if rows == 0 {
                        continue;
                    }
                    let each = cpu::cross_entropy_grad(&x, n, &expected.statistics, targets, Upstream::Each(&grads));
                    let slopes = cross_entropy_grad(&xs, &found.statistics, given, &gs, None).unwrap().unwrap();
                    close(&read::<T>(&slopes), &each, 10.0, &what);
                    let one = on(device, &[nearest::<T>(3.0)], &[]);
                    let scaled = Upstream::Same(nearest::<T>(3.0 / expected.total));
                    let same = cpu::cross_entropy_grad(&x, n, &expected.statistics, targets, scaled);
                    let slopes =
                        cross_entropy_grad(&xs, &found.statistics, given, &one, Some(&found.total)).unwrap().unwrap();
                    close(&read::<T>(&slopes), &same, 10.0, &what);
                }
            }
        }
    };
}

#[test]
fn cross_entropy_and_its_gradient() {
    let Some(device) = device() else { return };
    (classes!(f32))(&device);
    (classes!(f64))(&device);
}

#[test]
fn classes_outside_are_found_and_not_looked_up() {
    let Some(device) = device() else { return };
    let x = on(&device, &[0.0f32; 9], &[3, 3]);
    for (which, bad) in [([0, 3, 1], 3), ([-1, 7, 0], -1)] {
        let classes = on::<i64>(&device, &which, &[3]);
        let targets = Targets { classes: &classes, weight: None, ignored: -100, smoothing: 0.0 };
        let found = reported(&device, || drop(cross_entropy(&x, targets).unwrap().unwrap()));
        assert_eq!(found, Some((bad, 3)));
    }
}

/// What the CPU computes in f32 and f64 alone.
macro_rules! pairs {
    ($T:ty) => {
        |device: &Device| {
            type T = $T;
            let count = 397;
            let x: Vec<T> = (0..count).map(|i| nearest::<T>(i as f64 * 0.0024 + 0.01)).collect();
            let t: Vec<T> = (0..count).map(|i| nearest::<T>(((i * 37) % count) as f64 * 0.0024 + 0.02)).collect();
            let grads = numbers::<T>(count, 3);
            let [xs, ts, gs] = [&x, &t, &grads].map(|data| on(device, data, &[count]));
            for loss in [
                PairLoss::Absolute,
                PairLoss::SmoothL1 { beta: 0.21 },
                PairLoss::Huber { delta: 0.21 },
                PairLoss::BinaryCrossEntropy,
                PairLoss::BinaryCrossEntropyWithLogits,
                PairLoss::SoftMargin,
                PairLoss::KlDivergence,
                PairLoss::KlDivergenceOfLogs,
            ] {
                let what = format!("{loss:?}");
                let found = pair_loss(loss, &xs, &ts).unwrap().unwrap();
                close(&read::<T>(&found), &pair::pair_loss(loss, &x, &t), 5.0, &what);
                for side in [Side::Input, Side::Target] {
                    let each = pair_loss_grad(loss, side, &xs, &ts, &gs, 1.0).unwrap().unwrap();
                    close(
                        &read::<T>(&each),
                        &pair::pair_loss_grad(loss, side, &x, &t, Upstream::Each(&grads)),
                        10.0,
                        &what,
                    );
                    let one = on(device, &[nearest::<T>(2.0)], &[]);
                    let same = pair_loss_grad(loss, side, &xs, &ts, &one, 0.25).unwrap().unwrap();
                    let expected = pair::pair_loss_grad(loss, side, &x, &t, Upstream::Same(nearest::<T>(0.5)));
                    close(&read::<T>(&same), &expected, 10.0, &what);
                }
            }
        }
    };
}

#[test]
fn losses_of_pairs() {
    let Some(device) = device() else { return };
    (pairs!(f32))(&device);
    (pairs!(f64))(&device);
}
