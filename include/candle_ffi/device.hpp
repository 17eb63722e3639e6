/// @file
/// Devices and dtypes by name: what can fail.

#ifndef CANDLE_FFI_DEVICE_HPP
#define CANDLE_FFI_DEVICE_HPP

#include <candle_ffi/error.hpp>
#include <candle_ffi/types.hpp>

#include <string>

namespace candle {

inline Device::Device(const char *name) {
    detail::Call call;
    CandleDeviceKind kind = 0;
    call.check(candle_device_from_name(name, &kind, &index_, call.error()));
    kind_ = static_cast<DeviceKind>(kind);
}

inline std::string Device::name() const {
    std::string name = candle_device_kind_name(detail::code(kind_));
    return kind_ == DeviceKind::cpu ? name : name + ":" + std::to_string(index_);
}

/// Throws `DeviceError` with the reason when a device cannot be used.
inline void device_check(Device device) {
    detail::Call call;
    call.check(candle_device_check(detail::code(device.kind()), device.index(), call.error()));
}

/// Sets the default dtype for the whole process.
inline void set_default_dtype(DType dtype) {
    detail::Call call;
    call.check(candle_set_default_dtype(detail::code(dtype), call.error()));
}

/// The dtype of a name such as "float32".
inline DType dtype_from_name(const std::string &name) {
    detail::Call call;
    CandleDType out = CANDLE_DTYPE_NONE;
    call.check(candle_dtype_from_name(name.c_str(), &out, call.error()));
    return static_cast<DType>(out);
}

}  // namespace candle

#endif  // CANDLE_FFI_DEVICE_HPP
