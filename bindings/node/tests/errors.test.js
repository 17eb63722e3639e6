// Bad input: an error that says what is wrong, and nothing worse.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { Tensor, TensorMap, nn, optim, tensor } from "candle-ffi";

test("an error tells what it is about", () => {
    const x = candle.ones([2, 3]);
    assert.throws(
        () => x.matmul(candle.ones([4, 5])),
        (error) => {
            assert.ok(error instanceof candle.ShapeError);
            assert.ok(error instanceof candle.CandleError && error instanceof Error);
            assert.equal(error.name, "ShapeError");
            assert.equal(error.code, "CANDLE_ERROR_SHAPE");
            assert.equal(error.status, 20);
            assert.equal(error.operation, "matmul");
            assert.deepEqual(error.shapes, [
                [2, 3],
                [4, 5],
            ]);
            assert.match(error.message, /^matmul: /);
            return true;
        },
    );
    assert.throws(
        () => tensor([1n]).sqrt_(),
        (error) => error instanceof candle.DTypeError && error.dtypes.includes("int64"),
    );
    assert.throws(() => candle.zeros([2 ** 50]), candle.OutOfMemoryError);
    assert.throws(() => candle.zeros([2n ** 62n, 2n ** 62n]), candle.ShapeError);
    assert.throws(() => x.sum({ dim: 2 }), candle.IndexError);
    assert.throws(() => candle.zeros([1], { device: "cuda:99" }), candle.CandleError);
    assert.equal(candle.liveHandles("error"), 0);
});

test("values of another type are refused", () => {
    const x = tensor([1, 2]);
    const wrong = [
        [() => x.add(undefined), /add: other must be a Tensor or a number, not undefined/],
        [() => x.add("1"), /not "1"/],
        [() => x.add(nn.relu()), /not a Module/],
        [() => x.transpose(0.5, 0), /dim0 must be a whole number, not 0.5/],
        [() => x.transpose(0), /must be a whole number, not undefined/],
        [() => x.sum({ keepdim: 1 }), /keepdim must be true or false, not 1/],
        [() => x.sum({ keepDim: true }), /sum has no option "keepDim"; there are dim, keepdim/],
        [() => x.sum("dim"), /the options must be an object/],
        [() => candle.cat(x), /tensors must be an array of tensors, not a Tensor/],
        [() => candle.cat([x, null]), /tensors\[1\] must be/],
        [() => candle.zeros(["2"]), /shape\[0\] must be a whole number/],
        [() => candle.rand([2], { generator: {} }), /generator must be a Generator/],
        [() => nn.linear(2), /outFeatures must be a whole number, not undefined/],
        [() => nn.sequential(x), /the layer must be a Module, not a Tensor/],
        [() => nn.relu().forward(3), /input must be a Tensor, not 3/],
        [() => optim.sgd(nn.linear(1, 1)), /params must be an array of tensors, not a Module/],
        [() => new TensorMap(3), /must be tensors by name, not 3/],
        [() => new TensorMap({ a: 3 }), /tensor must be a Tensor/],
        [() => new Tensor(), /is not made with new/],
        [() => tensor(undefined), /element 0 must be a number, not undefined/],
        [() => candle.noGrad(3), /must be a function/],
    ];
    for (const [call, message] of wrong) {
        assert.throws(call, { name: "TypeError", message });
    }
});

test("words that there are not are refused with those that there are", () => {
    const x = tensor([1]);
    assert.throws(() => candle.zeros([1], { dtype: "float31" }), {
        name: "InvalidArgumentError",
        message: /dtype must be one of "bool", .*"float64", not "float31"/,
    });
    assert.throws(() => candle.mseLoss(x, x, { reduction: "average" }), /"none", "mean", "sum"/);
    assert.throws(() => candle.mseLoss(x, x, { reduction: "toString" }), /reduction must be/);
    assert.throws(() => x.toDtype("constructor"), candle.InvalidArgumentError);
    assert.throws(() => candle.zeros([1], { device: "tpu" }), /tpu/);
});

test("texts that C cannot have are refused", () => {
    const map = new TensorMap();
    assert.throws(() => map.set("a\0b", tensor([1])), /name has a NUL in it/);
    assert.throws(() => map.set("\ud800", tensor([1])), candle.InvalidUtf8Error);
    assert.throws(() => map.save("\0"), candle.InvalidArgumentError);
    assert.throws(() => map.set(3, tensor([1])), TypeError);
    assert.equal(map.set("ключ 🔑", tensor([1])).keys()[0], "ключ 🔑");
});

test("what was freed is not used", () => {
    const x = tensor([1, 2]);
    assert.equal(x.isFreed, false);
    x.free();
    x.free();
    assert.equal(x.isFreed, true);
    const freed = { name: "InvalidHandleError", message: /was freed/ };
    assert.throws(() => x.sum(), freed);
    assert.throws(() => x.shape, freed);
    assert.throws(() => candle.ones([2]).add(x), freed);
    assert.throws(() => candle.cat([x]), freed);
    assert.throws(() => x.backward(), freed);
    assert.equal(x.toString(), "tensor(freed)");
    const model = nn.linear(1, 1);
    const optimizer = optim.sgd(model.parameters());
    const map = new TensorMap();
    const generator = new candle.Generator();
    [model, optimizer, map, generator].forEach((object) => object.free());
    assert.throws(() => model.forward(tensor([1])), freed);
    assert.throws(() => nn.sequential(model), freed);
    assert.throws(() => optimizer.step(), freed);
    assert.throws(() => map.size, freed);
    assert.throws(() => candle.rand([1], { generator }), freed);
    if (Symbol.dispose !== undefined) {
        const y = tensor([1]);
        y[Symbol.dispose]();
        assert.equal(y.isFreed, true);
    }
});

test("a library that cannot be loaded is named", () => {
    const program = 'import("candle-ffi").catch((error) => console.log(error.message));';
    const run = (library) => {
        const env = { ...process.env, CANDLE_FFI_LIBRARY: library };
        const cwd = fileURLToPath(new URL(".", import.meta.url));
        return spawnSync(process.execPath, ["-e", program], { env, cwd, encoding: "utf8" }).stdout;
    };
    const missing = run("/nowhere/libcandle_ffi.so");
    assert.match(missing, /CANDLE_FFI_LIBRARY/);
    assert.match(missing, /\/nowhere\/libcandle_ffi\.so: /);
    if (process.platform === "linux") {
        assert.match(run("libc.so.6"), /is no library of candle_ffi/);
    }
});
