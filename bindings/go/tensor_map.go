package candle

// #include "shims.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// TensorMap is tensors by name, in order: the state of a module, the content of a file.
type TensorMap struct{ handle }

func freeTensorMap(ptr unsafe.Pointer) { C.candle_tensor_map_free((*C.CandleTensorMap)(ptr)) }

func adoptTensorMap(ptr unsafe.Pointer) *TensorMap {
	m := new(TensorMap)
	m.own(ptr, 0, freeTensorMap)
	runtime.SetFinalizer(m, (*TensorMap).Close)
	return m
}

// NewTensorMap makes a map without tensors.
func NewTensorMap() (*TensorMap, error) {
	var cx call
	return cx.tensorMapFrom(C.candle_go_tensor_map_new())
}

// LoadTensorMap reads the tensors of a safetensors file.
func LoadTensorMap(path string) (*TensorMap, error) {
	var cx call
	text := cx.text(path, "path")
	if cx.failed("load") {
		return nil, cx.err
	}
	return cx.tensorMapFrom(C.candle_go_tensor_map_load(text))
}

// Save writes a safetensors file.
func (m *TensorMap) Save(path string) error {
	var cx call
	ptr, text := cx.tensorMap(m, "map"), cx.text(path, "path")
	if cx.failed("save") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_map_save(ptr, text))
}

// Close frees it now; its tensors live on where they are used.
func (m *TensorMap) Close() error {
	if m == nil {
		return nil
	}
	return closeNow(m, &m.handle)
}

func (m *TensorMap) ask(about func(*C.CandleTensorMap)) {
	if m != nil && m.acquire() {
		about((*C.CandleTensorMap)(m.ptr))
		m.release()
	}
}

// Len gives the number of tensors; 0 once it is closed.
func (m *TensorMap) Len() (count int) {
	m.ask(func(ptr *C.CandleTensorMap) { count = int(C.candle_tensor_map_len(ptr)) })
	return count
}

// Names gives the names in order.
func (m *TensorMap) Names() (names []string) {
	m.ask(func(ptr *C.CandleTensorMap) {
		for at := C.size_t(0); at < C.candle_tensor_map_len(ptr); at++ {
			names = append(names, textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_tensor_map_name(ptr, at, text, capacity)
			}))
		}
	})
	return names
}

// At gives the tensor at a position. Fails with ErrIndex.
func (m *TensorMap) At(index int) (*Tensor, error) {
	var cx call
	ptr := cx.tensorMap(m, "map")
	if index < 0 {
		cx.fail(ErrIndex, "there is no tensor at %d", index)
	}
	if cx.failed("at") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_tensor_map_at(ptr, C.size_t(index)))
}

// Get gives the tensor of a name.
func (m *TensorMap) Get(name string) (*Tensor, error) {
	var cx call
	ptr, text := cx.tensorMap(m, "map"), cx.text(name, "name")
	if cx.failed("get") {
		return nil, cx.err
	}
	return cx.tensorFrom(C.candle_go_tensor_map_get(ptr, text))
}

// Insert adds a tensor, or puts it in the place of the one of its name.
func (m *TensorMap) Insert(name string, tensor *Tensor) error {
	var cx call
	ptr, text, tensorPtr := cx.tensorMap(m, "map"), cx.text(name, "name"), cx.tensor(tensor, "tensor")
	if cx.failed("insert") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_map_insert(ptr, text, tensorPtr))
}

// Metadata gives the texts of the file besides its tensors.
func (m *TensorMap) Metadata() map[string]string {
	metadata := map[string]string{}
	m.ask(func(ptr *C.CandleTensorMap) {
		for at := C.size_t(0); at < C.candle_tensor_map_num_metadata(ptr); at++ {
			key := textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_tensor_map_metadata_key(ptr, at, text, capacity)
			})
			metadata[key] = textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_tensor_map_metadata_value(ptr, at, text, capacity)
			})
		}
	})
	return metadata
}

// SetMetadata sets a text of the file besides its tensors.
func (m *TensorMap) SetMetadata(key, value string) error {
	var cx call
	ptr, keyText, valueText := cx.tensorMap(m, "map"), cx.text(key, "key"), cx.text(value, "value")
	if cx.failed("set_metadata") {
		return cx.err
	}
	return cx.finish(C.candle_go_tensor_map_set_metadata(ptr, keyText, valueText))
}
