// Two tensors, a matrix product, and an error that says what is wrong.

import io.github.candleffi.Candle;
import io.github.candleffi.ShapeException;
import io.github.candleffi.Tensor;

final class Hello {
    public static void main(String[] arguments) {
        System.out.println(Candle.buildInfo());
        Tensor a = Candle.tensor(new float[][] {{1, 2, 3}, {4, 5, 6}});
        Tensor product = a.matmul(a.transpose(0, 1));
        for (long row = 0; row < product.size(0); row++) {
            float[] values = product.get(row).toFloatArray();
            System.out.printf("[%.0f %.0f]%n", values[0], values[1]);
        }

        // 2x3 times 2x3 does not go.
        try {
            a.matmul(a);
        } catch (ShapeException error) {
            System.out.println("as expected, " + error.getMessage());
            return;
        }
        System.exit(1);
    }
}
