use crate::common::{Both, close, device, for_floats, for_integers, numbers, on, read, reported};
use candle_core::Device;
use candle_ffi_cuda::{bag_argmax, check_inside, contiguous, gather, index_add, index_select, positions, scatter};
use candle_ffi_kernels::index::{self as cpu, Scatter};
use candle_ffi_kernels::{Float, Strided, embedding};

fn indices(count: usize, size: usize) -> Vec<i64> {
    (0..count).map(|i| ((i * 7919 + i / 5) % size) as i64).collect()
}

fn moves<T: Both>(device: &Device) {
    for (outer, n, inner, k) in [(1, 3, 1, 5), (2, 5, 4, 3), (1, 100, 32, 70), (3, 1, 7, 2), (2, 4, 3, 0)] {
        let data = numbers::<T>(outer * n * inner, 1);
        let x = on(device, &data, &[outer, n, inner]);
        let which = indices(k, n);
        let found = index_select(&x, 1, &on(device, &which, &[k])).unwrap().unwrap();
        assert_eq!(read::<T>(&found), cpu::index_select(&data, outer, n, inner, &which).unwrap());
        let (shape, full) = ([outer, k, inner], indices(outer * k * inner, n));
        let (shaped, strides) = (on(device, &full, &shape), [k * inner, inner, 1]);
        let expected = cpu::gather(
            Strided::new(&data, 0, &[outer, n, inner], &[n * inner, inner, 1]),
            1,
            Strided::new(&full, 0, &shape, &strides),
        );
        assert_eq!(read::<T>(&gather(&x, 1, &shaped).unwrap().unwrap()), expected.unwrap());
        let turned = gather(&x.transpose(0, 2).unwrap(), 1, &shaped.transpose(0, 2).unwrap()).unwrap().unwrap();
        let back = contiguous(&turned.transpose(0, 2).unwrap()).unwrap();
        assert_eq!(read::<T>(&back), read::<T>(&gather(&x, 1, &shaped).unwrap().unwrap()));
    }
}

/// Short lines, many lines, and few long ones with indices that repeat.
fn writes<T: Both>(device: &Device) {
    for (outer, n, inner, k) in [(2, 5, 4, 3), (1, 7, 1, 500), (3, 50, 2, 100), (1, 3, 70_000, 2), (1, 1000, 1, 900)] {
        if n * inner > 10_000 && T::DTYPE != candle_core::DType::F32 {
            continue;
        }
        let (data, src) = (numbers::<T>(outer * n * inner, 1), numbers::<T>(outer * k * inner, 2));
        let (shape, full) = ([outer, k, inner], indices(outer * k * inner, n));
        let strides = [k * inner, inner, 1];
        for op in [Scatter::Assign, Scatter::Add, Scatter::Mul, Scatter::Max, Scatter::Min] {
            // Products of many halves leave their range.
            if op == Scatter::Mul && k > 100 && !T::INTEGER && T::DTYPE.size_in_bytes() < 4 {
                continue;
            }
            let mut expected = data.clone();
            let (index, values) = (Strided::new(&full, 0, &shape, &strides), Strided::new(&src, 0, &shape, &strides));
            cpu::scatter(op, &mut expected, &[outer, n, inner], 1, index, values).unwrap();
            let x = on(device, &data, &[outer, n, inner]);
            let found = scatter(op, &x, 1, &on(device, &full, &shape), &on(device, &src, &shape)).unwrap().unwrap();
            // Sums of many halves depend on their order.
            let steps = if op == Scatter::Add { 4.0 * k as f64 } else { 100.0 };
            close(&read::<T>(&found), &expected, steps, &format!("{op:?} {outer} {n} {inner} {k}"));
            assert_eq!(read::<T>(&x), data, "the array itself stays");
        }
        let which = indices(k, n);
        let mut expected = data.clone();
        cpu::index_add(&mut expected, outer, n, inner, &which, &src).unwrap();
        let x = on(device, &data, &[outer, n, inner]);
        let found = index_add(&x, 1, &on(device, &which, &[k]), &on(device, &src, &shape)).unwrap().unwrap();
        close(&read::<T>(&found), &expected, 4.0 * k as f64, "index_add");
    }
}

#[test]
fn reading_and_writing_of_every_dtype() {
    let Some(device) = device() else { return };
    for_floats!(moves(&device));
    for_integers!(moves(&device));
    for_floats!(writes(&device));
    for_integers!(writes(&device));
}

#[test]
fn indices_outside_are_found() {
    let Some(device) = device() else { return };
    for (count, bad) in [(1, 0), (1000, 999), (50_000, 31_234)] {
        let mut index = indices(count, 10);
        let found =
            |index: &[i64]| reported(&device, || assert!(check_inside(&on(&device, index, &[count]), 10).unwrap()));
        assert_eq!(found(&index), None);
        index[count - 1] = 11;
        index[bad] = -3;
        assert_eq!(found(&index), Some((-3, 10)));
    }
    let x = on(&device, &[1.0f32, 2.0], &[2]);
    let outside = on::<i64>(&device, &[5, -1, 1], &[3]);
    let ones = on(&device, &[1.0f32; 3], &[3]);
    assert_eq!(read::<f32>(&scatter(Scatter::Add, &x, 0, &outside, &ones).unwrap().unwrap()), [1.0, 3.0]);
    gather(&x, 0, &outside).unwrap();
}

#[test]
fn positions_of_flags() {
    let Some(device) = device() else { return };
    for count in [0, 1, 50, 300, 40_000] {
        for each in [1, 3, 1_000_000] {
            let flags: Vec<u8> = (0..count).map(|i| u8::from(i % each == each - 1) * 7).collect();
            let expected: Vec<i64> = (0..count as i64).filter(|&i| flags[i as usize] != 0).collect();
            assert_eq!(read::<i64>(&positions(&on(&device, &flags, &[count])).unwrap().unwrap()), expected);
        }
    }
}

fn bags<T: Both + Float>(device: &Device) {
    let (rows, ends) = (numbers::<T>(90 * 5, 1), [0, 3, 3, 50, 90]);
    let found = bag_argmax(&on(device, &rows, &[90, 5]), &ends).unwrap().unwrap();
    assert_eq!(read::<i64>(&found), embedding::bag_argmax(&rows, 5, &ends));
}

#[test]
fn bags_of_rows() {
    let Some(device) = device() else { return };
    for_floats!(bags(&device));
}
