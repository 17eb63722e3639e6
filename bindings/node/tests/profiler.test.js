// The profiler: calls with their times, shapes and ranges.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { Profiler, recordFunction } from "candle-ffi";

test("calls are recorded", async () => {
    const x = candle.rand([8, 8]);
    const profiler = new Profiler({ recordShapes: true });
    assert.throws(() => new Profiler(), candle.BusyError);
    const product = recordFunction("forward", () => x.matmul(x));
    await product.reluAsync();
    assert.equal(profiler.isRecording, true);
    const profile = profiler.stop();
    assert.equal(profiler.isRecording, false);
    assert.throws(() => profiler.stop(), candle.InvalidArgumentError);

    const events = profile.events();
    const matmul = events.find(({ name, kind }) => name === "matmul" && kind === "call");
    assert.deepEqual(matmul.shapes, [
        { shape: [8, 8], dtype: "float32" },
        { shape: [8, 8], dtype: "float32" },
    ]);
    assert.ok(matmul.durationNs >= matmul.selfNs && matmul.selfNs > 0);
    assert.ok(events.some(({ name, kind }) => name === "forward" && kind === "range"));
    const relu = events.find(({ name, kind }) => name === "relu" && kind === "call");
    assert.notEqual(relu.thread, matmul.thread, "on another thread");
    assert.ok(profile.threadNames().length >= 2);
    const total = profile.totals({ byShapes: true }).find(({ name }) => name === "matmul");
    assert.equal(total.calls, 1);
    assert.ok(profile.summary().calls >= 2);
    assert.match(profile.table({ sort: "calls", rowLimit: 10 }), /matmul/);
    assert.throws(() => profile.table({ sort: "name" }), candle.InvalidArgumentError);

    const folder = mkdtempSync(join(tmpdir(), "candle-ffi-"));
    try {
        const file = join(folder, "trace.json");
        profile.writeTrace(file);
        assert.match(readFileSync(file, "utf8"), /matmul/);
        JSON.parse(readFileSync(file, "utf8"));
    } finally {
        rmSync(folder, { recursive: true });
    }
    assert.throws(() => recordFunction("x", async () => {}), TypeError);
    assert.equal(
        recordFunction("outside of a recording", () => 3),
        3,
    );
});
