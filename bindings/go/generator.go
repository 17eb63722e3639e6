package candle

// #include "shims.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Generator is a source of random numbers with a seed of its own. Where one is left out the
// default generator serves, which all goroutines share.
type Generator struct{ handle }

// GeneratorState says where a generator stands.
type GeneratorState struct {
	// Seed is its seed, Offset how many numbers were drawn since.
	Seed, Offset uint64
}

func freeGenerator(ptr unsafe.Pointer) { C.candle_generator_free((*C.CandleGenerator)(ptr)) }

// NewGenerator makes a generator at the start of the sequence of a seed.
func NewGenerator(seed uint64) (*Generator, error) {
	var cx call
	r := C.candle_go_generator_new(C.uint64_t(seed))
	if err := cx.finish(r); err != nil {
		return nil, err
	}
	g := new(Generator)
	g.own(r.out[0], 0, freeGenerator)
	runtime.SetFinalizer(g, (*Generator).Close)
	return g, nil
}

// Close frees it now.
func (g *Generator) Close() error {
	if g == nil {
		return nil
	}
	return closeNow(g, &g.handle)
}

// ManualSeed starts the sequence of a seed in the default generator.
func ManualSeed(seed uint64) error {
	return (*Generator)(nil).ManualSeed(seed)
}

// ManualSeed starts the sequence of another seed.
func (g *Generator) ManualSeed(seed uint64) error {
	var cx call
	ptr := cx.generator(g, "generator")
	if cx.failed("manual_seed") {
		return cx.err
	}
	return cx.finish(C.candle_go_generator_manual_seed(ptr, C.uint64_t(seed)))
}

// Seed gives the seed.
func (g *Generator) Seed() (uint64, error) {
	var cx call
	ptr := cx.generator(g, "generator")
	if cx.failed("seed") {
		return 0, cx.err
	}
	defer cx.release()
	return uint64(C.candle_generator_seed(ptr)), nil
}

// State says where it stands.
func (g *Generator) State() (GeneratorState, error) {
	var cx call
	ptr := cx.generator(g, "generator")
	if cx.failed("get_state") {
		return GeneratorState{}, cx.err
	}
	var state GeneratorState
	seed, offset := (*C.uint64_t)(&state.Seed), (*C.uint64_t)(&state.Offset)
	err := cx.finish(C.candle_go_generator_get_state(ptr, seed, offset))
	return state, err
}

// SetState continues where a saved state stood.
func (g *Generator) SetState(state GeneratorState) error {
	var cx call
	ptr := cx.generator(g, "generator")
	if cx.failed("set_state") {
		return cx.err
	}
	seed, offset := C.uint64_t(state.Seed), C.uint64_t(state.Offset)
	return cx.finish(C.candle_go_generator_set_state(ptr, seed, offset))
}
