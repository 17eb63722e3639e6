//! cuBLAS against a plain loop, cuRAND against what its distributions are.
mod calls;

use calls::*;
use cuda_emulator::driver::{Address, Handle, HostPointer, Out};
use cuda_emulator::libraries::cublas::Blas;
use cuda_emulator::libraries::cublas::gemm::*;
use cuda_emulator::libraries::cublas::gemv::*;
use cuda_emulator::libraries::cublas::handle::*;
use cuda_emulator::libraries::cublas::product::cuda_emulator_last_gemm;
use cuda_emulator::libraries::curand::*;
use half::{bf16, f16};

const F32: i32 = 0;
const F16: i32 = 2;
const I8: i32 = 3;
const I32: i32 = 10;
const BF16: i32 = 14;

fn blas() -> Handle {
    let mut handle = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cublasCreate_v2(Out::new(&mut handle)) }, 0);
    handle
}

/// Numbers that are not alike, small enough to be exact in every type.
fn values(number: usize, seed: usize) -> Vec<f32> {
    (0..number).map(|i| ((i * 7 + seed * 13) % 11) as f32 - 5.0).collect()
}

/// `C = alpha op(A) op(B) + beta C`, as one writes it down.
#[expect(clippy::too_many_arguments, reason = "as many as the formula has")]
fn plain(
    turn: [bool; 2],
    [m, n, k]: [usize; 3],
    [lda, ldb, ldc]: [usize; 3],
    alpha: f32,
    a: &[f32],
    b: &[f32],
    beta: f32,
    c: &[f32],
) -> Vec<f32> {
    let mut result = c.to_vec();
    for i in 0..m {
        for j in 0..n {
            let term = |p: usize| {
                let left = if turn[0] { a[p + i * lda] } else { a[i + p * lda] };
                left * if turn[1] { b[j + p * ldb] } else { b[p + j * ldb] }
            };
            result[i + j * ldc] = alpha * (0..k).map(term).sum::<f32>() + beta * c[i + j * ldc];
        }
    }
    result
}

fn last_gemm() -> String {
    let mut text = vec![0; 256];
    // SAFETY: as many bytes as the vector has.
    unsafe { cuda_emulator_last_gemm(Out::new(text.as_mut_ptr()), text.len()) };
    text.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8 as char).collect()
}

#[test]
fn products_are_those_of_a_plain_loop() {
    context(0);
    let handle = blas();
    let shape @ [m, n, k] = [5, 4, 6];
    let (alpha, beta) = (2.0_f32, -1.0_f32);
    for turn in [[false, false], [true, false], [false, true], [true, true]] {
        // Wider than they need be.
        let leading @ [lda, ldb, ldc] = [if turn[0] { k } else { m } + 1, if turn[1] { n } else { k } + 2, m + 3];
        let a = values(lda * if turn[0] { m } else { k }, 1);
        let b = values(ldb * if turn[1] { k } else { n }, 2);
        let c = values(ldc * n, 3);
        let expected = plain(turn, shape, leading, alpha, &a, &b, beta, &c);
        let [da, db, dc] = [upload(&a), upload(&b), upload(&c)];
        let operation = turn.map(i32::from);
        // SAFETY: the scalars are variables, the matrices have these sizes.
        let code = unsafe {
            cublasSgemm_v2(
                handle,
                operation[0],
                operation[1],
                m as i32,
                n as i32,
                k as i32,
                argument(&alpha),
                da,
                lda as i32,
                db,
                ldb as i32,
                argument(&beta),
                dc,
                ldc as i32,
            )
        };
        assert_eq!(code, 0);
        assert_eq!(download::<f32>(dc, ldc * n), expected, "{turn:?}");
    }
}

#[test]
fn batches_step_by_their_strides() {
    context(0);
    let handle = blas();
    let (a, b) = (values(6, 1), values(12, 2));
    let [da, db, dc] = [upload(&a), upload(&b), allocate(4 * 12)];
    let (alpha, beta) = (1.0_f32, 0.0_f32);
    // Two products of 2 x 3 and 3 x 2: the first factor is the same in both, and the results lie 4 and a bit apart.
    // SAFETY: the scalars are variables, the matrices have these sizes.
    let code = unsafe {
        cublasSgemmStridedBatched(
            handle,
            0,
            0,
            2,
            2,
            3,
            argument(&alpha),
            da,
            2,
            0,
            db,
            3,
            6,
            argument(&beta),
            dc,
            2,
            6,
            2,
        )
    };
    assert_eq!(code, 0);
    let result = download::<f32>(dc, 12);
    for batch in 0..2 {
        let expected = plain([false; 2], [2, 2, 3], [2, 3, 2], 1.0, &a, &b[6 * batch..], 0.0, &[0.0; 4]);
        assert_eq!(result[6 * batch..6 * batch + 4], expected);
        // What beta = 0 does not read, and what no product writes, is as it was: poison.
        assert!(result[6 * batch + 4].is_nan());
    }
}

fn scaled_product(
    handle: Handle,
    number: i32,
    result: i32,
    compute: i32,
    addresses: [Address; 3],
    scalars: [HostPointer; 2],
) -> i32 {
    // SAFETY: the scalars are variables, the matrices have two rows and two columns.
    unsafe {
        cublasGemmEx(
            handle,
            0,
            0,
            2,
            2,
            2,
            scalars[0],
            addresses[0],
            number,
            2,
            addresses[1],
            number,
            2,
            scalars[1],
            addresses[2],
            result,
            2,
            compute,
            -1,
        )
    }
}

#[test]
fn every_type_is_multiplied() {
    context(0);
    let handle = blas();
    let (a, b) = ([1.0_f32, 2.0, 3.0, 4.0], [5.0_f32, 6.0, 7.0, 8.0]);
    let expected = plain([false; 2], [2; 3], [2; 3], 1.0, &a, &b, 0.0, &[0.0; 4]);
    let single = [argument(&1.0_f32), argument(&0.0_f32)];
    let to = allocate(16);

    let [da, db] = [upload(&a.map(f16::from_f32)), upload(&b.map(f16::from_f32))];
    assert_eq!(scaled_product(handle, F16, F16, 68, [da, db, to], single), 0);
    assert_eq!(download::<f16>(to, 4), expected.iter().map(|x| f16::from_f32(*x)).collect::<Vec<_>>());
    let half_scalars = [f16::ONE, f16::ZERO];
    let halves = [argument(&half_scalars[0]), argument(&half_scalars[1])];
    assert_eq!(scaled_product(handle, F16, F16, 64, [da, db, to], halves), 0);
    assert_eq!(download::<f16>(to, 4), expected.iter().map(|x| f16::from_f32(*x)).collect::<Vec<_>>());

    let [da, db] = [upload(&a.map(bf16::from_f32)), upload(&b.map(bf16::from_f32))];
    assert_eq!(scaled_product(handle, BF16, F32, 68, [da, db, to], single), 0);
    assert_eq!(download::<f32>(to, 4), expected);

    let [da, db] = [upload(&a.map(|x| x as i8)), upload(&b.map(|x| x as i8))];
    let integers = [argument(&1_i32), argument(&0_i32)];
    assert_eq!(scaled_product(handle, I8, I32, 72, [da, db, to], integers), 0);
    assert_eq!(download::<i32>(to, 4), expected.iter().map(|x| *x as i32).collect::<Vec<_>>());

    assert_eq!(scaled_product(handle, I8, F16, 64, [da, db, to], halves), Blas::NOT_SUPPORTED.0);
}

/// One test, because what was asked for last is that of the process.
#[test]
fn tf32_rounds_its_factors() {
    context(0);
    let handle = blas();
    let fine = 1.0 + 1.0 / 4096.0;
    let [da, db, dc] = [upload(&[fine; 4]), upload(&[1.0_f32, 0.0, 0.0, 1.0]), allocate(16)];
    let scalars = [argument(&1.0_f32), argument(&0.0_f32)];
    let product = |compute: i32| {
        assert_eq!(scaled_product(handle, F32, F32, compute, [da, db, dc], scalars), 0);
        download::<f32>(dc, 1)[0]
    };
    assert_eq!(product(68), fine);
    assert_eq!(product(77), 1.0);
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(cublasSetMathMode(handle, 3), 0);
        assert_eq!(product(68), 1.0);
        assert_eq!(product(69), fine, "pedantic is pedantic");
        assert_eq!(cublasSetMathMode(handle, 0), 0);
        assert_eq!(product(68), fine);
        assert_eq!(cublasSetMathMode(handle, 99), Blas::INVALID_VALUE.0);
    }
    // Other tests of this process multiply too, in one call each: ask until the answer is this test's.
    let expected = "function=cublasGemmEx m=2 n=2 k=2 batch=1 a=f32 b=f32 c=f32 compute=32F_FAST_TF32 math=0 tf32=1";
    assert!((0..1000).any(|_| {
        product(77);
        last_gemm() == expected
    }));
}

#[test]
fn bad_arguments_and_short_operands_are_errors() {
    context(0);
    let handle = blas();
    let [a, b, c] = [upload(&[1.0_f32; 4]), upload(&[1.0_f32; 4]), upload(&[0.0_f32; 4])];
    let one = 1.0_f32;
    let call = |handle, m, lda, a, alpha| {
        // SAFETY: the scalars are variables or null.
        unsafe { cublasSgemm_v2(handle, 0, 0, m, 2, 2, alpha, a, lda, b, 2, argument(&one), c, 2) }
    };
    assert_eq!(call(handle, 2, 2, a, argument(&one)), 0);
    assert_eq!(call(0, 2, 2, a, argument(&one)), Blas::NOT_INITIALIZED.0);
    assert_eq!(call(handle, -1, 2, a, argument(&one)), Blas::INVALID_VALUE.0);
    assert_eq!(call(handle, 2, 1, a, argument(&one)), Blas::INVALID_VALUE.0);
    assert_eq!(call(handle, 2, 2, a, HostPointer::new(std::ptr::null::<f32>())), Blas::INVALID_VALUE.0);
    assert_eq!(call(handle, 2, 3, a, argument(&one)), Blas::EXECUTION_FAILED.0, "the second column ends outside");
    assert_eq!(call(handle, 2, 2, a + 4, argument(&one)), Blas::EXECUTION_FAILED.0);
    assert_eq!(call(handle, 0, 2, 0, argument(&one)), 0, "nothing to do");
}

/// A device computes all of a result at once, and all results of a batch.
#[test]
fn results_share_memory_with_nothing() {
    context(0);
    let handle = blas();
    let (memory, factor) = (upload(&values(64, 1)), upload(&values(64, 2)));
    let (one, zero) = (1.0_f32, 0.0_f32);
    // Two products of 2 x 2 matrices, whose columns are `leading` apart.
    let batch = |a: Address, c: Address, leading: i32, step: i64, alpha: &f32| {
        // SAFETY: the scalars are variables, the matrices are in these 64 numbers.
        unsafe {
            cublasSgemmStridedBatched(
                handle,
                0,
                0,
                2,
                2,
                2,
                argument(alpha),
                a,
                leading,
                0,
                factor,
                2,
                0,
                argument(&zero),
                c,
                leading,
                step,
                2,
            )
        }
    };
    let refused = Blas::EXECUTION_FAILED.0;
    assert_eq!(batch(factor, memory, 2, 4, &one), 0);
    assert_eq!(batch(factor, memory, 2, 3, &one), refused, "the first result ends where the second one begins");
    assert_eq!(batch(factor, memory, 4, 2, &one), 0, "they lie side by side in each column");
    assert_eq!(batch(factor, memory, 4, 1, &one), refused);
    assert_eq!(batch(memory, memory + 4, 2, 4, &one), refused, "a factor and a result");
    assert_eq!(batch(memory, memory + 4, 2, 4, &zero), 0, "a factor that is not read");
    assert_eq!(batch(memory + 16, memory, 8, 2, &one), 0, "the factor is between the columns of the results");
    assert_eq!(batch(memory + 12, memory, 8, 2, &one), refused);
    // SAFETY: the scalars are variables, the operands have these sizes.
    let turned = |y: Address| unsafe {
        cublasSgemv_v2(handle, 0, 2, 2, argument(&one), factor, 2, memory, 2, argument(&zero), y, 2)
    };
    assert_eq!((turned(memory + 4), turned(memory + 8)), (0, refused));
}

#[test]
fn a_fast_way_is_for_single_precision() {
    context(0);
    let handle = blas();
    let [a, b, c] = [upload(&[f16::ONE; 8]), upload(&[f16::ONE; 8]), allocate(16)];
    let scalars = [argument(&1.0_f32), argument(&0.0_f32)];
    for fast in [74, 75, 77] {
        assert_eq!(scaled_product(handle, F16, F16, fast, [a, b, c], scalars), Blas::NOT_SUPPORTED.0);
        assert_eq!(scaled_product(handle, F32, F32, fast, [a, b, c], scalars), 0);
    }
}

#[test]
fn a_matrix_times_a_vector() {
    context(0);
    let handle = blas();
    // 2 x 3, column by column; every second element of x; y backwards.
    let a = upload(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let x = upload(&[1.0_f32, 0.0, 10.0, 0.0, 100.0]);
    let y = upload(&[7.0_f32, 8.0]);
    let (alpha, beta) = (1.0_f32, 1.0_f32);
    // SAFETY: the scalars are variables, the operands have these sizes.
    let code = unsafe { cublasSgemv_v2(handle, 0, 2, 3, argument(&alpha), a, 2, x, 2, argument(&beta), y, -1) };
    assert_eq!(code, 0);
    assert_eq!(download::<f32>(y, 2), [7.0 + 642.0, 8.0 + 531.0]);
}

#[test]
fn random_numbers_have_their_distribution() {
    context(0);
    const NUMBER: usize = 20_000;
    let mut generator = 0;
    let address = allocate(8 * NUMBER);
    // SAFETY: the pointer is to a variable; the memory holds as many numbers.
    unsafe {
        assert_eq!(curandCreateGenerator(Out::new(&mut generator), 100), 0);
        let seed = |seed| assert_eq!(curandSetPseudoRandomGeneratorSeed(generator, seed), 0);
        seed(1);
        assert_eq!(curandGenerateUniform(generator, address, NUMBER), 0);
        let uniform = download::<f32>(address, NUMBER);
        assert!(uniform.iter().all(|x| *x > 0.0 && *x <= 1.0));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let doubles = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        assert!((mean(&doubles(&uniform)) - 0.5).abs() < 0.01);

        seed(1);
        assert_eq!(curandGenerateUniform(generator, address, NUMBER), 0);
        assert_eq!(download::<f32>(address, NUMBER), uniform, "the same seed, the same numbers");
        seed(2);
        assert_eq!(curandGenerateUniform(generator, address, NUMBER), 0);
        assert_ne!(download::<f32>(address, NUMBER), uniform);
        seed(1);
        assert_eq!(curandSetGeneratorOffset(generator, 6), 0);
        assert_eq!(curandGenerateUniform(generator, address, 10), 0);
        assert_eq!(download::<f32>(address, 10), uniform[6..16]);

        assert_eq!(curandGenerateNormalDouble(generator, address, NUMBER, 3.0, 2.0), 0);
        let normal = download::<f64>(address, NUMBER);
        let variance = mean(&normal.iter().map(|x| (x - 3.0).powi(2)).collect::<Vec<_>>());
        assert!((mean(&normal) - 3.0).abs() < 0.06 && (variance - 4.0).abs() < 0.2);
        assert_eq!(curandGenerateNormal(generator, address, 3, 0.0, 1.0), 105, "an odd count");
        assert_eq!(curandGenerateUniform(generator, address, 4 * NUMBER), 201, "more than there is room for");
        assert_eq!(curandDestroyGenerator(generator), 0);
        assert_eq!(curandGenerateUniform(generator, address, 2), 101);
    }
}
