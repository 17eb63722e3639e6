package io.github.candleffi;

/**
 * Casts of tensors on this thread, until it is closed; {@link Precision#autocast(DeviceKind,
 * DType)} makes it. Scopes nest, and are closed on the thread that has made them, the last one
 * first.
 */
public final class Autocast implements AutoCloseable {
    private final Thread thread = Thread.currentThread();
    private boolean isClosed;

    Autocast(DeviceKind kind, DType lower) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_autocast_push(
                Call.code(kind, "kind"), Call.code(lower), call.error));
        }
    }

    /** Casts as before; closing again does nothing. */
    @Override
    public void close() {
        if (Thread.currentThread() != thread) {
            throw new InvalidArgumentException("casts are ended on the thread "
                + thread.getName(),
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "autocast"));
        }
        if (!isClosed) {
            isClosed = true;
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_autocast_pop(call.error));
            }
        }
    }
}
