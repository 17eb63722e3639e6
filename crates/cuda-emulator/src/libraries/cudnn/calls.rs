//! The functions that choose algorithms and run them, of the same form for each of the three products.

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::algorithm::{Algorithm, by_code, candidates};
use super::convolve::{convolve, spoil};
use super::description::{convolution, filter, tensor};
use super::handle::library;
use super::problem::{Problem, Product};
use super::{Dnn, refused};
use crate::driver::{Address, Count, DeviceView, Handle, HostPointer, Out, Status, count, exports, submit, write_text};
use crate::libraries::cublas::numbers::Number;

/// `cudnnConvolutionFwdAlgoPerf_t`, and those of the gradients.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Performance {
    /// The algorithm.
    pub algorithm: i32,
    /// What came of it.
    pub status: i32,
    /// Milliseconds; -1 where it was not run.
    pub time: f32,
    /// The bytes of workspace.
    pub memory: usize,
    /// 1: the same bits each time.
    pub determinism: i32,
    /// `cudnnMathType_t`.
    pub math: i32,
    reserved: [i32; 3],
}

/// What a tensor core reads at a time.
const ALIGNMENT: u64 = 16;
const TENSOR_OP: i32 = 1;

static LAST: Mutex<String> = Mutex::new(String::new());

/// What the last convolution was, as `name=value` words: `function`, `algorithm`, `math` (the numbers of cuDNN), the type
/// `data`, `groups`, the dimensions `x`, `w` and `y`, and `workspace`, the bytes that were given to it.
///
/// Returns the bytes that the text needs, with the zero byte at the end, and writes those that there is room for.
///
/// # Safety
///
/// `buffer` is null or has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuda_emulator_last_convolution(buffer: Out<c_char>, size: usize) -> usize {
    write_text(buffer, size, &LAST.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What the descriptors ask for: the two that are read, then that of the result.
fn problem(product: Product, first: Handle, second: Handle, of: Handle, third: Handle) -> Result<Problem, Dnn> {
    let of = convolution(of)?;
    match product {
        Product::Forward => Problem::new(product, &tensor(first)?, &filter(second)?, &tensor(third)?, &of),
        Product::BackwardData => Problem::new(product, &tensor(third)?, &filter(first)?, &tensor(second)?, &of),
        Product::BackwardFilter => Problem::new(product, &tensor(first)?, &filter(third)?, &tensor(second)?, &of),
    }
}

fn wanted(count: i32) -> Result<usize, Dnn> {
    match usize::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(refused(Dnn::BAD_PARAM, "no algorithm is asked for")),
    }
}

fn performance(problem: &Problem, algorithm: Algorithm, math: i32) -> Performance {
    let status = algorithm.check(problem).map_or_else(i32::from, |()| 0);
    Performance {
        algorithm: algorithm.code,
        status,
        time: -1.0,
        memory: if status == 0 { algorithm.workspace(problem) } else { 0 },
        determinism: algorithm.is_deterministic().into(),
        math,
        reserved: [0; 3],
    }
}

/// Writes as many as are wanted.
fn tell(found: &[Performance], most: usize, told: Out<i32>, to: Out<Performance>) -> Result<(), Dnn> {
    let count = found.len().min(most);
    for (at, performance) in found[..count].iter().enumerate() {
        to.set_at(at, *performance)?;
    }
    told.set(count as i32)?;
    Ok(())
}

/// Those that do it first, in the order of the heuristics, then those that do not.
fn guess(handle: Handle, problem: &Problem, most: i32, told: Out<i32>, to: Out<Performance>) -> Result<(), Dnn> {
    let library = library(handle)?;
    let _alone = library.alone()?;
    let mut found: Vec<_> =
        candidates(problem).into_iter().map(|(algorithm, math)| performance(problem, algorithm, math)).collect();
    found.sort_by_key(|performance| performance.status != 0);
    tell(&found, wanted(most)?, told, to)
}

/// An algorithm's run on memory of the device.
#[derive(Clone)]
struct Job {
    problem: Problem,
    algorithm: Algorithm,
    addresses: [Address; 3],
    workspace: Address,
    size: usize,
}

impl Job {
    /// What can be said without looking at the memory.
    fn check(&self) -> Result<(), Dnn> {
        if self.addresses.contains(&0) {
            return Err(refused(Dnn::NULL_POINTER, "an array is null"));
        }
        self.algorithm.check(&self.problem)?;
        let needed = self.algorithm.workspace(&self.problem);
        if self.size < needed {
            return Err(refused(Dnn::SIZE_INSUFFICIENT, format!("{} bytes of workspace, not {needed}", self.size)));
        }
        if needed > 0 && self.workspace == 0 {
            return Err(refused(Dnn::NULL_POINTER, "the workspace is null"));
        }
        let halves = self.problem.number.size() == 2 && self.problem.math == TENSOR_OP;
        if halves && self.addresses.iter().any(|address| !address.is_multiple_of(ALIGNMENT)) {
            return Err(refused(Dnn::MISALIGNED_POINTER, "tensor cores take arrays at multiples of 16 bytes"));
        }
        Ok(())
    }

    fn run(&self, view: &DeviceView, alpha: f64, beta: f64) -> Result<(), Dnn> {
        spoil(view, self.workspace, self.algorithm.workspace(&self.problem))?;
        convolve(&self.problem, view, self.addresses, alpha, beta)
    }

    fn remember(&self, function: &str) {
        let Problem { number, math, groups, x, w, y, .. } = &self.problem;
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = format!(
            "function={function} algorithm={} math={math} data={} groups={groups} x={:?} w={:?} y={:?} workspace={}",
            self.algorithm.code,
            number.name(),
            x.dims,
            w.dims,
            y.dims,
            self.size
        )
        .replace(", ", ",");
    }
}

/// `alpha` or `beta`, which are on the host.
fn scalar(pointer: HostPointer, problem: &Problem) -> Result<f64, Dnn> {
    let number = if problem.number == Number::F64 { Number::F64 } else { Number::F32 };
    if pointer.address() >> 47 != 0 {
        return Err(refused(Dnn::BAD_PARAM, "a scaling factor is no address of the host"));
    }
    Ok(number.read(&pointer.read(number.size())?))
}

fn run(handle: Handle, function: &str, job: Job, alpha: HostPointer, beta: HostPointer) -> Result<(), Dnn> {
    let library = library(handle)?;
    let _alone = library.alone()?;
    let stream = library.stream()?;
    job.check()?;
    let (alpha, beta) = (scalar(alpha, &job.problem)?, scalar(beta, &job.problem)?);
    job.remember(function);
    submit(
        &stream,
        || count(Count::Convolution),
        move |context| job.run(&context.view(), alpha, beta).map_err(|_| Status::LAUNCH_FAILED),
    )?;
    Ok(())
}

/// Runs every algorithm there is memory for, waits for it, and tells the fastest first.
fn measure(handle: Handle, job: Job, most: i32, told: Out<i32>, to: Out<Performance>) -> Result<(), Dnn> {
    let library = library(handle)?;
    let _alone = library.alone()?;
    let stream = library.stream()?;
    if let Some(capture) = stream.capture() {
        capture.invalidate();
        return Err(refused(Dnn::EXECUTION_FAILED_CUDA_DRIVER, "algorithms cannot be measured in a capture"));
    }
    let view = stream.context()?.view();
    let most = wanted(most)?;
    let mut found = Vec::new();
    for (algorithm, math) in candidates(&job.problem) {
        let mut of = performance(&job.problem, algorithm, math);
        if of.status == 0 && of.memory > job.size {
            of.status = Dnn::ALLOC_FAILED.0;
        }
        if of.status == 0 {
            let mut one = Job { algorithm, ..job.clone() };
            one.problem.math = math;
            let begin = Instant::now();
            of.status = one.check().and_then(|()| one.run(&view, 1.0, 0.0)).map_or_else(i32::from, |()| 0);
            of.time = begin.elapsed().as_secs_f32() * 1e3;
            count(Count::Convolution);
            count(Count::Synchronize);
        }
        found.push(of);
    }
    found.sort_by(|one, other| (one.status != 0).cmp(&(other.status != 0)).then(one.time.total_cmp(&other.time)));
    tell(&found, most, told, to)
}

/// The functions of one product.
macro_rules! products {
    ($($product:ident: $get:ident, $find:ident, $workspace:ident, $run:ident;)*) => {
        exports! {
            panic = 4000, error = Dnn;

            $(
                fn $get(
                    handle: Handle, first: Handle, second: Handle, of: Handle, third: Handle, most: i32, told: Out<i32>,
                    to: Out<Performance>,
                ) {
                    guess(handle, &problem(Product::$product, first, second, of, third)?, most, told, to)
                }

                fn $find(
                    handle: Handle, first: Handle, one: Address, second: Handle, other: Address, of: Handle,
                    third: Handle, result: Address, most: i32, told: Out<i32>, to: Out<Performance>,
                    workspace: Address, size: usize,
                ) {
                    let problem = problem(Product::$product, first, second, of, third)?;
                    let algorithm = by_code(Product::$product, 0)?;
                    let job = Job { problem, algorithm, addresses: [one, other, result], workspace, size };
                    measure(handle, job, most, told, to)
                }

                fn $workspace(
                    handle: Handle, first: Handle, second: Handle, of: Handle, third: Handle, algorithm: i32,
                    size: Out<usize>,
                ) {
                    library(handle)?;
                    let problem = problem(Product::$product, first, second, of, third)?;
                    let algorithm = by_code(Product::$product, algorithm)?;
                    algorithm.check(&problem)?;
                    size.set(algorithm.workspace(&problem))?;
                    Ok(())
                }

                fn $run(
                    handle: Handle, alpha: HostPointer, first: Handle, one: Address, second: Handle, other: Address,
                    of: Handle, algorithm: i32, workspace: Address, size: usize, beta: HostPointer, third: Handle,
                    result: Address,
                ) {
                    let problem = problem(Product::$product, first, second, of, third)?;
                    let algorithm = by_code(Product::$product, algorithm)?;
                    let job = Job { problem, algorithm, addresses: [one, other, result], workspace, size };
                    run(handle, stringify!($run), job, alpha, beta)
                }
            )*
        }
    };
}

products! {
    Forward: cudnnGetConvolutionForwardAlgorithm_v7, cudnnFindConvolutionForwardAlgorithmEx,
        cudnnGetConvolutionForwardWorkspaceSize, cudnnConvolutionForward;
    BackwardData: cudnnGetConvolutionBackwardDataAlgorithm_v7, cudnnFindConvolutionBackwardDataAlgorithmEx,
        cudnnGetConvolutionBackwardDataWorkspaceSize, cudnnConvolutionBackwardData;
    BackwardFilter: cudnnGetConvolutionBackwardFilterAlgorithm_v7, cudnnFindConvolutionBackwardFilterAlgorithmEx,
        cudnnGetConvolutionBackwardFilterWorkspaceSize, cudnnConvolutionBackwardFilter;
}
