package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.candleffi.Options.*;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Operations of each kind, against known values. */
class OperationsTest {
    private static void assertClose(double[] expected, Tensor actual) {
        assertArrayEquals(expected, actual.toDoubleArray(), 1e-5);
    }

    @Test
    void arithmetic() {
        Tensor x = Candle.tensor(1.0, 2.0, 4.0);
        assertClose(new double[] {2, 3, 5}, x.add(1));
        assertClose(new double[] {0.5, 1.5, 3.5}, x.sub(0.5));
        assertClose(new double[] {1, 4, 16}, x.mul(x));
        assertClose(new double[] {0.5, 1, 2}, x.div(2));
        assertClose(new double[] {1, 4, 16}, x.pow(2));
        assertClose(new double[] {-1, -2, -4}, x.neg());
        assertClose(new double[] {3, 2, 0}, Candle.scalar(4).sub(x));
        assertEquals(DType.INT64, Candle.tensor(1, 2).add(1).dtype(), "a number does not promote");
        assertEquals(DType.FLOAT32, Candle.tensor(1, 2).add(1.5).dtype());
        assertArrayEquals(new boolean[] {false, true, true}, x.ge(2).toBooleanArray());
        assertClose(new double[] {0, 2, 4}, Candle.where(x.gt(1), x, 0));
        assertClose(new double[] {9, 2, 9}, x.maskedFill(x.ne(2), 9));
    }

    @Test
    void reductions() {
        Tensor x = Candle.tensor(new double[][] {{1, 2, 3}, {4, 5, 6}});
        assertEquals(21.0, x.sum().item());
        assertClose(new double[] {6, 15}, x.sum(new SumOptions().dim(1)));
        assertArrayEquals(new long[] {1, 1},
            x.sum(new SumOptions().dim(0, 1).keepdim(true)).shape());
        assertEquals(DType.FLOAT64, x.sum(new SumOptions().dtype(DType.FLOAT64)).dtype());
        assertEquals(3.5, Candle.mean(x).item());
        assertArrayEquals(new long[] {2, 2}, x.argmax(new ArgmaxOptions().dim(1)).toLongArray());
        assertClose(new double[] {0.5, 0.5, 0.5},
            x.var(new VarOptions().dim(0).correction(1)).div(9));
    }

    @Test
    void severalResults() {
        ValuesAndIndices top = Candle.tensor(3.0, 9.0, 5.0).topk(2);
        assertClose(new double[] {9, 5}, top.values());
        assertArrayEquals(new long[] {1, 2}, top.indices().toLongArray());
        List<Tensor> parts = Candle.arange(100).split(1);
        assertEquals(100, parts.size());
        assertEquals(99, parts.get(99).itemLong());
        assertEquals(3, Candle.arange(9).chunk(3).size());
        LstmState state = Candle.lstmCell(Candle.ones(1, 2),
            List.of(Candle.zeros(1, 3), Candle.zeros(1, 3)),
            Candle.zeros(12, 2), Candle.zeros(12, 3));
        assertArrayEquals(new long[] {1, 3}, state.h().shape());
    }

    @Test
    void listsOfTensors() {
        Tensor a = Candle.ones(2, 2);
        Tensor b = Candle.zeros(2, 2);
        assertArrayEquals(new long[] {4, 2}, Candle.cat(List.of(a, b)).shape());
        assertArrayEquals(new long[] {2, 4},
            Candle.cat(List.of(a, b), new CatOptions().dim(1)).shape());
        assertArrayEquals(new long[] {2, 2, 2}, Candle.stack(List.of(a, b)).shape());
        assertThrows(NullPointerException.class, () -> Candle.cat(null));
    }

    @Test
    void creation() {
        assertClose(new double[] {0, 3, 6}, Candle.arange(0, 9, 3));
        assertClose(new double[] {0, 0.5, 1}, Candle.linspace(0, 1, 3));
        assertEquals(DType.INT64, Candle.zeros(3, new ZerosOptions().dtype(DType.INT64)).dtype());
        assertArrayEquals(new long[] {2, 3},
            Candle.ones(new long[] {2, 3}, new OnesOptions()).shape());
        assertEquals(6.0, Candle.full(new long[] {2, 3}, 1).sum().item());
        assertClose(new double[] {1, 0, 0, 1}, Candle.eye(2).flatten());
        assertEquals(0, Candle.zerosLike(Candle.ones(2)).sum().item());
    }

    @Test
    void networks() {
        assertClose(new double[] {0, 2}, Candle.relu(Candle.tensor(-1.0, 2.0)));
        Tensor probabilities = Candle.softmax(Candle.tensor(0.0, 0.0), -1);
        assertClose(new double[] {0.5, 0.5}, probabilities);
        Tensor image = Candle.ones(1, 1, 4, 4);
        Tensor kernel = Candle.ones(1, 1, 3, 3);
        assertClose(new double[] {9, 9, 9, 9}, Candle.conv2d(image, kernel).flatten());
        assertArrayEquals(new long[] {1, 1, 4, 4},
            Candle.conv2d(image, kernel, new Conv2dOptions().padding(Padding.SAME)).shape());
        assertArrayEquals(new long[] {1, 1, 6, 4},
            Candle.conv2d(image, kernel, new Conv2dOptions().padding(2, 1)).shape());
        assertArrayEquals(new long[] {1, 1, 2, 2}, image.maxPool2d(2).shape());
        Tensor x = Candle.tensor(new double[][] {{1, 2}, {3, 4}});
        assertClose(new double[] {7, 10, 15, 22}, x.matmul(x).flatten());
        Tensor logits = Candle.tensor(new double[][] {{2, 0}, {0, 2}});
        Tensor target = Candle.tensor(0, 1);
        double loss = Candle.crossEntropy(logits, target).item();
        assertEquals(Math.log(1 + Math.exp(-2)), loss, 1e-6);
        Tensor each = Candle.crossEntropy(logits, target,
            new CrossEntropyOptions().reduction(Reduction.NONE));
        assertArrayEquals(new long[] {2}, each.shape());
        assertTrue(Candle.crossEntropy(logits, target,
            new CrossEntropyOptions().labelSmoothing(0.1)).item() > loss);
    }

    @Test
    void optionsThatAreNotGiven() {
        Tensor x = Candle.tensor(-5.0, 0.5, 5.0);
        assertClose(new double[] {-1, 0.5, 1}, x.clamp(new ClampOptions().min(-1).max(1)));
        assertClose(new double[] {-5, 0.5, 1}, x.clamp(new ClampOptions().max(1)));
        Tensor broken = Candle.tensor(Double.NaN, Double.POSITIVE_INFINITY);
        assertClose(new double[] {0, 9}, broken.nanToNum(new NanToNumOptions().posinf(9)));
    }

    @Test
    void randomNumbersRepeat() {
        Candle.manualSeed(7);
        double[] first = Candle.rand(3).toDoubleArray();
        Generator.State state = Candle.getRngState();
        double[] second = Candle.randn(3).toDoubleArray();
        Candle.setRngState(state);
        assertArrayEquals(second, Candle.randn(3).toDoubleArray());
        Generator generator = Generator.of(7);
        assertArrayEquals(first,
            Candle.rand(3, new RandOptions().generator(generator)).toDoubleArray());
        assertEquals(7, generator.seed());
        assertEquals(generator.getState(), new Generator.State(7, generator.getState().offset()));
        generator.setState(new Generator.State(7, 0));
        assertArrayEquals(first,
            Candle.rand(3, new RandOptions().generator(generator)).toDoubleArray());
        generator.manualSeed(8);
        assertEquals(8, generator.seed());
    }

    @Test
    void checksOfHandlesAreDecidedOnce() {
        Candle.tensor(1).close();
        int level = Candle.checks();
        Candle.setChecks(level);
        assertThrows(InvalidArgumentException.class, () -> Candle.setChecks((level + 1) % 3));
        assertEquals(0, Candle.misuses());
    }

    @Test
    void theLibraryTellsOfItself() {
        assertTrue(Candle.version().matches("\\d+\\.\\d+\\.\\d+.*"));
        assertTrue(Candle.abiVersion() >= CandleLibrary.CANDLE_FFI_ABI_VERSION);
        assertTrue(Candle.buildInfo().startsWith("candle_ffi " + Candle.version()));
        long threads = Candle.getNumThreads();
        Candle.setNumThreads(1);
        assertEquals(1, Candle.getNumThreads());
        Candle.setNumThreads(threads);
        assertEquals("CANDLE_ERROR_SHAPE", Candle.statusName(Status.ERROR_SHAPE));
    }
}
