package io.github.candleffi;

import java.util.List;
import java.util.function.Supplier;

/** Mixed precision, the precision of matrix products, and cuDNN. */
public final class Precision {
    private Precision() {}

    /**
     * Has matrix products and convolutions on this thread compute in half precision, and what needs
     * range in {@code float32}, until what this gives is closed. PyTorch: {@code torch.autocast}
     *
     * @param kind on which devices
     * @param lower {@link DType#FLOAT16} or {@link DType#BFLOAT16}; null switches off, inside
     *     another scope
     * @return the scope, for {@code try (var scope = Precision.autocast(kind, lower))}
     * @throws DTypeException for another dtype
     */
    public static Autocast autocast(DeviceKind kind, DType lower) {
        return new Autocast(kind, lower);
    }

    /**
     * What a function gives that runs in such a scope.
     *
     * @param <T> what it gives
     * @param kind on which devices
     * @param lower the lower dtype; null switches off
     * @param function the function
     * @return its result
     * @throws DTypeException for another dtype than the halves
     */
    public static <T> T autocast(DeviceKind kind, DType lower, Supplier<T> function) {
        try (Autocast scope = autocast(kind, lower)) {
            return function.get();
        }
    }

    /**
     * The lower dtype that tensors are cast to on this thread.
     *
     * @param kind on which devices
     * @return the dtype; {@link DType#NONE} where nothing is cast
     */
    public static DType autocastDType(DeviceKind kind) {
        return DType.of(CandleLibrary.candle_autocast_dtype(Call.code(kind, "kind")));
    }

    /**
     * Whether casts of weights are kept on this thread until the outermost scope ends, as they are at
     * first, and not made anew for each use. PyTorch: {@code torch.is_autocast_cache_enabled}
     *
     * @return whether they are
     */
    public static boolean isAutocastCacheEnabled() {
        return CandleLibrary.candle_autocast_cache(-1) != 0;
    }

    /**
     * Sets it for this thread; without it what has been kept is dropped. PyTorch: {@code
     * torch.set_autocast_cache_enabled}
     *
     * @param enabled whether casts are kept
     * @return what held before
     */
    public static boolean setAutocastCacheEnabled(boolean enabled) {
        return CandleLibrary.candle_autocast_cache(Call.flag(enabled)) != 0;
    }

    /**
     * Multiplies gradients by {@code inverseScale}. PyTorch: {@code torch.amp.GradScaler.unscale_}
     *
     * @param params whose gradients
     * @param inverseScale the factor
     * @return a number on their device that is 0 where all of them are finite, else NaN
     * @throws DTypeException for gradients in {@code float16}
     */
    public static Tensor unscaleGrads(List<Tensor> params, double inverseScale) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_unscale_grads(call.handles(params, "params"),
                params.size(), inverseScale, call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Whether products of a dtype may be less exact on a GPU: those of {@code float32} in TF32,
     * those of {@code float16} summed in half precision, wholly or the parts of a long sum, those of
     * {@code bfloat16} the parts of a long sum.
     *
     * @param dtype the dtype
     * @return whether they may
     */
    public static boolean isReduced(DType dtype) {
        return CandleLibrary.candle_reduced_precision(Call.code(dtype)) != 0;
    }

    /**
     * Sets it for the whole process; at first no product may. Without CUDA it changes nothing.
     * PyTorch: {@code torch.backends.cuda.matmul.allow_tf32}
     *
     * @param dtype the dtype
     * @param allowed whether they may
     * @throws DTypeException for another dtype than {@code float32}, {@code float16} and
     *     {@code bfloat16}
     */
    public static void setReduced(DType dtype, boolean allowed) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_reduced_precision(
                Call.code(dtype), Call.flag(allowed), call.error));
        }
    }

    /**
     * In which ways products of a dtype may be less exact, added up: 1 is TF32, sums of {@code
     * float16} in {@code float16}, or the parts of a long sum of {@code bfloat16}; 2 is the parts of
     * a long sum of {@code float16}.
     *
     * @param dtype the dtype
     * @return the ways; 0 for none
     */
    public static int reducedWays(DType dtype) {
        return CandleLibrary.candle_reduced_precision(Call.code(dtype));
    }

    /**
     * Sets them for the whole process. PyTorch: {@code
     * torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction}, ...
     *
     * @param dtype the dtype
     * @param ways the ways
     * @throws DTypeException for another dtype than {@code float32}, {@code float16} and
     *     {@code bfloat16}
     * @throws InvalidArgumentException for a way that the dtype has not
     */
    public static void setReducedWays(DType dtype, int ways) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_reduced_precision(
                Call.code(dtype), ways, call.error));
        }
    }

    /**
     * Whether a switch of cuDNN is on.
     *
     * @param which which of them
     * @return whether it is on
     */
    public static boolean isCudnn(CudnnSwitch which) {
        return CandleLibrary.candle_cudnn_switch(Call.code(which, "which")) != 0;
    }

    /**
     * Turns a switch of cuDNN on or off, for the whole process. Without CUDA it changes nothing.
     * PyTorch: {@code torch.backends.cudnn.benchmark}, ...
     *
     * @param which which of them
     * @param on whether it is to be on
     */
    public static void setCudnn(CudnnSwitch which, boolean on) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_set_cudnn_switch(
                Call.code(which, "which"), Call.flag(on), call.error));
        }
    }

    /**
     * The version of cuDNN, 92801 for 9.28.1. PyTorch: {@code torch.backends.cudnn.version}
     *
     * @return the version
     * @throws UnsupportedException where there is none that can be used; it says why
     */
    public static int cudnnVersion() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_cudnn_version(call.out, call.error));
            return (int) call.value(0);
        }
    }
}
