//! The thread policy: how many threads, and for how much work.
//!
//! Work below its grain runs in the calling thread without a look at the pool. Above it, the caller and helpers from
//! rayon's global pool take chunks from a common counter. The caller never waits for a helper that has not begun, so
//! a slow wake-up costs nothing but its help, and nested use cannot deadlock. Chunk borders depend on nothing that a
//! result depends on: kernels that combine partial results use borders of their own.

use crate::profile;
use std::any::Any;
use std::error::Error as _;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// The grain for an operation that costs about as much as reading its memory.
pub(crate) const GRAIN_MEMORY: usize = 64 * 1024;
/// The grain for an operation of some ten instructions per element.
pub(crate) const GRAIN_MATH: usize = 16 * 1024;

/// The most threads that may be asked for.
pub const MAX_THREADS: usize = 256;

static REQUESTED: AtomicUsize = AtomicUsize::new(0);
/// Set where there is no pool to ask for help: in a forked child, and where its threads could not be made.
static ALONE: AtomicBool = AtomicBool::new(false);

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn default_threads() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    *DEFAULT.get_or_init(|| {
        let from = |name: &str| std::env::var(name).ok()?.trim().parse::<usize>().ok().filter(|n| *n > 0);
        from("CANDLE_FFI_NUM_THREADS").or_else(|| from("RAYON_NUM_THREADS")).unwrap_or_else(processors).min(MAX_THREADS)
    })
}

/// The number of threads that a large operation uses. It is 1 where there is no pool: in a forked child, and after the
/// system has refused to make the threads.
pub fn num_threads() -> usize {
    if ALONE.load(Ordering::Relaxed) {
        return 1;
    }
    match REQUESTED.load(Ordering::Relaxed) {
        0 => default_threads(),
        n => n,
    }
}

/// Sets the number of threads; 0 returns to the default (`CANDLE_FFI_NUM_THREADS`, else `RAYON_NUM_THREADS`, else the
/// number of processors). More than [`MAX_THREADS`], here or in the environment, count as that many. The pool is made by
/// the first large operation, so a later larger number may find fewer.
pub fn set_num_threads(n: usize) {
    REQUESTED.store(n.min(MAX_THREADS), Ordering::Relaxed);
}

#[cfg(unix)]
extern "C" fn in_forked_child() {
    ALONE.store(true, Ordering::Relaxed);
}

/// Makes the pool, once. Where that fails, [`num_threads`] is 1 from then on.
fn start_pool() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // SAFETY: the handler only stores to an atomic, which is allowed in a child after fork.
        #[cfg(unix)]
        unsafe {
            libc::pthread_atfork(None, None, Some(in_forked_child));
        }
        let built = rayon::ThreadPoolBuilder::new()
            .num_threads(num_threads().max(processors()).min(MAX_THREADS))
            .thread_name(|i| format!("candle-ffi-{i}"))
            .build_global();
        // An error with a cause comes from the system. One without says that rayon's pool was asked for before: that one
        // serves, unless it could not be made either, and then every look at it panics.
        if built.is_err_and(|error| error.source().is_some() || catch_unwind(rayon::current_num_threads).is_err()) {
            ALONE.store(true, Ordering::Relaxed);
        }
    });
}

/// One parallel loop, shared with its helpers.
struct Job {
    /// The loop body, which lives in the caller's frame: only touched between `enter` and `leave`.
    body: *const (dyn Fn(usize) + Sync),
    tasks: usize,
    next: AtomicUsize,
    /// Twice the number of helpers inside, plus 1 once the caller has closed the job.
    state: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `body` points to a `Sync` closure, and `enter` refuses once the caller may have left its frame.
unsafe impl Send for Job {}
// SAFETY: as above.
unsafe impl Sync for Job {}

impl Job {
    fn enter(&self) -> bool {
        self.state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| (state & 1 == 0).then_some(state + 2))
            .is_ok()
    }

    fn leave(&self) {
        self.state.fetch_sub(2, Ordering::Release);
    }

    /// Takes tasks until none is left. A panic is kept for the caller, and ends the loop for everybody.
    fn work(&self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the caller is inside `run_tasks`, as this thread is the caller or has entered.
            let body = unsafe { &*self.body };
            loop {
                let task = self.next.fetch_add(1, Ordering::Relaxed);
                if task >= self.tasks {
                    break;
                }
                body(task);
            }
        }));
        if let Err(payload) = outcome {
            self.next.store(self.tasks, Ordering::Relaxed);
            *self.panic.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(payload);
        }
    }

    fn close_and_wait(&self) {
        self.state.fetch_or(1, Ordering::Relaxed);
        let mut spins = 0u32;
        while self.state.load(Ordering::Acquire) != 1 {
            spins += 1;
            if spins < 20_000 {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Runs `body(0) … body(tasks - 1)`, each once, on at most [`num_threads`] threads.
pub(crate) fn run_tasks(tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    if num_threads().min(tasks) > 1 {
        start_pool();
    }
    let helpers = num_threads().min(tasks).saturating_sub(1);
    if helpers == 0 {
        (0..tasks).for_each(body);
        return;
    }
    // SAFETY: only the lifetime is changed; `close_and_wait` keeps every use inside this call.
    let body: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(body) };
    let job =
        Arc::new(Job { body, tasks, next: AtomicUsize::new(0), state: AtomicUsize::new(0), panic: Mutex::new(None) });
    let kernel = profile::current_kernel();
    for _ in 0..helpers {
        let job = Arc::clone(&job);
        rayon::spawn(move || {
            if job.enter() {
                let span = profile::worker(kernel);
                job.work();
                drop(span);
                job.leave();
            }
        });
    }
    job.work();
    job.close_and_wait();
    let payload = job.panic.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(payload) = payload {
        resume_unwind(payload);
    }
}

/// The length of a chunk: whole cache lines, at least a grain, a few per thread to even out the load.
fn chunk_length(len: usize, grain: usize) -> usize {
    let threads = num_threads();
    if threads == 1 || len <= grain.max(1) {
        return len.max(1);
    }
    let pieces = (len / grain.max(1)).clamp(1, threads * 4);
    let exact = len.div_ceil(pieces);
    if exact >= 1024 { exact.next_multiple_of(64) } else { exact }
}

/// Calls `f` with ranges that cover `0..len`, in several threads when `len` is above `grain`.
pub fn for_each_range(len: usize, grain: usize, f: impl Fn(Range<usize>) + Sync) {
    let chunk = chunk_length(len, grain);
    if len <= chunk {
        if len > 0 {
            f(0..len);
        }
        return;
    }
    run_tasks(len.div_ceil(chunk), &|task| f(task * chunk..((task + 1) * chunk).min(len)));
}

/// A pointer that may be shared by threads which touch disjoint parts behind it.
pub(crate) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<T> {}
// SAFETY: each use carves disjoint slices out of one exclusive borrow.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(data: &mut [T]) -> Self {
        Shared(data.as_mut_ptr())
    }

    /// The start of the slice given to `new`.
    pub(crate) fn pointer(&self) -> *mut T {
        self.0
    }

    /// # Safety
    /// The range lies in the slice given to `new`, that borrow is still alive, and no other thread touches the range.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        // SAFETY: promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

/// Calls `f(start, part)` for parts of `data` whose lengths are multiples of `unit` (the last may be shorter).
pub(crate) fn for_each_part<T: Send>(data: &mut [T], unit: usize, grain: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let (len, unit) = (data.len(), unit.max(1));
    let units = len.div_ceil(unit);
    let shared = Shared::new(data);
    for_each_range(units, grain.div_ceil(unit), |range| {
        let range = range.start * unit..(range.end * unit).min(len);
        // SAFETY: ranges of different tasks are disjoint and `data` is borrowed for the whole call.
        f(range.start, unsafe { shared.slice(range.clone()) });
    });
}

/// Calls `f(start, part)` for consecutive parts of `chunk` elements (the last may be shorter), in parallel.
pub fn for_each_chunk<T: Send>(data: &mut [T], chunk: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let (len, chunk) = (data.len(), chunk.max(1));
    let shared = Shared::new(data);
    run_tasks(len.div_ceil(chunk), &|task| {
        let range = task * chunk..((task + 1) * chunk).min(len);
        // SAFETY: chunks are disjoint and `data` is borrowed for the whole call.
        f(range.start, unsafe { shared.slice(range.clone()) });
    });
}

/// A fresh vector of `len` elements, filled by `f(start, part)` in parallel in parts of whole `unit`s.
///
/// # Safety
/// `f` writes every element of each part.
pub(crate) unsafe fn build_units<T: Copy + Send>(
    len: usize,
    unit: usize,
    grain: usize,
    f: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Vec<T> {
    let mut result = Vec::with_capacity(len);
    for_each_part(&mut result.spare_capacity_mut()[..len], unit, grain, f);
    // SAFETY: every element has been written.
    unsafe { result.set_len(len) };
    result
}

/// A fresh vector of `len` elements, filled by `f(start, part)` in parallel.
///
/// # Safety
/// `f` writes every element of each part.
pub unsafe fn build<T: Copy + Send>(
    len: usize,
    grain: usize,
    f: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Vec<T> {
    // SAFETY: the same promise.
    unsafe { build_units(len, 1, grain, f) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_visited_once() {
        for len in [0, 1, 63, 64, 65, 1000, 100_003] {
            let mut data = vec![0u32; len];
            for_each_part(&mut data, 1, 100, |start, part| {
                for (i, x) in part.iter_mut().enumerate() {
                    *x += (start + i) as u32 + 1;
                }
            });
            assert!(data.iter().enumerate().all(|(i, x)| *x == i as u32 + 1));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_spoils_nothing() {
        for _ in 0..3 {
            let outcome = catch_unwind(|| {
                for_each_range(1000, 1, |range| assert!(!range.contains(&700), "as asked"));
            });
            assert!(outcome.is_err());
            let sum = AtomicUsize::new(0);
            for_each_range(1000, 1, |range| {
                sum.fetch_add(range.sum::<usize>(), Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 499_500);
        }
    }

    #[test]
    fn the_number_of_threads_has_a_limit() {
        set_num_threads(1 << 62);
        let threads = num_threads();
        let sum = AtomicUsize::new(0);
        for_each_range(1000, 1, |range| {
            sum.fetch_add(range.sum::<usize>(), Ordering::Relaxed);
        });
        set_num_threads(0);
        assert!(threads <= MAX_THREADS);
        assert_eq!(sum.into_inner(), 499_500);
    }

    #[test]
    fn loops_nest() {
        let count = AtomicUsize::new(0);
        for_each_range(64, 1, |outer| {
            for _ in outer {
                for_each_range(64, 1, |inner| {
                    count.fetch_add(inner.len(), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(count.into_inner(), 4096);
    }

    #[cfg(unix)]
    #[test]
    fn a_forked_child_computes() {
        let sum = || {
            let total = AtomicUsize::new(0);
            for_each_range(100_000, 1, |range| {
                total.fetch_add(range.sum::<usize>(), Ordering::Relaxed);
            });
            total.into_inner()
        };
        let expected = sum();
        // SAFETY: the child computes and leaves with `_exit`, without a lock or an allocation of another thread.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::alarm(20);
                libc::_exit(i32::from(sum() != expected));
            }
            let mut status = 0;
            libc::waitpid(child, &mut status, 0);
            status
        };
        assert_eq!(status, 0);
    }
}
