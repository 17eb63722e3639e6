// Memory stays flat, whether or not the event loop turns, and whether or not anything is freed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import * as candle from "candle-ffi";
import { nn, tidy } from "candle-ffi";

const MEGABYTE = 1024 * 1024;

function resident() {
    if (process.platform !== "linux") {
        return process.memoryUsage().rss;
    }
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
}

/** What a loop leaves behind, in bytes and handles, once it has run for a while. */
async function growth(warm, loop) {
    await warm();
    const before = resident();
    await loop();
    const grown = resident() - before;
    candle.collectGarbage();
    return grown;
}

const turn = () => new Promise((done) => setImmediate(done));

test("a million tensors in a loop without a turn of the event loop", async () => {
    candle.collectGarbage();
    const held = candle.liveHandles();
    const x = candle.ones([1]);
    let most = 0;
    const make = (count) => {
        for (let made = 0; made < count; made++) {
            x.add(x);
            if (made % 10_000 === 0) {
                most = Math.max(most, candle.liveHandles());
            }
        }
    };
    const grown = await growth(
        () => make(120_000),
        () => make(1_000_000),
    );
    assert.ok(grown < 40 * MEGABYTE, `${grown} bytes more`);
    assert.ok(most < 110_000, `${most} handles at once`);
    assert.ok(candle.liveHandles() <= held + 10, `${candle.liveHandles() - held} handles more`);
});

test("large tensors are collected by what is behind them", async () => {
    const make = () => {
        for (let made = 0; made < 300; made++) {
            candle.empty([2 * MEGABYTE]);
        }
    };
    const grown = await growth(make, make);
    // 2.4 GB were made.
    assert.ok(grown < 300 * MEGABYTE, `${grown} bytes more`);
});

test("tensors in a loop with turns of the event loop", async () => {
    const x = candle.ones([1]);
    const make = async () => {
        for (let turns = 0; turns < 200; turns++) {
            for (let made = 0; made < 500; made++) {
                x.add(x);
            }
            await turn();
        }
    };
    const grown = await growth(make, make);
    assert.ok(grown < 40 * MEGABYTE, `${grown} bytes more`);
});

test("tensors of calls on other threads", async () => {
    const x = candle.ones([1]);
    const make = async () => {
        for (let round = 0; round < 50; round++) {
            await Promise.all(Array.from({ length: 100 }, () => x.addAsync(x)));
        }
    };
    const grown = await growth(make, make);
    assert.ok(grown < 40 * MEGABYTE, `${grown} bytes more`);
});

test("workers use the library at once, and leave nothing behind", async () => {
    candle.collectGarbage();
    const held = candle.liveHandles();
    const gradient = () =>
        new Promise((done, fail) => {
            const worker = new Worker(new URL("worker.js", import.meta.url));
            let told;
            worker.on("message", (message) => (told = message));
            worker.on("error", fail);
            worker.on("exit", () => done(told));
        });
    const gradients = await Promise.all([gradient(), gradient(), gradient()]);
    assert.deepEqual(gradients, Array(3).fill([6, 12]));
    assert.ok(candle.liveHandles() <= held, `${candle.liveHandles() - held} handles more`);
});

test("what is held is not collected", () => {
    const kept = Array.from({ length: 500 }, (_, at) => candle.full([1], at));
    const model = nn.linear(2, 2);
    const map = model.stateDict();
    candle.collectGarbage();
    for (let made = 0; made < 120_000; made++) {
        candle.ones([1]);
    }
    kept.forEach((tensor, at) => assert.equal(tensor.item(), at));
    assert.equal(map.size, 2);
    assert.deepEqual(model.forward(candle.ones([1, 2])).shape, [1, 2]);
});

test("tidy frees what was made in it at once", () => {
    candle.collectGarbage();
    const held = candle.liveHandles();
    let inner;
    const { sum, rest } = tidy(() => {
        inner = candle.ones([3]);
        const nested = tidy(() => [inner.add(1), inner.add(2)]);
        return { sum: nested[0].sum(), rest: new Map([["x", nested[1]]]) };
    });
    assert.equal(sum.item(), 6);
    assert.deepEqual(rest.get("x").tolist(), [3, 3, 3]);
    assert.equal(inner.isFreed, true);
    assert.equal(candle.liveHandles(), held + 2);
    assert.throws(() => tidy(() => candle.ones([1]).add("1")), TypeError);
    assert.equal(candle.liveHandles(), held + 2, "also when it throws");
    assert.throws(() => tidy(async () => {}), /no async function/);
});
