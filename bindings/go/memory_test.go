package candle_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

// resident gives the bytes of memory that the process has.
func resident(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the system does not tell how much memory there is")
	}
	return candle.Must(strconv.Atoi(strings.Fields(string(status))[1])) * os.Getpagesize()
}

// settle waits until unreachable handles are freed, to a number of them or for ten seconds.
func settle(kind candle.HandleKind, most int) int {
	for wait := 0; wait < 1000 && candle.LiveHandles(kind) > most; wait++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	return candle.LiveHandles(kind)
}

func TestAMillionTensorsLeaveMemoryFlat(t *testing.T) {
	before := settle(candle.HandleTensor, 0)
	x := tensor(candle.Rand(candle.Ints(16)))
	drop := func(count int) {
		for at := 0; at < count; at++ {
			if _, err := x.Add(x); err != nil {
				t.Fatal(err)
			}
		}
	}
	drop(400_000)
	warm := resident(t)
	drop(600_000)
	// Of those that leak there would be half a gigabyte; the system's allocator needs some time to
	// have enough for each thread.
	if grown := resident(t) - warm; grown > 64<<20 {
		t.Errorf("memory has grown by %d MiB", grown>>20)
	}
	if alive := settle(candle.HandleTensor, before+1); alive > before+1 {
		t.Errorf("%d tensors are alive, and %d were", alive, before)
	}
	runtime.KeepAlive(x)
}

func TestLargeTensorsAreCollectedInTime(t *testing.T) {
	settle(candle.HandleTensor, 0)
	drop := func(count int) {
		for at := 0; at < count; at++ {
			// A megabyte each, of which the collector of Go sees nothing.
			if _, err := candle.Ones(candle.Ints(1 << 18)); err != nil {
				t.Fatal(err)
			}
		}
	}
	drop(300)
	warm := resident(t)
	drop(3000)
	if grown := resident(t) - warm; grown > 200<<20 {
		t.Errorf("memory has grown by %d MiB", grown>>20)
	}
	equal(t, candle.SetMemoryBudget(0), int64(64<<20))
}

func TestEveryHandleIsFreed(t *testing.T) {
	before := settle(candle.HandleAll, 0)
	func() {
		model := network()
		optimizer := candle.Must(candle.NewAdam(params(model)))
		x := leaf(1, 2)
		candle.Must(x.RegisterHook(func(*candle.Tensor) (*candle.Tensor, error) { return nil, nil }))
		candle.Check(tensor(tensor(model.Forward(x)).Sum()).Backward())
		candle.Check(optimizer.Step())
		candle.Must(model.StateDict())
		candle.Must(candle.NewGenerator(1))
		_, err := model.Forward(nil)
		fails(t, err, candle.ErrNullPointer, "input")
	}()
	if alive := settle(candle.HandleAll, before); alive > before {
		t.Errorf("%d handles are alive, and %d were", alive, before)
	}
}

func TestMemoryOfOthersIsUsedInPlace(t *testing.T) {
	// Of C: the values of another tensor.
	lender := of(1, 2, 3, 4)
	data := candle.Must(lender.DataPtr())
	freed := make(chan bool, 1)
	options := candle.FromBlobOptions{Free: func() { freed <- true }, Strides: candle.Ints(4, 8)}
	x := tensor(candle.FromBlob(data, 16, candle.Ints(2, 2), candle.Float32, options))
	equal(t, values(x), []float64{1, 3, 2, 4})
	*(*float32)(data) = 9
	equal(t, values(x), []float64{9, 3, 2, 4})
	view := tensor(x.GetItem(candle.At(0)))
	candle.Check(x.Close())
	equal(t, len(freed), 0)
	candle.Check(view.Close())
	equal(t, len(freed), 1)
	runtime.KeepAlive(lender)
	_, err := candle.FromBlob(data, 4, candle.Ints(4), candle.Float32, options)
	fails(t, err, candle.ErrInvalidArgument, "")
	equal(t, len(freed), 1)
	_, err = candle.FromBlob(data, -1, candle.Ints(4), candle.Float32)
	fails(t, err, candle.ErrInvalidArgument, "-1 bytes")
	_, err = candle.FromBlob(unsafe.Pointer(nil), 4, candle.Ints(1), candle.Float32)
	fails(t, err, candle.ErrNullPointer, "")
}

func TestTensorsOfOtherLibraries(t *testing.T) {
	x := of(1, 2, 3)
	given := candle.Must(x.ToDLPack(candle.CopyNever))
	shared := tensor(candle.FromDLPack(given, candle.CopyNever))
	candle.Check(x.FillInPlace(7))
	equal(t, values(shared), []float64{7, 7, 7})
	older := candle.Must(x.ToDLPackUnversioned(candle.CopyAlways))
	copied := tensor(candle.FromDLPackUnversioned(older, candle.CopyIfNeeded))
	candle.Check(x.FillInPlace(8))
	equal(t, values(copied), []float64{7, 7, 7})
	_, err := leaf(1).ToDLPack(candle.CopyIfNeeded)
	fails(t, err, candle.ErrGraph, "")
	_, err = candle.FromDLPack(nil, candle.CopyNever)
	fails(t, err, candle.ErrNullPointer, "")
}
