/// @file
/// Devices and dtypes by name, what devices are and do: what can fail.

#ifndef CANDLE_FFI_DEVICE_HPP
#define CANDLE_FFI_DEVICE_HPP

#include <candle_ffi/error.hpp>
#include <candle_ffi/types.hpp>

#include <cstdint>
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

/// What a device is; what does not apply to it is 0 or empty.
struct DeviceInfo {
    /// Its name, such as "NVIDIA A100-SXM4-80GB".
    std::string name;
    /// What tells a GPU from all others, as `nvidia-smi -L` prints it.
    std::string uuid;
    /// What a GPU of CUDA can do: 8 for 8.0.
    std::int32_t compute_capability_major = 0;
    /// 0 for 8.0.
    std::int32_t compute_capability_minor = 0;
    /// How many multiprocessors a GPU has; for the CPU, how many threads it runs at once.
    std::int32_t multiprocessor_count = 0;
    /// How many threads of a GPU go in step.
    std::int32_t warp_size = 0;
    /// The newest version of CUDA that the driver knows: 13000 for 13.0.
    std::int32_t driver_version = 0;
    /// The version of CUDA that the library is built with.
    std::int32_t runtime_version = 0;
    /// The bytes of its memory.
    std::uint64_t total_memory = 0;
};

/// What a device is; it is not opened for it. Throws `DeviceError` when it is not there.
inline DeviceInfo device_info(Device device) {
    detail::Call call;
    CandleDeviceInfo info = CANDLE_DEVICE_INFO_INIT;
    call.check(
        candle_device_info(detail::code(device.kind()), device.index(), &info, call.error()));
    DeviceInfo told;
    told.name = info.name;
    told.uuid = info.uuid;
    told.compute_capability_major = info.compute_capability_major;
    told.compute_capability_minor = info.compute_capability_minor;
    told.multiprocessor_count = info.multiprocessor_count;
    told.warp_size = info.warp_size;
    told.driver_version = info.driver_version;
    told.runtime_version = info.runtime_version;
    told.total_memory = info.total_memory;
    return told;
}

/// What is known of the memory of a device, in bytes. For the CPU that is what is free, and all.
struct DeviceMemory {
    /// What no program uses.
    std::uint64_t free = 0;
    /// All there is.
    std::uint64_t total = 0;
    /// What tensors of this program hold.
    std::uint64_t allocated = 0;
    /// The most that they held since the start or `device_reset_peak_memory`.
    std::uint64_t peak_allocated = 0;
    /// What this program has taken: what tensors hold, and what is kept for the next ones.
    std::uint64_t reserved = 0;
    /// The most that this was.
    std::uint64_t peak_reserved = 0;
};

/// What is known of the memory of a device.
inline DeviceMemory device_memory(Device device) {
    detail::Call call;
    CandleDeviceMemory memory = CANDLE_DEVICE_MEMORY_INIT;
    call.check(
        candle_device_memory(detail::code(device.kind()), device.index(), &memory, call.error()));
    DeviceMemory told;
    told.free = memory.free_bytes;
    told.total = memory.total_bytes;
    told.allocated = memory.allocated_bytes;
    told.peak_allocated = memory.peak_allocated_bytes;
    told.reserved = memory.reserved_bytes;
    told.peak_reserved = memory.peak_reserved_bytes;
    return told;
}

/// Lets the peaks of `device_memory` begin again at what is in use now.
inline void device_reset_peak_memory(Device device) {
    detail::Call call;
    call.check(candle_device_reset_peak_memory(detail::code(device.kind()), device.index(),
                                               call.error()));
}

/// Gives back to the system what is kept on a device for later tensors, once its work is done.
inline void device_empty_cache(Device device) {
    detail::Call call;
    call.check(
        candle_device_empty_cache(detail::code(device.kind()), device.index(), call.error()));
}

/// Waits for all that a device has been given to do.
inline void device_synchronize(Device device) {
    detail::Call call;
    call.check(
        candle_device_synchronize(detail::code(device.kind()), device.index(), call.error()));
}

/// The `CUstream` on which a CUDA device works, as a number.
inline std::uint64_t device_stream(Device device) {
    detail::Call call;
    std::uint64_t out = 0;
    call.check(
        candle_device_stream(detail::code(device.kind()), device.index(), &out, call.error()));
    return out;
}

/// Lets what comes next on another stream wait for what has been started on a device.
inline void device_let_stream_wait(Device device, std::uint64_t stream) {
    detail::Call call;
    call.check(candle_device_let_stream_wait(detail::code(device.kind()), device.index(), stream,
                                             call.error()));
}

/// Lets what comes next on a device wait for what has been started on another stream.
inline void device_wait_for_stream(Device device, std::uint64_t stream) {
    detail::Call call;
    call.check(candle_device_wait_for_stream(detail::code(device.kind()), device.index(), stream,
                                             call.error()));
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
