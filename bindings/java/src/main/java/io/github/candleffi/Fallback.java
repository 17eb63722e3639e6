package io.github.candleffi;

import java.util.function.Consumer;

/**
 * An operation that the host computes for a device, which has no kernel for it: right, but slow,
 * since the elements travel both ways.
 *
 * @param operation what has no kernel
 * @param dtype for which dtype
 * @param device where
 */
public record Fallback(String operation, DType dtype, Device device) {
    /**
     * What is done about such operations. At first it is what the environment variable {@code
     * CANDLE_FFI_DEVICE_FALLBACK} says, or {@link FallbackPolicy#WARN}.
     *
     * @return the policy
     */
    public static FallbackPolicy policy() {
        return FallbackPolicy.of(CandleLibrary.candle_fallback_policy());
    }

    /**
     * Sets it for the whole process.
     *
     * @param policy the policy
     */
    public static void setPolicy(FallbackPolicy policy) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_fallback_policy(
                Call.code(policy, "policy"), call.error));
        }
    }

    /**
     * How many operations the host has computed for a device in this process.
     *
     * @return the number of them
     */
    public static long count() {
        return CandleLibrary.candle_fallback_count();
    }

    /**
     * Has a function told of such operations under {@link FallbackPolicy#WARN}, on their threads,
     * once for each operation, dtype and device. What was told before is told anew. What the
     * function throws comes out of the operation as it is.
     *
     * @param callback the function; null for nobody
     */
    public static void setCallback(Consumer<Fallback> callback) {
        try (Call call = Call.begin()) {
            if (callback == null) {
                call.check(CandleLibrary.candle_set_fallback_callback(0, 0, 0, call.error));
            } else {
                // The library forgets it, also when this fails.
                call.check(CandleLibrary.candle_set_fallback_callback(Callbacks.FALLBACK,
                    Callbacks.keep(callback), Callbacks.FREE, call.error));
            }
        }
    }
}
