package candle_test

import (
	"testing"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

func BenchmarkAdd(b *testing.B) {
	x := of(1)
	for at := 0; at < b.N; at++ {
		candle.Must(x.Add(x))
	}
}

func BenchmarkAddAndClose(b *testing.B) {
	x := of(1)
	for at := 0; at < b.N; at++ {
		candle.Check(candle.Must(x.Add(x)).Close())
	}
}

func BenchmarkMatmul(b *testing.B) {
	x := tensor(candle.Rand(candle.Ints(256, 784)))
	y := tensor(candle.Rand(candle.Ints(784, 512)))
	for at := 0; at < b.N; at++ {
		candle.Check(candle.Must(x.Matmul(y)).Close())
	}
}
