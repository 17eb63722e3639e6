//! Barriers of a block: who waits goes on when all others that still run have arrived.

use super::fault::{Fault, Problem};
use super::warp::{Machine, Stopped, Wait};
use crate::ptx::{BarrierResult, Operation, Slot};

impl Machine<'_> {
    /// Lets those go on whose barrier is complete. A block that cannot go on at all is an error.
    pub(super) fn release(&mut self) -> Result<(), Fault> {
        let live: u32 = self.warps.iter().map(|warp| warp.live.count_ones()).sum();
        let mut released = false;
        for id in 0..16 {
            let (mut waiting, mut expected) = (self.arrived[id as usize], live);
            let mut some = false;
            for group in self.warps.iter().flat_map(|warp| &warp.groups) {
                if let Wait::Barrier { id: theirs, threads } = group.wait
                    && theirs == id
                {
                    some = true;
                    waiting += group.mask.count_ones();
                    expected = threads.unwrap_or(expected);
                }
            }
            if some && waiting >= expected {
                self.pass(id)?;
                released = true;
            }
        }
        if released { Ok(()) } else { Err(self.deadlock()) }
    }

    fn pass(&mut self, barrier: u32) -> Result<(), Fault> {
        let code = self.code;
        let mut warps = std::mem::take(&mut self.warps);
        self.arrived[barrier as usize] = 0;
        let waits = |wait: Wait| matches!(wait, Wait::Barrier { id, .. } if id == barrier);
        let (mut votes, mut threads) = (0, 0);
        let mut results: Vec<(usize, u32, BarrierResult)> = Vec::new();
        for (index, warp) in warps.iter_mut().enumerate() {
            self.select(index);
            let mut place = None;
            for group in warp.groups.iter_mut().filter(|group| waits(group.wait)) {
                let Operation::Barrier { result, aligned, .. } = code.instructions[group.at as usize].operation else {
                    continue;
                };
                if aligned && place.is_some_and(|at| at != group.at) {
                    let lane = group.mask.trailing_zeros();
                    let other = code.instructions[place.unwrap_or(0) as usize].line;
                    let message = format!("lanes of one warp wait at different barriers (the other: PTX line {other})");
                    return Err(self.fault(index, Stopped { problem: Problem::new(lane, message), at: group.at }));
                }
                place = Some(group.at);
                match result {
                    BarrierResult::None => {}
                    BarrierResult::Count { value, .. }
                    | BarrierResult::All { value, .. }
                    | BarrierResult::Any { value, .. } => {
                        votes += self.votes(value, group.mask).count_ones();
                        threads += group.mask.count_ones();
                        results.push((index, group.mask, result));
                    }
                }
                group.wait = Wait::Nothing;
                group.at += 1;
            }
        }
        for (index, mask, result) in results {
            self.select(index);
            let file = self.file;
            let predicate = |to: Slot, holds: bool| file.set_bits(to, mask, if holds { mask } else { 0 });
            match result {
                BarrierResult::None => {}
                BarrierResult::Count { to, .. } => super::file::each(mask, |lane| file.set(to, lane, votes)),
                BarrierResult::All { to, .. } => predicate(to, votes == threads),
                BarrierResult::Any { to, .. } => predicate(to, votes > 0),
            }
        }
        self.warps = warps;
        self.shadow.pass();
        Ok(())
    }

    /// What the threads of a block wait for that nobody will bring.
    pub(super) fn deadlock(&self) -> Fault {
        let live: u32 = self.warps.iter().map(|warp| warp.live.count_ones()).sum();
        let mut places: Vec<(u32, u32)> = Vec::new();
        let mut first = None;
        for (index, warp) in self.warps.iter().enumerate() {
            for group in &warp.groups {
                first = first.or(Some((index, group.mask.trailing_zeros(), group.at)));
                let line = self.code.instructions[group.at as usize].line;
                match places.iter_mut().find(|place| place.0 == line) {
                    Some(place) => place.1 += group.mask.count_ones(),
                    None => places.push((line, group.mask.count_ones())),
                }
            }
        }
        let list: Vec<_> = places.iter().map(|(line, count)| format!("{count} at PTX line {line}")).collect();
        let message = format!("the {live} threads of the block that run wait for ever: {}", list.join(", "));
        let (warp, lane, at) = first.unwrap_or((0, 0, 0));
        self.fault(warp, Stopped { problem: Problem::new(lane, message), at })
    }
}
