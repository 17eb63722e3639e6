//! Whether operations are recorded: a switch of each thread.

use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
}

/// Whether operations on this thread are recorded.
#[inline]
pub fn is_enabled() -> bool {
    ENABLED.get()
}

/// Sets the switch and returns what it was, for callers that restore it themselves.
pub fn set_enabled(enabled: bool) -> bool {
    ENABLED.replace(enabled)
}

/// Sets the switch for as long as it lives.
#[must_use = "the mode lasts as long as this value"]
pub struct GradMode {
    before: bool,
    // Bound to its thread: restoring on another one would flip the wrong switch.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl GradMode {
    /// Records from here on, or not.
    pub fn new(enabled: bool) -> Self {
        Self { before: set_enabled(enabled), _not_send: std::marker::PhantomData }
    }
}

impl Drop for GradMode {
    fn drop(&mut self) {
        set_enabled(self.before);
    }
}
