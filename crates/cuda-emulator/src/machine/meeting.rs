//! Operations for which the lanes of a warp meet: shuffles, votes, matches and reductions.

use super::atomics::apply;
use super::fault::{Outcome, Problem};
use super::file::{ALL, LANES, each};
use super::matrix;
use super::warp::{Group, Machine, Stopped, Wait, Warp};
use crate::ptx::{Guard, Meeting, Operation, Place, Shuffle, Slot};

/// What a lane reads from one that does not take part: the hardware promises nothing, and this is seen.
const NOBODY: u32 = 0x7fc0_dead;

/// Why an instruction for a whole warp is none.
const NOT_ALL: &str = "the instruction is for all 32 lanes of a warp, and some have ended or were never there";
const APART: &str = "lanes of one warp are at different instructions, each of which is for all of them";

impl Machine<'_> {
    /// Lets the lanes of one group meet if they need not wait for others. Says whether they did.
    pub(super) fn meet_now(
        &mut self,
        meeting: &Meeting,
        named: Option<Slot>,
        mask: u32,
        live: u32,
    ) -> Result<bool, Box<Problem>> {
        let Some(slot) = named else {
            self.meet(&[(meeting, mask)], mask)?;
            return Ok(true);
        };
        if meeting.is_aligned() {
            return match mask {
                ALL => self.meet(&[(meeting, mask)], mask).map(|()| true),
                _ if live == ALL => Ok(false),
                _ => Err(Problem::new(mask.trailing_zeros(), NOT_ALL)),
            };
        }
        let mut left = mask;
        let mut parts = [(0, 0); LANES];
        let mut count = 0;
        while left != 0 {
            let lane = left.trailing_zeros();
            let named: u32 = self.file.get(slot, lane as usize);
            let mut same = 0;
            each(left, |n| same |= u32::from(self.file.get::<u32>(slot, n) == named) << n);
            if same & !named != 0 {
                let lane = (same & !named).trailing_zeros();
                return Err(Problem::new(lane, format!("the mask {named:#010x} does not name the lane {lane} itself")));
            }
            if named & live & !same != 0 {
                return Ok(false);
            }
            parts[count] = (same, named);
            count += 1;
            left &= !same;
        }
        for &(same, _) in &parts[..count] {
            self.meet(&[(meeting, same)], same)?;
        }
        Ok(true)
    }

    /// Lets those waiting lanes meet whose others have all arrived, wherever in the code. Says whether there were some.
    pub(super) fn settle(&mut self, warp: &mut Warp) -> Result<bool, Stopped> {
        let mut met = false;
        let code = self.code;
        let mut lanes: [Option<(u32, u32)>; LANES] = [None; LANES];
        for group in warp.groups.iter().filter(|group| group.wait == Wait::Meeting) {
            if let Operation::Meeting { mask: Some(slot), .. } = code.instructions[group.at as usize].operation {
                each(group.mask, |lane| lanes[lane] = Some((group.at, self.file.get(slot, lane))));
            }
        }
        let mut done = 0u32;
        for lane in 0..LANES {
            let Some((_, named)) = lanes[lane] else { continue };
            if done >> lane & 1 == 1 {
                continue;
            }
            let mut parties: Vec<(u32, u32)> = Vec::new();
            let mut all = 0;
            for (other, entry) in lanes.iter().enumerate() {
                let Some((at, theirs)) = *entry else { continue };
                if theirs != named {
                    continue;
                }
                all |= 1 << other;
                match parties.iter_mut().find(|party| party.0 == at) {
                    Some(party) => party.1 |= 1 << other,
                    None => parties.push((at, 1 << other)),
                }
            }
            done |= all;
            if named & warp.live & !all != 0 {
                continue;
            }
            let mut meetings = Vec::with_capacity(parties.len());
            for &(at, mask) in &parties {
                if let Operation::Meeting { meeting, .. } = &code.instructions[at as usize].operation {
                    meetings.push((meeting, mask));
                }
            }
            if meetings.iter().any(|(meeting, _)| !meets(meeting, meetings[0].0)) {
                let lane = all.trailing_zeros();
                let message = "lanes with the same mask wait for each other at different operations";
                return Err(Stopped { problem: Problem::new(lane, message), at: parties[0].0 });
            }
            if meetings.iter().any(|(meeting, mask)| meeting.is_aligned() && *mask != ALL) {
                let message = if warp.live == ALL { APART } else { NOT_ALL };
                return Err(Stopped { problem: Problem::new(all.trailing_zeros(), message), at: parties[0].0 });
            }
            self.meet(&meetings, all).map_err(|problem| Stopped { problem, at: parties[0].0 })?;
            met = true;
            for group in &mut warp.groups {
                if group.wait == Wait::Meeting {
                    group.mask &= !all;
                }
            }
            warp.groups.retain(|group| group.mask != 0);
            let ready = parties.iter().map(|&(at, mask)| Group { at: at + 1, mask, wait: Wait::Nothing });
            warp.groups.extend(ready);
        }
        Ok(met)
    }

    /// The operation itself: `all` are the lanes of all parties.
    fn meet(&mut self, parties: &[(&Meeting, u32)], all: u32) -> Outcome {
        let file = self.file;
        match parties[0].0 {
            Meeting::Barrier => {}
            Meeting::Shuffle { .. } => {
                let mut values = [NOBODY; LANES];
                for &(meeting, mask) in parties {
                    if let &Meeting::Shuffle { value, .. } = meeting {
                        each(mask, |lane| values[lane] = file.get(value, lane));
                    }
                }
                for &(meeting, mask) in parties {
                    let &Meeting::Shuffle { mode, to, valid, lane: from, clamp, .. } = meeting else { continue };
                    let mut within = 0;
                    each(mask, |lane| {
                        let (source, inside) = source(mode, lane as u32, file.get(from, lane), file.get(clamp, lane));
                        within |= u32::from(inside) << lane;
                        file.set(to, lane, values[source as usize & 31]);
                    });
                    if let Some(valid) = valid {
                        file.set_bits(valid, mask, within);
                    }
                }
            }
            Meeting::All { .. } | Meeting::Any { .. } | Meeting::Uniform { .. } | Meeting::Ballot { .. } => {
                let vote = |meeting: &Meeting| match *meeting {
                    Meeting::All { to, value }
                    | Meeting::Any { to, value }
                    | Meeting::Uniform { to, value }
                    | Meeting::Ballot { to, value } => Some((to, value)),
                    _ => None,
                };
                let mut votes = 0;
                for &(meeting, mask) in parties {
                    if let Some((_, value)) = vote(meeting) {
                        votes |= file.guard(value) & mask;
                    }
                }
                for &(meeting, mask) in parties {
                    let Some((to, _)) = vote(meeting) else { continue };
                    let result = match meeting {
                        Meeting::All { .. } => votes == all,
                        Meeting::Any { .. } => votes != 0,
                        Meeting::Uniform { .. } => votes == 0 || votes == all,
                        _ => {
                            each(mask, |lane| file.set(to, lane, votes));
                            continue;
                        }
                    };
                    file.set_bits(to, mask, if result { mask } else { 0 });
                }
            }
            Meeting::MatchAny { .. } | Meeting::MatchAll { .. } => self.meet_match(parties, all),
            Meeting::Reduce { .. } => {
                let mut result = None;
                for &(meeting, mask) in parties {
                    let &Meeting::Reduce { operation, ty, value, .. } = meeting else { continue };
                    each(mask, |lane| {
                        let value = file.get_bits(Place { slot: value, size: 4 }, lane);
                        result = Some(result.map_or(value, |old| apply(operation, ty, old, value, 0)));
                    });
                }
                for &(meeting, mask) in parties {
                    if let &Meeting::Reduce { to, .. } = meeting {
                        each(mask, |lane| file.set(to, lane, result.unwrap_or(0) as u32));
                    }
                }
            }
            &Meeting::Multiply { ty, to, a, b, c } => matrix::multiply(file, ty, to, a, b, c),
            &Meeting::LoadMatrices { ref to, space, address, transposed } => {
                return self.load_matrices(to, space, address, transposed);
            }
        }
        Ok(())
    }

    fn meet_match(&mut self, parties: &[(&Meeting, u32)], all: u32) {
        let file = self.file;
        let mut values = [0; LANES];
        for &(meeting, mask) in parties {
            if let &(Meeting::MatchAny { value, .. } | Meeting::MatchAll { value, .. }) = meeting {
                each(mask, |lane| values[lane] = file.get_bits(value, lane));
            }
        }
        let equal = |lane: usize| {
            let mut bits = 0;
            each(all, |other| bits |= u32::from(values[other] == values[lane]) << other);
            bits
        };
        for &(meeting, mask) in parties {
            match *meeting {
                Meeting::MatchAny { to, .. } => each(mask, |lane| file.set(to, lane, equal(lane))),
                Meeting::MatchAll { to, same, .. } => {
                    let agree = equal(all.trailing_zeros() as usize) == all;
                    each(mask, |lane| file.set(to, lane, if agree { all } else { 0 }));
                    if let Some(same) = same {
                        file.set_bits(same, mask, if agree { mask } else { 0 });
                    }
                }
                _ => {}
            }
        }
    }

    /// The predicates of lanes that wait, as they are now.
    pub(super) fn votes(&self, value: Guard, mask: u32) -> u32 {
        self.file.guard(value) & mask
    }
}

/// Whether two operations are one for the hardware: they have the same name and the same suffixes.
fn meets(one: &Meeting, other: &Meeting) -> bool {
    match (one, other) {
        (Meeting::Shuffle { mode, .. }, Meeting::Shuffle { mode: theirs, .. }) => mode == theirs,
        (Meeting::Reduce { operation, ty, .. }, Meeting::Reduce { operation: theirs, ty: of, .. }) => {
            operation == theirs && ty == of
        }
        (
            Meeting::MatchAny { value, .. } | Meeting::MatchAll { value, .. },
            Meeting::MatchAny { value: theirs, .. } | Meeting::MatchAll { value: theirs, .. },
        ) if value.size != theirs.size => false,
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// The lane that a shuffle reads, and whether it is within the limits; if not, it is the lane itself.
fn source(mode: Shuffle, lane: u32, by: u32, clamp: u32) -> (u32, bool) {
    let (by, limit, segment) = (by & 31, clamp & 31, clamp >> 8 & 31);
    let highest = (lane & segment) | (limit & !segment);
    let lowest = lane & segment;
    let (target, inside) = match mode {
        Shuffle::Up => (lane.wrapping_sub(by), lane as i32 - by as i32 >= highest as i32),
        Shuffle::Down => (lane + by, lane + by <= highest),
        Shuffle::Butterfly => (lane ^ by, (lane ^ by) <= highest),
        Shuffle::Index => {
            let target = lowest | (by & !segment);
            (target, target <= highest)
        }
    };
    if inside { (target, true) } else { (lane, false) }
}
