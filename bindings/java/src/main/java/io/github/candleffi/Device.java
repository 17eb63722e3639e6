package io.github.candleffi;

import com.sun.jna.Pointer;
import java.util.Objects;

/**
 * A kind of processor and an index among its kind.
 *
 * @param kind the kind
 * @param index the index among its kind
 */
public record Device(DeviceKind kind, int index) {
    /** The CPU. */
    public static final Device CPU = new Device(DeviceKind.CPU, 0);

    /**
     * A device, whether it is there or not.
     *
     * @param kind the kind
     * @param index the index among its kind
     */
    public Device {
        Objects.requireNonNull(kind, "kind");
    }

    /**
     * The device of a name such as "cuda:1".
     *
     * @param name the name
     * @return the device
     * @throws DeviceException when there is no such device
     */
    public static Device of(String name) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_from_name(
                call.text(name), call.out(0), call.out(1), call.error));
            return new Device(DeviceKind.of((int) call.value(0)), (int) call.value(1));
        }
    }

    /**
     * How many devices of a kind this build can use on this machine.
     *
     * @param kind the kind
     * @return the number of devices
     */
    public static long count(DeviceKind kind) {
        return CandleLibrary.candle_device_count(kind.code());
    }

    /**
     * Whether there is a device of a kind.
     *
     * @param kind the kind
     * @return whether there is one
     */
    public static boolean isAvailable(DeviceKind kind) {
        return CandleLibrary.candle_device_is_available(kind.code()) != 0;
    }

    /**
     * Makes sure that the device can be used.
     *
     * @throws DeviceException with the reason when it cannot
     */
    public void check() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_check(kind.code(), index, call.error));
        }
    }

    /**
     * What a device is; what does not apply to it is 0 or empty.
     *
     * @param name its name, such as "NVIDIA A100-SXM4-80GB"
     * @param uuid what tells a GPU from all others, as {@code nvidia-smi -L} prints it
     * @param computeCapabilityMajor what a GPU of CUDA can do: 8 for 8.0
     * @param computeCapabilityMinor 0 for 8.0
     * @param multiprocessorCount how many multiprocessors a GPU has; for the CPU, how many threads
     *     it runs at once
     * @param warpSize how many threads of a GPU go in step
     * @param driverVersion the newest version of CUDA that the driver knows: 13000 for 13.0
     * @param runtimeVersion the version of CUDA that the library is built with
     * @param totalMemory the bytes of its memory
     */
    public record Info(String name, String uuid, int computeCapabilityMajor,
        int computeCapabilityMinor, int multiprocessorCount, int warpSize, int driverVersion,
        int runtimeVersion, long totalMemory) {}

    /**
     * What the device is; it is not opened for it.
     *
     * @return what it is
     * @throws DeviceException when it is not there
     */
    public Info info() {
        try (Call call = Call.begin()) {
            long room = call.zeroed(Layouts.DeviceInfo.SIZE);
            Pointer info = new Pointer(room);
            info.setLong(Layouts.DeviceInfo.STRUCT_SIZE, Layouts.DeviceInfo.SIZE);
            call.check(CandleLibrary.candle_device_info(kind.code(), index, room, call.error));
            return new Info(
                Call.string(info.getLong(Layouts.DeviceInfo.NAME)),
                Call.string(info.getLong(Layouts.DeviceInfo.UUID)),
                info.getInt(Layouts.DeviceInfo.COMPUTE_CAPABILITY_MAJOR),
                info.getInt(Layouts.DeviceInfo.COMPUTE_CAPABILITY_MINOR),
                info.getInt(Layouts.DeviceInfo.MULTIPROCESSOR_COUNT),
                info.getInt(Layouts.DeviceInfo.WARP_SIZE),
                info.getInt(Layouts.DeviceInfo.DRIVER_VERSION),
                info.getInt(Layouts.DeviceInfo.RUNTIME_VERSION),
                info.getLong(Layouts.DeviceInfo.TOTAL_MEMORY));
        }
    }

    /**
     * What is known of the memory of a device, in bytes. Of the CPU that is what is free, and all.
     *
     * @param free what no program uses
     * @param total all there is
     * @param allocated what tensors of this program hold
     * @param peakAllocated the most that they held since the start or {@code resetPeakMemory}
     * @param reserved what this program has taken, with what is kept for the next tensors
     * @param peakReserved the most that this was
     */
    public record Memory(long free, long total, long allocated, long peakAllocated, long reserved,
        long peakReserved) {}

    /**
     * What is known of the memory of the device.
     *
     * @return what is known
     */
    public Memory memory() {
        try (Call call = Call.begin()) {
            long room = call.zeroed(Layouts.DeviceMemory.SIZE);
            Pointer memory = new Pointer(room);
            memory.setLong(Layouts.DeviceMemory.STRUCT_SIZE, Layouts.DeviceMemory.SIZE);
            call.check(CandleLibrary.candle_device_memory(kind.code(), index, room, call.error));
            return new Memory(
                memory.getLong(Layouts.DeviceMemory.FREE_BYTES),
                memory.getLong(Layouts.DeviceMemory.TOTAL_BYTES),
                memory.getLong(Layouts.DeviceMemory.ALLOCATED_BYTES),
                memory.getLong(Layouts.DeviceMemory.PEAK_ALLOCATED_BYTES),
                memory.getLong(Layouts.DeviceMemory.RESERVED_BYTES),
                memory.getLong(Layouts.DeviceMemory.PEAK_RESERVED_BYTES));
        }
    }

    /** Lets the peaks of {@link #memory} begin again at what is in use now. */
    public void resetPeakMemory() {
        try (Call call = Call.begin()) {
            call.check(
                CandleLibrary.candle_device_reset_peak_memory(kind.code(), index, call.error));
        }
    }

    /** Gives back to the system what is kept for later tensors. */
    public void emptyCache() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_empty_cache(kind.code(), index, call.error));
        }
    }

    /** Waits for all that the device has been given to do. */
    public void synchronize() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_synchronize(kind.code(), index, call.error));
        }
    }

    /**
     * The {@code CUstream} on which a CUDA device works.
     *
     * @return the stream, as a number
     */
    public long stream() {
        try (Call call = Call.begin()) {
            call.check(
                CandleLibrary.candle_device_stream(kind.code(), index, call.out, call.error));
            return call.value(0);
        }
    }

    /**
     * Whether this thread captures a graph on the device.
     *
     * @return whether it does
     */
    public boolean isCapturing() {
        return CandleLibrary.candle_device_is_capturing(kind.code(), index) != 0;
    }

    /**
     * Lets what comes next on another stream wait for what the device has been given.
     *
     * @param stream a {@code CUstream}, as a number
     */
    public void letStreamWait(long stream) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_let_stream_wait(
                kind.code(), index, stream, call.error));
        }
    }

    /**
     * Lets what comes next on the device wait for what another stream has been given.
     *
     * @param stream a {@code CUstream}, as a number
     */
    public void waitForStream(long stream) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_device_wait_for_stream(
                kind.code(), index, stream, call.error));
        }
    }

    /** The name, such as "cuda:1"; "cpu" without an index. */
    @Override
    public String toString() {
        String name = Call.string(CandleLibrary.candle_device_kind_name(kind.code()));
        return kind == DeviceKind.CPU ? name : name + ":" + index;
    }
}
