package io.github.candleffi;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Pointer;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.UnaryOperator;

/**
 * What the library calls. There is one function of C for each kind, made once; the {@code
 * user_data} that it is given is the number of an object in a table.
 */
final class Callbacks {
    private static final ConcurrentHashMap<Long, Object> KEPT = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBER = new AtomicLong();

    // Kept for ever: C holds their addresses.
    private static final Hook HOOK_FUNCTION = Callbacks::runHook;
    private static final Loss LOSS_FUNCTION = Callbacks::runLoss;
    private static final Told FALLBACK_FUNCTION = Callbacks::runFallback;
    private static final Free FREE_FUNCTION = Callbacks::forget;

    static final long HOOK = address(HOOK_FUNCTION);
    static final long LOSS = address(LOSS_FUNCTION);
    static final long FALLBACK = address(FALLBACK_FUNCTION);
    static final long FREE = address(FREE_FUNCTION);

    private Callbacks() {}

    /** {@code CandleHookCallback}. */
    interface Hook extends Callback {
        int run(long userData, long gradient, long replacement);
    }

    /** {@code CandleLossCallback}. */
    interface Loss extends Callback {
        int run(long userData, long loss);
    }

    /** {@code CandleFallbackCallback}. */
    interface Told extends Callback {
        int run(long userData, long operation, int dtype, int kind, int index);
    }

    /** {@code CandleFreeCallback}. */
    interface Free extends Callback {
        void run(long userData);
    }

    /** Keeps an object until {@link #forget} is called with the number that this gives. */
    static long keep(Object object) {
        long number = NUMBER.incrementAndGet();
        KEPT.put(number, object);
        return number;
    }

    static void forget(long number) {
        KEPT.remove(number);
    }

    /** How many objects are kept. */
    static int count() {
        return KEPT.size();
    }

    private static long address(Callback callback) {
        return Pointer.nativeValue(CallbackReference.getFunctionPointer(callback));
    }

    private static int runHook(long userData, long gradient, long replacement) {
        try {
            @SuppressWarnings("unchecked")
            UnaryOperator<Tensor> hook = (UnaryOperator<Tensor>) KEPT.get(userData);
            Tensor given = Tensor.adopt(share(gradient));
            Tensor instead = hook.apply(given);
            if (instead != null) {
                new Pointer(replacement).setLong(0, shareOf(instead));
            }
            return Status.OK.code();
        } catch (Throwable thrown) {
            Call.callbackThrew(thrown);
            return Status.ERROR_CALLBACK.code();
        }
    }

    private static int runLoss(long userData, long loss) {
        try {
            DoubleSupplier closure = (DoubleSupplier) KEPT.get(userData);
            new Pointer(loss).setDouble(0, closure.getAsDouble());
            return Status.OK.code();
        } catch (Throwable thrown) {
            Call.callbackThrew(thrown);
            return Status.ERROR_CALLBACK.code();
        }
    }

    private static int runFallback(
            long userData, long operation, int dtype, int kind, int index) {
        try {
            @SuppressWarnings("unchecked")
            Consumer<Fallback> callback = (Consumer<Fallback>) KEPT.get(userData);
            Device device = new Device(DeviceKind.of(kind), index);
            callback.accept(new Fallback(Call.string(operation), DType.of(dtype), device));
            return Status.OK.code();
        } catch (Throwable thrown) {
            Call.callbackThrew(thrown);
            return Status.ERROR_CALLBACK.code();
        }
    }

    private static long share(long tensor) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_share(tensor, call.out, call.error));
            return call.address();
        }
    }

    /** A handle of its own on a tensor, which the library frees. */
    private static long shareOf(Tensor tensor) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_share(call.use(tensor), call.out, call.error));
            return call.address();
        }
    }
}
