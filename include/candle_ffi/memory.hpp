/// @file
/// Memory of the caller used in place, rows of it, and DLPack: what `Tensor` declares of them.

#ifndef CANDLE_FFI_MEMORY_HPP
#define CANDLE_FFI_MEMORY_HPP

#include <candle_ffi/tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace candle {

namespace detail {

/// Memory in use by a tensor, and what frees it.
struct Blob {
    Tensor::Deleter deleter;
    void *data = nullptr;

    static void free(void *blob) noexcept {
        const std::unique_ptr<Blob> owner(static_cast<Blob *>(blob));
        owner->deleter(owner->data);
    }
};

/// Refuses a type of elements that is not the tensor's.
template <typename Element>
void check_element(const Tensor &tensor, const char *operation) {
    if constexpr (!std::is_void_v<Element>) {
        const DType asked = dtype_of<Element>();
        if (tensor.defined() && asked != tensor.dtype()) {
            raise("elements of " + dtype_name(tensor.dtype()) + " are not of " + dtype_name(asked),
                  {Status::error_dtype, operation, {}, {tensor.dtype(), asked}, {}});
        }
    }
}

/// The address of the first element.
inline void *address(const CandleTensor *tensor) {
    Call call;
    void *data = nullptr;
    call.check(candle_tensor_data_ptr(tensor, &data, call.error()));
    return data;
}

}  // namespace detail

inline Tensor Tensor::from_blob(void *data, std::size_t byte_len, Ints shape, DType dtype,
                                Deleter deleter, Ints strides) {
    if (strides.size() != 0 && strides.size() != shape.size()) {
        detail::raise("strides must have a number for each dimension",
                      {Status::error_invalid_argument, "from_blob", {}, {}, {}});
    }
    std::unique_ptr<detail::Blob> blob;
    if (deleter) {
        blob = std::make_unique<detail::Blob>(detail::Blob{std::move(deleter), data});
    }
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_tensor_from_blob(
        data, byte_len, shape.data(), shape.size(), strides.size() == 0 ? nullptr : strides.data(),
        detail::code(dtype), blob ? detail::Blob::free : nullptr, blob.get(), &out, call.error()));
    // The tensor's from now on, if it is not freed already.
    static_cast<void>(blob.release());
    return adopt(out);
}

template <typename Container>
Tensor Tensor::from_blob(Container &values, Ints shape, Deleter deleter) {
    using Element = std::remove_pointer_t<decltype(std::data(values))>;
    static_assert(!std::is_const_v<Element>, "what uses memory in place may write to it");
    return from_blob(std::data(values), std::size(values) * sizeof(Element), shape,
                     detail::dtype_of<Element>(), std::move(deleter));
}

template <typename Container>
Tensor Tensor::from_rows(const Container &values, Ints shape, Span<const std::int64_t> indices,
                         Device device) {
    using Element = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(values))>>;
    const std::size_t byte_len = std::size(values) * sizeof(Element);
    // Modulo the range of the type: C refuses sizes that are negative or too large.
    std::size_t row_len = sizeof(Element);
    for (std::size_t at = 1; at < shape.size(); at++) {
        row_len *= static_cast<std::size_t>(shape.data()[at]);
    }
    const std::size_t num_rows = shape.size() == 0 ? 0 : static_cast<std::size_t>(shape.data()[0]);
    if (shape.size() == 0 || num_rows * row_len != byte_len) {
        detail::raise(
            "an array of rows has " + std::to_string(std::size(values)) +
                " values, which is not what its shape says",
            {Status::error_invalid_argument, "from_rows", {{shape.begin(), shape.end()}}, {}, {}});
    }
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_tensor_from_rows(
        std::data(values), byte_len, num_rows, static_cast<std::int64_t>(row_len), shape.data() + 1,
        shape.size() - 1, indices.data(), indices.size(), detail::code(detail::dtype_of<Element>()),
        detail::code(device.kind()), device.index(), &out, call.error()));
    return adopt(out);
}

template <typename Element>
Element *Tensor::data_ptr() {
    detail::check_element<Element>(*this, "data_ptr");
    return static_cast<Element *>(detail::address(handle()));
}

template <typename Element>
const Element *Tensor::data_ptr() const {
    detail::check_element<Element>(*this, "data_ptr");
    return static_cast<const Element *>(detail::address(handle()));
}

inline DLManagedTensorVersioned *Tensor::to_dlpack(CopyKind copy) const {
    detail::Call call;
    DLManagedTensorVersioned *out = nullptr;
    call.check(candle_tensor_to_dlpack(handle(), detail::code(copy), &out, call.error()));
    return out;
}

inline DLManagedTensor *Tensor::to_dlpack_unversioned(CopyKind copy) const {
    detail::Call call;
    DLManagedTensor *out = nullptr;
    call.check(
        candle_tensor_to_dlpack_unversioned(handle(), detail::code(copy), &out, call.error()));
    return out;
}

inline Tensor Tensor::from_dlpack(DLManagedTensorVersioned *managed, CopyKind copy) {
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(candle_tensor_from_dlpack(managed, detail::code(copy), &out, call.error()));
    return adopt(out);
}

inline Tensor Tensor::from_dlpack(DLManagedTensor *managed, CopyKind copy) {
    detail::Call call;
    CandleTensor *out = nullptr;
    call.check(
        candle_tensor_from_dlpack_unversioned(managed, detail::code(copy), &out, call.error()));
    return adopt(out);
}

}  // namespace candle

#endif  // CANDLE_FFI_MEMORY_HPP
