//! Random numbers.
//!
//! The numbers depend on the seed alone: not on the number of threads, the device or the language. Where
//! a generator may be NULL, the default one is meant. Drawing from a generator is safe on many threads.

use crate::error::{CandleError, CandleStatus};
use crate::handle::{Kind, Opaque, borrow_optional, free};
use crate::panic::{guard, neutral};
use crate::pointer::output;
use candle_ffi_core::Generator;

/// A source of random numbers with a seed of its own.
pub struct CandleGenerator {
    _opaque: [u8; 0],
}

impl Opaque for CandleGenerator {
    type Value = Generator;
    const KIND: Kind = Kind::Generator;
}

/// Makes a generator at the start of the sequence of a seed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_new(
    seed: u64,
    out: *mut *mut CandleGenerator,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_generator_new(seed, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "generator_new", || {
            output(out, "out")?.put(Generator::new(seed));
            Ok(())
        })
    }
}

/// Frees a generator. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_free(generator: *mut CandleGenerator) {
    forward!(candle_generator_free(generator));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(generator);
        Ok(())
    });
}

/// Starts the sequence of another seed; `generator` may be NULL for the default one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_manual_seed(
    generator: *const CandleGenerator,
    seed: u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_generator_manual_seed(generator, seed, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "manual_seed", || {
            let generator = borrow_optional(generator, "generator")?;
            generator.as_deref().unwrap_or_else(|| Generator::default_generator()).manual_seed(seed);
            Ok(())
        })
    }
}

/// The seed of a generator; of the default one for NULL: `generator` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_seed(generator: *const CandleGenerator) -> u64 {
    forward!(candle_generator_seed(generator));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let generator = borrow_optional(generator, "generator")?;
        Ok(generator.as_deref().unwrap_or_else(|| Generator::default_generator()).initial_seed())
    })
}

/// Where a generator stands: its seed, and how many numbers were drawn since.
///
/// `generator` may be NULL for the default one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_get_state(
    generator: *const CandleGenerator,
    seed: *mut u64,
    offset: *mut u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_generator_get_state(generator, seed, offset, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "get_state", || {
            let (seed, offset) = (output(seed, "seed")?, output(offset, "offset")?);
            let generator = borrow_optional(generator, "generator")?;
            let state = generator.as_deref().unwrap_or_else(|| Generator::default_generator()).get_state();
            seed.set(state.0);
            offset.set(state.1);
            Ok(())
        })
    }
}

/// Continues where a saved state stood. `generator` may be NULL for the default one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_generator_set_state(
    generator: *const CandleGenerator,
    seed: u64,
    offset: u64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_generator_set_state(generator, seed, offset, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_state", || {
            let generator = borrow_optional(generator, "generator")?;
            generator.as_deref().unwrap_or_else(|| Generator::default_generator()).set_state(seed, offset);
            Ok(())
        })
    }
}
