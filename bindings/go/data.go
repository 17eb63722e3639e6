package candle

// #include "shims.h"
import "C"

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Half has the bits of an element of Float16, for which Go has no type.
type Half uint16

// BHalf has the bits of an element of BFloat16.
type BHalf uint16

// Quarter has the bits of an element of Float8E4M3.
type Quarter uint8

// Element is a type of Go that elements have.
type Element interface {
	bool | uint8 | int16 | int32 | uint32 | int64 | int | float32 | float64 | Half | BHalf | Quarter
}

// Number is a type of Go that a number without a dtype of its own may have.
type Number interface {
	bool | int | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | float32 | float64
}

// TensorOptions are the options of NewTensor and FromSlice.
type TensorOptions struct {
	// DType is that of the elements of Go where it is left out.
	DType DType
	// Device is the CPU where it is left out.
	Device Device
	// RequiresGrad asks for a gradient.
	RequiresGrad bool
}

// dtypes has the dtype of each type of elements.
var dtypes = map[reflect.Type]DType{
	reflect.TypeOf(false):      Bool,
	reflect.TypeOf(uint8(0)):   Uint8,
	reflect.TypeOf(int16(0)):   Int16,
	reflect.TypeOf(int32(0)):   Int32,
	reflect.TypeOf(uint32(0)):  Uint32,
	reflect.TypeOf(int64(0)):   Int64,
	reflect.TypeOf(float32(0)): Float32,
	reflect.TypeOf(float64(0)): Float64,
	reflect.TypeOf(Half(0)):    Float16,
	reflect.TypeOf(BHalf(0)):   BFloat16,
	reflect.TypeOf(Quarter(0)): Float8E4M3,
	reflect.TypeOf(int(0)):     dtypeOfInt(),
}

func dtypeOfInt() DType {
	if unsafe.Sizeof(int(0)) == 4 {
		return Int32
	}
	return Int64
}

func dtypeOf[E Element]() DType {
	var element E
	return dtypes[reflect.TypeOf(element)]
}

// Scalar makes a number a tensor of rank 0 that does not promote what it meets, as numbers of
// Python: x.Mul(candle.Scalar(2)).
func Scalar[N Number](value N) *Tensor {
	var r C.candle_go_result
	switch value := reflect.ValueOf(value); value.Kind() {
	case reflect.Bool:
		r = C.candle_go_tensor_from_bool(truth(value.Bool()))
	case reflect.Float32, reflect.Float64:
		r = C.candle_go_tensor_from_double(C.double(value.Float()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		r = C.candle_go_tensor_from_int64(C.int64_t(value.Uint()))
	default:
		r = C.candle_go_tensor_from_int64(C.int64_t(value.Int()))
	}
	if r.status != C.CANDLE_OK {
		C.candle_error_free(r.error)
		// One that is closed: who uses it gets an error.
		return new(Tensor)
	}
	return adoptTensor(r.out[0], int64(r.bytes))
}

// FromSlice makes a tensor of a shape from a copy of elements in row-major order.
func FromSlice[E Element](values []E, shape []int64, options ...TensorOptions) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	if cx.failed("from_slice") {
		return nil, cx.err
	}
	return fromMemory(unsafe.Pointer(sliceData(values)), bytesOf(values), shape, dtypeOf[E](), o)
}

// FromBytes makes a tensor of a shape from a copy of the bytes of its elements, as the machine
// has them. The options' DType is that of the result.
func FromBytes(data []byte, shape []int64, dtype DType, options ...TensorOptions) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	if cx.failed("from_bytes") {
		return nil, cx.err
	}
	return fromMemory(unsafe.Pointer(sliceData(data)), len(data), shape, dtype, o)
}

// NewTensor makes a tensor of a number, or of a slice or array of them, nested to any depth:
// torch.tensor. The dtype is that of Go's type: float64 is Float64, int is Int64. Fails with
// ErrShape for slices of unequal lengths and ErrDType for what is no number.
func NewTensor(value any, options ...TensorOptions) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	given := reflect.ValueOf(value)
	if !given.IsValid() {
		cx.missing("number or slice", "value")
	}
	if cx.failed("tensor") {
		return nil, cx.err
	}
	var shape []int64
	kind, level := given.Type(), given
	for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Array {
		length := 0
		if level.IsValid() {
			length = level.Len()
		}
		shape = append(shape, int64(length))
		kind = kind.Elem()
		// The first entry stands for all; flatten compares the others with it.
		if length > 0 {
			level = level.Index(0)
		} else {
			level = reflect.Value{}
		}
	}
	dtype, ok := dtypes[kind]
	if !ok {
		cx.fail(ErrDType, "there is no dtype for elements of %s", kind)
	}
	flat := reflect.MakeSlice(reflect.SliceOf(kind), 0, 0)
	if cx.err == nil {
		if flat, ok = flatten(flat, given, shape); !ok {
			cx.fail(ErrShape, "slices of one level must have the same length")
		}
	}
	if cx.failed("tensor") {
		return nil, cx.err
	}
	return fromMemory(flat.UnsafePointer(), flat.Len()*int(kind.Size()), shape, dtype, o)
}

func flatten(flat, value reflect.Value, shape []int64) (reflect.Value, bool) {
	if len(shape) == 0 {
		return reflect.Append(flat, value), true
	}
	if int64(value.Len()) != shape[0] {
		return flat, false
	}
	ok := true
	for at := 0; at < value.Len() && ok; at++ {
		flat, ok = flatten(flat, value.Index(at), shape[1:])
	}
	return flat, ok
}

func fromMemory(
	data unsafe.Pointer, length int, shape []int64, dtype DType, o TensorOptions,
) (*Tensor, error) {
	var cx call
	memory := elements0(data)
	made, err := cx.tensorFrom(C.candle_go_tensor_from_data(
		unsafe.Pointer(&memory[0]), C.size_t(length), int64s(shape), C.size_t(len(shape)), nil,
		C.CandleDType(dtype),
		o.Device.kind(), C.int32_t(o.Device.Index),
	))
	if err != nil {
		return nil, err
	}
	return finished(made, dtype, o)
}

// finished gives a tensor of a dtype what the options ask for besides.
func finished(made *Tensor, dtype DType, o TensorOptions) (_ *Tensor, err error) {
	if o.DType != 0 && o.DType != dtype {
		given := made
		defer given.Close()
		if made, err = made.ToDType(o.DType); err != nil {
			return nil, err
		}
	}
	if o.RequiresGrad {
		err = made.SetRequiresGrad(true)
	}
	return made, err
}

// FromRows makes a tensor of some rows of an array of a shape, in one pass: as FromSlice and
// IndexSelect, without a tensor of the whole. Fails with ErrIndex for an index that is negative
// or too large.
func FromRows[E Element](
	values []E, shape, indices []int64, options ...TensorOptions,
) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	size, fits := int64(1), len(shape) > 0
	for _, length := range shape {
		// No product of sizes that fit can overflow: it is never larger than what there is.
		fits = fits && length >= 0 && (length == 0 || size <= int64(len(values))/length)
		size *= length
	}
	if !fits || size != int64(len(values)) {
		cx.fail(ErrShape, "%d elements are no array of shape %v with rows", len(values), shape)
	}
	if cx.failed("from_rows") {
		return nil, cx.err
	}
	stride := int64(0)
	if shape[0] > 0 {
		stride = int64(bytesOf(values)) / shape[0]
	}
	row, memory := shape[1:], elements0(unsafe.Pointer(sliceData(values)))
	made, err := cx.tensorFrom(C.candle_go_tensor_from_rows(
		unsafe.Pointer(&memory[0]), C.size_t(bytesOf(values)), C.size_t(shape[0]),
		C.int64_t(stride), int64s(row), C.size_t(len(row)), int64s(indices),
		C.size_t(len(indices)), C.CandleDType(dtypeOf[E]()), o.Device.kind(),
		C.int32_t(o.Device.Index),
	))
	if err != nil {
		return nil, err
	}
	return finished(made, dtypeOf[E](), o)
}

// ToSlice gives the elements in row-major order, converted to a type of Go.
func ToSlice[E Element](t *Tensor) ([]E, error) {
	if dtype := dtypeOf[E](); t != nil && !t.isClosed() && t.DType() != dtype {
		converted, err := t.ToDType(dtype)
		if err != nil {
			return nil, err
		}
		defer converted.Close()
		t = converted
	}
	values := make([]E, int(t.NumElements()))
	return values, CopyTo(t, values)
}

// CopyTo copies the elements in row-major order to a slice of as many elements of the type that
// the dtype is. Fails with ErrDType for another type, ErrBufferTooSmall and
// ErrInvalidArgument for too few and too many.
func CopyTo[E Element](t *Tensor, values []E) error {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.err == nil && t.DType() != dtypeOf[E]() {
		cx.fail(ErrDType, "a tensor of %s is not copied to elements of %s", t.DType(), dtypeOf[E]())
		cx.err.(*Error).DTypes = []DType{t.DType(), dtypeOf[E]()}
	}
	if cx.failed("copy_to") {
		return cx.err
	}
	memory := elements0(unsafe.Pointer(sliceData(values)))
	length := C.size_t(bytesOf(values))
	return cx.finish(C.candle_go_tensor_copy_to(ptr, unsafe.Pointer(&memory[0]), length))
}

// sliceData gives the address of the elements; some address where there are none.
func sliceData[E any](values []E) *E {
	if cap(values) == 0 {
		return new(E)
	}
	return &values[:1][0]
}

// elements0 gives what stands at an address as bytes. For &memory[0] in a call of C cgo knows that
// there are no pointers; for any other address it looks at all that the elements lie in, and panics
// where they are part of a structure that has pointers of Go beside them.
func elements0(data unsafe.Pointer) []byte { return unsafe.Slice((*byte)(data), 1) }

func bytesOf[E any](values []E) int {
	var element E
	return len(values) * int(unsafe.Sizeof(element))
}

// DataPtr gives the address of the first element of a tensor on the CPU; the others lie as
// Strides says. It is good until the tensor is closed. Writes are not counted as changes in place.
func (t *Tensor) DataPtr() (unsafe.Pointer, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("data_ptr") {
		return nil, cx.err
	}
	var data unsafe.Pointer
	err := cx.finish(C.candle_go_tensor_data_ptr(ptr, &data))
	return data, err
}

// String gives the values as PyTorch prints them, those of a large tensor in part.
func (t *Tensor) String() string {
	if t == nil || t.isClosed() {
		return "tensor(closed)"
	}
	text, err := format(t)
	if err != nil {
		return fmt.Sprintf("tensor(%v)", err)
	}
	return text
}
