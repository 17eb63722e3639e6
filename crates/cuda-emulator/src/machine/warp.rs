//! A warp: its lanes in groups that are at the same instruction.
//!
//! The group that is furthest behind runs, so that groups that left each other at a branch meet again behind it. Any order
//! is one that the hardware may take, so long as all get on: a group that runs for very long lets the others go first.

use std::time::Instant;

use super::copies::Copies;
use super::fault::Problem;
use super::file::{File, each};
use super::launch::Launch;
use super::memory::{Memory, Recent};
use super::shadow::Shadow;
use crate::ptx::{Code, Operation};

/// What a host thread needs to run blocks.
pub(super) struct Machine<'a> {
    pub(super) launch: &'a Launch<'a>,
    pub(super) code: &'a Code,
    pub(super) memory: &'a dyn Memory,
    /// The parameters, aligned.
    pub(super) parameters: &'a [u64],
    pub(super) parameter_bytes: usize,
    /// The registers of the warp that runs.
    pub(super) file: File,
    /// The number of the warp that runs, and that of its registers: warps that need not wait for each other share them.
    pub(super) warp: usize,
    pub(super) bank: usize,
    /// The registers of all warps that have some of their own.
    pub(super) files: Vec<File>,
    pub(super) shared: Vec<u64>,
    pub(super) shared_bytes: usize,
    pub(super) shadow: Shadow,
    pub(super) local: Vec<u64>,
    /// The bytes from one lane's memory to the next one's.
    pub(super) frame_stride: usize,
    pub(super) recent: Recent,
    pub(super) block: [u32; 3],
    /// The same as one number.
    pub(super) number: u64,
    pub(super) warps: Vec<Warp>,
    /// Threads that arrived at a barrier without waiting for it.
    pub(super) arrived: [u32; 16],
    /// What each warp's threads copy beside their work.
    pub(super) copies: Vec<Copies>,
}

/// The lanes of a warp that are not at an end, and where they are.
#[derive(Default)]
pub(super) struct Warp {
    pub(super) groups: Vec<Group>,
    pub(super) live: u32,
}

/// Lanes at one instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) at: u32,
    pub(super) mask: u32,
    pub(super) wait: Wait,
}

/// What a group waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Nothing,
    /// The other lanes of the warp.
    Meeting,
    /// The other threads of the block: the barrier's number, and how many it is for if not all.
    Barrier {
        id: u32,
        threads: Option<u32>,
    },
}

/// Where and why a warp was stopped.
pub(super) struct Stopped {
    pub(super) problem: Box<Problem>,
    pub(super) at: u32,
}

/// Instructions that a group runs before it lets others go first, and a warp before it lets other warps.
const GROUP_TURN: u32 = 1 << 20;
const WARP_TURN: u32 = 1 << 22;

impl Warp {
    /// The instruction of the ready group that is furthest behind.
    fn limit(&self) -> u32 {
        self.groups.iter().filter(|group| group.wait == Wait::Nothing).map(|group| group.at).min().unwrap_or(u32::MAX)
    }

    /// Takes the ready group that is furthest behind; of those when it is the others' turn, the first one.
    fn take(&mut self, in_turn: bool) -> Option<Group> {
        let ready = self.groups.iter().enumerate().filter(|(_, group)| group.wait == Wait::Nothing);
        let (index, _) = if in_turn { ready.min_by_key(|(_, group)| group.at) } else { { ready }.next() }?;
        Some(self.groups.remove(index))
    }

    pub(super) fn is_ready(&self) -> bool {
        self.groups.iter().any(|group| group.wait == Wait::Nothing)
    }

    /// Adds the lanes of ready groups that are at the same instruction.
    fn merge(&mut self, group: &mut Group) {
        self.groups.retain(|other| {
            let same = other.wait == Wait::Nothing && other.at == group.at;
            if same {
                group.mask |= other.mask;
            }
            !same
        });
    }
}

impl Machine<'_> {
    /// Runs a warp until all its lanes have ended or wait.
    pub(super) fn run(&mut self, warp: &mut Warp) -> Result<(), Stopped> {
        let mut in_turn = true;
        let mut left = WARP_TURN;
        loop {
            let Some(group) = warp.take(in_turn) else {
                if self.settle(warp)? {
                    continue;
                }
                return Ok(());
            };
            let turn = if in_turn { GROUP_TURN } else { GROUP_TURN >> 8 };
            let used = self.run_group(warp, group, if in_turn { warp.limit() } else { u32::MAX }, turn)?;
            if used == turn && Instant::now() > self.launch.end {
                let (lane, at) = warp.groups.last().map_or((0, 0), |group| (group.mask.trailing_zeros(), group.at));
                return Err(Stopped { problem: Problem::new(lane, "the kernel runs for too long"), at });
            }
            // Only a group that used its whole turn holds the others up.
            in_turn = !in_turn || used < turn;
            left = left.saturating_sub(used);
            if left == 0 && self.code.has_barrier {
                return Ok(());
            }
        }
    }

    /// Runs a group until it has caught up with another, waits or has ended. Says how many instructions that took.
    fn run_group(&mut self, warp: &mut Warp, mut group: Group, mut limit: u32, turn: u32) -> Result<u32, Stopped> {
        let code = self.code;
        let mut left = turn;
        loop {
            if group.at >= limit {
                warp.merge(&mut group);
                limit = warp.limit();
                if group.at > limit {
                    warp.groups.push(group);
                    return Ok(turn - left);
                }
            }
            if left == 0 {
                warp.groups.push(group);
                return Ok(turn);
            }
            left -= 1;
            let instruction = &code.instructions[group.at as usize];
            let mask = match instruction.guard {
                None => group.mask,
                Some(guard) => group.mask & self.file.guard(guard),
            };
            if mask == 0 {
                group.at += 1;
                continue;
            }
            let rest = group.mask & !mask;
            match &instruction.operation {
                &Operation::Branch { target } if rest == 0 => group.at = target,
                &Operation::Branch { target } => {
                    let (mut other, next) = (Group { at: target, mask, ..group }, group.at + 1);
                    group = Group { at: next, mask: rest, ..group };
                    if other.at < group.at {
                        std::mem::swap(&mut other, &mut group);
                    }
                    limit = limit.min(other.at);
                    warp.groups.push(other);
                }
                Operation::BranchTable { index, targets } => {
                    let (index, at) = (*index, group.at);
                    let mut lanes = mask;
                    let mut outcome = Ok(());
                    while lanes != 0 {
                        let lane = lanes.trailing_zeros();
                        let which: u32 = self.file.get(index, lane as usize);
                        let Some(&target) = targets.get(which as usize) else {
                            outcome = Err(Problem::new(lane, format!("a branch to entry {which} of a table")));
                            break;
                        };
                        let mut same = 0;
                        each(lanes, |n| same |= u32::from(self.file.get::<u32>(index, n) == which) << n);
                        warp.groups.push(Group { at: target, mask: same, wait: Wait::Nothing });
                        lanes &= !same;
                    }
                    outcome.map_err(|problem| Stopped { problem, at })?;
                    if rest != 0 {
                        warp.groups.push(Group { at: at + 1, mask: rest, wait: Wait::Nothing });
                    }
                    return Ok(turn - left);
                }
                Operation::Exit => {
                    warp.live &= !mask;
                    if rest == 0 {
                        return Ok(turn - left);
                    }
                    group = Group { at: group.at + 1, mask: rest, ..group };
                }
                &Operation::Barrier { id, threads, wait, .. } => {
                    let lane = mask.trailing_zeros() as usize;
                    let id = self.file.get::<u32>(id, lane) & 15;
                    if wait {
                        let threads = threads.map(|threads| self.file.get::<u32>(threads, lane));
                        warp.groups.push(Group { mask, wait: Wait::Barrier { id, threads }, ..group });
                        if rest == 0 {
                            return Ok(turn - left);
                        }
                        group.mask = rest;
                    } else {
                        self.arrived[id as usize] += mask.count_ones();
                    }
                    group.at += 1;
                }
                Operation::Meeting { meeting, mask: named } => {
                    let at = group.at;
                    if !self.meet_now(meeting, *named, mask, warp.live).map_err(|problem| Stopped { problem, at })? {
                        warp.groups.push(Group { mask, wait: Wait::Meeting, ..group });
                        if rest != 0 {
                            warp.groups.push(Group { at: at + 1, mask: rest, wait: Wait::Nothing });
                        }
                        self.settle(warp)?;
                        return Ok(turn - left);
                    }
                    group.at += 1;
                }
                operation => {
                    let at = group.at;
                    self.execute(operation, mask).map_err(|problem| Stopped { problem, at })?;
                    group.at += 1;
                }
            }
        }
    }
}
