package io.github.candleffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Layers, models, optimizers. */
class TrainingTest {
    private static Tensor leaf(double... values) {
        return Candle.tensor(values).requiresGrad_(true);
    }

    @Test
    void modelsAreMadeOfLayers() {
        Candle.manualSeed(1);
        Nn.Module model = Nn.sequential(
            Nn.conv2d(1, 4, 3, new Nn.Conv2dOptions().padding(1)), Nn.batchNorm2d(4), Nn.relu(),
            Nn.maxPool2d(2), Nn.flatten(), Nn.dropout(), Nn.linear(4 * 4 * 4, 3));
        assertEquals("Sequential", model.name());
        assertArrayEquals(new long[] {2, 3}, model.forward(Candle.rand(2, 1, 8, 8)).shape());
        assertEquals(6, model.parameters().size());
        assertEquals("0.weight", model.parameterNames().get(0));
        assertTrue(model.namedParameters().containsKey("6.bias"));
        assertArrayEquals(new long[] {3, 64}, model.getParameter("6.weight").shape());
        assertEquals(3, model.bufferNames().size());
        assertArrayEquals(new long[] {4}, model.getBuffer(model.bufferNames().get(0)).shape());
        assertSame(model, model.eval());
        Tensor x = Candle.rand(2, 1, 8, 8);
        assertArrayEquals(model.forward(x).toDoubleArray(), model.forward(x).toDoubleArray(),
            "no dropout");
        assertFalse(java.util.Arrays.equals(model.train().forward(x).toDoubleArray(), model
            .forward(x).toDoubleArray()));
        assertThrows(ShapeException.class, () -> model.forward(Candle.rand(2, 2, 8, 8)));
        model.forward(x).sum().backward();
        assertTrue(model.getParameter("6.bias").grad() != null);
        model.zeroGrad();
        assertTrue(model.getParameter("6.bias").grad() == null);
        assertEquals(DType.FLOAT64,
            model.to(Device.CPU, DType.FLOAT64).getParameter("0.weight").dtype());
    }

    @Test
    void listsAndTablesNameTheirLayers() {
        Nn.Module list = Nn.moduleList(Nn.linear(1, 1), Nn.linear(1, 1));
        assertEquals("1.weight", list.parameterNames().get(2));
        Map<String, Nn.Module> parts = new LinkedHashMap<>();
        parts.put("a", Nn.linear(1, 1, new Nn.LinearOptions().bias(false)));
        assertEquals(List.of("a.weight"), Nn.moduleDict(parts).parameterNames());
        Nn.Module shared = list.share();
        list.close();
        shared.setParameter("0.bias", leaf(9));
        assertEquals(9.0, shared.getParameter("0.bias").item());
    }

    @Test
    void layersTakeSeveralInputs() {
        Nn.Module lstm = Nn.lstm(3, 5, new Nn.LstmOptions().numLayers(2));
        List<Tensor> out = lstm.forwardMany(Candle.rand(7, 2, 3));
        assertEquals(3, out.size());
        assertArrayEquals(new long[] {7, 2, 5}, out.get(0).shape());
        assertEquals(3, lstm.forwardMany(Candle.rand(7, 2, 3), out.get(1), out.get(2)).size());
        List<Tensor> attended = Nn.multiheadAttention(4, 2)
            .forwardMany(Candle.rand(3, 1, 4), Candle.rand(3, 1, 4), Candle.rand(3, 1, 4));
        assertArrayEquals(new long[] {3, 1, 4}, attended.get(0).shape());
    }

    @Test
    void everyOptimizerLearns() {
        Map<String, Function<List<Tensor>, Optimizer>> makers = new LinkedHashMap<>();
        makers.put("SGD", params ->
            Optim.sgd(params, new Optim.SgdOptions().lr(0.1).momentum(0.5)));
        makers.put("Adam", params -> Optim.adam(params, new Optim.AdamOptions().lr(0.1)));
        makers.put("AdamW", params -> Optim.adamw(params, new Optim.AdamwOptions().lr(0.1)));
        makers.put("Adamax", params -> Optim.adamax(params, new Optim.AdamaxOptions().lr(0.1)));
        makers.put("NAdam", params -> Optim.nadam(params, new Optim.NadamOptions().lr(0.1)));
        makers.put("RAdam", params -> Optim.radam(params, new Optim.RadamOptions().lr(0.1)));
        makers.put("RMSprop", params -> Optim.rmsprop(params, new Optim.RmspropOptions().lr(0.05)));
        makers.put("Adagrad", params -> Optim.adagrad(params, new Optim.AdagradOptions().lr(0.5)));
        makers.put("Adadelta", params -> Optim.adadelta(params, new Optim.AdadeltaOptions().lr(5)));
        makers.put("ASGD", params -> Optim.asgd(params, new Optim.AsgdOptions().lr(0.1)));
        makers.put("Rprop", params -> Optim.rprop(params, new Optim.RpropOptions().lr(0.05)));
        makers.put("Lion", params -> Optim.lion(params, new Optim.LionOptions().lr(0.02)));
        makers.forEach((name, maker) -> {
            Tensor x = leaf(1.5, -1);
            Optimizer optimizer = maker.apply(List.of(x));
            assertEquals(name, optimizer.name());
            double first = x.square().sum().item();
            for (int step = 0; step < 60; step++) {
                optimizer.zeroGrad();
                x.square().sum().backward();
                optimizer.step();
            }
            assertTrue(x.square().sum().item() < 0.5 * first, name);
        });
    }

    @Test
    void everyOptionArrives() {
        Optimizer sgd = Optim.sgd(List.of(leaf(1)), new Optim.SgdOptions()
            .lr(0.5).momentum(0.25).dampening(0.0).weightDecay(0.125).nesterov(true).maximize(
                true));
        assertEquals(0.5, sgd.getOption("lr"));
        assertEquals(0.25, sgd.getOption("momentum"));
        assertEquals(0.125, sgd.getOption("weight_decay"));
        assertEquals(1.0, sgd.getOption("nesterov"));
        assertEquals(1.0, sgd.getOption("maximize"));
        Optimizer adam = Optim.adam(List.of(leaf(1)),
            new Optim.AdamOptions().amsgrad(true).beta2(0.5));
        assertEquals(1.0, adam.getOption("amsgrad"));
        assertEquals(0.0, adam.getOption("maximize"));
        assertEquals(0.5, adam.getOption("beta2"));
        assertEquals(1e-3, adam.getOption("lr"));
        assertThrows(InvalidArgumentException.class,
            () -> Optim.sgd(List.of(leaf(1)), new Optim.SgdOptions().lr(-1)));
    }

    @Test
    void groupsAndStates() {
        Tensor x = leaf(1, 2);
        Optimizer optimizer = Optim.adam(List.of(x));
        x.sum().backward();
        optimizer.step();
        optimizer.setOptions(Map.of("lr", 0.5, "eps", 1e-4), 0);
        assertEquals(0.5, optimizer.getOption("lr"));
        optimizer.setOption("lr", 0.25);
        assertEquals(0.25, optimizer.getOption("lr"));
        assertThrows(InvalidArgumentException.class, () -> optimizer.setOption("lr", -1));
        assertTrue(optimizer.optionNames().contains("weight_decay"));
        assertEquals(1, optimizer.params().size());
        optimizer.addParamGroup(List.of(leaf(3)));
        assertEquals(2, optimizer.numGroups());
        assertEquals(3.0, optimizer.params(1).get(0).item());
        assertFalse(optimizer.stateNames().isEmpty());
        for (String name : optimizer.stateNames()) {
            Tensor state = optimizer.getState(name, 0, 0);
            optimizer.setState(name, 0, 0, state);
        }
        assertThrows(IndexException.class, () -> optimizer.params(7));
        assertThrows(InvalidArgumentException.class, () -> Optim.sgd(List.of(leaf(1).mul(2))),
            "no leaf");
    }

    @Test
    void lbfgsTakesAClosure() {
        Tensor x = leaf(5, -3);
        Optimizer optimizer = Optim.lbfgs(List.of(x));
        DoubleSupplier closure = () -> {
            optimizer.zeroGrad();
            Tensor loss = x.sub(1).square().sum();
            loss.backward();
            return loss.item();
        };
        assertEquals(32.0, optimizer.step(closure), "the loss before the step");
        assertTrue(closure.getAsDouble() < 1e-6);
        UnsupportedOperationException thrown = new UnsupportedOperationException("of the closure");
        assertSame(thrown, assertThrows(UnsupportedOperationException.class, () ->
            optimizer.step(() -> {
            throw thrown;
        })));
    }

    @Test
    void gradientsAreLimited() {
        Tensor x = leaf(3, 4);
        x.square().sum().backward();
        assertEquals(10.0, Candle.totalNorm(List.of(x.grad())).item());
        assertEquals(10.0, Candle.clipGradNorm(List.of(x), 1.0).item());
        assertEquals(0.8, x.grad().get(1).item(), 1e-4);
        Candle.clipGradValue(List.of(x), 0.7);
        assertEquals(0.7, x.grad().get(1).item(), 1e-6);
    }
}
