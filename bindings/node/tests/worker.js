// What a worker of the tests does: it makes tensors, and leaves them behind.

import { parentPort } from "node:worker_threads";
import * as candle from "candle-ffi";

const x = candle.tensor([1, 2], { requiresGrad: true });
x.registerHook((gradient) => gradient.mul(3));
for (let made = 0; made < 1000; made++) {
    x.add(x);
}
const sum = await x.mul(x).sumAsync();
await sum.backwardAsync();
parentPort.postMessage(x.grad.tolist());
