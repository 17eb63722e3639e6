package candle_test

import (
	"math"
	"strings"
	"testing"
	"unsafe"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func roundTrip[E candle.Element](t *testing.T, dtype candle.DType, given ...E) {
	t.Helper()
	x := tensor(candle.FromSlice(given, candle.Ints(int64(len(given)), 1)))
	equal(t, x.DType(), dtype)
	equal(t, x.Shape(), candle.Ints(int64(len(given)), 1))
	equal(t, candle.Must(candle.ToSlice[E](x)), append([]E{}, given...))
	room := make([]E, len(given))
	candle.Check(candle.CopyTo(x, room))
	equal(t, room, append([]E{}, given...))
}

func TestElementsOfEveryDType(t *testing.T) {
	roundTrip(t, candle.Bool, true, false)
	roundTrip[uint8](t, candle.Uint8, 0, 255)
	roundTrip[int16](t, candle.Int16, -300, 300)
	roundTrip[int32](t, candle.Int32, math.MinInt32, 7)
	roundTrip[uint32](t, candle.Uint32, math.MaxUint32)
	roundTrip[int64](t, candle.Int64, math.MinInt64, math.MaxInt64)
	roundTrip(t, candle.Int64, -1, 1)
	roundTrip[float32](t, candle.Float32, 1.5, float32(math.Inf(1)))
	roundTrip(t, candle.Float64, math.Pi, -0.1)
	roundTrip[candle.Half](t, candle.Float16, 0x3c00, 0xc000)
	roundTrip[candle.BHalf](t, candle.BFloat16, 0x3f80)
	roundTrip[candle.Quarter](t, candle.Float8E4M3, 0x38)
	halves := tensor(candle.FromSlice([]candle.Half{0x3c00, 0xc000}, candle.Ints(2)))
	equal(t, values(halves), []float64{1, -2})
	roundTrip[float32](t, candle.Float32)
	bytes := tensor(candle.FromBytes([]byte{1, 0, 2, 0}, candle.Ints(2), candle.Int16))
	equal(t, values(bytes), []float64{1, 2})
}

func TestTensorsOfNestedSlices(t *testing.T) {
	x := tensor(candle.NewTensor([][]float32{{1, 2, 3}, {4, 5, 6}}))
	equal(t, x.Shape(), candle.Ints(2, 3))
	equal(t, values(x), []float64{1, 2, 3, 4, 5, 6})
	equal(t, tensor(candle.NewTensor([2][]int{{1}, {2}})).DType(), candle.Int64)
	number := tensor(candle.NewTensor(2.5, candle.TensorOptions{DType: candle.Float16}))
	equal(t, number.Shape(), []int64{})
	equal(t, number.DType(), candle.Float16)
	equal(t, tensor(candle.NewTensor([][]bool{})).Shape(), candle.Ints(0, 0))
	equal(t, tensor(candle.NewTensor([][]bool{{}, {}})).Shape(), candle.Ints(2, 0))
	asked := tensor(candle.NewTensor([]float64{1}, candle.TensorOptions{RequiresGrad: true}))
	equal(t, asked.RequiresGrad(), true)
	_, err := candle.NewTensor([][]int{{1}, {2, 3}})
	fails(t, err, candle.ErrShape, "same length")
	_, err = candle.NewTensor([]string{"a"})
	fails(t, err, candle.ErrDType, "string")
	_, err = candle.NewTensor(nil)
	fails(t, err, candle.ErrNullPointer, "value")
	_, err = candle.NewTensor([]any{1})
	fails(t, err, candle.ErrDType, "interface")
}

func TestProperties(t *testing.T) {
	x := tensor(tensor(candle.Zeros(candle.Ints(2, 3))).Transpose(0, 1))
	equal(t, x.Rank(), 2)
	equal(t, x.NumElements(), int64(6))
	equal(t, x.Strides(), candle.Ints(1, 3))
	equal(t, x.IsContiguous(), false)
	equal(t, x.Device().String(), "cpu")
	equal(t, candle.Must(x.Size(-1)), int64(2))
	_, err := x.Size(2)
	fails(t, err, candle.ErrIndex, "dimension 2")
	version := x.Version()
	candle.Check(x.FillInPlace(3))
	if x.Version() <= version {
		t.Error("a change in place counts")
	}
	shared := tensor(x.Share())
	candle.Check(x.Close())
	equal(t, item(tensor(shared.Sum())), 18.0)
	candle.Check(shared.SetData(tensor(candle.Ones(candle.Ints(3, 2)))))
	equal(t, item(tensor(shared.Sum())), 6.0)
	equal(t, candle.Must(of(-2.5).ItemInt()), int64(-2))
	y := tensor(candle.FromSlice([]int16{7, 8}, candle.Ints(2)))
	equal(t, *(*int16)(candle.Must(y.DataPtr())), int16(7))
	equal(t, unsafe.Pointer(nil) != y.Handle(), true)
}

func TestDTypesAndDevices(t *testing.T) {
	equal(t, candle.Must(candle.ParseDType("bfloat16")), candle.BFloat16)
	equal(t, candle.Float8E4M3.String(), "float8_e4m3fn")
	equal(t, candle.Int16.Size(), 2)
	equal(t, candle.Int64.Promote(candle.Float16), candle.Float16)
	equal(t, candle.BFloat16.IsFloat(), true)
	equal(t, candle.Must(candle.ParseDevice("cpu")), candle.Device{Kind: candle.DeviceCPU})
	equal(t, candle.DeviceCPU.IsAvailable(), true)
	equal(t, candle.DeviceCPU.Count(), 1)
	cpu := candle.Device{}
	candle.Check(cpu.Check())
	info := candle.Must(cpu.Info())
	equal(t, info.Name != "" && info.MultiprocessorCount > 0 && info.UUID == "", true)
	memory := candle.Must(cpu.Memory())
	equal(t, memory.Free <= memory.Total && memory.Allocated == 0, true)
	candle.Check(cpu.Synchronize())
	candle.Check(cpu.EmptyCache())
	candle.Check(cpu.ResetPeakMemory())
	_, err := candle.Device{Index: 1}.Info()
	fails(t, err, candle.ErrDevice, "the only one is cpu")
	_, err = cpu.Stream()
	fails(t, err, candle.ErrUnsupported, "streams")
	fails(t, cpu.LetStreamWait(0), candle.ErrUnsupported, "streams")
	fails(t, cpu.WaitForStream(0), candle.ErrUnsupported, "streams")
	equal(t, candle.Must(tensor(candle.Arange(0, 3, 1)).IsPinned()), false)
	fails(t, candle.LoadBackend("/nowhere/libcandle_ffi.so.0"), candle.ErrIO, "/nowhere")
	candle.Check(candle.SetDefaultDType(candle.Float64))
	equal(t, candle.DefaultDType(), candle.Float64)
	candle.Check(candle.SetDefaultDType(candle.Float32))
}

func TestIndices(t *testing.T) {
	x := tensor(tensor(candle.Arange(0, 12, 1)).Reshape(candle.Ints(3, 4)))
	get := func(index ...candle.Index) []float64 { return values(tensor(x.GetItem(index...))) }
	equal(t, get(candle.At(-1)), []float64{8, 9, 10, 11})
	equal(t, get(candle.Slice(1, 3), candle.At(0)), []float64{4, 8})
	equal(t, get(candle.Ellipsis(), candle.From(1).Step(2)), []float64{1, 3, 5, 7, 9, 11})
	equal(t, get(candle.UpTo(1), candle.Whole()), []float64{0, 1, 2, 3})
	equal(t, tensor(x.GetItem(candle.NewAxis(), candle.At(0))).Shape(), candle.Ints(1, 4))
	equal(t, tensor(x.GetItem()).Shape(), candle.Ints(3, 4))
	candle.Check(x.SetItem(candle.Scalar(-1), candle.Whole(), candle.At(1)))
	equal(t, get(candle.Whole(), candle.At(1)), []float64{-1, -1, -1})
	_, err := x.GetItem(candle.At(3))
	fails(t, err, candle.ErrIndex, "3")
	_, err = x.GetItem(candle.Whole().Step(0))
	fails(t, err, candle.ErrInvalidArgument, "step")
}

func TestRows(t *testing.T) {
	table := []float32{0, 1, 10, 11, 20, 21}
	rows := tensor(candle.FromRows(table, candle.Ints(3, 2), candle.Ints(2, 0, 2)))
	equal(t, rows.Shape(), candle.Ints(3, 2))
	equal(t, values(rows), []float64{20, 21, 0, 1, 20, 21})
	_, err := candle.FromRows(table, candle.Ints(3, 2), candle.Ints(3))
	fails(t, err, candle.ErrIndex, "3")
	_, err = candle.FromRows(table, candle.Ints(2, 2), candle.Ints(0))
	fails(t, err, candle.ErrShape, "6 elements")
	_, err = candle.FromRows(table, candle.Ints(-3, -2), candle.Ints(0))
	fails(t, err, candle.ErrShape, "6 elements")
	_, err = candle.FromRows(table, candle.Ints(1<<62, 4, 0), candle.Ints(0))
	fails(t, err, candle.ErrShape, "6 elements")
}

func TestPrinting(t *testing.T) {
	equal(t, of(1, 2.5).String(), "tensor([1.0000, 2.5000])")
	integers := tensor(candle.NewTensor([][]int{{1, -2}, {3, 4}}))
	equal(t, integers.String(), "tensor([[ 1, -2],\n        [ 3,  4]])")
	equal(t, tensor(candle.NewTensor([]bool{true, false})).String(), "tensor([ True, False])")
	equal(t, leaf(1).String(), "tensor([1.], requires_grad=True)")
	equal(t, tensor(leaf(1).Exp()).String(), "tensor([2.7183], grad_fn=<exp>)")
	equal(t, tensor(candle.NewTensor(2.0)).String(), "tensor(2., dtype=float64)")
	equal(t, tensor(candle.Zeros(candle.Ints(0, 2))).String(), "tensor([], size=(0, 2))")
	large := tensor(candle.Arange(0, 2000, 1)).String()
	if !strings.HasPrefix(large, "tensor([   0.,    1.,    2., ..., 1997.") {
		t.Errorf("a large tensor is shown in part: %s", large)
	}
	x := of(1)
	candle.Check(x.Close())
	equal(t, x.String(), "tensor(closed)")
}
