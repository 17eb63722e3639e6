package io.github.candleffi;

import com.sun.jna.Pointer;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Elements in arrays of Java: their dtype, their bytes in C's memory, and back. */
final class HostData {
    private HostData() {}

    /** The dtype of an array of numbers or booleans. */
    static DType dtype(Object array) {
        Class<?> type = Objects.requireNonNull(array, "values").getClass().getComponentType();
        if (type == boolean.class) {
            return DType.BOOL;
        } else if (type == byte.class) {
            return DType.UINT8;
        } else if (type == short.class) {
            return DType.INT16;
        } else if (type == int.class) {
            return DType.INT32;
        } else if (type == long.class) {
            return DType.INT64;
        } else if (type == float.class) {
            return DType.FLOAT32;
        } else if (type == double.class) {
            return DType.FLOAT64;
        }
        throw new DTypeException("an array of " + array.getClass().getSimpleName()
            + " has no dtype; arrays of numbers and booleans have one",
            ErrorDetails.of(Status.ERROR_DTYPE, "from_data"));
    }

    /** The bytes of one element of an array that has a dtype. */
    static long size(Object array) {
        return CandleLibrary.candle_dtype_size(dtype(array).code());
    }

    /** Copies an array to memory that has room for it. */
    static void write(Object array, long address) {
        Pointer to = new Pointer(address);
        int count = Array.getLength(array);
        if (array instanceof float[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof double[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof long[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof int[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof short[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof byte[] values) {
            to.write(0, values, 0, count);
        } else if (array instanceof boolean[] values) {
            byte[] bytes = new byte[count];
            for (int at = 0; at < count; at++) {
                bytes[at] = (byte) (values[at] ? 1 : 0);
            }
            to.write(0, bytes, 0, count);
        }
    }

    /** Fills an array from memory. */
    static void read(long address, Object array) {
        Pointer from = new Pointer(address);
        int count = Array.getLength(array);
        if (array instanceof float[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof double[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof long[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof int[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof short[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof byte[] values) {
            from.read(0, values, 0, count);
        } else if (array instanceof boolean[] values) {
            byte[] bytes = new byte[count];
            from.read(0, bytes, 0, count);
            for (int at = 0; at < count; at++) {
                values[at] = bytes[at] != 0;
            }
        }
    }

    /** The elements of nested arrays, or of one number, in row-major order, and their shape. */
    static final class Nested {
        /** An array of the type of the elements. */
        final Object elements;
        final long[] shape;

        private int filled;

        Nested(Object data) {
            Objects.requireNonNull(data, "data");
            if (!data.getClass().isArray()) {
                elements = one(data);
                shape = new long[0];
                return;
            }
            List<Long> sizes = new ArrayList<>();
            Class<?> type = data.getClass();
            Object first = data;
            for (; type.isArray(); type = type.getComponentType()) {
                int size = first == null ? 0 : Array.getLength(first);
                sizes.add((long) size);
                first = size == 0 || type.getComponentType().isPrimitive() ? null
                    : Array.get(first, 0);
            }
            if (!type.isPrimitive() || type == char.class) {
                throw new DTypeException("a tensor is made of numbers or booleans, not of "
                    + type.getName(),
                    ErrorDetails.of(Status.ERROR_DTYPE, "tensor"));
            }
            shape = sizes.stream().mapToLong(Long::longValue).toArray();
            long count = 1;
            for (long size : shape) {
                count = Math.multiplyExact(count, size);
            }
            elements = Array.newInstance(type, Math.toIntExact(count));
            fill(data, 0);
        }

        private void fill(Object part, int depth) {
            int size = part == null ? -1 : Array.getLength(part);
            if (size != shape[depth]) {
                throw new ShapeException("the rows of an array must have the same length",
                    ErrorDetails.of(Status.ERROR_SHAPE, "tensor"));
            }
            if (depth + 1 == shape.length) {
                System.arraycopy(part, 0, elements, filled, size);
                filled += size;
                return;
            }
            for (int at = 0; at < size; at++) {
                fill(Array.get(part, at), depth + 1);
            }
        }

        private static Object one(Object value) {
            if (value instanceof Boolean flag) {
                return new boolean[] {flag};
            } else if (value instanceof Float number) {
                return new float[] {number};
            } else if (value instanceof Double number) {
                return new double[] {number};
            } else if (value instanceof Byte number) {
                return new long[] {Byte.toUnsignedLong(number)};
            } else if (value instanceof Long || value instanceof Integer || value instanceof Short) {
                return new long[] {((Number) value).longValue()};
            }
            throw new DTypeException("a tensor is made of numbers or booleans, not of "
                + value.getClass().getName(), ErrorDetails.of(Status.ERROR_DTYPE, "tensor"));
        }
    }
}
