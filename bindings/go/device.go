package candle

// #include "shims.h"
import "C"

import "fmt"

// Device is a processor that tensors are on; the zero value is the CPU.
type Device struct {
	Kind  DeviceKind
	Index int32
}

// ParseDevice gives the device of a name such as "cpu" or "cuda:1".
func ParseDevice(name string) (Device, error) {
	var cx call
	text := cx.text(name, "name")
	if cx.failed("device") {
		return Device{}, cx.err
	}
	var kind C.CandleDeviceKind
	var index C.int32_t
	err := cx.finish(C.candle_go_device_from_name(text, &kind, &index))
	return Device{DeviceKind(kind), int32(index)}, err
}

func (d Device) kind() C.CandleDeviceKind {
	if d.Kind == 0 {
		return C.CANDLE_DEVICE_CPU
	}
	return C.CandleDeviceKind(d.Kind)
}

// String gives the name of the device.
func (d Device) String() string {
	if d.kind() == C.CANDLE_DEVICE_CPU {
		return "cpu"
	}
	return fmt.Sprintf("%s:%d", d.Kind, d.Index)
}

// Check fails with ErrDevice and the reason when the device cannot be used.
func (d Device) Check() error {
	var cx call
	return cx.finish(C.candle_go_device_check(d.kind(), C.int32_t(d.Index)))
}

// DeviceInfo says what a device is; what does not apply to it is 0 or empty.
type DeviceInfo struct {
	// Name is such as "NVIDIA A100-SXM4-80GB".
	Name string
	// UUID tells a GPU from all others, as nvidia-smi -L prints it.
	UUID string
	// ComputeCapabilityMajor and ComputeCapabilityMinor are 8 and 0 for 8.0.
	ComputeCapabilityMajor, ComputeCapabilityMinor int
	// MultiprocessorCount is, for the CPU, how many threads it runs at once.
	MultiprocessorCount int
	// WarpSize is how many threads of a GPU go in step.
	WarpSize int
	// DriverVersion is the newest version of CUDA that the driver knows, RuntimeVersion the one
	// that the library is built with: 13000 for 13.0.
	DriverVersion, RuntimeVersion int
	// TotalMemory is in bytes.
	TotalMemory uint64
}

// Info says what the device is, without opening it. Fails with ErrDevice when it is not there.
func (d Device) Info() (DeviceInfo, error) {
	var cx call
	var info C.CandleDeviceInfo
	info.struct_size = C.sizeof_CandleDeviceInfo
	if err := cx.finish(C.candle_go_device_info(d.kind(), C.int32_t(d.Index), &info)); err != nil {
		return DeviceInfo{}, err
	}
	return DeviceInfo{
		Name:                   C.GoString(info.name),
		UUID:                   C.GoString(info.uuid),
		ComputeCapabilityMajor: int(info.compute_capability_major),
		ComputeCapabilityMinor: int(info.compute_capability_minor),
		MultiprocessorCount:    int(info.multiprocessor_count),
		WarpSize:               int(info.warp_size),
		DriverVersion:          int(info.driver_version),
		RuntimeVersion:         int(info.runtime_version),
		TotalMemory:            uint64(info.total_memory),
	}, nil
}

// DeviceMemory is what is known of the memory of a device, in bytes. Of the CPU that is what is
// free, and all.
type DeviceMemory struct {
	// Free is what no program uses, Total all there is.
	Free, Total uint64
	// Allocated is what tensors of this program hold, PeakAllocated the most that they held.
	Allocated, PeakAllocated uint64
	// Reserved is what this program has taken, with what is kept for the next tensors.
	Reserved, PeakReserved uint64
}

// Memory tells what is known of the memory of the device.
func (d Device) Memory() (DeviceMemory, error) {
	var cx call
	var memory C.CandleDeviceMemory
	memory.struct_size = C.sizeof_CandleDeviceMemory
	err := cx.finish(C.candle_go_device_memory(d.kind(), C.int32_t(d.Index), &memory))
	return DeviceMemory{
		Free: uint64(memory.free_bytes), Total: uint64(memory.total_bytes),
		Allocated:     uint64(memory.allocated_bytes),
		PeakAllocated: uint64(memory.peak_allocated_bytes),
		Reserved:      uint64(memory.reserved_bytes),
		PeakReserved:  uint64(memory.peak_reserved_bytes),
	}, err
}

// ResetPeakMemory lets the peaks of Memory begin again at what is in use now.
func (d Device) ResetPeakMemory() error {
	var cx call
	return cx.finish(C.candle_go_device_reset_peak_memory(d.kind(), C.int32_t(d.Index)))
}

// EmptyCache gives back to the system what is kept for later tensors.
func (d Device) EmptyCache() error {
	var cx call
	return cx.finish(C.candle_go_device_empty_cache(d.kind(), C.int32_t(d.Index)))
}

// Synchronize waits for all that the device has been given to do.
func (d Device) Synchronize() error {
	var cx call
	return cx.finish(C.candle_go_device_synchronize(d.kind(), C.int32_t(d.Index)))
}

// Stream gives the CUstream on which a CUDA device works, as a number.
func (d Device) Stream() (uint64, error) {
	var cx call
	var stream C.uint64_t
	err := cx.finish(C.candle_go_device_stream(d.kind(), C.int32_t(d.Index), &stream))
	return uint64(stream), err
}

// LetStreamWait lets what comes next on another stream wait for what the device was given.
func (d Device) LetStreamWait(stream uint64) error {
	var cx call
	r := C.candle_go_device_let_stream_wait(d.kind(), C.int32_t(d.Index), C.uint64_t(stream))
	return cx.finish(r)
}

// WaitForStream lets what comes next on the device wait for what another stream was given.
func (d Device) WaitForStream(stream uint64) error {
	var cx call
	r := C.candle_go_device_wait_for_stream(d.kind(), C.int32_t(d.Index), C.uint64_t(stream))
	return cx.finish(r)
}

// String gives the name of the kind.
func (k DeviceKind) String() string {
	name := C.candle_device_kind_name(C.CandleDeviceKind(k))
	if name == nil {
		return fmt.Sprintf("DeviceKind(%d)", int32(k))
	}
	return C.GoString(name)
}

// Count gives how many devices of the kind this build can use on this machine.
func (k DeviceKind) Count() int {
	return int(C.candle_device_count(C.CandleDeviceKind(k)))
}

// IsAvailable tells whether there is a device of the kind.
func (k DeviceKind) IsAvailable() bool {
	return C.candle_device_is_available(C.CandleDeviceKind(k)) != 0
}

// ParseDType gives the dtype of a name such as "float32".
func ParseDType(name string) (DType, error) {
	var cx call
	text := cx.text(name, "name")
	if cx.failed("dtype") {
		return 0, cx.err
	}
	var dtype C.CandleDType
	err := cx.finish(C.candle_go_dtype_from_name(text, &dtype))
	return DType(dtype), err
}

// String gives PyTorch's name of the dtype, such as "float32".
func (d DType) String() string {
	name := C.candle_dtype_name(C.CandleDType(d))
	if name == nil || *name == 0 {
		return fmt.Sprintf("DType(%d)", int32(d))
	}
	return C.GoString(name)
}

// Size gives the bytes of an element.
func (d DType) Size() int {
	return int(C.candle_dtype_size(C.CandleDType(d)))
}

// IsFloat tells whether it is a floating dtype, which can require gradients.
func (d DType) IsFloat() bool {
	return C.candle_dtype_is_float(C.CandleDType(d)) != 0
}

// Promote gives the dtype that two dtypes promote to.
func (d DType) Promote(other DType) DType {
	return DType(C.candle_dtype_promote(C.CandleDType(d), C.CandleDType(other)))
}

// DefaultDType gives the floating dtype that numbers have.
func DefaultDType() DType {
	return DType(C.candle_default_dtype())
}

// SetDefaultDType sets the default dtype of the whole process.
func SetDefaultDType(dtype DType) error {
	var cx call
	return cx.finish(C.candle_go_set_default_dtype(C.CandleDType(dtype)))
}
