package candle

// #include "shims.h"
import "C"

import (
	"fmt"
	"sort"
	"strings"
	"unsafe"
)

// Int is a number for an option whose default is not zero.
func Int(value int64) *int64 { return &value }

// Float is a number for an option whose default is not zero.
func Float(value float64) *float64 { return &value }

// Flag is a truth for an option whose default is true, or none.
func Flag(value bool) *bool { return &value }

// Ints is a list of numbers: a shape, dimensions, the sizes of a kernel.
func Ints(values ...int64) []int64 { return append([]int64{}, values...) }

// Floats is a list of numbers.
func Floats(values ...float64) []float64 { return append([]float64{}, values...) }

// None is PyTorch's None for the few options that have a number as default: Momentum of batch
// normalization. Elsewhere a field that is left out is None.
var None = new(float64)

// The only number of a list of paddings, with a meaning of its own.
const (
	// As much as makes the output as large as the input: PyTorch's padding="same".
	PaddingSame int64 = C.CANDLE_PADDING_SAME
	// No padding: PyTorch's padding="valid".
	PaddingValid int64 = C.CANDLE_PADDING_VALID
)

// one gives the options of a call, which has one structure of them or none.
func one[T any](c *call, options []T) (given T) {
	switch len(options) {
	case 0:
	case 1:
		given = options[0]
	default:
		c.fail(ErrInvalidArgument, "options are given once, and there are %d", len(options))
	}
	return given
}

func or[T any](given *T, value T) T {
	if given != nil {
		return *given
	}
	return value
}

func listOr[T any](given []T, values ...T) []T {
	if given != nil {
		return given
	}
	return values
}

func dtypeOr(given, dtype DType) DType {
	if given != 0 {
		return given
	}
	return dtype
}

func doubleOr(given *float64, value float64) *C.double {
	switch given {
	case nil:
		return (*C.double)(&value)
	case None:
		return nil
	}
	return (*C.double)(given)
}

func truth(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}

func optionalTruth(value *bool) *C.int32_t {
	if value == nil {
		return nil
	}
	given := truth(*value)
	return &given
}

// choose gives the code of a word, or of the default where there is none.
func choose[W ~string](c *call, word, standard W, codes map[W]int32, name string) int32 {
	if word == "" {
		word = standard
	}
	code, ok := codes[word]
	if !ok {
		words := make([]string, 0, len(codes))
		for word := range codes {
			words = append(words, fmt.Sprintf("%q", string(word)))
		}
		sort.Strings(words)
		c.fail(ErrInvalidArgument, "%s must be one of %s, and is %q", name,
			strings.Join(words, ", "), string(word))
	}
	return code
}

// A list that is empty but not nil is a list, where C has NULL for none.
var empty [1]float64

func int64s(values []int64) *C.int64_t {
	if len(values) == 0 {
		if values == nil {
			return nil
		}
		return (*C.int64_t)(unsafe.Pointer(&empty))
	}
	return (*C.int64_t)(&values[0])
}

func doubles(values []float64) *C.double {
	if len(values) == 0 {
		if values == nil {
			return nil
		}
		return (*C.double)(&empty[0])
	}
	return (*C.double)(&values[0])
}

func first(handles []*C.CandleTensor) **C.CandleTensor {
	if len(handles) == 0 {
		return nil
	}
	return &handles[0]
}
