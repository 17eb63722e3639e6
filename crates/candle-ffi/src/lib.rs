//! The C ABI of candle_ffi.
//!
//! - Infrastructure: [`handle`] (ownership), `checks` (of handles), `pointer` (arrays, texts, outputs), `panic`
//!   (the guard), [`error`]; `allocator`, `adopted`, `kept` (memory); `forward`, `library`, `symbols` (another library in
//!   the place of this one).
//! - One file for each C type or subject, written by hand.
//! - [`ops`] and [`layers`]: one export for each operation and each layer of `candle-ffi-core`, written by
//!   `cargo xtask gen`.
//!
//! The contract that callers and exports keep is stated once, at the top of `include/candle_ffi.h`.
//! The header has the files' sections in the order in which they stand here.
#![expect(clippy::missing_safety_doc, reason = "every export has the one contract at the top of the header")]

#[macro_use]
mod forward;

mod adopted;
mod allocator;
mod checks;
pub mod handle;
mod kept;
mod library;
mod managed;
mod panic;
mod pointer;
mod symbols;

pub mod version;

pub mod backend;

pub mod error;

pub mod dtype;

pub mod device;

pub mod fallback;

pub mod precision;

pub mod cudnn;

pub mod tensor;

pub mod data;

pub mod rows;

pub mod blob;

pub mod dlpack;

pub mod stream;

pub mod graph;

pub mod index;

pub mod autograd;

pub mod callback;

pub mod hook;

pub mod autocast;

pub mod generator;

pub mod padding;

pub mod ops;

pub mod tensor_map;

pub mod module;

pub mod container;

pub mod layers;

pub mod optimizer;

pub mod optimizer_options;

pub mod optimizers;

pub mod clip;

pub mod threads;

pub mod profiler;

pub mod profile;
