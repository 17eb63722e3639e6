package candle

// #include "shims.h"
import "C"

// Index is an item of an index; the zero value takes a whole dimension.
type Index struct {
	kind              int32
	hasStart, hasStop bool
	start, stop, step int64
}

// At takes one entry; a negative position counts from the end. The dimension goes away.
func At(position int64) Index { return Index{kind: C.CANDLE_INDEX_INTEGER, start: position} }

// Whole takes a whole dimension: Python's `:`.
func Whole() Index { return Index{} }

// Slice takes the entries from start up to but without stop: Python's `start:stop`.
func Slice(start, stop int64) Index {
	return Index{hasStart: true, start: start, hasStop: true, stop: stop}
}

// From takes the entries from start on: Python's `start:`.
func From(start int64) Index { return Index{hasStart: true, start: start} }

// UpTo takes the entries before stop: Python's `:stop`.
func UpTo(stop int64) Index { return Index{hasStop: true, stop: stop} }

// Step takes each so many-th entry of a slice.
func (i Index) Step(step int64) Index {
	i.step = step
	if step == 0 {
		// Zero is what is left out; C refuses this one with the same words.
		i.step = -1
	}
	return i
}

// Ellipsis stands for all dimensions that no other item takes: Python's `...`.
func Ellipsis() Index { return Index{kind: C.CANDLE_INDEX_ELLIPSIS} }

// NewAxis is a new dimension of size 1: Python's `None`.
func NewAxis() Index { return Index{kind: C.CANDLE_INDEX_NEW_AXIS} }

func indices(index []Index) []C.CandleIndex {
	items := make([]C.CandleIndex, len(index), len(index)+1)
	for at, item := range index {
		kind, step := item.kind, item.step
		if kind == 0 {
			kind = C.CANDLE_INDEX_SLICE
		}
		if step == 0 {
			step = 1
		}
		items[at] = C.CandleIndex{
			kind:      C.CandleIndexKind(kind),
			has_start: truth(item.hasStart),
			has_stop:  truth(item.hasStop),
			start:     C.int64_t(item.start),
			stop:      C.int64_t(item.stop),
			step:      C.int64_t(step),
		}
	}
	return items
}

// GetItem gives the part that an index names: x.GetItem(candle.Slice(1, 3), candle.At(0)) is
// x[1:3, 0].
func (t *Tensor) GetItem(index ...Index) (*Tensor, error) {
	var cx call
	ptr := cx.tensor(t, "tensor")
	if cx.failed("get_item") {
		return nil, cx.err
	}
	items := indices(index)
	count := C.size_t(len(items))
	return cx.tensorFrom(C.candle_go_tensor_get_item(ptr, &items[:1][0], count))
}

// SetItem writes into the part that an index names; source broadcasts and is converted.
func (t *Tensor) SetItem(source *Tensor, index ...Index) error {
	var cx call
	ptr, sourcePtr := cx.tensor(t, "tensor"), cx.tensor(source, "source")
	if cx.failed("set_item") {
		return cx.err
	}
	items := indices(index)
	count := C.size_t(len(items))
	return cx.finish(C.candle_go_tensor_set_item(ptr, &items[:1][0], count, sourcePtr))
}
