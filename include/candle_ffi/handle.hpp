/// @file
/// What all owners of handles are.

#ifndef CANDLE_FFI_HANDLE_HPP
#define CANDLE_FFI_HANDLE_HPP

#include <utility>

namespace candle::detail {

/// The only owner of a handle, which is freed with it; it moves and is not copied.
template <typename Raw, void (*free_handle)(Raw *)>
class Owner {
public:
    Owner() noexcept = default;
    explicit Owner(Raw *handle) noexcept : handle_(handle) {}
    Owner(Owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Owner &operator=(Owner &&other) noexcept {
        Owner taken(std::move(other));
        std::swap(handle_, taken.handle_);
        return *this;
    }
    ~Owner() { free_handle(handle_); }

    Raw *get() const noexcept { return handle_; }
    Raw *release() noexcept { return std::exchange(handle_, nullptr); }

private:
    Raw *handle_ = nullptr;
};

}  // namespace candle::detail

#endif  // CANDLE_FFI_HANDLE_HPP
