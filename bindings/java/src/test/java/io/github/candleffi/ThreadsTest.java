package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Many threads at once. */
class ThreadsTest {
    private static <T> List<T> together(int count, Callable<T> task) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            CyclicBarrier start = new CyclicBarrier(count);
            List<Future<T>> futures = new ArrayList<>();
            for (int at = 0; at < count; at++) {
                futures.add(threads.submit(() -> {
                    start.await();
                    return task.call();
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void manyThreadsShareTensorsAndModels() throws Exception {
        Candle.manualSeed(0);
        Nn.Module model = Nn.sequential(Nn.linear(8, 8), Nn.tanh(), Nn.linear(8, 1)).eval();
        Tensor x = Candle.rand(16, 8);
        double expected = model.forward(x).sum().item();
        List<Double> sums = together(64, () -> {
            double sum = 0;
            for (int at = 0; at < 50; at++) {
                sum = model.forward(x).sum().item();
            }
            return sum;
        });
        assertEquals(64, sums.size());
        sums.forEach(sum -> assertEquals(expected, sum));
    }

    @Test
    void gradientsOfThreadsAreTheirOwn() throws Exception {
        List<Double> slopes = together(16, () -> {
            Tensor x = Candle.tensor(3.0).requiresGrad_(true);
            for (int at = 0; at < 20; at++) {
                x.square().sum().backward();
            }
            return x.grad().item();
        });
        slopes.forEach(slope -> assertEquals(120.0, slope));
    }

    @Test
    void closingDuringCallsIsClean() throws Exception {
        // Each round a tensor is used by all threads and closed by one of them.
        for (int round = 0; round < 200; round++) {
            Tensor x = Candle.ones(64);
            AtomicInteger number = new AtomicInteger();
            List<Boolean> outcomes = new ArrayList<>();
            List<Thread> threads = new ArrayList<>();
            for (int at = 0; at < 4; at++) {
                Thread thread = new Thread(() -> {
                    boolean closes = number.getAndIncrement() == 2;
                    boolean right;
                    try {
                        double sum = x.sum().item();
                        if (closes) {
                            x.close();
                        }
                        right = sum == 64.0;
                    } catch (ClosedException closed) {
                        right = true;
                    }
                    synchronized (outcomes) {
                        outcomes.add(right);
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(List.of(true, true, true, true), outcomes);
            assertThrows(ClosedException.class, x::sum);
        }
    }

    @Test
    void anObjectInUseIsBusy() {
        Tensor x = Candle.tensor(1.0, 2.0).requiresGrad_(true);
        Optimizer optimizer = Optim.lbfgs(List.of(x));
        // The step holds the optimizer while it calls back.
        assertThrows(BusyException.class, () -> optimizer.step(() -> {
            optimizer.step(() -> 0.0);
            return 0.0;
        }));
        assertTrue(optimizer.numGroups() == 1);
    }
}
