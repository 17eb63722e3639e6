package candle

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// Beyond so many elements the middle of each dimension is left out,
	printThreshold = 1000
	// but for so many entries at both ends.
	printEdge = 3
)

// format writes a tensor as PyTorch does.
func format(t *Tensor) (string, error) {
	shape, dtype := t.Shape(), t.DType()
	detached, err := t.Detach()
	if err != nil {
		return "", err
	}
	defer detached.Close()
	whole := detached.NumElements() <= printThreshold
	if !whole {
		if detached, err = edges(detached, shape); err != nil {
			return "", err
		}
		defer detached.Close()
	}
	shown := detached.Shape()
	words, err := elements(detached, dtype)
	if err != nil {
		return "", err
	}
	width := 0
	for _, word := range words {
		if len(word) > width {
			width = len(word)
		}
	}
	for at, word := range words {
		words[at] = strings.Repeat(" ", width-len(word)) + word
	}
	var text strings.Builder
	text.WriteString("tensor(")
	if len(words) == 0 {
		text.WriteString("[]")
	} else {
		nest(&text, words, shape, shown, len("tensor("))
	}
	if len(words) == 0 && len(shape) != 1 {
		size := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
		fmt.Fprintf(&text, ", size=(%s)", size)
	}
	if device := t.Device(); device.Kind != DeviceCPU {
		fmt.Fprintf(&text, ", device='%s'", device)
	}
	isPlain := dtype == DefaultDType() || dtype == Int64 || dtype == Bool
	if !isPlain || t.NumElements() == 0 && dtype == Int64 {
		fmt.Fprintf(&text, ", dtype=%s", dtype)
	}
	if name := t.GradFnName(); name != "" {
		fmt.Fprintf(&text, ", grad_fn=<%s>", name)
	} else if t.RequiresGrad() {
		text.WriteString(", requires_grad=True")
	}
	text.WriteString(")")
	return text.String(), nil
}

// edges gives the entries at both ends of each long dimension.
func edges(t *Tensor, shape []int64) (*Tensor, error) {
	for dim, size := range shape {
		if size <= 2*printEdge {
			continue
		}
		start, err := t.Narrow(int64(dim), 0, printEdge)
		if err != nil {
			return nil, err
		}
		end, err := t.Narrow(int64(dim), size-printEdge, printEdge)
		if err != nil {
			return nil, err
		}
		if t, err = Cat([]*Tensor{start, end}, CatOptions{Dim: int64(dim)}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func elements(t *Tensor, dtype DType) ([]string, error) {
	if !dtype.IsFloat() {
		values, err := ToSlice[int64](t)
		words := make([]string, len(values))
		for at, value := range values {
			words[at] = strconv.FormatInt(value, 10)
			if dtype == Bool {
				words[at] = []string{"False", " True"}[value]
			}
		}
		return words, err
	}
	values, err := ToSlice[float64](t)
	whole, smallest, largest := true, math.Inf(1), 0.0
	for _, value := range values {
		if size := math.Abs(value); size > 0 && !math.IsInf(value, 0) && !math.IsNaN(value) {
			whole = whole && value == math.Trunc(value)
			smallest, largest = math.Min(smallest, size), math.Max(largest, size)
		}
	}
	isWide := largest/smallest > 1000 || smallest < 1e-4
	scientific := largest >= 1e8 || largest > 0 && isWide && !whole
	words := make([]string, len(values))
	for at, value := range values {
		switch {
		case math.IsNaN(value):
			words[at] = "nan"
		case math.IsInf(value, 0):
			words[at] = strings.TrimPrefix(strings.ToLower(fmt.Sprint(value)), "+")
		case scientific:
			words[at] = fmt.Sprintf("%.4e", value)
		case whole:
			words[at] = fmt.Sprintf("%.0f.", value)
		default:
			words[at] = fmt.Sprintf("%.4f", value)
		}
	}
	return words, err
}

// nest writes words in brackets, as the shape says; shown is the shape of what there is.
func nest(text *strings.Builder, words []string, shape, shown []int64, indent int) {
	if len(shown) == 0 {
		text.WriteString(words[0])
		return
	}
	text.WriteString("[")
	each := 0
	if shown[0] > 0 {
		each = len(words) / int(shown[0])
	}
	between := ", "
	if len(shown) > 1 {
		between = "," + strings.Repeat("\n", len(shown)-1) + strings.Repeat(" ", indent+1)
	}
	for at := 0; at < int(shown[0]); at++ {
		if at > 0 {
			text.WriteString(between)
		}
		if at == printEdge && shown[0] < shape[0] {
			text.WriteString("..." + between)
		}
		nest(text, words[at*each:(at+1)*each], shape[1:], shown[1:], indent+1)
	}
	text.WriteString("]")
}
