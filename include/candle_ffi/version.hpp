/// @file
/// Versions, diagnostics and threads.

#ifndef CANDLE_FFI_VERSION_HPP
#define CANDLE_FFI_VERSION_HPP

#include <candle_ffi/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace candle {

/// The version of the library, "major.minor.patch".
inline std::string version() { return candle_ffi_version(); }

/// The version of the library's ABI; it must not be lower than `CANDLE_FFI_ABI_VERSION`.
inline std::int32_t abi_version() { return candle_ffi_abi_version(); }

/// What the library is made of: its version, Candle's version, the features, the target.
inline std::string build_info() { return candle_ffi_build_info(); }

/// How many handles of a kind are alive, for leak tests.
inline std::size_t live_handles(HandleKind kind = HandleKind::all) {
    return candle_ffi_live_handles(detail::code(kind));
}

/// How thoroughly handles are checked: 0, 1 or 2, see `CANDLE_FFI_CHECKS`.
inline std::int32_t checks() { return candle_ffi_checks(); }

/// Sets how thoroughly handles are checked; before the first of them is made.
inline void set_checks(std::int32_t level) {
    detail::Call call;
    call.check(candle_ffi_set_checks(level, call.error()));
}

/// Has all later calls done by another library of this interface, such as the one with CUDA; before
/// anything else is called. Without a path it is the one in the folder `cuda` beside this one.
inline void backend_load() {
    detail::Call call;
    call.check(candle_backend_load(nullptr, call.error()));
}

/// The same, from a file.
inline void backend_load(const std::string &path) {
    detail::Call call;
    call.check(candle_backend_load(path.c_str(), call.error()));
}

/// How many pointers were passed that were no live handles of their type; 0 while checks are off.
inline std::size_t misuses() { return candle_ffi_misuses(); }

/// How many threads operations use.
inline std::size_t get_num_threads() { return candle_get_num_threads(); }

/// Sets how many threads operations use.
inline void set_num_threads(std::size_t num_threads) {
    detail::Call call;
    call.check(candle_set_num_threads(num_threads, call.error()));
}

}  // namespace candle

#endif  // CANDLE_FFI_VERSION_HPP
