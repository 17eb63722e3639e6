// Calls on other threads: the event loop goes on, and all is as in calls on this one.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { nn, noGrad, optim, tensor } from "candle-ffi";

test("the event loop goes on during a call", async () => {
    const x = candle.rand([1500, 1500]);
    let turns = 0;
    let done = false;
    const count = () => {
        turns += 1;
        if (!done) {
            setImmediate(count);
        }
    };
    setImmediate(count);
    const [product] = await Promise.all([x.matmulAsync(x), x.matmulAsync(x), x.matmulAsync(x)]);
    done = true;
    assert.ok(turns > 1, `${turns} turns`);
    const difference = product.sub(x.matmul(x)).abs().max();
    assert.equal(difference.item(), 0);
});

test("functions, layers and several results have it too", async () => {
    const x = tensor([
        [1, 5],
        [7, 3],
    ]);
    const { values } = await x.topkAsync(1);
    assert.deepEqual(values.tolist(), [[5], [7]]);
    assert.equal((await candle.arange(0, 40, 1).splitAsync(1)).length, 40);
    assert.deepEqual((await candle.catAsync([x, x])).shape, [4, 2]);
    assert.deepEqual((await candle.addAsync(1, x)).tolist()[0], [2, 6]);
    const [output] = await nn.lstm(3, 5).forwardManyAsync([candle.rand([7, 2, 3])]);
    assert.deepEqual(output.shape, [7, 2, 5]);
});

test("a training on other threads learns", async () => {
    candle.manualSeed(0);
    const x = candle.rand([64, 2]);
    const y = x.matmul(tensor([[2], [3]]));
    const model = nn.linear(2, 1);
    const optimizer = optim.adam(model.parameters(), { lr: 0.1 });
    let loss;
    for (let step = 0; step < 200; step++) {
        optimizer.zeroGrad();
        loss = await candle.mseLossAsync(await model.forwardAsync(x), y);
        await loss.backwardAsync();
        await optimizer.stepAsync();
    }
    assert.ok(loss.item() < 0.01);
});

test("errors come out of the promise", async () => {
    const x = candle.ones([2, 3]);
    await assert.rejects(x.matmulAsync(x), (error) => {
        assert.ok(error instanceof candle.ShapeError);
        assert.deepEqual(error.shapes, [
            [2, 3],
            [2, 3],
        ]);
        return true;
    });
    await assert.rejects(x.addAsync("1"), TypeError);
    await assert.rejects(x.sumAsync({ dimension: 1 }), /has no option/);
    await assert.rejects(nn.linear(2, 2).forwardAsync(x), candle.ShapeError);
    const loss = tensor([1], { requiresGrad: true }).mul(2);
    await loss.backwardAsync();
    await assert.rejects(loss.backwardAsync(), candle.GraphError);
    x.free();
    await assert.rejects(x.sumAsync(), candle.InvalidHandleError);
});

test("what is freed during a call is freed after it", async () => {
    const x = candle.ones([400, 400]);
    const products = Array.from({ length: 100 }, () => x.matmulAsync(x));
    x.free();
    for (const product of await Promise.all(products)) {
        assert.equal(product.getItem(0, 0).item(), 400);
        product.free();
    }
    assert.throws(() => x.sum(), candle.InvalidHandleError);
});

test("a thousand calls at once all come back", async () => {
    const calls = Array.from({ length: 1000 }, (_, at) => candle.full([10], at).sumAsync());
    const sums = await Promise.all(calls);
    assert.deepEqual(
        sums.map((sum) => sum.item()),
        Array.from({ length: 1000 }, (_, at) => 10 * at),
    );
});

test("recording is as it is where the call begins", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const model = nn.linear(2, 2);
    const [recorded, not] = [x.mulAsync(2), noGrad(() => x.mulAsync(2))];
    assert.equal((await recorded).requiresGrad, true);
    assert.equal((await not).requiresGrad, false);
    assert.equal((await model.forwardAsync(x)).requiresGrad, true);
    const output = await noGrad(() => model.forwardAsync(x));
    assert.equal(output.requiresGrad, false);
    assert.deepEqual(output.tolist(), model.forward(x).tolist());
    const [many] = await noGrad(() => model.forwardManyAsync([x]));
    assert.equal(many.requiresGrad, false);
    assert.equal(candle.isGradEnabled(), true);
    assert.equal((await x.mulAsync(2)).gradFnName, "mul");
});

test("hooks of a backward pass elsewhere are called here", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const remove = x.registerHook((gradient) => {
        const scaled = gradient.mul(10);
        assert.equal(scaled.requiresGrad, false);
        return scaled;
    });
    await x.mul(x).sum().backwardAsync();
    assert.deepEqual(x.grad.tolist(), [20, 40]);
    remove();
    x.registerHook(() => {
        throw new RangeError("of the hook");
    });
    await assert.rejects(x.sum().backwardAsync(), { name: "RangeError", message: "of the hook" });
});
