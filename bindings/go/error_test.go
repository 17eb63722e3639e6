package candle_test

import (
	"testing"
	"unsafe"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func TestAnErrorHasItsDetails(t *testing.T) {
	a := tensor(candle.Zeros(candle.Ints(2, 3)))
	_, err := a.Matmul(a)
	details := fails(t, err, candle.ErrShape, "matmul: the inner sizes")
	equal(t, details.Operation, "matmul")
	equal(t, details.Shapes, [][]int64{{2, 3}, {2, 3}})
	_, err = candle.Linear(a, tensor(a.ToDType(candle.Float64)))
	equal(t, len(fails(t, err, candle.ErrDType, "").DTypes), 2)
	cuda := candle.Device{Kind: candle.DeviceCUDA}
	_, err = candle.Zeros(candle.Ints(1), candle.ZerosOptions{Device: cuda})
	equal(t, fails(t, err, candle.ErrDevice, "cuda").Devices, []candle.Device{cuda})
	equal(t, candle.ErrShape.Error() != candle.ErrDType.Error(), true)
}

func TestBadArgumentsAreErrors(t *testing.T) {
	x := of(1, 2)
	_, err := x.Add(nil)
	equal(t, fails(t, err, candle.ErrNullPointer, "other").Operation, "add")
	_, err = (*candle.Tensor)(nil).Exp()
	fails(t, err, candle.ErrNullPointer, "input")
	_, err = candle.Cat([]*candle.Tensor{x, nil})
	fails(t, err, candle.ErrNullPointer, "tensors[1]")
	_, err = candle.Cat(nil)
	fails(t, err, candle.ErrInvalidArgument, "")
	_, err = x.Sum(candle.SumOptions{}, candle.SumOptions{})
	fails(t, err, candle.ErrInvalidArgument, "once")
	_, err = x.ToDType(candle.DType(77))
	fails(t, err, candle.ErrDType, "77")
	_, err = candle.Zeros(candle.Ints(1), candle.ZerosOptions{Device: candle.Device{Kind: 9}})
	fails(t, err, candle.ErrDevice, "9")
	_, err = candle.ParseDType("float33")
	fails(t, err, candle.ErrDType, "float33")
	_, err = candle.ParseDevice("cp\x00u")
	fails(t, err, candle.ErrInvalidArgument, "NUL")
	_, err = candle.LoadTensorMap("\xff\xfe")
	fails(t, err, candle.ErrInvalidUTF8, "")
	fails(t, candle.CopyTo(x, make([]float32, 1)), candle.ErrBufferTooSmall, "")
	err = candle.CopyTo(x, make([]int32, 2))
	fails(t, err, candle.ErrDType, "float32 is not copied to elements of int32")
	_, err = candle.FromSlice([]float32{1, 2, 3}, candle.Ints(2))
	fails(t, err, candle.ErrInvalidArgument, "")
	_, err = candle.FromSlice([]float32{1}, candle.Ints(1<<40, 1<<40))
	fails(t, err, candle.ErrShape, "overflows")
	_, err = candle.Zeros(candle.Ints(1 << 50))
	fails(t, err, candle.ErrOutOfMemory, "")
	_, err = x.Item()
	fails(t, err, candle.ErrShape, "")
	fails(t, candle.SetNumThreads(0), candle.ErrInvalidArgument, "thread")
	// Nothing happens to what would be changed when another argument is bad.
	fails(t, x.AddInPlace(nil), candle.ErrNullPointer, "other")
	equal(t, values(x), []float64{1, 2})
	// A gradient that is lost would be wrong in silence.
	y := leaf(1, 2)
	loss := tensor(tensor(y.Mul(y)).Sum())
	candle.Check(candle.NoGrad(func() error { return y.AddInPlace(candle.Scalar(1)) }))
	fails(t, loss.Backward(), candle.ErrModifiedInPlace, "")
}

func TestAClosedHandleIsAnError(t *testing.T) {
	x, model := of(1), network()
	map0, generator := candle.Must(candle.NewTensorMap()), candle.Must(candle.NewGenerator(1))
	optimizer := candle.Must(candle.NewSGD(params(model)))
	for _, object := range []interface{ Close() error }{x, model, map0, generator, optimizer} {
		candle.Check(object.Close())
		candle.Check(object.Close())
	}
	_, err := of(2).Add(x)
	fails(t, err, candle.ErrInvalidHandle, "other is a tensor that is closed")
	_, err = x.Item()
	fails(t, err, candle.ErrInvalidHandle, "closed")
	fails(t, x.FillInPlace(1), candle.ErrInvalidHandle, "closed")
	fails(t, x.Backward(), candle.ErrInvalidHandle, "closed")
	_, err = candle.ToSlice[float32](x)
	fails(t, err, candle.ErrInvalidHandle, "closed")
	_, err = candle.Cat([]*candle.Tensor{of(1), x})
	fails(t, err, candle.ErrInvalidHandle, "tensors")
	equal(t, x.Shape() == nil && x.DType() == 0 && x.Handle() == unsafe.Pointer(nil), true)
	_, err = x.Size(0)
	fails(t, err, candle.ErrInvalidHandle, "")
	_, err = new(candle.Tensor).Exp()
	fails(t, err, candle.ErrInvalidHandle, "closed")
	_, err = model.Forward(of(1, 2))
	fails(t, err, candle.ErrInvalidHandle, "module is a module that is closed")
	_, err = model.NamedParameters()
	fails(t, err, candle.ErrInvalidHandle, "closed")
	fails(t, model.Eval(), candle.ErrInvalidHandle, "closed")
	fails(t, optimizer.Step(), candle.ErrInvalidHandle, "optimizer")
	fails(t, map0.Insert("x", of(1)), candle.ErrInvalidHandle, "map")
	equal(t, map0.Len(), 0)
	_, err = candle.Rand(candle.Ints(1), candle.RandOptions{Generator: generator})
	fails(t, err, candle.ErrInvalidHandle, "generator")
	candle.Check((*candle.Tensor)(nil).Close())
	candle.Check((*candle.Module)(nil).Close())
}

func TestMustPanicsWithTheError(t *testing.T) {
	defer func() {
		err, _ := recover().(error)
		fails(t, err, candle.ErrNullPointer, "input")
	}()
	candle.Must((*candle.Tensor)(nil).Exp())
}

func TestVersions(t *testing.T) {
	equal(t, candle.Version() != "" && candle.BuildInfo() != "", true)
	equal(t, candle.ABIVersion() >= 1, true)
	before := candle.NumThreads()
	candle.Check(candle.SetNumThreads(1))
	equal(t, candle.NumThreads(), 1)
	candle.Check(candle.SetNumThreads(before))
}

func TestChecksAreDecidedOnce(t *testing.T) {
	candle.Check(candle.Must(candle.Zeros([]int64{1})).Close())
	level := candle.Checks()
	candle.Check(candle.SetChecks(level))
	fails(t, candle.SetChecks((level+1)%3), candle.ErrInvalidArgument, "cannot change")
	equal(t, candle.Misuses(), 0)
}
