// Tensors: from data and back, operations, indexing, printing.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { Tensor, slice, tensor } from "candle-ffi";

const dtypes = [
    "bool",
    "uint8",
    "int16",
    "uint32",
    "int32",
    "int64",
    "float8_e4m3fn",
    "float16",
    "bfloat16",
    "float32",
    "float64",
];

test("a tensor is made of nested arrays", () => {
    const matrix = tensor([
        [1, 2, 3],
        [4, 5, 6],
    ]);
    assert.deepEqual(matrix.shape, [2, 3]);
    assert.equal(matrix.dtype, "float32");
    assert.equal(matrix.device, "cpu");
    assert.deepEqual(matrix.tolist(), [
        [1, 2, 3],
        [4, 5, 6],
    ]);
    assert.equal(tensor([1n, -2n]).dtype, "int64");
    assert.deepEqual(tensor([1n, 2n ** 62n]).tolist(), [1n, 2n ** 62n]);
    assert.equal(tensor([true, false]).dtype, "bool");
    assert.deepEqual(tensor([true, false]).tolist(), [true, false]);
    assert.equal(tensor(2.5).ndim, 0);
    assert.equal(tensor(2.5).item(), 2.5);
    assert.deepEqual(tensor([]).shape, [0]);
    assert.deepEqual(tensor([[[1], [2]]]).shape, [1, 2, 1]);
    assert.throws(() => tensor([[1, 2], [3]]), candle.ShapeError);
    assert.throws(() => tensor([[1, 2], 3]), candle.ShapeError);
    assert.throws(() => tensor([1, "2"]), TypeError);
    const endless = [];
    endless.push(endless);
    assert.throws(() => tensor(endless), candle.ShapeError);
    assert.throws(() => tensor([300], { dtype: "uint8" }), candle.InvalidArgumentError);
    assert.throws(() => tensor([1.5], { dtype: "int64" }), TypeError);
});

test("each dtype takes numbers and gives them back", () => {
    for (const dtype of dtypes) {
        const made = tensor([0, 1], { dtype });
        assert.equal(made.dtype, dtype);
        const values = made.tolist().map(Number);
        assert.deepEqual(values, [0, 1], dtype);
        assert.equal(made.data().length, 2);
        const again = candle.fromData(made.data(), 2, { dtype });
        assert.deepEqual(again.tolist(), made.tolist());
        const { name, size, isFloat } = candle.dtypeInfo(dtype);
        assert.equal(name, dtype);
        assert.equal(size, made.data().BYTES_PER_ELEMENT);
        assert.equal(isFloat, dtype.includes("float"));
        assert.equal(candle.dtypeFromName(dtype), dtype);
    }
    assert.equal(candle.promoteTypes("int64", "float16"), "float16");
});

test("typed arrays have the dtype of the tensor", () => {
    const arrays = [
        [Float32Array.of(1, 2, 3, 4), "float32"],
        [Float64Array.of(1, 2, 3, 4), "float64"],
        [BigInt64Array.of(1n, 2n, 3n, 4n), "int64"],
        [Int32Array.of(1, 2, 3, 4), "int32"],
        [Uint32Array.of(1, 2, 3, 4), "uint32"],
        [Int16Array.of(1, 2, 3, 4), "int16"],
        [Uint8Array.of(1, 2, 3, 4), "uint8"],
    ];
    for (const [array, dtype] of arrays) {
        const made = candle.fromData(array, [2, 2]);
        assert.equal(made.dtype, dtype);
        assert.deepEqual(made.data(), array);
        assert.deepEqual(tensor(array).shape, [4]);
        const room = new array.constructor(4);
        made.copyTo(room);
        assert.deepEqual(room, array);
    }
    const halves = Uint16Array.of(0x3c00, 0x4000);
    assert.deepEqual(candle.fromData(halves, 2, { dtype: "float16" }).tolist(), [1, 2]);
    assert.throws(() => candle.fromData(halves, 2), candle.InvalidArgumentError);
    const bools = candle.fromData(Uint8Array.of(1, 0), 2, { dtype: "bool" });
    assert.deepEqual(bools.tolist(), [true, false]);
    const wide = candle.fromData(Float32Array.of(1.5), 1, { dtype: "float64" });
    assert.deepEqual(wide.data(), Float64Array.of(1.5));
    const bytes = new Uint8Array(new ArrayBuffer(8), 4, 2);
    bytes.set([7, 9]);
    assert.deepEqual(tensor(bytes).tolist(), [7, 9], "a part of a buffer");
    assert.throws(() => candle.fromData(Float32Array.of(1), [2]), candle.InvalidArgumentError);
    assert.throws(() => tensor([1, 2]).copyTo(new Float64Array(2)), candle.DTypeError);
    assert.throws(() => tensor([1, 2]).copyTo(new Float32Array(3)), candle.CandleError);
    const rows = candle.fromRows(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2], [2, 0, 2]);
    assert.deepEqual(rows.tolist(), [
        [5, 6],
        [1, 2],
        [5, 6],
    ]);
    assert.throws(() => candle.fromRows(Float32Array.of(1), [1, 1], [1]), candle.IndexError);
});

test("operations are methods and functions", () => {
    const x = tensor([
        [1, 5],
        [7, 3],
    ]);
    assert.deepEqual(x.matmul(x).tolist(), candle.matmul(x, x).tolist());
    assert.deepEqual(x.matmul(x).tolist(), [
        [36, 20],
        [28, 44],
    ]);
    assert.deepEqual(x.add(1).tolist()[0], [2, 6]);
    assert.deepEqual(candle.sub(10, x).tolist()[1], [3, 7]);
    assert.equal(tensor([1n]).mul(2).dtype, "int64", "a number does not promote");
    assert.equal(tensor([1n]).mul(0.5).dtype, "float32");
    assert.equal(x.sum().item(), 16);
    assert.deepEqual(x.sum({ dim: 0 }).tolist(), [8, 8]);
    assert.deepEqual(x.sum({ dim: [0, 1], keepdim: true }).shape, [1, 1]);
    assert.equal(x.sum({ dtype: "float64" }).dtype, "float64");
    assert.ok(Math.abs(x.std().item() - 2.5819889) < 1e-6);
    const { values, indices } = x.topk(1);
    assert.deepEqual(values.tolist(), [[5], [7]]);
    assert.deepEqual(indices.tolist(), [[1n], [0n]]);
    assert.deepEqual(candle.cat([x, x], { dim: 1 }).shape, [2, 4]);
    assert.deepEqual(candle.stack([x, x, x]).shape, [3, 2, 2]);
    assert.equal(candle.arange(0, 40, 1).split(1).length, 40, "more than a first guess");
    assert.deepEqual(candle.where(x.gt(4), x, 0).tolist(), [
        [0, 5],
        [7, 0],
    ]);
    assert.deepEqual(x.clamp({ min: 2 }).tolist()[0], [2, 5]);
    assert.equal(candle.var(x).item(), x.var().item());
    const image = candle.ones([1, 1, 4, 4]);
    const kernel = candle.ones([1, 1, 3, 3]);
    assert.deepEqual(image.conv2d(kernel, { padding: "same" }).shape, [1, 1, 4, 4]);
    assert.deepEqual(image.conv2d(kernel, { stride: [2, 1], padding: [1, 0] }).shape, [1, 1, 2, 2]);
    const loss = candle.crossEntropy(tensor([[2, 0]]), tensor([0n]), { labelSmoothing: 0.1 });
    assert.ok(Math.abs(loss.item() - 0.2269) < 1e-3);
    assert.equal(candle.mseLoss(x, x.add(2), { reduction: "sum" }).item(), 16);
});

test("in place operations change their tensor and give it", () => {
    const x = tensor([1, 2]);
    assert.equal(x.add_(1), x);
    assert.deepEqual(x.mul_(x).tolist(), [4, 9]);
    assert.equal(x.version, 2);
    assert.throws(() => candle.add_(3, x), TypeError);
    assert.deepEqual(x.share().zero_().tolist(), [0, 0]);
    assert.deepEqual(x.tolist(), [0, 0], "a share is the same tensor");
    x.setData(tensor([5, 6, 7]));
    assert.deepEqual(x.shape, [3]);
});

test("a tensor tells what it is", () => {
    const x = candle.zeros([2, 3], { dtype: "float64" });
    assert.equal(x.ndim, 2);
    assert.equal(x.numel, 6);
    assert.equal(x.size(-1), 3);
    assert.throws(() => x.size(2), candle.IndexError);
    assert.deepEqual(x.strides, [3, 1]);
    assert.deepEqual(x.transpose(0, 1).strides, [1, 3]);
    assert.equal(x.transpose(0, 1).isContiguous, false);
    assert.equal(candle.fromData(BigInt64Array.of(2n ** 60n), []).itemBigInt(), 2n ** 60n);
    assert.throws(() => x.item(), candle.ShapeError);
});

test("a tensor is indexed", () => {
    const x = candle.arange(0, 12, 1).reshape([3, 4]);
    const numbers = (y) => y.toDtype("float64").tolist();
    assert.deepEqual(numbers(x.getItem(0)), [0, 1, 2, 3]);
    assert.deepEqual(numbers(x.getItem(-1, slice(1, 3))), [9, 10]);
    assert.deepEqual(numbers(x.getItem(slice(), slice(null, null, 3))), [
        [0, 3],
        [4, 7],
        [8, 11],
    ]);
    assert.deepEqual(x.getItem(null, "...", 0).shape, [1, 3]);
    x.setItem([slice(0, 2), 1], -1);
    assert.deepEqual(numbers(x.getItem("...", 1)), [-1, -1, 9]);
    x.setItem(2, tensor([1, 2, 3, 4]));
    assert.deepEqual(numbers(x.getItem(2)), [1, 2, 3, 4]);
    assert.throws(() => x.getItem(3), candle.IndexError);
    assert.throws(() => x.getItem("1"), TypeError);
    assert.throws(() => x.getItem(slice(0, 2, 0)), candle.CandleError);
});

test("a tensor prints as in PyTorch", () => {
    const x = tensor([
        [1, 2.5],
        [3, 1e-9],
    ]);
    assert.equal(x.toString(), "tensor([[1, 2.5],\n        [3, 1.0000e-9]])");
    assert.equal(`${tensor([1], { dtype: "float64" })}`, "tensor([1], float64)");
    assert.equal(`${tensor([1], { requiresGrad: true }).mul(2)}`, "tensor([2], gradFn: mul)");
    assert.match(`${candle.zeros([2000])}`, /^tensor\(\[0, 0, 0, \.\.\., 0, 0, 0\]\)$/);
    assert.ok(x instanceof Tensor);
});

test("random numbers repeat with their seed", () => {
    const generator = new candle.Generator(7);
    const first = candle.rand([3], { generator }).tolist();
    const state = generator.getState();
    assert.equal(state.seed, 7n);
    const second = candle.randn([3], { generator }).tolist();
    generator.setState(state);
    assert.deepEqual(candle.randn([3], { generator }).tolist(), second);
    generator.manualSeed(7);
    assert.deepEqual(candle.rand([3], { generator }).tolist(), first);
    assert.equal(generator.initialSeed(), 7n);
    candle.manualSeed(7);
    assert.deepEqual(candle.rand([3]).tolist(), first, "the default generator");
    candle.manualSeed(2n ** 64n - 1n);
    assert.throws(() => candle.manualSeed(-1), candle.InvalidArgumentError);
    assert.throws(() => candle.manualSeed(2n ** 64n), TypeError);
});

test("checks of handles are decided once", () => {
    tensor([1]).free();
    const level = candle.checks();
    candle.setChecks(level);
    assert.throws(() => candle.setChecks((level + 1) % 3), candle.InvalidArgumentError);
    assert.equal(candle.misuses(), 0);
});

test("the library tells what it is", () => {
    assert.match(candle.version(), /^\d+\.\d+\.\d+$/);
    assert.ok(candle.abiVersion() >= 1);
    assert.match(candle.buildInfo(), /candle/);
    const threads = candle.getNumThreads();
    candle.setNumThreads(1);
    assert.equal(candle.getNumThreads(), 1);
    candle.setNumThreads(threads);
    candle.setDefaultDtype("float64");
    assert.equal(tensor([1]).dtype, candle.getDefaultDtype());
    candle.setDefaultDtype("float32");
    assert.equal(candle.deviceCount("cpu"), 1);
    assert.equal(candle.isDeviceAvailable("cpu"), true);
    candle.checkDevice("cpu");
    assert.throws(() => candle.checkDevice("tpu"), candle.CandleError);
    const info = candle.deviceInfo("cpu");
    assert.ok(info.name !== "" && info.uuid === "" && info.multiprocessorCount > 0);
    const memory = candle.deviceMemory("cpu");
    assert.ok(memory.free <= memory.total && memory.allocated === 0);
    candle.synchronize("cpu");
    candle.emptyCache("cpu");
    candle.resetPeakMemory("cpu");
    assert.throws(() => candle.deviceStream("cpu"), candle.UnsupportedError);
    assert.throws(() => candle.letStreamWait("cpu", 0), candle.UnsupportedError);
    assert.throws(() => candle.waitForStream("cpu", 0n), candle.UnsupportedError);
    assert.equal(tensor([1]).isPinned, false);
    assert.throws(() => candle.loadBackend("/nowhere/libcandle_ffi.so.0"), candle.IoError);
});
