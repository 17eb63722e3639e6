//! Random number generators: the same numbers for the same seed on every run, thread count, device
//! and language.
//!
//! Numbers come from Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! 2011), a counter-based generator: element `i` of a draw depends on the seed and on how many
//! numbers were drawn before, and on nothing else.

use crate::compute::Draws;
use crate::{Device, Result, device};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The seed before anybody sets one, as PyTorch's.
const DEFAULT_SEED: u64 = 67_280_421_310_721;

/// A source of random numbers; clones share their state.
#[derive(Clone)]
pub struct Generator(Arc<Mutex<State>>);

/// Where a generator stands.
#[derive(Clone, Copy)]
struct State {
    seed: u64,
    /// How many numbers have been drawn.
    offset: u64,
}

impl Generator {
    /// A generator at the start of the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State { seed, offset: 0 })))
    }

    /// The generator that is used where none is given.
    pub fn default_generator() -> &'static Self {
        static DEFAULT: OnceLock<Generator> = OnceLock::new();
        DEFAULT.get_or_init(|| Self::new(DEFAULT_SEED))
    }

    /// Starts the sequence of another seed.
    pub fn manual_seed(&self, seed: u64) {
        *self.state() = State { seed, offset: 0 };
    }

    /// The seed.
    pub fn initial_seed(&self) -> u64 {
        self.state().seed
    }

    /// The seed and how many numbers have been drawn: all there is to save.
    pub fn get_state(&self) -> (u64, u64) {
        let state = *self.state();
        (state.seed, state.offset)
    }

    /// Continues where a saved state stood.
    pub fn set_state(&self, seed: u64, offset: u64) {
        *self.state() = State { seed, offset };
    }

    /// Takes the next `count` numbers of the sequence, for the host.
    pub(crate) fn draw(&self, count: usize) -> Draws {
        let (seed, offset) = self.take(count as u64);
        Draws { seed, offset, place: None }
    }

    /// Takes the next `count` numbers of the sequence, for a device. For a graph that is captured there these are numbers
    /// that each replay takes anew.
    pub(crate) fn draw_on(&self, count: usize, device: Device) -> Result<Draws> {
        match device::graph::draw(self, count, device)? {
            Some(draws) => Ok(draws),
            None => Ok(self.draw(count)),
        }
    }

    /// Takes so many numbers: the seed, and the place of the first.
    pub(crate) fn take(&self, count: u64) -> (u64, u64) {
        let mut state = self.state();
        let first = state.offset;
        state.offset = first.wrapping_add(count);
        (state.seed, first)
    }

    /// What tells it from other generators that are in use.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only graphs ask"))]
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The given generator or the default one.
pub(crate) fn or_default(generator: Option<&Generator>) -> &Generator {
    generator.unwrap_or_else(|| Generator::default_generator())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_each_other_and_a_state_can_be_restored() {
        let generator = Generator::new(7);
        generator.draw(5);
        let state = generator.get_state();
        assert_eq!(state, (7, 5));
        generator.draw(3);
        generator.set_state(state.0, state.1);
        assert_eq!(generator.draw(1).offset, 5);
        generator.manual_seed(8);
        assert_eq!(generator.get_state(), (8, 0));
    }
}
