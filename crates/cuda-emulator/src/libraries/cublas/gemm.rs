//! The products of matrices that programs call by name: one, several at equal distances, several anywhere.

use std::sync::PoisonError;

use super::Blas;
use super::handle::library;
use super::numbers::{Compute, Number};
use super::overlap;
use super::product::{Matrix, Product, as_driver_error, remember};
use crate::driver::{Address, Count, Handle, HostPointer, count, exports, submit};
use crate::machine::Memory;

/// The arguments that every such function has.
pub(super) struct Call {
    pub function: &'static str,
    pub handle: Handle,
    /// Whether the first and the second matrix are transposed.
    pub transposed: [i32; 2],
    pub shape: [i32; 3],
    pub alpha: HostPointer,
    pub beta: HostPointer,
    /// The distances between columns: of the first, the second and the result.
    pub leading: [i32; 3],
    pub numbers: [i32; 3],
    pub compute: i32,
    pub batch: i32,
}

/// Where the matrices of a batch are.
pub(super) enum Places {
    /// At the address, and then every so many elements.
    Strided { addresses: [Address; 3], strides: [i64; 3] },
    /// Three arrays of addresses, in the memory of the device.
    Pointers { arrays: [Address; 3] },
}

/// `CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION`.
const FULL_REDUCTION: i32 = 16;
const NUMBER_F32: i32 = 0;
const NUMBER_F64: i32 = 1;
const NUMBER_F16: i32 = 2;
const COMPUTE_F16: i32 = 64;
const COMPUTE_F32: i32 = 68;
const COMPUTE_F64: i32 = 70;

/// `CUBLAS_OP_T` and `CUBLAS_OP_C`, which are the same for real numbers.
fn transposed(code: i32) -> Result<bool, Blas> {
    match code {
        0 => Ok(false),
        1 | 2 => Ok(true),
        _ => Err(Blas::INVALID_VALUE),
    }
}

fn size(value: i32) -> Result<usize, Blas> {
    usize::try_from(value).map_err(|_| Blas::INVALID_VALUE)
}

impl Call {
    pub(super) fn run(self, places: Places) -> Result<(), Blas> {
        let library = library(self.handle)?;
        let stream = library.stream()?;
        stream.context()?;
        let [m, n, k] = [size(self.shape[0])?, size(self.shape[1])?, size(self.shape[2])?];
        let batch = size(self.batch)?;
        let [turn_a, turn_b] = [transposed(self.transposed[0])?, transposed(self.transposed[1])?];
        let least = [if turn_a { k } else { m }, if turn_b { n } else { k }, m];
        if self.leading.iter().zip(least).any(|(leading, least)| i64::from(*leading) < least.max(1) as i64) {
            return Err(Blas::INVALID_VALUE);
        }
        let mut compute = Compute::new(self.compute)?;
        let numbers = [Number::new(self.numbers[0])?, Number::new(self.numbers[1])?, Number::new(self.numbers[2])?];
        if !compute.accepts(numbers[0], numbers[1], numbers[2]) {
            return Err(Blas::NOT_SUPPORTED);
        }
        if compute == Compute::F32 && numbers[0] == Number::F32 && self.compute == COMPUTE_F32 && library.tf32() {
            compute = Compute::F32FastTf32;
        }
        let tf32 = compute == Compute::F32FastTf32 && numbers[0] == Number::F32;
        remember(format!(
            "function={} m={m} n={n} k={k} batch={batch} a={} b={} c={} compute={} math={} tf32={}",
            self.function,
            numbers[0].name(),
            numbers[1].name(),
            numbers[2].name(),
            Compute::new(self.compute)?.name(),
            library.math(),
            u8::from(tf32)
        ));
        if m == 0 || n == 0 || batch == 0 {
            return Ok(());
        }
        let alpha = library.scalar(self.alpha, compute.scale())?;
        let beta = library.scalar(self.beta, compute.scale())?;
        let reduced = matches!(numbers[2], Number::F16 | Number::Bf16) && library.math() & FULL_REDUCTION == 0;
        let leading = self.leading.map(i64::from);
        let matrix = move |which: usize, address: Address, rows: usize, columns: usize, turned: bool| {
            let (row, column) = if turned { (leading[which], 1) } else { (1, leading[which]) };
            Matrix { address, number: numbers[which], rows, columns, row, column }
        };
        let product = move |[a, b, c]: [Address; 3], [alpha, beta]: [f64; 2]| Product {
            a: matrix(0, a, m, k, turn_a),
            b: matrix(1, b, k, n, turn_b),
            c: matrix(2, c, m, n, false),
            alpha,
            beta,
            compute,
            reduced,
        };
        let strides = |bytes: [usize; 3], strides: [i64; 3], index: usize| {
            [0, 1, 2].map(|which| strides[which].wrapping_mul(index as i64).wrapping_mul(bytes[which] as i64))
        };
        let bytes = numbers.map(Number::size);
        let one_at_a_time = library.clone();
        submit(
            &stream,
            || count(Count::Gemm),
            move |context| {
                let _busy = one_at_a_time.busy.lock().unwrap_or_else(PoisonError::into_inner);
                let view = context.view();
                let scalars = [alpha.read(&view).map_err(as_driver_error)?, beta.read(&view).map_err(as_driver_error)?];
                let mut products = Vec::with_capacity(batch);
                for index in 0..batch {
                    let addresses = match &places {
                        Places::Strided { addresses, strides: steps } => {
                            let steps = strides(bytes, *steps, index);
                            [0, 1, 2].map(|which| addresses[which].wrapping_add_signed(steps[which]))
                        }
                        Places::Pointers { arrays } => {
                            let mut addresses = [0; 3];
                            for (address, array) in addresses.iter_mut().zip(arrays) {
                                let place = view.resolve(array + 8 * index as u64, 8, false);
                                let place = place.ok_or_else(|| as_driver_error(Blas::EXECUTION_FAILED))?;
                                *address = HostPointer::new(place).array::<u64>().get(0)?;
                            }
                            addresses
                        }
                    };
                    products.push(product(addresses, scalars));
                }
                overlap::check(&products).map_err(as_driver_error)?;
                products.iter().try_for_each(|product| product.run(&view).map_err(as_driver_error))
            },
        )?;
        Ok(())
    }
}

fn strided(a: Address, b: Address, c: Address, strides: [i64; 3]) -> Places {
    Places::Strided { addresses: [a, b, c], strides }
}

/// The functions of one type of numbers.
macro_rules! gemms {
    ($number:ident, $compute:ident: $one:ident, $several:ident, $anywhere:ident) => {
        exports! {
            panic = 14, error = Blas;

            fn $one(
                handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
                a: Address, lda: i32, b: Address, ldb: i32, beta: HostPointer, c: Address, ldc: i32,
            ) {
                Call {
                    function: stringify!($one), handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
                    leading: [lda, ldb, ldc], numbers: [$number; 3], compute: $compute, batch: 1,
                }
                .run(strided(a, b, c, [0; 3]))
            }

            fn $several(
                handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
                a: Address, lda: i32, stride_a: i64, b: Address, ldb: i32, stride_b: i64,
                beta: HostPointer, c: Address, ldc: i32, stride_c: i64, batch: i32,
            ) {
                Call {
                    function: stringify!($several), handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
                    leading: [lda, ldb, ldc], numbers: [$number; 3], compute: $compute, batch,
                }
                .run(strided(a, b, c, [stride_a, stride_b, stride_c]))
            }

            fn $anywhere(
                handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
                a: Address, lda: i32, b: Address, ldb: i32, beta: HostPointer, c: Address, ldc: i32, batch: i32,
            ) {
                Call {
                    function: stringify!($anywhere), handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
                    leading: [lda, ldb, ldc], numbers: [$number; 3], compute: $compute, batch,
                }
                .run(Places::Pointers { arrays: [a, b, c] })
            }
        }
    };
}

gemms!(NUMBER_F32, COMPUTE_F32: cublasSgemm_v2, cublasSgemmStridedBatched, cublasSgemmBatched);
gemms!(NUMBER_F64, COMPUTE_F64: cublasDgemm_v2, cublasDgemmStridedBatched, cublasDgemmBatched);
gemms!(NUMBER_F16, COMPUTE_F16: cublasHgemm, cublasHgemmStridedBatched, cublasHgemmBatched);

exports! {
    panic = 14, error = Blas;

    fn cublasGemmEx(
        handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
        a: Address, a_type: i32, lda: i32, b: Address, b_type: i32, ldb: i32,
        beta: HostPointer, c: Address, c_type: i32, ldc: i32, compute: i32, _algorithm: i32,
    ) {
        Call {
            function: "cublasGemmEx", handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
            leading: [lda, ldb, ldc], numbers: [a_type, b_type, c_type], compute, batch: 1,
        }
        .run(strided(a, b, c, [0; 3]))
    }

    fn cublasSgemmEx(
        handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
        a: Address, a_type: i32, lda: i32, b: Address, b_type: i32, ldb: i32,
        beta: HostPointer, c: Address, c_type: i32, ldc: i32,
    ) {
        Call {
            function: "cublasSgemmEx", handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
            leading: [lda, ldb, ldc], numbers: [a_type, b_type, c_type], compute: COMPUTE_F32, batch: 1,
        }
        .run(strided(a, b, c, [0; 3]))
    }

    fn cublasGemmStridedBatchedEx(
        handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
        a: Address, a_type: i32, lda: i32, stride_a: i64, b: Address, b_type: i32, ldb: i32, stride_b: i64,
        beta: HostPointer, c: Address, c_type: i32, ldc: i32, stride_c: i64, batch: i32, compute: i32, _algorithm: i32,
    ) {
        Call {
            function: "cublasGemmStridedBatchedEx", handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
            leading: [lda, ldb, ldc], numbers: [a_type, b_type, c_type], compute, batch,
        }
        .run(strided(a, b, c, [stride_a, stride_b, stride_c]))
    }

    fn cublasGemmBatchedEx(
        handle: Handle, turn_a: i32, turn_b: i32, m: i32, n: i32, k: i32, alpha: HostPointer,
        a: Address, a_type: i32, lda: i32, b: Address, b_type: i32, ldb: i32,
        beta: HostPointer, c: Address, c_type: i32, ldc: i32, batch: i32, compute: i32, _algorithm: i32,
    ) {
        Call {
            function: "cublasGemmBatchedEx", handle, transposed: [turn_a, turn_b], shape: [m, n, k], alpha, beta,
            leading: [lda, ldb, ldc], numbers: [a_type, b_type, c_type], compute, batch,
        }
        .run(Places::Pointers { arrays: [a, b, c] })
    }
}
