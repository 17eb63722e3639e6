//! Automatic mixed precision: within a scope, products run in half precision, and what needs range runs in `float32`.
//!
//! An operation that takes part says so at its head, with one of the [`Class`]es below, which are PyTorch's lists. It
//! then runs itself anew on cast inputs, with autocasting off: what it is made of is not cast again. An operation that
//! is in no list takes its inputs as they are, and what it is made of decides. A backward pass is not cast: gradients
//! have the dtypes of what they are the gradients of.

mod cache;

pub use cache::{clear_cache, is_cache_enabled, set_cache_enabled};

use crate::{DType, DeviceKind, Error, ErrorCode, Result, Tensor, ops};
use std::cell::Cell;
use std::marker::PhantomData;

/// What an operation wants of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Keep,
    Lower,
    Float32,
    /// The widest of what they are.
    Widest,
}

/// What an operation wants on the CPU, and on other devices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    cpu: Wish,
    others: Wish,
}

/// Fast and safe in half precision.
pub(crate) const LOWER: Class = Class { cpu: Wish::Lower, others: Wish::Lower };
/// The same on a GPU alone.
pub(crate) const LOWER_ON_GPU: Class = Class { cpu: Wish::Keep, others: Wish::Lower };
/// Sums and ranges that half precision does not hold.
pub(crate) const FLOAT32: Class = Class { cpu: Wish::Float32, others: Wish::Float32 };
/// The same on the CPU alone.
pub(crate) const FLOAT32_ON_CPU: Class = Class { cpu: Wish::Float32, others: Wish::Keep };
/// The same on a GPU alone.
pub(crate) const FLOAT32_ON_GPU: Class = Class { cpu: Wish::Keep, others: Wish::Float32 };
/// Inputs that must have one dtype and may come in two.
pub(crate) const WIDEST: Class = Class { cpu: Wish::Widest, others: Wish::Widest };

/// The lower dtype on each kind of device; `None` where autocasting is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode([Option<DType>; DeviceKind::ALL.len()]);

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode([None; DeviceKind::ALL.len()])) };
    /// Whether a mode is on and no operation that has cast is running.
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

impl Mode {
    /// The mode with another lower dtype on a kind of device: `float16`, `bfloat16`, or `None` for off.
    pub fn with(mut self, kind: DeviceKind, lower: Option<DType>) -> Result<Self> {
        if let Some(dtype) = lower.filter(|dtype| !matches!(dtype, DType::Float16 | DType::BFloat16)) {
            let message = format!("autocast lowers to float16 or bfloat16, not to {dtype}");
            return Err(Error::dtype(message, &[dtype]));
        }
        self.0[place(kind)] = lower;
        Ok(self)
    }

    /// The lower dtype on a kind of device.
    pub fn lower(self, kind: DeviceKind) -> Option<DType> {
        self.0[place(kind)]
    }
}

fn place(kind: DeviceKind) -> usize {
    kind as usize - 1
}

/// What holds on this thread.
pub fn mode() -> Mode {
    MODE.get()
}

/// Sets what holds on this thread and returns what did.
pub fn set_mode(mode: Mode) -> Mode {
    ACTIVE.set(mode != Mode::default());
    MODE.replace(mode)
}

/// No autocasting for as long as it lives.
pub(crate) struct Suspended {
    before: bool,
    // Bound to its thread.
    _not_send: PhantomData<*const ()>,
}

/// Runs what follows as it is.
pub(crate) fn suspend() -> Suspended {
    Suspended { before: ACTIVE.replace(false), _not_send: PhantomData }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        ACTIVE.set(self.before);
    }
}

/// What an operation casts its inputs with.
pub(crate) struct Cast {
    dtype: DType,
    kind: DeviceKind,
    _suspended: Suspended,
}

/// How an operation of a class casts, by the device of its first input that is no mere number; `None` where it runs as
/// it is.
#[inline]
pub(crate) fn enter(class: Class, inputs: &[&Tensor]) -> Option<Cast> {
    if ACTIVE.get() { begin(class, inputs) } else { None }
}

#[cold]
fn begin(class: Class, inputs: &[&Tensor]) -> Option<Cast> {
    let kind = inputs.iter().find(|input| !input.is_wrapped_number())?.device().kind();
    let lower = mode().lower(kind)?;
    let dtype = match if kind == DeviceKind::Cpu { class.cpu } else { class.others } {
        Wish::Keep => return None,
        Wish::Lower => lower,
        Wish::Float32 => DType::Float32,
        Wish::Widest if inputs.iter().any(|input| input.dtype() == DType::Float32) => DType::Float32,
        Wish::Widest => lower,
    };
    Some(Cast { dtype, kind, _suspended: suspend() })
}

/// Fails on a GPU for an operation that half precision makes unsafe, as PyTorch.
#[inline]
pub(crate) fn refuse(operation: &str, instead: &str, input: &Tensor) -> Result<()> {
    if !ACTIVE.get() || input.device().is_cpu() || mode().lower(input.device().kind()).is_none() {
        return Ok(());
    }
    let message = format!("{operation} is unsafe to autocast: use {instead}, or a scope with autocast off");
    Err(Error::new(ErrorCode::Unsupported, message))
}

impl Cast {
    /// An input in the dtype; integers, `float64`, numbers and what is on another kind of device stay.
    pub(crate) fn of(&self, input: &Tensor) -> Result<Tensor> {
        let narrow = matches!(input.dtype(), DType::Float16 | DType::BFloat16 | DType::Float32);
        if !narrow || input.is_wrapped_number() || input.device().kind() != self.kind {
            return Ok(input.clone());
        }
        let cast = || ops::to_dtype(input, self.dtype);
        if self.dtype != DType::Float32 && cache::keeps(input) { cache::of(input, self.dtype, cast) } else { cast() }
    }

    /// The same for an input that may be absent.
    pub(crate) fn optional(&self, input: Option<&Tensor>) -> Result<Option<Tensor>> {
        input.map(|input| self.of(input)).transpose()
    }

    /// The same for several inputs.
    pub(crate) fn list(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
        inputs.iter().map(|input| self.of(input)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    fn on() -> Mode {
        Mode::default().with(DeviceKind::Cpu, Some(DType::BFloat16)).unwrap()
    }

    fn ones(dtype: DType) -> Tensor {
        ops::full(&[2, 2], 1.0, dtype, Device::CPU).unwrap()
    }

    #[test]
    fn products_are_lowered_within_the_scope_of_this_thread() {
        let x = ones(DType::Float32);
        let before = set_mode(on());
        assert_eq!(ops::matmul(&x, &x).unwrap().dtype(), DType::BFloat16);
        assert_eq!(ops::add(&x, &x).unwrap().dtype(), DType::Float32);
        let half = ones(DType::BFloat16);
        assert_eq!(ops::mse_loss(&half, &half, crate::Reduction::Mean, None).unwrap().dtype(), DType::Float32);
        let wide = ones(DType::Float64);
        assert_eq!(ops::matmul(&wide, &wide).unwrap().dtype(), DType::Float64);
        let elsewhere = std::thread::spawn(|| mode() == Mode::default()).join().unwrap();
        assert!(elsewhere);
        {
            let _off = suspend();
            assert_eq!(ops::matmul(&x, &x).unwrap().dtype(), DType::Float32);
        }
        assert_eq!(set_mode(before), on());
        assert_eq!(ops::matmul(&x, &x).unwrap().dtype(), DType::Float32);
    }

    #[test]
    fn a_gradient_has_the_dtype_of_what_it_is_of() {
        let x = ones(DType::Float32);
        x.set_requires_grad(true).unwrap();
        let before = set_mode(on());
        let loss = ops::mse_loss(&ops::matmul(&x, &x).unwrap(), &ones(DType::Float32), crate::Reduction::Sum, None);
        crate::autograd::backward(&loss.unwrap(), None, false, false).unwrap();
        set_mode(before);
        assert_eq!(x.grad().unwrap().dtype(), DType::Float32);
    }

    #[test]
    fn only_half_precision_is_lower() {
        assert!(Mode::default().with(DeviceKind::Cpu, Some(DType::Float64)).is_err());
    }
}
