// Learns to tell handwritten digits: a table of numbers with commas, in each line 64 pixels and
// the digit.
package main

import (
	"fmt"
	"os"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

const (
	batchSize = 64
	epochs    = 20
)

func newModel() (*candle.Module, error) {
	hidden, err := candle.NewLinear(pixels, 64)
	if err != nil {
		return nil, err
	}
	relu, err := candle.NewReLU()
	if err != nil {
		return nil, err
	}
	dropout, err := candle.NewDropout(candle.DropoutLayerOptions{P: candle.Float(0.1)})
	if err != nil {
		return nil, err
	}
	output, err := candle.NewLinear(64, classes)
	if err != nil {
		return nil, err
	}
	return candle.NewSequential(hidden, relu, dropout, output)
}

// trainEpoch gives the mean loss.
func trainEpoch(model *candle.Module, optimizer *candle.Optimizer, train digits) (float64, error) {
	params, err := model.Parameters()
	if err != nil {
		return 0, err
	}
	shuffled, err := train.mixed()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for start := int64(0); start < train.count(); start += batchSize {
		length := train.count() - start
		if length > batchSize {
			length = batchSize
		}
		batch, err := shuffled.part(start, length)
		if err != nil {
			return 0, err
		}
		if err := optimizer.ZeroGrad(); err != nil {
			return 0, err
		}
		scores, err := model.Forward(batch.images)
		if err != nil {
			return 0, err
		}
		loss, err := candle.CrossEntropy(scores, batch.labels)
		if err != nil {
			return 0, err
		}
		if err := loss.Backward(); err != nil {
			return 0, err
		}
		if _, err := candle.ClipGradNorm(params, 1.0); err != nil {
			return 0, err
		}
		if err := optimizer.Step(); err != nil {
			return 0, err
		}
		value, err := loss.Item()
		if err != nil {
			return 0, err
		}
		total += value * float64(length)
	}
	return total / float64(train.count()), nil
}

func accuracy(model *candle.Module, test digits) (share float64, err error) {
	if err := model.Eval(); err != nil {
		return 0, err
	}
	defer model.Train()
	err = candle.NoGrad(func() error {
		scores, err := model.Forward(test.images)
		if err != nil {
			return err
		}
		chosen, err := scores.ArgMax(candle.ArgMaxOptions{Dim: candle.Int(1)})
		if err != nil {
			return err
		}
		right, err := chosen.Eq(test.labels)
		if err != nil {
			return err
		}
		mean, err := right.Mean(candle.MeanOptions{DType: candle.Float32})
		if err != nil {
			return err
		}
		share, err = mean.Item()
		return err
	})
	return share, err
}

func run(path string) error {
	if err := candle.ManualSeed(0); err != nil {
		return err
	}
	all, err := read(path)
	if err != nil {
		return err
	}
	if all, err = all.mixed(); err != nil {
		return err
	}
	heldOut := all.count() / 5
	test, err := all.part(0, heldOut)
	if err != nil {
		return err
	}
	train, err := all.part(heldOut, all.count()-heldOut)
	if err != nil {
		return err
	}
	model, err := newModel()
	if err != nil {
		return err
	}
	params, err := model.Parameters()
	if err != nil {
		return err
	}
	optimizer, err := candle.NewAdamW(params, candle.AdamWOptions{LR: candle.Float(3e-3)})
	if err != nil {
		return err
	}
	for epoch := 1; epoch <= epochs; epoch++ {
		loss, err := trainEpoch(model, optimizer, train)
		if err != nil {
			return err
		}
		if epoch%5 == 0 {
			fmt.Printf("epoch %2d  loss %.4f\n", epoch, loss)
		}
	}
	share, err := accuracy(model, test)
	if err != nil {
		return err
	}
	fmt.Printf("accuracy %.3f on %d digits not seen\n", share, heldOut)

	const file = "digits.safetensors"
	if err := model.Save(file); err != nil {
		return err
	}
	again, err := newModel()
	if err != nil {
		return err
	}
	if err := again.Load(file); err != nil {
		return err
	}
	if share, err = accuracy(again, test); err != nil {
		return err
	}
	fmt.Printf("accuracy %.3f from %s\n", share, file)
	return nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: digits FILE.csv")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
