package candle

// #include "callback.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Functions of Go stand in C as numbers of runtime/cgo, never as pointers.

type hook func(gradient *Tensor) (*Tensor, error)

type closure func() (float64, error)

func panicError(panicked any) error {
	if cause, ok := panicked.(error); ok {
		return fmt.Errorf("panic: %w", cause)
	}
	return fmt.Errorf("panic: %v", panicked)
}

// failure gives the number of an error for C; a panic must not leave through C, and becomes one.
func failure(err error, panicked any) C.uintptr_t {
	if panicked != nil {
		err = panicError(panicked)
	}
	if err == nil {
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(err))
}

// apart runs a function of the caller on a goroutine of its own, that records and casts as this
// one: runtime.Goexit, which testing.T.FailNow calls, must not leave through C, and ends that one
// only.
func apart(run func() error) (err error) {
	run = castAsHere(run)
	recording, ended := IsGradEnabled(), make(chan struct{})
	err = errors.New("the function has ended its goroutine")
	go func() {
		defer close(ended)
		defer func() {
			if panicked := recover(); panicked != nil {
				err = panicError(panicked)
			}
		}()
		err = withGradMode(recording, run)
	}()
	<-ended
	return err
}

//export candleGoHook
func candleGoHook(
	number C.uintptr_t, gradient *C.CandleTensor, replacement **C.CandleTensor,
) (failed C.uintptr_t) {
	var err error
	defer func() {
		if panicked := recover(); panicked != nil || err != nil {
			failed = failure(err, panicked)
		}
	}()
	// The handle is borrowed; one of our own may be kept.
	var cx call
	given, err := cx.tensorFrom(C.candle_go_tensor_share(gradient))
	if err != nil {
		return 0
	}
	var replaced *Tensor
	err = apart(func() (err error) {
		replaced, err = cgo.Handle(number).Value().(hook)(given)
		return err
	})
	if err != nil || replaced == nil {
		return 0
	}
	ptr := cx.tensor(replaced, "the tensor that the hook returned")
	if cx.failed("register_hook") {
		err = cx.err
		return 0
	}
	r := C.candle_go_tensor_share(ptr)
	if err = cx.finish(r); err == nil {
		*replacement = (*C.CandleTensor)(r.out[0])
	}
	return 0
}

//export candleGoClosure
func candleGoClosure(number C.uintptr_t, loss *C.double) (failed C.uintptr_t) {
	var err error
	defer func() {
		if panicked := recover(); panicked != nil || err != nil {
			failed = failure(err, panicked)
		}
	}()
	var value float64
	err = apart(func() (err error) {
		value, err = cgo.Handle(number).Value().(closure)()
		return err
	})
	*loss = C.double(value)
	return 0
}

//export candleGoFree
func candleGoFree(number C.uintptr_t) {
	handle := cgo.Handle(number)
	value := handle.Value()
	handle.Delete()
	if free, ok := value.(func()); ok && free != nil {
		// Called from C, where a panic must not go.
		defer func() { _ = recover() }()
		free()
	}
}

// causeOf adds what a function of Go has failed with to the error of the call that called it.
func causeOf(r C.candle_go_called, err error) error {
	if r.cause == 0 {
		return err
	}
	handle := cgo.Handle(r.cause)
	cause, _ := handle.Value().(error)
	handle.Delete()
	if err, ok := err.(*Error); ok {
		err.Cause = cause
	}
	return err
}

// RegisterHook has a function called with the gradient of this tensor in every backward pass,
// until RemoveHook is called with the number it gives or the tensor is gone. A tensor that the
// function returns takes the gradient's place; an error, or a panic, comes out of Backward as the
// Cause of its error. Fails with ErrGraph for a tensor that does not require a gradient.
func (t *Tensor) RegisterHook(run func(gradient *Tensor) (*Tensor, error)) (uint64, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if run == nil {
		cx.missing("function", "hook")
	}
	if cx.failed("register_hook") {
		return 0, cx.err
	}
	var id C.uint64_t
	number := C.uintptr_t(cgo.NewHandle(hook(run)))
	err := cx.finish(C.candle_go_hook(ptr, number, &id))
	return uint64(id), err
}

// RemoveHook removes a hook; one that is not there, or no longer, is no error.
func (t *Tensor) RemoveHook(id uint64) error {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("remove_hook") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_remove_hook(ptr, C.uint64_t(id)))
}

// FromBlobOptions are the options of FromBlob.
type FromBlobOptions struct {
	// Strides are distances in bytes; row-major where they are left out.
	Strides []int64
	// Free is called, on any thread, when the last tensor that uses the memory is gone.
	Free func()
}

// FromBlob makes a tensor that uses memory in place: memory of C or of the system, such as a file
// that is mapped, and not of Go, whose pointers C may not keep. When it fails Free is not called.
func FromBlob(
	data unsafe.Pointer, length int, shape []int64, dtype DType, options ...FromBlobOptions,
) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	if length < 0 {
		cx.fail(ErrInvalidArgument, "the memory has %d bytes", length)
	}
	if o.Strides != nil && len(o.Strides) != len(shape) {
		cx.fail(ErrInvalidArgument, "strides must have a number for each dimension")
	}
	if cx.failed("from_blob") {
		return nil, cx.err
	}
	strides := int64s(o.Strides)
	if len(o.Strides) == 0 {
		strides = nil
	}
	free := cgo.NewHandle(o.Free)
	made, err := cx.tensorFrom(C.candle_go_blob(
		data, C.size_t(length), int64s(shape), C.size_t(len(shape)), strides, C.CandleDType(dtype),
		C.uintptr_t(free),
	))
	if err != nil {
		free.Delete()
	}
	return made, err
}
