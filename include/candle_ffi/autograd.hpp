/// @file
/// Gradients: when operations are recorded, and gradients of any tensors.

#ifndef CANDLE_FFI_AUTOGRAD_HPP
#define CANDLE_FFI_AUTOGRAD_HPP

#include <candle_ffi/tensor.hpp>

#include <vector>

namespace candle {

/// Switches recording on this thread on or off, until the end of its scope.
class GradMode {
public:
    /// Switches recording on or off.
    explicit GradMode(bool enabled) {
        detail::Call call;
        call.check(candle_grad_mode_push(enabled, call.error()));
    }
    GradMode(const GradMode &) = delete;
    GradMode &operator=(const GradMode &) = delete;
    ~GradMode() { candle_grad_mode_pop(nullptr); }
};

/// Without recording, until the end of its scope. PyTorch: `torch.no_grad`
class NoGrad : public GradMode {
public:
    /// Switches recording off.
    NoGrad() : GradMode(false) {}
};

/// With recording, until the end of its scope. PyTorch: `torch.enable_grad`
class EnableGrad : public GradMode {
public:
    /// Switches recording on.
    EnableGrad() : GradMode(true) {}
};

/// Whether operations on this thread are recorded.
inline bool is_grad_enabled() noexcept { return candle_grad_mode_is_enabled() != 0; }

/// Switches recording on this thread on or off.
inline void set_grad_enabled(bool enabled) noexcept { candle_grad_mode_set(enabled); }

/// The gradients of `outputs` with respect to `inputs`, any tensors of the graph; leaves are not
/// touched.
///
/// `grad_outputs` has one tensor for each output, or none at all; without, or with an empty one,
/// the output must have one element. With `allow_unused` the gradient of an unused input is empty;
/// otherwise it throws `GraphError`.
///
/// PyTorch: `torch.autograd.grad`
inline std::vector<Tensor> grad(Span<const Tensor> outputs, Span<const Tensor> inputs,
                                Span<const Tensor> grad_outputs = {}, bool retain_graph = false,
                                bool create_graph = false, bool allow_unused = false) {
    if (!grad_outputs.empty() && grad_outputs.size() != outputs.size()) {
        detail::raise("grad_outputs must have a tensor for each output",
                      {Status::error_invalid_argument, "grad", {}, {}, {}});
    }
    const detail::Handles output_handles(outputs);
    const detail::Handles input_handles(inputs);
    const detail::Handles grad_handles(grad_outputs);
    std::vector<CandleTensor *> room(inputs.size());
    std::vector<Tensor> grads(inputs.size());
    detail::Call call;
    call.check(candle_grad(output_handles.data(), output_handles.size(), input_handles.data(),
                           input_handles.size(),
                           grad_outputs.empty() ? nullptr : grad_handles.data(), retain_graph,
                           create_graph, allow_unused, room.data(), call.error()));
    for (std::size_t at = 0; at < room.size(); at++) {
        grads[at] = Tensor::adopt(room[at]);
    }
    return grads;
}

}  // namespace candle

#endif  // CANDLE_FFI_AUTOGRAD_HPP
