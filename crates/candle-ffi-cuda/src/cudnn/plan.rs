//! How a problem is solved: cuDNN's descriptions of it, and the algorithms that it has for it.

use super::descriptor::{Descriptors, done};
use super::library::{Answer, Family, Handle, Library, Performance, Status};
use super::problem::{Math, Problem, Product};
use crate::array::{address, empty};
use crate::memory;
use candle_core::{CudaDevice, DType, Result, Tensor};
use std::ffi::{c_int, c_void};
use std::ptr::{null_mut, with_exposed_provenance, with_exposed_provenance_mut};

/// An algorithm gets no more memory than this beside the tensors.
const ROOM: usize = 1 << 30;

/// cuDNN has fewer algorithms for a product, each with and without tensor cores.
const MOST: usize = 24;

/// `CUDNN_DETERMINISTIC`.
const DETERMINISTIC: c_int = 1;

/// cuDNN on a device.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) library: &'static Library,
    pub(super) handle: Handle,
    pub(super) device: &'a CudaDevice,
}

/// What came of asking cuDNN.
pub(super) enum Outcome {
    Done,
    /// It has no algorithm for this.
    Refused,
    /// It has no memory, or failed inside. The next time it may do it.
    NotNow,
    /// It does not work.
    Unusable(Status),
    /// The device failed.
    Failed(Status),
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        match status {
            Status::SUCCESS => Self::Done,
            status if status.is_refusal() => Self::Refused,
            status if status.is_shortage() => Self::NotNow,
            status if status.is_unusable() => Self::Unusable(status),
            status => Self::Failed(status),
        }
    }
}

#[derive(Clone, Copy)]
struct Algorithm {
    number: c_int,
    math: Math,
    workspace: usize,
}

/// The algorithms for a problem, the best first. There is none for what cuDNN refuses.
pub(super) struct Plan {
    descriptors: Option<Descriptors>,
    algorithms: Vec<Algorithm>,
}

/// Three addresses: what is read, and what is written.
pub(super) type Places = [u64; 3];

impl Plan {
    /// Has cuDNN choose. With `problem.benchmark` it runs each algorithm on the tensors and waits for it.
    ///
    /// # Safety
    ///
    /// The tensors are those of the problem, and nobody else has a claim on the one that is written.
    pub(super) unsafe fn new(session: &Session<'_>, problem: &Problem, places: Places) -> Result<(Self, Outcome)> {
        let refused = Self { descriptors: None, algorithms: Vec::new() };
        let descriptors = match Descriptors::new(session.library, problem) {
            Ok(descriptors) => descriptors,
            Err(status) => return Ok((refused, status.into())),
        };
        let guessed = match guess(session, problem, &descriptors) {
            Ok(guessed) => guessed,
            Err(status) => return Ok((refused, status.into())),
        };
        let algorithms = match problem.benchmark {
            // SAFETY: the caller's word.
            true => match unsafe { measure(session, problem, &descriptors, places, &guessed) }? {
                Ok(measured) if !measured.is_empty() => measured,
                Ok(_) => guessed,
                Err(status) if status.is_refusal() || status.is_shortage() => guessed,
                Err(status) => return Ok((refused, status.into())),
            },
            false => guessed,
        };
        Ok((Self { descriptors: Some(descriptors), algorithms }, Outcome::Done))
    }

    /// Starts the first algorithm that there is room for, on the device's stream. What cuDNN then refuses is not tried again.
    ///
    /// # Safety
    ///
    /// As for [`Self::new`].
    pub(super) unsafe fn run(&mut self, session: &Session<'_>, problem: &Problem, places: Places) -> Result<Outcome> {
        let Some(descriptors) = &mut self.descriptors else { return Ok(Outcome::Refused) };
        let family = family(session.library, problem);
        let (singles, doubles) = ([1f32, 0.0], [1f64, 0.0]);
        // They are read before the call returns.
        let [scale, keep]: [*const c_void; 2] = match problem.data.is_double() {
            true => doubles.each_ref().map(|number| std::ptr::from_ref(number).cast()),
            false => singles.each_ref().map(|number| std::ptr::from_ref(number).cast()),
        };
        let (mut next, mut short) = (0, false);
        while let Some(&Algorithm { number, math, workspace }) = self.algorithms.get(next) {
            let room = match Room::new(session.device, workspace) {
                Ok(room) => room,
                Err(error) if memory::out_of_memory(&error).is_some() => {
                    (next, short) = (next + 1, true);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let [first, second, convolution, third] = descriptors.all();
            let status = match descriptors.set_math(session.library, math) {
                // SAFETY: descriptions of this problem, its tensors, and as much room as the algorithm needs.
                Ok(()) => unsafe {
                    (family.run)(
                        session.handle,
                        scale,
                        first,
                        read(places[0]),
                        second,
                        read(places[1]),
                        convolution,
                        number,
                        room.pointer,
                        workspace,
                        keep,
                        third,
                        written(places[2]),
                    )
                },
                Err(status) => status,
            };
            match status.into() {
                Outcome::Refused => drop(self.algorithms.remove(next)),
                Outcome::NotNow => (next, short) = (next + 1, true),
                outcome => return Ok(outcome),
            }
        }
        Ok(if short { Outcome::NotNow } else { Outcome::Refused })
    }
}

/// What cuDNN would take, without running anything.
fn guess(session: &Session<'_>, problem: &Problem, descriptors: &Descriptors) -> Answer<Vec<Algorithm>> {
    let [first, second, convolution, third] = descriptors.all();
    let (mut found, mut count) = ([Performance::NONE; MOST], 0);
    // SAFETY: descriptions of this problem, and room for so many algorithms.
    done(unsafe {
        (family(session.library, problem).get)(
            session.handle,
            first,
            second,
            convolution,
            third,
            MOST as c_int,
            &raw mut count,
            found.as_mut_ptr(),
        )
    })?;
    Ok(usable(problem, &found, count))
}

/// The algorithms in the order of the time that they took.
///
/// # Safety
///
/// As for [`Plan::new`].
unsafe fn measure(
    session: &Session<'_>,
    problem: &Problem,
    descriptors: &Descriptors,
    places: Places,
    guessed: &[Algorithm],
) -> Result<Answer<Vec<Algorithm>>> {
    let mut wanted: Vec<usize> = guessed.iter().map(|algorithm| algorithm.workspace).collect();
    wanted.sort_unstable();
    wanted.dedup();
    // Where the device is nearly full, those are measured that have room.
    let (bytes, room) = loop {
        let bytes = wanted.pop().unwrap_or(0);
        match Room::new(session.device, bytes) {
            Ok(room) => break (bytes, room),
            Err(error) if bytes > 0 && memory::out_of_memory(&error).is_some() => {}
            Err(error) => return Err(error),
        }
    };
    let [first, second, convolution, third] = descriptors.all();
    let (mut found, mut count) = ([Performance::NONE; MOST], 0);
    // SAFETY: descriptions of this problem, its tensors, so many bytes, and room for so many algorithms.
    let status = unsafe {
        (family(session.library, problem).find)(
            session.handle,
            first,
            read(places[0]),
            second,
            read(places[1]),
            convolution,
            third,
            written(places[2]),
            MOST as c_int,
            &raw mut count,
            found.as_mut_ptr(),
            room.pointer,
            bytes,
        )
    };
    Ok(done(status).map(|()| usable(problem, &found, count)))
}

/// Those that may be taken: of the precision that is asked for, with bounded memory, and the same each time if that is
/// asked for.
fn usable(problem: &Problem, found: &[Performance], count: c_int) -> Vec<Algorithm> {
    let found = &found[..usize::try_from(count).unwrap_or(0).min(found.len())];
    let usable = found.iter().filter(|found| {
        found.status == Status::SUCCESS
            && found.memory <= ROOM
            && (!problem.deterministic || found.determinism == DETERMINISTIC)
            && (problem.math != Math::FMA || Math(found.math) == Math::FMA)
    });
    usable.map(|found| Algorithm { number: found.algorithm, math: Math(found.math), workspace: found.memory }).collect()
}

fn family<'a>(library: &'a Library, problem: &Problem) -> &'a Family {
    match problem.product {
        Product::Small => &library.forward,
        Product::Large => &library.backward_data,
        Product::Weight => &library.backward_filter,
    }
}

fn read(address: u64) -> *const c_void {
    with_exposed_provenance(address as usize)
}

fn written(address: u64) -> *mut c_void {
    with_exposed_provenance_mut(address as usize)
}

/// Memory that an algorithm works in, from the device's pool. It goes back in the order of the stream.
struct Room {
    pointer: *mut c_void,
    _bytes: Option<Tensor>,
}

impl Room {
    fn new(device: &CudaDevice, bytes: usize) -> Result<Self> {
        if bytes == 0 {
            return Ok(Self { pointer: null_mut(), _bytes: None });
        }
        let room = empty(device, bytes, DType::U8)?;
        Ok(Self { pointer: written(address(&room)?), _bytes: Some(room) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_ffi_kernels::conv::Geometry;

    fn found(algorithm: c_int, memory: usize, determinism: c_int, math: Math, status: Status) -> Performance {
        Performance { algorithm, memory, determinism, math: math.0, status, ..Performance::NONE }
    }

    #[test]
    fn what_may_not_be_taken_is_left_out() {
        let one = [1; 3];
        let (batch, groups, large_channels, small_channels) = (1, 1, 1, 1);
        let (large, small, kernel, stride, padding, dilation) = (one, one, one, one, [0; 3], one);
        let geometry =
            Geometry { batch, groups, large_channels, small_channels, large, small, kernel, stride, padding, dilation };
        let problem = Problem::of(Product::Weight, &geometry, DType::F32).unwrap();
        let numbers = |problem: &Problem, all: &[Performance]| -> Vec<c_int> {
            usable(problem, all, all.len() as c_int).iter().map(|algorithm| algorithm.number).collect()
        };
        let tf32 = Math(0);
        let all = [
            found(0, 0, 0, tf32, Status::SUCCESS),
            found(1, 0, DETERMINISTIC, Math::FMA, Status::SUCCESS),
            found(2, ROOM + 1, DETERMINISTIC, Math::FMA, Status::SUCCESS),
            Performance { algorithm: 3, ..Performance::NONE },
        ];
        assert_eq!(numbers(&Problem { math: tf32, ..problem }, &all), [0, 1]);
        assert_eq!(numbers(&Problem { math: Math::FMA, ..problem }, &all), [1]);
        assert_eq!(numbers(&Problem { math: tf32, deterministic: true, ..problem }, &all), [1]);
        assert!(usable(&problem, &all, -1).is_empty());
    }
}
