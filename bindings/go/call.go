package candle

// #include <stdlib.h>
// #include "shims.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// A call holds the handles that a call of C uses until it ends, and the first thing that is
// wrong with what it is given.
type call struct {
	err   error
	held  [6]*handle
	count int
	more  []*handle
	texts []*C.char
}

func (c *call) fail(code Status, format string, words ...any) {
	if c.err == nil {
		c.err = &Error{Code: code, Message: fmt.Sprintf(format, words...)}
	}
}

// failed tells, before the call, that it must not happen, and why in c.err.
func (c *call) failed(operation string) bool {
	if c.err == nil {
		return false
	}
	c.release()
	if err, ok := c.err.(*Error); ok {
		err.Operation = operation
	}
	return true
}

func (c *call) take(h *handle, what, name string) unsafe.Pointer {
	if !h.acquire() {
		c.fail(ErrInvalidHandle, "%s is a %s that is closed", name, what)
		return nil
	}
	if c.count < len(c.held) {
		c.held[c.count] = h
		c.count++
	} else {
		c.more = append(c.more, h)
	}
	return h.ptr
}

func (c *call) release() {
	for _, h := range c.held[:c.count] {
		h.release()
	}
	for _, h := range c.more {
		h.release()
	}
	for _, text := range c.texts {
		C.free(unsafe.Pointer(text))
	}
	c.count, c.more, c.texts = 0, nil, nil
}

func (c *call) missing(what, name string) {
	c.fail(ErrNullPointer, "%s must be a %s, and is nil", name, what)
}

func (c *call) tensor(t *Tensor, name string) *C.CandleTensor {
	if t == nil {
		c.missing("tensor", name)
		return nil
	}
	return (*C.CandleTensor)(c.take(&t.handle, "tensor", name))
}

func (c *call) optional(t *Tensor, name string) *C.CandleTensor {
	if t == nil {
		return nil
	}
	return c.tensor(t, name)
}

func (c *call) tensors(given []*Tensor, name string) []*C.CandleTensor {
	handles := make([]*C.CandleTensor, len(given))
	for at, t := range given {
		if t == nil {
			c.missing("tensor", fmt.Sprintf("%s[%d]", name, at))
		} else if handles[at] = (*C.CandleTensor)(c.take(&t.handle, "tensor", name)); c.err != nil {
			break
		}
	}
	return handles
}

func (c *call) optionals(given []*Tensor, name string) []*C.CandleTensor {
	handles := make([]*C.CandleTensor, len(given))
	for at, t := range given {
		handles[at] = c.optional(t, name)
	}
	return handles
}

func (c *call) module(m *Module, name string) *C.CandleModule {
	if m == nil {
		c.missing("module", name)
		return nil
	}
	return (*C.CandleModule)(c.take(&m.handle, "module", name))
}

func (c *call) optionalModule(m *Module, name string) *C.CandleModule {
	if m == nil {
		return nil
	}
	return c.module(m, name)
}

func (c *call) optimizer(o *Optimizer) *C.CandleOptimizer {
	if o == nil {
		c.missing("optimizer", "optimizer")
		return nil
	}
	return (*C.CandleOptimizer)(c.take(&o.handle, "optimizer", "optimizer"))
}

// generator gives NULL, the default generator, for nil.
func (c *call) generator(g *Generator, name string) *C.CandleGenerator {
	if g == nil {
		return nil
	}
	return (*C.CandleGenerator)(c.take(&g.handle, "generator", name))
}

func (c *call) tensorMap(m *TensorMap, name string) *C.CandleTensorMap {
	if m == nil {
		c.missing("tensor map", name)
		return nil
	}
	return (*C.CandleTensorMap)(c.take(&m.handle, "tensor map", name))
}

// text gives a string as C has it, until the call ends.
func (c *call) text(given, name string) *C.char {
	if strings.IndexByte(given, 0) >= 0 {
		c.fail(ErrInvalidArgument, "%s has a NUL byte", name)
		return nil
	}
	text := C.CString(given)
	c.texts = append(c.texts, text)
	return text
}

// finish ends a call that gives nothing.
func (c *call) finish(r C.candle_go_result) error {
	c.release()
	if r.status != C.CANDLE_OK {
		return errorFrom(r)
	}
	return nil
}

func (c *call) tensorFrom(r C.candle_go_result) (*Tensor, error) {
	if err := c.finish(r); err != nil {
		return nil, err
	}
	return adoptTensor(r.out[0], int64(r.bytes)), nil
}

func (c *call) moduleFrom(r C.candle_go_result) (*Module, error) {
	if err := c.finish(r); err != nil {
		return nil, err
	}
	return AdoptModule(r.out[0]), nil
}

func (c *call) optimizerFrom(r C.candle_go_result) (*Optimizer, error) {
	if err := c.finish(r); err != nil {
		return nil, err
	}
	return AdoptOptimizer(r.out[0]), nil
}

func (c *call) tensorMapFrom(r C.candle_go_result) (*TensorMap, error) {
	if err := c.finish(r); err != nil {
		return nil, err
	}
	return adoptTensorMap(r.out[0]), nil
}

// severalFrom gives the tensors of an operation that has a structure of them.
func (c *call) severalFrom(r C.candle_go_result) (out [3]*Tensor, err error) {
	if err := c.finish(r); err != nil {
		return out, err
	}
	for at, ptr := range r.out {
		out[at] = AdoptTensor(ptr)
	}
	return out, nil
}

// A list is the room that C writes handles to.
type list struct {
	outputs  **C.CandleTensor
	capacity C.size_t
	count    *C.size_t
}

// tensorsFrom gives the tensors of a call that writes as many as there are.
func (c *call) tensorsFrom(run func(list) C.candle_go_result) ([]*Tensor, error) {
	room := make([]*C.CandleTensor, 16)
	count := new(C.size_t)
	r := run(list{&room[0], C.size_t(len(room)), count})
	if r.status == C.CANDLE_ERROR_BUFFER_TOO_SMALL && int(*count) > len(room) {
		C.candle_error_free(r.error)
		room = make([]*C.CandleTensor, int(*count))
		r = run(list{&room[0], C.size_t(len(room)), count})
	}
	if err := c.finish(r); err != nil {
		return nil, err
	}
	tensors := make([]*Tensor, int(*count))
	for at := range tensors {
		tensors[at] = AdoptTensor(unsafe.Pointer(room[at]))
	}
	return tensors, nil
}

// textFrom gives a text that C writes into a buffer and tells the length of.
func textFrom(write func(text *C.char, capacity C.size_t) C.size_t) string {
	length := int(write(nil, 0))
	if length == 0 {
		return ""
	}
	buffer := make([]byte, length+1)
	write((*C.char)(unsafe.Pointer(&buffer[0])), C.size_t(len(buffer)))
	return string(buffer[:length])
}
