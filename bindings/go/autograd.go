package candle

// #include "callback.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// BackwardOptions are the options of Backward.
type BackwardOptions struct {
	// Gradient is the gradient of the tensor itself; 1 for a tensor of one element where it is
	// left out.
	Gradient *Tensor
	// RetainGraph keeps the graph for another time.
	RetainGraph bool
	// CreateGraph records the gradients too, for those of higher order.
	CreateGraph bool
}

// Backward adds the gradients of this tensor to those of the leaves it was computed from.
func (t *Tensor) Backward(options ...BackwardOptions) error {
	var cx call
	o := one(&cx, options)
	ptr, gradient := cx.tensor(t, "tensor"), cx.optional(o.Gradient, "gradient")
	if cx.failed("backward") {
		return cx.err
	}
	r := C.candle_go_backward(ptr, gradient, truth(o.RetainGraph), truth(o.CreateGraph))
	return causeOf(r, cx.finish(r.result))
}

// GradOptions are the options of Grad.
type GradOptions struct {
	// GradOutputs has the gradient of each output, nil where it has one element and that is 1.
	GradOutputs []*Tensor
	// RetainGraph keeps the graph for another time.
	RetainGraph bool
	// CreateGraph records the gradients too, for those of higher order.
	CreateGraph bool
	// AllowUnused gives nil for an input that the outputs do not depend on, and no error.
	AllowUnused bool
}

// Grad (torch.autograd.grad): The gradients of outputs with respect to inputs, any tensors of the
// graph; leaves are not touched.
//
// Fails with ErrGraph for an input that is not used, unless AllowUnused is set.
func Grad(outputs, inputs []*Tensor, options ...GradOptions) ([]*Tensor, error) {
	var cx call
	o := one(&cx, options)
	if len(o.GradOutputs) != 0 && len(o.GradOutputs) != len(outputs) {
		cx.fail(ErrInvalidArgument, "GradOutputs must have a tensor for each output")
	}
	outputHandles, inputHandles := cx.tensors(outputs, "outputs"), cx.tensors(inputs, "inputs")
	given := cx.optionals(o.GradOutputs, "GradOutputs")
	if cx.failed("grad") {
		return nil, cx.err
	}
	room := make([]*C.CandleTensor, len(inputs))
	r := C.candle_go_gradients(
		first(outputHandles), C.size_t(len(outputHandles)), first(inputHandles),
		C.size_t(len(inputHandles)), first(given), truth(o.RetainGraph), truth(o.CreateGraph),
		truth(o.AllowUnused), first(room),
	)
	if err := causeOf(r, cx.finish(r.result)); err != nil {
		return nil, err
	}
	grads := make([]*Tensor, len(inputs))
	for at, ptr := range room {
		grads[at] = AdoptTensor(unsafe.Pointer(ptr))
	}
	return grads, nil
}

// RequiresGrad tells whether gradients flow to or through it.
func (t *Tensor) RequiresGrad() (requires bool) {
	t.ask(func(ptr *C.CandleTensor) { requires = C.candle_tensor_requires_grad(ptr) != 0 })
	return requires
}

// SetRequiresGrad asks for a gradient of a leaf, or no longer.
func (t *Tensor) SetRequiresGrad(requires bool) error {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("requires_grad_") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_set_requires_grad(ptr, truth(requires)))
}

// IsLeaf tells whether it was made by the user and not by a recorded operation.
func (t *Tensor) IsLeaf() (is bool) {
	t.ask(func(ptr *C.CandleTensor) { is = C.candle_tensor_is_leaf(ptr) != 0 })
	return is
}

// GradFnName gives the name of the recorded operation that made it; "" when none did.
func (t *Tensor) GradFnName() (name string) {
	t.ask(func(ptr *C.CandleTensor) {
		name = textFrom(func(text *C.char, capacity C.size_t) C.size_t {
			return C.candle_tensor_grad_fn_name(ptr, text, capacity)
		})
	})
	return name
}

// Grad gives the gradient accumulated so far; nil when there is none.
func (t *Tensor) Grad() (*Tensor, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("grad") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_tensor_grad(ptr))
}

// SetGrad replaces the gradient; nil clears it.
func (t *Tensor) SetGrad(grad *Tensor) error {
	var cx call
	ptr, gradPtr := cx.tensor(t, "tensor"), cx.optional(grad, "grad")
	if cx.failed("grad") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_set_grad(ptr, gradPtr))
}

// NoGrad runs a function without recording: torch.no_grad. It holds for what the function calls
// itself, and not for goroutines that it starts. It gives what the function gives.
func NoGrad(run func() error) error { return withGradMode(false, run) }

// EnableGrad runs a function with recording, inside NoGrad: torch.enable_grad.
func EnableGrad(run func() error) error { return withGradMode(true, run) }

func withGradMode(enabled bool, run func() error) error {
	push := func() C.candle_go_result { return C.candle_go_grad_mode_push(truth(enabled)) }
	pop := func() C.candle_go_result { return C.candle_go_grad_mode_pop() }
	return between("grad_mode", push, pop, run)
}

// between runs a function between two calls that switch something on and back. In C the switch is
// one of each thread, and goroutines move between threads: this one stays on its thread, and
// others off it, until the switch is back.
func between(operation string, push, pop func() C.candle_go_result, run func() error) error {
	var cx call
	if run == nil {
		cx.missing("function", "run")
	}
	if cx.failed(operation) {
		return cx.err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cx.finish(push()); err != nil {
		return err
	}
	defer func() {
		if r := pop(); r.status != C.CANDLE_OK {
			C.candle_error_free(r.error)
		}
	}()
	return run()
}

// IsGradEnabled tells whether operations of this goroutine are recorded.
func IsGradEnabled() bool { return C.candle_grad_mode_is_enabled() != 0 }
