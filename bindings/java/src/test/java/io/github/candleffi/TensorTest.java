package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.candleffi.Candle.TensorOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Elements in and out, shapes, indexing, text. */
class TensorTest {
    @Test
    void elementsOfEachTypeComeBack() {
        assertArrayEquals(new float[] {1.5f, -2},
            Tensor.fromData(new float[] {1.5f, -2}, 2).toFloatArray());
        assertArrayEquals(new double[] {1.5, -2},
            Tensor.fromData(new double[] {1.5, -2}, 2).toDoubleArray());
        assertArrayEquals(new long[] {1L << 40},
            Tensor.fromData(new long[] {1L << 40}, 1).toLongArray());
        assertArrayEquals(new int[] {-7, 7}, Tensor.fromData(new int[] {-7, 7}, 2).toIntArray());
        assertArrayEquals(new short[] {-7, 7},
            Tensor.fromData(new short[] {-7, 7}, 2).toShortArray());
        assertArrayEquals(new boolean[] {true, false},
            Tensor.fromData(new boolean[] {true, false}, 2).toBooleanArray());
        Tensor bytes = Tensor.fromData(new byte[] {-1, 1}, 2);
        assertEquals(DType.UINT8, bytes.dtype());
        assertArrayEquals(new int[] {255, 1}, bytes.toIntArray());
        assertArrayEquals(new byte[] {-1, 1}, bytes.toBytes());
    }

    @Test
    void halvesGoByTheirBytes() {
        // 1.0 and -2.0 in IEEE's half precision.
        byte[] bits = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder())
            .putShort((short) 0x3C00).putShort((short) 0xC000).array();
        Tensor half = Tensor.fromBytes(bits, new long[] {2}, DType.FLOAT16, Device.CPU);
        assertArrayEquals(new float[] {1, -2}, half.toFloatArray());
        assertArrayEquals(bits, half.toBytes());
        assertEquals(DType.BFLOAT16, half.to(DType.BFLOAT16).dtype());
        assertEquals(-2.0, half.to(DType.BFLOAT16).get(1).item());
    }

    @Test
    void literalsHavePyTorchsDtypes() {
        assertEquals(DType.INT64, Candle.tensor(1, 2, 3).dtype());
        assertEquals(DType.FLOAT32, Candle.tensor(1.0, 2.0).dtype());
        assertEquals(DType.INT64, Candle.tensor(new int[][] {{1}, {2}}).dtype());
        assertEquals(DType.BOOL, Candle.tensor(new boolean[] {true}).dtype());
        assertEquals(DType.FLOAT64,
            Candle.tensor(1.0, new TensorOptions().dtype(DType.FLOAT64)).dtype());
        assertEquals(0, Candle.tensor(5.0).rank());
        Tensor cube = Candle.tensor(new double[2][3][4]);
        assertArrayEquals(new long[] {2, 3, 4}, cube.shape());
        assertArrayEquals(new long[] {2, 0}, Candle.tensor(new float[2][0]).shape());
        assertTrue(Candle.tensor(new double[] {1},
            new TensorOptions().requiresGrad(true)).requiresGrad());
        assertThrows(ShapeException.class, () -> Candle.tensor(new long[][] {{1, 2}, {3}}));
        assertThrows(DTypeException.class, () -> Candle.tensor("text"));
        assertThrows(DTypeException.class, () -> Candle.tensor(new char[] {'a'}));
    }

    @Test
    void largeArraysGoInAndOut() {
        double[] values = new double[100_000];
        for (int at = 0; at < values.length; at++) {
            values[at] = at;
        }
        Tensor x = Tensor.fromData(values, 100, 1000);
        assertArrayEquals(values, x.toDoubleArray());
        assertEquals(42_017.0, x.get(42, 17).item());
    }

    @Test
    void shapesAndStrides() {
        Tensor x = Candle.zeros(2, 3, 4);
        assertEquals(3, x.rank());
        assertEquals(24, x.numElements());
        assertArrayEquals(new long[] {12, 4, 1}, x.strides());
        assertEquals(4, x.size(-1));
        assertThrows(IndexException.class, () -> x.size(3));
        Tensor turned = x.transpose(0, 2);
        assertArrayEquals(new long[] {4, 3, 2}, turned.shape());
        assertFalse(turned.isContiguous());
        assertThrows(InvalidArgumentException.class, turned::dataPtr);
        assertEquals(Device.CPU, x.device());
        assertEquals("cpu", x.device().toString());
    }

    @Test
    void indexing() {
        Tensor x = Candle.arange(12).reshape(3, 4);
        assertEquals(6, x.get(1, 2).itemLong());
        assertArrayEquals(new long[] {8, 9, 10, 11}, x.get(-1).toLongArray());
        assertArrayEquals(new long[] {1, 5}, x.getItem(Index.to(2), Index.at(1)).toLongArray());
        assertArrayEquals(new long[] {4, 6},
            x.getItem(Index.at(1), Index.slice(null, null, 2)).toLongArray());
        assertArrayEquals(new long[] {3, 7, 11},
            x.getItem(Index.ellipsis(), Index.at(3)).toLongArray());
        assertArrayEquals(new long[] {3, 1, 4}, x.getItem(Index.all(), Index.newAxis()).shape());
        assertArrayEquals(new long[] {2, 4}, x.getItem(Index.from(1)).shape());
        x.setItem(0, Index.at(0));
        x.setItem(Candle.tensor(-1, -2), Index.at(1), Index.slice(1, 3));
        assertArrayEquals(new long[] {0, 0, 0, 0, 4, -1, -2, 7},
            x.getItem(Index.to(2)).flatten().toLongArray());
        assertThrows(IndexException.class, () -> x.get(3));
        assertThrows(IndexException.class, () -> x.get(0, 0, 0));
    }

    @Test
    void itemsAreNumbers() {
        assertEquals(2.5, Candle.tensor(2.5).item());
        assertEquals(2, Candle.tensor(2.5).itemLong());
        assertThrows(ShapeException.class, () -> Candle.zeros(2).item());
    }

    @Test
    void copiesNeedTheTypeAndTheLength() {
        Tensor x = Candle.zeros(3);
        assertThrows(DTypeException.class, () -> x.copyTo(new double[3]));
        assertThrows(BufferTooSmallException.class, () -> x.copyTo(new float[2]));
        assertThrows(InvalidArgumentException.class, () -> x.copyTo(new float[4]));
        assertThrows(DTypeException.class, () -> x.copyTo("text"));
        assertThrows(CandleException.class, () -> Tensor.fromData(new float[3], 2));
    }

    @Test
    void buffersAreUsedInPlace() throws InterruptedException {
        int before = Callbacks.count();
        ByteBuffer buffer = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        buffer.asFloatBuffer().put(new float[] {1, 2});
        try (Tensor x = Tensor.fromBuffer(buffer, DType.FLOAT32, 2)) {
            assertEquals(3.0, x.sum().item());
            buffer.putFloat(0, 5);
            assertEquals(7.0, x.sum().item());
            x.mul_(2);
            assertEquals(10.0f, buffer.getFloat(0));
            assertEquals(before + 1, Callbacks.count());
        }
        assertEquals(before, Callbacks.count(), "the buffer is free again");
        assertThrows(InvalidArgumentException.class,
            () -> Tensor.fromBuffer(ByteBuffer.allocate(8), DType.FLOAT32, 2));
        assertThrows(CandleException.class,
            () -> Tensor.fromBuffer(ByteBuffer.allocateDirect(8), DType.FLOAT32, 3));
        assertEquals(before, Callbacks.count());
    }

    @Test
    void memoryIsThereAsLongAsItsBuffer() {
        Tensor x = Candle.ones(1000);
        ByteBuffer memory = x.dataPtr();
        memory.putFloat(0, 5);
        assertEquals(1004.0, x.sum().item());
        x.close();
        for (int at = 0; at < 100; at++) {
            Candle.zeros(1000);
        }
        System.gc();
        assertEquals(5.0f, memory.getFloat(0));
        assertEquals(1.0f, memory.getFloat(3996));
    }

    @Test
    void rowsAreTaken() {
        float[] values = {0, 1, 10, 11, 20, 21};
        Tensor rows = Tensor.fromRows(values, new long[] {3, 2}, 2, 0, 2);
        assertArrayEquals(new float[] {20, 21, 0, 1, 20, 21}, rows.toFloatArray());
        assertThrows(IndexException.class, () -> Tensor.fromRows(values, new long[] {3, 2}, 3));
        assertThrows(InvalidArgumentException.class, () ->
            Tensor.fromRows(values, new long[] {4, 2}, 0));
    }

    @Test
    void inPlaceGivesTheTensorBack() {
        Tensor x = Candle.ones(2);
        long version = x.version();
        assertSame(x, x.add_(Candle.tensor(1.0, 2.0)));
        assertArrayEquals(new float[] {2, 3}, x.toFloatArray());
        assertTrue(x.version() > version);
        Tensor other = x.share();
        x.close();
        other.mul_(2);
        assertEquals(10.0, other.sum().item());
    }

    @Test
    void textIsLikePyTorchs() {
        assertEquals("tensor([[1., 2.],\n        [3., 4.]])",
            Candle.tensor(new double[][] {{1, 2}, {3, 4}}).toString());
        assertEquals("tensor([0.5000, 1.0000])", Candle.tensor(0.5, 1.0).toString());
        assertEquals("tensor([ 1, 10])", Candle.tensor(1, 10).toString());
        assertEquals("tensor(7)", Candle.tensor(new long[] {7}).get(0).toString());
        assertEquals("tensor([true])", Candle.tensor(new boolean[] {true}).toString());
        assertTrue(Candle.ones(2).requiresGrad_(true).toString().endsWith(", requiresGrad=true)"));
        assertTrue(Candle.ones(2).requiresGrad_(true).mul(2).toString().endsWith(", gradFn=mul)"));
        assertTrue(Candle.zeros(100, 100).toString().contains("..., "));
        assertEquals("tensor([])", Candle.zeros(0).toString());
        assertEquals("tensor([nan, inf])",
            Candle.tensor(Double.NaN, Double.POSITIVE_INFINITY).toString());
        assertEquals("tensor([1], dtype=int32)", Tensor.fromData(new int[] {1}, 1).toString());
    }

    @Test
    void dtypesAndDevicesHaveNames() {
        assertEquals("bfloat16", Candle.dtypeName(DType.BFLOAT16));
        assertEquals(DType.INT16, Candle.dtypeFromName("int16"));
        assertThrows(DTypeException.class, () -> Candle.dtypeFromName("int99"));
        assertEquals(8, Candle.dtypeSize(DType.FLOAT64));
        assertTrue(Candle.dtypeIsFloat(DType.FLOAT16));
        assertEquals(DType.FLOAT32, Candle.promoteTypes(DType.INT64, DType.FLOAT32));
        assertEquals(DType.FLOAT32, Candle.defaultDType());
        assertEquals(Device.CPU, Device.of("cpu"));
        assertThrows(DeviceException.class, () -> Device.of("tpu"));
        assertTrue(Device.isAvailable(DeviceKind.CPU));
        assertEquals(1, Device.count(DeviceKind.CPU));
        Device.CPU.check();
        assertThrows(DeviceException.class, () -> new Device(DeviceKind.CPU, 7).check());
        assertThrows(DeviceException.class, () -> new Device(DeviceKind.CPU, 7).info());
        Device.Info info = Device.CPU.info();
        assertTrue(!info.name().isEmpty() && info.uuid().isEmpty());
        assertTrue(info.multiprocessorCount() > 0);
        Device.Memory memory = Device.CPU.memory();
        assertTrue(memory.free() <= memory.total() && memory.allocated() == 0);
        Device.CPU.synchronize();
        Device.CPU.emptyCache();
        Device.CPU.resetPeakMemory();
        assertThrows(UnsupportedException.class, Device.CPU::stream);
        assertThrows(UnsupportedException.class, () -> Device.CPU.letStreamWait(0));
        assertThrows(UnsupportedException.class, () -> Device.CPU.waitForStream(0));
        try (Tensor x = Candle.tensor(1.0, 2.0)) {
            assertFalse(x.isPinned());
        }
        assertThrows(IoException.class, () -> Candle.loadBackend("/nowhere/libcandle_ffi.so.0"));
        for (DType dtype : DType.values()) {
            if (dtype != DType.NONE) {
                assertEquals(dtype, Candle.dtypeFromName(Candle.dtypeName(dtype)));
            }
        }
    }
}
