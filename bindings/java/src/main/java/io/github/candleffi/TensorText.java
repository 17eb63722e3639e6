package io.github.candleffi;

import java.util.Locale;

/** A tensor as text, about as PyTorch prints it. */
final class TensorText {
    /** Above as many elements only the ends of each dimension are shown. */
    private static final long MOST = 1000;
    private static final int ENDS = 3;

    private final double[] values;
    private final String[] words;
    /** The sizes of what is shown. */
    private final long[] shape;
    /** The dimensions of which only the ends are shown. */
    private final boolean[] isCut;
    private int width;

    private TensorText(Tensor tensor, boolean[] isCut) {
        this.isCut = isCut;
        shape = tensor.shape();
        values = tensor.toDoubleArray();
        words = new String[values.length];
        boolean isFloat = Candle.dtypeIsFloat(tensor.dtype());
        boolean isBool = tensor.dtype() == DType.BOOL;
        boolean isWhole = true;
        double largest = 0;
        double least = Double.MAX_VALUE;
        for (double value : values) {
            if (Double.isInfinite(value) || Double.isNaN(value)) {
                continue;
            }
            isWhole &= value == Math.rint(value);
            largest = Math.max(largest, Math.abs(value));
            least = value == 0 ? least : Math.min(least, Math.abs(value));
        }
        String format = largest >= 1e8 || (isFloat && !isWhole && least < 1e-4) ? "%.4e" : isWhole
            ? "%.0f." : "%.4f";
        long[] whole = isFloat || isBool ? null : tensor.toLongArray();
        for (int at = 0; at < values.length; at++) {
            if (isBool) {
                words[at] = values[at] != 0 ? "true" : "false";
            } else if (whole != null) {
                words[at] = Long.toString(whole[at]);
            } else if (Double.isNaN(values[at])) {
                words[at] = "nan";
            } else if (Double.isInfinite(values[at])) {
                words[at] = values[at] > 0 ? "inf" : "-inf";
            } else {
                words[at] = String.format(Locale.ROOT, format, values[at]);
            }
            width = Math.max(width, words[at].length());
        }
    }

    static String of(Tensor tensor) {
        StringBuilder text = new StringBuilder("tensor(");
        boolean[] isCut = new boolean[tensor.rank()];
        try (GradMode scope = Candle.noGrad(); Tensor shown = ends(tensor, isCut)) {
            new TensorText(shown, isCut).add(text, 0, 0, "tensor(".length());
        }
        DType dtype = tensor.dtype();
        if (dtype != DType.BOOL && dtype != DType.INT64 && dtype != Candle.defaultDType()) {
            text.append(", dtype=").append(Candle.dtypeName(dtype));
        }
        if (!tensor.device().equals(Device.CPU)) {
            text.append(", device=").append(tensor.device());
        }
        if (tensor.requiresGrad()) {
            String name = tensor.gradFnName();
            text.append(name.isEmpty() ? ", requiresGrad=true" : ", gradFn=" + name);
        }
        return text.append(')').toString();
    }

    /** The entries at both ends of each long dimension, of a tensor of many elements. */
    private static Tensor ends(Tensor tensor, boolean[] isCut) {
        Tensor shown = tensor.share();
        if (tensor.numElements() <= MOST) {
            return shown;
        }
        for (int dim = 0; dim < isCut.length; dim++) {
            long size = tensor.size(dim);
            if (size > 2 * ENDS) {
                isCut[dim] = true;
                try (Tensor all = shown; Tensor first = all.narrow(dim, 0, ENDS);
                    Tensor last = all.narrow(dim, size - ENDS, ENDS)) {
                    shown = Candle.cat(java.util.List.of(first, last),
                        new Options.CatOptions().dim(dim));
                }
            }
        }
        return shown;
    }

    /** Adds the part of a dimension that begins at an element, {@code column} characters in. */
    private void add(StringBuilder text, int dim, int first, int column) {
        if (dim == shape.length) {
            text.append(" ".repeat(shape.length == 0 ? 0 : width - words[first].length())).append(
                words[first]);
            return;
        }
        int stride = 1;
        for (int at = dim + 1; at < shape.length; at++) {
            stride *= (int) shape[at];
        }
        boolean isLast = dim + 1 == shape.length;
        String between = isLast ? ", " : ",\n" + "\n".repeat(shape.length - dim - 2)
            + " ".repeat(column + 1);
        text.append('[');
        for (int at = 0; at < shape[dim]; at++) {
            if (at > 0) {
                text.append(between);
            }
            if (isCut[dim] && at == ENDS) {
                text.append("...").append(between);
            }
            add(text, dim + 1, first + at * stride, column + 1);
        }
        text.append(']');
    }
}
