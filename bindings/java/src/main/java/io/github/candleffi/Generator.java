package io.github.candleffi;

/** A source of random numbers with a seed of its own. */
public final class Generator extends NativeObject {
    private Generator(long address) {
        super(new GeneratorHandle(address));
        NativeMemory.made(NativeMemory.HANDLE);
    }

    /**
     * A generator at the start of the sequence of a seed.
     *
     * @param seed the seed
     * @return the generator
     */
    public static Generator of(long seed) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_generator_new(seed, call.out, call.error));
            return new Generator(call.address());
        }
    }

    private static final class GeneratorHandle extends Handle {
        GeneratorHandle(long address) {
            super(address, NativeMemory.HANDLE);
        }

        @Override
        String kind() {
            return "generator";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_generator_free(address);
        }
    }

    /**
     * Where a generator stands.
     *
     * @param seed its seed
     * @param offset how many numbers were drawn since
     */
    public record State(long seed, long offset) {}

    /**
     * Starts the sequence of another seed.
     *
     * @param seed the seed
     * @return this generator
     */
    public Generator manualSeed(long seed) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_generator_manual_seed(call.use(this), seed,
                call.error));
            return this;
        }
    }

    /**
     * The seed.
     *
     * @return the seed
     */
    public long seed() {
        try (Call call = Call.begin()) {
            return CandleLibrary.candle_generator_seed(call.use(this));
        }
    }

    /**
     * Where it stands.
     *
     * @return the state
     */
    public State getState() {
        return stateOf(this);
    }

    /** The state of a generator, of the default one for null. */
    static State stateOf(Generator generator) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_generator_get_state(
                call.use(generator), call.out(0), call.out(1), call.error));
            return new State(call.value(0), call.value(1));
        }
    }

    /**
     * Continues where a saved state stood.
     *
     * @param state the state
     */
    public void setState(State state) {
        setStateOf(this, state);
    }

    static void setStateOf(Generator generator, State state) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_generator_set_state(
                call.use(generator), state.seed(), state.offset(), call.error));
        }
    }
}
