package candle

// #include "shims.h"
import "C"

// Version gives the version of the library, "major.minor.patch".
func Version() string { return C.GoString(C.candle_ffi_version()) }

// ABIVersion gives the version of the library's ABI.
func ABIVersion() int { return int(C.candle_ffi_abi_version()) }

// BuildInfo says what the library is made of: its version, Candle's version, features, target.
func BuildInfo() string { return C.GoString(C.candle_ffi_build_info()) }

// LiveHandles gives how many handles of a kind are alive in the whole process, for leak tests.
func LiveHandles(kind HandleKind) int {
	return int(C.candle_ffi_live_handles(C.CandleHandleKind(kind)))
}

// Checks says how thoroughly handles are checked: 0, 1 or 2, see CANDLE_FFI_CHECKS.
func Checks() int { return int(C.candle_ffi_checks()) }

// SetChecks sets how thoroughly handles are checked, before the first of them is made.
func SetChecks(level int) error {
	var cx call
	return cx.finish(C.candle_go_ffi_set_checks(C.int32_t(level)))
}

// LoadBackend has all later calls done by another library of this interface, such as the one with
// CUDA; before anything else is called. An empty path is the library in the folder cuda beside this
// one.
func LoadBackend(path string) error {
	var cx call
	var text *C.char
	if path != "" {
		text = cx.text(path, "path")
	}
	if cx.failed("backend_load") {
		return cx.err
	}
	return cx.finish(C.candle_go_backend_load(text))
}

// Misuses gives how many pointers were passed that were no live handles of their type; it is 0
// while checks are off.
func Misuses() int { return int(C.candle_ffi_misuses()) }

// NumThreads gives how many threads operations use.
func NumThreads() int { return int(C.candle_get_num_threads()) }

// SetNumThreads sets how many threads operations use.
func SetNumThreads(count int) error {
	var cx call
	if count < 1 {
		cx.fail(ErrInvalidArgument, "there must be a thread at least, and %d are asked for", count)
	}
	if cx.failed("set_num_threads") {
		return cx.err
	}
	return cx.finish(C.candle_go_set_num_threads(C.size_t(count)))
}
