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
