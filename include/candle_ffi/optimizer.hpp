/// @file
/// Optimizers, and limits on gradients.

#ifndef CANDLE_FFI_OPTIMIZER_HPP
#define CANDLE_FFI_OPTIMIZER_HPP

#include <candle_ffi/tensor.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace candle {

/// Changes parameters in place from their gradients.
class Optimizer {
public:
    /// The owner of a handle that C gave.
    static Optimizer adopt(CandleOptimizer *handle) noexcept { return Optimizer(Handle(handle)); }
    /// The handle, for functions of C that read.
    const CandleOptimizer *handle() const noexcept { return handle_.get(); }
    /// The handle, for functions of C that write.
    CandleOptimizer *handle() noexcept { return handle_.get(); }
    /// PyTorch's name of its class, such as "SGD".
    std::string name() const { return candle_optimizer_name(handle()); }

    /// One step: changes the parameters that have gradients.
    void step() {
        detail::Call call;
        call.check(candle_optimizer_step(handle(), call.error()));
    }
    /// One step of an L-BFGS optimizer, and the loss before it. `closure` clears the gradients,
    /// computes the loss, calls its `backward` and returns it as a number; what it throws comes out
    /// of `step`.
    template <typename Closure>
    double step(Closure &&closure) {
        detail::Call call;
        double loss = 0.0;
        using Plain = std::remove_reference_t<Closure>;
        const CandleLossCallback run = [](void *user_data, double *out) -> CandleStatus {
            try {
                *out = static_cast<double>((*static_cast<Plain *>(user_data))());
                return CANDLE_OK;
            } catch (...) {
                detail::thrown() = std::current_exception();
                return CANDLE_ERROR_CALLBACK;
            }
        };
        auto *user_data = const_cast<void *>(static_cast<const void *>(std::addressof(closure)));
        call.check(candle_lbfgs_step(handle(), run, user_data, &loss, call.error()));
        return loss;
    }
    /// Clears the gradients of all parameters.
    void zero_grad() {
        detail::Call call;
        call.check(candle_optimizer_zero_grad(handle(), call.error()));
    }

    /// Adds a group of parameters, with the options that the optimizer was made with.
    void add_param_group(Span<const Tensor> params) {
        const detail::Handles handles(params);
        detail::Call call;
        call.check(candle_optimizer_add_param_group(handle(), handles.data(), handles.size(),
                                                    call.error()));
    }
    /// The number of groups.
    std::size_t num_groups() const noexcept { return candle_optimizer_num_groups(handle()); }
    /// The parameters of a group.
    std::vector<Tensor> params(std::size_t group = 0) const {
        return detail::collect([&](CandleTensor **outputs, std::size_t capacity, std::size_t *count,
                                   CandleError **error) {
            return candle_optimizer_params(handle(), group, outputs, capacity, count, error);
        });
    }
    /// The names of the options, such as "lr".
    std::vector<std::string> option_names() const { return names(candle_optimizer_option_name); }
    /// The names of what is kept for each parameter, such as "momentum_buffer".
    std::vector<std::string> state_names() const { return names(candle_optimizer_state_name); }
    /// An option of a group.
    double get_option(const std::string &name, std::size_t group = 0) const {
        detail::Call call;
        double value = 0.0;
        call.check(
            candle_optimizer_get_option(handle(), group, name.c_str(), &value, call.error()));
        return value;
    }
    /// Sets options of a group, all or none: `optimizer.set_options({{"lr", 0.01}})`.
    void set_options(Span<const std::pair<std::string, double>> options, std::size_t group = 0) {
        std::vector<const char *> names;
        std::vector<double> values;
        for (const auto &[name, value] : options) {
            names.push_back(name.c_str());
            values.push_back(value);
        }
        detail::Call call;
        call.check(candle_optimizer_set_options(handle(), group, names.data(), values.data(),
                                                values.size(), call.error()));
    }
    /// What is kept for a parameter of a group; empty when nothing is.
    Tensor get_state(const std::string &name, std::size_t index, std::size_t group = 0) const {
        detail::Call call;
        CandleTensor *state = nullptr;
        call.check(
            candle_optimizer_get_state(handle(), group, index, name.c_str(), &state, call.error()));
        return Tensor::adopt(state);
    }
    /// Sets what is kept for a parameter of a group.
    void set_state(const std::string &name, std::size_t index, const Tensor &state,
                   std::size_t group = 0) {
        detail::Call call;
        call.check(candle_optimizer_set_state(handle(), group, index, name.c_str(), state.handle(),
                                              call.error()));
    }

private:
    using Handle = detail::Owner<CandleOptimizer, candle_optimizer_free>;
    explicit Optimizer(Handle handle) noexcept : handle_(std::move(handle)) {}

    std::vector<std::string> names(std::size_t (*ask)(const CandleOptimizer *, std::size_t, char *,
                                                      std::size_t)) const {
        std::vector<std::string> names;
        for (;;) {
            std::string name = detail::text([&](char *text, std::size_t capacity) {
                return ask(handle(), names.size(), text, capacity);
            });
            if (name.empty()) {
                return names;
            }
            names.push_back(std::move(name));
        }
    }

    Handle handle_;
};

/// Scales gradients so that their norm is at most `max_norm`, and returns the norm before.
/// PyTorch: `torch.nn.utils.clip_grad_norm_`
inline Tensor clip_grad_norm(Span<const Tensor> params, double max_norm, double norm_type = 2.0,
                             bool error_if_nonfinite = false) {
    const detail::Handles handles(params);
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_clip_grad_norm(handles.data(), handles.size(), max_norm, norm_type,
                                     error_if_nonfinite, &out, call.error()));
    return Tensor::adopt(out);
}

/// Limits the elements of gradients to `clip_value` on both sides of zero.
/// PyTorch: `torch.nn.utils.clip_grad_value_`
inline void clip_grad_value(Span<const Tensor> params, double clip_value) {
    const detail::Handles handles(params);
    detail::Call call;
    call.check(candle_clip_grad_value(handles.data(), handles.size(), clip_value, call.error()));
}

/// The norm of all elements of some tensors together. PyTorch: `torch.nn.utils.get_total_norm`
inline Tensor total_norm(Span<const Tensor> tensors, double norm_type = 2.0,
                         bool error_if_nonfinite = false) {
    const detail::Handles handles(tensors);
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_total_norm(handles.data(), handles.size(), norm_type, error_if_nonfinite,
                                 &out, call.error()));
    return Tensor::adopt(out);
}

}  // namespace candle

#endif  // CANDLE_FFI_OPTIMIZER_HPP
