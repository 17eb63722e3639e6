/// @file
/// Dtypes, devices, and how C++ and C name the same things; device.hpp adds what can fail.

#ifndef CANDLE_FFI_TYPES_HPP
#define CANDLE_FFI_TYPES_HPP

#include <candle_ffi/enums.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

namespace candle {

/// 8-bit unsigned integer.
inline constexpr DType uint8 = DType::uint8;
/// 16-bit signed integer.
inline constexpr DType int16 = DType::int16;
/// 32-bit signed integer.
inline constexpr DType int32 = DType::int32;
/// 64-bit signed integer.
inline constexpr DType int64 = DType::int64;
/// IEEE half precision.
inline constexpr DType float16 = DType::float16;
/// bfloat16: 8 exponent and 7 mantissa bits.
inline constexpr DType bfloat16 = DType::bfloat16;
/// IEEE single precision.
inline constexpr DType float32 = DType::float32;
/// IEEE double precision.
inline constexpr DType float64 = DType::float64;

/// A kind of processor and an index among its kind; the CPU unless said otherwise.
class Device {
public:
    /// The CPU.
    constexpr Device() = default;
    /// The device of a kind with an index.
    constexpr Device(DeviceKind kind, std::int32_t index = 0) : kind_(kind), index_(index) {}
    /// The device of a name such as "cuda:1". Throws `DeviceError` when there is none.
    Device(const char *name);
    /// The device of a name such as "cuda:1". Throws `DeviceError` when there is none.
    Device(const std::string &name) : Device(name.c_str()) {}

    /// The kind.
    constexpr DeviceKind kind() const noexcept { return kind_; }
    /// The index among its kind.
    constexpr std::int32_t index() const noexcept { return index_; }
    /// The name, such as "cuda:1"; "cpu" without an index.
    std::string name() const;

    /// Whether two devices are the same.
    friend constexpr bool operator==(Device a, Device b) noexcept {
        return a.kind_ == b.kind_ && a.index_ == b.index_;
    }
    /// Whether two devices are not the same.
    friend constexpr bool operator!=(Device a, Device b) noexcept { return !(a == b); }

private:
    DeviceKind kind_ = DeviceKind::cpu;
    std::int32_t index_ = 0;
};

namespace detail {

/// The number that C has for a value of an enumeration.
template <typename Enumeration>
constexpr std::int32_t code(Enumeration value) noexcept {
    return static_cast<std::int32_t>(value);
}

/// The address of a value that may be missing.
template <typename Value>
const Value *pointer(const std::optional<Value> &value) noexcept {
    return value ? &*value : nullptr;
}

/// The handle of an object that may be missing.
template <typename Object>
auto handle(Object *object) noexcept -> decltype(object->handle()) {
    return object ? object->handle() : nullptr;
}

/// A text that C writes into a buffer: asked for its length first.
template <typename Function>
std::string text(Function &&function) {
    std::string result(function(nullptr, 0), '\0');
    if (!result.empty()) {
        function(result.data(), result.size() + 1);
    }
    return result;
}

/// The dtype of an arithmetic type.
template <typename Element>
constexpr DType dtype_of() {
    using Plain = std::remove_cv_t<Element>;
    static_assert(std::is_arithmetic_v<Plain>, "elements are numbers or bools");
    if constexpr (std::is_same_v<Plain, bool>) {
        return DType::bool_;
    } else if constexpr (std::is_floating_point_v<Plain>) {
        static_assert(sizeof(Plain) <= 8, "there is no dtype for this type");
        return sizeof(Plain) == 4 ? DType::float32 : DType::float64;
    } else if constexpr (std::is_unsigned_v<Plain>) {
        static_assert(sizeof(Plain) == 1 || sizeof(Plain) == 4, "there is no dtype for this type");
        return sizeof(Plain) == 1 ? DType::uint8 : DType::uint32;
    } else {
        static_assert(sizeof(Plain) >= 2, "there is no dtype for this type");
        return sizeof(Plain) == 2 ? DType::int16 : sizeof(Plain) == 4 ? DType::int32 : DType::int64;
    }
}

}  // namespace detail

/// PyTorch's name of a dtype, such as "float32".
inline std::string dtype_name(DType dtype) { return candle_dtype_name(detail::code(dtype)); }

/// The bytes of one element.
inline std::size_t dtype_size(DType dtype) { return candle_dtype_size(detail::code(dtype)); }

/// Whether it is a floating dtype, which can require gradients.
inline bool dtype_is_float(DType dtype) { return candle_dtype_is_float(detail::code(dtype)) != 0; }

/// The dtype that two dtypes promote to.
inline DType dtype_promote(DType a, DType b) {
    return static_cast<DType>(candle_dtype_promote(detail::code(a), detail::code(b)));
}

/// The floating dtype that numbers have, and that integers become where a result is no integer.
inline DType default_dtype() { return static_cast<DType>(candle_default_dtype()); }

/// How many devices of a kind this build can use on this machine.
inline std::size_t device_count(DeviceKind kind) { return candle_device_count(detail::code(kind)); }

/// Whether there is a device of a kind.
inline bool device_is_available(DeviceKind kind) {
    return candle_device_is_available(detail::code(kind)) != 0;
}

}  // namespace candle

#endif  // CANDLE_FFI_TYPES_HPP
