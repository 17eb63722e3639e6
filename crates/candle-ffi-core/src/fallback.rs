//! What an operation does that has no kernel on a device: the host computes it, which is right but slow, so it is told.
//!
//! `CANDLE_FFI_DEVICE_FALLBACK` is `warn` (the default), `silent` or `error`; [`set_policy`] is the same. The library never
//! prints: who wants to know sets a listener.

use crate::value::Value;
use crate::{DType, Device, Error, Result};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What is done about an operation without a kernel; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Policy {
    /// The host computes it.
    Silent = 0,
    /// The host computes it, and the listener is told once for each operation, dtype and device.
    Warn = 1,
    /// It fails.
    Error = 2,
}

/// An operation that the host has computed for a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fallback {
    /// What has no kernel.
    pub operation: String,
    /// For which dtype.
    pub dtype: DType,
    /// Where.
    pub device: Device,
}

/// Called on the thread of the operation, which fails when it fails.
pub type Listener = Arc<dyn Fn(&Fallback) -> Result<()> + Send + Sync>;

const UNREAD: i32 = -1;
static POLICY: AtomicI32 = AtomicI32::new(UNREAD);
static COUNT: AtomicU64 = AtomicU64::new(0);
static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);
static TOLD: Mutex<Option<HashSet<Fallback>>> = Mutex::new(None);

impl Policy {
    /// The policy of a number of the ABI.
    pub fn from_code(code: i32) -> Result<Self> {
        [Self::Silent, Self::Warn, Self::Error].into_iter().find(|policy| *policy as i32 == code).ok_or_else(|| {
            Error::argument(format!("there is no fallback policy {code}; there are 0 (silent), 1 (warn) and 2 (error)"))
        })
    }

    /// That of the environment variable; what it does not know is the default.
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("silent") => Self::Silent,
            Some("error") => Self::Error,
            _ => Self::Warn,
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, dtype, device } = self;
        write!(formatter, "{operation} has no kernel for {dtype} on {device}")
    }
}

/// What is done about an operation without a kernel.
pub fn policy() -> Policy {
    let code = POLICY.load(Ordering::Relaxed);
    Policy::from_code(code).unwrap_or_else(|_| {
        let policy = Policy::named(std::env::var("CANDLE_FFI_DEVICE_FALLBACK").ok().as_deref());
        set_policy(policy);
        policy
    })
}

/// Sets it for the whole process.
pub fn set_policy(policy: Policy) {
    POLICY.store(policy as i32, Ordering::Relaxed);
}

/// Sets who is told, or nobody. What has been told before is told anew.
pub fn set_listener(listener: Option<Listener>) {
    // The one before is dropped outside of the lock: that may call what its owner gave.
    let before = std::mem::replace(&mut *LISTENER.write().unwrap_or_else(PoisonError::into_inner), listener);
    drop(before);
    *TOLD.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// How many operations the host has computed for a device.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Says that the host is about to compute an operation, or fails where that is not wanted.
pub(crate) fn announce(operation: impl fmt::Display, values: &[&Value]) -> Result<()> {
    let policy = policy();
    if policy != Policy::Error {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
    if policy == Policy::Silent {
        return Ok(());
    }
    // A condition or an index does not say much.
    let dtype = values.iter().map(|value| value.dtype).reduce(|a, b| if a.is_float() { a } else { b });
    let device = values.iter().map(|value| value.device()).find(|device| !device.is_cpu());
    let fallback = Fallback {
        operation: snake_case(&operation.to_string()),
        dtype: dtype.unwrap_or(DType::Float32),
        device: device.unwrap_or(Device::CPU),
    };
    if policy == Policy::Error { Err(refusal(&fallback)) } else { tell(fallback) }
}

#[cold]
fn refusal(fallback: &Fallback) -> Error {
    let message = format!(
        "{fallback}, and CANDLE_FFI_DEVICE_FALLBACK=error does not let the host compute it; \
         warn or silent does, or use another dtype"
    );
    Error::unsupported(message, &[fallback.dtype], &[fallback.device])
}

fn tell(fallback: Fallback) -> Result<()> {
    let Some(listener) = LISTENER.read().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(()) };
    let told = || TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if !told().get_or_insert_default().insert(fallback.clone()) {
        return Ok(());
    }
    // No lock is held: the listener may compute.
    listener(&fallback).inspect_err(|_| {
        told().get_or_insert_default().remove(&fallback);
    })
}

/// `GeluTanh` as `gelu_tanh`: kernels are chosen by the variants of an enumeration.
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::compute::from_vec;

    /// One test, since the policy and the listener are those of the process. The device is the host itself.
    #[test]
    fn an_operation_is_told_once_for_each_dtype_or_refused() {
        let value = from_vec(vec![1.0f32], &[1], DType::Float32);
        let mask = from_vec(vec![1u8], &[1], DType::Bool);
        let wide = from_vec(vec![1.0f64], &[1], DType::Float64);
        let told = Arc::new(Mutex::new(Vec::new()));
        let before = count();

        set_policy(Policy::Warn);
        announce("GeluTanh", &[&value]).unwrap(); // nobody listens
        let hears = told.clone();
        set_listener(Some(Arc::new(move |fallback| {
            hears.lock().unwrap().push(fallback.to_string());
            Ok(())
        })));
        for _ in 0..2 {
            announce("GeluTanh", &[&value]).unwrap();
            announce(format_args!("{}_grad", "where"), &[&mask, &wide]).unwrap();
        }
        let expected = ["gelu_tanh has no kernel for float32 on cpu", "where_grad has no kernel for float64 on cpu"];
        assert_eq!(*told.lock().unwrap(), expected);
        assert_eq!(count() - before, 5);

        set_policy(Policy::Silent);
        announce("sort", &[&value]).unwrap();
        assert_eq!((told.lock().unwrap().len(), count() - before), (2, 6));

        set_policy(Policy::Error);
        let error = announce("sort", &[&value]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.message().contains("sort has no kernel for float32 on cpu"), "{error}");
        assert_eq!((error.dtypes(), error.devices()), (&[DType::Float32][..], &[Device::CPU][..]));
        assert_eq!(count() - before, 6);

        // A listener that fails makes the operation fail, each time.
        set_policy(Policy::Warn);
        set_listener(Some(Arc::new(|fallback| Err(Error::new(ErrorCode::Callback, fallback.to_string())))));
        for _ in 0..2 {
            assert_eq!(announce("sort", &[&value]).unwrap_err().code(), ErrorCode::Callback);
        }
        // What a listener holds may change the listener when it is dropped.
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                set_listener(None);
            }
        }
        let last = Last;
        set_listener(Some(Arc::new(move |_| {
            let _held = &last;
            Ok(())
        })));
        set_listener(None);
        announce("sort", &[&value]).unwrap();
    }

    #[test]
    fn policies_have_names_and_numbers() {
        let named = |name| Policy::named(Some(name));
        assert_eq!([named("silent"), named("error"), named("warn")], [Policy::Silent, Policy::Error, Policy::Warn]);
        assert_eq!([named("loud"), Policy::named(None)], [Policy::Warn; 2]);
        assert_eq!(Policy::from_code(2).unwrap(), Policy::Error);
        assert_eq!(Policy::from_code(3).unwrap_err().code(), ErrorCode::InvalidArgument);
    }
}
