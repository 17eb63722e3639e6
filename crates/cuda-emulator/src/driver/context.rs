//! Contexts: the primary one of each device and those that a program makes; which one a thread uses.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::border::{HostPointer, In, Out};
use super::counts::{Count, count};
use super::device::{device, initialized};
use super::handles::{Handle, Handles};
use super::registry::{DeviceView, registry};
use super::settings::settings;
use super::status::Status;
use super::stream::{Stream, no_capture};
use super::{account, exports, order};

/// A `CUcontext`.
pub(crate) struct Context {
    pub handle: Handle,
    pub device: usize,
    flags: AtomicU32,
    /// How often a primary context is retained.
    retained: AtomicU32,
    /// Devices whose plain memory kernels of this context may use: one bit for each.
    peers: AtomicU64,
    /// The code of what went astray, after which nothing works any more; 0 when nothing did.
    dead: AtomicI32,
    destroyed: AtomicBool,
    /// The stream that all others wait for, by its name 0 or 1.
    pub legacy: OnceLock<Arc<Stream>>,
}

static CONTEXTS: Handles<Context> = Handles::new();

thread_local! {
    /// Not dropped at the end of the thread, since what else is dropped there may still call the driver.
    static CURRENT: RefCell<ManuallyDrop<Vec<Handle>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

impl Context {
    fn open(device: usize) -> Handle {
        CONTEXTS.add_with(|handle| Self {
            handle,
            device,
            flags: AtomicU32::new(0),
            retained: AtomicU32::new(0),
            peers: AtomicU64::new(0),
            dead: AtomicI32::new(0),
            destroyed: AtomicBool::new(false),
            legacy: OnceLock::new(),
        })
    }

    /// What kernels of this context see of the memory.
    pub(crate) fn view(&self) -> DeviceView {
        DeviceView::new(self.device, self.peers.load(Ordering::Acquire), order::running())
    }

    /// An error if a kernel of this context went astray before.
    pub(crate) fn alive(&self) -> Result<(), Status> {
        match self.dead.load(Ordering::Acquire) {
            _ if self.destroyed.load(Ordering::Acquire) => Err(Status::CONTEXT_IS_DESTROYED),
            0 => Ok(()),
            code => Err(Status(code)),
        }
    }

    /// From now on every call fails with this code.
    pub(crate) fn kill(&self, status: Status) {
        _ = self.dead.compare_exchange(0, status.0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// All work is done; pools give back what they need not keep.
    pub(crate) fn synchronize(&self) -> Result<(), Status> {
        count(Count::Synchronize);
        self.alive()?;
        order::settle(self.handle)?;
        self.alive()?;
        account::synchronized(self.device);
        Ok(())
    }

    fn reset(&self) {
        // Nothing that is left can be reported to anyone.
        _ = order::settle(self.handle);
        registry().free_context(self.handle);
        self.peers.store(0, Ordering::Release);
        self.dead.store(0, Ordering::Release);
        registry().forget();
    }
}

/// The primary context of a device, whether or not it is retained.
fn primary(device: usize) -> Result<Arc<Context>, Status> {
    static PRIMARY: OnceLock<Vec<Handle>> = OnceLock::new();
    let primary = PRIMARY.get_or_init(|| (0..settings().devices.len()).map(Context::open).collect());
    CONTEXTS.get(primary[device])
}

/// A context by its handle.
pub(crate) fn context(handle: Handle) -> Result<Arc<Context>, Status> {
    CONTEXTS.get(handle).map_err(|_| Status::INVALID_CONTEXT)
}

/// The context that this thread uses; an error when it has none, or one in which a kernel went astray.
pub(crate) fn current() -> Result<Arc<Context>, Status> {
    initialized()?;
    let handle = CURRENT.with_borrow(|stack| stack.last().copied()).filter(|handle| *handle != 0);
    let context = context(handle.ok_or(Status::INVALID_CONTEXT)?)?;
    context.alive()?;
    Ok(context)
}

fn set_current(handle: Handle) {
    CURRENT.with_borrow_mut(|stack| {
        stack.pop();
        stack.push(handle);
    });
}

fn create(out: Out<Handle>, flags: u32, ordinal: i32) -> Result<(), Status> {
    let handle = Context::open(device(ordinal)?);
    context(handle)?.flags.store(flags, Ordering::Release);
    CURRENT.with_borrow_mut(|stack| stack.push(handle));
    out.set(handle)
}

exports! {
    fn cuDevicePrimaryCtxRetain(context: Out<Handle>, ordinal: i32) {
        let primary = primary(device(ordinal)?)?;
        primary.retained.fetch_add(1, Ordering::AcqRel);
        context.set(primary.handle)
    }

    fn cuDevicePrimaryCtxRelease_v2(ordinal: i32) {
        let primary = primary(device(ordinal)?)?;
        let one_less = |retained: u32| retained.checked_sub(1);
        match primary.retained.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less) {
            Ok(1) => primary.reset(),
            Ok(_) => {}
            Err(_) => return Err(Status::INVALID_CONTEXT),
        }
        Ok(())
    }

    fn cuDevicePrimaryCtxReset_v2(ordinal: i32) {
        primary(device(ordinal)?)?.reset();
        Ok(())
    }

    fn cuDevicePrimaryCtxSetFlags_v2(ordinal: i32, flags: u32) {
        primary(device(ordinal)?)?.flags.store(flags, Ordering::Release);
        Ok(())
    }

    fn cuDevicePrimaryCtxGetState(ordinal: i32, flags: Out<u32>, active: Out<i32>) {
        let primary = primary(device(ordinal)?)?;
        flags.set(primary.flags.load(Ordering::Acquire))?;
        active.set(i32::from(primary.retained.load(Ordering::Acquire) > 0))
    }

    fn cuCtxCreate_v2(context: Out<Handle>, flags: u32, ordinal: i32) {
        create(context, flags, ordinal)
    }

    fn cuCtxCreate_v3(context: Out<Handle>, _affinity: HostPointer, _count: i32, flags: u32, ordinal: i32) {
        create(context, flags, ordinal)
    }

    fn cuCtxCreate_v4(context: Out<Handle>, _parameters: HostPointer, flags: u32, ordinal: i32) {
        create(context, flags, ordinal)
    }

    fn cuCtxDestroy_v2(handle: Handle) {
        let context = context(handle)?;
        if primary(context.device)?.handle == handle {
            return Err(Status::INVALID_CONTEXT);
        }
        context.reset();
        context.destroyed.store(true, Ordering::Release);
        CONTEXTS.remove(handle)?;
        CURRENT.with_borrow_mut(|stack| stack.pop_if(|top| *top == handle));
        Ok(())
    }

    fn cuCtxGetCurrent(out: Out<Handle>) {
        initialized()?;
        out.set(CURRENT.with_borrow(|stack| stack.last().copied()).unwrap_or(0))
    }

    fn cuCtxSetCurrent(handle: Handle) {
        initialized()?;
        if handle == 0 {
            CURRENT.with_borrow_mut(|stack| stack.pop());
            return Ok(());
        }
        context(handle)?;
        set_current(handle);
        Ok(())
    }

    fn cuCtxPushCurrent_v2(handle: Handle) {
        initialized()?;
        context(handle)?;
        CURRENT.with_borrow_mut(|stack| stack.push(handle));
        Ok(())
    }

    fn cuCtxPopCurrent_v2(out: Out<Handle>) {
        initialized()?;
        let handle = CURRENT.with_borrow_mut(|stack| stack.pop()).ok_or(Status::INVALID_CONTEXT)?;
        out.set_if_wanted(handle);
        Ok(())
    }

    fn cuCtxGetDevice(out: Out<i32>) {
        out.set(i32::try_from(current()?.device).map_err(|_| Status::INVALID_DEVICE)?)
    }

    fn cuCtxGetFlags(flags: Out<u32>) {
        flags.set(current()?.flags.load(Ordering::Acquire))
    }

    fn cuCtxSetFlags(flags: u32) {
        current()?.flags.store(flags, Ordering::Release);
        Ok(())
    }

    fn cuCtxGetId(handle: Handle, id: Out<u64>) {
        let context = if handle == 0 { current()? } else { context(handle)? };
        id.set(context.handle)
    }

    fn cuCtxGetApiVersion(handle: Handle, version: Out<u32>) {
        if handle != 0 {
            context(handle)?;
        }
        version.set(3020)
    }

    fn cuCtxSynchronize() {
        let context = current()?;
        no_capture(&context)?;
        context.synchronize()
    }

    fn cuCtxGetStreamPriorityRange(least: Out<i32>, greatest: Out<i32>) {
        current()?;
        least.set_if_wanted(0);
        greatest.set_if_wanted(-5);
        Ok(())
    }

    fn cuCtxGetLimit(value: Out<usize>, limit: i32) {
        current()?;
        let known = match limit {
            0 => 1024,
            1 => 1 << 20,
            2 => 8 << 20,
            3 => 2,
            4 => 2048,
            5 => 64,
            6 => 0,
            _ => return Err(Status::UNSUPPORTED_LIMIT),
        };
        value.set(known)
    }

    fn cuCtxSetLimit(limit: i32, _value: usize) {
        current()?;
        if (0..7).contains(&limit) { Ok(()) } else { Err(Status::UNSUPPORTED_LIMIT) }
    }

    fn cuCtxGetCacheConfig(config: Out<i32>) {
        current()?;
        config.set(0)
    }

    fn cuCtxSetCacheConfig(_config: i32) {
        current()?;
        Ok(())
    }

    fn cuCtxGetSharedMemConfig(config: Out<i32>) {
        current()?;
        config.set(0)
    }

    fn cuCtxSetSharedMemConfig(_config: i32) {
        current()?;
        Ok(())
    }

    fn cuCtxResetPersistingL2Cache() {
        current()?;
        Ok(())
    }

    fn cuDeviceCanAccessPeer(can: Out<i32>, one: i32, other: i32) {
        can.set(i32::from(device(one)? != device(other)?))
    }

    fn cuDeviceGetP2PAttribute(value: Out<i32>, attribute: i32, one: i32, other: i32) {
        let (one, other) = (device(one)?, device(other)?);
        if one == other {
            return Err(Status::INVALID_DEVICE);
        }
        match attribute {
            // The rank of the connection; whether access and atomic operations are possible.
            1 => value.set(0),
            2 | 3 => value.set(1),
            4 => value.set(0),
            _ => Err(Status::INVALID_VALUE),
        }
    }

    fn cuCtxEnablePeerAccess(peer: Handle, flags: u32) {
        let (current, peer) = (current()?, context(peer)?);
        if flags != 0 {
            return Err(Status::INVALID_VALUE);
        }
        if current.device == peer.device {
            return Err(Status::INVALID_DEVICE);
        }
        let bit = 1 << peer.device;
        if current.peers.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
            return Err(Status::PEER_ACCESS_ALREADY_ENABLED);
        }
        Ok(())
    }

    fn cuCtxDisablePeerAccess(peer: Handle) {
        let (current, peer) = (current()?, context(peer)?);
        let bit = 1 << peer.device;
        if current.peers.fetch_and(!bit, Ordering::AcqRel) & bit == 0 {
            return Err(Status::PEER_ACCESS_NOT_ENABLED);
        }
        registry().forget();
        Ok(())
    }

    fn cuProfilerStart() {
        initialized()
    }

    fn cuProfilerStop() {
        initialized()
    }

    fn cuThreadExchangeStreamCaptureMode(mode: Out<i32>) {
        super::stream::exchange_mode(mode)
    }

    fn cuCtxWaitEvent(handle: Handle, event: Handle) {
        context(handle)?.alive()?;
        super::event::event(event)?.hold(handle)
    }

    fn cuCtxGetExecAffinity(_affinity: In<u8>, _kind: i32) {
        Err(Status::NOT_SUPPORTED)
    }
}
