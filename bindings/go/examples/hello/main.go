// Two tensors, a matrix product, and an error that says what is wrong.
package main

import (
	"errors"
	"fmt"
	"os"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func run() error {
	fmt.Println(candle.BuildInfo())
	a, err := candle.NewTensor([][]float32{{1, 2, 3}, {4, 5, 6}})
	if err != nil {
		return err
	}
	turned, err := a.Transpose(0, 1)
	if err != nil {
		return err
	}
	product, err := a.Matmul(turned)
	if err != nil {
		return err
	}
	values, err := candle.ToSlice[float32](product)
	if err != nil {
		return err
	}
	for row := 0; row < len(values); row += 2 {
		fmt.Printf("[%g %g]\n", values[row], values[row+1])
	}

	// 2x3 times 2x3 does not go.
	_, err = a.Matmul(a)
	if !errors.Is(err, candle.ErrShape) {
		return fmt.Errorf("expected an error of shapes, not %v", err)
	}
	fmt.Println("as expected,", err)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
