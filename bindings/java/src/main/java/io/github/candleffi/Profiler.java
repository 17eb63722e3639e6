package io.github.candleffi;

/**
 * Records every call, on all threads, with its gradients and kernels, until it is stopped or
 * closed. There is one recording at a time. PyTorch: {@code torch.profiler.profile}
 */
public final class Profiler implements AutoCloseable {
    private long session;

    private Profiler(long session) {
        this.session = session;
    }

    /**
     * Starts recording.
     *
     * @return the recording
     * @throws BusyException while a recording is under way
     */
    public static Profiler start() {
        return start(1 << 20, false);
    }

    /**
     * Starts recording.
     *
     * @param maxEvents the most events that are kept, of about 150 bytes each; sums go on beyond it
     * @param recordShapes whether to keep the shapes and dtypes of the tensors that each call is
     * given
     * @return the recording
     * @throws BusyException while a recording is under way
     */
    public static Profiler start(long maxEvents, boolean recordShapes) {
        try (Call call = Call.begin()) {
            long options = call.zeroed(Layouts.ProfilerOptions.SIZE);
            call.put(options + Layouts.ProfilerOptions.STRUCT_SIZE, Layouts.ProfilerOptions.SIZE);
            call.put(options + Layouts.ProfilerOptions.MAX_EVENTS, maxEvents);
            call.put(options + Layouts.ProfilerOptions.RECORD_SHAPES, Call.flag(recordShapes));
            call.check(CandleLibrary.candle_profiler_start(options, call.error));
            return new Profiler(CandleLibrary.candle_profiler_session());
        }
    }

    /**
     * Whether it is recording still.
     *
     * @return whether it is
     */
    public boolean isRecording() {
        return session != 0 && session == CandleLibrary.candle_profiler_session();
    }

    /**
     * Stops recording.
     *
     * @return what was recorded
     * @throws InvalidArgumentException when it has been stopped already
     */
    public Profile stop() {
        if (!isRecording()) {
            throw new InvalidArgumentException("the profiler is not recording any more",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "profiler_stop"));
        }
        session = 0;
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_profiler_stop(call.out, call.error));
            return new Profile(call.address());
        }
    }

    /** Stops recording, if it is recording still, and drops what was recorded. */
    @Override
    public void close() {
        if (isRecording()) {
            stop().close();
        }
    }

    /**
     * Shows the calls of a scope in a profile, inside a range of a name; nothing happens while no
     * recording is under way. PyTorch: {@code torch.profiler.record_function}
     *
     * @param name the name
     * @return the scope, for {@code try (var range = Profiler.recordFunction("forward"))}
     */
    public static Range recordFunction(String name) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_profiler_push_range(call.text(name), call.error));
            return new Range(CandleLibrary.candle_profiler_session());
        }
    }

    /** A range of a name, until it is closed on the thread that has begun it. */
    public static final class Range implements AutoCloseable {
        private long session;

        private Range(long session) {
            this.session = session;
        }

        /** Ends the range; ending it again does nothing. */
        @Override
        public void close() {
            // A range of a recording that is over has ended with it.
            if (session != 0 && session == CandleLibrary.candle_profiler_session()) {
                CandleLibrary.candle_profiler_pop_range();
            }
            session = 0;
        }
    }
}
