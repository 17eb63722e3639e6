package candle

// #include "shims.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Module is a layer or a model made of layers.
type Module struct{ handle }

// NamedTensor is a parameter or a buffer of a module.
type NamedTensor struct {
	Name   string
	Tensor *Tensor
}

func freeModule(ptr unsafe.Pointer) { C.candle_module_free((*C.CandleModule)(ptr)) }

// AdoptModule makes a module the owner of a CandleModule that a function of C gave; nil for NULL.
func AdoptModule(ptr unsafe.Pointer) *Module {
	if ptr == nil {
		return nil
	}
	m := new(Module)
	m.own(ptr, 0, freeModule)
	runtime.SetFinalizer(m, (*Module).Close)
	return m
}

// Handle gives the CandleModule, for functions of C; nil once it is closed. Whoever uses it calls
// runtime.KeepAlive with the module afterwards.
func (m *Module) Handle() unsafe.Pointer {
	if m == nil || m.isClosed() {
		return nil
	}
	return m.ptr
}

// Close frees it now; modules that contain it, and its parameters, live on where they are used.
func (m *Module) Close() error {
	if m == nil {
		return nil
	}
	return closeNow(m, &m.handle)
}

func (m *Module) ask(about func(*C.CandleModule)) {
	if m != nil && m.acquire() {
		about((*C.CandleModule)(m.ptr))
		m.release()
	}
}

// do calls a function of C that gives nothing.
func (m *Module) do(operation string, run func(*C.CandleModule) C.candle_go_result) error {
	var cx call
	ptr := cx.module(m, "module")
	if cx.failed(operation) {
		return cx.err
	}
	return cx.finish(run(ptr))
}

// Share gives a second handle on the same module.
func (m *Module) Share() (*Module, error) {
	var cx call
	ptr := cx.module(m, "module")
	if cx.failed("share") {
		return nil, cx.err
	}
	return cx.moduleFrom(C.candle_go_module_share(ptr))
}

// Name gives PyTorch's name of its class, such as "Linear"; "" once it is closed.
func (m *Module) Name() (name string) {
	m.ask(func(ptr *C.CandleModule) { name = C.GoString(C.candle_module_name(ptr)) })
	return name
}

// Forward gives what it makes of one input.
func (m *Module) Forward(input *Tensor) (*Tensor, error) {
	var cx call
	ptr, inputPtr := cx.module(m, "module"), cx.tensor(input, "input")
	if cx.failed("forward") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_module_forward(ptr, inputPtr))
}

// ForwardMany gives what it makes of several inputs; nil is one that is not given. An output that
// there is none of is nil.
func (m *Module) ForwardMany(inputs ...*Tensor) ([]*Tensor, error) {
	var cx call
	ptr, handles := cx.module(m, "module"), cx.optionals(inputs, "inputs")
	if cx.failed("forward") {
		return nil, cx.err
	}
	return cx.tensorsFrom(func(room list) C.candle_go_result {
		return C.candle_go_module_forward_many(
			ptr, first(handles), C.size_t(len(handles)), room.outputs, room.capacity, room.count,
		)
	})
}

// SetTraining says whether it is trained or used, which matters to dropout and batch
// normalization.
func (m *Module) SetTraining(training bool) error {
	return m.do("train", func(ptr *C.CandleModule) C.candle_go_result {
		return C.candle_go_module_set_training(ptr, truth(training))
	})
}

// Train prepares it for training.
func (m *Module) Train() error { return m.SetTraining(true) }

// Eval prepares it for use.
func (m *Module) Eval() error { return m.SetTraining(false) }

// ZeroGrad clears the gradients of all parameters.
func (m *Module) ZeroGrad() error {
	return m.do("zero_grad", func(ptr *C.CandleModule) C.candle_go_result {
		return C.candle_go_module_zero_grad(ptr)
	})
}

// ToOptions are the options of Module.To.
type ToOptions struct {
	// Device is the CPU where it is left out.
	Device Device
	// DType is that of floating parameters and buffers; they keep theirs where it is left out.
	DType DType
}

// To moves parameters and buffers to a device, and floating ones to a dtype, in place.
func (m *Module) To(options ToOptions) error {
	return m.do("to", func(ptr *C.CandleModule) C.candle_go_result {
		index, dtype := C.int32_t(options.Device.Index), C.CandleDType(options.DType)
		return C.candle_go_module_to(ptr, options.Device.kind(), index, dtype)
	})
}

// Parameters gives all parameters.
func (m *Module) Parameters() ([]*Tensor, error) {
	var cx call
	ptr := cx.module(m, "module")
	if cx.failed("parameters") {
		return nil, cx.err
	}
	return cx.tensorsFrom(func(room list) C.candle_go_result {
		return C.candle_go_module_parameters(ptr, room.outputs, room.capacity, room.count)
	})
}

// NumParameters gives the number of parameters; 0 once it is closed.
func (m *Module) NumParameters() (count int) {
	m.ask(func(ptr *C.CandleModule) { count = int(C.candle_module_num_parameters(ptr)) })
	return count
}

// NamedParameters gives all parameters with their names.
func (m *Module) NamedParameters() ([]NamedTensor, error) {
	var names []string
	m.ask(func(ptr *C.CandleModule) {
		for at := C.size_t(0); at < C.candle_module_num_parameters(ptr); at++ {
			names = append(names, textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_module_parameter_name(ptr, at, text, capacity)
			}))
		}
	})
	return m.named("named_parameters", names, (*Module).GetParameter)
}

// NamedBuffers gives all buffers with their names, such as the averages of batch normalization.
func (m *Module) NamedBuffers() ([]NamedTensor, error) {
	var names []string
	m.ask(func(ptr *C.CandleModule) {
		for at := C.size_t(0); at < C.candle_module_num_buffers(ptr); at++ {
			names = append(names, textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_module_buffer_name(ptr, at, text, capacity)
			}))
		}
	})
	return m.named("named_buffers", names, (*Module).GetBuffer)
}

func (m *Module) named(
	operation string, names []string, get func(*Module, string) (*Tensor, error),
) ([]NamedTensor, error) {
	var cx call
	cx.module(m, "module")
	if cx.failed(operation) {
		return nil, cx.err
	}
	defer cx.release()
	named := make([]NamedTensor, len(names))
	for at, name := range names {
		tensor, err := get(m, name)
		if err != nil {
			return nil, err
		}
		named[at] = NamedTensor{name, tensor}
	}
	return named, nil
}

// GetParameter gives the parameter of a name.
func (m *Module) GetParameter(name string) (*Tensor, error) {
	var cx call
	ptr, text := cx.module(m, "module"), cx.text(name, "name")
	if cx.failed("get_parameter") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_module_get_parameter(ptr, text))
}

// SetParameter puts a tensor in the place of the parameter of a name.
func (m *Module) SetParameter(name string, tensor *Tensor) error {
	var cx call
	ptr, text, tensorPtr := cx.module(m, "module"), cx.text(name, "name"), cx.tensor(tensor, "tensor")
	if cx.failed("set_parameter") {
		return cx.err
	}
	return cx.finish(C.candle_go_module_set_parameter(ptr, text, tensorPtr))
}

// GetBuffer gives the buffer of a name.
func (m *Module) GetBuffer(name string) (*Tensor, error) {
	var cx call
	ptr, text := cx.module(m, "module"), cx.text(name, "name")
	if cx.failed("get_buffer") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_module_get_buffer(ptr, text))
}

// StateDict gives all parameters and buffers, sharing their values.
func (m *Module) StateDict() (*TensorMap, error) {
	var cx call
	ptr := cx.module(m, "module")
	if cx.failed("state_dict") {
		return nil, cx.err
	}
	return cx.tensorMapFrom(C.candle_go_module_state_dict(ptr))
}

// LoadOptions are the options of LoadStateDict and Load.
type LoadOptions struct {
	// Strict demands all names and no others; true where it is left out.
	Strict *bool
}

// LoadStateDict copies values into the parameters and buffers of their names. Fails with
// ErrStateDict, and changes nothing, when they do not fit.
func (m *Module) LoadStateDict(state *TensorMap, options ...LoadOptions) error {
	var cx call
	o := one(&cx, options)
	ptr, statePtr := cx.module(m, "module"), cx.tensorMap(state, "state")
	if cx.failed("load_state_dict") {
		return cx.err
	}
	return cx.finish(C.candle_go_module_load_state_dict(ptr, statePtr, truth(or(o.Strict, true))))
}

// Save writes all parameters and buffers to a safetensors file.
func (m *Module) Save(path string) error {
	var cx call
	ptr, text := cx.module(m, "module"), cx.text(path, "path")
	if cx.failed("save") {
		return cx.err
	}
	return cx.finish(C.candle_go_module_save(ptr, text))
}

// Load reads parameters and buffers from a safetensors file.
func (m *Module) Load(path string, options ...LoadOptions) error {
	var cx call
	o := one(&cx, options)
	ptr, text := cx.module(m, "module"), cx.text(path, "path")
	if cx.failed("load") {
		return cx.err
	}
	return cx.finish(C.candle_go_module_load(ptr, text, truth(or(o.Strict, true))))
}
