//! The environment variables, read once.

use std::env;
use std::sync::OnceLock;

/// What the environment asks for.
pub(crate) struct Settings {
    /// The devices that can be seen, as numbers of the emulated machine.
    pub devices: Vec<usize>,
    /// Bytes of memory that each device has.
    pub memory: usize,
    /// What `cuDriverGetVersion` says.
    pub version: i32,
    /// Whether each call is printed.
    pub trace: bool,
    /// Whether work waits in its stream until something makes it run.
    pub deferred: bool,
    /// Whether a launch reports its own failure, as with a real device that is asked to wait for each launch.
    pub blocking: bool,
}

const GIBIBYTE: usize = 1 << 30;

/// The settings of this process.
pub(crate) fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| Settings {
        devices: visible(number("CUDA_EMULATOR_DEVICES", 1), env::var("CUDA_VISIBLE_DEVICES").ok().as_deref()),
        memory: number("CUDA_EMULATOR_MEMORY", GIBIBYTE),
        version: number("CUDA_EMULATOR_VERSION", 13000),
        trace: is_on("CUDA_EMULATOR_TRACE"),
        deferred: is_on("CUDA_EMULATOR_DEFER"),
        blocking: env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| value == "1"),
    })
}

fn is_on(name: &str) -> bool {
    env::var(name).is_ok_and(|value| !value.is_empty() && value != "0")
}

fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match env::var(name) {
        Ok(text) => text.trim().parse().unwrap_or_else(|_| {
            eprintln!("cuda-emulator: {name}={text} is not a number and is ignored");
            otherwise
        }),
        Err(_) => otherwise,
    }
}

/// As the driver does it: the list ends at the first entry that names no device, and an empty list is no device.
fn visible(count: usize, list: Option<&str>) -> Vec<usize> {
    let Some(list) = list else { return (0..count).collect() };
    let mut devices = Vec::new();
    for entry in list.split(',') {
        match entry.trim().parse::<usize>() {
            Ok(device) if device < count && !devices.contains(&device) => devices.push(device),
            _ => break,
        }
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn visible_devices_end_at_the_first_that_is_not_there() {
        assert_eq!(visible(3, None), [0, 1, 2]);
        assert_eq!(visible(3, Some("2,0")), [2, 0]);
        assert_eq!(visible(3, Some("1,7,2")), [1]);
        assert!(visible(3, Some("")).is_empty());
        assert!(visible(3, Some("-1")).is_empty());
        assert!(visible(3, Some("1,1")) == [1]);
    }
}
