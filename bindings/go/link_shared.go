//go:build !candle_static

package candle

// #cgo pkg-config: candle_ffi
import "C"
