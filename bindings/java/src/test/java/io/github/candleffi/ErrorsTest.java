package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bad input: a clear exception each. */
class ErrorsTest {
    @Test
    void anExceptionTellsWhatItIsAbout() {
        ShapeException error =
            assertThrows(ShapeException.class, () -> Candle.zeros(2, 3).matmul(Candle.zeros(4, 5)));
        assertEquals(Status.ERROR_SHAPE, error.code());
        assertEquals(Status.ERROR_SHAPE.code(), error.number());
        assertEquals("matmul", error.operation());
        assertEquals(List.of(List.of(2L, 3L), List.of(4L, 5L)), error.shapes());
        assertTrue(error.getMessage().contains("[2, 3]"), error.getMessage());
        CandleException dtypes = assertThrows(DTypeException.class,
            () -> Candle.zeros(2, 2).matmul(Candle.tensor(new double[2][2],
                new Candle.TensorOptions().dtype(DType.FLOAT64))));
        assertEquals(List.of(DType.FLOAT32, DType.FLOAT64), dtypes.dtypes());
        CandleException device = assertThrows(DeviceException.class,
            () -> Candle.zeros(1,
            new Options.ZerosOptions().device(new Device(DeviceKind.CUDA, 3))));
        assertEquals(List.of(new Device(DeviceKind.CUDA, 3)), device.devices());
    }

    @Test
    void everyCodeHasAnException() {
        for (Status status : Status.values()) {
            CandleException made = Exceptions.of("text", ErrorDetails.of(status, "f"));
            assertEquals(status == Status.OK, made.getClass() == CandleException.class,
                status.name());
            assertEquals(status, made.code());
        }
        ErrorDetails newer = new ErrorDetails(null, 4711, "f", List.of(), List.of(), List.of());
        assertEquals(4711, Exceptions.of("text", newer).number());
    }

    @Test
    void nothingIsNoTensor() {
        Tensor x = Candle.zeros(2);
        NullArgumentException error = assertThrows(NullArgumentException.class, () ->
            x.add((Tensor) null));
        assertTrue(error.getMessage().contains("other"), error.getMessage());
        assertThrows(NullArgumentException.class, () -> Candle.cat(Arrays.asList(x, null)));
        assertThrows(NullPointerException.class, () -> x.reshape((long[]) null));
        assertThrows(NullPointerException.class, () -> x.registerHook(null));
        assertThrows(NullPointerException.class, () -> Tensor.fromData(null, 1));
        assertThrows(NullArgumentException.class, () -> TensorMap.load(null));
        assertThrows(NullArgumentException.class, () -> Nn.sequential((Nn.Module) null));
    }

    @Test
    void aClosedObjectIsRefused() {
        Tensor x = Candle.zeros(2);
        Nn.Module model = Nn.linear(2, 2);
        Optimizer optimizer = Optim.sgd(model.parameters());
        TensorMap map = new TensorMap();
        Generator generator = Generator.of(1);
        for (NativeObject object : List.of(x, model, optimizer, map, generator)) {
            assertFalse(object.isClosed());
            object.close();
            object.close();
            assertTrue(object.isClosed());
        }
        ClosedException error = assertThrows(ClosedException.class, x::sum);
        assertInstanceOf(InvalidHandleException.class, error);
        assertEquals("the tensor is closed", error.getMessage());
        assertThrows(ClosedException.class, () -> Candle.zeros(2).add(x));
        assertThrows(ClosedException.class, () -> Candle.cat(List.of(Candle.zeros(2), x)));
        assertThrows(ClosedException.class, x::shape);
        assertThrows(ClosedException.class, () -> model.forward(Candle.zeros(2)));
        assertThrows(ClosedException.class, optimizer::step);
        assertThrows(ClosedException.class, map::size);
        assertThrows(ClosedException.class, generator::seed);
        assertEquals("tensor(closed)", x.toString());
    }

    @Test
    void badConstantsAndTexts() {
        assertThrows(CandleException.class, () -> Candle.zeros(2).to(DType.NONE));
        assertThrows(InvalidArgumentException.class, () -> TensorMap.load("a\0b"));
        assertThrows(InvalidUtf8Exception.class, () -> TensorMap.load("\ud800"));
        assertThrows(InvalidArgumentException.class, () -> Candle.setNumThreads(0));
        assertThrows(NullPointerException.class, () ->
            Candle.mseLoss(Candle.zeros(1), Candle.zeros(1),
            new Options.MseLossOptions().reduction(null)));
    }

    @Test
    void impossibleSizesAreErrors() {
        assertThrows(CandleException.class, () -> Candle.zeros(-1));
        assertThrows(CandleException.class, () -> Candle.zeros(Long.MAX_VALUE, Long.MAX_VALUE));
        assertThrows(OutOfMemoryException.class, () -> Candle.zeros(1L << 50));
        assertThrows(IndexException.class, () ->
            Candle.zeros(2).sum(new Options.SumOptions().dim(5)));
    }

    @Test
    void aFailedCallLeavesNoHandle() {
        Tensor x = Candle.zeros(2, 3);
        long errors = Candle.liveHandles(HandleKind.ERROR);
        for (int at = 0; at < 1000; at++) {
            assertThrows(ShapeException.class, () -> x.matmul(x));
        }
        assertEquals(errors, Candle.liveHandles(HandleKind.ERROR));
    }

    @Test
    void exceptionsOfThisPackageAreTheLibrarys() {
        CandleException error = assertThrows(CandleException.class, () -> Candle.zeros(1).size(4));
        assertSame(IndexException.class, error.getClass());
        assertEquals("size", error.operation());
    }
}
