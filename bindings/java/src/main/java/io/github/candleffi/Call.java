package io.github.candleffi;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.LongBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A call into the library: room for its results and its error, memory for what it is given, and the
 * handles in use until it ends.
 *
 * <p>Each thread has its own, made once. Calls that a callback makes while another is under way
 * have one of their own.
 */
final class Call implements AutoCloseable {
    private static final ThreadLocal<Call> FIRST = ThreadLocal.withInitial(Call::new);
    /** One cell for the error, the others for results. */
    private static final int CELLS = 8;
    private static final int ROOM = 1 << 13;
    private static final int MANY = 32;

    /** Where C writes the address of an error. */
    final long error;
    /** Where C writes its first result. */
    final long out;

    private final LongBuffer cells;
    private final ByteBuffer room;
    /** The bytes of the room that are taken. */
    private int taken;
    /** What did not fit into the room. */
    private List<Memory> large = List.of();
    private Handle[] used = new Handle[8];
    private int users;
    private boolean isOpen;
    private Call inner;
    /** What a callback threw during this call. */
    private Throwable thrown;

    private Call() {
        room = ByteBuffer.allocateDirect(ROOM).order(ByteOrder.nativeOrder());
        cells = room.asLongBuffer();
        error = Pointer.nativeValue(Native.getDirectBufferPointer(room));
        out = error + Long.BYTES;
    }

    /** The call that begins now on this thread. */
    static Call begin() {
        Call call = FIRST.get();
        while (call.isOpen) {
            if (call.inner == null) {
                call.inner = new Call();
            }
            call = call.inner;
        }
        call.isOpen = true;
        call.taken = CELLS * Long.BYTES;
        for (int at = 0; at < CELLS; at++) {
            call.cells.put(at, 0);
        }
        return call;
    }

    /** Keeps what a callback threw for the call that has led to it. */
    static void callbackThrew(Throwable thrown) {
        Call call = FIRST.get();
        while (call.inner != null && call.inner.isOpen) {
            call = call.inner;
        }
        call.thrown = thrown;
    }

    @Override
    public void close() {
        for (int at = 0; at < users; at++) {
            used[at].release();
            used[at] = null;
        }
        users = 0;
        if (!large.isEmpty()) {
            large.forEach(Memory::close);
            large = List.of();
        }
        thrown = null;
        isOpen = false;
    }

    /** Throws unless the call succeeded. */
    void check(int status) {
        if (status != 0) {
            throw failure(status);
        }
    }

    private RuntimeException failure(int status) {
        long from = cells.get(0);
        Throwable callback = thrown;
        try {
            if (status == Status.ERROR_CALLBACK.code() && callback != null) {
                return sneaky(callback);
            }
            return Exceptions.of(string(CandleLibrary.candle_error_message(from)),
                details(status, from));
        } finally {
            CandleLibrary.candle_error_free(from);
        }
    }

    /** Throws an exception as it is, checked or not. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private ErrorDetails details(int status, long from) {
        List<List<Long>> shapes = new ArrayList<>();
        for (long at = 0; at < CandleLibrary.candle_error_num_shapes(from); at++) {
            long count = CandleLibrary.candle_error_shape(from, at, 0, 0);
            long sizes = reserve(count * Long.BYTES);
            CandleLibrary.candle_error_shape(from, at, sizes, count);
            shapes.add(Arrays.stream(readLongs(sizes, count)).boxed().toList());
        }
        List<DType> dtypes = new ArrayList<>();
        for (long at = 0; at < CandleLibrary.candle_error_num_dtypes(from); at++) {
            dtypes.add(DType.of(CandleLibrary.candle_error_dtype(from, at)));
        }
        List<Device> devices = new ArrayList<>();
        for (long at = 0; at < CandleLibrary.candle_error_num_devices(from); at++) {
            DeviceKind kind = DeviceKind.of(CandleLibrary.candle_error_device_kind(from, at));
            devices.add(new Device(kind, CandleLibrary.candle_error_device_index(from, at)));
        }
        String operation = string(CandleLibrary.candle_error_operation(from));
        return new ErrorDetails(Status.of(status), status, operation, List.copyOf(shapes),
            List.copyOf(dtypes), List.copyOf(devices));
    }

    // What a call is given.

    /** The address of an object until the call ends; 0 for none. */
    long use(NativeObject object) {
        if (object == null) {
            return 0;
        }
        long address = object.handle.acquire();
        if (users == used.length) {
            used = Arrays.copyOf(used, 2 * users);
        }
        used[users++] = object.handle;
        return address;
    }

    /** The address of the addresses of objects; null for one of them is none. */
    long handles(List<? extends NativeObject> objects, String name) {
        long[] addresses = new long[Objects.requireNonNull(objects, name).size()];
        for (int at = 0; at < addresses.length; at++) {
            addresses[at] = use(objects.get(at));
        }
        return longs(addresses);
    }

    static int flag(boolean value) {
        return value ? 1 : 0;
    }

    static int code(DType dtype) {
        return (dtype == null ? DType.NONE : dtype).code();
    }

    static int code(Coded value, String name) {
        return Objects.requireNonNull(value, name).code();
    }

    static int kind(Device device) {
        return (device == null ? Device.CPU : device).kind().code();
    }

    static int index(Device device) {
        return device == null ? 0 : device.index();
    }

    static long length(long[] values) {
        return values == null ? 0 : values.length;
    }

    static long length(double[] values) {
        return values == null ? 0 : values.length;
    }

    /** The address of numbers; 0 for null. */
    long longs(long[] values) {
        if (values == null) {
            return 0;
        }
        long address = reserve((long) values.length * Long.BYTES);
        if (isInRoom(address)) {
            int first = (int) (address - error) / Long.BYTES;
            for (int at = 0; at < values.length; at++) {
                cells.put(first + at, values[at]);
            }
        } else {
            new Pointer(address).write(0, values, 0, values.length);
        }
        return address;
    }

    long longs(long[] values, String name) {
        return longs(Objects.requireNonNull(values, name));
    }

    long doubles(double[] values) {
        if (values == null) {
            return 0;
        }
        long address = reserve((long) values.length * Double.BYTES);
        new Pointer(address).write(0, values, 0, values.length);
        return address;
    }

    long doubles(double[] values, String name) {
        return doubles(Objects.requireNonNull(values, name));
    }

    /** The address of a number; 0 for none. */
    long optional(Double value) {
        return value == null ? 0 : doubles(new double[] {value});
    }

    long optional(Long value) {
        return value == null ? 0 : longs(new long[] {value});
    }

    /** The address of an {@code int32_t}; 0 for none. */
    long optional(Boolean value) {
        if (value == null) {
            return 0;
        }
        long address = reserve(Long.BYTES);
        put(address, flag(value));
        return address;
    }

    /** The address of a text in UTF-8 that ends with a NUL; 0 for null. */
    long text(String text) {
        if (text == null) {
            return 0;
        }
        byte[] bytes;
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            bytes = new byte[encoded.remaining() + 1];
            encoded.get(bytes, 0, bytes.length - 1);
        } catch (CharacterCodingException half) {
            throw new InvalidUtf8Exception(
                "a text has half of a surrogate pair, which UTF-8 cannot say",
                ErrorDetails.of(Status.ERROR_INVALID_UTF8, ""));
        }
        if (text.indexOf('\0') >= 0) {
            throw new InvalidArgumentException("a text has a NUL, which ends a text in C",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, ""));
        }
        long address = reserve(bytes.length);
        new Pointer(address).write(0, bytes, 0, bytes.length);
        return address;
    }

    /** The address of bytes that lie at multiples of 8, until the call ends. */
    long reserve(long bytes) {
        if (bytes <= ROOM - taken) {
            long address = error + taken;
            taken += (int) ((bytes + 7) & ~7L);
            return address;
        }
        Memory memory = new Memory(bytes);
        if (large.isEmpty()) {
            large = new ArrayList<>();
        }
        large.add(memory);
        return Pointer.nativeValue(memory);
    }

    private boolean isInRoom(long address) {
        return address >= error && address < error + ROOM;
    }

    /** The address of a structure of zeros. */
    long zeroed(long bytes) {
        long address = reserve(bytes);
        new Pointer(address).clear(bytes);
        return address;
    }

    void put(long address, int value) {
        new Pointer(address).setInt(0, value);
    }

    void put(long address, long value) {
        new Pointer(address).setLong(0, value);
    }

    void put(long address, double value) {
        new Pointer(address).setDouble(0, value);
    }

    // What a call gives.

    /** Where C writes the result of a number. */
    long out(int number) {
        return out + (long) number * Long.BYTES;
    }

    /** The first result. */
    long address() {
        return cells.get(1);
    }

    /** The result of a number, of 8 bytes; of 4 bytes, its int. */
    long value(int number) {
        return cells.get(1 + number);
    }

    double number() {
        return Double.longBitsToDouble(cells.get(1));
    }

    Tensor tensor() {
        return Tensor.adopt(cells.get(1));
    }

    Tensor tensor(int number) {
        return Tensor.adopt(cells.get(1 + number));
    }

    /** A function that writes a list of handles. */
    interface Lister {
        int list(long outputs, long capacity, long count, long error);
    }

    /** The tensors of a list; asked again where there were more than expected. */
    List<Tensor> tensors(Lister lister) {
        for (long capacity = MANY;;) {
            long outputs = reserve(capacity * Long.BYTES);
            int status = lister.list(outputs, capacity, out, error);
            if (status == Status.ERROR_BUFFER_TOO_SMALL.code() && value(0) > capacity) {
                CandleLibrary.candle_error_free(cells.get(0));
                capacity = value(0);
                continue;
            }
            check(status);
            return adopt(outputs, value(0));
        }
    }

    /** The tensors of addresses, null for 0. */
    List<Tensor> adopt(long outputs, long count) {
        long[] addresses = readLongs(outputs, count);
        List<Tensor> tensors = new ArrayList<>(addresses.length);
        for (long address : addresses) {
            tensors.add(Tensor.adopt(address));
        }
        return tensors;
    }

    static long[] readLongs(long address, long count) {
        return new Pointer(address).getLongArray(0, Math.toIntExact(count));
    }

    /** A function that writes a text, and gives its length. */
    interface Writer {
        long write(long text, long capacity);
    }

    /** The text of a function, which is asked for its length first. */
    String text(Writer writer) {
        long length = writer.write(0, 0);
        if (length == 0) {
            return "";
        }
        long text = reserve(length + 1);
        writer.write(text, length + 1);
        byte[] bytes = new Pointer(text).getByteArray(0, Math.toIntExact(length));
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** A text of C. */
    static String string(long address) {
        return address == 0 ? "" : new Pointer(address).getString(0, "UTF-8");
    }
}
