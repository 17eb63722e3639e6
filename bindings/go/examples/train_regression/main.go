// Learns y = 2*x1 + 3*x2 from 100 random points with a small network. A script: what fails stops
// it, through Must and Check.
package main

import (
	"fmt"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func main() {
	tensor, module := candle.Must[*candle.Tensor], candle.Must[*candle.Module]
	candle.Check(candle.ManualSeed(0))
	x := tensor(candle.Rand(candle.Ints(100, 2)))
	x1, x2 := tensor(x.Narrow(1, 0, 1)), tensor(x.Narrow(1, 1, 1))
	y := tensor(tensor(candle.Scalar(2).Mul(x1)).Add(tensor(candle.Scalar(3).Mul(x2))))

	model := module(candle.NewSequential(
		module(candle.NewLinear(2, 10)),
		module(candle.NewReLU()),
		module(candle.NewLinear(10, 1)),
	))
	optimizer := candle.Must(candle.NewSGD(
		candle.Must(model.Parameters()),
		candle.SGDOptions{LR: candle.Float(0.1), Momentum: 0.9},
	))

	for epoch := 1; epoch <= 100; epoch++ {
		candle.Check(optimizer.ZeroGrad())
		loss := tensor(candle.MSELoss(tensor(model.Forward(x)), y))
		candle.Check(loss.Backward())
		candle.Check(optimizer.Step())
		if epoch%10 == 0 {
			fmt.Printf("epoch %3d  loss %.6f\n", epoch, candle.Must(loss.Item()))
		}
	}

	candle.Check(candle.NoGrad(func() error {
		point := tensor(candle.NewTensor([][]float32{{0.5, 0.5}}))
		predicted := candle.Must(tensor(model.Forward(point)).Item())
		fmt.Printf("prediction for [0.5, 0.5]: %.3f (expected 2.5)\n", predicted)
		return nil
	}))
}
