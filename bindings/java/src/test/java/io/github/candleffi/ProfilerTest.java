package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the profiler tells. */
class ProfilerTest {
    @Test
    void callsAreRecorded(@TempDir Path folder) throws IOException {
        Tensor x = Candle.rand(32, 16).requiresGrad_(true);
        Profiler profiler = Profiler.start(1000, true);
        assertTrue(profiler.isRecording());
        assertThrows(BusyException.class, Profiler::start);
        try (Profiler.Range range = Profiler.recordFunction("forward")) {
            x.matmul(x.transpose(0, 1)).sum().backward();
        }
        Profile profile = profiler.stop();
        assertFalse(profiler.isRecording());
        assertThrows(InvalidArgumentException.class, profiler::stop);
        profiler.close();

        List<Profile.Event> events = profile.events();
        Profile.Event range = events.stream().filter(event -> event.name().equals("forward"))
            .findFirst().orElseThrow();
        Profile.Event matmul = events.stream()
            .filter(event -> event.name().equals("matmul") && event.kind() == ProfileKind.CALL)
                .findFirst().orElseThrow();
        assertTrue(range.depth() < matmul.depth());
        assertTrue(range.durationNs() >= matmul.durationNs());
        assertEquals(List.of(List.of(32L, 16L), List.of(16L, 32L)), matmul.shapes());
        assertEquals(List.of(DType.FLOAT32, DType.FLOAT32), matmul.dtypes());
        assertTrue(profile.totals(false).stream().anyMatch(total -> total.name().equals("sum")
            && total.calls() >= 1));
        assertTrue(profile.totals(true).size() > 0);
        Profile.Summary summary = profile.summary();
        assertEquals(summary.wallNs(), summary.kernelNs() + summary.checksNs()
            + summary.outsideNs());
        assertEquals(0, summary.dropped());
        assertFalse(profile.threadNames().isEmpty());
        assertTrue(profile.table().contains("matmul"));
        String table = profile.table(
            new Profile.TableOptions().sort(ProfileSort.CALLS).byShapes(true).rowLimit(2));
        assertTrue(table.contains("\n"));
        Path trace = folder.resolve("trace.json");
        profile.writeTrace(trace.toString());
        assertTrue(Files.readString(trace).contains("\"forward\""));
    }

    @Test
    void aRecordingEndsWithItsScope() {
        try (Profiler profiler = Profiler.start()) {
            Candle.zeros(1);
            assertTrue(profiler.isRecording());
        }
        try (Profiler.Range nothing = Profiler.recordFunction("nothing is under way")) {
            Candle.zeros(1);
        }
        Profiler.start().close();
    }
}
