// Package candle is candle_ffi for Go: tensors, gradients, layers, optimizers and files with
// PyTorch's names, over the C library libcandle_ffi.
//
// # Names
//
// PyTorch's log_softmax is LogSoftmax here, and its add_, which works in place, AddInPlace. What
// PyTorch has in torch.nn.functional are functions, as are those that make a tensor of none;
// other operations are methods of Tensor. Layers and optimizers are made by NewLinear, NewAdamW
// and so on.
//
// # Options
//
// What PyTorch has a default for stands in a structure that is given last, or left out:
//
//	x.Sum(candle.SumOptions{Dim: []int64{1}, KeepDim: true})
//
// A field that is left out is at PyTorch's default, always. A number or a bool whose default is
// not zero is therefore a pointer, which Int, Float and Flag make:
//
//	candle.NewAdamW(params, candle.AdamWOptions{LR: candle.Float(3e-3)})
//
// The options of an operation or an optimizer are called after it, such as SumOptions and
// AdamWOptions; those of a layer end in LayerOptions, such as Conv2dLayerOptions.
//
// # Errors
//
// Nothing here panics but Must and Check, which are for scripts. An error is an *Error with code,
// message, operation, shapes, dtypes and devices; errors.Is(err, candle.ErrShape) tells its code.
//
// # Memory
//
// Handles free themselves when the garbage collector finds them unreachable, and Close frees one
// at once. The collector does not see the memory of tensors, so this package counts it and has
// the collector run where much of it may be unreachable: see SetMemoryBudget. A closed handle
// gives ErrInvalidHandle; closing twice, or while another goroutine uses it, is no error.
//
// # Goroutines
//
// A tensor may be read by many goroutines at once. What changes an object (methods that end in
// InPlace, Optimizer.Step) is for one at a time, and gives ErrBusy otherwise. NoGrad holds for the
// function it is given, on its goroutine alone.
package candle
