// Gradients, hooks, layers, optimizers, files.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as candle from "candle-ffi";
import { TensorMap, grad, nn, noGrad, optim, tensor } from "candle-ffi";

const leaf = (values) => tensor(values, { requiresGrad: true });

function withFolder(body) {
    const folder = mkdtempSync(join(tmpdir(), "candle-ffi-"));
    try {
        body(folder);
    } finally {
        rmSync(folder, { recursive: true });
    }
}

test("gradients flow back", () => {
    const x = leaf([1, 2, 3]);
    assert.equal(x.isLeaf, true);
    assert.equal(x.grad, null);
    const y = x.mul(x).sum();
    assert.equal(y.gradFnName, "sum");
    y.backward();
    assert.deepEqual(x.grad.tolist(), [2, 4, 6]);
    assert.throws(() => y.backward(), candle.GraphError);
    x.mul(2).backward({ gradient: tensor([1, 0, 1]) });
    assert.deepEqual(x.grad.tolist(), [4, 4, 8], "gradients add up");
    x.grad = null;
    assert.equal(x.grad, null);
    const z = x.sum();
    z.backward({ retainGraph: true });
    z.backward();
    assert.deepEqual(x.grad.tolist(), [2, 2, 2]);
    x.grad = tensor([1, 1, 1]);
    assert.equal(x.grad.sum().item(), 3);
    assert.equal(x.mul(2).detach().requiresGrad, false);
});

test("gradients are taken of any tensor", () => {
    const x = leaf([3]);
    const unused = leaf([1]);
    const [first] = grad([x.mul(x).mul(x).sum()], [x], { createGraph: true });
    assert.equal(first.item(), 27);
    assert.equal(grad([first.sum()], [x])[0].item(), 18, "the second derivative");
    assert.throws(() => grad([x.mul(x).sum()], [x, unused]), candle.GraphError);
    const both = grad([x.mul(x).sum()], [x, unused], { allowUnused: true });
    assert.deepEqual([both[0].item(), both[1]], [6, null]);
    const [scaled] = grad([x.mul(2)], [x], { gradOutputs: [tensor([5])] });
    assert.equal(scaled.item(), 10);
    assert.throws(() => grad([x.mul(2)], [x], { gradOutputs: [] }), TypeError);
});

test("recording is switched for a function", () => {
    const x = leaf([1]);
    assert.equal(candle.isGradEnabled(), true);
    noGrad(() => {
        assert.equal(x.mul(2).requiresGrad, false);
        candle.enableGrad(() => assert.equal(x.mul(2).requiresGrad, true));
        assert.equal(candle.isGradEnabled(), false);
    });
    assert.throws(() => noGrad(() => assert.fail("of the body")), /of the body/);
    assert.equal(x.mul(2).requiresGrad, true);
    candle.setGradEnabled(false);
    assert.equal(x.mul(2).requiresGrad, false);
    candle.setGradEnabled(true);
    assert.throws(() => noGrad(async () => {}), /no async function/);
});

test("hooks see and replace gradients", () => {
    const x = leaf([1, 2]);
    let calls = 0;
    const removeSeen = x.registerHook((gradient) => {
        calls += 1;
        assert.equal(gradient.numel, 2);
    });
    const removeDoubled = x.registerHook((gradient) => gradient.mul(2));
    x.sum().backward();
    assert.equal(calls, 1);
    assert.deepEqual(x.grad.tolist(), [2, 2]);
    removeSeen();
    removeDoubled();
    removeDoubled();
    x.sum().backward();
    assert.equal(calls, 1);
    assert.deepEqual(x.grad.tolist(), [3, 3]);
    const remove = x.registerHook(() => {
        throw new RangeError("of the hook");
    });
    assert.throws(() => x.sum().backward(), { name: "RangeError", message: "of the hook" });
    remove();
    const removeWrong = x.registerHook(() => 3);
    assert.throws(() => x.sum().backward(), /what the hook returns must be a Tensor/);
    removeWrong();
    assert.throws(() => tensor([1]).registerHook(() => {}), candle.GraphError);
    assert.throws(() => x.registerHook(null), TypeError);
});

test("modules are made of layers", () => {
    candle.manualSeed(1);
    const model = nn.sequential(
        nn.conv2d(1, 4, 3, { padding: 1 }),
        nn.batchNorm2d(4),
        nn.relu(),
        nn.maxPool2d(2),
        nn.flatten(),
        nn.dropout(),
        nn.linear(4 * 4 * 4, 3),
    );
    assert.equal(model.name, "Sequential");
    const x = candle.rand([2, 1, 8, 8]);
    assert.deepEqual(model.forward(x).shape, [2, 3]);
    assert.equal(model.parameters().length, 6);
    assert.equal(model.parameterNames()[0], "0.weight");
    assert.equal(model.namedParameters().at(-1)[0], "6.bias");
    assert.deepEqual(model.getParameter("6.weight").shape, [3, 64]);
    assert.equal(model.namedBuffers().length, 3);
    assert.deepEqual(model.getBuffer(model.bufferNames()[0]).shape, [4]);
    model.eval();
    assert.deepEqual(model.forward(x).tolist(), model.forward(x).tolist(), "no dropout");
    model.share().getParameter("6.bias").requiresGrad = false;
    assert.equal(model.getParameter("6.bias").requiresGrad, false);
    assert.throws(() => model.forward(candle.rand([2, 2, 8, 8])), candle.ShapeError);
    assert.equal(model.to({ dtype: "float64" }).parameters()[0].dtype, "float64");
    assert.equal(nn.moduleDict({ a: nn.linear(1, 1) }).parameterNames()[1], "a.bias");
    const list = nn.moduleList(nn.linear(1, 1), nn.linear(1, 1));
    assert.equal(list.parameterNames()[2], "1.weight");
    const layer = nn.linear(2, 2, { bias: false });
    layer.setParameter("weight", leaf([[1, 2], [3, 4]]));
    assert.deepEqual(layer.forward(tensor([[1, 1]])).tolist(), [[3, 7]]);
    layer.forward(tensor([[1, 1]])).sum().backward();
    layer.zeroGrad();
    assert.ok([null, 0].includes(layer.parameters()[0].grad?.sum().item() ?? null));
});

test("modules take and give several tensors", () => {
    const lstm = nn.lstm(3, 5, { numLayers: 2 });
    const out = lstm.forwardMany([candle.rand([7, 2, 3])]);
    assert.deepEqual(
        out.map((tensor) => tensor.shape),
        [
            [7, 2, 5],
            [2, 2, 5],
            [2, 2, 5],
        ],
    );
    assert.equal(lstm.forwardMany([candle.rand([7, 2, 3]), out[1], out[2]]).length, 3);
});

test("files keep modules and tensors", () => {
    withFolder((folder) => {
        const file = join(folder, "model é.safetensors");
        const build = () => nn.sequential(nn.linear(2, 3), nn.tanh(), nn.linear(3, 1));
        const [model, other] = [build(), build()];
        model.save(file);
        const x = candle.rand([4, 2]);
        assert.notDeepEqual(other.forward(x).tolist(), model.forward(x).tolist());
        other.load(file);
        assert.deepEqual(other.forward(x).tolist(), model.forward(x).tolist());
        const wrong = nn.linear(2, 3);
        assert.throws(() => wrong.load(file), candle.StateDictError);
        wrong.loadStateDict(nn.linear(2, 3).stateDict());
        wrong.loadStateDict({ weight: candle.ones([3, 2]) }, { strict: false });
        assert.equal(wrong.getParameter("weight").sum().item(), 6);

        const map = new TensorMap({ b: tensor([1n, 2n]), a: tensor([0.5]) });
        map.setMetadata("made by", "a test").save(file);
        const back = TensorMap.load(file);
        assert.equal(back.size, 2);
        assert.deepEqual(back.keys(), ["a", "b"]);
        assert.equal(back.get("a").item(), 0.5);
        assert.deepEqual(
            [...back].map(([name, value]) => [name, value.dtype]),
            [
                ["a", "float32"],
                ["b", "int64"],
            ],
        );
        assert.deepEqual(back.metadata, { "made by": "a test" });
        assert.equal(back.has("c"), false);
        assert.throws(() => back.get("c"), candle.CandleError);
        assert.equal(new TensorMap(back).size, 2);
        writeFileSync(file, "no safetensors");
        assert.throws(() => TensorMap.load(file), candle.FileFormatError);
        assert.throws(() => TensorMap.load(join(folder, "none")), candle.IoError);
    });
});

test("each optimizer learns a regression", () => {
    const all = {
        sgd: { lr: 0.1, momentum: 0.9 },
        adam: { lr: 0.1 },
        adamw: { lr: 0.1 },
        adamax: { lr: 0.1 },
        nadam: { lr: 0.1 },
        radam: { lr: 0.1 },
        rmsprop: { lr: 0.01 },
        adagrad: { lr: 0.5 },
        adadelta: { lr: 10 },
        asgd: { lr: 0.1 },
        rprop: { lr: 0.05 },
        lion: { lr: 0.01 },
        lbfgs: { lr: 0.5 },
    };
    assert.deepEqual(Object.keys(all).sort(), Object.keys(optim).sort());
    for (const [name, options] of Object.entries(all)) {
        candle.manualSeed(0);
        const x = candle.rand([64, 2]);
        const y = x.matmul(tensor([[2], [3]]));
        const model = nn.linear(2, 1);
        const optimizer = optim[name](model.parameters(), options);
        assert.equal(optimizer.getOption("lr"), options.lr);
        const closure = () => {
            optimizer.zeroGrad();
            const loss = candle.mseLoss(model.forward(x), y);
            loss.backward();
            return loss.item();
        };
        const first = closure();
        for (let step = 0; step < 200; step++) {
            if (name === "lbfgs") {
                optimizer.step(closure);
            } else {
                closure();
                optimizer.step();
            }
        }
        assert.ok(closure() < 0.1 * first, name);
    }
});

test("optimizers have groups, options and states", () => {
    const model = nn.linear(2, 1);
    const optimizer = optim.adam(model.parameters(), { weightDecay: 0.25 });
    assert.equal(optimizer.name, "Adam");
    assert.equal(optimizer.getOption("lr"), 1e-3, "PyTorch's default");
    assert.equal(optimizer.getOption("weightDecay"), 0.25);
    assert.ok(optimizer.optionNames().includes("weightDecay"));
    optimizer.setOptions({ lr: 0.5, eps: 1e-4 });
    assert.equal(optimizer.getOption("lr"), 0.5);
    assert.throws(() => optimizer.setOptions({ lr: -1 }), candle.InvalidArgumentError);
    assert.throws(() => optimizer.setOptions({ learning: 1 }), TypeError);
    assert.throws(() => optimizer.addParamGroup([leaf([1])], { lr: -1 }), candle.CandleError);
    assert.throws(() => optimizer.addParamGroup([leaf([1])], { rate: 1 }), TypeError);
    assert.equal(optimizer.numGroups, 1, "what is refused adds nothing");
    assert.throws(() => optim.adam(model.parameters(), { learningRate: 1 }), /has no option/);
    assert.equal(optimizer.params().length, 2);
    optimizer.addParamGroup([leaf([1])], { lr: 0.125 });
    assert.equal(optimizer.numGroups, 2);
    assert.deepEqual([0, 1].map((group) => optimizer.getOption("lr", group)), [0.5, 0.125]);
    assert.equal(optimizer.getState("exp_avg", 0), null);
    model.forward(candle.rand([3, 2])).sum().backward();
    optimizer.step();
    for (const name of optimizer.stateNames()) {
        const state = optimizer.getState(name, 0);
        if (state !== null) {
            optimizer.setState(name, 0, state);
        }
    }
    assert.deepEqual(optimizer.getState("exp_avg", 0).shape, [1, 2]);
    assert.throws(() => optim.sgd([tensor([1]).mul(leaf([1]))]), candle.InvalidArgumentError);
});

test("L-BFGS takes a closure", () => {
    const x = leaf([5, -3]);
    const optimizer = optim.lbfgs([x]);
    const closure = () => {
        optimizer.zeroGrad();
        const loss = x.sub(1).mul(x.sub(1)).sum();
        loss.backward();
        return loss.item();
    };
    assert.equal(optimizer.step(closure), 32, "the loss before the step");
    assert.ok(closure() < 1e-6);
    assert.throws(
        () =>
            optimizer.step(() => {
                throw new RangeError("of the closure");
            }),
        { name: "RangeError", message: "of the closure" },
    );
    assert.throws(() => optimizer.step(3), TypeError);
});

test("gradients are limited", () => {
    const x = leaf([3, 4]);
    x.mul(x).sum().backward();
    assert.equal(candle.getTotalNorm([x.grad]).item(), 10);
    assert.equal(candle.clipGradNorm_([x], 1).item(), 10);
    assert.ok(Math.abs(x.grad.getItem(1).item() - 0.8) < 1e-4);
    candle.clipGradValue_([x], 0.7);
    assert.ok(Math.abs(x.grad.getItem(1).item() - 0.7) < 1e-6);
    assert.equal(candle.getTotalNorm([tensor([3, -4])], { normType: Infinity }).item(), 4);
});
