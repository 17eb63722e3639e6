//! Steps of optimizers: one launch for all parameters of a dtype, as far as a table holds them.

use crate::array::device;
use crate::launch::Launch;
use crate::ptx;
use crate::tables::{self, Access};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor, bail};
use candle_ffi_kernels::optim::{Kernel, MOST_CONSTANTS};

/// The constants of a formula (`Constants` in `optim.cu`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Constants([f64; MOST_CONSTANTS]);

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Constants {}

/// Whether parameters of a dtype can be stepped.
pub fn can_step(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
}

/// A parameter, its gradient and what is remembered of it: contiguous, of one dtype and shape, on one device.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Is changed.
    pub param: &'a Tensor,
    /// Is read.
    pub grad: &'a Tensor,
    /// Are changed, as many as the formula remembers.
    pub memory: &'a [Tensor],
}

/// One step of a formula for all targets, which are of one dtype and on one device.
pub fn step(kernel: &Kernel, targets: &[Target<'_>]) -> Result<()> {
    match kernel.memories {
        0 => stepped::<2>(kernel, targets),
        1 => stepped::<3>(kernel, targets),
        2 => stepped::<4>(kernel, targets),
        3 => stepped::<5>(kernel, targets),
        more => bail!("no kernel remembers {more} numbers"),
    }
}

fn stepped<const D: usize>(kernel: &Kernel, targets: &[Target<'_>]) -> Result<()> {
    let Some(first) = targets.first() else { return Ok(()) };
    let mut tuples: Vec<[&Tensor; D]> = Vec::with_capacity(targets.len());
    for target in targets {
        let mut tuple = [target.param; D];
        tuple[1] = target.grad;
        if target.memory.len() + 2 != D {
            bail!("{} numbers are remembered where the formula has {}", target.memory.len(), D - 2);
        }
        for (slot, memory) in tuple[2..].iter_mut().zip(target.memory) {
            *slot = memory;
        }
        let fits = |tensor: &&Tensor| {
            tensor.dtype() == first.param.dtype()
                && tensor.elem_count() == target.param.elem_count()
                && tensor.is_contiguous()
        };
        if !can_step(first.param.dtype()) || !tuple.iter().all(fits) {
            bail!("parameter, gradient and memory are not of one dtype and size, or not contiguous");
        }
        tuples.push(tuple);
    }
    let launch = || Launch::of(device(first.param)?, ptx::OPTIM, kernel.name, first.param.dtype());
    // SAFETY: as `OPTIM` of optim.cu is declared; the tuples have been checked.
    unsafe {
        tables::over(Access::Write, &tuples, launch, |launch, _| {
            launch.value(Constants(kernel.constants));
            Ok(())
        })
    }
}
