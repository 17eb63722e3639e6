package candle_test

import (
	"errors"
	"io"
	"math"
	"runtime"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestAutocastHoldsForItsFunction(t *testing.T) {
	x := leaf(1, 2)
	low := tensor(x.ToDType(candle.BFloat16))
	dtype := func() candle.DType {
		row := tensor(x.Reshape(candle.Ints(1, 2)))
		return tensor(row.Matmul(tensor(row.Reshape(candle.Ints(2, 1))))).DType()
	}
	half := func(run func() error) error {
		return candle.Autocast(candle.DeviceCPU, candle.BFloat16, run)
	}
	equal(t, candle.AutocastDType(candle.DeviceCPU), candle.DType(0))
	elsewhere := make(chan candle.DType)
	err := half(func() error {
		equal(t, candle.AutocastDType(candle.DeviceCPU), candle.BFloat16)
		equal(t, candle.AutocastDType(candle.DeviceCUDA), candle.DType(0))
		for at := 0; at < 20; at++ {
			runtime.Gosched()
			equal(t, dtype(), candle.BFloat16)
			equal(t, tensor(candle.MSELoss(low, low)).DType(), candle.Float32)
		}
		go func() { elsewhere <- dtype() }()
		equal(t, <-elsewhere, candle.Float32)
		candle.Check(candle.Autocast(candle.DeviceCPU, 0, func() error {
			equal(t, dtype(), candle.Float32)
			return nil
		}))
		equal(t, dtype(), candle.BFloat16)
		return io.EOF
	})
	equal(t, err, io.EOF)
	equal(t, dtype(), candle.Float32)
	func() {
		defer func() { equal(t, recover(), "out") }()
		_ = half(func() error { panic("out") })
	}()
	equal(t, dtype(), candle.Float32)
	nothing := func() error { return nil }
	err = candle.Autocast(candle.DeviceCPU, candle.Float64, nothing)
	fails(t, err, candle.ErrDType, "float64")
	fails(t, half(nil), candle.ErrNullPointer, "run")
	equal(t, candle.AutocastDType(candle.DeviceCPU), candle.DType(0))
}

func TestCudnnIsSwitchedAndSaysWhyThereIsNone(t *testing.T) {
	equal(t, candle.CudnnIs(candle.CudnnEnabled), true)
	equal(t, candle.CudnnIs(candle.CudnnBenchmark), false)
	candle.Check(candle.SetCudnn(candle.CudnnBenchmark, true))
	equal(t, candle.CudnnIs(candle.CudnnBenchmark), true)
	candle.Check(candle.SetCudnn(candle.CudnnBenchmark, false))
	equal(t, candle.CudnnIs(candle.CudnnBenchmark), false)
	fails(t, candle.SetCudnn(99, true), candle.ErrInvalidArgument, "99")
	// These tests run with the library of the CPU.
	_, err := candle.CudnnVersion()
	fails(t, err, candle.ErrUnsupported, "without CUDA")
}

func TestFunctionsThatAreCalledBackCastToo(t *testing.T) {
	x, seen, kept := leaf(1, 2), []candle.DType{}, []bool{}
	candle.Must(x.RegisterHook(func(*candle.Tensor) (*candle.Tensor, error) {
		seen = append(seen, candle.AutocastDType(candle.DeviceCPU))
		kept = append(kept, candle.IsAutocastCacheEnabled())
		return nil, nil
	}))
	backward := func() error { return tensor(x.Sum()).Backward() }
	candle.Check(backward())
	candle.Check(candle.Autocast(candle.DeviceCPU, candle.Float16, backward))
	candle.Check(candle.AutocastCache(false, backward))
	equal(t, seen, []candle.DType{0, candle.Float16, 0})
	equal(t, kept, []bool{true, true, false})
}

func TestGradientsAreUnscaled(t *testing.T) {
	x := leaf(3, 4)
	candle.Check(tensor(tensor(x.Mul(candle.Scalar(8))).Sum()).Backward())
	all := []*candle.Tensor{x}
	equal(t, item(tensor(candle.UnscaleGrads(all, 0.125))), 0.0)
	near(t, values(tensor(x.Grad())), []float64{1, 1})
	candle.Check(x.SetGrad(of(1, float32(math.Inf(1)))))
	found := item(tensor(candle.UnscaleGrads(all, 1)))
	equal(t, found != found, true)
	_, err := candle.UnscaleGrads([]*candle.Tensor{nil}, 1)
	fails(t, err, candle.ErrNullPointer, "params[0]")
}

func TestAWeightIsCastOnceUnlessThatIsNotWanted(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		candle.Check(candle.AutocastCache(enabled, func() error {
			weight := leaf(1, 2)
			return candle.Autocast(candle.DeviceCPU, candle.BFloat16, func() error {
				for use := 0; use < 2; use++ {
					candle.Check(tensor(weight.Matmul(weight)).Backward())
				}
				equal(t, values(tensor(weight.Grad())), []float64{4, 8})
				return nil
			})
		}))
	}
	fails(t, candle.AutocastCache(true, nil), candle.ErrNullPointer, "run")
}

func TestPrecisionOfProducts(t *testing.T) {
	for _, dtype := range []candle.DType{candle.Float32, candle.Float16, candle.BFloat16} {
		equal(t, candle.ReducedPrecision(dtype), false)
		candle.Check(candle.SetReducedPrecision(dtype, true))
		equal(t, candle.ReducedPrecision(dtype), true)
		candle.Check(candle.SetReducedPrecision(dtype, false))
		equal(t, candle.ReducedPrecision(dtype), false)
	}
	fails(t, candle.SetReducedPrecision(candle.Int64, true), candle.ErrDType, "int64")
	for ways := 3; ways >= 0; ways-- {
		candle.Check(candle.SetReducedPrecisionWays(candle.Float16, ways))
		equal(t, candle.ReducedPrecisionWays(candle.Float16), ways)
	}
	for _, ways := range []int{2, -1, 1 << 32} {
		err := candle.SetReducedPrecisionWays(candle.BFloat16, ways)
		fails(t, err, candle.ErrInvalidArgument, "bfloat16")
	}
}

func TestOperationsWithoutAKernel(t *testing.T) {
	before := candle.CurrentFallbackPolicy()
	defer func() { candle.Check(candle.SetFallbackPolicy(before)) }()
	for _, policy := range []candle.FallbackPolicy{
		candle.FallbackSilent, candle.FallbackError, candle.FallbackWarn,
	} {
		candle.Check(candle.SetFallbackPolicy(policy))
		equal(t, candle.CurrentFallbackPolicy(), policy)
	}
	fails(t, candle.SetFallbackPolicy(7), candle.ErrInvalidArgument, "fallback policy 7")

	var told []candle.Fallback
	refusal := errors.New("not here")
	candle.Check(candle.SetFallbackCallback(func(fallback candle.Fallback) error {
		told = append(told, fallback)
		return refusal
	}))
	defer func() { candle.Check(candle.SetFallbackCallback(nil)) }()
	count := candle.FallbackCount()
	tensor(of(4, 9).Sqrt())
	equal(t, candle.FallbackCount(), count)
	equal(t, len(told), 0)
	if !candle.DeviceCUDA.IsAvailable() {
		return // The CPU has a kernel for everything.
	}
	place := candle.Device{Kind: candle.DeviceCUDA}
	loss := func() (*candle.Tensor, error) {
		x := tensor(candle.Zeros(candle.Ints(2, 1, 3), candle.ZerosOptions{Device: place}))
		labels := tensor(candle.Ones(
			candle.Ints(1, 1), candle.OnesOptions{DType: candle.Int64, Device: place},
		))
		return candle.CTCLoss(x, labels, candle.Ints(2), candle.Ints(1))
	}
	_, err := loss()
	fails(t, err, candle.ErrCallback, "not here")
	equal(t, errors.Is(err, refusal), true)
	equal(t, told, []candle.Fallback{{Operation: "ctc", DType: candle.Float32, Device: place}})
	candle.Check(candle.SetFallbackCallback(func(candle.Fallback) error { panic("oh") }))
	_, err = loss()
	fails(t, err, candle.ErrCallback, "panic: oh")
	candle.Check(candle.SetFallbackCallback(nil))
	tensor(loss())
	equal(t, candle.FallbackCount() > count, true)
}
