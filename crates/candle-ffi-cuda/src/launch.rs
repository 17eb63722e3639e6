//! Starting a kernel.

use crate::array::{self, Strides};
use crate::capture;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::sys::CUfunction_attribute;
use candle_core::cuda_backend::cudarc::driver::{CudaFunction, CudaModule, CudaStream, DeviceRepr, result};
use candle_core::cuda_backend::cudarc::nvrtc::Ptx;
use candle_core::{CudaDevice, DType, Result, Tensor, bail};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

/// Threads of a block of an elementwise kernel.
pub(crate) const BLOCK: u32 = 256;

/// Shared memory that a block may have without being asked for.
const USUAL_SHARED: u32 = 48 << 10;

/// A kernel with the arguments that it has so far, in the order of its parameters.
pub(crate) struct Launch {
    stream: Arc<CudaStream>,
    function: CudaFunction,
    /// The arguments' bytes, each at a multiple of 8, which no parameter's alignment exceeds.
    words: SmallVec<[u64; 96]>,
    starts: SmallVec<[usize; 16]>,
}

impl Launch {
    /// The kernel `{name}_{element}` of a module of [`crate::ptx`], `element` being how `common.cuh` calls the dtype.
    pub(crate) fn of(device: &CudaDevice, module: Module, name: &'static str, dtype: DType) -> Result<Self> {
        let function = function(device, module, name, Some(dtype))?;
        Ok(Self { stream: device.cuda_stream(), function, words: SmallVec::new(), starts: SmallVec::new() })
    }

    /// The kernel of this very name, which is for no dtype in particular.
    pub(crate) fn plain(device: &CudaDevice, module: Module, name: &'static str) -> Result<Self> {
        let function = function(device, module, name, None)?;
        Ok(Self { stream: device.cuda_stream(), function, words: SmallVec::new(), starts: SmallVec::new() })
    }

    /// Adds a number, or a structure of the kernels.
    pub(crate) fn value<T: DeviceRepr + Copy>(&mut self, value: T) -> &mut Self {
        const { assert!(align_of::<T>() <= align_of::<u64>()) };
        let start = self.words.len();
        self.starts.push(start);
        self.words.resize(start + size_of::<T>().div_ceil(size_of::<u64>()), 0);
        // SAFETY: the words from `start` on have room for a T and are aligned for it.
        unsafe { self.words[start..].as_mut_ptr().cast::<T>().write(value) };
        self
    }

    /// Adds the address of a tensor's first element.
    pub(crate) fn tensor(&mut self, tensor: &Tensor) -> Result<&mut Self> {
        let address = array::address(tensor)?;
        Ok(self.value(address))
    }

    /// Adds the address of a tensor's first element, or null.
    pub(crate) fn optional(&mut self, tensor: Option<&Tensor>) -> Result<&mut Self> {
        match tensor {
            Some(tensor) => self.tensor(tensor),
            None => Ok(self.value(0u64)),
        }
    }

    /// Adds a tensor that need not be contiguous: its address, then how its elements lie.
    pub(crate) fn strided(&mut self, tensor: &Tensor) -> Result<&mut Self> {
        let Some(strides) = Strides::of(tensor.layout()) else {
            bail!("a tensor of shape {:?} is strided in more ways than kernels follow", tensor.shape());
        };
        Ok(self.tensor(tensor)?.value(strides))
    }

    /// Starts the kernel with a grid and blocks of these sizes.
    ///
    /// # Safety
    ///
    /// The arguments are those of the kernel, in type and order, and with them it stays inside its tensors.
    pub(crate) unsafe fn run(&mut self, grid: [u32; 3], block: [u32; 3], shared_bytes: u32) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        let _pass = capture::enter_stream(self.stream.cu_stream())?;
        self.stream.context().bind_to_thread().w()?;
        if shared_bytes > USUAL_SHARED {
            let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            self.function.set_attribute(attribute, shared_bytes.cast_signed()).w()?;
        }
        let words = self.words.as_mut_ptr();
        let mut arguments: SmallVec<[*mut c_void; 16]> =
            // SAFETY: each start is an index into the words.
            self.starts.iter().map(|&start| unsafe { words.add(start) }.cast()).collect();
        // SAFETY: the caller's word for the arguments; the function belongs to this context.
        unsafe {
            result::launch_kernel(
                self.function.cu_function(),
                grid.into(),
                block.into(),
                shared_bytes,
                self.stream.cu_stream(),
                &mut arguments,
            )
        }
        .w()
    }

    /// Adds `count` as `size_t`, and starts one thread for each of so many elements. The grid is bounded: kernels go on
    /// in steps of the grid (`for_each` in `common.cuh`).
    ///
    /// # Safety
    ///
    /// As for [`Self::run`].
    pub(crate) unsafe fn over(&mut self, count: usize) -> Result<()> {
        // SAFETY: the caller's word.
        unsafe { self.over_packs(count, 1) }
    }

    /// The same with one thread for `pack` elements at a time (`zip` in `elementwise.cuh`).
    ///
    /// # Safety
    ///
    /// As for [`Self::run`].
    pub(crate) unsafe fn over_packs(&mut self, count: usize, pack: usize) -> Result<()> {
        const MOST_BLOCKS: usize = 1 << 16;
        let blocks = count.div_ceil(pack).div_ceil(BLOCK as usize).min(MOST_BLOCKS);
        // SAFETY: the caller's word.
        unsafe { self.value(count).run([blocks as u32, 1, 1], [BLOCK, 1, 1], 0) }
    }
}

/// The fat binary of a file of kernels, one of [`crate::ptx`].
pub(crate) type Module = &'static [u8];

/// Functions that have been looked up: by context, name and dtype. They stay.
static FUNCTIONS: LazyLock<RwLock<Functions>> = LazyLock::new(RwLock::default);

type Functions = HashMap<(usize, &'static str, Option<DType>), CudaFunction>;

/// Modules that have been loaded, when the first of their functions was asked for: by context, and by where their binary is.
static MODULES: LazyLock<Mutex<Modules>> = LazyLock::new(Mutex::default);

type Modules = HashMap<(usize, usize), Arc<CudaModule>>;

fn function(device: &CudaDevice, module: Module, name: &'static str, dtype: Option<DType>) -> Result<CudaFunction> {
    let stream = device.cuda_stream();
    let context = stream.context();
    let key = (Arc::as_ptr(context).addr(), name, dtype);
    if let Some(known) = FUNCTIONS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(known.clone());
    }
    let full = match dtype {
        Some(dtype) => format!("{name}_{}", element(dtype)?),
        None => name.to_owned(),
    };
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let module = match modules.entry((key.0, module.as_ptr().addr())) {
        Entry::Occupied(loaded) => loaded.into_mut(),
        Entry::Vacant(place) => place.insert(context.load_module(Ptx::from_binary(module.to_vec())).w()?),
    };
    let function = module.load_function(&full).w()?;
    FUNCTIONS.write().unwrap_or_else(PoisonError::into_inner).insert(key, function.clone());
    Ok(function)
}

/// What `common.cuh` calls the element type of a dtype.
fn element(dtype: DType) -> Result<&'static str> {
    Ok(match dtype {
        DType::U8 => "u8",
        DType::U32 => "u32",
        DType::I16 => "i16",
        DType::I32 => "i32",
        DType::I64 => "i64",
        DType::F16 => "f16",
        DType::BF16 => "bf16",
        DType::F32 => "f32",
        DType::F64 => "f64",
        DType::F8E4M3 => "f8",
        dtype => bail!("{dtype:?} has no kernels"),
    })
}
