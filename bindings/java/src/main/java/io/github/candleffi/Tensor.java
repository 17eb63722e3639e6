package io.github.candleffi;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * An n-dimensional array that can take part in a graph of operations.
 *
 * <p>Operations are methods with PyTorch's names. What an operation gives is a new tensor, which
 * frees itself when it is not used any more, or when it is closed; a method whose name ends in an
 * underscore changes the tensor and gives it back.
 */
public final class Tensor extends TensorMethods {
    private Tensor(Handle handle) {
        super(handle);
    }

    private static final class TensorHandle extends Handle {
        TensorHandle(long address, long bytes) {
            super(address, bytes);
        }

        @Override
        String kind() {
            return "tensor";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_tensor_free(address);
        }
    }

    /** The owner of a handle that C gave; null for none. */
    static Tensor adopt(long address) {
        if (address == 0) {
            return null;
        }
        long elements = CandleLibrary.candle_tensor_num_elements(address);
        long bytes = NativeMemory.HANDLE + NativeMemory.ELEMENT * elements;
        Tensor tensor = new Tensor(new TensorHandle(address, bytes));
        NativeMemory.made(bytes);
        return tensor;
    }

    // Data of Java.

    /**
     * A copy of elements in row-major order, on the CPU; their type is the dtype, and {@code byte}
     * is {@code uint8}.
     *
     * @param values an array of booleans or numbers
     * @param shape the sizes
     * @return the tensor
     */
    public static Tensor fromData(Object values, long... shape) {
        return fromData(values, shape, Device.CPU);
    }

    /**
     * A copy of elements in row-major order; their type is the dtype, and {@code byte} is {@code
     * uint8}.
     *
     * @param values an array of booleans or numbers
     * @param shape the sizes
     * @param device the device
     * @return the tensor
     */
    public static Tensor fromData(Object values, long[] shape, Device device) {
        DType dtype = HostData.dtype(values);
        long bytes = Array.getLength(values) * HostData.size(values);
        try (Call call = Call.begin()) {
            long data = call.reserve(bytes);
            HostData.write(values, data);
            call.check(CandleLibrary.candle_tensor_from_data(
                data, bytes, call.longs(shape, "shape"), shape.length, 0, dtype.code(),
                Call.kind(device), Call.index(device), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * A copy of the bytes of elements of any dtype, such as halves.
     *
     * @param bytes the bytes in the order of the machine
     * @param shape the sizes
     * @param dtype the dtype
     * @param device the device
     * @return the tensor
     */
    public static Tensor fromBytes(byte[] bytes, long[] shape, DType dtype, Device device) {
        Objects.requireNonNull(bytes, "bytes");
        try (Call call = Call.begin()) {
            long data = call.reserve(bytes.length);
            HostData.write(bytes, data);
            call.check(CandleLibrary.candle_tensor_from_data(
                data, bytes.length, call.longs(shape, "shape"), shape.length, 0, Call.code(dtype),
                Call.kind(device), Call.index(device), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * The elements of a direct buffer in place: writes to it change the tensor, and the other way
     * round. The buffer is kept as long as a tensor uses it. PyTorch: {@code torch.frombuffer}
     *
     * @param buffer a direct buffer, from its position to its limit
     * @param dtype the dtype
     * @param shape the sizes
     * @return the tensor
     */
    public static Tensor fromBuffer(ByteBuffer buffer, DType dtype, long... shape) {
        if (!Objects.requireNonNull(buffer, "buffer").isDirect() || buffer.isReadOnly()) {
            throw new InvalidArgumentException("a tensor uses a direct buffer that can be written",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "from_blob"));
        }
        long address = com.sun.jna.Pointer.nativeValue(
            com.sun.jna.Native.getDirectBufferPointer(buffer));
        try (Call call = Call.begin()) {
            long sizes = call.longs(shape, "shape");
            long number = Callbacks.keep(buffer);
            int status = CandleLibrary.candle_tensor_from_blob(
                address + buffer.position(), buffer.remaining(), sizes, shape.length, 0,
                Call.code(dtype), Callbacks.FREE, number, call.out, call.error);
            if (status != 0) {
                Callbacks.forget(number);
            }
            call.check(status);
            return call.tensor();
        }
    }

    /**
     * The rows {@code indices} of an array of a shape, in one pass; the type of the values is the
     * dtype.
     *
     * @param values an array of booleans or numbers
     * @param shape the sizes of the array, the number of rows first
     * @param indices the rows that are taken
     * @return the rows
     * @throws IndexException for an index that is negative or too large
     */
    public static Tensor fromRows(Object values, long[] shape, long... indices) {
        DType dtype = HostData.dtype(values);
        long element = HostData.size(values);
        long bytes = Array.getLength(values) * element;
        long row = element;
        for (int at = 1; at < shape.length; at++) {
            row *= shape[at];
        }
        if (shape.length == 0 || shape[0] * row != bytes) {
            throw new InvalidArgumentException("an array of rows has " + Array.getLength(values)
                + " values, which is not what its shape " + Arrays.toString(shape) + " says",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "from_rows"));
        }
        try (Call call = Call.begin()) {
            long data = call.reserve(bytes);
            HostData.write(values, data);
            call.check(CandleLibrary.candle_tensor_from_rows(
                data, bytes, shape[0], row, call.longs(Arrays.copyOfRange(shape, 1, shape.length)),
                shape.length - 1, call.longs(indices, "indices"), indices.length, dtype.code(),
                Device.CPU.kind().code(), 0, call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * A second handle on the same tensor: its values, its gradient, its place in the graph. Each is
     * closed by itself.
     *
     * @return the handle
     */
    public Tensor share() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_share(call.use(this), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * The only element.
     *
     * @return the element
     * @throws ShapeException unless there is one
     */
    public double item() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_item_double(call.use(this), call.out,
                call.error));
            return call.number();
        }
    }

    /**
     * The only element; a float is cut towards zero.
     *
     * @return the element
     * @throws ShapeException unless there is one
     */
    public long itemLong() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_item_int64(call.use(this), call.out,
                call.error));
            return call.address();
        }
    }

    /**
     * The elements in row-major order, converted to {@code float32}.
     *
     * @return the elements
     */
    public float[] toFloatArray() {
        return read(DType.FLOAT32, new float[Math.toIntExact(numElements())]);
    }

    /**
     * The elements in row-major order, converted to {@code float64}.
     *
     * @return the elements
     */
    public double[] toDoubleArray() {
        return read(DType.FLOAT64, new double[Math.toIntExact(numElements())]);
    }

    /**
     * The elements in row-major order, converted to {@code int64}.
     *
     * @return the elements
     */
    public long[] toLongArray() {
        return read(DType.INT64, new long[Math.toIntExact(numElements())]);
    }

    /**
     * The elements in row-major order, converted to {@code int32}.
     *
     * @return the elements
     */
    public int[] toIntArray() {
        return read(DType.INT32, new int[Math.toIntExact(numElements())]);
    }

    /**
     * The elements in row-major order, converted to {@code int16}.
     *
     * @return the elements
     */
    public short[] toShortArray() {
        return read(DType.INT16, new short[Math.toIntExact(numElements())]);
    }

    /**
     * The elements in row-major order, converted to {@code bool}.
     *
     * @return the elements
     */
    public boolean[] toBooleanArray() {
        return read(DType.BOOL, new boolean[Math.toIntExact(numElements())]);
    }

    /**
     * The bytes of the elements in row-major order, as they are.
     *
     * @return the bytes in the order of the machine
     */
    public byte[] toBytes() {
        return read(dtype(), new byte[Math.toIntExact(numElements() * Candle.dtypeSize(dtype()))]);
    }

    private <T> T read(DType dtype, T array) {
        if (dtype() != dtype) {
            try (Tensor converted = toDType(dtype)) {
                return converted.read(dtype, array);
            }
        }
        copyTo(array);
        return array;
    }

    /**
     * Copies the elements in row-major order into an array of the dtype's type, or of bytes, which
     * has exactly their length.
     *
     * @param array the array
     * @throws BufferTooSmallException when it is too short
     * @throws InvalidArgumentException when it is too long
     * @throws DTypeException when it has another type
     */
    public void copyTo(Object array) {
        DType given = HostData.dtype(array);
        if (given != dtype() && !(array instanceof byte[])) {
            throw new DTypeException("a tensor of " + Candle.dtypeName(dtype())
                + " is not copied to "
                + array.getClass().getSimpleName(), ErrorDetails.of(Status.ERROR_DTYPE, "copy_to"));
        }
        long bytes = Array.getLength(array) * HostData.size(array);
        try (Call call = Call.begin()) {
            long data = call.reserve(bytes);
            call.check(CandleLibrary.candle_tensor_copy_to(call.use(this), data, bytes,
                call.error));
            HostData.read(data, array);
        }
    }

    /**
     * The values as memory, in place: on the CPU and in row-major order without gaps. Writes are not
     * counted as changes in place. The memory is there as long as the buffer is reachable, also when
     * the tensor is closed.
     *
     * @return the memory, in the order of the machine
     */
    public ByteBuffer dataPtr() {
        if (!isContiguous()) {
            throw new InvalidArgumentException(
                "the elements do not lie in row-major order: contiguous() makes them",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "data_ptr"));
        }
        long bytes = numElements() * Candle.dtypeSize(dtype());
        if (bytes > Integer.MAX_VALUE) {
            throw new InvalidArgumentException("a buffer of Java has at most " + Integer.MAX_VALUE
                + " bytes, and the elements have " + bytes + ": narrow() gives a part of them",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "data_ptr"));
        }
        try (Call call = Call.begin()) {
            // Another tensor on the same storage, which goes with the buffer.
            call.check(CandleLibrary.candle_tensor_detach(call.use(this), call.out, call.error));
            Handle storage = new TensorHandle(call.address(), 0);
            ByteBuffer buffer;
            try {
                call.check(CandleLibrary.candle_tensor_data_ptr(
                    call.address(), call.out(1), call.error));
                buffer = new com.sun.jna.Pointer(call.value(1)).getByteBuffer(0, bytes);
            } catch (RuntimeException failed) {
                storage.run();
                throw failed;
            }
            CLEANER.register(buffer, storage);
            return buffer.order(ByteOrder.nativeOrder());
        }
    }

    // What it is.

    /**
     * The number of dimensions.
     *
     * @return the number of dimensions
     */
    public int rank() {
        try (Call call = Call.begin()) {
            return (int) CandleLibrary.candle_tensor_rank(call.use(this));
        }
    }

    /**
     * The number of elements.
     *
     * @return the number of elements
     */
    public long numElements() {
        try (Call call = Call.begin()) {
            return CandleLibrary.candle_tensor_num_elements(call.use(this));
        }
    }

    /**
     * The sizes.
     *
     * @return the sizes
     */
    public long[] shape() {
        try (Call call = Call.begin()) {
            long tensor = call.use(this);
            long rank = CandleLibrary.candle_tensor_rank(tensor);
            long sizes = call.reserve(rank * Long.BYTES);
            call.check(CandleLibrary.candle_tensor_shape(tensor, sizes, rank, call.error));
            return Call.readLongs(sizes, rank);
        }
    }

    /**
     * The size of a dimension.
     *
     * @param dim the dimension; a negative one counts from the end
     * @return its size
     * @throws IndexException when there is no such dimension
     */
    public long size(int dim) {
        long[] shape = shape();
        int at = dim < 0 ? dim + shape.length : dim;
        if (at < 0 || at >= shape.length) {
            throw new IndexException("dimension " + dim + " of a tensor of rank " + shape.length,
                ErrorDetails.of(Status.ERROR_INDEX, "size"));
        }
        return shape[at];
    }

    /**
     * The distances in elements between neighbours of each dimension.
     *
     * @return the strides
     */
    public long[] strides() {
        try (Call call = Call.begin()) {
            long tensor = call.use(this);
            long rank = CandleLibrary.candle_tensor_rank(tensor);
            long strides = call.reserve(rank * Long.BYTES);
            call.check(CandleLibrary.candle_tensor_strides(tensor, strides, rank, call.error));
            return Call.readLongs(strides, rank);
        }
    }

    /**
     * The type of the elements.
     *
     * @return the dtype
     */
    public DType dtype() {
        try (Call call = Call.begin()) {
            return DType.of(CandleLibrary.candle_tensor_dtype(call.use(this)));
        }
    }

    /**
     * The device that the elements are on.
     *
     * @return the device
     */
    public Device device() {
        try (Call call = Call.begin()) {
            long tensor = call.use(this);
            DeviceKind kind = DeviceKind.of(CandleLibrary.candle_tensor_device(tensor));
            return new Device(kind, CandleLibrary.candle_tensor_device_index(tensor));
        }
    }

    /**
     * Whether the elements lie in row-major order without gaps.
     *
     * @return whether they do
     */
    public boolean isContiguous() {
        try (Call call = Call.begin()) {
            return CandleLibrary.candle_tensor_is_contiguous(call.use(this)) != 0;
        }
    }

    /**
     * A copy in pinned memory of the host, from which a CUDA device copies while the host goes on.
     *
     * @return the copy
     * @throws DeviceException where there is no CUDA device
     */
    public Tensor pinMemory() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_pin_memory(
                call.use(this), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Whether the elements are in pinned memory of the host.
     *
     * @return whether they are
     */
    public boolean isPinned() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_is_pinned(
                call.use(this), call.out, call.error));
            return (int) call.value(0) != 0;
        }
    }

    /**
     * How often the storage has been changed in place.
     *
     * @return the number of changes
     */
    public long version() {
        try (Call call = Call.begin()) {
            return Integer.toUnsignedLong(CandleLibrary.candle_tensor_version(call.use(this)));
        }
    }

    /**
     * Replaces the values by those of another, and keeps everything else; not part of any graph.
     *
     * @param source the other
     */
    public void setData(Tensor source) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_set_data(call.use(this), call.use(source),
                call.error));
        }
    }

    /**
     * The tensor with another dtype; itself in another handle when it has it already.
     *
     * @param dtype the dtype
     * @return the tensor
     */
    public Tensor to(DType dtype) {
        return toDType(dtype);
    }

    /**
     * The tensor on another device.
     *
     * @param device the device
     * @return the tensor
     */
    public Tensor to(Device device) {
        return toDevice(new Options.ToDeviceOptions().device(device));
    }

    // Indexing.

    /**
     * The part at positions: {@code x[i, j]}.
     *
     * @param positions the positions; negative ones count from the end
     * @return the part
     */
    public Tensor get(long... positions) {
        return getItem(Arrays.stream(positions).mapToObj(Index::at).toArray(Index[]::new));
    }

    /**
     * The part that an index names: {@code x.getItem(Index.slice(1, 3), Index.at(0))}.
     *
     * @param index the items
     * @return the part
     */
    public Tensor getItem(Index... index) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_get_item(
                call.use(this), Index.write(call, index), index.length, call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Writes into the part that an index names: {@code x.setItem(source, Index.at(0))}.
     *
     * @param source the values, which broadcast and are converted
     * @param index the items
     */
    public void setItem(Tensor source, Index... index) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_set_item(
                call.use(this), Index.write(call, index), index.length, call.use(source),
                call.error));
        }
    }

    /**
     * Writes a number into the part that an index names.
     *
     * @param source the number
     * @param index the items
     */
    public void setItem(double source, Index... index) {
        try (Tensor number = Candle.scalar(source)) {
            setItem(number, index);
        }
    }

    // Gradients.

    /** Adds the gradients of this tensor, of one element, to those of the leaves it was made of. */
    public void backward() {
        backward(new BackwardOptions());
    }

    /**
     * Adds the gradients of this tensor to those of the leaves it was computed from.
     *
     * @param options what need not be given
     */
    public void backward(BackwardOptions options) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_backward(
                call.use(this), call.use(options.gradient), Call.flag(options.retainGraph),
                Call.flag(options.createGraph), call.error));
        }
    }

    /** Options of {@code backward}. */
    public static final class BackwardOptions {
        private Tensor gradient;
        private boolean retainGraph;
        private boolean createGraph;

        /** The defaults. */
        public BackwardOptions() {}

        /**
         * The gradient of the tensor; 1 without one, for a tensor of one element.
         *
         * @param gradient the gradient
         * @return these options
         */
        public BackwardOptions gradient(Tensor gradient) {
            this.gradient = gradient;
            return this;
        }

        /**
         * Whether to keep the graph for another pass; default: false.
         *
         * @param retainGraph whether to keep it
         * @return these options
         */
        public BackwardOptions retainGraph(boolean retainGraph) {
            this.retainGraph = retainGraph;
            return this;
        }

        /**
         * Whether gradients are recorded themselves, for higher derivatives; default: false.
         *
         * @param createGraph whether to record them
         * @return these options
         */
        public BackwardOptions createGraph(boolean createGraph) {
            this.createGraph = createGraph;
            return this;
        }
    }

    /**
     * Whether gradients flow to or through it.
     *
     * @return whether they do
     */
    public boolean requiresGrad() {
        try (Call call = Call.begin()) {
            return CandleLibrary.candle_tensor_requires_grad(call.use(this)) != 0;
        }
    }

    /**
     * Asks for a gradient of a leaf, or no longer.
     *
     * @param requiresGrad whether to ask for it
     * @return this tensor
     */
    public Tensor requiresGrad_(boolean requiresGrad) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_set_requires_grad(
                call.use(this), Call.flag(requiresGrad), call.error));
            return this;
        }
    }

    /**
     * Whether it was made by the user and not by a recorded operation.
     *
     * @return whether it was
     */
    public boolean isLeaf() {
        try (Call call = Call.begin()) {
            return CandleLibrary.candle_tensor_is_leaf(call.use(this)) != 0;
        }
    }

    /**
     * The name of the recorded operation that made it; empty when none did.
     *
     * @return the name
     */
    public String gradFnName() {
        try (Call call = Call.begin()) {
            long tensor = call.use(this);
            return call.text((text, capacity) ->
                CandleLibrary.candle_tensor_grad_fn_name(tensor, text, capacity));
        }
    }

    /**
     * The gradient accumulated so far.
     *
     * @return the gradient; null when there is none
     */
    public Tensor grad() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_grad(call.use(this), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Replaces the gradient.
     *
     * @param grad the gradient; null clears it
     */
    public void setGrad(Tensor grad) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_set_grad(call.use(this), call.use(grad),
                call.error));
        }
    }

    /**
     * Has a function called with the gradient of this tensor in every backward pass. What it throws
     * comes out of {@code backward}. A hook that refers to its own tensor keeps it until {@code
     * removeHook} or {@code close}.
     *
     * @param hook the function; a tensor that it returns takes the gradient's place, null does not
     * @return a number, by which {@code removeHook} removes it
     */
    public long registerHook(UnaryOperator<Tensor> hook) {
        Objects.requireNonNull(hook, "hook");
        try (Call call = Call.begin()) {
            // The library forgets it, also when this fails.
            call.check(CandleLibrary.candle_tensor_register_hook(call.use(this), Callbacks.HOOK,
                Callbacks.keep(hook), Callbacks.FREE, call.out, call.error));
            return call.address();
        }
    }

    /**
     * Removes a hook; one that is not there, or no longer, is no error.
     *
     * @param id the number of the hook
     */
    public void removeHook(long id) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_remove_hook(call.use(this), id, call.error));
        }
    }

    /** The values as PyTorch prints them, about; only the ends of many. */
    @Override
    public String toString() {
        return isClosed() ? "tensor(closed)" : TensorText.of(this);
    }
}
