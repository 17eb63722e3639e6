//! The tape through the public interface.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use candle_core::CpuStorage;
use candle_ffi_core::autograd::{GradMode, Hook, backward, grad};
use candle_ffi_core::{DType, Device, ErrorCode, Result, Tensor, ops};
use std::ops::Range;
use std::sync::{Arc, Mutex};

fn leaf(values: &[f64]) -> Tensor {
    let storage = CpuStorage::F64(values.to_vec());
    let tensor = Tensor::from_storage(storage, &[values.len()], DType::Float64, Device::CPU).unwrap();
    tensor.set_requires_grad(true).unwrap();
    tensor
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let look = |storage: &CpuStorage, at: Range<usize>| match storage {
        CpuStorage::F64(data) => Ok(data[at].to_vec()),
        _ => panic!("not float64"),
    };
    tensor.with_storage(look).unwrap()
}

fn sum(tensor: &Tensor) -> Tensor {
    ops::sum(tensor, None, false, None).unwrap()
}

#[test]
fn gradients_accumulate_and_are_not_shared_between_leaves() -> Result<()> {
    let (a, b) = (leaf(&[1.0, 2.0]), leaf(&[3.0, 4.0]));
    for _ in 0..2 {
        backward(&sum(&ops::add(&a, &b)?), None, false, false)?;
    }
    let (of_a, of_b) = (a.grad().unwrap(), b.grad().unwrap());
    assert_eq!(numbers(&of_a), [2.0, 2.0]);
    ops::zero_(&of_a)?;
    assert_eq!(numbers(&of_b), [2.0, 2.0]);
    Ok(())
}

#[test]
fn a_tensor_used_twice_gets_both_gradients() -> Result<()> {
    let x = leaf(&[3.0]);
    let square = ops::mul(&x, &x)?;
    backward(&sum(&ops::add(&square, &x)?), None, false, false)?;
    assert_eq!(numbers(&x.grad().unwrap()), [7.0]);
    Ok(())
}

#[test]
fn higher_orders_are_gradients_of_gradients() -> Result<()> {
    let x = leaf(&[2.0]);
    let cube = sum(&ops::mul(&ops::mul(&x, &x)?, &x)?);
    let first = grad(&[&cube], &[&x], &[], false, true, false)?.remove(0).unwrap();
    let second = grad(&[&sum(&first)], &[&x], &[], false, true, false)?.remove(0).unwrap();
    let third = grad(&[&sum(&second)], &[&x], &[], false, false, false)?.remove(0).unwrap();
    assert_eq!((numbers(&first), numbers(&second), numbers(&third)), (vec![12.0], vec![12.0], vec![6.0]));
    assert!(x.grad().is_none(), "grad leaves the leaves alone");
    Ok(())
}

#[test]
fn inner_results_are_inputs_too() -> Result<()> {
    let x = leaf(&[2.0]);
    let inner = ops::exp(&x)?;
    let outer = sum(&ops::square(&inner)?);
    let found = grad(&[&outer], &[&inner, &x], &[], false, false, false)?;
    let e = 2.0f64.exp();
    assert!((numbers(found[0].as_ref().unwrap())[0] - 2.0 * e).abs() < 1e-12);
    assert!((numbers(found[1].as_ref().unwrap())[0] - 2.0 * e * e).abs() < 1e-9);
    let unused = leaf(&[1.0]);
    let outer = sum(&ops::square(&x)?);
    assert_eq!(grad(&[&outer], &[&unused], &[], true, false, false).unwrap_err().code(), ErrorCode::Graph);
    assert!(grad(&[&outer], &[&unused], &[], false, false, true)?[0].is_none());
    Ok(())
}

#[test]
fn misuse_is_named() -> Result<()> {
    let x = leaf(&[1.0, 2.0]);
    let y = ops::exp(&x)?;
    assert_eq!(backward(&y, None, false, false).unwrap_err().code(), ErrorCode::Graph);
    let total = sum(&y);
    backward(&total, None, false, false)?;
    assert_eq!(backward(&total, None, false, false).unwrap_err().code(), ErrorCode::Graph);
    let untracked = {
        let _mode = GradMode::new(false);
        ops::exp(&x)?
    };
    assert_eq!(backward(&sum(&untracked), None, false, false).unwrap_err().code(), ErrorCode::Graph);
    Ok(())
}

#[test]
fn values_changed_after_they_were_saved_are_refused() -> Result<()> {
    let x = leaf(&[1.0, 2.0]);
    let y = ops::exp(&x)?;
    let total = sum(&y);
    {
        let _mode = GradMode::new(false);
        ops::zero_(&y)?;
    }
    assert_eq!(backward(&total, None, false, false).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    // A value that no rule needs may change.
    let y = ops::add(&x, &x)?;
    ops::mul_(&y, &ops::full(&[], 3.0, DType::Float64, Device::CPU)?)?;
    backward(&sum(&y), None, false, false)?;
    assert_eq!(numbers(&x.grad().unwrap()), [6.0, 6.0]);
    Ok(())
}

#[test]
fn views_of_what_joined_a_graph_in_place_are_refused() -> Result<()> {
    let weight = leaf(&[3.0, 4.0]);
    let base = ops::zeros(&[2], DType::Float64, Device::CPU)?;
    let view = ops::narrow(&base, 0, 0, 1)?;
    ops::add_(&base, &weight)?;
    assert_eq!(ops::exp(&view).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    assert_eq!(ops::add_(&ops::narrow(&base, 0, 0, 1)?, &weight).unwrap_err().code(), ErrorCode::Shape);
    let row = ops::narrow(&base, 0, 0, 2)?;
    assert_eq!(ops::add_(&row, &weight).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    Ok(())
}

#[test]
fn a_chain_of_a_million_fits_a_small_stack() {
    let work = || -> Result<()> {
        let one = ops::full(&[1], 1.0, DType::Float64, Device::CPU)?;
        let x = leaf(&[0.0]);
        let mut y = x.clone();
        for _ in 0..1_000_000 {
            y = ops::add(&y, &one)?;
        }
        backward(&y, None, true, false)?;
        assert_eq!(numbers(&x.grad().unwrap()), [1.0]);
        drop(y);
        Ok(())
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap().unwrap();
}

#[test]
fn modes_belong_to_their_thread() -> Result<()> {
    let _mode = GradMode::new(false);
    let x = leaf(&[1.0]);
    assert!(!ops::exp(&x)?.requires_grad());
    let elsewhere = x.clone();
    let recorded = std::thread::spawn(move || ops::exp(&elsewhere).map(|y| y.requires_grad())).join().unwrap()?;
    assert!(recorded);
    Ok(())
}

#[test]
fn an_old_view_is_refused_as_the_start_of_a_walk() -> Result<()> {
    let x = leaf(&[1.0, 2.0]);
    let y = ops::add(&x, &x)?;
    let view = ops::narrow(&y, 0, 0, 1)?;
    ops::mul_(&y, &ops::full(&[], 3.0, DType::Float64, Device::CPU)?)?;
    assert_eq!(backward(&view, None, true, false).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    assert_eq!(grad(&[&view], &[&x], &[], true, false, false).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    Ok(())
}

#[test]
fn an_output_changed_after_its_gradient_was_recorded_is_refused() -> Result<()> {
    let x = leaf(&[0.0]);
    let y = ops::exp(&x)?;
    let weight = leaf(&[1.0]);
    let first = grad(&[&y], &[&x], &[Some(&weight)], false, true, false)?.remove(0).unwrap();
    {
        let _mode = GradMode::new(false);
        ops::fill_(&y, 100.0)?;
    }
    let failed = grad(&[&sum(&first)], &[&weight], &[], false, false, false).unwrap_err();
    assert_eq!(failed.code(), ErrorCode::ModifiedInPlace);
    Ok(())
}

#[test]
fn gradients_are_not_shared_under_create_graph_either() -> Result<()> {
    let (x, y) = (leaf(&[1.0, 1.0]), leaf(&[1.0, 1.0]));
    let seed = ops::ones(&[2], DType::Float64, Device::CPU)?;
    backward(&ops::add(&x, &y)?, Some(&seed), false, true)?;
    let _mode = GradMode::new(false);
    ops::zero_(&x.grad().unwrap())?;
    assert_eq!(numbers(&y.grad().unwrap()), [1.0, 1.0]);
    assert_eq!(numbers(&seed), [1.0, 1.0]);
    Ok(())
}

#[test]
fn a_leaf_that_no_longer_wants_a_gradient_gets_none_and_one_that_does_adds_up_in_place() -> Result<()> {
    let x = leaf(&[1.0]);
    let total = sum(&ops::add(&x, &x)?);
    x.set_requires_grad(false)?;
    backward(&total, None, true, false)?;
    assert!(x.grad().is_none());
    x.set_requires_grad(true)?;
    backward(&total, None, true, false)?;
    let held = x.grad().unwrap();
    backward(&total, None, false, false)?;
    assert_eq!(numbers(&held), [4.0]);
    Ok(())
}

#[test]
fn empty_parts_of_a_join_get_empty_gradients() -> Result<()> {
    let (none, some) = (leaf(&[]), leaf(&[1.0]));
    backward(&sum(&ops::cat(&[&none, &some], 0)?), None, false, false)?;
    assert_eq!((none.grad().unwrap().dims(), numbers(&some.grad().unwrap())), (vec![0], vec![1.0]));
    Ok(())
}

#[test]
fn a_view_made_under_no_grad_cannot_change_a_result_unseen() -> Result<()> {
    let y = ops::exp(&leaf(&[0.0, 0.0]))?;
    let view = {
        let _mode = GradMode::new(false);
        ops::narrow(&y, 0, 0, 1)?
    };
    assert_eq!(ops::zero_(&view).unwrap_err().code(), ErrorCode::ModifiedInPlace);
    let _mode = GradMode::new(false);
    ops::zero_(&view)
}

#[test]
fn hooks_see_whole_gradients_and_may_replace_them() {
    let x = leaf(&[1.0, 2.0]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = |seen: &Arc<Mutex<Vec<Vec<f64>>>>| -> Hook {
        let seen = seen.clone();
        Box::new(move |grad| {
            seen.lock().unwrap().push(numbers(grad));
            Ok(None)
        })
    };
    let twice: Hook = Box::new(|grad| ops::add(grad, grad).map(Some));
    let id = x.register_hook(record(&seen)).unwrap();
    let y = ops::mul(&x, &x).unwrap();
    y.register_hook(twice).unwrap();
    // Two users of `y` and two of `x`: each hook is called once, with the sum.
    let loss = sum(&ops::add(&y, &y).unwrap());
    backward(&loss, None, true, false).unwrap();
    assert_eq!(*seen.lock().unwrap(), [[8.0, 16.0]]);
    assert_eq!(numbers(&x.grad().unwrap()), [8.0, 16.0]);
    assert!(x.remove_hook(id) && !x.remove_hook(id));
    backward(&loss, None, false, false).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);

    let wrong: Hook = Box::new(|_| Ok(Some(leaf(&[1.0]))));
    x.register_hook(wrong).unwrap();
    let loss = sum(&x);
    assert_eq!(backward(&loss, None, false, false).unwrap_err().code(), ErrorCode::Shape);
    assert!(ops::detach(&x).unwrap().register_hook(Box::new(|_| Ok(None))).is_err());
}
