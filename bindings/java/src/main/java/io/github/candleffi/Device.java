package io.github.candleffi;

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

    /** The name, such as "cuda:1"; "cpu" without an index. */
    @Override
    public String toString() {
        String name = Call.string(CandleLibrary.candle_device_kind_name(kind.code()));
        return kind == DeviceKind.CPU ? name : name + ":" + index;
    }
}
