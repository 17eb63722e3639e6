/// @file
/// Tensors from braced lists, and elements out of tensors.

#ifndef CANDLE_FFI_DATA_HPP
#define CANDLE_FFI_DATA_HPP

#include <candle_ffi/ops.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

namespace candle {

/// What `tensor` makes besides elements and shape.
struct TensorOptions {
    /// The dtype; without one `int64` for integers, the default dtype for `double`, `float32` for
    /// `float`.
    DType dtype = DType::none;
    /// The device.
    Device device = {};
    /// Whether it requires a gradient.
    bool requires_grad = false;
};

namespace detail {

/// A tensor of elements of any arithmetic type.
template <typename Element>
Tensor tensor_of(Span<const Element> values, Ints shape, const TensorOptions &options) {
    Tensor made;
    DType dtype = options.dtype;
    if constexpr (std::is_integral_v<Element> && !std::is_same_v<Element, bool>) {
        made = Tensor::from_data(std::vector<std::int64_t>(values.begin(), values.end()), shape,
                                 options.device);
        dtype = dtype == DType::none ? DType::int64 : dtype;
    } else {
        made = Tensor::from_data(values, shape, options.device);
        const DType implied = std::is_same_v<Element, double> ? default_dtype() : made.dtype();
        dtype = dtype == DType::none ? implied : dtype;
    }
    if (made.dtype() != dtype) {
        made = made.to_dtype(dtype);
    }
    return options.requires_grad ? std::move(made.set_requires_grad()) : made;
}

[[noreturn]] inline void refuse_ragged() {
    raise("the rows of a list must have the same length",
          {Status::error_shape, "tensor", {}, {}, {}});
}

}  // namespace detail

/// A tensor of rank 1 of the numbers of a list: `tensor({1.0, 2.0})`. PyTorch: `torch.tensor`
template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
Tensor tensor(std::initializer_list<Number> values, const TensorOptions &options = {}) {
    return detail::tensor_of<Number>(values, static_cast<std::int64_t>(values.size()), options);
}

/// A tensor of rank 2 of the numbers of rows: `tensor({{1, 2}, {3, 4}})`. Throws `ShapeError` for
/// rows of unequal lengths. PyTorch: `torch.tensor`
template <typename Number>
Tensor tensor(std::initializer_list<std::initializer_list<Number>> rows,
              const TensorOptions &options = {}) {
    const std::size_t columns = rows.size() == 0 ? 0 : rows.begin()->size();
    const auto values = std::make_unique<Number[]>(rows.size() * columns);
    std::size_t at = 0;
    for (const std::initializer_list<Number> &row : rows) {
        if (row.size() != columns) {
            detail::refuse_ragged();
        }
        for (const Number &value : row) {
            values[at++] = value;
        }
    }
    const std::int64_t shape[] = {static_cast<std::int64_t>(rows.size()),
                                  static_cast<std::int64_t>(columns)};
    return detail::tensor_of<Number>(Span<const Number>(values.get(), at), shape, options);
}

/// A tensor of rank 3 of the numbers of matrices. Throws `ShapeError` for matrices or rows of
/// unequal sizes. PyTorch: `torch.tensor`
template <typename Number>
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<Number>>> matrices,
              const TensorOptions &options = {}) {
    std::vector<Tensor> parts;
    parts.reserve(matrices.size());
    for (const std::initializer_list<std::initializer_list<Number>> &matrix : matrices) {
        parts.push_back(tensor(matrix, {options.dtype, options.device, false}));
        if (parts.back().shape() != parts.front().shape()) {
            detail::refuse_ragged();
        }
    }
    Tensor made = stack(parts);
    return options.requires_grad ? std::move(made.set_requires_grad()) : made;
}

/// A tensor of rank 1 of the numbers of a vector, an array or a span. PyTorch: `torch.tensor`
template <typename Container, typename Number = std::remove_cv_t<std::remove_pointer_t<
                                  decltype(std::data(std::declval<const Container &>()))>>>
Tensor tensor(const Container &values, const TensorOptions &options = {}) {
    const Span<const Number> view(std::data(values), std::size(values));
    return detail::tensor_of<Number>(view, static_cast<std::int64_t>(view.size()), options);
}

/// A tensor of rank 0 of a number, which promotes what it meets as its dtype does. PyTorch:
/// `torch.tensor`
template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>,
          typename = void>
Tensor tensor(Number value, const TensorOptions &options = {}) {
    return detail::tensor_of<Number>(Span<const Number>(&value, 1), Ints(), options);
}

template <typename Element>
std::vector<Element> Tensor::to_vector() const {
    static_assert(!std::is_same_v<Element, bool>,
                  "a vector of bools has no elements; read them as std::uint8_t");
    const Tensor converted =
        dtype() == detail::dtype_of<Element>() ? *this : to_dtype(detail::dtype_of<Element>());
    std::vector<Element> elements(num_elements());
    converted.copy_to(elements);
    return elements;
}

}  // namespace candle

#endif  // CANDLE_FFI_DATA_HPP
