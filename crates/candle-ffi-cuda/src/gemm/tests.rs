//! Products in parts, and the modes of handles.

use super::*;
use crate::array::address;
use candle_core::{Device, Tensor};

/// Whoever multiplies halves in these tests: the mode of a handle is what one of them looks at.
pub(crate) static HALVES: Mutex<()> = Mutex::new(());

const SMALL: Limit = Limit { size: 4, matrices: 2 };

#[test]
fn parts_are_whole_where_they_can_be() {
    let parts = |limit: Limit, size, distances: &[usize]| limit.parts(size, distances).collect::<Vec<_>>();
    assert_eq!(parts(SMALL, 4, &[4, 1]), std::slice::from_ref(&(0..4)));
    assert_eq!(parts(SMALL, 9, &[1]), [0..4, 4..8, 8..9]);
    assert_eq!(parts(SMALL, 3, &[1, 5]), [0..1, 1..2, 2..3]);
    assert_eq!(parts(LIMIT, 1 << 31, &[1]), [0..1 << 30, 1 << 30..1 << 31]);
    assert_eq!(parts(LIMIT, (1 << 31) - 1, &[1]).len(), 1);
}

/// `[batch, rows, columns]` with distances beyond the limit or not, in either order, and where it lies.
fn matrices(device: &Device, [batch, rows, columns]: [usize; 3], transposed: bool, gap: usize) -> (Tensor, Matrix) {
    let (outer, inner) = if transposed { (columns, rows) } else { (rows, columns) };
    let count = batch * outer * (inner + gap);
    let numbers: Vec<f32> = (0..count).map(|at| ((at * 37 + 11) % 23) as f32 - 11.0).collect();
    let x = Tensor::from_vec(numbers, (batch, outer, inner + gap), device).unwrap();
    let at = address(&x).unwrap();
    let made = if transposed { Matrix::columns(at, inner + gap) } else { Matrix::rows(at, inner + gap) };
    let x = x.narrow(2, 0, inner).unwrap();
    (if transposed { x.transpose(1, 2).unwrap() } else { x }, made.every(outer * (inner + gap)))
}

#[test]
fn a_product_in_parts_is_the_product() {
    let device = match Device::new_cuda(0) {
        Ok(device) => device,
        Err(error) => return eprintln!("skipped: no CUDA device ({error})"),
    };
    let cuda = device.as_cuda_device().unwrap();
    for [batch, m, n, k] in [[1, 3, 4, 2], [5, 9, 4, 3], [2, 3, 10, 4], [3, 1, 2, 11], [3, 6, 7, 9]] {
        for layout in 0..8 {
            let (left, lhs) = matrices(&device, [batch, m, k], layout & 1 > 0, if layout & 4 > 0 { 5 } else { 0 });
            let (right, rhs) = matrices(&device, [batch, k, n], layout & 2 > 0, layout / 4);
            for keep in [0.0, 2.0] {
                let gemm = Gemm { batch, keep, ..Gemm::new([m, n, k], DType::F32) };
                let run = |limit: Limit| {
                    let out = Tensor::ones((batch, m, n), DType::F32, &device).unwrap();
                    let into = Matrix::rows(address(&out).unwrap(), n).every(m * n);
                    // SAFETY: the matrices are of these sizes.
                    unsafe { gemm.run_within(limit, cuda, lhs, rhs, into) }.unwrap();
                    out.flatten_all().unwrap().to_vec1::<f32>().unwrap()
                };
                let host = |x: &Tensor| x.contiguous().unwrap().to_device(&Device::Cpu).unwrap();
                let product = host(&left).matmul(&host(&right)).unwrap().flatten_all().unwrap();
                let product: Vec<f32> = product.to_vec1().unwrap();
                // Whole numbers: all orders of summing give the same.
                let expected: Vec<f32> = product.iter().map(|x| x + keep as f32).collect();
                assert_eq!(run(SMALL), expected, "{batch} {m} {n} {k}, layout {layout}");
                assert_eq!(run(LIMIT), expected, "{batch} {m} {n} {k}, layout {layout}, at once");
            }
        }
    }
}

#[test]
fn sums_of_halves_are_reduced_only_where_that_is_allowed() {
    let device = match Device::new_cuda(0) {
        Ok(device) => device,
        Err(error) => return eprintln!("skipped: no CUDA device ({error})"),
    };
    let cuda = device.as_cuda_device().unwrap();
    let _alone = HALVES.lock().unwrap_or_else(PoisonError::into_inner);
    let mode_after = |dtype: DType| {
        let x = Tensor::ones((2, 2), dtype, &device).unwrap();
        crate::matmul(&x, &x, None).unwrap().unwrap();
        let mut mode = sys::cublasMath_t::CUBLAS_PEDANTIC_MATH;
        // SAFETY: the handle is the device's.
        unsafe { sys::cublasGetMathMode(*cuda.cublas_handle().handle(), &raw mut mode) }.result().unwrap();
        mode
    };
    let (exact, reduced) =
        (sys::cublasMath_t::CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION, sys::cublasMath_t::CUBLAS_DEFAULT_MATH);
    for (dtype, other) in [(DType::BF16, DType::F16), (DType::F16, DType::BF16)] {
        assert_eq!((mode_after(dtype), mode_after(other)), (exact, exact));
        allow_reduced_parts(dtype, true);
        assert_eq!((mode_after(dtype), mode_after(other)), (reduced, exact));
        allow_reduced_parts(dtype, false);
        assert_eq!(mode_after(dtype), exact);
    }
}
