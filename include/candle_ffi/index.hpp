/// @file
/// Indexing: integers, slices, an ellipsis and new axes, as in Python.

#ifndef CANDLE_FFI_INDEX_HPP
#define CANDLE_FFI_INDEX_HPP

#include <candle_ffi/types.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>

namespace candle {

/// An item of an index: an integer, or what `slice`, `ellipsis` and `new_axis` are.
class Index {
public:
    /// One entry; a negative position counts from the end. The dimension goes away.
    template <typename Integer, typename = std::enable_if_t<std::is_integral_v<Integer> &&
                                                            !std::is_same_v<Integer, bool>>>
    Index(Integer position) noexcept {
        item_.kind = CANDLE_INDEX_INTEGER;
        item_.start = static_cast<std::int64_t>(position);
    }
    /// An item as C has it.
    explicit Index(const CandleIndex &item) noexcept : item_(item) {}

    /// The item as C has it.
    const CandleIndex &item() const noexcept { return item_; }

private:
    CandleIndex item_ = CANDLE_INDEX_INIT;
};

/// The entries from `start` up to but without `stop`, each `step`-th; the whole dimension without
/// bounds.
inline Index slice(std::optional<std::int64_t> start = std::nullopt,
                   std::optional<std::int64_t> stop = std::nullopt, std::int64_t step = 1) {
    CandleIndex item = CANDLE_INDEX_INIT;
    item.has_start = start.has_value();
    item.start = start.value_or(0);
    item.has_stop = stop.has_value();
    item.stop = stop.value_or(0);
    item.step = step;
    return Index(item);
}

/// All dimensions that no other item takes.
inline Index ellipsis() {
    CandleIndex item = CANDLE_INDEX_INIT;
    item.kind = CANDLE_INDEX_ELLIPSIS;
    return Index(item);
}

/// A new dimension of size 1.
inline Index new_axis() {
    CandleIndex item = CANDLE_INDEX_INIT;
    item.kind = CANDLE_INDEX_NEW_AXIS;
    return Index(item);
}

}  // namespace candle

#endif  // CANDLE_FFI_INDEX_HPP
