module github.com/candle-ffi/candle-ffi/bindings/go

go 1.19
