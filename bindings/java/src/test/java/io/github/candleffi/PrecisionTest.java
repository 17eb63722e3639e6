package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.github.candleffi.Options.ZerosOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Mixed precision, products that are less exact, operations without a kernel. */
class PrecisionTest {
    private static DType product() {
        return Candle.ones(1, 2).matmul(Candle.ones(2, 1)).dtype();
    }

    @Test
    void aWeightIsCastOnceUnlessThatIsNotWanted() {
        assertTrue(Precision.isAutocastCacheEnabled());
        assertTrue(Precision.setAutocastCacheEnabled(false));
        assertFalse(Precision.isAutocastCacheEnabled());
        assertFalse(Precision.setAutocastCacheEnabled(true));
        assertTrue(Precision.isAutocastCacheEnabled());
    }

    @Test
    void castsHoldInTheirScope() {
        assertEquals(DType.NONE, Precision.autocastDType(DeviceKind.CPU));
        try (Autocast scope = Precision.autocast(DeviceKind.CPU, DType.BFLOAT16)) {
            assertEquals(DType.BFLOAT16, product());
            assertEquals(DType.BFLOAT16, Precision.autocastDType(DeviceKind.CPU));
            assertEquals(DType.NONE, Precision.autocastDType(DeviceKind.CUDA));
            Tensor half = Candle.ones(2).toDType(DType.BFLOAT16);
            assertEquals(DType.FLOAT32, Candle.mseLoss(half, half).dtype());
            assertEquals(DType.FLOAT16,
                Precision.autocast(DeviceKind.CPU, DType.FLOAT16, PrecisionTest::product));
            assertEquals(DType.FLOAT32,
                Precision.autocast(DeviceKind.CPU, null, PrecisionTest::product));
            assertEquals(DType.FLOAT32,
                CompletableFuture.supplyAsync(PrecisionTest::product).join(), "another thread");
            assertThrows(InvalidArgumentException.class, () -> {
                try {
                    CompletableFuture.runAsync(scope::close).join();
                } catch (CompletionException thrown) {
                    throw thrown.getCause();
                }
            });
            assertEquals(DType.BFLOAT16, product());
            scope.close();
            assertEquals(DType.FLOAT32, product());
        }
        assertThrows(IllegalStateException.class, () -> {
            try (Autocast scope = Precision.autocast(DeviceKind.CPU, DType.FLOAT16)) {
                throw new IllegalStateException("out");
            }
        });
        assertEquals(DType.FLOAT32, product());
        assertThrows(DTypeException.class,
            () -> Precision.autocast(DeviceKind.CPU, DType.FLOAT64));
        assertThrows(NullPointerException.class, () -> Precision.autocast(null, DType.FLOAT16));
        assertEquals(DType.NONE, Precision.autocastDType(DeviceKind.CPU));
    }

    @Test
    void cudnnIsSwitchedAndSaysWhyThereIsNone() {
        assertTrue(Precision.isCudnn(CudnnSwitch.ENABLED));
        assertFalse(Precision.isCudnn(CudnnSwitch.BENCHMARK));
        Precision.setCudnn(CudnnSwitch.BENCHMARK, true);
        assertTrue(Precision.isCudnn(CudnnSwitch.BENCHMARK));
        Precision.setCudnn(CudnnSwitch.BENCHMARK, false);
        assertFalse(Precision.isCudnn(CudnnSwitch.BENCHMARK));
        assertThrows(NullPointerException.class, () -> Precision.isCudnn(null));
        // These tests run with the library of the CPU.
        assertThrows(UnsupportedException.class, Precision::cudnnVersion);
    }

    @Test
    void gradientsAreUnscaled() {
        Tensor x = Candle.tensor(3.0, 4.0).requiresGrad_(true);
        x.mul(8).sum().backward();
        assertEquals(0.0, Precision.unscaleGrads(List.of(x), 0.125).item());
        assertArrayEquals(new double[] {1, 1}, x.grad().toDoubleArray());
        x.setGrad(Candle.tensor(1.0, Double.POSITIVE_INFINITY));
        assertTrue(Double.isNaN(Precision.unscaleGrads(List.of(x), 1).item()));
    }

    @Test
    void productsAreExactUnlessAllowed() {
        for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16)) {
            assertFalse(Precision.isReduced(dtype));
            Precision.setReduced(dtype, true);
            assertTrue(Precision.isReduced(dtype));
            Precision.setReduced(dtype, false);
            assertFalse(Precision.isReduced(dtype));
        }
        assertThrows(DTypeException.class, () -> Precision.setReduced(DType.INT64, true));
        for (int ways = 3; ways >= 0; ways--) {
            Precision.setReducedWays(DType.FLOAT16, ways);
            assertEquals(ways, Precision.reducedWays(DType.FLOAT16));
        }
        assertThrows(InvalidArgumentException.class,
            () -> Precision.setReducedWays(DType.BFLOAT16, 2));
    }

    @Test
    void thePolicyForOperationsWithoutAKernelIsSet() {
        FallbackPolicy before = Fallback.policy();
        for (FallbackPolicy policy : FallbackPolicy.values()) {
            Fallback.setPolicy(policy);
            assertEquals(policy, Fallback.policy());
        }
        Fallback.setPolicy(before);
        assertThrows(NullPointerException.class, () -> Fallback.setPolicy(null));
        long count = Fallback.count();
        Candle.tensor(4.0).sqrt();
        assertEquals(count, Fallback.count(), "the CPU has a kernel for everything");
    }

    /** As the library calls it. */
    private static int tell(long number) {
        try (Memory name = new Memory(8)) {
            name.setString(0, "sort", "UTF-8");
            Object[] given = {number, Pointer.nativeValue(name), DType.INT64.code(),
                DeviceKind.CUDA.code(), 1};
            return Function.getFunction(new Pointer(Callbacks.FALLBACK)).invokeInt(given);
        }
    }

    @Test
    void aCallbackIsToldOfOperationsWithoutAKernel() {
        int kept = Callbacks.count();
        List<Fallback> told = new ArrayList<>();
        Fallback.setCallback(told::add);
        assertEquals(kept + 1, Callbacks.count());
        Fallback.setCallback(told::add);
        assertEquals(kept + 1, Callbacks.count(), "the first is forgotten");
        Fallback.setCallback(null);
        assertEquals(kept, Callbacks.count());

        Consumer<Fallback> listening = told::add;
        long number = Callbacks.keep(listening);
        assertEquals(0, tell(number));
        Device second = new Device(DeviceKind.CUDA, 1);
        assertEquals(List.of(new Fallback("sort", DType.INT64, second)), told);
        Callbacks.forget(number);

        if (!Device.isAvailable(DeviceKind.CUDA)) {
            return;
        }
        Device cuda = new Device(DeviceKind.CUDA, 0);
        Tensor x = Candle.zeros(new long[] {2, 1, 3}, new ZerosOptions().device(cuda));
        Tensor labels = Candle.zeros(new long[] {1, 1},
            new ZerosOptions().dtype(DType.INT64).device(cuda)).add_(1);
        Runnable loss = () -> Candle.ctcLoss(x, labels, new long[] {2}, 1);
        IllegalStateException refusal = new IllegalStateException("not here");
        Fallback.setCallback(fallback -> {
            told.add(fallback);
            throw refusal;
        });
        assertSame(refusal, assertThrows(IllegalStateException.class, loss::run));
        assertEquals(new Fallback("ctc", DType.FLOAT32, cuda), told.get(1));
        long count = Fallback.count();
        Fallback.setCallback(null);
        loss.run();
        assertEquals(count + 1, Fallback.count());
    }
}
