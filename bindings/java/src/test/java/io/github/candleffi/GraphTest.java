package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** CUDA graphs, where there is no CUDA. */
class GraphTest {
    @Test
    void graphsAreOfCudaDevices() {
        AtomicInteger ran = new AtomicInteger();
        try (Graph graph = Graph.empty()) {
            assertThrows(UnsupportedException.class,
                () -> graph.capture(Device.CPU, ran::incrementAndGet));
            assertEquals(0, ran.get());
            assertThrows(InvalidArgumentException.class, graph::replay);
            assertFalse(Device.CPU.isCapturing());
            graph.reset();
        }
    }
}
