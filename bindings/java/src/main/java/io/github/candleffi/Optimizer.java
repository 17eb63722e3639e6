package io.github.candleffi;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleSupplier;

/** Changes parameters in place from their gradients; {@link Optim} makes them. */
public final class Optimizer extends NativeObject {
    Optimizer(long address) {
        super(new OptimizerHandle(address));
        NativeMemory.made(NativeMemory.HANDLE);
    }

    private static final class OptimizerHandle extends Handle {
        OptimizerHandle(long address) {
            super(address, NativeMemory.HANDLE);
        }

        @Override
        String kind() {
            return "optimizer";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_optimizer_free(address);
        }
    }

    /**
     * PyTorch's name of its class, such as "SGD".
     *
     * @return the name
     */
    public String name() {
        try (Call call = Call.begin()) {
            return Call.string(CandleLibrary.candle_optimizer_name(call.use(this)));
        }
    }

    /** One step: changes the parameters that have gradients. */
    public void step() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_step(call.use(this), call.error));
        }
    }

    /**
     * One step of an L-BFGS optimizer.
     *
     * @param closure clears the gradients, computes the loss, calls its {@code backward} and
     * returns
     *     it as a number; what it throws comes out of this method
     * @return the loss before the step
     */
    public double step(DoubleSupplier closure) {
        long number = Callbacks.keep(Objects.requireNonNull(closure, "closure"));
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_lbfgs_step(
                call.use(this), Callbacks.LOSS, number, call.out, call.error));
            return call.number();
        } finally {
            Callbacks.forget(number);
        }
    }

    /** Clears the gradients of all parameters. */
    public void zeroGrad() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_zero_grad(call.use(this), call.error));
        }
    }

    /**
     * Adds a group of parameters, with the options that the optimizer was made with.
     *
     * @param params the parameters
     */
    public void addParamGroup(List<Tensor> params) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_add_param_group(
                call.use(this), call.handles(params, "params"), params.size(), call.error));
        }
    }

    /**
     * The number of groups.
     *
     * @return the number of groups
     */
    public int numGroups() {
        try (Call call = Call.begin()) {
            return (int) CandleLibrary.candle_optimizer_num_groups(call.use(this));
        }
    }

    /**
     * The parameters of the first group.
     *
     * @return the parameters
     */
    public List<Tensor> params() {
        return params(0);
    }

    /**
     * The parameters of a group.
     *
     * @param group the number of the group
     * @return the parameters
     */
    public List<Tensor> params(int group) {
        try (Call call = Call.begin()) {
            long optimizer = call.use(this);
            return call.tensors((outputs, capacity, count, error) ->
                CandleLibrary.candle_optimizer_params(optimizer, group, outputs, capacity, count,
                    error));
        }
    }

    /**
     * The names of the options, such as "lr".
     *
     * @return the names
     */
    public List<String> optionNames() {
        return names(CandleLibrary::candle_optimizer_option_name);
    }

    /**
     * The names of what is kept for each parameter, such as "momentum_buffer".
     *
     * @return the names
     */
    public List<String> stateNames() {
        return names(CandleLibrary::candle_optimizer_state_name);
    }

    /** A function that writes the name at a position. */
    private interface NameOf {
        long write(long optimizer, long index, long name, long capacity);
    }

    private List<String> names(NameOf ask) {
        try (Call call = Call.begin()) {
            long optimizer = call.use(this);
            List<String> names = new ArrayList<>();
            for (;;) {
                long index = names.size();
                String name = call.text((text, capacity) ->
                    ask.write(optimizer, index, text, capacity));
                if (name.isEmpty()) {
                    return names;
                }
                names.add(name);
            }
        }
    }

    /**
     * An option of the first group.
     *
     * @param name its name
     * @return its value
     */
    public double getOption(String name) {
        return getOption(name, 0);
    }

    /**
     * An option of a group.
     *
     * @param name its name
     * @param group the number of the group
     * @return its value
     */
    public double getOption(String name, int group) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_get_option(
                call.use(this), group, call.text(name), call.out, call.error));
            return call.number();
        }
    }

    /**
     * Sets an option of the first group.
     *
     * @param name its name
     * @param value its value
     */
    public void setOption(String name, double value) {
        setOptions(Map.of(name, value), 0);
    }

    /**
     * Sets options of a group, all or none.
     *
     * @param options their values by name
     * @param group the number of the group
     */
    public void setOptions(Map<String, Double> options, int group) {
        try (Call call = Call.begin()) {
            long[] names = new long[options.size()];
            double[] values = new double[options.size()];
            int at = 0;
            for (Map.Entry<String, Double> option : options.entrySet()) {
                names[at] = call.text(option.getKey());
                values[at++] = option.getValue();
            }
            call.check(CandleLibrary.candle_optimizer_set_options(
                call.use(this), group, call.longs(names), call.doubles(values), values.length,
                call.error));
        }
    }

    /**
     * What is kept for a parameter of a group.
     *
     * @param name its name
     * @param index the number of the parameter
     * @param group the number of the group
     * @return the tensor; null when nothing is kept
     */
    public Tensor getState(String name, int index, int group) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_get_state(
                call.use(this), group, index, call.text(name), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Sets what is kept for a parameter of a group.
     *
     * @param name its name
     * @param index the number of the parameter
     * @param group the number of the group
     * @param state the tensor; null for nothing
     */
    public void setState(String name, int index, int group, Tensor state) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_optimizer_set_state(
                call.use(this), group, index, call.text(name), call.use(state), call.error));
        }
    }
}
