// Elementwise functions of one array that cost no more than its memory. NaN gives NaN; integers wrap.
#include "elementwise.cuh"

#define OF_FLOATS(T)                                                                  \
    UNARY(unary_neg, T, -x)                                                           \
    UNARY(unary_abs, T, fabs(x))                                                      \
    UNARY(unary_sign, T, x > 0 ? compute_t<T>(1) : x < 0 ? compute_t<T>(-1) : 0)      \
    UNARY(unary_square, T, x *x)                                                      \
    UNARY(unary_sqrt, T, sqrt(x))                                                     \
    UNARY(unary_rsqrt, T, 1 / sqrt(x))                                                \
    UNARY(unary_reciprocal, T, 1 / x)                                                 \
    UNARY(unary_relu, T, x < 0 ? 0 : x)                                               \
    UNARY(unary_floor, T, floor(x))                                                   \
    UNARY(unary_ceil, T, ceil(x))                                                     \
    UNARY(unary_round, T, rint(x))                                                    \
    UNARY(unary_trunc, T, trunc(x))
FLOATS(OF_FLOATS)

// Integers wrap, which only unsigned arithmetic does in C++.
template <class T> __device__ __forceinline__ T negated(T x) { return static_cast<T>(0 - static_cast<uint64_t>(x)); }

#define INTEGER(name, T, expression)                                                                 \
    extern "C" __global__ void name##_##T(const T *x, const Layout layout, T *y, size_t count) {     \
        map(x, layout, y, count, [](T x) -> T { return static_cast<T>(expression); });               \
    }

#define OF_INTEGERS(T)                                                                               \
    INTEGER(unary_neg, T, negated(x))                                                                \
    INTEGER(unary_abs, T, is_negative(x) ? negated(x) : x)                                                 \
    INTEGER(unary_sign, T, x == T(0) ? 0 : is_negative(x) ? -1 : 1)                                         \
    INTEGER(unary_square, T, static_cast<uint64_t>(x) * static_cast<uint64_t>(x))                    \
    INTEGER(unary_relu, T, is_negative(x) ? T(0) : x)
INTEGERS(OF_INTEGERS)

// The opposite of each bool, which is a byte of 0 or 1.
extern "C" __global__ void logical_not_u8(const u8 *x, const Layout layout, u8 *y, size_t count) {
    map(x, layout, y, count, [](u8 x) -> u8 { return x == 0; });
}

// Each element brought into the bounds that there are. NaN stays, and a bound of NaN gives NaN.
template <class T> __device__ __forceinline__ T limited(T x, T low, T high, bool has_low, bool has_high) {
    const auto wide = load(x);
    if (wide != wide) return x;
    if (has_low && !(wide > load(low))) x = low;
    if (load(x) != load(x)) return x;
    return has_high && !(load(x) < load(high)) ? high : x;
}

#define CLAMP(T)                                                                                                  \
    extern "C" __global__ void clamp_##T(const T *x, const Layout layout, T *y, uint64_t low, uint64_t high,      \
                                         u32 bounds, size_t count) {                                              \
        const T least = of_bits<T>(low), most = of_bits<T>(high);                                                 \
        map(x, layout, y, count, [=](T x) { return limited(x, least, most, bounds & 1, bounds & 2); });           \
    }                                                                                                             \
    extern "C" __global__ void clamp_mask_##T(const T *x, const Layout layout, u8 *y, uint64_t low,               \
                                              uint64_t high, u32 bounds, size_t count) {                          \
        const auto least = load(of_bits<T>(low)), most = load(of_bits<T>(high));                                  \
        map(x, layout, y, count, [=](T element) -> u8 {                                                           \
            const auto x = load(element);                                                                         \
            return (!(bounds & 1) || x > least) && (!(bounds & 2) || x < most);                                   \
        });                                                                                                       \
    }
NUMBERS(CLAMP)
