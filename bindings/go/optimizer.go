package candle

// #include "callback.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sort"
	"unsafe"
)

// Optimizer changes parameters in place from their gradients.
type Optimizer struct{ handle }

func freeOptimizer(ptr unsafe.Pointer) { C.candle_optimizer_free((*C.CandleOptimizer)(ptr)) }

// AdoptOptimizer makes an optimizer the owner of a CandleOptimizer that a function of C gave.
func AdoptOptimizer(ptr unsafe.Pointer) *Optimizer {
	if ptr == nil {
		return nil
	}
	o := new(Optimizer)
	o.own(ptr, 0, freeOptimizer)
	runtime.SetFinalizer(o, (*Optimizer).Close)
	return o
}

// Close frees it now.
func (o *Optimizer) Close() error {
	if o == nil {
		return nil
	}
	return closeNow(o, &o.handle)
}

func (o *Optimizer) ask(about func(*C.CandleOptimizer)) {
	if o != nil && o.acquire() {
		about((*C.CandleOptimizer)(o.ptr))
		o.release()
	}
}

// Name gives PyTorch's name of its class, such as "SGD"; "" once it is closed.
func (o *Optimizer) Name() (name string) {
	o.ask(func(ptr *C.CandleOptimizer) { name = C.GoString(C.candle_optimizer_name(ptr)) })
	return name
}

// Step changes the parameters that have gradients.
func (o *Optimizer) Step() error {
	var cx call
	ptr := cx.optimizer(o)
	if cx.failed("step") {
		return cx.err
	}
	return cx.finish(C.candle_go_optimizer_step(ptr))
}

// StepClosure is a step of an L-BFGS optimizer, and gives the loss before it. The function clears
// the gradients, computes the loss, calls its Backward and gives it as a number; its error, or a
// panic, comes out as the Cause of that of the step.
func (o *Optimizer) StepClosure(run func() (float64, error)) (float64, error) {
	var cx call
	ptr := cx.optimizer(o)
	if run == nil {
		cx.missing("function", "closure")
	}
	if cx.failed("step") {
		return 0, cx.err
	}
	number := cgo.NewHandle(closure(run))
	defer number.Delete()
	var loss C.double
	r := C.candle_go_closure_step(ptr, C.uintptr_t(number), &loss)
	return float64(loss), causeOf(r, cx.finish(r.result))
}

// ZeroGrad clears the gradients of all parameters.
func (o *Optimizer) ZeroGrad() error {
	var cx call
	ptr := cx.optimizer(o)
	if cx.failed("zero_grad") {
		return cx.err
	}
	return cx.finish(C.candle_go_optimizer_zero_grad(ptr))
}

// AddParamGroup adds a group of parameters, with the options that the optimizer was made with.
func (o *Optimizer) AddParamGroup(params []*Tensor) error {
	var cx call
	ptr, handles := cx.optimizer(o), cx.tensors(params, "params")
	if cx.failed("add_param_group") {
		return cx.err
	}
	count := C.size_t(len(handles))
	return cx.finish(C.candle_go_optimizer_add_param_group(ptr, first(handles), count))
}

// NumGroups gives the number of groups; 0 once it is closed.
func (o *Optimizer) NumGroups() (count int) {
	o.ask(func(ptr *C.CandleOptimizer) { count = int(C.candle_optimizer_num_groups(ptr)) })
	return count
}

// Params gives the parameters of a group.
func (o *Optimizer) Params(group int) ([]*Tensor, error) {
	var cx call
	ptr := cx.optimizer(o)
	if cx.failed("params") {
		return nil, cx.err
	}
	return cx.tensorsFrom(func(room list) C.candle_go_result {
		at := C.size_t(group)
		return C.candle_go_optimizer_params(ptr, at, room.outputs, room.capacity, room.count)
	})
}

type nameAt func(ptr *C.CandleOptimizer, at C.size_t, text *C.char, capacity C.size_t) C.size_t

func (o *Optimizer) names(ask nameAt) (names []string) {
	o.ask(func(ptr *C.CandleOptimizer) {
		for {
			name := textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return ask(ptr, C.size_t(len(names)), text, capacity)
			})
			if name == "" {
				return
			}
			names = append(names, name)
		}
	})
	return names
}

// OptionNames gives the names of the options, such as "lr".
func (o *Optimizer) OptionNames() []string {
	return o.names(func(ptr *C.CandleOptimizer, at C.size_t, text *C.char, room C.size_t) C.size_t {
		return C.candle_optimizer_option_name(ptr, at, text, room)
	})
}

// StateNames gives the names of what is kept for each parameter, such as "momentum_buffer".
func (o *Optimizer) StateNames() []string {
	return o.names(func(ptr *C.CandleOptimizer, at C.size_t, text *C.char, room C.size_t) C.size_t {
		return C.candle_optimizer_state_name(ptr, at, text, room)
	})
}

// Option gives an option of a group.
func (o *Optimizer) Option(group int, name string) (float64, error) {
	var cx call
	ptr, text := cx.optimizer(o), cx.text(name, "name")
	if cx.failed("get_option") {
		return 0, cx.err
	}
	var value C.double
	err := cx.finish(C.candle_go_optimizer_get_option(ptr, C.size_t(group), text, &value))
	return float64(value), err
}

// SetOptions sets options of a group, all or none:
//
//	optimizer.SetOptions(0, map[string]float64{"lr": 0.01})
func (o *Optimizer) SetOptions(group int, options map[string]float64) error {
	var cx call
	ptr := cx.optimizer(o)
	names := make([]string, 0, len(options))
	for name := range options {
		names = append(names, name)
	}
	sort.Strings(names)
	texts, values := make([]*C.char, 0, len(names)+1), make([]float64, 0, len(names)+1)
	for _, name := range names {
		texts, values = append(texts, cx.text(name, "name")), append(values, options[name])
	}
	if cx.failed("set_options") {
		return cx.err
	}
	return cx.finish(C.candle_go_optimizer_set_options(
		ptr, C.size_t(group), &texts[:1][0], (*C.double)(&values[:1][0]), C.size_t(len(values)),
	))
}

// State gives what is kept for a parameter of a group; nil when nothing is.
func (o *Optimizer) State(group, index int, name string) (*Tensor, error) {
	var cx call
	ptr, text := cx.optimizer(o), cx.text(name, "name")
	if cx.failed("get_state") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_optimizer_get_state(ptr, C.size_t(group), C.size_t(index), text))
}

// SetState sets what is kept for a parameter of a group.
func (o *Optimizer) SetState(group, index int, name string, state *Tensor) error {
	var cx call
	ptr, text, statePtr := cx.optimizer(o), cx.text(name, "name"), cx.tensor(state, "state")
	if cx.failed("set_state") {
		return cx.err
	}
	at, inGroup := C.size_t(index), C.size_t(group)
	return cx.finish(C.candle_go_optimizer_set_state(ptr, inGroup, at, text, statePtr))
}

// ClipGradNormOptions are the options of ClipGradNorm.
type ClipGradNormOptions struct {
	// NormType is PyTorch's norm_type=2.0.
	NormType *float64
	// ErrorIfNonfinite is PyTorch's error_if_nonfinite=False.
	ErrorIfNonfinite bool
}

// ClipGradNorm (torch.nn.utils.clip_grad_norm_): Scales gradients so that their norm is at most
// maxNorm, and gives the norm before.
func ClipGradNorm(
	params []*Tensor, maxNorm float64, options ...ClipGradNormOptions,
) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	handles := cx.tensors(params, "params")
	if cx.failed("clip_grad_norm_") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_clip_grad_norm(
		first(handles), C.size_t(len(handles)), C.double(maxNorm), C.double(or(o.NormType, 2)),
		truth(o.ErrorIfNonfinite),
	))
}

// ClipGradValue (torch.nn.utils.clip_grad_value_): Limits the elements of gradients to clipValue
// on both sides of zero.
func ClipGradValue(params []*Tensor, clipValue float64) error {
	var cx call
	handles := cx.tensors(params, "params")
	if cx.failed("clip_grad_value_") {
		return cx.err
	}
	count, value := C.size_t(len(handles)), C.double(clipValue)
	return cx.finish(C.candle_go_clip_grad_value(first(handles), count, value))
}

// TotalNormOptions are the options of TotalNorm.
type TotalNormOptions = ClipGradNormOptions

// TotalNorm (torch.nn.utils.get_total_norm): The norm of all elements of some tensors together.
func TotalNorm(tensors []*Tensor, options ...TotalNormOptions) (*Tensor, error) {
	var cx call
	o := one(&cx, options)
	handles := cx.tensors(tensors, "tensors")
	if cx.failed("get_total_norm") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_total_norm(
		first(handles), C.size_t(len(handles)), C.double(or(o.NormType, 2)), truth(o.ErrorIfNonfinite),
	))
}
