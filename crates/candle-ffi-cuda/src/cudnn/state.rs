//! What is kept for each device: its handle and the plans for problems that it has met.

use super::library::{Handle, Library};
use super::plan::{Outcome, Places, Plan, Session};
use super::problem::Problem;
use crate::capture;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::CUstream;
use candle_core::{CudaDevice, Result, bail};
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// So many plans are kept; a program whose sizes never repeat does not fill the memory with them.
const MOST_PLANS: usize = 4096;

/// cuDNN on one device. A handle may be used by one thread at a time.
enum State {
    Unopened,
    Open(Open),
    /// It did not start, or stopped working.
    Unusable,
}

/// The handle lives as long as the process: when that ends CUDA may be gone before it.
struct Open {
    handle: Handle,
    stream: CUstream,
    plans: HashMap<Problem, Plan>,
}

// SAFETY: handles and descriptions may go from one thread to another, if only one uses them at a time; a mutex sees to it.
unsafe impl Send for Open {}

static DEVICES: LazyLock<Mutex<HashMap<usize, Arc<Mutex<State>>>>> = LazyLock::new(Mutex::default);
/// Whether it has worked on some device.
static WORKS: AtomicBool = AtomicBool::new(false);
static FAILURE: Mutex<Option<String>> = Mutex::new(None);

/// Why cuDNN, which is there, works on no device; None before it was tried.
pub(super) fn failure() -> Option<String> {
    if WORKS.load(Ordering::Relaxed) { None } else { locked(&FAILURE).clone() }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a product on the device's stream; false where cuDNN does not do it.
///
/// # Safety
///
/// Contiguous tensors of the problem's sizes are at these places, and nobody else has a claim on the one that is written.
pub(super) unsafe fn run(
    library: &'static Library,
    device: &CudaDevice,
    problem: &Problem,
    places: Places,
) -> Result<bool> {
    // Before the handle is taken, which whoever captures needs.
    let _pass = capture::enter(device)?;
    let stream = device.cuda_stream();
    stream.context().bind_to_thread().w()?;
    let ordinal = stream.context().ordinal();
    let state = Arc::clone(locked(&DEVICES).entry(ordinal).or_insert_with(|| Arc::new(Mutex::new(State::Unopened))));
    let mut state = locked(&state);
    if let State::Unopened = *state {
        if capture::is_captured(device) {
            // Starting takes memory and waits, which may not be captured.
            return Ok(false);
        }
        *state = open(library, ordinal);
    }
    let State::Open(open) = &mut *state else { return Ok(false) };
    // SAFETY: the caller's word.
    let outcome = unsafe { open.run(library, device, problem, places) }?;
    match outcome {
        Outcome::Done => {
            WORKS.store(true, Ordering::Relaxed);
            Ok(true)
        }
        Outcome::Refused | Outcome::NotNow => Ok(false),
        Outcome::Unusable(status) => {
            fail(library, ordinal, &library.explain(status));
            *state = State::Unusable;
            Ok(false)
        }
        Outcome::Failed(status) => {
            bail!("cuDNN {} failed on cuda:{ordinal}: {}", library.spelled(), library.explain(status))
        }
    }
}

/// Starts cuDNN on the device whose context is current.
fn open(library: &Library, ordinal: usize) -> State {
    let mut handle = null_mut();
    // SAFETY: it writes one handle.
    match unsafe { (library.create)(&raw mut handle) }.into() {
        Outcome::Done => State::Open(Open { handle, stream: null_mut(), plans: HashMap::new() }),
        Outcome::NotNow => State::Unopened,
        Outcome::Refused => {
            fail(library, ordinal, "it does not support the GPU or its driver");
            State::Unusable
        }
        Outcome::Unusable(status) | Outcome::Failed(status) => {
            fail(library, ordinal, &library.explain(status));
            State::Unusable
        }
    }
}

fn fail(library: &Library, ordinal: usize, why: &str) {
    *locked(&FAILURE) = Some(format!("cuDNN {} does not work on cuda:{ordinal} ({why})", library.spelled()));
}

impl Open {
    /// # Safety
    ///
    /// As for [`run`].
    unsafe fn run(
        &mut self,
        library: &'static Library,
        device: &CudaDevice,
        problem: &Problem,
        places: Places,
    ) -> Result<Outcome> {
        let stream = device.cuda_stream().cu_stream();
        if self.stream != stream {
            // SAFETY: the device's handle, and a stream of it that lives as long as the device.
            match unsafe { (library.set_stream)(self.handle, stream) }.into() {
                Outcome::Done => self.stream = stream,
                outcome => return Ok(outcome),
            }
        }
        let session = Session { library, handle: self.handle, device };
        let mut problem = *problem;
        if problem.benchmark && !self.plans.contains_key(&problem) && capture::is_captured(device) {
            // What is captured cannot be measured.
            problem.benchmark = false;
        }
        if !self.plans.contains_key(&problem) {
            // SAFETY: the caller's word.
            let (plan, outcome) = unsafe { Plan::new(&session, &problem, places) }?;
            match outcome {
                Outcome::Done | Outcome::Refused => {}
                outcome => return Ok(outcome),
            }
            if self.plans.len() >= MOST_PLANS {
                self.plans.clear();
            }
            self.plans.insert(problem, plan);
        }
        let Some(plan) = self.plans.get_mut(&problem) else { return Ok(Outcome::Refused) };
        // SAFETY: the caller's word.
        unsafe { plan.run(&session, &problem, places) }
    }
}
