//! cuDNN: convolutions against a plain loop, and what it refuses, as the real library does.
mod calls;

use calls::*;
use cuda_emulator::driver::{Handle, In, Out};
use cuda_emulator::libraries::cudnn::Dnn;
use cuda_emulator::libraries::cudnn::calls::*;
use cuda_emulator::libraries::cudnn::description::*;
use cuda_emulator::libraries::cudnn::handle::*;

const FLOAT: i32 = 0;
const DOUBLE: i32 = 1;
const HALF: i32 = 2;
const FMA: i32 = 3;
const TENSOR_OP: i32 = 1;

fn dnn() -> Handle {
    let mut handle = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { cudnnCreate(Out::new(&mut handle)) }, 0);
    handle
}

fn packed(dims: &[i32]) -> Vec<i32> {
    let mut strides = vec![1; dims.len()];
    for d in (1..dims.len()).rev() {
        strides[d - 1] = strides[d] * dims[d];
    }
    strides
}

fn set_tensor(handle: Handle, data: i32, dims: &[i32], strides: &[i32]) -> i32 {
    let (dims, count, strides) = (In::new(dims.as_ptr()), dims.len() as i32, In::new(strides.as_ptr()));
    // SAFETY: arrays of so many numbers.
    unsafe { cudnnSetTensorNdDescriptor(handle, data, count, dims, strides) }
}

fn set_filter(handle: Handle, data: i32, dims: &[i32]) -> i32 {
    // SAFETY: an array of so many numbers.
    unsafe { cudnnSetFilterNdDescriptor(handle, data, 0, dims.len() as i32, In::new(dims.as_ptr())) }
}

fn set_convolution(handle: Handle, [padding, stride, dilation]: [&[i32]; 3], mode: i32, compute: i32) -> i32 {
    let count = padding.len() as i32;
    let [padding, stride, dilation] = [padding, stride, dilation].map(|values| In::new(values.as_ptr()));
    // SAFETY: arrays of so many numbers.
    unsafe { cudnnSetConvolutionNdDescriptor(handle, count, padding, stride, dilation, mode, compute) }
}

fn new(create: unsafe extern "C" fn(Out<Handle>) -> i32) -> Handle {
    let mut handle = 0;
    // SAFETY: the pointer is to a variable.
    assert_eq!(unsafe { create(Out::new(&mut handle)) }, 0);
    handle
}

fn tensor(data: i32, dims: &[i32]) -> Handle {
    let handle = new(cudnnCreateTensorDescriptor);
    assert_eq!(set_tensor(handle, data, dims, &packed(dims)), 0);
    handle
}

fn filter(data: i32, dims: &[i32]) -> Handle {
    let handle = new(cudnnCreateFilterDescriptor);
    assert_eq!(set_filter(handle, data, dims), 0);
    handle
}

fn convolution(options: [&[i32]; 3], compute: i32, math: i32, groups: i32) -> Handle {
    let handle = new(cudnnCreateConvolutionDescriptor);
    assert_eq!(set_convolution(handle, options, 1, compute), 0);
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(cudnnSetConvolutionMathType(handle, math), 0);
        assert_eq!(cudnnSetConvolutionGroupCount(handle, groups), 0);
    }
    handle
}

/// Numbers that are not alike, small enough to be exact in every type.
fn values(number: i32, seed: usize) -> Vec<f32> {
    (0..number as usize).map(|i| ((i * 7 + seed * 13) % 11) as f32 - 5.0).collect()
}

fn count(dims: &[i32]) -> i32 {
    dims.iter().product()
}

fn nothing() -> Performance {
    // SAFETY: numbers alone, of which 0 is one.
    unsafe { std::mem::zeroed() }
}

#[test]
fn the_three_products_are_those_of_a_plain_loop() {
    context(0);
    let handle = dnn();
    // Two groups; steps, zeros and distances that differ.
    let (x, w, y) = ([2, 4, 7, 6], [6, 2, 3, 2], [2, 6, 3, 8]);
    let [padding, stride, dilation] = [[1, 2], [2, 1], [2, 2]];
    let (vx, vw, vy) = (values(count(&x), 1), values(count(&w), 2), values(count(&y), 3));
    let (mut rx, mut rw, mut ry) = (vec![0.0; vx.len()], vec![0.0; vw.len()], vec![0.0; vy.len()]);
    let at = |dims: &[i32; 4], [n, c, h, w]: [i32; 4]| (((n * dims[1] + c) * dims[2] + h) * dims[3] + w) as usize;
    for n in 0..2 {
        for k in 0..6 {
            for c in 0..2 {
                for (i, j) in (0..3).flat_map(|i| (0..2).map(move |j| (i, j))) {
                    for (p, q) in (0..3).flat_map(|p| (0..8).map(move |q| (p, q))) {
                        let (h, v) = (p * 2 + i * 2 - 1, q + j * 2 - 2);
                        if (0..7).contains(&h) && (0..6).contains(&v) {
                            let a = at(&x, [n, k / 3 * 2 + c, h, v]);
                            let (b, d) = (at(&w, [k, c, i, j]), at(&y, [n, k, p, q]));
                            ry[d] += vx[a] * vw[b];
                            rx[a] += vw[b] * vy[d];
                            rw[b] += vx[a] * vy[d];
                        }
                    }
                }
            }
        }
    }
    let [dx, dw, dy] = [upload(&vx), upload(&vw), upload(&vy)];
    let of = convolution([&padding, &stride, &dilation], FLOAT, FMA, 2);
    let (tx, tw, ty) = (tensor(FLOAT, &x), filter(FLOAT, &w), tensor(FLOAT, &y));
    let (two, minus) = (2f32, -1f32);
    let (alpha, beta) = (argument(&two), argument(&minus));
    let before = counted(c"convolution");
    // SAFETY: the scalars are variables; arrays of these sizes are at the addresses. Algorithm 0 needs no workspace.
    unsafe {
        assert_eq!(cudnnConvolutionForward(handle, alpha, tx, dx, tw, dw, of, 0, 0, 0, beta, ty, dy), 0);
        let expected: Vec<f32> = ry.iter().zip(&vy).map(|(sum, prior)| 2.0 * sum - prior).collect();
        assert_eq!(download::<f32>(dy, vy.len()), expected);
        let dy = upload(&vy);
        assert_eq!(cudnnConvolutionBackwardData(handle, alpha, tw, dw, ty, dy, of, 0, 0, 0, beta, tx, dx), 0);
        let expected: Vec<f32> = rx.iter().zip(&vx).map(|(sum, prior)| 2.0 * sum - prior).collect();
        assert_eq!(download::<f32>(dx, vx.len()), expected);
        let dx = upload(&vx);
        assert_eq!(cudnnConvolutionBackwardFilter(handle, alpha, tx, dx, ty, dy, of, 0, 0, 0, beta, tw, dw), 0);
        let expected: Vec<f32> = rw.iter().zip(&vw).map(|(sum, prior)| 2.0 * sum - prior).collect();
        assert_eq!(download::<f32>(dw, vw.len()), expected);
    }
    assert!(counted(c"convolution") >= before + 3);
}

#[test]
fn algorithms_are_guessed_and_measured() {
    context(0);
    let handle = dnn();
    let (x, w, y) = ([1, 2, 8, 8], [3, 2, 3, 3], [1, 3, 8, 8]);
    let of = convolution([&[1, 1], &[1, 1], &[1, 1]], FLOAT, 0, 1);
    let (tx, tw, ty) = (tensor(FLOAT, &x), filter(FLOAT, &w), tensor(FLOAT, &y));
    let (mut found, mut told) = ([nothing(); 32], 0);
    let (to, number) = (Out::new(found.as_mut_ptr()), Out::new(&mut told));
    // SAFETY: room for so many.
    assert_eq!(unsafe { cudnnGetConvolutionForwardAlgorithm_v7(handle, tx, tw, of, ty, 32, number, to) }, 0);
    let good = found[..told as usize].iter().take_while(|found| found.status == 0).count();
    assert!(good >= 10 && found[good..told as usize].iter().all(|found| found.status == Dnn::NOT_SUPPORTED.0));
    // With TF32 and without.
    assert!(found[..good].iter().any(|found| found.math == 0) && found[..good].iter().any(|found| found.math == FMA));
    for of_one in &found[..good] {
        let mut size = 0;
        let to = Out::new(&mut size);
        // SAFETY: the pointer is to a variable.
        let code = unsafe { cudnnGetConvolutionForwardWorkspaceSize(handle, tx, tw, of, ty, of_one.algorithm, to) };
        assert_eq!((code, size), (0, of_one.memory));
    }
    let [dx, dw, dy] = [upload(&values(128, 1)), upload(&values(54, 2)), allocate(4 * 192)];
    let room = 1 << 12;
    let workspace = allocate(room);
    // SAFETY: arrays of these sizes, and room for so many.
    let code = unsafe {
        cudnnFindConvolutionForwardAlgorithmEx(handle, tx, dx, tw, dw, of, ty, dy, 32, number, to, workspace, room)
    };
    assert_eq!(code, 0);
    let found = &found[..told as usize];
    let ran: Vec<_> = found.iter().filter(|found| found.status == 0).collect();
    assert!(ran.iter().all(|found| found.memory <= room && found.time >= 0.0) && ran.len() < good);
    assert!(ran.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert!(found.iter().any(|found| found.status == Dnn::ALLOC_FAILED.0));
}

#[test]
fn what_the_real_library_refuses_is_refused() {
    context(0);
    let (t, f) = (new(cudnnCreateTensorDescriptor), new(cudnnCreateFilterDescriptor));
    let tensors: [(&[i32], i32); 9] = [
        (&[2, 3], 0),
        (&[2, 3, 4], 0),
        (&[1; 8], 0),
        (&[1; 9], 3000),
        (&[0, 3, 4, 5], 2000),
        (&[-1, 3, 4, 5], 2000),
        (&[1 << 15, 1 << 10, 1 << 5, 4], 3000),
        (&[1 << 15, 1 << 10, 1 << 5, 2], 3000),
        (&[1, 1, 1, i32::MAX], 0),
    ];
    for (dims, code) in tensors {
        // The strides of the largest ones.
        let strides = if count_fits(dims) { packed(dims) } else { vec![1 << 16, 1 << 6, dims[3], 1] };
        assert_eq!(set_tensor(t, FLOAT, dims, &strides), code, "{dims:?}");
    }
    assert_eq!(set_tensor(t, 99, &[1; 4], &[1; 4]), 2000);
    assert_eq!(set_tensor(t, 9, &[1; 4], &[1; 4]), 0);
    assert_eq!(set_tensor(t, FLOAT, &[1, 2, 2, 2], &[8, 4, 2, -1]), 0);
    assert_eq!(set_tensor(t, FLOAT, &[1, 2, 2, 2], &[8, 4, 0, 1]), 2000);
    assert_eq!(set_tensor(0, FLOAT, &[1; 4], &[1; 4]), 2000);
    for (dims, code) in [(&[2, 3][..], 2000), (&[2, 3, 4], 0), (&[1; 8], 0), (&[1; 9], 3000), (&[2, 0, 4, 5], 2000)] {
        assert_eq!(set_filter(f, FLOAT, dims), code, "{dims:?}");
    }
    let c = new(cudnnCreateConvolutionDescriptor);
    let one = [1, 1];
    assert_eq!(set_convolution(c, [&[-1, 1], &one, &one], 1, 0), 2000);
    assert_eq!(set_convolution(c, [&one, &[0, 1], &one], 1, 0), 2000);
    assert_eq!(set_convolution(c, [&one, &one, &[1, 0]], 1, 0), 2000);
    assert_eq!(set_convolution(c, [&one, &one, &one], 2, 0), 2000);
    assert_eq!(set_convolution(c, [&[1; 7], &[1; 7], &[1; 7]], 1, 0), 3000);
    let computes: Vec<i32> = [0, 1, 2, 3, 4, 9].map(|of| set_convolution(c, [&one, &one, &one], 1, of)).into();
    assert_eq!(computes, [0, 0, 0, 2000, 0, 2000]);
    // SAFETY: no pointers.
    unsafe {
        assert_eq!([0, 3, 4, -1].map(|math| cudnnSetConvolutionMathType(c, math)), [0, 0, 2000, 2000]);
        assert_eq!([1, 2, 0, -1].map(|groups| cudnnSetConvolutionGroupCount(c, groups)), [0, 0, 2000, 2000]);
        assert_eq!([cudnnDestroyTensorDescriptor(t), cudnnDestroyTensorDescriptor(t)], [0, 2000]);
    }
}

fn count_fits(dims: &[i32]) -> bool {
    dims.iter().try_fold(1i32, |product, size| product.checked_mul(*size)).is_some()
}

/// What a forward convolution says to these sizes, in one group of two dimensions with padding 1.
fn forward(
    x: (i32, &[i32]),
    w: (i32, &[i32]),
    y: (i32, &[i32]),
    compute: i32,
    math: i32,
    change: impl Fn(&mut Run),
) -> i32 {
    let of = convolution([&[1, 1], &[1, 1], &[1, 1]], compute, math, 1);
    let mut run = Run {
        handle: dnn(),
        algorithm: 1,
        addresses: [allocate(1 << 14); 3],
        workspace: allocate(1 << 12),
        size: 1 << 12,
    };
    change(&mut run);
    let (one, zero) = (1f64, 0f64);
    let single = (1f32, 0f32);
    let scalars =
        if x.0 == DOUBLE { [argument(&one), argument(&zero)] } else { [argument(&single.0), argument(&single.1)] };
    let [a, b, c] = run.addresses;
    let (tx, tw, ty) = (tensor(x.0, x.1), filter(w.0, w.1), tensor(y.0, y.1));
    // SAFETY: the scalars are variables of the type; the arrays have room.
    unsafe {
        cudnnConvolutionForward(
            run.handle,
            scalars[0],
            tx,
            a,
            tw,
            b,
            of,
            run.algorithm,
            run.workspace,
            run.size,
            scalars[1],
            ty,
            c,
        )
    }
}

struct Run {
    handle: Handle,
    algorithm: i32,
    addresses: [u64; 3],
    workspace: u64,
    size: usize,
}

#[test]
fn descriptors_have_to_fit() {
    context(0);
    let (x, w, y): (&[i32], &[i32], &[i32]) = (&[1, 2, 8, 8], &[3, 2, 3, 3], &[1, 3, 8, 8]);
    let plain = |_: &mut Run| {};
    let single = |x, w, y| forward((FLOAT, x), (FLOAT, w), (FLOAT, y), FLOAT, FMA, plain);
    assert_eq!(single(x, w, y), 0);
    assert_eq!(single(&[1, 3, 8, 8], w, y), Dnn::BAD_PARAM.0);
    assert_eq!(single(x, &[3, 2, 11, 3], y), Dnn::BAD_PARAM.0);
    assert_eq!(single(x, w, &[1, 4, 8, 8]), Dnn::BAD_PARAM.0);
    assert_eq!(single(x, w, &[1, 3, 8, 7]), Dnn::NOT_SUPPORTED.0);
    assert_eq!(single(&[1, 2, 8, 8, 8], w, y), Dnn::BAD_PARAM.0);
    assert_eq!(forward((FLOAT, x), (HALF, w), (FLOAT, y), FLOAT, FMA, plain), Dnn::BAD_PARAM.0);
    assert_eq!(forward((DOUBLE, x), (DOUBLE, w), (DOUBLE, y), DOUBLE, 0, plain), 0);
    assert_eq!(forward((DOUBLE, x), (DOUBLE, w), (DOUBLE, y), FLOAT, 0, plain), Dnn::NOT_SUPPORTED_DATA_TYPE.0);
    assert_eq!(forward((4, x), (4, w), (4, y), FLOAT, 0, plain), Dnn::NOT_SUPPORTED_DATA_TYPE.0);
}

#[test]
fn arrays_and_workspaces_have_to_be_there() {
    context(0);
    let (x, w, y): (&[i32], &[i32], &[i32]) = (&[1, 2, 8, 8], &[3, 2, 3, 3], &[1, 3, 8, 8]);
    let single = |change: &dyn Fn(&mut Run)| forward((FLOAT, x), (FLOAT, w), (FLOAT, y), FLOAT, FMA, change);
    assert_eq!(single(&|run| run.size = 3), Dnn::SIZE_INSUFFICIENT.0);
    assert_eq!(single(&|run| run.workspace = 0), Dnn::NULL_POINTER.0);
    assert_eq!(single(&|run| run.addresses[2] = 0), Dnn::NULL_POINTER.0);
    assert_eq!(single(&|run| run.algorithm = 8), Dnn::BAD_PARAM.0);
    assert_eq!(single(&|run| run.algorithm = 3), Dnn::NOT_SUPPORTED.0);
    assert_eq!(single(&|run| run.handle = 1), Dnn::BAD_PARAM.0);
    // Beyond an allocation by one element, and an address in the middle of one.
    assert_eq!(single(&|run| run.addresses[0] = upload(&[0f32; 127])), Dnn::EXECUTION_FAILED_CUDA_DRIVER.0);
    assert_eq!(single(&|run| run.addresses[0] += 2), Dnn::EXECUTION_FAILED_CUDA_DRIVER.0);
    let half = |change: &dyn Fn(&mut Run)| forward((HALF, x), (HALF, w), (HALF, y), FLOAT, TENSOR_OP, change);
    assert_eq!(half(&|_| ()), 0);
    assert_eq!(half(&|run| run.addresses[1] += 2), Dnn::MISALIGNED_POINTER.0);
    // A stream of another device.
    let handle = dnn();
    context(1);
    let code = single(&|run| run.handle = handle);
    assert_eq!(code, Dnn::BAD_PARAM.0);
}
