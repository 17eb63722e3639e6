//! The CUDA driver API, as far as this project and the libraries under it call it.
//!
//! Every file holds one group of the API's functions. Work is done at once, on the calling thread, unless it is put off
//! (`order.rs`); what is kept of the real device is what a program can get wrong: addresses that the host must not read,
//! memory that ends where it was asked to end, handles that are no longer valid, devices that do not see each other's memory,
//! a context that is dead after a kernel went astray.

pub mod behind;
pub mod context;
pub mod copy;
pub mod counts;
pub mod device;
pub mod event;
pub mod function;
pub mod graph;
pub mod host;
pub mod launch;
pub mod memory;
pub mod module;
pub mod pool;
pub mod stream;

mod account;
mod border;
mod export;
mod fat_binary;
mod handles;
mod order;
mod registry;
mod settings;
mod status;

pub use border::{Address, HostPointer, In, Out, Text};
pub(crate) use context::current;
pub(crate) use counts::{Count, count, write_text};
pub(crate) use export::{call as export_call, exports, report, tracing as export_tracing};
pub use handles::Handle;
pub(crate) use handles::Handles;
pub(crate) use order::settle;
pub(crate) use registry::{DeviceView, registry};
pub(crate) use settings::settings;
pub use status::Status;
pub(crate) use stream::{Stream, stream, submit};
