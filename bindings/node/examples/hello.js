// Two tensors, a matrix product, and an error that says what is wrong.

import * as candle from "candle-ffi";

console.log(candle.buildInfo());
const a = candle.tensor([
    [1, 2, 3],
    [4, 5, 6],
]);
const product = a.matmul(a.transpose(0, 1));
for (let row = 0; row < product.size(0); row++) {
    console.log(`[${product.getItem(row).data().join(" ")}]`);
}

// 2x3 times 2x3 does not go.
try {
    a.matmul(a);
    process.exitCode = 1;
} catch (error) {
    if (!(error instanceof candle.ShapeError)) {
        throw error;
    }
    console.log(`as expected, ${error.message}`);
}
