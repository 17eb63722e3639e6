use crate::common::{Both, close, device, for_floats, for_integers, nearest, numbers, on, read, value};
use candle_core::Device;
use candle_ffi_cuda::{Reduce, argselect, reduce, var};
use candle_ffi_kernels::{Float, Integer, reduce as cpu};

/// Sizes before, of and after what is reduced: short and long, many and few, none.
const SHAPES: [(usize, usize, usize); 14] = [
    (1, 1, 1),
    (3, 10, 1),
    (300, 3, 1),
    (2, 700, 1),
    (1, 40_000, 1),
    (3, 9000, 1),
    (2, 7, 33),
    (1, 5000, 3),
    (4, 2, 200),
    (1, 30, 1000),
    (0, 5, 2),
    (3, 0, 2),
    (5, 1, 7),
    (2, 129, 1),
];

fn floats<T: Both + Float>(device: &Device) {
    for (outer, n, inner) in SHAPES {
        let shape = [outer, n, inner];
        let data = numbers::<T>(outer * n * inner, n);
        let x = on(device, &data, &shape);
        let of = |op| read::<T>(&reduce(op, &x, &[1]).unwrap().unwrap());
        let what = |name: &str| format!("{name} {shape:?}");
        close(&of(Reduce::Sum), &cpu::sum(&data, outer, n, inner), n as f64 / 100.0 + 2.0, &what("sum"));
        close(&of(Reduce::Mean), &cpu::mean(&data, outer, n, inner), 2.0, &what("mean"));
        let near_one: Vec<T> = data.iter().map(|x| nearest(1.0 + value(*x) / (10.0 * n as f64))).collect();
        let product = reduce(Reduce::Prod, &on(device, &near_one, &shape), &[1]).unwrap().unwrap();
        close(&read::<T>(&product), &cpu::prod(&near_one, outer, n, inner), 20.0 + n as f64 / 50.0, &what("prod"));
        let variance = var(&x, &[1], 1.0).unwrap().unwrap();
        close(&read::<T>(&variance), &cpu::var(&data, outer, n, inner, 1.0).0, 10.0, &what("var"));
        extremes(device, &data, shape);
        if n > 1 {
            let mut with_nan = data.clone();
            for row in with_nan.chunks_mut(n * inner) {
                row[n / 2 * inner] = nearest(f64::NAN);
                row[(n - 1) * inner] = nearest(f64::NAN);
            }
            extremes(device, &with_nan, shape);
        }
    }
}

fn extremes<T: Both>(device: &Device, data: &[T], shape: [usize; 3]) {
    let [outer, n, inner] = shape;
    let x = on(device, data, &shape);
    let what = format!("extremes {shape:?}");
    close(&read::<T>(&reduce(Reduce::Max, &x, &[1]).unwrap().unwrap()), &cpu::max(data, outer, n, inner), 0.0, &what);
    close(&read::<T>(&reduce(Reduce::Min, &x, &[1]).unwrap().unwrap()), &cpu::min(data, outer, n, inner), 0.0, &what);
    for largest in [true, false] {
        let (values, positions) = argselect(largest, &x, &[1]).unwrap().unwrap();
        let (expected, places) =
            if largest { cpu::argmax(data, outer, n, inner) } else { cpu::argmin(data, outer, n, inner) };
        close(&read::<T>(&values), &expected, 0.0, &what);
        assert_eq!(read::<i64>(&positions), places, "{what}");
    }
}

fn integers<T: Both + Integer>(device: &Device) {
    for (outer, n, inner) in SHAPES {
        let shape = [outer, n, inner];
        let data = numbers::<T>(outer * n * inner, n);
        let x = on(device, &data, &shape);
        let of = |op| read::<i64>(&reduce(op, &x, &[1]).unwrap().unwrap());
        assert_eq!(of(Reduce::Sum), cpu::sum_integer(&data, outer, n, inner), "sum {shape:?}");
        assert_eq!(of(Reduce::Prod), cpu::prod_integer(&data, outer, n, inner), "prod {shape:?}");
        extremes(device, &data, shape);
    }
}

#[test]
fn numbers_of_every_dtype() {
    let Some(device) = device() else { return };
    for_floats!(floats(&device));
    for_integers!(integers(&device));
}

#[test]
fn bools() {
    let Some(device) = device() else { return };
    for (outer, n, inner) in SHAPES {
        for each in [1, 2, 1000] {
            let data: Vec<u8> = (0..outer * n * inner).map(|i| u8::from(i % each != 0)).collect();
            let x = on(&device, &data, &[outer, n, inner]);
            let of = |op| read::<u8>(&reduce(op, &x, &[1]).unwrap().unwrap());
            assert_eq!(of(Reduce::Any), cpu::any(&data, outer, n, inner));
            assert_eq!(of(Reduce::All), cpu::all(&data, outer, n, inner));
        }
    }
}

#[test]
fn any_dimensions_of_any_layout() {
    let Some(device) = device() else { return };
    let data = numbers::<f32>(2 * 3 * 40 * 5, 1);
    let x = on(&device, &data, &[2, 3, 40, 5]);
    let views = [
        x.clone(),
        x.permute((3, 1, 0, 2)).unwrap(),
        x.narrow(2, 3, 30).unwrap(),
        x.narrow(3, 1, 1).unwrap().broadcast_as((2, 3, 40, 7)).unwrap(),
        x.transpose(1, 3).unwrap(),
    ];
    for view in &views {
        for dims in [&[][..], &[0], &[3], &[0, 2], &[1, 3], &[0, 1, 2], &[0, 1, 2, 3]] {
            let found = reduce(Reduce::Sum, view, dims).unwrap().unwrap();
            let host = view.to_device(&Device::Cpu).unwrap();
            let expected = if dims.is_empty() { host } else { host.sum(dims).unwrap() };
            let what = format!("{:?} {:?} over {dims:?}", view.shape(), view.stride());
            close(&read::<f32>(&found), &read::<f32>(&expected), 200.0, &what);
        }
    }
}

/// The first and the last dimension are reduced, the one between is kept: more and fewer columns than threads, one part
/// and several.
#[test]
fn two_dimensions_that_are_apart() {
    let Some(device) = device() else { return };
    for [rows, kept, columns] in [[3, 4, 700], [5, 2, 2000], [70, 3, 50], [900, 5, 3], [2, 300, 65]] {
        let data = numbers::<f32>(rows * kept * columns, columns);
        let x = on(&device, &data, &[rows, kept, columns]);
        let n = rows * columns;
        let together: Vec<f32> =
            (0..kept * n).map(|i| data[(i % n / columns * kept + i / n) * columns + i % columns]).collect();
        let of = |op| read::<f32>(&reduce(op, &x, &[0, 2]).unwrap().unwrap());
        let what = format!("{rows} × {kept} × {columns}");
        close(&of(Reduce::Sum), &cpu::sum(&together, kept, n, 1), n as f64 / 100.0 + 2.0, &what);
        close(&of(Reduce::Max), &cpu::max(&together, kept, n, 1), 0.0, &what);
        let variance = read::<f32>(&var(&x, &[0, 2], 1.0).unwrap().unwrap());
        close(&variance, &cpu::var(&together, kept, n, 1, 1.0).0, 2.0, &what);
        let (values, positions) = argselect(true, &x, &[0, 2]).unwrap().unwrap();
        let (expected, places) = cpu::argmax(&together, kept, n, 1);
        close(&read::<f32>(&values), &expected, 0.0, &what);
        assert_eq!(read::<i64>(&positions), places, "{what}");
    }
}

#[test]
fn variances_far_from_zero_and_of_outliers() {
    let Some(device) = device() else { return };
    let far: Vec<f32> = (0..4000).map(|i| 10_000.0 + (i % 4) as f32).collect();
    let mut outlier = vec![0.0f32; 4000];
    outlier[0] = 1000.0;
    // Distances from the first element that f32 does not have.
    let mut uneven: Vec<f32> = (0..4000).map(|i| (i * 37 % 101) as f32 * 0.001_003).collect();
    uneven[0] = 6.0;
    let bright: Vec<f32> = numbers::<f32>(20_001, 3).iter().map(|x| x * 0.001 + 255.0).collect();
    for data in [far, outlier, uneven, bright] {
        let n = data.len();
        let found = read::<f32>(&var(&on(&device, &data, &[n]), &[0], 1.0).unwrap().unwrap());
        close(&found, &cpu::var(&data, 1, n, 1, 1.0).0, 2.0, "var");
        let wide: Vec<f64> = data.iter().copied().map(f64::from).collect();
        let found = read::<f64>(&var(&on(&device, &wide, &[n]), &[0], 1.0).unwrap().unwrap());
        close(&found, &cpu::var(&wide, 1, n, 1, 1.0).0, 2.0, "var");
    }
}
