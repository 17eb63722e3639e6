//! Errors that a device may make, with `CUDA_EMULATOR_NOISE`: a number from which they follow, the same each time.

use std::sync::OnceLock;

use super::order::mix;
use crate::ptx::{Float1, Type};

/// What the environment asks for.
pub(crate) fn seed() -> Option<u64> {
    static SEED: OnceLock<Option<u64>> = OnceLock::new();
    *SEED.get_or_init(|| {
        let text = std::env::var("CUDA_EMULATOR_NOISE").ok().filter(|text| !text.is_empty())?;
        let seed = text.parse().ok();
        if seed.is_none() {
            eprintln!("cuda-emulator: CUDA_EMULATOR_NOISE={text} is not a number and is ignored");
        }
        seed
    })
}

/// Bits that follow from the seed and from what they are for.
pub(crate) fn bits(seed: u64, of: u64) -> u64 {
    mix(seed ^ mix(of))
}

/// A share of the errors that PTX allows, which leaves room for the rounding that follows.
const SHARE: f64 = 0.7;

/// An approximation in `f32`, off by as much as PTX allows at most. What zero gives is exact.
pub(super) fn approximate(operation: Float1, ty: Type, input: f64, value: f64) -> f64 {
    let Some(seed) = seed().filter(|_| ty == Type::F32 && input != 0.0 && value.is_finite()) else { return value };
    let unit = bits(seed, input.to_bits() ^ operation as u64) as i64 as f64 / i64::MIN as f64 * SHARE;
    let part = |power: f64| unit * power.exp2();
    match operation {
        Float1::Exp2 => value + value * part(-22.0),
        Float1::ReciprocalRoot => value + value * part(-22.9),
        Float1::Tanh => (value + value * part(-11.0)).clamp(-1.0, 1.0),
        Float1::Log2 if input > 0.5 && input < 2.0 => value + part(-22.0),
        Float1::Log2 => value + value * part(-22.0),
        Float1::Sine | Float1::Cosine if input.abs() <= std::f64::consts::TAU => value + part(-20.5),
        _ => value,
    }
}
