//! A block: its warps one after the other, and again after each barrier.

use super::copies::Copies;
use super::fault::Fault;
use super::file::{ALL, File, LANES};
use super::launch::Launch;
use super::memory::{Memory, Recent};
use super::shadow::Shadow;
use super::warp::{Group, Machine, Stopped, Wait, Warp};
use crate::ptx::{Place, Slot, Special};

/// What shared memory holds before a kernel writes there: no number, in `f32` and `f64`.
const UNWRITTEN: u64 = 0xfff8_dead_7fc0_dead;

/// Memory for registers, in whole cache lines.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line(#[expect(dead_code, reason = "only its place is used")] [u8; 64]);

/// Registers for a host thread that runs blocks of this launch.
pub(super) struct Bank {
    lines: Vec<Line>,
    /// Lines of one warp.
    stride: usize,
}

impl Bank {
    pub(super) fn new(launch: &Launch<'_>, mut lines: Vec<Line>) -> Self {
        let stride = launch.code.file_bytes.div_ceil(64);
        let count = if launch.code.has_barrier { launch.warps() } else { 1 };
        lines.resize(lines.len().max(stride * count), Line([0; 64]));
        Bank { lines, stride }
    }

    fn file(&mut self, bank: usize) -> File {
        File::new(self.lines[bank * self.stride..].as_mut_ptr().cast())
    }

    /// The memory, for another launch.
    pub(super) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

impl<'a> Machine<'a> {
    pub(super) fn new(launch: &'a Launch<'a>, memory: &'a dyn Memory, bank: &'a mut Bank) -> Self {
        let code = launch.code;
        let banks = if code.has_barrier { launch.warps() } else { 1 };
        let frame_stride = code.frame_bytes.next_multiple_of(16);
        let mut machine = Machine {
            launch,
            code,
            memory,
            parameters: &launch.parameters,
            parameter_bytes: launch.parameter_bytes,
            file: bank.file(0),
            warp: 0,
            bank: 0,
            files: Vec::with_capacity(banks),
            shared: vec![0; launch.shared_bytes.div_ceil(8)],
            shared_bytes: launch.shared_bytes,
            shadow: Shadow::new(code, launch.shared_bytes, launch.warps()),
            local: vec![UNWRITTEN; frame_stride / 8 * LANES * banks],
            frame_stride,
            recent: Recent::new(),
            block: [0; 3],
            number: 0,
            warps: Vec::new(),
            arrived: [0; 16],
            copies: (0..launch.warps()).map(|_| Copies::default()).collect(),
        };
        for index in 0..banks {
            machine.file = bank.file(index);
            machine.files.push(machine.file);
            for &(place, bits) in &code.constants {
                machine.fill(place, bits);
            }
            machine.launch_specials();
            machine.thread_specials(index);
        }
        machine
    }

    /// Makes a warp the one that runs.
    pub(super) fn select(&mut self, warp: usize) {
        self.warp = warp;
        self.bank = if self.code.has_barrier { warp } else { 0 };
        self.file = self.files[self.bank];
    }

    fn fill(&mut self, place: Place, bits: u64) {
        for lane in 0..LANES {
            self.file.put_bits(place, lane, bits);
        }
    }

    fn fill_word(&mut self, slot: Slot, value: u32) {
        self.fill(Place { slot, size: 4 }, value.into());
    }

    /// What is the same for all blocks and warps, and what depends on the lane only.
    fn launch_specials(&mut self) {
        let launch = self.launch;
        for &(special, slot) in &self.code.specials {
            let of_lane: fn(u32) -> u32 = match special {
                Special::Threads(d) => {
                    self.fill_word(slot, launch.block[usize::from(d)]);
                    continue;
                }
                Special::Blocks(d) => {
                    self.fill_word(slot, launch.grid[usize::from(d)]);
                    continue;
                }
                Special::Warps => {
                    self.fill_word(slot, launch.warps() as u32);
                    continue;
                }
                Special::DynamicShared => {
                    self.fill_word(slot, launch.dynamic_shared);
                    continue;
                }
                Special::TotalShared => {
                    self.fill_word(slot, launch.shared_bytes as u32);
                    continue;
                }
                Special::Zero => |_| 0,
                Special::One => |_| 1,
                Special::Lane => |lane| lane,
                Special::LaneEqual => |lane| 1 << lane,
                Special::LaneBelow => |lane| (1 << lane) - 1,
                Special::LaneUpTo => |lane| ALL >> (31 - lane),
                Special::LaneAbove => |lane| !(ALL >> (31 - lane)),
                Special::LaneFrom => |lane| !((1 << lane) - 1),
                Special::Thread(_) | Special::Warp | Special::Block(_) => continue,
            };
            for lane in 0..LANES {
                self.file.set(slot, lane, of_lane(lane as u32));
            }
        }
    }

    fn thread_specials(&mut self, warp: usize) {
        for &(special, slot) in &self.code.specials {
            match special {
                Special::Warp => self.fill_word(slot, warp as u32),
                Special::Thread(d) => {
                    for lane in 0..LANES {
                        let index = self.launch.thread((warp * LANES + lane) as u32);
                        self.file.set(slot, lane, index[usize::from(d)]);
                    }
                }
                _ => {}
            }
        }
    }

    fn block_specials(&mut self) {
        for &(special, slot) in &self.code.specials {
            if let Special::Block(d) = special {
                self.fill_word(slot, self.block[usize::from(d)]);
            }
        }
    }

    /// Runs one block to its end.
    pub(super) fn run_block(&mut self, number: u64) -> Result<(), Fault> {
        self.block = self.launch.block_index(number);
        self.number = number;
        self.arrived = [0; 16];
        self.copies.iter_mut().for_each(Copies::clear);
        self.shared.fill(UNWRITTEN);
        self.shadow.pass();
        let threads = self.launch.threads();
        let count = self.launch.warps();
        let begin = |warp: usize| {
            let live = if threads - warp * LANES >= LANES { ALL } else { (1 << (threads - warp * LANES)) - 1 };
            (live, Group { at: 0, mask: live, wait: Wait::Nothing })
        };
        if !self.code.has_barrier {
            self.select(0);
            self.block_specials();
            self.warps.resize_with(1, Warp::default);
            let order = self.launch.order.for_turn(number);
            for turn in 0..count {
                let index = order.at(turn as u64, count as u64) as usize;
                self.warp = index;
                if count > 1 {
                    self.thread_specials(index);
                }
                let mut warp = std::mem::take(&mut self.warps[0]);
                let (live, group) = begin(index);
                warp.live = live;
                warp.groups.clear();
                warp.groups.push(group);
                let outcome = self.run(&mut warp);
                let ended = warp.live == 0;
                self.warps[0] = warp;
                outcome.map_err(|stopped| self.fault(index, stopped))?;
                if !ended {
                    return Err(self.deadlock());
                }
            }
            return Ok(());
        }
        self.warps.resize_with(count, Warp::default);
        for index in 0..count {
            let (live, group) = begin(index);
            self.warps[index].live = live;
            self.warps[index].groups.clear();
            self.warps[index].groups.push(group);
            self.select(index);
            self.block_specials();
        }
        let mut round = 0;
        loop {
            let order = self.launch.order.for_turn(number ^ round << 32);
            round += 1;
            for turn in 0..count {
                let index = order.at(turn as u64, count as u64) as usize;
                if self.warps[index].is_ready() {
                    self.select(index);
                    let mut warp = std::mem::take(&mut self.warps[index]);
                    let outcome = self.run(&mut warp);
                    self.warps[index] = warp;
                    outcome.map_err(|stopped| self.fault(index, stopped))?;
                }
            }
            if self.warps.iter().all(|warp| warp.live == 0) {
                return Ok(());
            }
            if !self.warps.iter().any(Warp::is_ready) {
                self.release()?;
            }
        }
    }

    /// A fault with everything that is known about it.
    pub(super) fn fault(&self, warp: usize, stopped: Stopped) -> Fault {
        let line = self.code.instructions[stopped.at as usize].line;
        let problem = stopped.problem;
        Fault {
            kernel: self.launch.function.name.clone(),
            block: self.block,
            thread: self.launch.thread((warp * LANES) as u32 + problem.lane),
            line,
            text: crate::ptx::line_text(&self.launch.function.source, line).into(),
            address: problem.address,
            size: problem.size,
            message: problem.message,
        }
    }
}
