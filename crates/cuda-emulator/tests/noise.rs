//! Errors that a device may make: approximations and sums differ from the exact ones, and not by too much.
mod calls;
mod common;

use calls::*;
use common::{Device, Parameters};
use cuda_emulator::driver::{Address, Out};
use cuda_emulator::libraries::cublas::gemm::*;
use cuda_emulator::libraries::cublas::handle::*;
use half::f16;

const APPROXIMATIONS: &str = "
.visible .entry approximate(.param .u64 x)
{
    .reg .b32 %r<2>; .reg .b64 %rd<4>; .reg .f32 %f<3>;
    ld.param.u64 %rd1, [x];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    ld.global.f32 %f1, [%rd3];
    ex2.approx.f32 %f2, %f1;
    st.global.f32 [%rd3], %f2;
    ret;
}";

/// The relative errors of `2^x`, and what it makes of zero.
fn errors() -> (Vec<f64>, f32) {
    let mut device = Device::default();
    let module = device.load(APPROXIMATIONS);
    let inputs: Vec<f32> = (0..512).map(|i| i as f32 / 64.0 - 4.0).collect();
    let x = device.with(&inputs);
    device.run(&module, "approximate", 1, 512, &Parameters::new().and(x)).unwrap_or_else(|fault| panic!("{fault}"));
    let found = device.read::<f32>(x, 512);
    let error = |(x, y): (&f32, &f32)| f64::from(*y) / f64::from(*x).exp2() - 1.0;
    (inputs.iter().zip(&found).map(error).collect(), found[256])
}

/// Sums of many products of halves, with and without leave to keep parts of them in that type, and what they are exactly.
fn sums() -> [f64; 3] {
    const K: usize = 1000;
    let values: Vec<f16> = (0..K).map(|i| f16::from_f32(1.0 + (i * 37 % 101) as f32 / 128.0)).collect();
    let exact = values.iter().map(|value| value.to_f64() * value.to_f64()).sum();
    let (a, c) = (upload(&values), allocate(2));
    let mut handle = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cublasCreate_v2(Out::new(&mut handle)) }, 0);
    let sum = |mode: i32, c: Address| {
        let (one, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the scalars are variables, the operands have these sizes.
        unsafe {
            assert_eq!(cublasSetMathMode(handle, mode), 0);
            let code = cublasGemmEx(
                handle,
                0,
                0,
                1,
                1,
                K as i32,
                argument(&one),
                a,
                2,
                1,
                a,
                2,
                K as i32,
                argument(&zero),
                c,
                2,
                1,
                68,
                -1,
            );
            assert_eq!(code, 0);
        }
        download::<f16>(c, 1)[0].to_f64()
    };
    [sum(0, c), sum(16, c), exact]
}

#[test]
#[ignore = "run by another test"]
fn case_exact() {
    context(0);
    let (errors, one) = errors();
    assert!(errors.iter().all(|error| error.abs() < 2.0_f64.powi(-24)) && one == 1.0);
    let [reduced, full, exact] = sums();
    assert_eq!((reduced, full), (f16::from_f64(exact).to_f64(), f16::from_f64(exact).to_f64()));
}

#[test]
#[ignore = "run by another test"]
fn case_noisy() {
    context(0);
    let (errors, one) = errors();
    let most = errors.iter().fold(0.0_f64, |most, error| most.max(error.abs()));
    assert!(most > 2.0_f64.powi(-23) && most < 2.0_f64.powi(-22), "{most:e}");
    assert!(errors.iter().any(|error| *error > 0.0) && errors.iter().any(|error| *error < 0.0));
    assert_eq!(one, 1.0, "what zero gives is exact");
    let [reduced, full, exact] = sums();
    assert_eq!(full, f16::from_f64(exact).to_f64(), "the error of a sum in f32 is nothing to f16");
    assert!((reduced - exact).abs() < exact / 512.0, "{reduced} for {exact}");
}

#[test]
fn there_is_noise_where_it_is_asked_for() {
    run("case_exact", &[]);
    for seed in ["1", "2", "3"] {
        run("case_noisy", &[("CUDA_EMULATOR_NOISE", seed)]);
    }
}
