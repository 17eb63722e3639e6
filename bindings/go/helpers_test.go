package candle_test

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

// Values that must be there: a test that panics has failed, with the line.
var (
	tensor = candle.Must[*candle.Tensor]
	module = candle.Must[*candle.Module]
	list   = candle.Must[[]*candle.Tensor]
)

func of(values ...float32) *candle.Tensor {
	return tensor(candle.FromSlice(values, candle.Ints(int64(len(values)))))
}

func leaf(values ...float32) *candle.Tensor {
	shape, options := candle.Ints(int64(len(values))), candle.TensorOptions{RequiresGrad: true}
	return tensor(candle.FromSlice(values, shape, options))
}

func values(x *candle.Tensor) []float64 { return candle.Must(candle.ToSlice[float64](x)) }

func item(x *candle.Tensor) float64 { return candle.Must(x.Item()) }

func equal(t *testing.T, got, expected any) {
	t.Helper()
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got %v, expected %v", got, expected)
	}
}

func near(t *testing.T, got, expected []float64) {
	t.Helper()
	if len(got) != len(expected) {
		t.Fatalf("got %v, expected %v", got, expected)
	}
	for at := range got {
		if !(math.Abs(got[at]-expected[at]) <= 1e-5*(1+math.Abs(expected[at]))) {
			t.Errorf("got %v, expected %v", got, expected)
			return
		}
	}
}

// fails checks the code of an error, and that its message has some words.
func fails(t *testing.T, err error, code candle.Status, words string) *candle.Error {
	t.Helper()
	var details *candle.Error
	if !errors.Is(err, code) || !errors.As(err, &details) || !strings.Contains(err.Error(), words) {
		t.Errorf("got the error %v, expected %v: … %s", err, code, words)
		return &candle.Error{}
	}
	return details
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "file.safetensors") }
