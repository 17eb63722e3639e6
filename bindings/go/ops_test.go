package candle_test

import (
	"math"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestArithmetic(t *testing.T) {
	x, y := of(1, 2, 3), of(4, 5, 6)
	equal(t, values(tensor(x.Add(y))), []float64{5, 7, 9})
	equal(t, values(tensor(y.Sub(x))), []float64{3, 3, 3})
	equal(t, values(tensor(x.Mul(candle.Scalar(2)))), []float64{2, 4, 6})
	equal(t, values(tensor(y.Div(of(2)))), []float64{2, 2.5, 3})
	equal(t, values(tensor(x.Pow(candle.Scalar(2.0)))), []float64{1, 4, 9})
	equal(t, values(tensor(x.Lt(candle.Scalar(2)))), []float64{1, 0, 0})
	candle.Check(x.AddInPlace(y))
	equal(t, values(x), []float64{5, 7, 9})
	candle.Check(x.ClampInPlace(candle.ClampInPlaceOptions{Max: candle.Float(6)}))
	equal(t, values(x), []float64{5, 6, 6})
	integers := tensor(candle.NewTensor([]int32{1, 2}))
	equal(t, tensor(integers.Mul(candle.Scalar(true))).DType(), candle.Int32)
	equal(t, tensor(integers.Mul(candle.Scalar(int64(3)))).DType(), candle.Int32)
	equal(t, tensor(integers.Mul(candle.Scalar(uint32(3)))).DType(), candle.Int32)
	equal(t, tensor(integers.Add(candle.Scalar(0.5))).DType(), candle.Float32)
}

func TestReductionsHaveOptions(t *testing.T) {
	x := tensor(candle.NewTensor([][]float32{{1, 2, 3}, {4, 5, 9}}))
	equal(t, item(tensor(x.Sum())), 24.0)
	rows := tensor(x.Sum(candle.SumOptions{Dim: candle.Ints(1), KeepDim: true}))
	equal(t, rows.Shape(), candle.Ints(2, 1))
	equal(t, values(rows), []float64{6, 18})
	equal(t, tensor(x.Sum(candle.SumOptions{DType: candle.Float64})).DType(), candle.Float64)
	// The correction is 1 where it is left out, and 0 where that is said.
	dim := candle.Ints(1)
	near(t, values(tensor(x.Var(candle.VarOptions{Dim: dim}))), []float64{1, 7})
	population := candle.VarOptions{Dim: dim, Correction: candle.Float(0)}
	near(t, values(tensor(x.Var(population))), []float64{2. / 3, 14. / 3})
	equal(t, values(tensor(x.ArgMax(candle.ArgMaxOptions{Dim: candle.Int(0)}))), []float64{1, 1, 1})
	top := candle.Must(x.TopK(2))
	equal(t, values(top.Values), []float64{3, 2, 9, 5})
	equal(t, values(top.Indices), []float64{2, 1, 2, 1})
	least := candle.Must(x.TopK(1, candle.TopKOptions{Largest: candle.Flag(false)}))
	equal(t, values(least.Values), []float64{1, 4})
}

func TestShapes(t *testing.T) {
	x := tensor(candle.Arange(0, 6, 1))
	matrix := tensor(x.Reshape(candle.Ints(2, -1)))
	equal(t, matrix.Shape(), candle.Ints(2, 3))
	equal(t, values(tensor(matrix.Permute(candle.Ints(1, 0)))), []float64{0, 3, 1, 4, 2, 5})
	two := []*candle.Tensor{matrix, matrix}
	equal(t, tensor(candle.Cat(two, candle.CatOptions{Dim: 1})).Shape(), candle.Ints(2, 6))
	equal(t, tensor(candle.Stack([]*candle.Tensor{x, x, x})).Shape(), candle.Ints(3, 6))
	parts := list(x.Chunk(3))
	equal(t, len(parts), 3)
	equal(t, values(parts[2]), []float64{4, 5})
	// More than the room that is there at first.
	many := list(tensor(candle.Arange(0, 100, 1)).Split(1))
	equal(t, len(many), 100)
	equal(t, item(many[99]), 99.0)
	// An empty list is not a list that is left out.
	single := tensor(candle.Zeros(candle.Ints(1, 2, 1)))
	equal(t, tensor(single.Squeeze()).Shape(), candle.Ints(2))
	none := candle.SqueezeOptions{Dims: candle.Ints()}
	equal(t, tensor(single.Squeeze(none)).Shape(), candle.Ints(1, 2, 1))
}

func TestNumbersOfKnownFunctions(t *testing.T) {
	x := of(-1, 0, 1)
	near(t, values(tensor(x.Sigmoid())), []float64{0.26894142, 0.5, 0.73105858})
	near(t, values(tensor(candle.GELU(x))), []float64{-0.15865525, 0, 0.84134475})
	tanh := tensor(candle.GELU(x, candle.GELUOptions{Approximate: candle.ApproximateTanh}))
	near(t, values(tanh), []float64{-0.15880801, 0, 0.84119199})
	near(t, values(tensor(candle.LeakyReLU(x))), []float64{-0.01, 0, 1})
	near(t, values(tensor(x.Softmax(0))), []float64{0.09003057, 0.24472847, 0.66524096})
	near(t, values(tensor(of(1, 4).Sqrt())), []float64{1, 2})
	a := tensor(candle.NewTensor([][]float64{{1, 2}, {3, 4}}))
	equal(t, values(tensor(a.Matmul(a))), []float64{7, 10, 15, 22})
	weight, bias := tensor(a.ToDType(candle.Float32)), candle.LinearOptions{Bias: of(1, 2)}
	equal(t, values(tensor(candle.Linear(of(1, 1), weight, bias))), []float64{4, 9})
	image := tensor(candle.Ones(candle.Ints(1, 1, 3, 3)))
	kernel := tensor(candle.Ones(candle.Ints(1, 1, 3, 3)))
	equal(t, values(tensor(candle.Conv2d(image, kernel))), []float64{9})
	same := candle.Conv2dOptions{Padding: candle.Ints(candle.PaddingSame)}
	equal(t, values(tensor(candle.Conv2d(image, kernel, same))), []float64{4, 6, 4, 6, 9, 6, 4, 6, 4})
	pooled := candle.Must(candle.MaxPool2dWithIndices(image, candle.Ints(3)))
	equal(t, item(pooled.Indices), 0.0)
	positive := tensor(x.Gt(candle.Scalar(0)))
	equal(t, values(tensor(candle.Where(positive, x, candle.Scalar(9)))), []float64{9, 9, 1})
	if !math.IsNaN(item(tensor(of(-1).Log()))) {
		t.Error("the logarithm of -1 is no number")
	}
}

func TestLossesHaveOptions(t *testing.T) {
	scores := tensor(candle.NewTensor([][]float32{{2, 1, 0}, {0, 0, 0}}))
	labels := tensor(candle.NewTensor([]int{0, 2}))
	first, second := 0.40760596, 1.09861229
	near(t, values(tensor(candle.CrossEntropy(scores, labels))), []float64{(first + second) / 2})
	sum := candle.CrossEntropyOptions{Reduction: candle.ReductionSum, Weight: of(1, 1, 2)}
	both := tensor(candle.CrossEntropy(scores, labels, sum))
	near(t, values(both), []float64{first + 2*second})
	each := candle.MSELossOptions{Reduction: "none"}
	equal(t, values(tensor(candle.MSELoss(of(1, 2), of(0, 4), each))), []float64{1, 4})
	_, err := candle.MSELoss(of(1), of(2), candle.MSELossOptions{Reduction: "median"})
	fails(t, err, candle.ErrInvalidArgument, `one of "mean", "none", "sum", and is "median"`)
}

func TestRandomNumbersFollowTheSeed(t *testing.T) {
	shape := candle.Ints(4)
	candle.Check(candle.ManualSeed(3))
	first := values(tensor(candle.RandN(shape)))
	candle.Check(candle.ManualSeed(3))
	equal(t, values(tensor(candle.RandN(shape))), first)
	generator := candle.Must(candle.NewGenerator(3))
	equal(t, values(tensor(candle.RandN(shape, candle.RandNOptions{Generator: generator}))), first)
	equal(t, candle.Must(generator.Seed()), uint64(3))
	state := candle.Must(generator.State())
	next := values(tensor(candle.Rand(shape, candle.RandOptions{Generator: generator})))
	candle.Check(generator.SetState(state))
	equal(t, values(tensor(candle.Rand(shape, candle.RandOptions{Generator: generator}))), next)
	candle.Check(generator.ManualSeed(4))
	equal(t, candle.Must(generator.Seed()), uint64(4))
	drawn := tensor(candle.RandInt(0, 5, candle.Ints(100)))
	equal(t, drawn.DType(), candle.Int64)
}
