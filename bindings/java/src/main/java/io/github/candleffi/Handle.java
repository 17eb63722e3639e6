package io.github.candleffi;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * An address that C gave, and how it is freed: when it was closed and no call uses it any more. A
 * handle that is closed by one thread while another is inside a call with it lives until that call
 * ends, also when it is the garbage collector who closes it.
 */
abstract class Handle implements Runnable {
    private static final AtomicIntegerFieldUpdater<Handle> STATE =
        AtomicIntegerFieldUpdater.newUpdater(Handle.class, "state");
    private static final int CLOSED = 1;
    private static final int USER = 2;

    private final long address;
    private final long bytes;
    /** Twice the number of calls that use it, and 1 when it was closed. */
    private volatile int state;

    Handle(long address, long bytes) {
        this.address = address;
        this.bytes = bytes;
    }

    /** What messages call it. */
    abstract String kind();

    /** The function of C that frees it. */
    abstract void free(long address);

    /** Begins a use, which {@link #release} ends. */
    final long acquire() {
        for (;;) {
            int now = state;
            if ((now & CLOSED) != 0) {
                throw new ClosedException(kind());
            }
            if (STATE.compareAndSet(this, now, now + USER)) {
                return address;
            }
        }
    }

    /** Ends a use. */
    final void release() {
        if (STATE.addAndGet(this, -USER) == CLOSED) {
            drop();
        }
    }

    final boolean isClosed() {
        return (state & CLOSED) != 0;
    }

    /** Closes it; closing again does nothing. */
    @Override
    public final void run() {
        for (;;) {
            int now = state;
            if ((now & CLOSED) != 0) {
                return;
            }
            if (STATE.compareAndSet(this, now, now | CLOSED)) {
                if (now == 0) {
                    drop();
                }
                return;
            }
        }
    }

    private void drop() {
        free(address);
        NativeMemory.freed(bytes);
    }
}
