//! CUDA graphs: what a thread gives a device to do is captured, and done again by one launch.
//!
//! A graph keeps all memory that it reads and writes: what it made itself is in its pool ([`crate::graph_pool`]), what was
//! there before is kept by the tensors that it was given ([`crate::capture`]). So a replay never touches memory of others.
//! Random numbers are drawn anew by each replay, where an eager program would have drawn them: kernels read in the device's
//! memory where the draws begin, and a replay writes that first.

use crate::capture::{self, Capture, Drawn};
use crate::graph_pool::Pool;
use crate::launch::Launch;
use crate::{ptx, report};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::cublas::sys as cublas;
use candle_core::cuda_backend::cudarc::driver::sys;
use candle_core::{CudaDevice, DType, Result, Tensor, bail};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A graph that is being captured. Dropped, it is given up.
pub struct GraphCapture {
    device: CudaDevice,
    pool: Uses,
    open: bool,
}

/// A graph that can be replayed.
pub struct Graph {
    device: CudaDevice,
    /// The `CUgraphExec`, by its address.
    executable: usize,
    pool: Uses,
    kept: Vec<Tensor>,
    slots: Vec<usize>,
    /// Locked for a replay: what it writes before the launch belongs to that launch.
    draws: Mutex<Vec<Drawn>>,
}

/// A pool that a graph uses.
struct Uses(Arc<Pool>);

impl Uses {
    fn new(pool: Arc<Pool>) -> Self {
        pool.enter();
        Self(pool)
    }
}

impl Drop for Uses {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl GraphCapture {
    /// Begins to capture what this thread gives a device to do. Memory comes from the pool of another graph, where one is
    /// given: the two must not be replayed in another order than they were captured in, and not at the same time.
    pub fn begin(device: &CudaDevice, sharing: Option<&Graph>) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            // Elsewhere memory is taken from the driver without our knowing.
            bail!("graphs can be captured on Linux only");
        }
        if !device.cuda_stream().context().has_async_alloc() {
            bail!("this GPU has no memory pools, without which nothing can be captured");
        }
        let pool = match sharing {
            Some(other) if other.pool.0.is_on(device) => other.pool.0.clone(),
            Some(_) => bail!("a pool is shared by graphs of one device"),
            None => Pool::new(device),
        };
        let pool = Uses::new(pool);
        // cuBLAS is told when no thread is inside of it.
        let room = work_space(device)?;
        capture::begin(device, pool.0.clone(), || room.map_or(Ok(()), |room| give_work_space(device, room)))?;
        Ok(Self { device: device.clone(), pool, open: true })
    }

    /// Ends the capture. It is an error on another thread than the one that began it.
    pub fn end(mut self) -> Result<Graph> {
        if !capture::is_own() {
            bail!("a capture ends on the thread that began it");
        }
        let (captured, graph) = self.close()?;
        let Capture { kept, slots, draws, .. } = captured;
        let made = graph.and_then(|graph| instantiate(&self.device, graph));
        if made.is_err() {
            report::release(&self.device, &slots);
        }
        Ok(Graph {
            device: self.device.clone(),
            executable: made?,
            pool: Uses::new(self.pool.0.clone()),
            kept,
            slots,
            draws: Mutex::new(draws),
        })
    }

    fn close(&mut self) -> Result<(Capture, Result<sys::CUgraph>)> {
        self.open = false;
        capture::end(&self.device)
    }
}

impl Drop for GraphCapture {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if let Ok((captured, graph)) = self.close() {
            if let Ok(graph) = graph {
                // SAFETY: the graph is nobody else's.
                let _ = unsafe { sys::cuGraphDestroy(graph) };
            }
            report::release(&self.device, &captured.slots);
        }
    }
}

/// Makes a captured graph ready to be launched.
fn instantiate(device: &CudaDevice, graph: sys::CUgraph) -> Result<usize> {
    let mut executable = std::ptr::null_mut();
    device.cuda_stream().context().bind_to_thread().w()?;
    // SAFETY: a graph that was captured, which is not needed afterwards.
    unsafe {
        let made = sys::cuGraphInstantiateWithFlags(&raw mut executable, graph, 0).result();
        let _ = sys::cuGraphDestroy(graph);
        made.w()?;
    }
    Ok(executable.expose_provenance())
}

impl Graph {
    /// Does all that was captured once more, in the order of the stream.
    pub fn replay(&self) -> Result<()> {
        capture::refuse_everywhere("a graph cannot be replayed")?;
        let draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
        for drawn in draws.iter() {
            let (seed, offset) = (drawn.source)(drawn.count);
            let mut launch = Launch::plain(&self.device, ptx::SAMPLE, "place_draws")?;
            launch.value(seed).value(offset).tensor(&drawn.place)?;
            // SAFETY: as `place_draws` of sample.cu is declared; the place holds two numbers.
            unsafe { launch.run([1, 1, 1], [1, 1, 1], 0) }?;
        }
        let stream = self.device.cuda_stream();
        let _pass = capture::enter(&self.device)?;
        stream.context().bind_to_thread().w()?;
        // SAFETY: the graph lives, and with it all memory that it uses.
        unsafe { sys::cuGraphLaunch(self.executable(), stream.cu_stream()) }.result().w()
    }

    fn executable(&self) -> sys::CUgraphExec {
        std::ptr::with_exposed_provenance_mut(self.executable)
    }

    /// The device that it works on.
    #[must_use]
    pub fn device(&self) -> &CudaDevice {
        &self.device
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let executable = self.executable;
        let (device, slots) = (self.device.clone(), std::mem::take(&mut self.slots));
        // Tensors and pool go when the graph is gone, and that is when its last launch is done.
        let kept = std::mem::take(&mut self.kept);
        let pool = Uses::new(self.pool.0.clone());
        let places = std::mem::take(self.draws.get_mut().unwrap_or_else(PoisonError::into_inner));
        capture::after(move || {
            let stream = device.cuda_stream();
            let _ = stream.context().bind_to_thread();
            {
                let _pass = capture::enter(&device);
                let _ = stream.synchronize();
            }
            // SAFETY: the graph is used no more.
            let _ = unsafe { sys::cuGraphExecDestroy(std::ptr::with_exposed_provenance_mut(executable)) };
            report::release(&device, &slots);
            drop((kept, places, pool));
        });
    }
}

/// The devices whose cuBLAS has memory of its own to work with, and that memory, which stays.
static WORK_SPACES: Mutex<Vec<(CudaDevice, Tensor)>> = Mutex::new(Vec::new());

fn work_spaces() -> MutexGuard<'static, Vec<(CudaDevice, Tensor)>> {
    WORK_SPACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory for cuBLAS to work with, once for each device: it asks the driver for some within each graph otherwise. As all
/// work is on one stream, all products share it.
fn work_space(device: &CudaDevice) -> Result<Option<Tensor>> {
    // What NVIDIA recommends, 32 MiB from Hopper on and less before.
    const OF_HOPPER: usize = 32 << 20;
    const BEFORE: usize = (8 << 20) + (128 << 10);
    if work_spaces().iter().any(|(known, _)| known.id() == device.id()) {
        return Ok(None);
    }
    let attribute = sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
    let major = device.cuda_stream().context().attribute(attribute).w()?;
    let bytes = if major >= 9 { OF_HOPPER } else { BEFORE };
    crate::array::empty(device, bytes, DType::U8).map(Some)
}

fn give_work_space(device: &CudaDevice, room: Tensor) -> Result<()> {
    let address = std::ptr::with_exposed_provenance_mut(crate::array::address(&room)? as usize);
    // SAFETY: the memory stays for as long as the process lives, and nobody else uses the handle now.
    unsafe { cublas::cublasSetWorkspace_v2(*device.cublas_handle().handle(), address, room.elem_count()) }
        .result()
        .w()?;
    work_spaces().push((device.clone(), room));
    Ok(())
}
