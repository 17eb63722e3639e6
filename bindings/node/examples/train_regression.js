// Learns y = 2*x1 + 3*x2 from 100 random points with a small network.

import { manualSeed, mseLoss, nn, noGrad, optim, rand, tensor } from "candle-ffi";

manualSeed(0);
const x = rand([100, 2]);
const y = x.narrow(1, 0, 1).mul(2).add(x.narrow(1, 1, 1).mul(3));

const model = nn.sequential(nn.linear(2, 10), nn.relu(), nn.linear(10, 1));
const optimizer = optim.sgd(model.parameters(), { lr: 0.1, momentum: 0.9 });

for (let epoch = 1; epoch <= 100; epoch++) {
    optimizer.zeroGrad();
    const loss = mseLoss(model.forward(x), y);
    loss.backward();
    optimizer.step();
    if (epoch % 10 === 0) {
        console.log(`epoch ${String(epoch).padStart(3)}  loss ${loss.item().toFixed(6)}`);
    }
}

const prediction = noGrad(() => model.forward(tensor([[0.5, 0.5]])).item());
console.log(`prediction for [0.5, 0.5]: ${prediction.toFixed(3)} (expected 2.5)`);
