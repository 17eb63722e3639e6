// A program as a user writes it, which is compiled and not run: what is right has types, and what
// is wrong is refused.

import * as candle from "candle-ffi";
import { nn, optim, slice, tensor, type DType, type Tensor } from "candle-ffi";

const x: Tensor = tensor([[1, 2], [3, 4]], { dtype: "float64", requiresGrad: true });
const shape: number[] = x.sum({ dim: [0], keepdim: true }).shape;
const { values, indices } = x.topk(1, { dim: 0 });
const parts: Tensor[] = values.split(1);
const dtype: DType = indices.dtype;
const item: number = x.mul(2).add(candle.ones(2)).getItem(0, slice(0, 1)).item();
const gradient: Tensor | null = x.grad;
const model = nn.sequential(nn.conv2d(1, 2, 3, { padding: "same", paddingMode: "reflect" }));
const optimizer = optim.adamw(model.parameters(), { lr: 1e-3, weightDecay: 0.1 });
const loss: number = optimizer.step(() => 1);
const later: Promise<Tensor> = x.matmulAsync(x);
const grads: Tensor[] = candle.grad([x], [x]);
const some: (Tensor | null)[] = candle.grad([x], [x], { allowUnused: true });
const result: string = candle.noGrad(() => "x");
const cast: Tensor = candle.autocast("cuda", "bfloat16", () => x.matmul(x));
const message = (error: unknown): number[][] =>
    error instanceof candle.ShapeError ? error.shapes : [];
console.log(shape, parts, dtype, item, gradient, loss, later, grads, some, result, cast, message);

// @ts-expect-error: no such dtype
tensor([1], { dtype: "float31" });
// @ts-expect-error: no such option
x.sum({ keepDim: true });
// @ts-expect-error: a text is no tensor
x.add("1");
// @ts-expect-error: an argument is missing
nn.linear(2);
// @ts-expect-error: no such reduction
candle.mseLoss(x, x, { reduction: "average" });
// @ts-expect-error: no such policy
candle.setFallbackPolicy("never");
// @ts-expect-error: null is not a gradient here
const wrong: Tensor = x.grad;
console.log(wrong);
