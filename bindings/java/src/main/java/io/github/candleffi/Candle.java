package io.github.candleffi;

import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * What PyTorch has in {@code torch} and {@code torch.nn.functional}: makes tensors, and has each
 * operation as a static method.
 *
 * <p>What an operation must be given stands in PyTorch's order; all else is set in an object of
 * {@link Options} behind it.
 */
public final class Candle extends Operations {
    private Candle() {}

    // Tensors.

    /**
     * A tensor of rank 1, of the default dtype; one number alone makes a tensor of rank 0. PyTorch:
     * {@code torch.tensor}
     *
     * @param values the elements
     * @return the tensor
     */
    public static Tensor tensor(double... values) {
        return tensor((Object) values);
    }

    /**
     * A tensor of rank 1, of dtype {@code int64}; one number alone makes a tensor of rank 0.
     * PyTorch: {@code torch.tensor}
     *
     * @param values the elements
     * @return the tensor
     */
    public static Tensor tensor(long... values) {
        return tensor((Object) values);
    }

    /**
     * A tensor of numbers or booleans: one of them, or arrays of any depth. PyTorch: {@code
     * torch.tensor}
     *
     * @param data the elements
     * @return the tensor
     */
    public static Tensor tensor(Object data) {
        return tensor(data, new TensorOptions());
    }

    /**
     * A tensor of numbers or booleans: one of them, or arrays of any depth. PyTorch: {@code
     * torch.tensor}
     *
     * @param data the elements
     * @param options what need not be given
     * @return the tensor
     * @throws ShapeException for arrays of unequal lengths
     */
    public static Tensor tensor(Object data, TensorOptions options) {
        HostData.Nested nested = new HostData.Nested(data);
        Object elements = nested.elements;
        DType dtype = options.dtype;
        if (dtype == DType.NONE) {
            dtype = elements instanceof double[] ? defaultDType()
                : elements instanceof boolean[] || elements instanceof float[]
                    ? HostData.dtype(elements)
                : DType.INT64;
        }
        Tensor made = Tensor.fromData(elements, nested.shape, options.device);
        if (made.dtype() != dtype) {
            try (Tensor first = made) {
                made = first.toDType(dtype);
            }
        }
        return options.requiresGrad ? made.requiresGrad_(true) : made;
    }

    /** Options of {@code tensor}. */
    public static final class TensorOptions {
        private DType dtype = DType.NONE;
        private Device device = Device.CPU;
        private boolean requiresGrad;

        /** The defaults. */
        public TensorOptions() {}

        /**
         * The dtype; without one {@code int64} for integers, the default dtype for {@code double},
         * {@code float32} for {@code float}.
         *
         * @param dtype the dtype
         * @return these options
         */
        public TensorOptions dtype(DType dtype) {
            this.dtype = dtype == null ? DType.NONE : dtype;
            return this;
        }

        /**
         * The device; default: the CPU.
         *
         * @param device the device
         * @return these options
         */
        public TensorOptions device(Device device) {
            this.device = device;
            return this;
        }

        /**
         * Whether it requires a gradient; default: false.
         *
         * @param requiresGrad whether it does
         * @return these options
         */
        public TensorOptions requiresGrad(boolean requiresGrad) {
            this.requiresGrad = requiresGrad;
            return this;
        }
    }

    /**
     * A number as a tensor of rank 0 that does not promote what it meets.
     *
     * @param value the number
     * @return the tensor
     */
    public static Tensor scalar(double value) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_from_double(value, call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * An integer as a tensor of rank 0 that does not promote what it meets.
     *
     * @param value the integer
     * @return the tensor
     */
    public static Tensor scalar(long value) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_from_int64(value, call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * A boolean as a tensor of rank 0 that does not promote what it meets.
     *
     * @param value the boolean
     * @return the tensor
     */
    public static Tensor scalar(boolean value) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_from_bool(Call.flag(value), call.out,
                call.error));
            return call.tensor();
        }
    }

    /**
     * The integers from 0 up to but without an end. PyTorch: {@code torch.arange}
     *
     * @param end the end
     * @return a tensor of dtype {@code int64}
     */
    public static Tensor arange(long end) {
        return arange(0, end);
    }

    /**
     * The integers of a range. PyTorch: {@code torch.arange}
     *
     * @param start the first
     * @param end the one after the last
     * @return a tensor of dtype {@code int64}
     */
    public static Tensor arange(long start, long end) {
        return arange(start, end, 1, new Options.ArangeOptions().dtype(DType.INT64));
    }

    // Random numbers.

    /**
     * Starts the sequence of a seed in the default generator.
     *
     * @param seed the seed
     */
    public static void manualSeed(long seed) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_generator_manual_seed(0, seed, call.error));
        }
    }

    /**
     * Where the default generator stands.
     *
     * @return its state
     */
    public static Generator.State getRngState() {
        return Generator.stateOf(null);
    }

    /**
     * Has the default generator continue where a saved state stood.
     *
     * @param state the state
     */
    public static void setRngState(Generator.State state) {
        Generator.setStateOf(null, state);
    }

    // Gradients.

    /**
     * Switches recording off on this thread, until what this gives is closed. PyTorch: {@code
     * torch.no_grad}
     *
     * @return the scope, for {@code try (var scope = Candle.noGrad())}
     */
    public static GradMode noGrad() {
        return new GradMode(false);
    }

    /**
     * What a function gives that runs without recording.
     *
     * @param <T> what it gives
     * @param function the function
     * @return its result
     */
    public static <T> T noGrad(Supplier<T> function) {
        try (GradMode scope = noGrad()) {
            return function.get();
        }
    }

    /**
     * Switches recording on on this thread, until what this gives is closed. PyTorch: {@code
     * torch.enable_grad}
     *
     * @return the scope
     */
    public static GradMode enableGrad() {
        return new GradMode(true);
    }

    /**
     * Whether operations on this thread are recorded.
     *
     * @return whether they are
     */
    public static boolean isGradEnabled() {
        return CandleLibrary.candle_grad_mode_is_enabled() != 0;
    }

    /**
     * Switches recording on this thread on or off.
     *
     * @param enabled whether to record
     */
    public static void setGradEnabled(boolean enabled) {
        CandleLibrary.candle_grad_mode_set(Call.flag(enabled));
    }

    /**
     * The gradients of outputs of one element with respect to inputs; leaves are not touched.
     * PyTorch: {@code torch.autograd.grad}
     *
     * @param outputs what is differentiated
     * @param inputs any tensors of the graph
     * @return a gradient for each input
     * @throws GraphException for an input that was not used
     */
    public static List<Tensor> grad(List<Tensor> outputs, List<Tensor> inputs) {
        return grad(outputs, inputs, new GradOptions());
    }

    /**
     * The gradients of outputs with respect to inputs; leaves are not touched. PyTorch: {@code
     * torch.autograd.grad}
     *
     * @param outputs what is differentiated
     * @param inputs any tensors of the graph
     * @param options what need not be given
     * @return a gradient for each input; null for one that was not used
     */
    public static List<Tensor> grad(List<Tensor> outputs, List<Tensor> inputs,
        GradOptions options) {
        List<Tensor> given = options.gradOutputs;
        if (given != null && given.size() != outputs.size()) {
            throw new InvalidArgumentException("gradOutputs must have a tensor for each output",
                ErrorDetails.of(Status.ERROR_INVALID_ARGUMENT, "grad"));
        }
        try (Call call = Call.begin()) {
            long grads = call.zeroed(Math.max(1, inputs.size()) * (long) Long.BYTES);
            call.check(CandleLibrary.candle_grad(
                call.handles(outputs, "outputs"), outputs.size(), call.handles(inputs, "inputs"),
                inputs.size(),
                given == null ? 0 : call.handles(given, "gradOutputs"),
                Call.flag(options.retainGraph),
                Call.flag(options.createGraph), Call.flag(options.allowUnused), grads, call.error));
            return call.adopt(grads, inputs.size());
        }
    }

    /** Options of {@code grad}. */
    public static final class GradOptions {
        private List<Tensor> gradOutputs;
        private boolean retainGraph;
        private boolean createGraph;
        private boolean allowUnused;

        /** The defaults. */
        public GradOptions() {}

        /**
         * The gradients of the outputs; without them, each must have one element.
         *
         * @param gradOutputs one for each output
         * @return these options
         */
        public GradOptions gradOutputs(Tensor... gradOutputs) {
            this.gradOutputs = Arrays.asList(gradOutputs);
            return this;
        }

        /**
         * Whether to keep the graph for another pass; default: false.
         *
         * @param retainGraph whether to keep it
         * @return these options
         */
        public GradOptions retainGraph(boolean retainGraph) {
            this.retainGraph = retainGraph;
            return this;
        }

        /**
         * Whether gradients are recorded themselves; default: false.
         *
         * @param createGraph whether to record them
         * @return these options
         */
        public GradOptions createGraph(boolean createGraph) {
            this.createGraph = createGraph;
            return this;
        }

        /**
         * Whether an input may be one that was not used; default: false.
         *
         * @param allowUnused whether it may
         * @return these options
         */
        public GradOptions allowUnused(boolean allowUnused) {
            this.allowUnused = allowUnused;
            return this;
        }
    }

    /**
     * Scales gradients so that their norm is at most {@code maxNorm}. PyTorch: {@code
     * torch.nn.utils.clip_grad_norm_}
     *
     * @param params whose gradients
     * @param maxNorm the largest norm
     * @return the norm before
     */
    public static Tensor clipGradNorm(List<Tensor> params, double maxNorm) {
        return clipGradNorm(params, maxNorm, 2.0, false);
    }

    /**
     * Scales gradients so that their norm is at most {@code maxNorm}. PyTorch: {@code
     * torch.nn.utils.clip_grad_norm_}
     *
     * @param params whose gradients
     * @param maxNorm the largest norm
     * @param normType which norm
     * @param errorIfNonfinite whether a norm that is not finite is an error
     * @return the norm before
     */
    public static Tensor clipGradNorm(
            List<Tensor> params, double maxNorm, double normType, boolean errorIfNonfinite) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_clip_grad_norm(call.handles(params, "params"),
                params.size(), maxNorm,
                normType, Call.flag(errorIfNonfinite), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Limits the elements of gradients on both sides of zero. PyTorch: {@code
     * torch.nn.utils.clip_grad_value_}
     *
     * @param params whose gradients
     * @param clipValue the limit
     */
    public static void clipGradValue(List<Tensor> params, double clipValue) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_clip_grad_value(
                call.handles(params, "params"), params.size(), clipValue, call.error));
        }
    }

    /**
     * The norm of all elements of some tensors together. PyTorch: {@code
     * torch.nn.utils.get_total_norm}
     *
     * @param tensors the tensors
     * @return the norm
     */
    public static Tensor totalNorm(List<Tensor> tensors) {
        return totalNorm(tensors, 2.0, false);
    }

    /**
     * The norm of all elements of some tensors together. PyTorch: {@code
     * torch.nn.utils.get_total_norm}
     *
     * @param tensors the tensors
     * @param normType which norm
     * @param errorIfNonfinite whether a norm that is not finite is an error
     * @return the norm
     */
    public static Tensor totalNorm(List<Tensor> tensors, double normType,
        boolean errorIfNonfinite) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_total_norm(call.handles(tensors, "tensors"),
                tensors.size(), normType,
                Call.flag(errorIfNonfinite), call.out, call.error));
            return call.tensor();
        }
    }

    // Dtypes.

    /**
     * PyTorch's name of a dtype, such as "float32".
     *
     * @param dtype the dtype
     * @return its name
     */
    public static String dtypeName(DType dtype) {
        return Call.string(CandleLibrary.candle_dtype_name(Call.code(dtype)));
    }

    /**
     * The dtype of a name such as "float32".
     *
     * @param name the name
     * @return the dtype
     * @throws DTypeException when there is none
     */
    public static DType dtypeFromName(String name) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_dtype_from_name(call.text(name), call.out, call.error));
            return DType.of((int) call.value(0));
        }
    }

    /**
     * The bytes of one element.
     *
     * @param dtype the dtype
     * @return the number of bytes
     */
    public static long dtypeSize(DType dtype) {
        return CandleLibrary.candle_dtype_size(Call.code(dtype));
    }

    /**
     * Whether it is a floating dtype, which can require gradients.
     *
     * @param dtype the dtype
     * @return whether it is
     */
    public static boolean dtypeIsFloat(DType dtype) {
        return CandleLibrary.candle_dtype_is_float(Call.code(dtype)) != 0;
    }

    /**
     * The dtype that two dtypes promote to. PyTorch: {@code torch.promote_types}
     *
     * @param a one
     * @param b the other
     * @return the dtype
     */
    public static DType promoteTypes(DType a, DType b) {
        return DType.of(CandleLibrary.candle_dtype_promote(Call.code(a), Call.code(b)));
    }

    /**
     * The floating dtype that numbers have.
     *
     * @return the dtype
     */
    public static DType defaultDType() {
        return DType.of(CandleLibrary.candle_default_dtype());
    }

    /**
     * Sets the default dtype for the whole process.
     *
     * @param dtype the dtype
     */
    public static void setDefaultDType(DType dtype) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_default_dtype(Call.code(dtype), call.error));
        }
    }

    // The library.

    /**
     * The version of the library, "major.minor.patch".
     *
     * @return the version
     */
    public static String version() {
        return Call.string(CandleLibrary.candle_ffi_version());
    }

    /**
     * The version of the library's ABI.
     *
     * @return the version
     */
    public static int abiVersion() {
        return CandleLibrary.candle_ffi_abi_version();
    }

    /**
     * What the library is made of: its version, Candle's version, the features, the target.
     *
     * @return a text of one line
     */
    public static String buildInfo() {
        return Call.string(CandleLibrary.candle_ffi_build_info());
    }

    /**
     * How many handles of a kind are alive, for leak tests.
     *
     * @param kind the kind
     * @return the number of handles
     */
    public static long liveHandles(HandleKind kind) {
        return CandleLibrary.candle_ffi_live_handles(kind.code());
    }

    /**
     * How thoroughly handles are checked: 0, 1 or 2, see {@code CANDLE_FFI_CHECKS}.
     *
     * @return the level
     */
    public static int checks() {
        return CandleLibrary.candle_ffi_checks();
    }

    /**
     * Sets how thoroughly handles are checked; before the first of them is made.
     *
     * @param level 0, 1 or 2
     */
    public static void setChecks(int level) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_ffi_set_checks(level, call.error));
        }
    }

    /**
     * Has all later calls done by the library in the folder {@code cuda} beside this one, where it
     * was built with CUDA; before anything else is called.
     */
    public static void loadBackend() {
        loadBackend(null);
    }

    /**
     * Has all later calls done by another library of this interface, such as the one with CUDA;
     * before anything else is called.
     *
     * @param path the file; null for the one in the folder {@code cuda} beside this library
     * @throws UnsupportedException for a file that is no such library
     */
    public static void loadBackend(String path) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_backend_load(call.text(path), call.error));
        }
    }

    /**
     * How many pointers were passed that were no live handles of their type.
     *
     * @return the number of times; 0 while checks are off
     */
    public static long misuses() {
        return CandleLibrary.candle_ffi_misuses();
    }

    /**
     * The name that C has for a code, such as "CANDLE_ERROR_SHAPE".
     *
     * @param status the code
     * @return the name
     */
    public static String statusName(Status status) {
        return Call.string(CandleLibrary.candle_status_name(status.code()));
    }

    /**
     * How many threads operations use.
     *
     * @return the number of threads
     */
    public static long getNumThreads() {
        return CandleLibrary.candle_get_num_threads();
    }

    /**
     * Sets how many threads operations use.
     *
     * @param numThreads the number of threads
     */
    public static void setNumThreads(long numThreads) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_num_threads(numThreads, call.error));
        }
    }
}
