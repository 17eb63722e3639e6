//! cuRAND: numbers of Philox 4x32-10, a counter-based generator, whatever kind is asked for; not the real library's numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::{
    Address, DeviceView, Handle, Handles, Out, Status, current, exports, registry, report, stream, submit,
};
use crate::machine::Memory;

/// A `curandStatus` that is not `CURAND_STATUS_SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rand(pub i32);

impl Rand {
    const NOT_INITIALIZED: Rand = Rand(101);
    const TYPE_ERROR: Rand = Rand(103);
    const OUT_OF_RANGE: Rand = Rand(104);
    const LENGTH_NOT_MULTIPLE: Rand = Rand(105);
    const LAUNCH_FAILURE: Rand = Rand(201);
    const INITIALIZATION_FAILED: Rand = Rand(203);
}

impl From<Rand> for i32 {
    fn from(status: Rand) -> i32 {
        status.0
    }
}

impl From<Status> for Rand {
    fn from(status: Status) -> Rand {
        match status {
            Status::INVALID_HANDLE => Rand::NOT_INITIALIZED,
            Status::NOT_INITIALIZED | Status::INVALID_CONTEXT => Rand::INITIALIZATION_FAILED,
            _ => Rand::LAUNCH_FAILURE,
        }
    }
}

/// A `curandGenerator_t`.
struct Generator {
    stream: AtomicU64,
    state: Arc<Mutex<Philox>>,
}

static GENERATORS: Handles<Generator> = Handles::new();

fn generator(handle: Handle) -> Result<Arc<Generator>, Rand> {
    GENERATORS.get(handle).map_err(|_| Rand::NOT_INITIALIZED)
}

/// J. K. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011: the numbers are an encryption of a counter.
#[derive(Default)]
struct Philox {
    seed: u64,
    counter: u128,
    left: Vec<u32>,
}

const ROUNDS: usize = 10;

impl Philox {
    fn block(&self) -> [u32; 4] {
        let [mut key0, mut key1] = [self.seed as u32, (self.seed >> 32) as u32];
        let mut value = [0, 1, 2, 3].map(|word| (self.counter >> (32 * word)) as u32);
        for _ in 0..ROUNDS {
            let (first, second) = (0xD251_1F53 * u64::from(value[0]), 0xCD9E_8D57 * u64::from(value[2]));
            value = [
                (second >> 32) as u32 ^ value[1] ^ key0,
                second as u32,
                (first >> 32) as u32 ^ value[3] ^ key1,
                first as u32,
            ];
            key0 = key0.wrapping_add(0x9E37_79B9);
            key1 = key1.wrapping_add(0xBB67_AE85);
        }
        value
    }

    fn word(&mut self) -> u32 {
        if self.left.is_empty() {
            self.left.extend(self.block().iter().rev());
            self.counter = self.counter.wrapping_add(1);
        }
        self.left.pop().unwrap_or_default()
    }

    fn long(&mut self) -> u64 {
        u64::from(self.word()) << 32 | u64::from(self.word())
    }

    /// More than 0 and at most 1, as the real library's.
    fn uniform(&mut self) -> f32 {
        ((self.word() >> 8) + 1) as f32 / (1 << 24) as f32
    }

    fn uniform_double(&mut self) -> f64 {
        ((self.long() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Two numbers of the normal distribution, by Box and Muller.
    fn normals(&mut self) -> [f64; 2] {
        let radius = (-2.0 * self.uniform_double().ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform_double()).sin_cos();
        [radius * sine, radius * cosine]
    }
}

/// `count` values, each written as bytes at its place.
fn generate<T: Copy, const SIZE: usize>(
    handle: Handle,
    to: Address,
    number: usize,
    next: impl Fn(&mut Philox, usize) -> [u8; SIZE] + Send + Sync + 'static,
) -> Result<(), Rand> {
    const { assert!(size_of::<T>() == SIZE) };
    let generator = generator(handle)?;
    let stream = stream(generator.stream.load(Ordering::Acquire))?;
    if number == 0 {
        return Ok(());
    }
    let state = generator.state.clone();
    submit(
        &stream,
        || (),
        move |context| {
            let view: DeviceView = context.view();
            let size = number.saturating_mul(SIZE);
            let Some(pointer) = view.resolve(to, size, true) else {
                report(format_args!("random numbers: {}", registry().explain(to, size, true)));
                return Err(Status::ILLEGAL_ADDRESS);
            };
            // SAFETY: the range has just been looked up; no one else uses it at the same time, or the program has a race.
            let bytes = unsafe { std::slice::from_raw_parts_mut(pointer, size) };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            for (index, place) in bytes.chunks_exact_mut(SIZE).enumerate() {
                place.copy_from_slice(&next(&mut state, index));
            }
            Ok(())
        },
    )?;
    Ok(())
}

/// The real library makes normal numbers in pairs and refuses an odd count.
fn even(number: usize) -> Result<(), Rand> {
    if number.is_multiple_of(2) { Ok(()) } else { Err(Rand::LENGTH_NOT_MULTIPLE) }
}

/// Normal numbers in pairs: the second of each pair waits in `other`.
fn normals(
    handle: Handle,
    to: Address,
    number: usize,
    finish: impl Fn(f64) -> Value + Send + Sync + 'static,
    double: bool,
) -> Result<(), Rand> {
    even(number)?;
    let other = Mutex::new(0.0);
    let next = move |state: &mut Philox, index: usize| {
        let mut other = other.lock().unwrap_or_else(PoisonError::into_inner);
        if index % 2 == 1 {
            return finish(*other);
        }
        let [first, second] = state.normals();
        *other = second;
        finish(first)
    };
    if double {
        generate::<f64, 8>(handle, to, number, move |state, index| next(state, index).0.to_le_bytes())
    } else {
        generate::<f32, 4>(handle, to, number, move |state, index| (next(state, index).0 as f32).to_le_bytes())
    }
}

/// A number on its way to memory.
struct Value(f64);

exports! {
    panic = 999, error = Rand;

    fn curandCreateGenerator(out: Out<Handle>, kind: i32) {
        current()?;
        // Quasi-random ones fill a space evenly, which Philox does not.
        if !matches!(kind, 100 | 101 | 121 | 141 | 142 | 161) {
            return Err(Rand::TYPE_ERROR);
        }
        out.set(GENERATORS.add(Generator { stream: AtomicU64::new(0), state: Arc::default() }))?;
        Ok(())
    }

    fn curandDestroyGenerator(handle: Handle) {
        GENERATORS.remove(handle).map_err(|_| Rand::NOT_INITIALIZED)?;
        Ok(())
    }

    fn curandSetStream(handle: Handle, on: Handle) {
        generator(handle)?.stream.store(on, Ordering::Release);
        Ok(())
    }

    fn curandSetPseudoRandomGeneratorSeed(handle: Handle, seed: u64) {
        let generator = generator(handle)?;
        *generator.state.lock().unwrap_or_else(PoisonError::into_inner) = Philox { seed, ..Philox::default() };
        Ok(())
    }

    fn curandSetGeneratorOffset(handle: Handle, offset: u64) {
        let generator = generator(handle)?;
        let mut state = generator.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left.clear();
        state.counter = u128::from(offset / 4);
        for _ in 0..offset % 4 {
            state.word();
        }
        Ok(())
    }

    fn curandSetGeneratorOrdering(handle: Handle, _order: i32) {
        generator(handle)?;
        Ok(())
    }

    fn curandGetVersion(version: Out<i32>) {
        version.set(10400)?;
        Ok(())
    }

    fn curandGenerate(handle: Handle, to: Address, number: usize) {
        generate::<u32, 4>(handle, to, number, |state, _| state.word().to_le_bytes())
    }

    fn curandGenerateUniform(handle: Handle, to: Address, number: usize) {
        generate::<f32, 4>(handle, to, number, |state, _| state.uniform().to_le_bytes())
    }

    fn curandGenerateUniformDouble(handle: Handle, to: Address, number: usize) {
        generate::<f64, 8>(handle, to, number, |state, _| state.uniform_double().to_le_bytes())
    }

    fn curandGenerateNormal(handle: Handle, to: Address, number: usize, mean: f32, deviation: f32) {
        let (mean, deviation) = (f64::from(mean), f64::from(deviation));
        normals(handle, to, number, move |value| Value(mean + deviation * value), false)
    }

    fn curandGenerateNormalDouble(handle: Handle, to: Address, number: usize, mean: f64, deviation: f64) {
        normals(handle, to, number, move |value| Value(mean + deviation * value), true)
    }

    fn curandGenerateLogNormal(handle: Handle, to: Address, number: usize, mean: f32, deviation: f32) {
        let (mean, deviation) = (f64::from(mean), f64::from(deviation));
        normals(handle, to, number, move |value| Value((mean + deviation * value).exp()), false)
    }

    fn curandGenerateLogNormalDouble(handle: Handle, to: Address, number: usize, mean: f64, deviation: f64) {
        normals(handle, to, number, move |value| Value((mean + deviation * value).exp()), true)
    }

    fn curandGeneratePoisson(handle: Handle, to: Address, number: usize, lambda: f64) {
        if !(lambda > 0.0 && lambda <= 400_000.0) {
            return Err(Rand::OUT_OF_RANGE);
        }
        generate::<u32, 4>(handle, to, number, move |state, _| {
            // Knuth's way, in pieces so that the product does not vanish.
            let (mut left, mut events) = (lambda, 0_u32);
            while left > 0.0 {
                let part = left.min(500.0);
                let (limit, mut product) = ((-part).exp(), state.uniform_double());
                while product > limit {
                    events += 1;
                    product *= state.uniform_double();
                }
                left -= part;
            }
            events.to_le_bytes()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Philox;

    #[test]
    fn philox_is_that_of_the_paper() {
        // The known answers that come with the authors' library.
        assert_eq!(Philox::default().block(), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        let all = Philox { seed: u64::MAX, counter: u128::MAX, left: Vec::new() };
        assert_eq!(all.block(), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
    }
}
