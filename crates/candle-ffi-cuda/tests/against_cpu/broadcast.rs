use crate::common::{Both, close, device, for_floats, nearest, numbers, on, read, value};
use candle_core::{Device, Tensor};
use candle_ffi_cuda::{binary, binary_into, copy_into};
use candle_ffi_kernels::Float;
use candle_ffi_kernels::binary::Binary;

const OPS: [Binary; 5] = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Maximum];

fn of(op: Binary, a: f64, b: f64) -> f64 {
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        _ => a.max(b),
    }
}

/// The numbers of a view, in f64.
fn numbers_of<T: Both>(x: &Tensor, dims: &[usize]) -> Vec<f64> {
    read::<T>(&x.broadcast_as(dims).unwrap().contiguous().unwrap()).into_iter().map(value).collect()
}

fn broadcasts<T: Both + Float>(device: &Device) {
    let near_one = |count: usize, seed: usize| -> Vec<T> {
        numbers::<T>(count, seed).into_iter().map(|x| nearest(1.5 + value(x) / 8.0)).collect()
    };
    let x = on(device, &near_one(5 * 6 * 48, 1), &[5, 6, 48]);
    let row = on(device, &near_one(48, 2), &[48]);
    let column = on(device, &near_one(30, 3), &[5, 6, 1]);
    let plane = on(device, &near_one(6 * 48, 4), &[6, 48]);
    let turned = on(device, &near_one(5 * 6 * 48, 5), &[48, 6, 5]).transpose(0, 2).unwrap();
    let pairs = [
        (x.clone(), row.clone()),
        (row.clone(), x.clone()),
        (x.clone(), column.clone()),
        (x.clone(), plane.clone()),
        (column, plane),
        (x.clone(), turned),
        // Whole packs that are not aligned, rows that are not whole packs, views of aligned ones.
        (x.narrow(2, 1, 32).unwrap(), row.narrow(0, 0, 32).unwrap()),
        (x.narrow(2, 0, 33).unwrap(), row.narrow(0, 0, 33).unwrap()),
        (x.narrow(2, 16, 32).unwrap(), row.narrow(0, 16, 32).unwrap()),
        (x.narrow(1, 1, 3).unwrap(), row),
    ];
    for (at, (lhs, rhs)) in pairs.iter().enumerate() {
        let dims = lhs.shape().broadcast_shape_binary_op(rhs.shape(), "test").unwrap().into_dims();
        let (left, right) = (numbers_of::<T>(lhs, &dims), numbers_of::<T>(rhs, &dims));
        for op in OPS {
            let expected: Vec<T> = left.iter().zip(&right).map(|(a, b)| nearest(of(op, *a, *b))).collect();
            let found = binary(op, lhs, rhs, &dims).unwrap().unwrap();
            close(&read::<T>(&found), &expected, 1.0, &format!("{op:?} of pair {at}"));
            if lhs.dims() == dims {
                // A view of columns in the middle of longer rows.
                let (first, last) = (&dims[..2], dims[2]);
                let room = Tensor::zeros((first[0], first[1], last + 32), lhs.dtype(), device).unwrap();
                let into = room.narrow(2, 16, last).unwrap();
                assert!(copy_into(&into, lhs).unwrap());
                assert!(binary_into(op, &into, rhs).unwrap());
                close(&read::<T>(&into.contiguous().unwrap()), &expected, 1.0, &format!("{op:?} into pair {at}"));
            }
        }
    }
}

#[test]
fn arithmetic_that_broadcasts() {
    let Some(device) = device() else { return };
    for_floats!(broadcasts(&device));
}
