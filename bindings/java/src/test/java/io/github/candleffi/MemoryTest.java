package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Tensors that are dropped and never closed. */
class MemoryTest {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final long MIB = 1 << 20;

    /** The memory of the process. */
    private static long resident() throws IOException {
        String line = Files.readAllLines(STATUS).stream().filter(text -> text.startsWith("VmRSS"))
            .findFirst().orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    }

    /** Waits until few tensors are left; what is left. */
    private static long settled() throws InterruptedException {
        for (int round = 0; round < 200 && Candle.liveHandles(HandleKind.TENSOR) > 100; round++) {
            System.gc();
            Thread.sleep(20);
        }
        return Candle.liveHandles(HandleKind.TENSOR);
    }

    @Test
    void aMillionDroppedTensorsStayFlat() throws Exception {
        assumeTrue(Files.exists(STATUS), "only Linux tells the memory of a process there");
        Tensor one = Candle.tensor(1.0);
        double last = 0;
        for (int at = 0; at < 300_000; at++) {
            one.add(one);
        }
        settled();
        long before = resident();
        for (int at = 0; at < 1_000_000; at++) {
            Tensor sum = one.add(one);
            if (at % 100_000 == 0) {
                last += sum.item();
            }
        }
        assertEquals(20.0, last);
        assertTrue(settled() <= 100, "handles are freed");
        long grown = resident() - before;
        assertTrue(grown < 300 * MIB, "grown by " + grown / MIB + " MiB");
    }

    @Test
    void largeDroppedTensorsAreCollected() throws Exception {
        assumeTrue(Files.exists(STATUS), "only Linux tells the memory of a process there");
        // 16 MiB each, 32 GiB in all: to Java they are nothing.
        long before = resident();
        long most = 0;
        for (int at = 0; at < 2000; at++) {
            Tensor x = Candle.zeros(4 * MIB);
            if (at % 10 == 0) {
                x.add_(1);
                most = Math.max(most, resident());
            }
        }
        assertTrue(most - before < 2048 * MIB, "grown by " + (most - before) / MIB + " MiB");
    }

    @Test
    void closedTensorsAreFreedAtOnce() {
        Tensor one = Candle.tensor(1.0);
        long before = Candle.liveHandles(HandleKind.TENSOR);
        for (int at = 0; at < 10_000; at++) {
            one.add(one).close();
        }
        // The cleaner may have freed others in between.
        assertTrue(Candle.liveHandles(HandleKind.TENSOR) <= before + 10);
    }
}
