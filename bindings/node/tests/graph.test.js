// CUDA graphs, where there is no CUDA.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as candle from "candle-ffi";

test("graphs are of CUDA devices", () => {
    const graph = new candle.Graph();
    let ran = false;
    assert.throws(() => graph.capture("cpu", () => (ran = true)), candle.UnsupportedError);
    assert.throws(
        () => graph.capture("cuda", async () => (ran = true)),
        /TypeError: capture takes no async function.* be outside of it$/,
    );
    assert.throws(() => graph.capture("cuda", null), /its argument.*a function/);
    assert.equal(ran, false);
    assert.throws(() => graph.replay(), candle.InvalidArgumentError);
    assert.equal(candle.isCapturing("cpu"), false);
    graph.reset();
    graph.free();
    assert.throws(() => graph.replay(), candle.InvalidHandleError);
});
