use crate::common::{Both, close, device, for_floats, for_integers, nearest, numbers, on, read};
use candle_core::Device;
use candle_ffi_cuda::{Softmax, scan, softmax, softmax_grad};
use candle_ffi_kernels::scan::{Running, Scan, scan as cpu_scan};
use candle_ffi_kernels::{Float, softmax as cpu};

const SHAPES: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (3, 10, 1),
    (40, 3, 1),
    (2, 1000, 1),
    (1, 5000, 1),
    (2, 7, 130),
    (1, 300, 3),
    (4, 5, 9),
    (0, 4, 2),
    (3, 0, 2),
];

fn softmaxes<T: Both + Float>(device: &Device) {
    for (outer, n, inner) in SHAPES {
        let shape = [outer, n, inner];
        let mut data = numbers::<T>(outer * n * inner, n);
        for special in [None, Some(f64::NEG_INFINITY), Some(f64::INFINITY), Some(f64::NAN)] {
            if let (Some(special), Some(first)) = (special, data.first_mut()) {
                *first = nearest(special);
            }
            let x = on(device, &data, &shape);
            let of = |op| read::<T>(&softmax(op, &x, 1).unwrap().unwrap());
            let what = format!("{shape:?} with {special:?}");
            let (plain, log) = (cpu::softmax(&data, outer, n, inner), cpu::log_softmax(&data, outer, n, inner));
            close(&of(Softmax::Plain), &plain, 2.0, &what);
            close(&of(Softmax::Log), &log, 2.0, &what);
            close(&of(Softmax::LogSum), &cpu::logsumexp(&data, outer, n, inner), 2.0, &what);
            let grad = numbers::<T>(data.len(), 5);
            let gradient = |is_log, output: &[T]| {
                let (output, grad) = (on(device, output, &shape), on(device, &grad, &shape));
                read::<T>(&softmax_grad(is_log, &output, &grad, 1).unwrap().unwrap())
            };
            close(&gradient(false, &plain), &cpu::softmax_grad(&plain, &grad, outer, n, inner), 20.0, &what);
            close(&gradient(true, &log), &cpu::log_softmax_grad(&log, &grad, outer, n, inner), 100.0, &what);
        }
    }
}

#[test]
fn softmax_and_its_gradients() {
    let Some(device) = device() else { return };
    for_floats!(softmaxes(&device));
}

#[test]
fn rows_of_minus_infinity() {
    let Some(device) = device() else { return };
    let x = on(&device, &[f32::NEG_INFINITY; 6], &[2, 3]);
    let of = |op| read::<f32>(&softmax(op, &x, 1).unwrap().unwrap());
    assert!(of(Softmax::Plain).iter().all(|x| x.is_nan()));
    assert_eq!(of(Softmax::LogSum), [f32::NEG_INFINITY; 2]);
}

/// Rows of a warp and of blocks, which can be moved four at a time or not; columns of threads and of blocks, which lie in
/// several planes; lines in several chunks.
const SCANS: [(usize, usize, usize); 8] =
    [(5, 512, 1), (3, 511, 1), (3, 516, 1), (2, 1001, 1), (3, 100, 50), (2, 700, 20), (1, 30_000, 1), (2, 20_000, 2)];

fn scans<T: Both + Running>(device: &Device) {
    for (outer, n, inner) in SHAPES.into_iter().chain(SCANS) {
        let shape = [outer, n, inner];
        let data = numbers::<T>(outer * n * inner, n);
        for op in [Scan::Sum, Scan::SumFromEnd, Scan::Prod] {
            let found = scan(&on(device, &data, &shape), 1, op).unwrap().unwrap();
            let what = format!("{op:?} {shape:?}");
            close(&read::<T>(&found), &cpu_scan(&data, outer, n, inner, op), 4.0, &what);
        }
    }
}

/// Types that the CPU converts first: sums that stay in range are the same.
fn narrow_scans<T: Both>(device: &Device) {
    for (outer, n, inner) in SHAPES.into_iter().chain(SCANS.into_iter().take(5)) {
        let data: Vec<T> = numbers::<T>(outer * n * inner, 1);
        let wide: Vec<i64> = data.iter().map(|x| candle_ffi_kernels::Element::to_i64(*x)).collect();
        let expected: Vec<T> = cpu_scan(&wide, outer, n, inner, Scan::Sum)
            .into_iter()
            .map(<T as candle_ffi_kernels::Element>::from_i64)
            .collect();
        let found = scan(&on(device, &data, &[outer, n, inner]), 1, Scan::Sum).unwrap().unwrap();
        close(&read::<T>(&found), &expected, 0.0, "sum of integers");
    }
}

#[test]
fn running_sums_from_an_address_that_is_not_aligned() {
    let Some(device) = device() else { return };
    let data = numbers::<f32>(1 + 3 * 1024, 1);
    let x = on(&device, &data, &[data.len()]).narrow(0, 1, 3 * 1024).unwrap().reshape((3, 1024)).unwrap();
    for op in [Scan::Sum, Scan::SumFromEnd] {
        let found = scan(&x, 1, op).unwrap().unwrap();
        close(&read::<f32>(&found), &cpu_scan(&data[1..], 3, 1024, 1, op), 4.0, "unaligned");
    }
}

#[test]
fn running_sums_and_products() {
    let Some(device) = device() else { return };
    scans::<f32>(&device);
    scans::<f64>(&device);
    scans::<i64>(&device);
    for_integers!(narrow_scans(&device));
}
