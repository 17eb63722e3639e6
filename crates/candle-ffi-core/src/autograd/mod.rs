//! The tape: each result keeps its gradient rule and its inputs; `backward` walks them iteratively.

mod engine;
mod history;
mod hooks;
mod mode;
mod node;
mod record;
mod saved;

pub use engine::{backward, grad};
pub(crate) use history::History;
pub use hooks::Hook;
pub use mode::{GradMode, is_enabled, set_enabled};
pub(crate) use node::{GradContext, Gradients};
pub(crate) use saved::Saved;
