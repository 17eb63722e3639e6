package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	candle "github.com/candle-ffi/candle-ffi/bindings/go"
)

const (
	pixels  = 64
	classes = 10
)

type digits struct{ images, labels *candle.Tensor }

func (d digits) count() int64 { return d.labels.NumElements() }

// part gives some digits in a row.
func (d digits) part(start, length int64) (digits, error) {
	images, err := d.images.Narrow(0, start, length)
	if err != nil {
		return digits{}, err
	}
	labels, err := d.labels.Narrow(0, start, length)
	return digits{images, labels}, err
}

// mixed gives the digits in a random order.
func (d digits) mixed() (digits, error) {
	order, err := candle.RandPerm(d.count())
	if err != nil {
		return digits{}, err
	}
	images, err := d.images.IndexSelect(0, order)
	if err != nil {
		return digits{}, err
	}
	labels, err := d.labels.IndexSelect(0, order)
	return digits{images, labels}, err
}

// read reads a table of numbers with commas.
func read(path string) (digits, error) {
	file, err := os.Open(path)
	if err != nil {
		return digits{}, err
	}
	defer file.Close()
	var images []float32
	var labels []int64
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Split(lines.Text(), ",")
		values := make([]float32, len(fields))
		for at, field := range fields {
			value, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
			if err != nil {
				return digits{}, fmt.Errorf("%s:%d: %q is no number", path, number, field)
			}
			values[at] = float32(value)
		}
		if len(values) != pixels+1 {
			const wrong = "%s:%d: expected 65 numbers, found %d"
			return digits{}, fmt.Errorf(wrong, path, number, len(values))
		}
		label := int64(values[pixels])
		if label < 0 || label >= classes {
			return digits{}, fmt.Errorf("%s:%d: the last number must be a digit", path, number)
		}
		labels = append(labels, label)
		images = append(images, values[:pixels]...)
	}
	if err := lines.Err(); err != nil {
		return digits{}, err
	}
	count := int64(len(labels))
	if count < classes {
		return digits{}, fmt.Errorf("%s: too few digits", path)
	}
	raw, err := candle.FromSlice(images, candle.Ints(count, pixels))
	if err != nil {
		return digits{}, err
	}
	scaled, err := raw.Div(candle.Scalar(16.0))
	if err != nil {
		return digits{}, err
	}
	known, err := candle.FromSlice(labels, candle.Ints(count))
	return digits{scaled, known}, err
}
