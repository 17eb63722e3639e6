// Learns y = 2*x1 + 3*x2 from 100 random points with a small network.

#include <candle_ffi.hpp>

#include <cstdio>

namespace nn = candle::nn;
namespace optim = candle::optim;
using candle::Tensor;

int main() {
    candle::manual_seed(0);
    const Tensor x = candle::rand({100, 2});
    const Tensor y = 2 * x.narrow(1, 0, 1) + 3 * x.narrow(1, 1, 1);

    const candle::Module model = nn::sequential({nn::linear(2, 10), nn::relu(), nn::linear(10, 1)});
    optim::SgdOptions options;
    options.lr = 0.1;
    options.momentum = 0.9;
    candle::Optimizer optimizer = optim::sgd(model.parameters(), options);

    for (int epoch = 1; epoch <= 100; epoch++) {
        optimizer.zero_grad();
        const Tensor loss = candle::mse_loss(model(x), y);
        loss.backward();
        optimizer.step();
        if (epoch % 10 == 0) {
            std::printf("epoch %3d  loss %.6f\n", epoch, loss.item());
        }
    }

    const candle::NoGrad no_grad;
    const Tensor point = candle::tensor({{0.5F, 0.5F}});
    std::printf("prediction for [0.5, 0.5]: %.3f (expected 2.5)\n", model(point).item());
}
