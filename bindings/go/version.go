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
