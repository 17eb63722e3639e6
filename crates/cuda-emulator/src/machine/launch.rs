//! A launch: blocks handed to host threads.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::block::{Bank, Line};
use super::fault::Fault;
use super::globals::Globals;
use super::memory::Memory;
use super::order::Order;
use super::warp::Machine;
use crate::ptx::{Code, Function};

/// After this time on the calling thread alone, others help.
const ALONE: Duration = Duration::from_micros(300);

/// Everything that the blocks of a launch have in common.
pub(super) struct Launch<'a> {
    pub(super) function: &'a Function,
    pub(super) code: &'a Code,
    pub(super) grid: [u32; 3],
    pub(super) block: [u32; 3],
    pub(super) dynamic_shared: u32,
    pub(super) shared_bytes: usize,
    pub(super) parameters: Vec<u64>,
    pub(super) parameter_bytes: usize,
    /// When it has to have ended.
    pub(super) end: Instant,
    pub(super) order: Order,
    /// Who touched which memory of the device, where races between blocks are looked for.
    pub(super) globals: Option<Globals>,
}

impl Launch<'_> {
    pub(super) fn threads(&self) -> usize {
        self.block.iter().map(|&n| n as usize).product()
    }

    pub(super) fn warps(&self) -> usize {
        self.threads().div_ceil(32)
    }

    /// A thread's index in its block, from its number.
    pub(super) fn thread(&self, number: u32) -> [u32; 3] {
        let [x, y, _] = self.block;
        [number % x, number / x % y, number / (x * y)]
    }

    fn blocks(&self) -> u64 {
        self.grid.iter().map(|&n| u64::from(n)).product()
    }

    pub(super) fn block_index(&self, number: u64) -> [u32; 3] {
        let [x, y, _] = self.grid.map(u64::from);
        [number % x, number / x % y, number / (x * y)].map(|n| n as u32)
    }
}

/// Runs a kernel to its end. The parameters' bytes are laid out as the function says.
pub fn launch(
    function: &Function,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic_shared: u32,
    parameters: &[u8],
    memory: &dyn Memory,
) -> Result<(), Fault> {
    let refuse = |line: u32, text: &str, message: String| Fault {
        kernel: function.name.clone(),
        block: [0; 3],
        thread: [0; 3],
        line,
        text: text.into(),
        address: None,
        size: 0,
        message,
    };
    let code = match &function.code {
        Ok(code) => code,
        Err(error) => return Err(refuse(error.line, &error.text, error.message.clone())),
    };
    let threads: u64 = block.iter().map(|&n| u64::from(n)).product();
    if threads == 0 || threads > function.max_threads as u64 || grid.contains(&0) {
        let message = format!("a grid of {grid:?} blocks of {block:?} threads cannot be launched");
        return Err(refuse(0, "", message));
    }
    if parameters.len() < function.parameter_bytes {
        let (given, needed) = (parameters.len(), function.parameter_bytes);
        return Err(refuse(0, "", format!("{given} bytes of parameters were given, and it takes {needed}")));
    }
    let aligned = parameters.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    // Memory of a size that the launch says lies behind the rest.
    let shared_bytes = match dynamic_shared {
        0 => code.shared_bytes,
        size => code.shared_bytes.next_multiple_of(16) + size as usize,
    };
    let launch = Launch {
        function,
        code,
        grid,
        block,
        dynamic_shared,
        shared_bytes,
        parameters: aligned.collect(),
        parameter_bytes: parameters.len(),
        end: Instant::now() + longest(),
        order: Order::wanted(),
        globals: Globals::wanted(grid.iter().map(|&n| u64::from(n)).product()),
    };
    run(&launch, memory)
}

/// How long a launch may take, as the watchdog of a device that has a screen: `CUDA_EMULATOR_TIMEOUT` in seconds, or ten minutes.
fn longest() -> Duration {
    static LONGEST: OnceLock<Duration> = OnceLock::new();
    *LONGEST.get_or_init(|| {
        let seconds = std::env::var("CUDA_EMULATOR_TIMEOUT").ok().and_then(|text| text.parse().ok());
        Duration::from_secs(seconds.unwrap_or(600))
    })
}

fn run(launch: &Launch<'_>, memory: &dyn Memory) -> Result<(), Fault> {
    let blocks = launch.blocks();
    let next = AtomicU64::new(0);
    // The fault of the first block that has one.
    let fault: Mutex<Option<(u64, Fault)>> = Mutex::new(None);
    let work = |began: Option<Instant>| -> bool {
        with_bank(launch, |bank| {
            let mut machine = Machine::new(launch, memory, bank);
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= blocks {
                    return true;
                }
                if let Err(found) = machine.run_block(launch.order.at(number, blocks)) {
                    next.store(blocks, Relaxed);
                    let mut first = fault.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                        *first = Some((number, found));
                    }
                    return true;
                }
                if began.is_some_and(|began| next.load(Relaxed) + 1 < blocks && began.elapsed() > ALONE) {
                    return false;
                }
            }
        })
    };
    if !work(Some(Instant::now())) {
        let left = blocks.saturating_sub(next.load(Relaxed));
        let hosts = std::thread::available_parallelism().map_or(1, usize::from).min(left as usize);
        std::thread::scope(|scope| {
            for _ in 1..hosts {
                scope.spawn(|| work(None));
            }
            work(None);
        });
    }
    match fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}

thread_local! {
    /// The registers of the last launch, for the next one: new memory costs more than many kernels.
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

fn with_bank<T>(launch: &Launch<'_>, f: impl FnOnce(&mut Bank) -> T) -> T {
    let mut bank = Bank::new(launch, LINES.take());
    let result = f(&mut bank);
    LINES.set(bank.into_lines());
    result
}
