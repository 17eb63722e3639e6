package candle_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

// together runs a function in so many goroutines that begin at once, and gives what fails.
func together(count int, run func(number int) error) error {
	start, failed := make(chan struct{}), make(chan error, count)
	var all sync.WaitGroup
	for number := 0; number < count; number++ {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			<-start
			failed <- run(number)
		}(number)
	}
	close(start)
	all.Wait()
	for at := 0; at < count; at++ {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func TestAThousandGoroutinesAtOnce(t *testing.T) {
	shared := tensor(candle.NewTensor([][]float32{{1, 2}, {3, 4}}))
	model := network()
	err := together(1000, func(number int) error {
		x, err := candle.FromSlice(
			[]float32{float32(number), 1}, candle.Ints(2, 1), candle.TensorOptions{RequiresGrad: true},
		)
		if err != nil {
			return err
		}
		product, err := shared.Matmul(x)
		if err != nil {
			return err
		}
		square, err := product.Square()
		if err != nil {
			return err
		}
		sum, err := square.Sum()
		if err != nil {
			return err
		}
		if err := sum.Backward(); err != nil {
			return err
		}
		grad, err := x.Grad()
		if err != nil {
			return err
		}
		got, err := candle.ToSlice[float64](grad)
		if err != nil {
			return err
		}
		// Of (x + 2)² + (3x + 4)².
		n := float64(number)
		if expected := 2*(n+2) + 6*(3*n+4); got[0] != expected {
			return fmt.Errorf("the gradient of %d is %v, not %v", number, got[0], expected)
		}
		return candle.NoGrad(func() error {
			row, err := x.Reshape(candle.Ints(1, 2))
			if err != nil {
				return err
			}
			out, err := model.Forward(row)
			if err == nil && out.RequiresGrad() {
				return errors.New("inside NoGrad nothing is recorded")
			}
			return err
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAHandleMayBeClosedWhileItIsUsed(t *testing.T) {
	for round := 0; round < 20; round++ {
		x := tensor(candle.Rand(candle.Ints(64, 64)))
		err := together(20, func(number int) error {
			if number%5 == 4 {
				return x.Close()
			}
			for {
				_, err := x.Matmul(x)
				if errors.Is(err, candle.ErrInvalidHandle) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnObjectInUseIsBusy(t *testing.T) {
	optimizer := candle.Must(candle.NewLBFGS(params(network())))
	_, err := optimizer.StepClosure(func() (float64, error) {
		done := make(chan error)
		go func() {
			_, err := optimizer.StepClosure(func() (float64, error) { return 0, nil })
			done <- err
		}()
		return 0, <-done
	})
	fails(t, err, candle.ErrCallback, "")
	fails(t, errors.Unwrap(err), candle.ErrBusy, "")
}

func TestHooksRunInManyGoroutines(t *testing.T) {
	err := together(200, func(number int) error {
		x, err := candle.FromSlice([]float32{1}, candle.Ints(1), candle.TensorOptions{RequiresGrad: true})
		if err != nil {
			return err
		}
		own := fmt.Errorf("of goroutine %d", number)
		_, err = x.RegisterHook(func(gradient *candle.Tensor) (*candle.Tensor, error) {
			if number%2 == 0 {
				return nil, own
			}
			return gradient.Mul(candle.Scalar(number))
		})
		if err != nil {
			return err
		}
		sum, err := x.Sum()
		if err != nil {
			return err
		}
		err = sum.Backward()
		if number%2 == 0 {
			if !errors.Is(err, own) {
				return fmt.Errorf("goroutine %d has got %v", number, err)
			}
			return nil
		}
		if err != nil {
			return err
		}
		grad, err := x.Grad()
		if err != nil {
			return err
		}
		if value, err := grad.Item(); err != nil || value != float64(number) {
			return fmt.Errorf("the gradient of goroutine %d is %v (%v)", number, value, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
