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
fn available() -> Option<usize> {
    let report = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = report.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
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
