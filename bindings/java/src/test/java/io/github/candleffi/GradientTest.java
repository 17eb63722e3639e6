package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.candleffi.Candle.GradOptions;
import io.github.candleffi.Tensor.BackwardOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Gradients, scopes without them, hooks. */
class GradientTest {
    private static Tensor leaf(double... values) {
        return Candle.tensor(values).requiresGrad_(true);
    }

    @Test
    void gradientsFlowBackAndAddUp() {
        Tensor x = leaf(1, 2, 3);
        assertTrue(x.isLeaf());
        assertNull(x.grad());
        Tensor y = x.square().sum();
        assertEquals("sum", y.gradFnName());
        y.backward();
        assertArrayEquals(new double[] {2, 4, 6}, x.grad().toDoubleArray());
        assertThrows(GraphException.class, y::backward, "the record is gone");
        x.mul(2).backward(new BackwardOptions().gradient(Candle.tensor(1.0, 0.0, 1.0)));
        assertArrayEquals(new double[] {4, 4, 8}, x.grad().toDoubleArray());
        Tensor again = x.square().sum();
        again.backward(new BackwardOptions().retainGraph(true));
        again.backward();
        assertArrayEquals(new double[] {8, 12, 20}, x.grad().toDoubleArray());
        x.setGrad(null);
        assertNull(x.grad());
        assertFalse(x.detach().requiresGrad());
        assertThrows(GraphException.class, () -> x.detach().sum().backward());
    }

    @Test
    void gradientsAreTakenOfAnyTensor() {
        Tensor x = leaf(3);
        Tensor unused = leaf(1);
        Tensor cube = x.mul(x).mul(x).sum();
        Tensor first = Candle.grad(List.of(cube), List.of(x),
            new GradOptions().createGraph(true)).get(0);
        assertEquals(27.0, first.item());
        assertEquals(18.0, Candle.grad(List.of(first.sum()), List.of(x)).get(0).item(),
            "the second derivative");
        Tensor square = x.square().sum();
        assertThrows(GraphException.class, () -> Candle.grad(List.of(square), List.of(x, unused)));
        List<Tensor> both =
            Candle.grad(List.of(x.square().sum()), List.of(x, unused),
            new GradOptions().allowUnused(true));
        assertEquals(6.0, both.get(0).item());
        assertNull(both.get(1));
        assertEquals(10.0, Candle.grad(List.of(x.mul(2)), List.of(x), new GradOptions().gradOutputs(
            Candle.tensor(new double[] {5}))).get(0).item());
        assertThrows(InvalidArgumentException.class,
            () -> Candle.grad(List.of(x.mul(2)), List.of(x), new GradOptions().gradOutputs(x, x)));
    }

    @Test
    void recordingIsSwitchedByScope() {
        Tensor x = leaf(1);
        assertTrue(Candle.isGradEnabled());
        try (GradMode off = Candle.noGrad()) {
            assertFalse(x.mul(2).requiresGrad());
            try (GradMode on = Candle.enableGrad()) {
                assertTrue(x.mul(2).requiresGrad());
            }
            off.close();
            off.close();
            assertTrue(Candle.isGradEnabled(), "closing twice is closing once");
        }
        assertFalse(Candle.noGrad(() -> x.mul(2)).requiresGrad());
        assertTrue(x.mul(2).requiresGrad());
        Candle.setGradEnabled(false);
        assertFalse(Candle.isGradEnabled());
        Candle.setGradEnabled(true);
    }

    @Test
    void aScopeBelongsToItsThread() throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (GradMode scope = Candle.noGrad()) {
            Thread other = new Thread(() -> {
                try {
                    assertTrue(Candle.isGradEnabled());
                    scope.close();
                } catch (Throwable error) {
                    thrown.set(error);
                }
            });
            other.start();
            other.join();
        }
        assertSame(InvalidArgumentException.class, thrown.get().getClass());
    }

    @Test
    void hooksSeeAndReplaceGradients() {
        int kept = Callbacks.count();
        Tensor x = leaf(1, 2);
        List<long[]> seen = new ArrayList<>();
        long looking = x.registerHook(gradient -> {
            seen.add(gradient.shape());
            // Calls inside a callback have errors and results of their own.
            assertThrows(ShapeException.class, () -> gradient.matmul(Candle.zeros(3)));
            return null;
        });
        long doubling = x.registerHook(gradient -> gradient.mul(2));
        x.sum().backward();
        assertEquals(1, seen.size());
        assertArrayEquals(new long[] {2}, seen.get(0));
        assertArrayEquals(new double[] {2, 2}, x.grad().toDoubleArray());
        x.removeHook(looking);
        x.removeHook(doubling);
        x.removeHook(doubling);
        x.sum().backward();
        assertEquals(1, seen.size());
        assertArrayEquals(new double[] {3, 3}, x.grad().toDoubleArray());
        assertEquals(kept, Callbacks.count());
    }

    @Test
    void aHookMayHandItsGradientBackOrCloseIt() {
        Tensor x = leaf(1, 2);
        x.registerHook(gradient -> gradient);
        x.registerHook(gradient -> {
            gradient.close();
            return null;
        });
        x.mul(3).sum().backward();
        assertArrayEquals(new double[] {3, 3}, x.grad().toDoubleArray());
        x.registerHook(gradient -> {
            gradient.close();
            return gradient;
        });
        assertThrows(ClosedException.class, () -> x.sum().backward());
    }

    @Test
    void whatAHookThrowsComesOut() {
        Tensor x = leaf(1);
        IllegalStateException thrown = new IllegalStateException("of the hook");
        long id = x.registerHook(gradient -> {
            throw thrown;
        });
        assertSame(thrown, assertThrows(IllegalStateException.class, () -> x.sum().backward()));
        x.removeHook(id);
        x.sum().backward();
        int kept = Callbacks.count();
        assertThrows(GraphException.class, () -> Candle.zeros(1).registerHook(gradient -> null));
        assertEquals(kept, Callbacks.count());
    }

    @Test
    void changedValuesAreNoticed() {
        Tensor x = leaf(1, 2);
        Tensor y = x.mul(1);
        Tensor z = y.square().sum();
        y.add_(1);
        assertThrows(ModifiedInPlaceException.class, z::backward);
    }
}
