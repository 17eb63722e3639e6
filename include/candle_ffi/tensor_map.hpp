/// @file
/// Tensors by name, and files of them.

#ifndef CANDLE_FFI_TENSOR_MAP_HPP
#define CANDLE_FFI_TENSOR_MAP_HPP

#include <candle_ffi/tensor.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace candle {

/// Tensors by name, in order: the state of a module, the content of a file.
class TensorMap {
public:
    /// No tensors.
    TensorMap() {
        detail::Call call;
        CandleTensorMap *out = nullptr;
        call.check(candle_tensor_map_new(&out, call.error()));
        handle_ = Handle(out);
    }
    /// The owner of a handle that C gave.
    static TensorMap adopt(CandleTensorMap *handle) noexcept { return TensorMap(Handle(handle)); }
    /// The tensors of a safetensors file.
    static TensorMap load(const std::string &path) {
        detail::Call call;
        CandleTensorMap *out = nullptr;
        call.check(candle_tensor_map_load(path.c_str(), &out, call.error()));
        return adopt(out);
    }
    /// Writes a safetensors file.
    void save(const std::string &path) const {
        detail::Call call;
        call.check(candle_tensor_map_save(handle(), path.c_str(), call.error()));
    }

    /// The handle, for functions of C that read.
    const CandleTensorMap *handle() const noexcept { return handle_.get(); }
    /// The handle, for functions of C that write.
    CandleTensorMap *handle() noexcept { return handle_.get(); }

    /// The number of tensors.
    std::size_t size() const noexcept { return candle_tensor_map_len(handle()); }
    /// Whether there are none.
    bool empty() const noexcept { return size() == 0; }
    /// The name at a position.
    std::string name(std::size_t index) const {
        return detail::text([&](char *name, std::size_t capacity) {
            return candle_tensor_map_name(handle(), index, name, capacity);
        });
    }
    /// The names in order.
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        names.reserve(size());
        for (std::size_t at = 0; at < size(); at++) {
            names.push_back(name(at));
        }
        return names;
    }
    /// The tensor at a position.
    Tensor at(std::size_t index) const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_tensor_map_at(handle(), index, &out, call.error()));
        return Tensor::adopt(out);
    }
    /// The tensor of a name.
    Tensor get(const std::string &name) const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_tensor_map_get(handle(), name.c_str(), &out, call.error()));
        return Tensor::adopt(out);
    }
    /// The tensor of a name.
    Tensor operator[](const std::string &name) const { return get(name); }
    /// Adds a tensor, or puts it in the place of the one of its name.
    void insert(const std::string &name, const Tensor &tensor) {
        detail::Call call;
        call.check(candle_tensor_map_insert(handle(), name.c_str(), tensor.handle(), call.error()));
    }

    /// The number of entries of the metadata.
    std::size_t num_metadata() const noexcept { return candle_tensor_map_num_metadata(handle()); }
    /// The key of an entry of the metadata.
    std::string metadata_key(std::size_t index) const {
        return detail::text([&](char *key, std::size_t capacity) {
            return candle_tensor_map_metadata_key(handle(), index, key, capacity);
        });
    }
    /// The value of an entry of the metadata.
    std::string metadata_value(std::size_t index) const {
        return detail::text([&](char *value, std::size_t capacity) {
            return candle_tensor_map_metadata_value(handle(), index, value, capacity);
        });
    }
    /// Sets an entry of the metadata.
    void set_metadata(const std::string &key, const std::string &value) {
        detail::Call call;
        call.check(
            candle_tensor_map_set_metadata(handle(), key.c_str(), value.c_str(), call.error()));
    }

private:
    using Handle = detail::Owner<CandleTensorMap, candle_tensor_map_free>;
    explicit TensorMap(Handle handle) noexcept : handle_(std::move(handle)) {}

    Handle handle_;
};

}  // namespace candle

#endif  // CANDLE_FFI_TENSOR_MAP_HPP
