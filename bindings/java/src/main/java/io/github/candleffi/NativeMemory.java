package io.github.candleffi;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Tells the garbage collector of memory that it does not see.
 *
 * <p>A tensor is a small object to Java, however large its values are, so that dropped ones could
 * pile up long before Java sees a reason to collect. The bytes of all that is not closed are
 * therefore counted, about; past a limit a collection is asked for, and the thread waits until what
 * it found is freed. The limit then becomes twice what is left, so that a program that holds much
 * does not collect all the time.
 */
final class NativeMemory {
    /** What a handle and its object take besides values. */
    static final long HANDLE = 512;
    /** What is counted for an element: most are float32. */
    static final long ELEMENT = 4;

    private static final long LEAST = Math.max(1, Long.getLong("candle_ffi.gc_bytes", 512L << 20));
    private static final AtomicLong HELD = new AtomicLong();
    private static final ReentrantLock COLLECTING = new ReentrantLock();
    private static volatile long limit = LEAST;

    private NativeMemory() {}

    /** Counts what was made. */
    static void made(long bytes) {
        if (HELD.addAndGet(bytes) > limit) {
            collect();
        }
    }

    /** Counts what was freed. */
    static void freed(long bytes) {
        HELD.addAndGet(-bytes);
    }

    private static void collect() {
        // A callback during the wait is on this thread; others wait for this one.
        if (COLLECTING.isHeldByCurrentThread()) {
            return;
        }
        COLLECTING.lock();
        try {
            if (HELD.get() <= limit) {
                return;
            }
            System.gc();
            settle();
            limit = Math.max(LEAST, 2 * HELD.get());
        } finally {
            COLLECTING.unlock();
        }
    }

    /** Waits as long as the cleaner makes progress. */
    private static void settle() {
        long before = HELD.get();
        for (int idle = 0; idle < 5; ) {
            try {
                Thread.sleep(1);
            } catch (InterruptedException stop) {
                Thread.currentThread().interrupt();
                return;
            }
            long now = HELD.get();
            idle = now < before ? 0 : idle + 1;
            before = now;
        }
    }
}
