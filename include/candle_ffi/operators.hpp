/// @file
/// Operators of tensors, element by element.

#ifndef CANDLE_FFI_OPERATORS_HPP
#define CANDLE_FFI_OPERATORS_HPP

#include <candle_ffi/ops.hpp>

namespace candle {

/// The sum: `add`.
inline Tensor operator+(const Tensor &a, const Tensor &b) { return add(a, b); }
/// The difference: `sub`.
inline Tensor operator-(const Tensor &a, const Tensor &b) { return sub(a, b); }
/// The product: `mul`.
inline Tensor operator*(const Tensor &a, const Tensor &b) { return mul(a, b); }
/// The quotient: `div`.
inline Tensor operator/(const Tensor &a, const Tensor &b) { return div(a, b); }
/// The remainder with the divisor's sign, as Python's: `remainder`.
inline Tensor operator%(const Tensor &a, const Tensor &b) { return remainder(a, b); }
/// The negative: `neg`.
inline Tensor operator-(const Tensor &x) { return neg(x); }
/// Whether elements are equal, as a tensor of bools: `eq`.
inline Tensor operator==(const Tensor &a, const Tensor &b) { return eq(a, b); }
/// Whether elements differ, as a tensor of bools: `ne`.
inline Tensor operator!=(const Tensor &a, const Tensor &b) { return ne(a, b); }
/// Whether elements are less, as a tensor of bools: `lt`.
inline Tensor operator<(const Tensor &a, const Tensor &b) { return lt(a, b); }
/// Whether elements are less or equal, as a tensor of bools: `le`.
inline Tensor operator<=(const Tensor &a, const Tensor &b) { return le(a, b); }
/// Whether elements are greater, as a tensor of bools: `gt`.
inline Tensor operator>(const Tensor &a, const Tensor &b) { return gt(a, b); }
/// Whether elements are greater or equal, as a tensor of bools: `ge`.
inline Tensor operator>=(const Tensor &a, const Tensor &b) { return ge(a, b); }
/// The opposite, as a tensor of bools: `logical_not`.
inline Tensor operator!(const Tensor &x) { return logical_not(x); }

}  // namespace candle

#endif  // CANDLE_FFI_OPERATORS_HPP
