/// @file
/// Layers and models made of layers.

#ifndef CANDLE_FFI_MODULE_HPP
#define CANDLE_FFI_MODULE_HPP

#include <candle_ffi/tensor_map.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace candle {

/// A layer or a model made of layers. A copy is a second handle on the same one.
class Module {
public:
    /// Tensors with their names.
    using Named = std::vector<std::pair<std::string, Tensor>>;

    /// No layer.
    Module() noexcept = default;
    /// A second handle on the same layer.
    Module(const Module &other) {
        if (other.defined()) {
            detail::Call call;
            CandleModule *out = nullptr;
            call.check(candle_module_share(other.handle(), &out, call.error()));
            handle_ = Handle(out);
        }
    }
    /// Takes the handle, and leaves the other empty.
    Module(Module &&other) noexcept = default;
    /// A second handle on the same layer, in the place of this one.
    Module &operator=(const Module &other) { return *this = Module(other); }
    /// Takes the handle, and leaves the other empty.
    Module &operator=(Module &&other) noexcept = default;
    ~Module() = default;

    /// The owner of a handle that C gave.
    static Module adopt(CandleModule *handle) noexcept {
        Module module;
        module.handle_ = Handle(handle);
        return module;
    }
    /// Whether there is a layer.
    bool defined() const noexcept { return handle_.get() != nullptr; }
    /// The handle, for functions of C that read.
    const CandleModule *handle() const noexcept { return handle_.get(); }
    /// The handle, for functions of C that write.
    CandleModule *handle() noexcept { return handle_.get(); }
    /// PyTorch's name of its class, such as "Linear".
    std::string name() const { return candle_module_name(handle()); }

    /// What it makes of one input.
    Tensor forward(const Tensor &input) const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_module_forward(handle(), input.handle(), &out, call.error()));
        return Tensor::adopt(out);
    }
    /// What it makes of several inputs; an empty tensor is one that is not given.
    std::vector<Tensor> forward_many(Span<const Tensor> inputs) const {
        const detail::Handles handles(inputs);
        return detail::collect([&](CandleTensor **outputs, std::size_t capacity, std::size_t *count,
                                   CandleError **error) {
            return candle_module_forward_many(handle(), handles.data(), handles.size(), outputs,
                                              capacity, count, error);
        });
    }
    /// What it makes of one input: `forward`.
    Tensor operator()(const Tensor &input) const { return forward(input); }

    /// Says whether it is trained or used, which matters to dropout and batch normalisation.
    void set_training(bool training) {
        detail::Call call;
        call.check(candle_module_set_training(handle(), training, call.error()));
    }
    /// Prepares for training.
    void train() { set_training(true); }
    /// Prepares for use.
    void eval() { set_training(false); }
    /// Clears the gradients of all parameters.
    void zero_grad() {
        detail::Call call;
        call.check(candle_module_zero_grad(handle(), call.error()));
    }
    /// Moves parameters and buffers to a device, and floating ones to a dtype, in place.
    Module &to(Device device, DType dtype = DType::none) {
        detail::Call call;
        call.check(candle_module_to(handle(), detail::code(device.kind()), device.index(),
                                    detail::code(dtype), call.error()));
        return *this;
    }

    /// All parameters.
    std::vector<Tensor> parameters() const {
        return detail::collect([&](CandleTensor **outputs, std::size_t capacity, std::size_t *count,
                                   CandleError **error) {
            return candle_module_parameters(handle(), outputs, capacity, count, error);
        });
    }
    /// The number of parameters.
    std::size_t num_parameters() const noexcept { return candle_module_num_parameters(handle()); }
    /// The name of the parameter at a position.
    std::string parameter_name(std::size_t index) const {
        return detail::text([&](char *name, std::size_t capacity) {
            return candle_module_parameter_name(handle(), index, name, capacity);
        });
    }
    /// The parameter of a name.
    Tensor get_parameter(const std::string &name) const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_module_get_parameter(handle(), name.c_str(), &out, call.error()));
        return Tensor::adopt(out);
    }
    /// Puts a tensor in the place of the parameter of a name.
    void set_parameter(const std::string &name, const Tensor &tensor) {
        detail::Call call;
        call.check(
            candle_module_set_parameter(handle(), name.c_str(), tensor.handle(), call.error()));
    }
    /// All parameters with their names.
    Named named_parameters() const {
        Named named;
        for (std::size_t at = 0; at < num_parameters(); at++) {
            std::string name = parameter_name(at);
            Tensor parameter = get_parameter(name);
            named.emplace_back(std::move(name), std::move(parameter));
        }
        return named;
    }
    /// The number of buffers.
    std::size_t num_buffers() const noexcept { return candle_module_num_buffers(handle()); }
    /// The name of the buffer at a position.
    std::string buffer_name(std::size_t index) const {
        return detail::text([&](char *name, std::size_t capacity) {
            return candle_module_buffer_name(handle(), index, name, capacity);
        });
    }
    /// The buffer of a name.
    Tensor get_buffer(const std::string &name) const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_module_get_buffer(handle(), name.c_str(), &out, call.error()));
        return Tensor::adopt(out);
    }

    /// Parameters and buffers by name.
    TensorMap state_dict() const {
        detail::Call call;
        CandleTensorMap *out = nullptr;
        call.check(candle_module_state_dict(handle(), &out, call.error()));
        return TensorMap::adopt(out);
    }
    /// Takes values from a state; `strict` asks for the same names. Throws `StateDictError`.
    void load_state_dict(const TensorMap &state, bool strict = true) {
        detail::Call call;
        call.check(candle_module_load_state_dict(handle(), state.handle(), strict, call.error()));
    }
    /// Writes the state into a safetensors file.
    void save(const std::string &path) const {
        detail::Call call;
        call.check(candle_module_save(handle(), path.c_str(), call.error()));
    }
    /// Takes values from a safetensors file.
    void load(const std::string &path, bool strict = true) {
        detail::Call call;
        call.check(candle_module_load(handle(), path.c_str(), strict, call.error()));
    }

private:
    using Handle = detail::Owner<CandleModule, candle_module_free>;
    Handle handle_;
};

namespace nn {

/// Adds a layer at the end of a `sequential`.
inline void sequential_push(Module &sequential, const Module &module) {
    detail::Call call;
    call.check(candle_sequential_push(sequential.handle(), module.handle(), call.error()));
}

/// Layers one after the other. PyTorch: `torch.nn.Sequential`
inline Module sequential(Span<const Module> modules = {}) {
    detail::Call call;
    CandleModule *out = nullptr;
    call.check(candle_sequential_new(&out, call.error()));
    Module sequential = Module::adopt(out);
    for (const Module &module : modules) {
        sequential_push(sequential, module);
    }
    return sequential;
}

/// Adds a layer at the end of a `module_list`.
inline void module_list_push(Module &list, const Module &module) {
    detail::Call call;
    call.check(candle_module_list_push(list.handle(), module.handle(), call.error()));
}

/// Layers by number, to be saved and trained together. PyTorch: `torch.nn.ModuleList`
inline Module module_list(Span<const Module> modules = {}) {
    detail::Call call;
    CandleModule *out = nullptr;
    call.check(candle_module_list_new(&out, call.error()));
    Module list = Module::adopt(out);
    for (const Module &module : modules) {
        module_list_push(list, module);
    }
    return list;
}

/// Adds a layer with a name to a `module_dict`.
inline void module_dict_insert(Module &dict, const std::string &name, const Module &module) {
    detail::Call call;
    call.check(
        candle_module_dict_insert(dict.handle(), name.c_str(), module.handle(), call.error()));
}

/// Layers by name, to be saved and trained together. PyTorch: `torch.nn.ModuleDict`
inline Module module_dict(Span<const std::pair<std::string, Module>> modules = {}) {
    detail::Call call;
    CandleModule *out = nullptr;
    call.check(candle_module_dict_new(&out, call.error()));
    Module dict = Module::adopt(out);
    for (const auto &[name, module] : modules) {
        module_dict_insert(dict, name, module);
    }
    return dict;
}

/// A `simple_nn` from a file that it was saved to.
inline Module simple_nn_load(const std::string &path) {
    detail::Call call;
    CandleModule *out = nullptr;
    call.check(candle_simple_nn_load(path.c_str(), &out, call.error()));
    return Module::adopt(out);
}

}  // namespace nn

}  // namespace candle

#endif  // CANDLE_FFI_MODULE_HPP
