//! Device memory and launches for tests.

#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use cuda_emulator::machine::{Fault, Memory, Region, launch};
use cuda_emulator::ptx::Module;

/// A type of device memory and parameters.
pub trait Plain: Copy {
    fn bytes(self) -> Vec<u8>;
    fn of(bytes: &[u8]) -> Self;
}

macro_rules! plain {
    ($($ty:ty)*) => {$(
        impl Plain for $ty {
            fn bytes(self) -> Vec<u8> { self.to_le_bytes().to_vec() }
            fn of(bytes: &[u8]) -> Self { <$ty>::from_le_bytes(bytes.try_into().unwrap()) }
        }
    )*};
}
plain! { u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 usize half::f16 half::bf16 }

/// Device memory: allocations far from each other, so that an address beside one is in none.
#[derive(Default)]
pub struct Device {
    regions: Vec<Region>,
    next: u64,
}

// SAFETY: kernels touch the memory by atomic words only, and tests only between launches.
unsafe impl Sync for Device {}

impl Memory for Device {
    fn resolve(&self, address: u64, size: usize, write: bool) -> Option<*mut u8> {
        let region = self.region(address).filter(|region| region.writable || !write)?;
        let offset = (address - region.address) as usize;
        (region.size - offset >= size).then(|| region.host.wrapping_add(offset))
    }

    fn region(&self, address: u64) -> Option<Region> {
        self.regions.iter().find(|r| (r.address..r.address + r.size as u64).contains(&address)).copied()
    }
}

impl Device {
    pub fn empty(&mut self, size: usize) -> u64 {
        let words: &mut [u128] = Box::leak(vec![0; size.div_ceil(16)].into_boxed_slice());
        self.next += 0x1_0000_0000;
        self.regions.push(Region { address: self.next, size, host: words.as_mut_ptr().cast(), writable: true });
        self.next
    }

    pub fn with<T: Plain>(&mut self, values: &[T]) -> u64 {
        let address = self.empty(size_of_val(values));
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.bytes()).collect();
        if let Some(host) = self.resolve(address, bytes.len(), true) {
            // SAFETY: that many bytes were just allocated.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), host, bytes.len()) };
        }
        address
    }

    pub fn read<T: Plain>(&self, address: u64, count: usize) -> Vec<T> {
        let size = count * size_of::<T>();
        let host = self.resolve(address, size, false).expect("read outside of an allocation");
        // SAFETY: `resolve` found that many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(host, size) };
        bytes.chunks(size_of::<T>()).map(T::of).collect()
    }

    /// A module whose variables have a place here.
    pub fn load(&mut self, text: &str) -> Module {
        let mut module = Module::parse(text).unwrap();
        let sizes: Vec<usize> = module.variables().iter().map(|variable| variable.size).collect();
        let places: Vec<u64> = sizes.iter().map(|&size| self.empty(size)).collect();
        let mut places = places.into_iter();
        module.allocate(&mut |_, _| places.next(), self).unwrap();
        module
    }

    pub fn run(
        &self,
        module: &Module,
        name: &str,
        grid: impl Into<Shape>,
        block: impl Into<Shape>,
        parameters: &Parameters,
    ) -> Result<(), Fault> {
        let function = module.function(name).unwrap_or_else(|| panic!("no kernel `{name}`"));
        launch(&function, grid.into().0, block.into().0, parameters.shared, &parameters.bytes, self)
    }
}

/// One to three dimensions.
pub struct Shape([u32; 3]);

impl From<u32> for Shape {
    fn from(x: u32) -> Self {
        Shape([x, 1, 1])
    }
}

impl From<[u32; 2]> for Shape {
    fn from([x, y]: [u32; 2]) -> Self {
        Shape([x, y, 1])
    }
}

impl From<[u32; 3]> for Shape {
    fn from(shape: [u32; 3]) -> Self {
        Shape(shape)
    }
}

/// The bytes of a launch's parameters, each aligned to its size.
#[derive(Default)]
pub struct Parameters {
    bytes: Vec<u8>,
    shared: u32,
}

impl Parameters {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn and<T: Plain>(mut self, value: T) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(size_of::<T>()), 0);
        self.bytes.extend(value.bytes());
        self
    }

    /// Bytes of shared memory.
    pub fn shared(mut self, bytes: u32) -> Self {
        self.shared = bytes;
        self
    }
}
