package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models and tensors in files. */
class FilesTest {
    @TempDir
    Path folder;

    private static Nn.Module model() {
        return Nn.sequential(Nn.linear(2, 3), Nn.tanh(), Nn.linear(3, 1));
    }

    @Test
    void modelsComeBack() {
        // Not only ASCII.
        String path = folder.resolve("modèle 模型.safetensors").toString();
        Nn.Module model = model();
        model.save(path);
        assertTrue(Files.exists(Path.of(path)));
        Nn.Module other = model();
        Tensor x = Candle.rand(4, 2);
        assertFalse(Arrays.equals(other.forward(x).toDoubleArray(), model
            .forward(x).toDoubleArray()));
        other.load(path);
        assertArrayEquals(model.forward(x).toDoubleArray(), other.forward(x).toDoubleArray());
        Nn.Module wrong = Nn.linear(2, 3);
        assertThrows(StateDictException.class, () -> wrong.load(path));
        wrong.load(path, false);
        wrong.loadStateDict(Nn.linear(2, 3).stateDict());
        assertEquals(List.of("bias", "weight"),
            wrong.stateDict().names().stream().sorted().toList());
    }

    @Test
    void tensorsComeBack() throws IOException {
        String path = folder.resolve("tensors.safetensors").toString();
        TensorMap map = new TensorMap();
        map.insert("b", Candle.tensor(1, 2));
        map.insert("a", Candle.tensor(new double[] {0.5}));
        map.setMetadata("made by", "a test ✓");
        map.save(path);
        TensorMap back = TensorMap.load(path);
        assertEquals(2, back.size());
        assertEquals(List.of("a", "b"), back.names());
        assertEquals(0.5, back.get("a").item());
        assertEquals(DType.INT64, back.toMap().get("b").dtype());
        assertEquals(back.at(0).dtype(), back.get(back.name(0)).dtype());
        assertEquals(Map.of("made by", "a test ✓"), back.metadata());
        assertThrows(CandleException.class, () -> back.get("c"));
        assertThrows(IndexException.class, () -> back.at(2));
        Files.writeString(Path.of(path), "no safetensors");
        assertThrows(FileFormatException.class, () -> TensorMap.load(path));
        assertThrows(IoException.class, () -> TensorMap.load(folder.resolve("nothing").toString()));
    }
}
