//! Weights that have been cast: within a scope each is cast once, however often it is used.
//!
//! The rules are PyTorch's: what is kept is the cast of a leaf of `float32` that requires a gradient and is no view, to the
//! lower dtype, on this thread, until [`clear_cache`] is called: when the outermost scope ends. Gradients of all uses meet at the one cast. A weight that
//! has been changed in place since is cast anew, and so is one that was cast without a record of it and is now used with one.

use crate::tensor::Inner;
use crate::{DType, Result, Tensor, autograd};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Weak;

/// A weight and its cast.
struct Entry {
    /// Keeps the address from being used again.
    leaf: Weak<Inner>,
    version: u32,
    cast: Tensor,
}

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
    /// By the address of the leaf.
    static KEPT: RefCell<HashMap<(usize, DType), Entry>> = RefCell::default();
}

/// Whether casts of weights are kept on this thread.
pub fn is_cache_enabled() -> bool {
    ENABLED.get()
}

/// Sets it and returns what it was. Without it nothing that was kept is used.
pub fn set_cache_enabled(enabled: bool) -> bool {
    ENABLED.replace(enabled)
}

/// Drops the casts that this thread has kept.
pub fn clear_cache() {
    // Dropped when the list is free again: with a graph may end what others have given.
    let dropped = KEPT.take();
    drop(dropped);
}

/// Whether the cast of a tensor to the lower dtype is kept.
pub(super) fn keeps(input: &Tensor) -> bool {
    ENABLED.get() && input.dtype() == DType::Float32 && input.requires_grad() && input.is_leaf() && !input.is_view()
}

/// The cast of a weight, made by `cast` where there is none that is right.
pub(super) fn of(input: &Tensor, dtype: DType, cast: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    let leaf = input.downgrade();
    let (key, version) = ((leaf.as_ptr().addr(), dtype), input.version());
    let known = KEPT.with_borrow(|kept| {
        let entry = kept.get(&key).filter(|entry| entry.version == version && entry.leaf.ptr_eq(&leaf))?;
        (entry.cast.requires_grad() || !autograd::is_enabled()).then(|| entry.cast.clone())
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let made = cast()?;
    let before = KEPT.with_borrow_mut(|kept| kept.insert(key, Entry { leaf, version, cast: made.clone() }));
    drop(before);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autocast::{Mode, set_mode};
    use crate::{Device, DeviceKind, ops};

    fn scope() -> Mode {
        Mode::default().with(DeviceKind::Cpu, Some(DType::BFloat16)).unwrap()
    }

    fn weight() -> Tensor {
        let weight = ops::full(&[2, 2], 1.5, DType::Float32, Device::CPU).unwrap();
        weight.set_requires_grad(true).unwrap();
        weight
    }

    fn kept() -> usize {
        KEPT.with_borrow(HashMap::len)
    }

    fn sum(x: &Tensor) -> Tensor {
        ops::sum(x, None, false, None).unwrap()
    }

    #[test]
    fn a_weight_is_cast_once_and_its_gradients_add_up() {
        let (weight, x) = (weight(), ops::full(&[2, 2], 1.0, DType::Float32, Device::CPU).unwrap());
        let before = set_mode(scope());
        let (first, second) = (ops::matmul(&x, &weight).unwrap(), ops::matmul(&weight, &x).unwrap());
        assert_eq!(kept(), 1);
        // Two walks through one cast, neither of which retains its graph.
        autograd::backward(&sum(&first), None, false, false).unwrap();
        autograd::backward(&sum(&second), None, false, false).unwrap();
        let gradient = weight.grad().unwrap();
        assert_eq!(gradient.dtype(), DType::Float32);
        assert_eq!(gradient.value().array.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [4.0; 4]);
        set_mode(before);
        clear_cache();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn what_is_no_weight_or_has_changed_is_cast_anew() {
        let weight = weight();
        let before = set_mode(scope());
        let product = |weight: &Tensor| {
            let product = ops::matmul(weight, weight).unwrap();
            ops::to_dtype(&product, DType::Float32)
                .unwrap()
                .value()
                .array
                .flatten_all()
                .unwrap()
                .to_vec1::<f32>()
                .unwrap()[0]
        };
        assert_eq!(product(&ops::detach(&weight).unwrap()), 4.5);
        assert_eq!(product(&ops::mul(&weight, &weight).unwrap()), 10.125);
        assert_eq!(kept(), 0);
        assert_eq!(product(&weight), 4.5);
        {
            let _off = autograd::GradMode::new(false);
            ops::add_(&weight, &ops::full(&[2, 2], 0.5, DType::Float32, Device::CPU).unwrap()).unwrap();
        }
        assert_eq!((product(&weight), kept()), (8.0, 1));
        set_cache_enabled(false);
        clear_cache();
        assert_eq!((product(&weight), kept()), (8.0, 0));
        set_cache_enabled(true);
        // Cast without a record, then used with one.
        {
            let _off = autograd::GradMode::new(false);
            product(&weight);
        }
        assert_eq!(kept(), 1);
        autograd::backward(&sum(&ops::matmul(&weight, &weight).unwrap()), None, false, false).unwrap();
        assert!(weight.grad().is_some());
        set_mode(before);
    }

    #[test]
    fn it_is_the_threads_own() {
        let weight = weight();
        let before = set_mode(scope());
        ops::matmul(&weight, &weight).unwrap();
        assert_eq!((kept(), std::thread::spawn(kept).join().unwrap()), (1, 0));
        set_mode(before);
    }
}
