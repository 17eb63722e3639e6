package candle

// #include "shims.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Graph is work of a CUDA device that was captured, to be done again by one launch: on the tensors
// that it was captured with, with what is in them then. It keeps the memory that it uses.
//
// PyTorch: torch.cuda.CUDAGraph
type Graph struct{ handle }

func freeGraph(ptr unsafe.Pointer) { C.candle_graph_free((*C.CandleGraph)(ptr)) }

// NewGraph makes an empty graph.
func NewGraph() (*Graph, error) {
	var cx call
	r := C.candle_go_graph_new()
	if err := cx.finish(r); err != nil {
		return nil, err
	}
	g := new(Graph)
	g.own(r.out[0], 0, freeGraph)
	runtime.SetFinalizer(g, (*Graph).Close)
	return g, nil
}

// Close frees it now; tensors that it has made stay.
func (g *Graph) Close() error {
	if g == nil {
		return nil
	}
	return closeNow(g, &g.handle)
}

func (c *call) graph(g *Graph, name string) *C.CandleGraph {
	if g == nil {
		c.missing("graph", name)
		return nil
	}
	return (*C.CandleGraph)(c.take(&g.handle, "graph", name))
}

// Capture runs work and captures what it gives the device to do, which is not done now. The
// goroutine stays on its thread meanwhile; other goroutines that want to use the device wait. Where
// work fails, or does what a graph cannot, the graph is empty.
//
// sharing may be nil; it is a graph that was captured before, whose memory this one uses where it
// is free: the two are replayed in the order in which they were captured.
func (g *Graph) Capture(device Device, sharing *Graph, work func() error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err = g.begin(device, sharing); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			_ = g.Reset()
		}
	}()
	if err = work(); err != nil {
		return err
	}
	ended = true
	var cx call
	ptr := cx.graph(g, "graph")
	if cx.failed("graph_end") {
		return cx.err
	}
	return cx.finish(C.candle_go_graph_end(ptr))
}

func (g *Graph) begin(device Device, sharing *Graph) error {
	var cx call
	ptr := cx.graph(g, "graph")
	var shared *C.CandleGraph
	if sharing != nil {
		shared = cx.graph(sharing, "sharing")
	}
	if cx.failed("graph_begin") {
		return cx.err
	}
	return cx.finish(C.candle_go_graph_begin(ptr, device.kind(), C.int32_t(device.Index), shared))
}

// Replay does all that was captured once more; nothing waits for it.
func (g *Graph) Replay() error {
	var cx call
	ptr := cx.graph(g, "graph")
	if cx.failed("graph_replay") {
		return cx.err
	}
	return cx.finish(C.candle_go_graph_replay(ptr))
}

// Reset makes the graph empty, so that it can be captured again.
func (g *Graph) Reset() error {
	var cx call
	ptr := cx.graph(g, "graph")
	if cx.failed("graph_reset") {
		return cx.err
	}
	return cx.finish(C.candle_go_graph_reset(ptr))
}

// IsCapturing tells whether the calling thread captures a graph on the device.
func (d Device) IsCapturing() bool {
	return C.candle_device_is_capturing(d.kind(), C.int32_t(d.Index)) != 0
}
