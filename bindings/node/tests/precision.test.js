// Mixed precision, products that are less exact, operations without a kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { autocast, tensor } from "candle-ffi";

const x = tensor([[1, 2]]);
const column = tensor([[1], [2]]);
const half = x.toDtype("bfloat16");
const product = () => x.matmul(column).dtype;

test("casts hold in their function", async () => {
    assert.equal(candle.autocastDtype("cpu"), null);
    const seen = autocast("cpu", "bfloat16", () => {
        assert.equal(candle.autocastDtype("cpu"), "bfloat16");
        assert.equal(candle.autocastDtype("cuda"), null);
        assert.equal(half.mseLoss(half).dtype, "float32");
        const inner = autocast("cpu", "float16", product);
        return [product(), inner, autocast("cpu", null, product), product()];
    });
    assert.deepEqual(seen, ["bfloat16", "float16", "float32", "bfloat16"]);
    assert.equal(product(), "float32");
    const thrown = new Error("out");
    assert.throws(
        () =>
            autocast("cpu", "float16", () => {
                throw thrown;
            }),
        (error) => error === thrown,
    );
    assert.equal(product(), "float32");
    assert.throws(() => autocast("cpu", "float64", product), candle.DTypeError);
    assert.throws(() => autocast("tpu", "float16", product), candle.InvalidArgumentError);
    assert.throws(() => autocast("cpu", "float16"), TypeError);
    assert.throws(() => autocast("cpu", "float16", async () => product()), TypeError);
    assert.equal(candle.autocastDtype("cpu"), null);
});

test("cuDNN is switched, and says why there is none", () => {
    assert.equal(candle.cudnnSwitch("enabled"), true);
    assert.equal(candle.cudnnSwitch("benchmark"), false);
    candle.setCudnnSwitch("benchmark", true);
    assert.equal(candle.cudnnSwitch("benchmark"), true);
    candle.setCudnnSwitch("benchmark", false);
    assert.equal(candle.cudnnSwitch("benchmark"), false);
    assert.throws(() => candle.cudnnSwitch("fast"), candle.InvalidArgumentError);
    assert.throws(() => candle.setCudnnSwitch("enabled", 1), TypeError);
    // These tests run with the library of the CPU.
    assert.throws(() => candle.cudnnVersion(), candle.UnsupportedError);
});

test("a call on another thread is not cast, and says so", async () => {
    const refused = autocast("cpu", "bfloat16", () => x.matmulAsync(column));
    await assert.rejects(refused, candle.UnsupportedError);
    assert.equal((await x.matmulAsync(column)).dtype, "float32");
    const y = tensor([1, 2], { requiresGrad: true });
    const loss = y.mul(y).sum();
    await autocast("cpu", "bfloat16", () => loss.backwardAsync());
    assert.deepEqual(y.grad.tolist(), [2, 4]);
});

test("a weight is cast once unless that is not wanted", () => {
    assert.equal(candle.isAutocastCacheEnabled(), true);
    for (const enabled of [true, false]) {
        assert.equal(candle.setAutocastCacheEnabled(enabled), true);
        const weight = tensor([[2, 1]], { dtype: "float32", requiresGrad: true });
        autocast("cpu", "bfloat16", () => {
            const [first, second] = [weight.matmul(column), weight.matmul(column)];
            first.sum().backward();
            second.sum().backward();
        });
        assert.deepEqual(weight.grad.tolist(), column.mul(2).reshape([1, 2]).tolist());
        assert.equal(candle.isAutocastCacheEnabled(), enabled);
    }
    assert.equal(candle.setAutocastCacheEnabled(true), false);
    assert.throws(() => candle.setAutocastCacheEnabled(1), TypeError);
});

test("gradients are unscaled", () => {
    const y = tensor([3, 4], { dtype: "float32", requiresGrad: true });
    y.mul(8).sum().backward();
    assert.equal(candle.unscaleGrads_([y], 0.125).item(), 0);
    assert.deepEqual(y.grad.tolist(), [1, 1]);
    y.grad = tensor([1, Infinity]);
    assert.ok(Number.isNaN(candle.unscaleGrads_([y], 1).item()));
});

test("products are exact unless that is not asked for", () => {
    for (const dtype of ["float32", "float16", "bfloat16"]) {
        assert.equal(candle.reducedPrecision(dtype), false);
        candle.setReducedPrecision(dtype, true);
        assert.equal(candle.reducedPrecision(dtype), true);
        candle.setReducedPrecision(dtype, false);
        assert.equal(candle.reducedPrecision(dtype), false);
    }
    for (const ways of [3, 2, 1, 0]) {
        candle.setReducedPrecisionWays("float16", ways);
        assert.equal(candle.reducedPrecisionWays("float16"), ways);
    }
    assert.throws(() => candle.setReducedPrecisionWays("bfloat16", 2), candle.InvalidArgumentError);
    assert.throws(() => candle.setReducedPrecision("int64", true), candle.DTypeError);
    assert.throws(() => candle.setReducedPrecision("float32", 1), TypeError);
});

test("operations without a kernel have a policy, and are told of", async () => {
    const before = candle.fallbackPolicy();
    for (const policy of ["silent", "error", "warn"]) {
        candle.setFallbackPolicy(policy);
        assert.equal(candle.fallbackPolicy(), policy);
    }
    assert.throws(() => candle.setFallbackPolicy("never"), candle.InvalidArgumentError);
    assert.throws(() => candle.setFallbackCallback("print"), TypeError);
    const told = [];
    const refusal = new Error("not here");
    candle.setFallbackCallback((fallback) => {
        told.push(fallback);
        throw refusal;
    });
    const count = candle.fallbackCount();
    x.sqrt();
    assert.equal(candle.fallbackCount(), count, "the CPU has a kernel for everything");
    assert.deepEqual(told, []);
    if (candle.isDeviceAvailable("cuda")) {
        const place = { device: "cuda" };
        const given = [candle.zeros([2, 1, 3], place), tensor([[1n]], place), 2, 1];
        assert.throws(
            () => candle.ctcLoss(...given),
            (error) => error === refusal,
        );
        assert.deepEqual(told, [{ operation: "ctc", dtype: "float32", device: "cuda:0" }]);
        await assert.rejects(candle.ctcLossAsync(...given), (error) => error === refusal);
        assert.equal(told.length, 2);
        candle.setFallbackCallback(null);
        candle.ctcLoss(...given);
        assert.ok(candle.fallbackCount() > count);
    }
    candle.setFallbackCallback(null);
    candle.setFallbackPolicy(before);
});
