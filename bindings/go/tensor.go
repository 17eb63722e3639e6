package candle

// #include "shims.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Tensor is an n-dimensional array that can take part in a graph of operations. It is used as
// *Tensor and not copied; a *Tensor that is nil stands for one that is not given.
type Tensor struct{ handle }

func freeTensor(ptr unsafe.Pointer) { C.candle_tensor_free((*C.CandleTensor)(ptr)) }

func adoptTensor(ptr unsafe.Pointer, bytes int64) *Tensor {
	if ptr == nil {
		return nil
	}
	t := new(Tensor)
	t.own(ptr, bytes, freeTensor)
	runtime.SetFinalizer(t, (*Tensor).Close)
	return t
}

// AdoptTensor makes a tensor the owner of a CandleTensor that a function of C gave; nil for NULL.
func AdoptTensor(ptr unsafe.Pointer) *Tensor {
	return adoptTensor(ptr, int64(C.candle_go_bytes((*C.CandleTensor)(ptr))))
}

// Handle gives the CandleTensor, for functions of C; nil once it is closed. Whoever uses it calls
// runtime.KeepAlive with the tensor afterwards.
func (t *Tensor) Handle() unsafe.Pointer {
	if t == nil || t.isClosed() {
		return nil
	}
	return t.ptr
}

// Close frees it now; others that share its values or its graph live on.
func (t *Tensor) Close() error {
	if t == nil {
		return nil
	}
	return closeNow(t, &t.handle)
}

// ask calls a function with the handle, unless there is none any more.
func (t *Tensor) ask(about func(*C.CandleTensor)) {
	if t != nil && t.acquire() {
		about((*C.CandleTensor)(t.ptr))
		t.release()
	}
}

// Rank gives the number of dimensions; 0 once it is closed.
func (t *Tensor) Rank() (rank int) {
	t.ask(func(ptr *C.CandleTensor) { rank = int(C.candle_tensor_rank(ptr)) })
	return rank
}

// NumElements gives the number of elements; 0 once it is closed.
func (t *Tensor) NumElements() (count int64) {
	t.ask(func(ptr *C.CandleTensor) { count = int64(C.candle_tensor_num_elements(ptr)) })
	return count
}

// Shape gives the sizes; nil once it is closed.
func (t *Tensor) Shape() (shape []int64) {
	t.ask(func(ptr *C.CandleTensor) {
		shape = make([]int64, int(C.candle_tensor_rank(ptr)))
		r := C.candle_go_tensor_shape(ptr, int64s(shape), C.size_t(len(shape)))
		if r.status != C.CANDLE_OK {
			C.candle_error_free(r.error)
			shape = nil
		}
	})
	return shape
}

// Size gives the size of a dimension; a negative one counts from the end. Fails with ErrIndex.
func (t *Tensor) Size(dim int64) (int64, error) {
	shape := t.Shape()
	rank := int64(len(shape))
	if shape == nil {
		return 0, closedTensor("size")
	}
	if dim < -rank || dim >= rank {
		message := fmt.Sprintf("dimension %d of a tensor of rank %d", dim, rank)
		return 0, &Error{Code: ErrIndex, Message: message, Operation: "size", Shapes: [][]int64{shape}}
	}
	if dim < 0 {
		dim += rank
	}
	return shape[dim], nil
}

func closedTensor(operation string) error {
	return &Error{Code: ErrInvalidHandle, Message: "the tensor is nil or closed", Operation: operation}
}

// Strides gives the distances in elements between neighbours of each dimension; nil once it is
// closed.
func (t *Tensor) Strides() (strides []int64) {
	t.ask(func(ptr *C.CandleTensor) {
		strides = make([]int64, int(C.candle_tensor_rank(ptr)))
		r := C.candle_go_tensor_strides(ptr, int64s(strides), C.size_t(len(strides)))
		if r.status != C.CANDLE_OK {
			C.candle_error_free(r.error)
			strides = nil
		}
	})
	return strides
}

// DType gives the type of the elements; 0 once it is closed.
func (t *Tensor) DType() (dtype DType) {
	t.ask(func(ptr *C.CandleTensor) { dtype = DType(C.candle_tensor_dtype(ptr)) })
	return dtype
}

// Device gives the device that the elements are on.
func (t *Tensor) Device() (device Device) {
	t.ask(func(ptr *C.CandleTensor) {
		device.Kind = DeviceKind(C.candle_tensor_device(ptr))
		device.Index = int32(C.candle_tensor_device_index(ptr))
	})
	return device
}

// IsContiguous tells whether the elements lie in row-major order without gaps.
func (t *Tensor) IsContiguous() (is bool) {
	t.ask(func(ptr *C.CandleTensor) { is = C.candle_tensor_is_contiguous(ptr) != 0 })
	return is
}

// PinMemory gives a copy in pinned memory of the host, from which a CUDA device copies while the
// host goes on.
func (t *Tensor) PinMemory() (*Tensor, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("pin_memory") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_tensor_pin_memory(ptr))
}

// IsPinned tells whether the elements are in pinned memory of the host.
func (t *Tensor) IsPinned() (bool, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("is_pinned") {
		return false, cx.err
	}
	var is C.int32_t
	err := cx.finish(C.candle_go_tensor_is_pinned(ptr, &is))
	return is != 0, err
}

// Version tells how often the storage has been changed in place.
func (t *Tensor) Version() (version uint32) {
	t.ask(func(ptr *C.CandleTensor) { version = uint32(C.candle_tensor_version(ptr)) })
	return version
}

// Share gives a second handle on the same tensor: its values, its gradient, its place in the
// graph. Clone copies values.
func (t *Tensor) Share() (*Tensor, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("share") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_tensor_share(ptr))
}

// SetData replaces the values by those of another, and keeps everything else; not part of any
// graph.
func (t *Tensor) SetData(source *Tensor) error {
	var cx call
	ptr, sourcePtr := cx.tensor(t, "tensor"), cx.tensor(source, "source")
	if cx.failed("set_data") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_set_data(ptr, sourcePtr))
}

// Item gives the only element as a number. Fails with ErrShape unless there is one.
func (t *Tensor) Item() (float64, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("item") {
		return 0, cx.err
	}
	var value C.double
	err := cx.finish(C.candle_go_tensor_item_double(ptr, &value))
	return float64(value), err
}

// ItemInt gives the only element; a float is cut towards zero. Fails with ErrShape unless there
// is one.
func (t *Tensor) ItemInt() (int64, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("item") {
		return 0, cx.err
	}
	var value C.int64_t
	err := cx.finish(C.candle_go_tensor_item_int64(ptr, &value))
	return int64(value), err
}
