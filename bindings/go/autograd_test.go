package candle_test

import (
	"errors"
	"io"
	"sync"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestGradientsFlowBack(t *testing.T) {
	x := leaf(1, 2, 3)
	equal(t, x.IsLeaf(), true)
	if tensor(x.Grad()) != nil {
		t.Error("there is no gradient yet")
	}
	y := tensor(tensor(x.Mul(x)).Sum())
	equal(t, y.GradFnName(), "sum")
	candle.Check(y.Backward())
	equal(t, values(tensor(x.Grad())), []float64{2, 4, 6})
	fails(t, y.Backward(), candle.ErrGraph, "")
	twice := tensor(x.Mul(candle.Scalar(2)))
	candle.Check(twice.Backward(candle.BackwardOptions{Gradient: of(1, 0, 1), RetainGraph: true}))
	equal(t, values(tensor(x.Grad())), []float64{4, 4, 8})
	candle.Check(twice.Backward(candle.BackwardOptions{Gradient: of(0, 1, 0)}))
	equal(t, values(tensor(x.Grad())), []float64{4, 6, 8})
	candle.Check(x.SetGrad(of(1, 1, 1)))
	equal(t, values(tensor(x.Grad())), []float64{1, 1, 1})
	candle.Check(x.SetGrad(nil))
	if tensor(x.Grad()) != nil {
		t.Error("the gradient is cleared")
	}
	equal(t, tensor(y.Detach()).RequiresGrad(), false)
	candle.Check(x.SetRequiresGrad(false))
	equal(t, x.RequiresGrad(), false)
}

func TestGradientsOfAnyTensor(t *testing.T) {
	x, unused := leaf(3), leaf(1)
	all := func(given ...*candle.Tensor) []*candle.Tensor { return given }
	cube := tensor(tensor(tensor(x.Mul(x)).Mul(x)).Sum())
	recorded := candle.GradOptions{CreateGraph: true, RetainGraph: true}
	first := list(candle.Grad(all(cube), all(x), recorded))
	equal(t, item(first[0]), 27.0)
	equal(t, item(list(candle.Grad(all(tensor(first[0].Sum())), all(x)))[0]), 18.0)
	square := func() []*candle.Tensor { return all(tensor(tensor(x.Mul(x)).Sum())) }
	_, err := candle.Grad(square(), all(x, unused))
	fails(t, err, candle.ErrGraph, "")
	both := list(candle.Grad(square(), all(x, unused), candle.GradOptions{AllowUnused: true}))
	equal(t, item(both[0]), 6.0)
	if both[1] != nil {
		t.Error("there is no gradient of what is unused")
	}
	_, err = candle.Grad(square(), all(x), candle.GradOptions{GradOutputs: all(x, x)})
	fails(t, err, candle.ErrInvalidArgument, "GradOutputs")
}

func TestRecordingIsOfTheGoroutine(t *testing.T) {
	x := leaf(1)
	recorded := func() bool { return tensor(x.Mul(x)).RequiresGrad() }
	entered, left := make(chan bool), make(chan bool)
	var others sync.WaitGroup
	for at := 0; at < 50; at++ {
		others.Add(1)
		go func() {
			defer others.Done()
			<-entered
			for again := 0; again < 20; again++ {
				if !recorded() || !candle.IsGradEnabled() {
					t.Error("another goroutine records")
				}
			}
			left <- true
		}()
	}
	err := candle.NoGrad(func() error {
		for at := 0; at < 50; at++ {
			entered <- true
			equal(t, recorded(), false)
			equal(t, candle.IsGradEnabled(), false)
		}
		candle.Check(candle.EnableGrad(func() error {
			equal(t, recorded(), true)
			return nil
		}))
		for at := 0; at < 50; at++ {
			<-left
			equal(t, recorded(), false)
		}
		return io.EOF
	})
	others.Wait()
	equal(t, err, io.EOF)
	equal(t, recorded(), true)
	func() {
		defer func() { equal(t, recover(), "out") }()
		_ = candle.NoGrad(func() error { panic("out") })
	}()
	equal(t, candle.IsGradEnabled(), true)
	fails(t, candle.NoGrad(nil), candle.ErrNullPointer, "run")
}

func TestHooksSeeAndReplaceGradients(t *testing.T) {
	x := leaf(1, 2)
	calls := 0
	seen := candle.Must(x.RegisterHook(func(gradient *candle.Tensor) (*candle.Tensor, error) {
		calls++
		equal(t, values(gradient), []float64{1, 1})
		return nil, nil
	}))
	doubled := candle.Must(x.RegisterHook(func(gradient *candle.Tensor) (*candle.Tensor, error) {
		return gradient.Mul(candle.Scalar(2))
	}))
	candle.Check(tensor(x.Sum()).Backward())
	equal(t, calls, 1)
	equal(t, values(tensor(x.Grad())), []float64{2, 2})
	candle.Check(x.RemoveHook(seen))
	candle.Check(x.RemoveHook(doubled))
	candle.Check(x.RemoveHook(doubled))
	candle.Check(tensor(x.Sum()).Backward())
	equal(t, calls, 1)
	equal(t, values(tensor(x.Grad())), []float64{3, 3})
	_, err := of(1).RegisterHook(func(*candle.Tensor) (*candle.Tensor, error) { return nil, nil })
	fails(t, err, candle.ErrGraph, "")
	_, err = x.RegisterHook(nil)
	fails(t, err, candle.ErrNullPointer, "hook")
}

func TestWhatAHookFailsWithComesOut(t *testing.T) {
	backward := func(hook func(*candle.Tensor) (*candle.Tensor, error)) error {
		x := leaf(1)
		candle.Must(x.RegisterHook(hook))
		return tensor(x.Sum()).Backward()
	}
	err := backward(func(*candle.Tensor) (*candle.Tensor, error) { return nil, io.ErrUnexpectedEOF })
	fails(t, err, candle.ErrCallback, "unexpected EOF")
	equal(t, errors.Is(err, io.ErrUnexpectedEOF), true)
	err = backward(func(*candle.Tensor) (*candle.Tensor, error) { panic("of the hook") })
	fails(t, err, candle.ErrCallback, "panic: of the hook")
	err = backward(func(*candle.Tensor) (*candle.Tensor, error) {
		var none []int
		return nil, errors.New(string(rune(none[3])))
	})
	fails(t, err, candle.ErrCallback, "index out of range")
	err = backward(func(*candle.Tensor) (*candle.Tensor, error) {
		gone := of(1)
		return gone, gone.Close()
	})
	fails(t, err, candle.ErrCallback, "closed")
	err = backward(func(*candle.Tensor) (*candle.Tensor, error) { return of(1, 2), nil })
	fails(t, err, candle.ErrShape, "")
	// Nothing is left behind for the next one.
	equal(t, backward(func(*candle.Tensor) (*candle.Tensor, error) { return nil, nil }), nil)
}
