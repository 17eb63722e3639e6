//! CUDA graphs: what a thread gives a device to do is captured once, and done again by one launch.

use super::{Device, DeviceKind};
use crate::compute::Draws;
use crate::random::Generator;
use crate::{Error, ErrorCode, Result};

/// A graph: empty, while it is captured, or ready to be replayed.
pub struct Graph(backend::Graph);

impl Graph {
    /// An empty graph, on no device yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Default::default())
    }

    /// Begins to capture what this thread gives a device to do, which is not done now. Memory comes from the pool of
    /// `sharing`, where that is given.
    ///
    /// Fails with `Unsupported` for a device without graphs, and with `InvalidArgument` where this graph is in use, a
    /// capture is going on, or `sharing` has no graph.
    pub fn begin(&mut self, device: Device, sharing: Option<&Self>) -> Result<()> {
        if device.kind != DeviceKind::Cuda {
            return Err(Error::new(ErrorCode::Unsupported, format!("{device} has no graphs; CUDA devices have")));
        }
        // A weight that was cast before is cast by the graph, at each replay; and what the graph has cast is only there then.
        crate::autocast::clear_cache();
        self.0.begin(device, sharing.map(|graph| &graph.0))
    }

    /// Ends the capture.
    ///
    /// Fails with `InvalidArgument` where none is going on, and with `Backend` where the capture has failed, saying why;
    /// the graph is empty then.
    pub fn end(&mut self) -> Result<()> {
        crate::autocast::clear_cache();
        self.0.end()
    }

    /// Does all that was captured once more, without waiting for it.
    ///
    /// Fails with `InvalidArgument` for a graph that is empty or being captured.
    pub fn replay(&self) -> Result<()> {
        self.0.replay()
    }

    /// Makes the graph empty; a capture that is going on is given up.
    pub fn reset(&mut self) {
        crate::autocast::clear_cache();
        self.0 = Default::default();
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new()
    }
}

impl Device {
    /// Whether the calling thread captures a graph on this device.
    pub fn is_capturing(self) -> bool {
        self.kind == DeviceKind::Cuda && backend::is_capturing(self)
    }
}

/// Refuses what has no meaning in a graph, where the calling thread captures one, on whatever device.
pub fn refuse_in_graph(what: &str) -> Result<()> {
    backend::refuse(what)
}

/// Draws that each replay of a graph takes anew, where the calling thread captures one on the device.
pub(crate) fn draw(generator: &Generator, count: usize, device: Device) -> Result<Option<Draws>> {
    if device.kind == DeviceKind::Cuda { backend::draw(generator, count, device) } else { Ok(None) }
}

#[cfg(feature = "cuda")]
mod backend {
    use super::{Device, Draws, Error, Generator, Result};
    use crate::DType;
    use crate::value::Value;

    /// What a handle stands for.
    #[derive(Default)]
    pub(super) enum Graph {
        #[default]
        Empty,
        Captured(candle_ffi_cuda::GraphCapture),
        Ready(candle_ffi_cuda::Graph),
    }

    impl Graph {
        pub(super) fn begin(&mut self, device: Device, sharing: Option<&Self>) -> Result<()> {
            if !matches!(self, Self::Empty) {
                return Err(Error::argument("the graph is in use: reset it before it is captured again"));
            }
            let sharing = match sharing {
                None => None,
                Some(Self::Ready(other)) => Some(other),
                Some(_) => return Err(Error::argument("a graph that was not captured has no pool to share")),
            };
            let device = device.to_candle()?;
            let capture = candle_ffi_cuda::GraphCapture::begin(device.as_cuda_device()?, sharing)
                .map_err(|error| told(error, "the capture cannot begin"))?;
            *self = Self::Captured(capture);
            Ok(())
        }

        pub(super) fn end(&mut self) -> Result<()> {
            match std::mem::take(self) {
                Self::Captured(capture) => {
                    *self = Self::Ready(capture.end()?);
                    Ok(())
                }
                other => {
                    *self = other;
                    Err(Error::argument("this graph is not being captured"))
                }
            }
        }

        pub(super) fn replay(&self) -> Result<()> {
            match self {
                Self::Ready(graph) => Ok(graph.replay()?),
                Self::Empty => Err(Error::argument("the graph is empty: nothing was captured")),
                Self::Captured(_) => Err(Error::argument("the graph is still being captured")),
            }
        }
    }

    /// A misuse rather than a failure of the driver's.
    fn told(error: candle_core::Error, what: &str) -> Error {
        match Error::from(error) {
            error if error.code() == crate::ErrorCode::Backend => {
                Error::argument(format!("{what}: {}", error.message()))
            }
            error => error,
        }
    }

    pub(super) fn is_capturing(device: Device) -> bool {
        device.to_candle().is_ok_and(|device| device.as_cuda_device().is_ok_and(candle_ffi_cuda::is_captured))
    }

    pub(super) fn refuse(what: &str) -> Result<()> {
        Ok(candle_ffi_cuda::refuse_everywhere(what)?)
    }

    pub(super) fn draw(generator: &Generator, count: usize, device: Device) -> Result<Option<Draws>> {
        let opened = device.to_candle()?;
        let source = || -> candle_ffi_cuda::Source {
            let generator = generator.clone();
            Box::new(move |count| generator.take(count))
        };
        let found = candle_ffi_cuda::draw(opened.as_cuda_device()?, generator.key(), count as u64, source)?;
        // The seed is known when the graph is replayed.
        Ok(found.map(|(offset, place)| Draws { seed: 0, offset, place: Some(Value::new(place, DType::Int64)) }))
    }
}

/// Without CUDA there is no device that has graphs.
#[cfg(not(feature = "cuda"))]
mod backend {
    use super::{Device, Draws, Error, Generator, Result};

    #[derive(Default)]
    pub(super) struct Graph;

    impl Graph {
        pub(super) fn begin(&mut self, _: Device, _: Option<&Self>) -> Result<()> {
            Err(Error::internal("a CUDA device in a build without CUDA"))
        }

        pub(super) fn end(&mut self) -> Result<()> {
            Err(Error::argument("this graph is not being captured"))
        }

        pub(super) fn replay(&self) -> Result<()> {
            Err(Error::argument("the graph is empty: nothing was captured"))
        }
    }

    pub(super) fn is_capturing(_: Device) -> bool {
        false
    }

    pub(super) fn refuse(_: &str) -> Result<()> {
        Ok(())
    }

    pub(super) fn draw(_: &Generator, _: usize, _: Device) -> Result<Option<Draws>> {
        Ok(None)
    }
}
