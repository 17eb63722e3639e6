//! NVRTC: there to be linked; there is no compiler behind it, and it says so.

use std::ffi::c_char;

use crate::driver::{Handle, HostPointer, Out, Text, exports};

/// A `nvrtcResult` that is not `NVRTC_SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtc(pub i32);

/// `NVRTC_ERROR_PROGRAM_CREATION_FAILURE` and `NVRTC_ERROR_INVALID_PROGRAM`.
const NO_COMPILER: Rtc = Rtc(2);
const NO_PROGRAM: Rtc = Rtc(4);

impl From<Rtc> for i32 {
    fn from(status: Rtc) -> i32 {
        status.0
    }
}

exports! {
    panic = 11, error = Rtc;

    fn nvrtcVersion(major: Out<i32>, minor: Out<i32>) {
        major.set_if_wanted(13);
        minor.set_if_wanted(0);
        Ok(())
    }

    fn nvrtcCreateProgram(_out: Out<Handle>, _source: Text, _name: Text, _number: i32, _headers: HostPointer, _names: HostPointer) {
        crate::driver::report(format_args!("NVRTC has no compiler here; kernels come as PTX"));
        Err(NO_COMPILER)
    }

    fn nvrtcCompileProgram(_program: Handle, _number: i32, _options: HostPointer) {
        Err(NO_PROGRAM)
    }

    fn nvrtcDestroyProgram(_program: HostPointer) {
        Err(NO_PROGRAM)
    }

    fn nvrtcGetPTXSize(_program: Handle, _size: Out<usize>) {
        Err(NO_PROGRAM)
    }

    fn nvrtcGetPTX(_program: Handle, _text: HostPointer) {
        Err(NO_PROGRAM)
    }

    fn nvrtcGetProgramLogSize(_program: Handle, _size: Out<usize>) {
        Err(NO_PROGRAM)
    }

    fn nvrtcGetProgramLog(_program: Handle, _text: HostPointer) {
        Err(NO_PROGRAM)
    }
}

/// The text of a result.
#[unsafe(no_mangle)]
pub extern "C" fn nvrtcGetErrorString(result: i32) -> *const c_char {
    let text: &'static str = match result {
        0 => "NVRTC_SUCCESS\0",
        2 => "NVRTC_ERROR_PROGRAM_CREATION_FAILURE\0",
        4 => "NVRTC_ERROR_INVALID_PROGRAM\0",
        11 => "NVRTC_ERROR_INTERNAL_ERROR\0",
        _ => "NVRTC_ERROR unknown\0",
    };
    text.as_ptr().cast()
}
