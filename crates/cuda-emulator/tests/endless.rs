//! A kernel that does not end is stopped. Alone in its process, because the limit is one of the process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters};

#[test]
fn a_kernel_that_does_not_end() {
    // SAFETY: this is the only thread of the process that reads or writes the environment.
    unsafe { std::env::set_var("CUDA_EMULATOR_TIMEOUT", "1") };
    let mut device = Device::default();
    let module = device.load(".entry endless() {\nagain:\n bra again;\n}");
    let fault = device.run(&module, "endless", 1, 64, &Parameters::new()).unwrap_err();
    assert!(fault.message.contains("too long") && fault.line == 3, "{fault}");
}
