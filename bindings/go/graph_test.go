package candle_test

import (
	"errors"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestGraphsAreOfCUDADevices(t *testing.T) {
	graph, err := candle.NewGraph()
	if err != nil {
		t.Fatal(err)
	}
	defer graph.Close()
	ran := false
	err = graph.Capture(candle.Device{}, nil, func() error { ran = true; return nil })
	if !errors.Is(err, candle.ErrUnsupported) || ran {
		t.Fatalf("%v, and the work ran: %v", err, ran)
	}
	if err := graph.Replay(); !errors.Is(err, candle.ErrInvalidArgument) {
		t.Fatal(err)
	}
	equal(t, candle.Device{}.IsCapturing(), false)
	if err := errors.Join(graph.Reset(), graph.Close()); err != nil {
		t.Fatal(err)
	}
	if err := graph.Replay(); !errors.Is(err, candle.ErrInvalidHandle) {
		t.Fatal(err)
	}
}
