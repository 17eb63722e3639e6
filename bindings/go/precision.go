package candle

// #include "callback.h"
import "C"

import (
	"runtime/cgo"
	"strconv"
	"strings"
	"sync"
)

// Autocast (torch.autocast) runs a function with matrix products and convolutions in half
// precision, and what needs range in Float32, for tensors on devices of a kind.
//
// The lower dtype is Float16 or BFloat16; the zero DType switches casting off, inside another
// Autocast. It holds for what the function calls itself, and not for goroutines that it starts.
// Autocast gives what the function gives.
func Autocast(kind DeviceKind, lower DType, run func() error) error {
	code := Device{Kind: kind}.kind()
	push := func() C.candle_go_result {
		return C.candle_go_autocast_push(code, C.CandleDType(lower))
	}
	pop := func() C.candle_go_result { return C.candle_go_autocast_pop() }
	return between("autocast", push, pop, run)
}

// AutocastDType gives the lower dtype that tensors on devices of a kind are cast to in this
// goroutine; the zero DType where they are not.
func AutocastDType(kind DeviceKind) DType {
	return DType(C.candle_autocast_dtype(Device{Kind: kind}.kind()))
}

// AutocastCache runs a function in which casts of weights are kept until the outermost Autocast
// ends, as they are at first, or made anew for each use.
//
// It holds for what the function calls itself, and not for goroutines that it starts.
func AutocastCache(enabled bool, run func() error) error {
	var before C.int32_t
	set := func(enabled C.int32_t) func() C.candle_go_result {
		return func() C.candle_go_result {
			before = C.candle_autocast_cache(enabled)
			return C.candle_go_result{}
		}
	}
	restore := func() C.candle_go_result { return set(before)() }
	return between("autocast", set(truth(enabled)), restore, run)
}

// IsAutocastCacheEnabled (torch.is_autocast_cache_enabled) tells whether casts of weights are kept
// in this goroutine.
func IsAutocastCacheEnabled() bool { return C.candle_autocast_cache(-1) != 0 }

// castAsHere gives a function that runs another on any goroutine with the casts of this one, which
// are kept where they are here.
func castAsHere(run func() error) func() error {
	for _, kind := range []DeviceKind{DeviceCPU, DeviceCUDA, DeviceMetal} {
		if lower := AutocastDType(kind); lower != 0 {
			kind, inner := kind, run
			run = func() error { return Autocast(kind, lower, inner) }
		}
	}
	if IsAutocastCacheEnabled() {
		return run
	}
	inner := run
	return func() error { return AutocastCache(false, inner) }
}

// UnscaleGrads (torch.amp.GradScaler.unscale_): Multiplies gradients by inverseScale, and gives a
// number on their device that is 0 where all of them are finite, else NaN.
//
// Fails with ErrDType for gradients in Float16.
func UnscaleGrads(params []*Tensor, inverseScale float64) (*Tensor, error) {
	var cx call
	handles := cx.tensors(params, "params")
	if cx.failed("unscale_") {
		return nil, cx.err
	}
	count, factor := C.size_t(len(handles)), C.double(inverseScale)
	return cx.tensorFrom(C.candle_go_unscale_grads(first(handles), count, factor))
}

// ReducedPrecision tells whether products of a dtype may be less exact on a GPU: those of Float32
// in TF32, those of Float16 summed in half precision, wholly or the parts of a long sum, those of
// BFloat16 the parts of a long sum.
func ReducedPrecision(dtype DType) bool {
	return C.candle_reduced_precision(C.CandleDType(dtype)) != 0
}

// SetReducedPrecision (torch.backends.cuda.matmul.allow_tf32) sets it for the whole process; at
// first no product may. Without CUDA it changes nothing.
//
// Fails with ErrDType for another dtype than Float32, Float16 and BFloat16.
func SetReducedPrecision(dtype DType, allowed bool) error {
	var cx call
	return cx.finish(C.candle_go_set_reduced_precision(C.CandleDType(dtype), truth(allowed)))
}

// ReducedPrecisionWays tells in which ways they may be, added up; 0 for none. 1 is TF32, sums of
// Float16 in Float16, or the parts of a long sum of BFloat16; 2 is the parts of a long sum of
// Float16.
func ReducedPrecisionWays(dtype DType) int {
	return int(C.candle_reduced_precision(C.CandleDType(dtype)))
}

// SetReducedPrecisionWays (torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction, ...)
// sets them for the whole process.
//
// Fails with ErrInvalidArgument for a way that the dtype has not, and as SetReducedPrecision.
func SetReducedPrecisionWays(dtype DType, ways int) error {
	var cx call
	wanted := C.int32_t(ways)
	if int(wanted) != ways {
		wanted = -1 // which is none
	}
	return cx.finish(C.candle_go_set_reduced_precision(C.CandleDType(dtype), wanted))
}

// CudnnIs tells whether a switch of cuDNN is on.
func CudnnIs(which CudnnSwitch) bool {
	return C.candle_cudnn_switch(C.CandleCudnnSwitch(which)) != 0
}

// SetCudnn (torch.backends.cudnn.benchmark, ...) turns a switch of cuDNN on or off, for the whole
// process. Without CUDA it changes nothing.
func SetCudnn(which CudnnSwitch, on bool) error {
	var cx call
	return cx.finish(C.candle_go_set_cudnn_switch(C.CandleCudnnSwitch(which), truth(on)))
}

// CudnnVersion (torch.backends.cudnn.version) gives the version of cuDNN, 92801 for 9.28.1.
//
// Fails with ErrUnsupported, and says why, where there is none that can be used.
func CudnnVersion() (int, error) {
	var cx call
	version := C.int32_t(0)
	err := cx.finish(C.candle_go_cudnn_version(&version))
	return int(version), err
}

// CurrentFallbackPolicy tells what is done about an operation for which a device has no kernel.
// At first it is what the environment variable CANDLE_FFI_DEVICE_FALLBACK says, or FallbackWarn.
func CurrentFallbackPolicy() FallbackPolicy {
	return FallbackPolicy(C.candle_fallback_policy())
}

// SetFallbackPolicy sets it for the whole process.
func SetFallbackPolicy(policy FallbackPolicy) error {
	var cx call
	return cx.finish(C.candle_go_set_fallback_policy(C.CandleFallbackPolicy(policy)))
}

// FallbackCount tells how many operations the host has computed for a device in this process.
func FallbackCount() uint64 { return uint64(C.candle_fallback_count()) }

// Fallback is an operation that the host computes for a device, which has no kernel for it.
type Fallback struct {
	Operation string
	DType     DType
	Device    Device
}

type fallbackCallback func(Fallback) error

// SetFallbackCallback has a function told of such operations under FallbackWarn, once for each
// operation, dtype and device; nil for nobody. What was told before is told anew. It is called on
// the goroutine of the operation or another. An error, or a panic, makes the operation fail with
// ErrCallback, and is the Cause of that error.
func SetFallbackCallback(run func(Fallback) error) error {
	var cx call
	number := C.uintptr_t(0)
	if run != nil {
		number = C.uintptr_t(cgo.NewHandle(fallbackCallback(run)))
	}
	return cx.finish(C.candle_go_tell_fallbacks(number))
}

//export candleGoFallback
func candleGoFallback(
	number C.uintptr_t, operation *C.char, dtype C.CandleDType, kind C.CandleDeviceKind,
	index C.int32_t,
) C.CandleStatus {
	told := Fallback{
		C.GoString(operation), DType(dtype), Device{DeviceKind(kind), int32(index)},
	}
	err := apart(func() error {
		return cgo.Handle(number).Value().(fallbackCallback)(told)
	})
	return C.CandleStatus(refusals.keep(err))
}

// Any call may be told of, and fail. Its error has the status that the function gave at the end of
// its message, and by that what the function has failed with is found.
type keptErrors struct {
	sync.Mutex
	last   int32
	errors map[int32]error
}

// Above all statuses of C.
const firstRefusal = 1 << 16

var refusals = keptErrors{last: firstRefusal, errors: map[int32]error{}}

// keep gives the status that stands for an error.
func (k *keptErrors) keep(err error) int32 {
	if err == nil {
		return 0
	}
	k.Lock()
	defer k.Unlock()
	if k.last++; k.last < firstRefusal {
		k.last = firstRefusal
	}
	k.errors[k.last] = err
	return k.last
}

// take gives the error that the end of a message stands for, once.
func (k *keptErrors) take(message string) error {
	status, err := strconv.ParseInt(message[strings.LastIndexByte(message, ' ')+1:], 10, 32)
	if err != nil {
		return nil
	}
	k.Lock()
	defer k.Unlock()
	defer delete(k.errors, int32(status))
	return k.errors[int32(status)]
}
