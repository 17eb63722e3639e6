package candle

// #include "shims.h"
import "C"

import "unsafe"

// FromDLPack takes a DLManagedTensorVersioned of another library over; it stays the caller's when
// this fails: torch.from_dlpack.
func FromDLPack(managed unsafe.Pointer, copy CopyKind) (*Tensor, error) {
	var cx call
	given := (*C.struct_DLManagedTensorVersioned)(managed)
	return cx.tensorFrom(C.candle_go_tensor_from_dlpack(given, C.CandleCopyKind(copy)))
}

// FromDLPackUnversioned takes a DLManagedTensor over, DLPack's older form.
func FromDLPackUnversioned(managed unsafe.Pointer, copy CopyKind) (*Tensor, error) {
	var cx call
	given := (*C.struct_DLManagedTensor)(managed)
	return cx.tensorFrom(C.candle_go_tensor_from_dlpack_unversioned(given, C.CandleCopyKind(copy)))
}

// ToDLPack gives a DLManagedTensorVersioned for another library, whose the result is: its deleter
// frees it. Fails with ErrGraph when the tensor requires gradients.
func (t *Tensor) ToDLPack(copy CopyKind) (unsafe.Pointer, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("to_dlpack") {
		return nil, cx.err
	}
	r := C.candle_go_tensor_to_dlpack(ptr, C.CandleCopyKind(copy))
	return r.out[0], cx.finish(r)
}

// ToDLPackUnversioned gives a DLManagedTensor, DLPack's older form.
func (t *Tensor) ToDLPackUnversioned(copy CopyKind) (unsafe.Pointer, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("to_dlpack") {
		return nil, cx.err
	}
	r := C.candle_go_tensor_to_dlpack_unversioned(ptr, C.CandleCopyKind(copy))
	return r.out[0], cx.finish(r)
}
