use crate::common::{Both, device, for_floats, for_integers, nearest, numbers, on, read};
use candle_core::Device;
use candle_ffi_cuda::argsort;
use candle_ffi_kernels::sort::{self as cpu, Part, SortKey};

fn orders<T: Both + SortKey>(device: &Device) {
    for (outer, n, inner) in [(1, 1, 1), (3, 10, 1), (200, 3, 1), (2, 100, 3), (2, 1500, 1), (1, 5000, 1), (0, 3, 1)] {
        let mut data = numbers::<T>(outer * n * inner, n);
        if !T::INTEGER {
            for (at, special) in [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NAN, f64::NEG_INFINITY].iter().enumerate() {
                if let Some(cell) = data.get_mut(at) {
                    *cell = nearest(*special);
                }
            }
        }
        let x = on(device, &data, &[outer, n, inner]);
        for descending in [false, true] {
            for part in [Part::All, Part::First(n.min(3)), Part::Nth(n / 2)] {
                let found = argsort(&x, 1, descending, part).unwrap().unwrap();
                let expected = cpu::argsort(&data, outer, n, inner, descending, part);
                assert_eq!(read::<i64>(&found), expected, "{:?} {outer} {n} {inner} {part:?}", T::DTYPE);
            }
        }
    }
}

#[test]
fn order_of_every_dtype() {
    let Some(device) = device() else { return };
    for_floats!(orders(&device));
    for_integers!(orders(&device));
}
