// Learns y = 2*x1 + 3*x2 from 100 random points with a small network.

import io.github.candleffi.Candle;
import io.github.candleffi.GradMode;
import io.github.candleffi.Nn;
import io.github.candleffi.Optim;
import io.github.candleffi.Optimizer;
import io.github.candleffi.Tensor;
import java.util.Locale;

final class TrainRegression {
    public static void main(String[] arguments) {
        Candle.manualSeed(0);
        Tensor x = Candle.rand(100, 2);
        Tensor y = x.narrow(1, 0, 1).mul(2).add(x.narrow(1, 1, 1).mul(3));

        Nn.Module model = Nn.sequential(Nn.linear(2, 10), Nn.relu(), Nn.linear(10, 1));
        Optimizer optimizer =
            Optim.sgd(model.parameters(), new Optim.SgdOptions().lr(0.1).momentum(0.9));

        for (int epoch = 1; epoch <= 100; epoch++) {
            optimizer.zeroGrad();
            Tensor loss = Candle.mseLoss(model.forward(x), y);
            loss.backward();
            optimizer.step();
            if (epoch % 10 == 0) {
                System.out.printf(Locale.ROOT, "epoch %3d  loss %.6f%n", epoch, loss.item());
            }
        }

        try (GradMode scope = Candle.noGrad()) {
            Tensor point = Candle.tensor(new float[][] {{0.5f, 0.5f}});
            System.out.printf(Locale.ROOT, "prediction for [0.5, 0.5]: %.3f (expected 2.5)%n",
                model.forward(point).item());
        }
    }
}
