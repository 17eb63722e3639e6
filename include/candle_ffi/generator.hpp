/// @file
/// Random numbers.

#ifndef CANDLE_FFI_GENERATOR_HPP
#define CANDLE_FFI_GENERATOR_HPP

#include <candle_ffi/device.hpp>
#include <candle_ffi/handle.hpp>

#include <cstdint>

namespace candle {

/// A source of random numbers with a seed of its own. An empty one stands for the default
/// generator.
class Generator {
public:
    /// Where a generator stands.
    struct State {
        /// Its seed.
        std::uint64_t seed;
        /// How many numbers were drawn since.
        std::uint64_t offset;
    };

    /// The default generator.
    Generator() noexcept = default;
    /// A generator at the start of the sequence of a seed.
    explicit Generator(std::uint64_t seed) {
        detail::Call call;
        CandleGenerator *out = nullptr;
        call.check(candle_generator_new(seed, &out, call.error()));
        handle_ = Handle(out);
    }

    /// Starts the sequence of another seed.
    void manual_seed(std::uint64_t seed) const {
        detail::Call call;
        call.check(candle_generator_manual_seed(handle(), seed, call.error()));
    }
    /// The seed.
    std::uint64_t seed() const { return candle_generator_seed(handle()); }
    /// Where it stands.
    State get_state() const {
        detail::Call call;
        State state = {};
        call.check(candle_generator_get_state(handle(), &state.seed, &state.offset, call.error()));
        return state;
    }
    /// Continues where a saved state stood.
    void set_state(State state) const {
        detail::Call call;
        call.check(candle_generator_set_state(handle(), state.seed, state.offset, call.error()));
    }

    /// The handle, NULL for the default generator.
    const CandleGenerator *handle() const noexcept { return handle_.get(); }

private:
    using Handle = detail::Owner<CandleGenerator, candle_generator_free>;
    Handle handle_;
};

/// Starts the sequence of a seed in the default generator.
inline void manual_seed(std::uint64_t seed) { Generator().manual_seed(seed); }

}  // namespace candle

#endif  // CANDLE_FFI_GENERATOR_HPP
