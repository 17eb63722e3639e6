use super::*;
use crate::generator::CandleGenerator;
use crate::tensor_map::CandleTensorMap;
use candle_ffi_core::Generator;

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

fn generator() -> *mut CandleGenerator {
    into_handle(Generator::new(1))
}

#[test]
fn borrows_exclude_each_other_as_they_should() {
    let handle = generator();
    // SAFETY: the handle lives until the end of the test.
    unsafe {
        let first = borrow(handle, "first").unwrap();
        let second = borrow(handle, "second").unwrap();
        assert_eq!(code(borrow_mut(handle, "third")), Some(ErrorCode::Busy));
        drop((first, second));
        let alone = borrow_mut(handle, "alone").unwrap();
        assert_eq!(code(borrow(handle, "other")), Some(ErrorCode::Busy));
        assert_eq!(alone.beside(handle, "same").unwrap().initial_seed(), 1);
        drop(alone);
        assert!(borrow_mut(handle, "again").is_ok());
        free(handle);
    }
}

#[test]
fn what_is_no_handle_of_the_kind_is_told() {
    let handle = generator();
    // SAFETY: the handle lives until the end of the test.
    unsafe {
        assert_eq!(code(borrow::<CandleGenerator>(ptr::null(), "x")), Some(ErrorCode::NullPointer));
        assert_eq!(code(borrow::<CandleTensorMap>(handle.cast(), "x")), Some(ErrorCode::InvalidHandle));
        free::<CandleTensorMap>(handle.cast());
        assert!(borrow(handle, "x").is_ok());
        free(handle);
    }
}

#[test]
fn a_handle_freed_in_use_is_dropped_by_its_last_user() {
    struct Watched;
    impl Opaque for Watched {
        type Value = std::sync::Arc<()>;
        const KIND: Kind = Kind::Optimizer;
    }
    let value = std::sync::Arc::new(());
    let handle = into_handle::<Watched>(value.clone());
    // SAFETY: the handle is not used after its last borrow has ended.
    unsafe {
        let (first, second) = (borrow(handle, "x").unwrap(), borrow(handle, "x").unwrap());
        free(handle);
        assert_eq!(code(borrow(handle, "x")), Some(ErrorCode::Busy));
        drop(first);
        assert_eq!(std::sync::Arc::strong_count(&value), 2);
        drop(second);
    }
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}
