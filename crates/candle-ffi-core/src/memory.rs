//! Whether memory can be had, asked before it is taken: an allocation that fails aborts the process, and
//! one that the system grants but cannot back gets the process killed.

/// Requests up to this are not worth a question.
const SMALL: usize = 64 << 20;
/// Requests above this are compared with what the system says is free.
const LARGE: usize = 1 << 30;

/// Whether this many bytes can be had.
pub(crate) fn can_allocate(bytes: usize) -> bool {
    if bytes <= SMALL {
        return true;
    }
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
        && (bytes <= LARGE || available().is_none_or(|free| bytes <= free))
}

/// The bytes that can be used without pushing others out, where the system tells.
pub(crate) fn available() -> Option<usize> {
    meminfo("MemAvailable:")
}

/// The bytes of the machine's memory, where the system tells.
pub(crate) fn total() -> Option<usize> {
    meminfo("MemTotal:")
}

fn meminfo(name: &str) -> Option<usize> {
    let report = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = report.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(feature = "cuda")]
thread_local! {
    /// The bytes and the dtype of the last large result that this thread has checked.
    static LAST_LARGE: std::cell::Cell<Option<(usize, crate::DType)>> = const { std::cell::Cell::new(None) };
}

/// Remembers a result that is large, in case that a device fails for want of memory and does not say at what.
#[cfg(feature = "cuda")]
pub(crate) fn note(bytes: usize, dtype: crate::DType) {
    if bytes > SMALL {
        LAST_LARGE.set(Some((bytes, dtype)));
    }
}

/// The bytes and the dtype of the last large result that this thread was about to make.
#[cfg(feature = "cuda")]
pub(crate) fn last_large() -> Option<(usize, crate::DType)> {
    LAST_LARGE.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_refused() {
        assert!(can_allocate(1 << 20) && can_allocate(65 << 20));
        assert!(!can_allocate(1 << 60));
        if let Some(free) = available() {
            assert!(!can_allocate(free * 2));
        }
    }
}
