package io.github.candleffi;

import java.lang.ref.Cleaner;

/** An object of the library: frees itself when it is not reachable any more or is closed. */
abstract class NativeObject implements AutoCloseable {
    static final Cleaner CLEANER = Cleaner.create();

    /** What calls use; it outlives this object until the last of them ends. */
    final Handle handle;
    private final Cleaner.Cleanable cleanable;

    NativeObject(Handle handle) {
        this.handle = handle;
        this.cleanable = CLEANER.register(this, handle);
    }

    /**
     * Frees what the object holds now, without waiting for the garbage collector. Closing again
     * does nothing; all else fails with a {@link ClosedException} from now on.
     */
    @Override
    public final void close() {
        cleanable.clean();
    }

    /**
     * Whether the object was closed.
     *
     * @return whether it was closed
     */
    public final boolean isClosed() {
        return handle.isClosed();
    }
}
