package candle_test

import (
	"errors"
	"os"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func network() *candle.Module {
	hidden, output := module(candle.NewLinear(2, 8)), module(candle.NewLinear(8, 1))
	return module(candle.NewSequential(hidden, module(candle.NewTanh()), output))
}

func params(m *candle.Module) []*candle.Tensor { return list(m.Parameters()) }

func TestModules(t *testing.T) {
	model := network()
	equal(t, model.Name(), "Sequential")
	equal(t, model.NumParameters(), 4)
	named := candle.Must(model.NamedParameters())
	equal(t, named[0].Name, "0.weight")
	equal(t, named[0].Tensor.Shape(), candle.Ints(8, 2))
	equal(t, tensor(model.Forward(tensor(candle.Rand(candle.Ints(5, 2))))).Shape(), candle.Ints(5, 1))
	plain := module(candle.NewLinear(2, 1, candle.LinearLayerOptions{Bias: candle.Flag(false)}))
	equal(t, plain.NumParameters(), 1)
	candle.Check(plain.SetParameter("weight", tensor(candle.NewTensor([][]float32{{2, 3}}))))
	equal(t, values(tensor(plain.Forward(of(1, 1)))), []float64{5})
	equal(t, tensor(plain.GetParameter("weight")).Shape(), candle.Ints(1, 2))
	_, err := plain.GetParameter("bias")
	fails(t, err, candle.ErrInvalidArgument, "bias")
	candle.Check(plain.To(candle.ToOptions{DType: candle.Float64}))
	equal(t, params(plain)[0].DType(), candle.Float64)

	names := candle.Must(candle.NewModuleDict())
	candle.Check(names.Insert("a", plain))
	fails(t, names.Insert("a.b", plain), candle.ErrInvalidArgument, "")
	equal(t, candle.Must(names.NamedParameters())[0].Name, "a.weight")
	modules := candle.Must(candle.NewModuleList(plain, network()))
	equal(t, modules.NumParameters(), 5)
	fails(t, plain.Push(plain), candle.ErrInvalidArgument, "")
	_, err = candle.NewSequential(plain, nil)
	fails(t, err, candle.ErrNullPointer, "module")
	equal(t, candle.Must(plain.Share()).Name(), "Linear")
}

func TestTrainingAndUse(t *testing.T) {
	dropout := module(candle.NewDropout())
	x := tensor(candle.Ones(candle.Ints(1000)))
	zeros := func() float64 {
		return item(tensor(tensor(tensor(dropout.Forward(x)).Eq(candle.Scalar(0))).Sum()))
	}
	if dropped := zeros(); dropped < 400 || dropped > 600 {
		t.Errorf("half of a thousand are dropped, not %v", dropped)
	}
	candle.Check(dropout.Eval())
	equal(t, zeros(), 0.0)
	candle.Check(dropout.Train())
	norm := module(candle.NewBatchNorm1d(2))
	// PyTorch's momentum of 0.1 where it is left out; None averages all batches.
	batch := tensor(candle.NewTensor([][]float32{{0, 10}, {2, 10}}))
	tensor(norm.Forward(batch))
	near(t, values(tensor(norm.GetBuffer("running_mean"))), []float64{0.1, 1})
	average := module(candle.NewBatchNorm1d(2, candle.BatchNorm1dLayerOptions{Momentum: candle.None}))
	tensor(average.Forward(batch))
	near(t, values(tensor(average.GetBuffer("running_mean"))), []float64{1, 10})
	equal(t, candle.Must(norm.NamedBuffers())[0].Name, "running_mean")
	options := candle.LSTMLayerOptions{NumLayers: candle.Int(2), BatchFirst: true}
	lstm := module(candle.NewLSTM(3, 4, options))
	out := list(lstm.ForwardMany(tensor(candle.Rand(candle.Ints(5, 6, 3))), nil, nil))
	equal(t, out[0].Shape(), candle.Ints(5, 6, 4))
	equal(t, out[1].Shape(), candle.Ints(2, 5, 4))
}

type tensors = []*candle.Tensor

func optimizers() map[string]func(tensors) (*candle.Optimizer, error) {
	return map[string]func(tensors) (*candle.Optimizer, error){
		"SGD": func(p tensors) (*candle.Optimizer, error) {
			return candle.NewSGD(p, candle.SGDOptions{LR: candle.Float(0.1), Momentum: 0.5, Nesterov: true})
		},
		"Adam": func(p tensors) (*candle.Optimizer, error) {
			return candle.NewAdam(p, candle.AdamOptions{LR: candle.Float(0.05), Amsgrad: true})
		},
		"AdamW":    func(p tensors) (*candle.Optimizer, error) { return candle.NewAdamW(p) },
		"Adamax":   func(p tensors) (*candle.Optimizer, error) { return candle.NewAdamax(p) },
		"NAdam":    func(p tensors) (*candle.Optimizer, error) { return candle.NewNAdam(p) },
		"RAdam":    func(p tensors) (*candle.Optimizer, error) { return candle.NewRAdam(p) },
		"RMSprop":  func(p tensors) (*candle.Optimizer, error) { return candle.NewRMSprop(p) },
		"Adagrad":  func(p tensors) (*candle.Optimizer, error) { return candle.NewAdagrad(p) },
		"Adadelta": func(p tensors) (*candle.Optimizer, error) { return candle.NewAdadelta(p) },
		"ASGD":     func(p tensors) (*candle.Optimizer, error) { return candle.NewASGD(p) },
		"Rprop":    func(p tensors) (*candle.Optimizer, error) { return candle.NewRprop(p) },
		"Lion":     func(p tensors) (*candle.Optimizer, error) { return candle.NewLion(p) },
		"LBFGS":    func(p tensors) (*candle.Optimizer, error) { return candle.NewLBFGS(p) },
	}
}

func TestEveryOptimizerLowersALoss(t *testing.T) {
	candle.Check(candle.ManualSeed(1))
	x := tensor(candle.Rand(candle.Ints(32, 2)))
	y := tensor(x.Sum(candle.SumOptions{Dim: candle.Ints(1), KeepDim: true}))
	for name, make := range optimizers() {
		model := network()
		optimizer := candle.Must(make(params(model)))
		equal(t, optimizer.Name(), name)
		step := func() (float64, error) {
			candle.Check(optimizer.ZeroGrad())
			loss := tensor(candle.MSELoss(tensor(model.Forward(x)), y))
			return item(loss), loss.Backward()
		}
		first := candle.Must(step())
		for at := 0; at < 20; at++ {
			if name == "LBFGS" {
				candle.Must(optimizer.StepClosure(step))
				continue
			}
			candle.Must(step())
			candle.Check(optimizer.Step())
		}
		if last := candle.Must(step()); !(last < first) {
			t.Errorf("%s: the loss was %v and is %v", name, first, last)
		}
	}
}

func TestOptimizersHaveGroupsOptionsAndState(t *testing.T) {
	model, other := network(), network()
	options := candle.AdamWOptions{LR: candle.Float(0.01)}
	optimizer := candle.Must(candle.NewAdamW(params(model), options))
	candle.Check(optimizer.AddParamGroup(params(other)))
	equal(t, optimizer.NumGroups(), 2)
	equal(t, len(list(optimizer.Params(1))), 4)
	equal(t, candle.Must(optimizer.Option(0, "lr")), 0.01)
	equal(t, candle.Must(optimizer.Option(0, "beta2")), 0.999)
	candle.Check(optimizer.SetOptions(1, map[string]float64{"lr": 0.5, "weight_decay": 0}))
	equal(t, candle.Must(optimizer.Option(1, "lr")), 0.5)
	candle.Check(optimizer.SetOptions(1, nil))
	err := optimizer.SetOptions(0, map[string]float64{"speed": 1})
	fails(t, err, candle.ErrInvalidArgument, "speed")
	equal(t, optimizer.OptionNames()[0], "lr")
	state := optimizer.StateNames()[0]
	if tensor(optimizer.State(0, 0, state)) != nil {
		t.Error("nothing is kept before a step")
	}
	candle.Check(tensor(tensor(model.Forward(of(1, 2))).Sum()).Backward())
	candle.Check(optimizer.Step())
	kept := tensor(optimizer.State(0, 0, state))
	candle.Check(optimizer.SetState(0, 0, state, kept))
	_, err = optimizer.Params(-1)
	fails(t, err, candle.ErrIndex, "")
	_, err = candle.NewSGD([]*candle.Tensor{of(1)}, candle.SGDOptions{LR: candle.Float(-1)})
	fails(t, err, candle.ErrInvalidArgument, "")
}

func TestWhatAClosureFailsWithComesOut(t *testing.T) {
	model := network()
	optimizer := candle.Must(candle.NewLBFGS(params(model)))
	_, err := optimizer.StepClosure(func() (float64, error) { return 0, os.ErrDeadlineExceeded })
	fails(t, err, candle.ErrCallback, "")
	equal(t, errors.Is(err, os.ErrDeadlineExceeded), true)
	_, err = optimizer.StepClosure(func() (float64, error) { panic("of the closure") })
	fails(t, err, candle.ErrCallback, "of the closure")
	_, err = optimizer.StepClosure(nil)
	fails(t, err, candle.ErrNullPointer, "closure")
}

func TestGradientsAreClipped(t *testing.T) {
	x := leaf(3, 4)
	candle.Check(tensor(tensor(x.Mul(x)).Sum()).Backward())
	all := []*candle.Tensor{x}
	equal(t, item(tensor(candle.ClipGradNorm(all, 1))), 10.0)
	near(t, values(tensor(x.Grad())), []float64{0.6, 0.8})
	candle.Check(candle.ClipGradValue(all, 0.7))
	near(t, values(tensor(x.Grad())), []float64{0.6, 0.7})
	one := candle.TotalNormOptions{NormType: candle.Float(1)}
	equal(t, item(tensor(candle.TotalNorm(all, one))), 7.0)
}

func TestFiles(t *testing.T) {
	path, model := file(t), network()
	candle.Check(model.Save(path))
	again := network()
	candle.Check(again.Load(path))
	x := tensor(candle.Rand(candle.Ints(3, 2)))
	equal(t, values(tensor(again.Forward(x))), values(tensor(model.Forward(x))))
	state := candle.Must(model.StateDict())
	equal(t, state.Names(), []string{"0.weight", "0.bias", "2.weight", "2.bias"})
	candle.Check(network().LoadStateDict(state))

	tensors := candle.Must(candle.NewTensorMap())
	candle.Check(tensors.Insert("x", of(1, 2)))
	candle.Check(tensors.Insert("größe", of(3)))
	candle.Check(tensors.SetMetadata("format", "pt"))
	candle.Check(tensors.Save(path))
	read := candle.Must(candle.LoadTensorMap(path))
	equal(t, read.Len(), 2)
	equal(t, values(tensor(read.Get("größe"))), []float64{3})
	equal(t, values(tensor(read.At(0))), values(tensor(read.Get(read.Names()[0]))))
	equal(t, read.Metadata(), map[string]string{"format": "pt"})
	_, err := read.Get("y")
	fails(t, err, candle.ErrInvalidArgument, "y")
	_, err = read.At(2)
	fails(t, err, candle.ErrIndex, "")
	fails(t, model.LoadStateDict(read), candle.ErrStateDict, "")
	candle.Check(model.LoadStateDict(read, candle.LoadOptions{Strict: candle.Flag(false)}))
	_, err = candle.LoadTensorMap(path + ".not")
	fails(t, err, candle.ErrIO, "")
	candle.Check(os.WriteFile(path, []byte("no tensors"), 0o600))
	fails(t, model.Load(path), candle.ErrFileFormat, "")

	simple := module(candle.NewSimpleNN(2, 4, 1))
	candle.Check(simple.Save(path))
	loaded := module(candle.LoadSimpleNN(path))
	equal(t, values(tensor(loaded.Forward(x))), values(tensor(simple.Forward(x))))
}
