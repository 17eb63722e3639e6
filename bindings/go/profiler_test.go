package candle_test

import (
	"io"
	"os"
	"strings"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestAProfileTellsWhereTheTimeWent(t *testing.T) {
	candle.Check(candle.StartProfiler(candle.ProfilerOptions{RecordShapes: true}))
	fails(t, candle.StartProfiler(), candle.ErrBusy, "")
	equal(t, candle.IsProfiling(), true)
	x := tensor(candle.Rand(candle.Ints(64, 32)))
	err := candle.RecordFunction("forward", func() error {
		tensor(x.Matmul(tensor(x.Transpose(0, 1))))
		return io.EOF
	})
	equal(t, err, io.EOF)
	profile := candle.Must(candle.StopProfiler())
	equal(t, candle.IsProfiling(), false)
	_, err = candle.StopProfiler()
	fails(t, err, candle.ErrInvalidArgument, "")

	found := map[string]candle.ProfileEvent{}
	for at := 0; at < profile.NumEvents(); at++ {
		event := candle.Must(profile.Event(at))
		if event.Kind != candle.ProfileKernel {
			found[event.Name] = event
		}
	}
	equal(t, found["forward"].Kind, candle.ProfileRange)
	equal(t, found["matmul"].Kind, candle.ProfileCall)
	equal(t, found["matmul"].Shapes, [][]int64{{64, 32}, {32, 64}})
	equal(t, found["matmul"].DTypes, []candle.DType{candle.Float32, candle.Float32})
	equal(t, found["matmul"].Bytes, uint64(64*64*4))
	_, err = profile.Event(-1)
	fails(t, err, candle.ErrIndex, "")
	calls := uint64(0)
	for _, total := range candle.Must(profile.Totals(true)) {
		if total.Name == "matmul" && total.Kind == candle.ProfileCall {
			calls += total.Calls
		}
	}
	equal(t, calls, uint64(1))
	summary := candle.Must(profile.Summary())
	equal(t, summary.Wall, summary.Kernel+summary.Checks+summary.Outside)
	equal(t, len(profile.ThreadNames()) >= 1, true)
	for _, options := range []candle.ProfileTableOptions{
		{}, {ByShapes: true}, {Sort: candle.ProfileSortCalls, Bytes: candle.Flag(false)},
	} {
		if table := candle.Must(profile.Table(options)); !strings.Contains(table, "matmul") {
			t.Errorf("the table has no matmul:\n%s", table)
		}
	}
	path := file(t)
	candle.Check(profile.WriteTrace(path))
	if trace := candle.Must(os.ReadFile(path)); !strings.Contains(string(trace), `"matmul"`) {
		t.Error("the trace has no matmul")
	}
	candle.Check(profile.Close())
	_, err = profile.Summary()
	fails(t, err, candle.ErrInvalidHandle, "profile")
}
