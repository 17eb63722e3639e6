// Learns to tell handwritten digits: a table of numbers with commas, in each line 64 pixels and the
// digit.

import io.github.candleffi.Candle;
import io.github.candleffi.DType;
import io.github.candleffi.GradMode;
import io.github.candleffi.Nn;
import io.github.candleffi.Optim;
import io.github.candleffi.Optimizer;
import io.github.candleffi.Options.ArgmaxOptions;
import io.github.candleffi.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

final class Digits {
    private static final int PIXELS = 64;
    private static final int CLASSES = 10;
    private static final long BATCH_SIZE = 64;
    private static final int EPOCHS = 20;

    /** Images with their labels. */
    private record Table(Tensor images, Tensor labels) {
        long count() {
            return labels.size(0);
        }

        Table part(long start, long length) {
            return new Table(images.narrow(0, start, length), labels.narrow(0, start, length));
        }

        Table at(Tensor rows) {
            return new Table(images.indexSelect(0, rows), labels.indexSelect(0, rows));
        }
    }

    /** Why a file cannot be used. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String why) {
            super(why);
        }
    }

    private static Table read(String path) throws Refused {
        List<String> lines;
        try {
            lines = Files.readAllLines(Path.of(path));
        } catch (IOException error) {
            throw new Refused(path + ": cannot be read");
        }
        float[] images = new float[lines.size() * PIXELS];
        long[] labels = new long[lines.size()];
        for (int line = 0; line < lines.size(); line++) {
            String place = path + ":" + (line + 1) + ": ";
            String[] fields = lines.get(line).split(",", -1);
            float[] values = new float[fields.length];
            for (int at = 0; at < fields.length; at++) {
                try {
                    values[at] = Float.parseFloat(fields[at].strip());
                } catch (NumberFormatException error) {
                    throw new Refused(place + "\"" + fields[at] + "\" is no number");
                }
            }
            if (values.length != PIXELS + 1) {
                throw new Refused(place + "expected 65 numbers, found " + values.length);
            }
            labels[line] = (long) values[PIXELS];
            if (labels[line] < 0 || labels[line] >= CLASSES) {
                throw new Refused(place + "the last number must be a digit");
            }
            System.arraycopy(values, 0, images, line * PIXELS, PIXELS);
        }
        if (labels.length < CLASSES) {
            throw new Refused(path + ": too few digits");
        }
        return new Table(Tensor.fromData(images, labels.length, PIXELS).div(16.0),
            Candle.tensor(labels));
    }

    private static Nn.Module model() {
        return Nn.sequential(Nn.linear(PIXELS, 64), Nn.relu(),
            Nn.dropout(new Nn.DropoutOptions().p(0.1)),
            Nn.linear(64, CLASSES));
    }

    private static double accuracy(Nn.Module model, Table digits) {
        try (GradMode scope = Candle.noGrad()) {
            model.eval();
            Tensor right = model
                .forward(digits.images()).argmax(new ArgmaxOptions().dim(1)).eq(digits.labels());
            model.train();
            return right.to(DType.FLOAT32).mean().item();
        }
    }

    private static void run(String path) throws Refused {
        Candle.manualSeed(0);
        Table all = read(path);
        Table mixed = all.at(Candle.randperm(all.count()));
        long heldOut = all.count() / 5;
        Table test = mixed.part(0, heldOut);
        Table train = mixed.part(heldOut, all.count() - heldOut);

        Nn.Module model = model();
        Optimizer optimizer = Optim.adamw(model.parameters(), new Optim.AdamwOptions().lr(3e-3));
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            Table shuffled = train.at(Candle.randperm(train.count()));
            double total = 0;
            for (long start = 0; start < train.count(); start += BATCH_SIZE) {
                Table batch = shuffled.part(start, Math.min(BATCH_SIZE, train.count() - start));
                optimizer.zeroGrad();
                Tensor loss = Candle.crossEntropy(model.forward(batch.images()), batch.labels());
                loss.backward();
                Candle.clipGradNorm(model.parameters(), 1.0);
                optimizer.step();
                total += loss.item() * batch.count();
            }
            if (epoch % 5 == 0) {
                System.out.printf(Locale.ROOT, "epoch %2d  loss %.4f%n", epoch,
                    total / train.count());
            }
        }
        System.out.printf(Locale.ROOT, "accuracy %.3f on %d digits not seen%n",
            accuracy(model, test), heldOut);

        String file = "digits.safetensors";
        model.save(file);
        Nn.Module again = model();
        again.load(file);
        System.out.printf(Locale.ROOT, "accuracy %.3f from %s%n", accuracy(again, test), file);
    }

    public static void main(String[] arguments) {
        if (arguments.length != 1) {
            System.err.println("usage: Digits FILE.csv");
            System.exit(2);
        }
        try {
            run(arguments[0]);
        } catch (Refused refused) {
            System.err.println(refused.getMessage());
            System.exit(1);
        }
    }
}
