package candle

// #include "shims.h"
import "C"

import (
	"strings"
)

// Error is what a failed call says.
type Error struct {
	// Code is one of the constants ErrShape, ErrDType, ...
	Code Status
	// Message says what is wrong.
	Message string
	// Operation is the operation that failed.
	Operation string
	// Shapes, DTypes and Devices are those that the failure is about.
	Shapes  [][]int64
	DTypes  []DType
	Devices []Device
	// Cause is what a function of the caller has failed with: a hook, a closure, a callback.
	Cause error
}

// Error gives the operation and the message.
func (e *Error) Error() string {
	text := e.Message
	if e.Operation != "" && !strings.HasPrefix(text, e.Operation+":") {
		text = e.Operation + ": " + text
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Is tells that the error has a code: errors.Is(err, candle.ErrShape).
func (e *Error) Is(target error) bool {
	code, ok := target.(Status)
	return ok && code == e.Code
}

// Unwrap gives what a function of the caller has failed with.
func (e *Error) Unwrap() error {
	return e.Cause
}

// Error gives the name of the code, such as "Shape".
func (s Status) Error() string {
	return C.GoString(C.candle_status_name(C.CandleStatus(s)))
}

// errorFrom takes the error of a failed call over.
func errorFrom(r C.candle_go_result) error {
	given := r.error
	if given == nil {
		return &Error{Code: Status(r.status), Message: Status(r.status).Error()}
	}
	defer C.candle_error_free(given)
	err := &Error{
		Code:      Status(C.candle_error_code(given)),
		Message:   C.GoString(C.candle_error_message(given)),
		Operation: C.GoString(C.candle_error_operation(given)),
	}
	if err.Code == ErrCallback {
		err.Cause = refusals.take(err.Message)
	}
	for at := C.size_t(0); at < C.candle_error_num_shapes(given); at++ {
		shape := make([]int64, int(C.candle_error_shape(given, at, nil, 0)))
		C.candle_error_shape(given, at, int64s(shape), C.size_t(len(shape)))
		err.Shapes = append(err.Shapes, shape)
	}
	for at := C.size_t(0); at < C.candle_error_num_dtypes(given); at++ {
		err.DTypes = append(err.DTypes, DType(C.candle_error_dtype(given, at)))
	}
	for at := C.size_t(0); at < C.candle_error_num_devices(given); at++ {
		kind := DeviceKind(C.candle_error_device_kind(given, at))
		index := int32(C.candle_error_device_index(given, at))
		err.Devices = append(err.Devices, Device{kind, index})
	}
	return err
}

// Must gives the value, and panics where there is an error: for scripts.
//
//	sum := candle.Must(x.Sum())
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Check panics where there is an error: for scripts.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}
