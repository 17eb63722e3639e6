package io.github.candleffi;

/**
 * Recording of operations switched on or off on this thread, until it is closed; {@link
 * Candle#noGrad()} and {@link Candle#enableGrad()} make it. It is closed on the thread that has
 * made it.
 */
public final class GradMode implements AutoCloseable {
    private final Thread thread = Thread.currentThread();
    private boolean isClosed;

    GradMode(boolean enabled) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_grad_mode_push(Call.flag(enabled), call.error));
        }
    }

    /** Switches back; closing again does nothing. */
    @Override
    public void close() {
        if (Thread.currentThread() != thread) {
            throw new InvalidArgumentException("recording is switched back on the thread "
                + thread.getName(),
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "grad_mode_pop"));
        }
        if (!isClosed) {
            isClosed = true;
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_grad_mode_pop(call.error));
            }
        }
    }
}
