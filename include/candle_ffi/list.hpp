/// @file
/// Views of elements that stand one after the other, and lists of numbers as arguments.

#ifndef CANDLE_FFI_LIST_HPP
#define CANDLE_FFI_LIST_HPP

#include <candle_ffi.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace candle {

/// A view of elements of a `std::vector`, `std::array`, `std::span`, an array or a braced list. It
/// owns nothing: as an argument it may be made of a temporary, kept it may not.
template <typename Element>
class Span {
public:
    /// The type of the elements.
    using value_type = std::remove_cv_t<Element>;

    /// No elements.
    constexpr Span() noexcept = default;
    /// `size` elements from an address on.
    constexpr Span(Element *data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// The elements of an array.
    template <std::size_t size>
    constexpr Span(Element (&array)[size]) noexcept : Span(array, size) {}
    /// The elements of whatever has `data()` and `size()`.
    template <typename Container,
              typename = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::data(std::declval<Container &>()))> (*)[],
                  Element (*)[]>>,
              typename = decltype(std::declval<Container &>().size())>
    constexpr Span(Container &&container) noexcept
        : Span(std::data(container), std::size(container)) {}
    /// The elements of a braced list, for as long as it stands.
    template <typename Constant = Element, typename = std::enable_if_t<std::is_const_v<Constant>>>
    constexpr Span(std::initializer_list<value_type> list) noexcept
        : Span(std::data(list), list.size()) {}

    /// The address of the first element.
    constexpr Element *data() const noexcept { return data_; }
    /// The number of elements.
    constexpr std::size_t size() const noexcept { return size_; }
    /// Whether there are none.
    constexpr bool empty() const noexcept { return size_ == 0; }
    /// The element at a position, which is not checked.
    constexpr Element &operator[](std::size_t at) const noexcept { return data_[at]; }
    /// The first element.
    constexpr Element *begin() const noexcept { return data_; }
    /// The end.
    constexpr Element *end() const noexcept { return data_ + size_; }

private:
    Element *data_ = nullptr;
    std::size_t size_ = 0;
};

/// Numbers as an argument: a shape, the dims of a reduction, the sizes of a kernel. One number, a
/// braced list, whatever a `Span` can be made of, or `{}` where the operation lets it be missing.
template <typename Number>
class List {
public:
    /// None: not given.
    constexpr List() noexcept = default;
    /// None: not given.
    constexpr List(std::nullopt_t) noexcept {}
    /// One number.
    template <typename Value, typename = std::enable_if_t<
                                  std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool> &&
                                  (std::is_floating_point_v<Number> || std::is_integral_v<Value>)>>
    constexpr List(Value value) noexcept : one_(static_cast<Number>(value)), is_one_(true) {}
    /// The numbers of a braced list, for as long as it stands.
    constexpr List(std::initializer_list<Number> list) noexcept
        : many_(std::data(list), list.size()) {}
    /// The numbers of a vector, an array or a span.
    template <typename Container,
              typename = std::enable_if_t<
                  std::is_constructible_v<Span<const Number>, const Container &> &&
                  !std::is_arithmetic_v<Container> && !std::is_same_v<Container, List>>,
              typename = void>
    constexpr List(const Container &container) noexcept : many_(container) {}

    /// The address of the first number.
    constexpr const Number *data() const noexcept { return is_one_ ? &one_ : many_.data(); }
    /// How many numbers there are.
    constexpr std::size_t size() const noexcept { return is_one_ ? 1 : many_.size(); }
    /// The first number.
    constexpr const Number *begin() const noexcept { return data(); }
    /// The end.
    constexpr const Number *end() const noexcept { return data() + size(); }

private:
    Number one_ = 0;
    bool is_one_ = false;
    Span<const Number> many_;
};

/// Integers as an argument.
using Ints = List<std::int64_t>;
/// Floating numbers as an argument.
using Doubles = List<double>;

/// The padding of a convolution: sizes, or a name.
class Padding : public Ints {
public:
    using Ints::Ints;

    /// As much as makes the output as large as the input, for a stride of 1.
    static constexpr Padding same() noexcept {
        return {static_cast<std::int64_t>(CANDLE_PADDING_SAME)};
    }
    /// None.
    static constexpr Padding valid() noexcept {
        return {static_cast<std::int64_t>(CANDLE_PADDING_VALID)};
    }
};

}  // namespace candle

#endif  // CANDLE_FFI_LIST_HPP
