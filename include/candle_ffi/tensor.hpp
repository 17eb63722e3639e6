/// @file
/// Tensors.

#ifndef CANDLE_FFI_TENSOR_HPP
#define CANDLE_FFI_TENSOR_HPP

#include <candle_ffi/generator.hpp>
#include <candle_ffi/handle.hpp>
#include <candle_ffi/index.hpp>
#include <candle_ffi/list.hpp>
#include <candle_ffi/methods.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace candle {

/// An n-dimensional array that can take part in a graph of operations.
///
/// A copy is a second handle on the same tensor: its values, its gradient, its place in the graph;
/// `clone()` copies values. An empty one, which the default constructor makes, stands for a tensor
/// that is not given.
class Tensor : public TensorMethods {
public:
    /// No tensor.
    Tensor() noexcept = default;
    /// A number as a tensor of rank 0 that does not promote what it meets: `x * 2`, `where(mask, x,
    /// 0.0)`.
    template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
    Tensor(Number value) {
        detail::Call call;
        CandleTensor *out = nullptr;
        if constexpr (std::is_same_v<Number, bool>) {
            call.check(candle_tensor_from_bool(value, &out, call.error()));
        } else if constexpr (std::is_integral_v<Number>) {
            call.check(
                candle_tensor_from_int64(static_cast<std::int64_t>(value), &out, call.error()));
        } else {
            call.check(candle_tensor_from_double(static_cast<double>(value), &out, call.error()));
        }
        handle_ = Handle(out);
    }
    /// A second handle on the same tensor.
    Tensor(const Tensor &other) : TensorMethods(other) {
        if (other.defined()) {
            detail::Call call;
            CandleTensor *out = nullptr;
            call.check(candle_tensor_share(other.handle(), &out, call.error()));
            handle_ = Handle(out);
        }
    }
    /// Takes the handle, and leaves the other empty.
    Tensor(Tensor &&other) noexcept = default;
    /// A second handle on the same tensor, in the place of this one. `x[0] = y` does not compile,
    /// since it would change nothing: see `set_item`.
    Tensor &operator=(const Tensor &other) & { return *this = Tensor(other); }
    /// Takes the handle, and leaves the other empty.
    Tensor &operator=(Tensor &&other) &noexcept {
        handle_ = std::move(other.handle_);
        return *this;
    }
    ~Tensor() = default;

    /// The owner of a handle that C gave.
    static Tensor adopt(CandleTensor *handle) noexcept {
        Tensor tensor;
        tensor.handle_ = Handle(handle);
        return tensor;
    }
    /// A copy of elements in row-major order; their type is the dtype.
    template <typename Container>
    static Tensor from_data(const Container &values, Ints shape, Device device = {}) {
        using Element = std::remove_pointer_t<decltype(std::data(values))>;
        return from_bytes(std::data(values), std::size(values) * sizeof(Element), shape,
                          detail::dtype_of<Element>(), device);
    }
    /// A copy of elements in row-major order; their type is the dtype.
    template <typename Element>
    static Tensor from_data(std::initializer_list<Element> values, Ints shape, Device device = {}) {
        return from_data<std::initializer_list<Element>>(values, shape, device);
    }
    /// A copy of `byte_len` bytes; `strides` are distances in bytes, row-major without them.
    static Tensor from_bytes(const void *data, std::size_t byte_len, Ints shape, DType dtype,
                             Device device = {}, Ints strides = {}) {
        if (strides.size() != 0 && strides.size() != shape.size()) {
            detail::raise("strides must have a number for each dimension",
                          {Status::error_invalid_argument, "from_bytes", {}, {}, {}});
        }
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_tensor_from_data(data, byte_len, shape.data(), shape.size(),
                                           strides.size() == 0 ? nullptr : strides.data(),
                                           detail::code(dtype), detail::code(device.kind()),
                                           device.index(), &out, call.error()));
        return adopt(out);
    }

    /// The rows `indices` of an array of a shape, in one pass; the type of the values is the dtype.
    /// Throws `IndexError` for an index that is negative or too large.
    template <typename Container>
    static Tensor from_rows(const Container &values, Ints shape, Span<const std::int64_t> indices,
                            Device device = {});
    /// What frees memory that a tensor has used in place, given its address; it must not throw.
    using Deleter = std::function<void(void *)>;
    /// The elements of a container in row-major order, in place on the CPU; their type is the
    /// dtype. `deleter` is called, on any thread, when the last tensor that uses them is gone; an
    /// empty one is for elements that outlive them all. When it throws nothing is deleted. PyTorch:
    /// `torch::from_blob`
    template <typename Container>
    static Tensor from_blob(Container &values, Ints shape, Deleter deleter = {});
    /// `byte_len` bytes in place; `strides` are distances in bytes, row-major without them.
    static Tensor from_blob(void *data, std::size_t byte_len, Ints shape, DType dtype,
                            Deleter deleter = {}, Ints strides = {});
    /// Takes a tensor of another library over; it stays the caller's when this throws. PyTorch:
    /// `torch.from_dlpack`
    static Tensor from_dlpack(DLManagedTensorVersioned *managed,
                              CopyKind copy = CopyKind::if_needed);
    /// Takes a tensor of another library over, in DLPack's older form.
    static Tensor from_dlpack(DLManagedTensor *managed, CopyKind copy = CopyKind::if_needed);

    /// Whether there is a tensor.
    bool defined() const noexcept { return handle_.get() != nullptr; }
    /// The handle, for functions of C that read.
    const CandleTensor *handle() const noexcept { return handle_.get(); }
    /// The handle, for functions of C that write.
    CandleTensor *handle() noexcept { return handle_.get(); }
    /// The handle, which the caller frees from now on.
    CandleTensor *release() noexcept { return handle_.release(); }

    /// The number of dimensions.
    std::size_t rank() const noexcept { return candle_tensor_rank(handle()); }
    /// The number of elements.
    std::size_t num_elements() const noexcept { return candle_tensor_num_elements(handle()); }
    /// The sizes.
    std::vector<std::int64_t> shape() const {
        detail::Call call;
        std::vector<std::int64_t> sizes(rank());
        call.check(candle_tensor_shape(handle(), sizes.data(), sizes.size(), call.error()));
        return sizes;
    }
    /// The size of a dimension; a negative one counts from the end. Throws `IndexError`.
    std::int64_t size(std::int64_t dim) const {
        std::vector<std::int64_t> sizes = shape();
        const auto count = static_cast<std::int64_t>(sizes.size());
        if (dim < -count || dim >= count) {
            detail::raise("dimension " + std::to_string(dim) + " of a tensor of rank " +
                              std::to_string(count),
                          {Status::error_index, "size", {std::move(sizes)}, {}, {}});
        }
        return sizes[static_cast<std::size_t>(dim < 0 ? dim + count : dim)];
    }
    /// The distances in elements between neighbours of each dimension.
    std::vector<std::int64_t> strides() const {
        detail::Call call;
        std::vector<std::int64_t> strides(rank());
        call.check(candle_tensor_strides(handle(), strides.data(), strides.size(), call.error()));
        return strides;
    }
    /// The type of the elements.
    DType dtype() const noexcept { return static_cast<DType>(candle_tensor_dtype(handle())); }
    /// The device that the elements are on.
    Device device() const noexcept {
        return {static_cast<DeviceKind>(candle_tensor_device(handle())),
                candle_tensor_device_index(handle())};
    }
    /// Whether the elements lie in row-major order without gaps.
    bool is_contiguous() const noexcept { return candle_tensor_is_contiguous(handle()) != 0; }
    /// A copy in pinned memory of the host, from which a CUDA device copies while the host goes on.
    Tensor pin_memory() const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_tensor_pin_memory(handle(), &out, call.error()));
        return adopt(out);
    }
    /// Whether the elements are in pinned memory of the host.
    bool is_pinned() const {
        detail::Call call;
        std::int32_t out = 0;
        call.check(candle_tensor_is_pinned(handle(), &out, call.error()));
        return out != 0;
    }
    /// How often the storage has been changed in place.
    std::uint32_t version() const noexcept { return candle_tensor_version(handle()); }
    /// Replaces the values by those of another, and keeps everything else; not part of any graph.
    void set_data(const Tensor &source) {
        detail::Call call;
        call.check(candle_tensor_set_data(handle(), source.handle(), call.error()));
    }

    /// The only element; a float is cut towards zero for an integer type. Throws `ShapeError`
    /// unless there is one.
    template <typename Number = double>
    Number item() const {
        static_assert(std::is_arithmetic_v<Number>, "an element is read as a number or a bool");
        detail::Call call;
        if constexpr (std::is_integral_v<Number> && !std::is_same_v<Number, bool>) {
            std::int64_t value = 0;
            call.check(candle_tensor_item_int64(handle(), &value, call.error()));
            return static_cast<Number>(value);
        } else {
            double value = 0.0;
            call.check(candle_tensor_item_double(handle(), &value, call.error()));
            return static_cast<Number>(value);
        }
    }
    /// Copies the elements in row-major order; the type must be the dtype's, and the room exactly
    /// what they need.
    template <typename Container>
    void copy_to(Container &&room) const {
        using Element = std::remove_pointer_t<decltype(std::data(room))>;
        if (defined() && detail::dtype_of<Element>() != dtype()) {
            detail::raise(
                "a tensor of " + dtype_name(dtype()) + " is not copied to elements of " +
                    dtype_name(detail::dtype_of<Element>()),
                {Status::error_dtype, "copy_to", {}, {dtype(), detail::dtype_of<Element>()}, {}});
        }
        detail::Call call;
        call.check(candle_tensor_copy_to(handle(), std::data(room),
                                         std::size(room) * sizeof(Element), call.error()));
    }
    /// The elements in row-major order, converted to a type.
    template <typename Element>
    std::vector<Element> to_vector() const;
    /// The address of the first element of a tensor on the CPU; the others lie as `strides` says.
    /// The type must be the dtype's, or `void`. Writes are not counted as changes in place.
    template <typename Element = void>
    Element *data_ptr();
    /// The address of the first element of a tensor on the CPU, to read from.
    template <typename Element = void>
    const Element *data_ptr() const;
    /// The tensor for another library, whose the result is: its `deleter` frees it. Throws
    /// `GraphError` when the tensor requires gradients. PyTorch: `torch.utils.dlpack.to_dlpack`
    DLManagedTensorVersioned *to_dlpack(CopyKind copy = CopyKind::if_needed) const;
    /// The same for libraries that know DLPack's older form only.
    DLManagedTensor *to_dlpack_unversioned(CopyKind copy = CopyKind::if_needed) const;

    /// The part that one item of an index names: `x[0]`, `x[slice(1, 3)]`.
    Tensor operator[](const Index &item) const { return get_item({item}); }
    /// The part that an index names: `x.get_item({slice(1, 3), 0})`.
    Tensor get_item(Span<const Index> index) const {
        const std::vector<CandleIndex> items = items_of(index);
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(
            candle_tensor_get_item(handle(), items.data(), items.size(), &out, call.error()));
        return adopt(out);
    }
    /// Writes into the part that an index names; `source` broadcasts and is converted.
    void set_item(Span<const Index> index, const Tensor &source) {
        const std::vector<CandleIndex> items = items_of(index);
        detail::Call call;
        call.check(candle_tensor_set_item(handle(), items.data(), items.size(), source.handle(),
                                          call.error()));
    }

    /// Adds the gradients of this tensor to those of the leaves it was computed from. `gradient`
    /// may be left out for a tensor of one element, and then is 1.
    void backward(const Tensor &gradient = none(), bool retain_graph = false,
                  bool create_graph = false) const {
        detail::Call call;
        call.check(candle_tensor_backward(handle(), gradient.handle(), retain_graph, create_graph,
                                          call.error()));
    }
    /// Whether gradients flow to or through it.
    bool requires_grad() const noexcept { return candle_tensor_requires_grad(handle()) != 0; }
    /// Asks for a gradient of a leaf, or no longer.
    Tensor &set_requires_grad(bool requires_grad = true) {
        detail::Call call;
        call.check(candle_tensor_set_requires_grad(handle(), requires_grad, call.error()));
        return *this;
    }
    /// Whether it was made by the user and not by a recorded operation.
    bool is_leaf() const noexcept { return candle_tensor_is_leaf(handle()) != 0; }
    /// The name of the recorded operation that made it; empty when none did.
    std::string grad_fn_name() const {
        return detail::text([&](char *name, std::size_t capacity) {
            return candle_tensor_grad_fn_name(handle(), name, capacity);
        });
    }
    /// The gradient accumulated so far; empty when there is none.
    Tensor grad() const {
        detail::Call call;
        CandleTensor *out = nullptr;
        call.check(candle_tensor_grad(handle(), &out, call.error()));
        return adopt(out);
    }
    /// Replaces the gradient; an empty tensor clears it.
    void set_grad(const Tensor &grad) {
        detail::Call call;
        call.check(candle_tensor_set_grad(handle(), grad.handle(), call.error()));
    }
    /// Has a function called with the gradient of this tensor in every backward pass, until
    /// `remove_hook` is called with the number it gives. A tensor that the function returns takes
    /// the gradient's place, unless it is empty; what it throws comes out of `backward`.
    template <typename Function>
    std::uint64_t register_hook(Function &&hook) const {
        using Hook = std::function<Tensor(const Tensor &)>;
        using Result = std::invoke_result_t<std::decay_t<Function> &, const Tensor &>;
        std::unique_ptr<Hook> kept;
        if constexpr (std::is_void_v<Result>) {
            kept = std::make_unique<Hook>(
                [hook = std::forward<Function>(hook)](const Tensor &gradient) mutable {
                    hook(gradient);
                    return Tensor();
                });
        } else {
            kept = std::make_unique<Hook>(std::forward<Function>(hook));
        }
        detail::Call call;
        std::uint64_t id = 0;
        call.check(candle_tensor_register_hook(
            handle(), run_hook, kept.release(),
            [](void *user_data) { delete static_cast<Hook *>(user_data); }, &id, call.error()));
        return id;
    }
    /// Removes a hook; one that is not there, or no longer, is no error.
    void remove_hook(std::uint64_t id) const {
        detail::Call call;
        call.check(candle_tensor_remove_hook(handle(), id, call.error()));
    }

    /// In place: `x.add_(other)`.
    Tensor &operator+=(const Tensor &other) { return add_(other); }
    /// In place: `x.sub_(other)`.
    Tensor &operator-=(const Tensor &other) { return sub_(other); }
    /// In place: `x.mul_(other)`.
    Tensor &operator*=(const Tensor &other) { return mul_(other); }
    /// In place: `x.div_(other)`.
    Tensor &operator/=(const Tensor &other) { return div_(other); }

private:
    using Handle = detail::Owner<CandleTensor, candle_tensor_free>;

    static std::vector<CandleIndex> items_of(Span<const Index> index) {
        std::vector<CandleIndex> items;
        items.reserve(index.size());
        for (const Index &item : index) {
            items.push_back(item.item());
        }
        return items;
    }

    static CandleStatus run_hook(void *user_data, const CandleTensor *gradient,
                                 CandleTensor **replacement) noexcept {
        try {
            detail::Call call;
            CandleTensor *shared = nullptr;
            call.check(candle_tensor_share(gradient, &shared, call.error()));
            auto &hook = *static_cast<std::function<Tensor(const Tensor &)> *>(user_data);
            *replacement = hook(adopt(shared)).release();
            return CANDLE_OK;
        } catch (...) {
            detail::thrown() = std::current_exception();
            return CANDLE_ERROR_CALLBACK;
        }
    }

    Handle handle_;
};

inline const Tensor &none() noexcept {
    static const Tensor tensor;
    return tensor;
}

inline const Tensor &TensorMethods::self() const { return static_cast<const Tensor &>(*this); }

inline Tensor &TensorMethods::self() { return static_cast<Tensor &>(*this); }

namespace detail {

/// The handles of tensors, as C takes a list of them.
class Handles {
public:
    explicit Handles(Span<const Tensor> tensors) {
        handles_.reserve(tensors.size());
        for (const Tensor &tensor : tensors) {
            handles_.push_back(tensor.handle());
        }
    }

    const CandleTensor *const *data() const noexcept { return handles_.data(); }
    std::size_t size() const noexcept { return handles_.size(); }

private:
    std::vector<const CandleTensor *> handles_;
};

/// The tensors that a function of C writes into a list; called again where the list was too short.
template <typename Function>
std::vector<Tensor> collect(Function &&function) {
    std::vector<CandleTensor *> room(16);
    for (;;) {
        std::vector<Tensor> tensors;
        tensors.reserve(room.size());
        Call call;
        std::size_t count = 0;
        const CandleStatus status = function(room.data(), room.size(), &count, call.error());
        if (status == CANDLE_ERROR_BUFFER_TOO_SMALL && count > room.size()) {
            room.resize(count);
            continue;
        }
        call.check(status);
        for (std::size_t at = 0; at < count; at++) {
            tensors.push_back(Tensor::adopt(room[at]));
        }
        return tensors;
    }
}

}  // namespace detail

}  // namespace candle

#endif  // CANDLE_FFI_TENSOR_HPP
