//! All memory that a device may touch: where each allocation starts and ends, and which device it belongs to.
//!
//! An address of a device is the address of the host plus [`DISTANCE`], which no program may read: a host that follows an
//! address of a device crashes, as it does with a real one. Page-locked memory of the host keeps its address, as it does
//! under CUDA's unified addressing.

use std::alloc::Layout;
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::border::Address;
use super::handles::Handle;
use super::order::{self, User};
use super::status::Status;
use crate::machine::{Memory, Region};

/// Bit 56: not canonical on x86-64, and beyond what user space has on AArch64.
const DISTANCE: u64 = 1 << 56;

/// What `cuMemAlloc` promises.
const ALIGNMENT: usize = 512;

/// What fresh memory holds: NaN in every floating-point type, -1 in every integer.
const POISON: u8 = 0xFF;

/// How much freed memory is kept from being used again, so that a use after the free is found out.
const QUARANTINE: usize = 32 << 20;

/// Where an allocation came from, which decides what frees it and who may touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `cuMemAlloc`: other devices reach it when their context has peer access.
    Plain,
    /// `cuMemAllocAsync`: other devices reach it when the pool lets them (one bit for each).
    Pool {
        /// The pool.
        pool: Handle,
    },
    /// `cuMemAllocManaged`: every device and the host.
    Managed,
    /// `cuMemHostAlloc`: every device and the host.
    Host,
    /// `cuMemHostRegister`: memory of the program's own.
    Registered,
    /// A variable of a module.
    Module,
    /// Memory that a graph takes when it is launched.
    Graph,
}

/// One allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub start: Address,
    pub size: usize,
    pub host: usize,
    pub device: usize,
    pub context: Handle,
    pub kind: Kind,
    pub id: u64,
}

impl Block {
    fn end(&self) -> Address {
        self.start + self.size as u64
    }

    /// Whether the host may read the address itself.
    pub(crate) fn on_host(&self) -> bool {
        matches!(self.kind, Kind::Managed | Kind::Host | Kind::Registered)
    }

    /// The host's pointer to an address inside.
    pub(crate) fn pointer(&self, address: Address) -> *mut u8 {
        (self.host + (address - self.start) as usize) as *mut u8
    }
}

/// The allocations that are alive, and some of those that were.
pub(crate) struct Registry {
    blocks: RwLock<BTreeMap<Address, Block>>,
    freed: Mutex<Freed>,
    /// Changes whenever an address may mean something else than before.
    generation: AtomicU64,
    next: AtomicU64,
}

#[derive(Default)]
struct Freed {
    blocks: VecDeque<Block>,
    bytes: usize,
}

static REGISTRY: Registry = Registry {
    blocks: RwLock::new(BTreeMap::new()),
    freed: Mutex::new(Freed { blocks: VecDeque::new(), bytes: 0 }),
    generation: AtomicU64::new(1),
    next: AtomicU64::new(1),
};

/// The registry of this process.
pub(crate) fn registry() -> &'static Registry {
    &REGISTRY
}

fn layout(size: usize) -> Option<Layout> {
    // The bytes between two allocations belong to none, so that a step too far does not land in the next one.
    Layout::from_size_align(size.checked_next_multiple_of(ALIGNMENT)? + ALIGNMENT, ALIGNMENT).ok()
}

impl Registry {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Address, Block>> {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Address, Block>> {
        self.blocks.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cached answers are no longer good: something was freed, or access was taken away.
    pub(crate) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Fresh memory, poisoned.
    pub(crate) fn allocate(&self, size: usize, device: usize, context: Handle, kind: Kind) -> Option<Block> {
        let layout = layout(size)?;
        // SAFETY: the layout has a size of at least the alignment.
        let host = unsafe { std::alloc::alloc(layout) };
        if host.is_null() {
            return None;
        }
        // SAFETY: just allocated with this size.
        unsafe { host.write_bytes(POISON, layout.size()) };
        let start = match kind {
            Kind::Plain | Kind::Pool { .. } | Kind::Module | Kind::Graph => host as u64 + DISTANCE,
            Kind::Managed | Kind::Host | Kind::Registered => host as u64,
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let block = Block { start, size, host: host as usize, device, context, kind, id };
        self.write().insert(start, block);
        Some(block)
    }

    /// The memory of a graph that is not being launched is nobody's.
    pub(crate) fn withdraw(&self, address: Address) -> Result<Block, Status> {
        let mut blocks = self.write();
        let block = *blocks.get(&address).filter(|block| block.kind == Kind::Graph).ok_or(Status::INVALID_VALUE)?;
        blocks.remove(&address);
        drop(blocks);
        self.forget();
        Ok(block)
    }

    /// The reverse of [`Registry::withdraw`]; an error when it is there already.
    pub(crate) fn restore(&self, block: Block) -> Result<(), Status> {
        let mut blocks = self.write();
        if blocks.contains_key(&block.start) {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: the graph owns this memory, and nobody has an address of it that is still good.
        unsafe { (block.host as *mut u8).write_bytes(POISON, block.size) };
        blocks.insert(block.start, block);
        Ok(())
    }

    /// Memory that was withdrawn for good.
    pub(crate) fn discard(&self, block: Block) {
        self.quarantine(block);
    }

    /// Memory of the program's own, from now on open to the devices.
    pub(crate) fn register(&self, host: u64, size: usize, device: usize, context: Handle) -> Result<(), Status> {
        let mut blocks = self.write();
        let before = blocks.range(..host + size as u64).next_back();
        if before.is_some_and(|(_, block)| block.end() > host) {
            return Err(Status::HOST_MEMORY_ALREADY_REGISTERED);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let kind = Kind::Registered;
        blocks.insert(host, Block { start: host, size, host: host as usize, device, context, kind, id });
        Ok(())
    }

    /// The reverse of [`Registry::register`].
    pub(crate) fn unregister(&self, host: u64) -> Result<(), Status> {
        let mut blocks = self.write();
        if blocks.get(&host).is_none_or(|block| block.kind != Kind::Registered) {
            return Err(Status::HOST_MEMORY_NOT_REGISTERED);
        }
        blocks.remove(&host);
        drop(blocks);
        self.forget();
        Ok(())
    }

    /// Ends an allocation that starts at `address` and is of a kind that `matches` accepts.
    pub(crate) fn free(&self, address: Address, matches: impl Fn(&Kind) -> bool) -> Result<Block, Status> {
        let mut blocks = self.write();
        let block = *blocks.get(&address).filter(|block| matches(&block.kind)).ok_or(Status::INVALID_VALUE)?;
        blocks.remove(&address);
        drop(blocks);
        self.forget();
        self.quarantine(block);
        Ok(block)
    }

    /// Ends all allocations of a context.
    pub(crate) fn free_context(&self, context: Handle) {
        let of_context: Vec<Block> = self.read().values().filter(|block| block.context == context).copied().collect();
        for block in of_context {
            _ = match block.kind {
                Kind::Registered => self.unregister(block.start),
                kind => self.free(block.start, |found| *found == kind).map(|block| super::memory::give_back(&block)),
            };
        }
    }

    fn quarantine(&self, block: Block) {
        let mut freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner);
        freed.bytes += block.size;
        freed.blocks.push_back(block);
        while freed.bytes > QUARANTINE
            && let Some(oldest) = freed.blocks.pop_front()
        {
            freed.bytes -= oldest.size;
            if let Some(layout) = layout(oldest.size) {
                // SAFETY: allocated with this layout, and no address leads to it any more.
                unsafe { std::alloc::dealloc(oldest.host as *mut u8, layout) };
            }
        }
    }

    /// The allocation that holds an address.
    pub(crate) fn find(&self, address: Address) -> Option<Block> {
        let blocks = self.read();
        let (_, block) = blocks.range(..=address).next_back()?;
        (address < block.end()).then_some(*block)
    }

    /// The allocation that holds `size` bytes from an address on.
    pub(crate) fn find_range(&self, address: Address, size: usize) -> Option<Block> {
        self.find(address).filter(|block| size as u64 <= block.end() - address)
    }

    /// Why an access cannot be: what is near the address.
    pub(crate) fn explain(&self, address: Address, size: usize, write: bool) -> String {
        let mut text = format!("{} of {size} bytes at {address:#x}", if write { "a write" } else { "a read" });
        let inside = |block: &Block| address >= block.start && address < block.end();
        let freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner);
        let was = freed.blocks.iter().rev().find(|block| inside(block)).copied();
        drop(freed);
        let near = self.read().range(..=address).next_back().map(|(_, block)| *block);
        if let Some(block) = near.filter(|block| inside(block) && order::is_lost(block.start, order::running())) {
            _ = write!(
                text,
                ": inside memory of {} bytes that has been freed in the order of a stream, before which this is not",
                block.size
            );
            return text;
        }
        _ = match (near, was) {
            (Some(block), _) if inside(&block) && address + size as u64 <= block.end() => {
                write!(text, ": inside an allocation of device {}, which this device has no access to", block.device)
            }
            (Some(block), _) if inside(&block) => write!(
                text,
                ": {} bytes into an allocation of {} bytes, so it ends outside",
                address - block.start,
                block.size
            ),
            (_, Some(block)) => write!(text, ": inside memory of {} bytes that has been freed", block.size),
            (Some(block), None) if address - block.end() < 1 << 20 => {
                write!(text, ": {} bytes past the end of an allocation of {} bytes", address - block.end(), block.size)
            }
            _ => write!(text, ": no allocation is near"),
        };
        if address < 1 << 47 && near.is_none_or(|block| !inside(&block)) {
            text.push_str(" (it looks like an address of the host, or a null pointer)");
        }
        text
    }
}

/// What one device sees of the memory.
pub(crate) struct DeviceView {
    device: usize,
    /// Devices whose plain allocations this one may use: one bit for each.
    peers: u64,
    /// For which work.
    user: Option<User>,
}

#[derive(Clone, Copy)]
struct Cached {
    generation: u64,
    /// The device and its peers.
    viewer: (usize, u64),
    start: Address,
    end: Address,
    host: usize,
}

const EMPTY: Cached = Cached { generation: 0, viewer: (0, 0), start: 0, end: 0, host: 0 };

struct Cache {
    entries: [Cell<Cached>; 8],
    next: Cell<usize>,
}

thread_local! {
    static CACHE: Cache = const { Cache { entries: [const { Cell::new(EMPTY) }; 8], next: Cell::new(0) } };
}

impl DeviceView {
    pub(crate) fn new(device: usize, peers: u64, user: Option<User>) -> Self {
        Self { device, peers, user }
    }

    fn may_touch(&self, block: &Block) -> bool {
        if order::is_lost(block.start, self.user) {
            return false;
        }
        if block.device == self.device || block.on_host() {
            return true;
        }
        match block.kind {
            Kind::Pool { pool } => super::pool::reachable(pool, self.device),
            _ => self.peers >> block.device & 1 == 1,
        }
    }

    fn look_up(&self, address: Address, size: usize) -> Option<Cached> {
        let generation = registry().generation.load(Ordering::Acquire);
        let block = registry().find_range(address, size).filter(|block| self.may_touch(block))?;
        let viewer = (self.device, self.peers);
        Some(Cached { generation, viewer, start: block.start, end: block.end(), host: block.host })
    }
}

impl Memory for DeviceView {
    fn region(&self, address: u64) -> Option<Region> {
        let block = registry().find(address).filter(|block| self.may_touch(block))?;
        Some(Region { address: block.start, size: block.size, host: block.host as *mut u8, writable: true })
    }

    #[inline]
    fn resolve(&self, address: u64, size: usize, _write: bool) -> Option<*mut u8> {
        CACHE.with(|cache| {
            let generation = registry().generation.load(Ordering::Acquire);
            let end = address.checked_add(size as u64)?;
            for entry in &cache.entries {
                let entry = entry.get();
                if address >= entry.start
                    && end <= entry.end
                    && entry.generation == generation
                    && entry.viewer == (self.device, self.peers)
                {
                    return Some((entry.host + (address - entry.start) as usize) as *mut u8);
                }
            }
            let found = self.look_up(address, size)?;
            // What one work may use, another may not.
            if !order::is_ending(found.start) {
                let slot = cache.next.get();
                cache.entries[slot].set(found);
                cache.next.set((slot + 1) % cache.entries.len());
            }
            Some((found.host + (address - found.start) as usize) as *mut u8)
        })
    }
}
