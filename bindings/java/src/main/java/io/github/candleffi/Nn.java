package io.github.candleffi;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Layers, and the models made of them. PyTorch: {@code torch.nn} */
public final class Nn extends Layers {
    private Nn() {}

    /**
     * Layers one after the other. PyTorch: {@code torch.nn.Sequential}
     *
     * @param modules the layers
     * @return the model
     */
    public static Module sequential(Module... modules) {
        Module model;
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_sequential_new(call.out, call.error));
            model = new Module(call.address());
        }
        for (Module module : modules) {
            sequentialPush(model, module);
        }
        return model;
    }

    /**
     * Adds a layer at the end of a {@code sequential}.
     *
     * @param sequential the model
     * @param module the layer
     */
    public static void sequentialPush(Module sequential, Module module) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_sequential_push(
                call.use(sequential), call.use(module), call.error));
        }
    }

    /**
     * Layers by number, to be saved and trained together. PyTorch: {@code torch.nn.ModuleList}
     *
     * @param modules the layers
     * @return the list
     */
    public static Module moduleList(Module... modules) {
        Module list;
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_module_list_new(call.out, call.error));
            list = new Module(call.address());
        }
        for (Module module : modules) {
            moduleListPush(list, module);
        }
        return list;
    }

    /**
     * Adds a layer at the end of a {@code moduleList}.
     *
     * @param list the list
     * @param module the layer
     */
    public static void moduleListPush(Module list, Module module) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_module_list_push(call.use(list), call.use(module),
                call.error));
        }
    }

    /**
     * Layers by name, to be saved and trained together. PyTorch: {@code torch.nn.ModuleDict}
     *
     * @param modules the layers
     * @return the table
     */
    public static Module moduleDict(Map<String, Module> modules) {
        Module dict;
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_module_dict_new(call.out, call.error));
            dict = new Module(call.address());
        }
        modules.forEach((name, module) -> moduleDictInsert(dict, name, module));
        return dict;
    }

    /**
     * Adds a layer with a name to a {@code moduleDict}.
     *
     * @param dict the table
     * @param name the name
     * @param module the layer
     */
    public static void moduleDictInsert(Module dict, String name, Module module) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_module_dict_insert(
                call.use(dict), call.text(name), call.use(module), call.error));
        }
    }

    /**
     * A {@code simpleNn} from a file that it was saved to.
     *
     * @param path the file
     * @return the model
     */
    public static Module simpleNnLoad(String path) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_simple_nn_load(call.text(path), call.out, call.error));
            return new Module(call.address());
        }
    }

    /** A layer or a model made of layers. PyTorch: {@code torch.nn.Module} */
    public static final class Module extends NativeObject {
        Module(long address) {
            super(new ModuleHandle(address));
            NativeMemory.made(NativeMemory.HANDLE);
        }

        private static final class ModuleHandle extends Handle {
            ModuleHandle(long address) {
                super(address, NativeMemory.HANDLE);
            }

            @Override
            String kind() {
                return "module";
            }

            @Override
            void free(long address) {
                CandleLibrary.candle_module_free(address);
            }
        }

        /**
         * PyTorch's name of its class, such as "Linear".
         *
         * @return the name
         */
        public String name() {
            try (Call call = Call.begin()) {
                return Call.string(CandleLibrary.candle_module_name(call.use(this)));
            }
        }

        /**
         * A second handle on the same layer.
         *
         * @return the handle
         */
        public Module share() {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_share(call.use(this), call.out, call.error));
                return new Module(call.address());
            }
        }

        /**
         * What it makes of one input.
         *
         * @param input the input
         * @return the output
         */
        public Tensor forward(Tensor input) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_forward(
                    call.use(this), call.use(input), call.out, call.error));
                return call.tensor();
            }
        }

        /**
         * What it makes of several inputs.
         *
         * @param inputs the inputs in PyTorch's order; null for one that is not given
         * @return the outputs
         */
        public List<Tensor> forwardMany(Tensor... inputs) {
            try (Call call = Call.begin()) {
                long module = call.use(this);
                long handles = call.handles(java.util.Arrays.asList(inputs), "inputs");
                return call.tensors((outputs, capacity, count, error) ->
                    CandleLibrary.candle_module_forward_many(
                        module, handles, inputs.length, outputs, capacity, count, error));
            }
        }

        /**
         * Says whether it is trained or used, which matters to dropout and batch normalisation.
         *
         * @param training whether it is trained
         * @return this module
         */
        public Module train(boolean training) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_set_training(
                    call.use(this), Call.flag(training), call.error));
                return this;
            }
        }

        /**
         * Prepares for training.
         *
         * @return this module
         */
        public Module train() {
            return train(true);
        }

        /**
         * Prepares for use.
         *
         * @return this module
         */
        public Module eval() {
            return train(false);
        }

        /** Clears the gradients of all parameters. */
        public void zeroGrad() {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_zero_grad(call.use(this), call.error));
            }
        }

        /**
         * Moves parameters and buffers to a device, in place.
         *
         * @param device the device
         * @return this module
         */
        public Module to(Device device) {
            return to(device, DType.NONE);
        }

        /**
         * Moves parameters and buffers to a device, and floating ones to a dtype, in place.
         *
         * @param device the device
         * @param dtype the dtype; {@code NONE} keeps it
         * @return this module
         */
        public Module to(Device device, DType dtype) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_to(
                    call.use(this), Call.kind(device), Call.index(device), Call.code(dtype),
                    call.error));
                return this;
            }
        }

        /**
         * All parameters.
         *
         * @return the parameters
         */
        public List<Tensor> parameters() {
            try (Call call = Call.begin()) {
                long module = call.use(this);
                return call.tensors((outputs, capacity, count, error) ->
                    CandleLibrary.candle_module_parameters(module, outputs, capacity, count,
                        error));
            }
        }

        /**
         * The names of the parameters, such as "0.weight", in order.
         *
         * @return the names
         */
        public List<String> parameterNames() {
            try (Call call = Call.begin()) {
                long module = call.use(this);
                List<String> names = new ArrayList<>();
                long count = CandleLibrary.candle_module_num_parameters(module);
                for (long at = 0; at < count; at++) {
                    long index = at;
                    names.add(call.text((text, capacity) ->
                        CandleLibrary.candle_module_parameter_name(module, index, text, capacity)));
                }
                return names;
            }
        }

        /**
         * The parameters by name, in order.
         *
         * @return the parameters
         */
        public Map<String, Tensor> namedParameters() {
            Map<String, Tensor> named = new LinkedHashMap<>();
            parameterNames().forEach(name -> named.put(name, getParameter(name)));
            return named;
        }

        /**
         * The names of the buffers, such as running statistics, in order.
         *
         * @return the names
         */
        public List<String> bufferNames() {
            try (Call call = Call.begin()) {
                long module = call.use(this);
                List<String> names = new ArrayList<>();
                long count = CandleLibrary.candle_module_num_buffers(module);
                for (long at = 0; at < count; at++) {
                    long index = at;
                    names.add(call.text((text, capacity) ->
                        CandleLibrary.candle_module_buffer_name(module, index, text, capacity)));
                }
                return names;
            }
        }

        /**
         * The parameter of a name; it is the one that the module uses.
         *
         * @param name the name
         * @return the parameter
         */
        public Tensor getParameter(String name) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_get_parameter(
                    call.use(this), call.text(name), call.out, call.error));
                return call.tensor();
            }
        }

        /**
         * The buffer of a name; it is the one that the module uses.
         *
         * @param name the name
         * @return the buffer
         */
        public Tensor getBuffer(String name) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_get_buffer(
                    call.use(this), call.text(name), call.out, call.error));
                return call.tensor();
            }
        }

        /**
         * Puts another tensor in the place of a parameter.
         *
         * @param name the name of the parameter
         * @param tensor the tensor
         */
        public void setParameter(String name, Tensor tensor) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_set_parameter(
                    call.use(this), call.text(name), call.use(tensor), call.error));
            }
        }

        /**
         * Parameters and buffers by name.
         *
         * @return the state
         */
        public TensorMap stateDict() {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_state_dict(call.use(this), call.out,
                    call.error));
                return new TensorMap(call.address());
            }
        }

        /**
         * Takes values from a state, which must have the same names.
         *
         * @param state the state
         * @throws StateDictException when it does not fit
         */
        public void loadStateDict(TensorMap state) {
            loadStateDict(state, true);
        }

        /**
         * Takes values from a state.
         *
         * @param state the state
         * @param strict whether it must have the same names
         * @throws StateDictException when it does not fit
         */
        public void loadStateDict(TensorMap state, boolean strict) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_load_state_dict(
                    call.use(this), call.use(state), Call.flag(strict), call.error));
            }
        }

        /**
         * Writes the state into a safetensors file.
         *
         * @param path the file
         */
        public void save(String path) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_save(call.use(this), call.text(path),
                    call.error));
            }
        }

        /**
         * Takes values from a safetensors file, which must have the same names.
         *
         * @param path the file
         * @throws StateDictException when it does not fit
         */
        public void load(String path) {
            load(path, true);
        }

        /**
         * Takes values from a safetensors file.
         *
         * @param path the file
         * @param strict whether it must have the same names
         * @throws StateDictException when it does not fit
         */
        public void load(String path, boolean strict) {
            try (Call call = Call.begin()) {
                call.check(CandleLibrary.candle_module_load(
                    call.use(this), call.text(path), Call.flag(strict), call.error));
            }
        }

        @Override
        public String toString() {
            return isClosed() ? "Module(closed)" : name();
        }
    }
}
