use crate::common::{Both, close, device, for_floats, numbers, on, read};
use candle_core::Device;
use candle_ffi_cuda::{plane_affine, plane_norm, plane_norm_grad, row_norm, row_norm_grad};
use candle_ffi_kernels::Float;
use candle_ffi_kernels::norm::{self, Center};
use candle_ffi_kernels::planes::{self, Planes};

fn rows<T: Both + Float>(device: &Device)
where
    T::Compute: Both,
{
    for (rows, n) in [(1, 1), (3, 10), (200, 7), (2, 1000), (1, 6000), (150, 33), (0, 5)] {
        let (x, g) = (numbers::<T>(rows * n, 1), numbers::<T>(rows * n, 2));
        let (w, b) = (numbers::<T>(n, 3), numbers::<T>(n, 4));
        for center in [Center::Mean, Center::Zero] {
            for weighted in [true, false] {
                let (weight, bias) = (weighted.then_some(&w[..]), weighted.then_some(&b[..]));
                let what = format!("{rows} × {n}, {center:?}, weights: {weighted}");
                let (out, mean, rstd) = norm::layer_norm(&x, rows, n, center, weight, bias, 1e-5);
                let [xs, gs] = [&x, &g].map(|data| on(device, data, &[rows, n]));
                let [ws, bs] = [&w, &b].map(|data| weighted.then(|| on(device, data, &[n])));
                let found = row_norm(&xs, n, center, ws.as_ref(), bs.as_ref(), 1e-5).unwrap().unwrap();
                close(&read::<T>(&found.0), &out, 10.0, &what);
                close(&read::<T::Compute>(&found.1), &mean, 2.0, &what);
                close(&read::<T::Compute>(&found.2), &rstd, 4.0, &what);
                let expected = norm::layer_norm_grad(&g, &x, &mean, &rstd, rows, n, center, weight);
                let statistics = [on(device, &mean, &[rows]), on(device, &rstd, &[rows])];
                let [dx, dw, db] =
                    row_norm_grad(&gs, &xs, [&statistics[0], &statistics[1]], n, center, ws.as_ref()).unwrap().unwrap();
                close(&read::<T>(&dx), &expected.0, 40.0, &what);
                close(&read::<T>(&dw), &expected.1, 20.0, &what);
                close(&read::<T>(&db), &expected.2, 20.0, &what);
            }
        }
    }
}

#[test]
fn layer_and_rms() {
    let Some(device) = device() else { return };
    for_floats!(rows(&device));
}

/// Sums of threads that add up hundreds of numbers in f32 would be off by more than the row's deviation.
#[test]
fn a_long_row_of_one_number_is_zero() {
    let Some(device) = device() else { return };
    const N: usize = 1 << 16;
    let x = on(&device, &vec![1000.1f32; N], &[1, N]);
    let (out, ..) = row_norm(&x, N, Center::Mean, None, None, 1e-5).unwrap().unwrap();
    let largest = read::<f32>(&out).into_iter().fold(0f32, |most, y| most.max(y.abs()));
    assert!(largest < 0.03, "{largest}");
}

/// A gradient that has overflown stays with its element where statistics are fixed.
#[test]
fn fixed_statistics_spread_no_infinity() {
    let Some(device) = device() else { return };
    let planes = Planes { batch: 2, channels: 1, inner: 3, groups: None };
    let x = on(&device, &numbers::<f32>(6, 1), &[2, 1, 3]);
    let g = on(&device, &[f32::INFINITY, 1.0, 2.0, 3.0, 4.0, 5.0], &[2, 1, 3]);
    let [mean, rstd] = [0.5f32, 2.0].map(|number| on(&device, &[number], &[1]));
    let [dx, ..] = plane_norm_grad(&g, &x, planes, [&mean, &rstd], None, true).unwrap().unwrap();
    assert_eq!(read::<f32>(&dx), [f32::INFINITY, 2.0, 4.0, 6.0, 8.0, 10.0]);
}

/// What the CPU computes in f32 and f64 alone.
macro_rules! of_planes {
    ($T:ty) => {
        |device: &Device| {
            type T = $T;
            let of = |batch, channels, inner, groups| Planes { batch, channels, inner, groups };
            for planes in [
                of(3, 4, 37, None),
                of(5, 6, 1, None),
                of(300, 3, 1, None),
                of(2, 6, 35, Some(3)),
                of(1, 2, 3, Some(1)),
                of(2, 4, 5000, None),
                of(2, 4, 900, Some(4)),
                of(40, 2, 300, None),
            ] {
                let dims = [planes.batch, planes.channels, planes.inner];
                let (x, g) = (numbers::<T>(planes.len(), 1), numbers::<T>(planes.len(), 2));
                let (w, b) = (numbers::<T>(planes.channels, 3), numbers::<T>(planes.channels, 4));
                let [xs, gs] = [&x, &g].map(|data| on(device, data, &dims));
                for weighted in [true, false] {
                    let what = format!("{planes:?}, weights: {weighted}");
                    let (weight, bias) = (weighted.then_some(&w[..]), weighted.then_some(&b[..]));
                    let [ws, bs] = [&w, &b].map(|data| weighted.then(|| on(device, data, &[planes.channels])));
                    let expected = planes::normalize(&x, planes, weight, bias, 1e-5);
                    let found = plane_norm(&xs, planes, ws.as_ref(), bs.as_ref(), 1e-5).unwrap().unwrap();
                    close(&read::<T>(&found.output), &expected.out, 10.0, &what);
                    close(&read::<T>(&found.mean), &expected.mean, 2.0, &what);
                    close(&read::<T>(&found.var), &expected.var, 4.0, &what);
                    close(&read::<T>(&found.rstd), &expected.rstd, 4.0, &what);
                    let statistics = [&expected.mean, &expected.rstd].map(|data| on(device, data, &[planes.groups()]));
                    let statistics = [&statistics[0], &statistics[1]];
                    let out = plane_affine(&xs, planes, statistics, ws.as_ref(), bs.as_ref()).unwrap().unwrap();
                    close(&read::<T>(&out), &expected.out, 10.0, &what);
                    for fixed in [false, true] {
                        let wanted =
                            planes::normalize_grad(&g, &x, planes, &expected.mean, &expected.rstd, weight, fixed);
                        let [dx, dw, db] =
                            plane_norm_grad(&gs, &xs, planes, statistics, ws.as_ref(), fixed).unwrap().unwrap();
                        close(&read::<T>(&dx), &wanted.0, 20.0, &what);
                        close(&read::<T>(&dw), &wanted.1, 40.0, &what);
                        close(&read::<T>(&db), &wanted.2, 40.0, &what);
                    }
                }
            }
        }
    };
}

#[test]
fn batch_and_group() {
    let Some(device) = device() else { return };
    (of_planes!(f32))(&device);
    (of_planes!(f64))(&device);
}

#[test]
fn batch_of_halves() {
    let Some(device) = device() else { return };
    // Planes of whole packs of 16 bytes, and others.
    for inner in [37, 40] {
        let planes = Planes { batch: 3, channels: 4, inner, groups: None };
        let x = numbers::<half::f16>(planes.len(), 1);
        let wide: Vec<f32> = x.iter().map(|x| x.to_f32()).collect();
        let expected = planes::normalize(&wide, planes, None, None, 1e-5);
        let found = plane_norm(&on(&device, &x, &[3, 4, inner]), planes, None, None, 1e-5).unwrap().unwrap();
        let out: Vec<half::f16> = expected.out.iter().map(|x| half::f16::from_f32(*x)).collect();
        close(&read::<half::f16>(&found.output), &out, 2.0, "halves");
        close(&read::<f32>(&found.rstd), &expected.rstd, 4.0, "halves");
    }
}
