package candle

// #include "shims.h"
import "C"

// add puts modules into a new container, which is closed when one of them does not go.
func (m *Module) add(err error, modules []*Module) (*Module, error) {
	for at := 0; at < len(modules) && err == nil; at++ {
		err = m.Push(modules[at])
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// NewSequential (torch.nn.Sequential): Modules one after the other.
func NewSequential(modules ...*Module) (*Module, error) {
	var cx call
	made, err := cx.moduleFrom(C.candle_go_sequential_new())
	return made.add(err, modules)
}

// NewModuleList (torch.nn.ModuleList): Modules that the caller applies.
func NewModuleList(modules ...*Module) (*Module, error) {
	var cx call
	made, err := cx.moduleFrom(C.candle_go_module_list_new())
	return made.add(err, modules)
}

// NewModuleDict (torch.nn.ModuleDict): No modules; Insert adds them under names, and the caller
// applies them.
func NewModuleDict() (*Module, error) {
	var cx call
	return cx.moduleFrom(C.candle_go_module_dict_new())
}

// Push adds a module at the end of a Sequential or a ModuleList; both may go on to be used.
func (m *Module) Push(module *Module) error {
	var cx call
	ptr, modulePtr := cx.module(m, "container"), cx.module(module, "module")
	if cx.failed("push") {
		return cx.err
	}
	if m.Name() == "ModuleList" {
		return cx.finish(C.candle_go_module_list_push(ptr, modulePtr))
	}
	return cx.finish(C.candle_go_sequential_push(ptr, modulePtr))
}

// Insert puts a module into a ModuleDict under a name.
func (m *Module) Insert(name string, module *Module) error {
	var cx call
	ptr, text, modulePtr := cx.module(m, "dict"), cx.text(name, "name"), cx.module(module, "module")
	if cx.failed("insert") {
		return cx.err
	}
	return cx.finish(C.candle_go_module_dict_insert(ptr, text, modulePtr))
}

// LoadSimpleNN gives a module of NewSimpleNN from the file that it was saved to.
func LoadSimpleNN(path string) (*Module, error) {
	var cx call
	text := cx.text(path, "path")
	if cx.failed("simple_nn_load") {
		return nil, cx.err
	}
	return cx.moduleFrom(C.candle_go_simple_nn_load(text))
}
