// Learns to tell handwritten digits: a table of numbers with commas, in each line 64 pixels and the
// digit.

import { readFileSync } from "node:fs";
import * as candle from "candle-ffi";
import { nn, optim } from "candle-ffi";

const PIXELS = 64;
const CLASSES = 10;
const BATCH_SIZE = 64;
const EPOCHS = 20;

/** Images and their labels. */
class Digits {
    constructor(images, labels) {
        this.images = images;
        this.labels = labels;
    }

    get count() {
        return this.labels.size(0);
    }

    part(start, length) {
        const of = (tensor) => tensor.narrow(0, start, length);
        return new Digits(of(this.images), of(this.labels));
    }

    at(rows) {
        return new Digits(this.images.indexSelect(0, rows), this.labels.indexSelect(0, rows));
    }
}

function numberOf(field) {
    const value = Number(field);
    return field.trim() === "" || Number.isNaN(value) ? undefined : value;
}

function read(path) {
    let text;
    try {
        text = readFileSync(path, "utf8");
    } catch {
        throw new Error(`${path}: cannot be read`);
    }
    const images = [];
    const labels = [];
    text.split("\n").forEach((line, at, lines) => {
        if (line === "" && at === lines.length - 1) {
            return;
        }
        const refuse = (why) => {
            throw new Error(`${path}:${at + 1}: ${why}`);
        };
        const values = line
            .split(",")
            .map((field) => numberOf(field) ?? refuse(`"${field}" is no number`));
        if (values.length !== PIXELS + 1) {
            refuse(`expected 65 numbers, found ${values.length}`);
        }
        const label = Math.trunc(values.pop());
        if (label < 0 || label >= CLASSES) {
            refuse("the last number must be a digit");
        }
        labels.push(BigInt(label));
        images.push(...values);
    });
    if (labels.length < CLASSES) {
        throw new Error(`${path}: too few digits`);
    }
    const pixels = candle.fromData(Float32Array.from(images), [labels.length, PIXELS]);
    return new Digits(pixels.div(16.0), candle.tensor(labels));
}

function makeModel() {
    return nn.sequential(
        nn.linear(PIXELS, 64),
        nn.relu(),
        nn.dropout({ p: 0.1 }),
        nn.linear(64, CLASSES),
    );
}

function accuracy(model, digits) {
    return candle.noGrad(() => {
        model.eval();
        const right = model.forward(digits.images).argmax({ dim: 1 }).eq(digits.labels);
        model.train();
        return right.toDtype("float32").mean().item();
    });
}

function run(path) {
    candle.manualSeed(0);
    const all = read(path);
    const mixed = all.at(candle.randperm(all.count));
    const heldOut = Math.trunc(all.count / 5);
    const test = mixed.part(0, heldOut);
    const train = mixed.part(heldOut, all.count - heldOut);

    const model = makeModel();
    const optimizer = optim.adamw(model.parameters(), { lr: 3e-3 });

    for (let epoch = 1; epoch <= EPOCHS; epoch++) {
        const shuffled = train.at(candle.randperm(train.count));
        let total = 0;
        for (let start = 0; start < train.count; start += BATCH_SIZE) {
            const batch = shuffled.part(start, Math.min(BATCH_SIZE, train.count - start));
            optimizer.zeroGrad();
            const loss = candle.crossEntropy(model.forward(batch.images), batch.labels);
            loss.backward();
            candle.clipGradNorm_(model.parameters(), 1.0);
            optimizer.step();
            total += loss.item() * batch.count;
        }
        if (epoch % 5 === 0) {
            const mean = (total / train.count).toFixed(4);
            console.log(`epoch ${String(epoch).padStart(2)}  loss ${mean}`);
        }
    }
    console.log(`accuracy ${accuracy(model, test).toFixed(3)} on ${heldOut} digits not seen`);

    const file = "digits.safetensors";
    model.save(file);
    const again = makeModel();
    again.load(file);
    console.log(`accuracy ${accuracy(again, test).toFixed(3)} from ${file}`);
}

if (process.argv.length !== 3) {
    console.error("usage: digits FILE.csv");
    process.exitCode = 2;
} else {
    try {
        run(process.argv[2]);
    } catch (error) {
        console.error(error.message);
        process.exitCode = 1;
    }
}
