/// @file
/// Mixed precision, precision of products, cuDNN, and operations for which a device has no kernel.

#ifndef CANDLE_FFI_PRECISION_HPP
#define CANDLE_FFI_PRECISION_HPP

#include <candle_ffi/error.hpp>
#include <candle_ffi/tensor.hpp>

#include <cstdint>
#include <optional>

namespace candle {

/// Products in half precision and what needs range in `float32`, on this thread, until the end of
/// its scope. PyTorch: `torch.autocast`
class Autocast {
public:
    /// Casts tensors on a kind of device to `lower`, float16 or bfloat16; nothing without it.
    explicit Autocast(DeviceKind kind, std::optional<DType> lower) {
        detail::Call call;
        const CandleDType dtype = lower ? detail::code(*lower) : CANDLE_DTYPE_NONE;
        call.check(candle_autocast_push(detail::code(kind), dtype, call.error()));
    }
    Autocast(const Autocast &) = delete;
    Autocast &operator=(const Autocast &) = delete;
    ~Autocast() { candle_autocast_pop(nullptr); }
};

/// The lower dtype on this thread for a kind of device, where tensors are cast.
inline std::optional<DType> autocast_dtype(DeviceKind kind) noexcept {
    const CandleDType dtype = candle_autocast_dtype(detail::code(kind));
    return dtype == CANDLE_DTYPE_NONE ? std::nullopt
                                      : std::optional<DType>(static_cast<DType>(dtype));
}

/// Whether casts of weights are kept on this thread, until the outermost scope ends.
/// PyTorch: `torch.is_autocast_cache_enabled`
inline bool is_autocast_cache_enabled() noexcept { return candle_autocast_cache(-1) != 0; }

/// Sets it, and gives what held; without it what has been kept is dropped.
/// PyTorch: `torch.set_autocast_cache_enabled`
inline bool set_autocast_cache_enabled(bool enabled) noexcept {
    return candle_autocast_cache(enabled ? 1 : 0) != 0;
}

/// Whether products of a dtype may be less exact on a GPU: of `float32` in TF32, of `float16` summed
/// in half precision, wholly or the parts of a long sum, of `bfloat16` the parts of a long sum.
inline bool reduced_precision(DType dtype) noexcept {
    return candle_reduced_precision(detail::code(dtype)) != 0;
}

/// Sets it for the whole process. PyTorch: `torch.backends.cuda.matmul.allow_tf32`
inline void set_reduced_precision(DType dtype, bool allowed) {
    detail::Call call;
    call.check(candle_set_reduced_precision(detail::code(dtype), allowed, call.error()));
}

/// In which ways they may be, added up; 0 for none. 1 is TF32, sums of `float16` in `float16`, or the
/// parts of a long sum of `bfloat16`; 2 is the parts of a long sum of `float16`.
inline std::int32_t reduced_precision_ways(DType dtype) noexcept {
    return candle_reduced_precision(detail::code(dtype));
}

/// Sets them for the whole process.
/// PyTorch: `torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction`, ...
inline void set_reduced_precision_ways(DType dtype, std::int32_t ways) {
    detail::Call call;
    call.check(candle_set_reduced_precision(detail::code(dtype), ways, call.error()));
}

/// Whether a switch of cuDNN is on.
inline bool cudnn_switch(CudnnSwitch which) noexcept {
    return candle_cudnn_switch(detail::code(which)) != 0;
}

/// Turns one on or off, for the whole process. PyTorch: `torch.backends.cudnn.benchmark`, ...
inline void set_cudnn_switch(CudnnSwitch which, bool on) {
    detail::Call call;
    call.check(candle_set_cudnn_switch(detail::code(which), on, call.error()));
}

/// The version of cuDNN, 92801 for 9.28.1. Throws `UnsupportedError`, which says why, where there
/// is none that can be used. PyTorch: `torch.backends.cudnn.version`
inline std::int32_t cudnn_version() {
    detail::Call call;
    std::int32_t version = 0;
    call.check(candle_cudnn_version(&version, call.error()));
    return version;
}

/// Multiplies the gradients of all parameters by `inverse_scale`, and gives a number that is 0
/// where all are finite, else NaN. PyTorch: `torch.amp.GradScaler.unscale_`
inline Tensor unscale_grads(Span<const Tensor> params, double inverse_scale) {
    const detail::Handles handles(params);
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_unscale_grads(handles.data(), handles.size(), inverse_scale, &out,
                                    call.error()));
    return Tensor::adopt(out);
}

/// What is done about an operation for which a device has no kernel.
inline FallbackPolicy fallback_policy() noexcept {
    return static_cast<FallbackPolicy>(candle_fallback_policy());
}

/// Sets it for the whole process.
inline void set_fallback_policy(FallbackPolicy policy) {
    detail::Call call;
    call.check(candle_set_fallback_policy(detail::code(policy), call.error()));
}

/// How many operations the host has computed for a device in this process.
inline std::uint64_t fallback_count() noexcept { return candle_fallback_count(); }

/// Sets who is told of them; a null pointer for nobody. As the function of C.
inline void set_fallback_callback(CandleFallbackCallback callback, void *user_data = nullptr,
                                  CandleFreeCallback free_user_data = nullptr) {
    detail::Call call;
    call.check(candle_set_fallback_callback(callback, user_data, free_user_data, call.error()));
}

}  // namespace candle

#endif  // CANDLE_FFI_PRECISION_HPP
