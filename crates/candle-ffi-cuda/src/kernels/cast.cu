// Conversions between all element types: C's casts as PyTorch does them on x86, which the processors of NVIDIA do
// otherwise where a number has no room.
#include "elementwise.cuh"

__device__ __forceinline__ i32 to_i32(f32 x) {
    return x >= -2147483648.0f && x < 2147483648.0f ? static_cast<i32>(x) : INT32_MIN;
}
__device__ __forceinline__ i32 to_i32(f64 x) {
    return x > -2147483649.0 && x < 2147483648.0 ? static_cast<i32>(x) : INT32_MIN;
}
__device__ __forceinline__ i64 to_i64(f32 x) {
    return x >= -9223372036854775808.0f && x < 9223372036854775808.0f ? static_cast<i64>(x) : INT64_MIN;
}
__device__ __forceinline__ i64 to_i64(f64 x) {
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? static_cast<i64>(x) : INT64_MIN;
}

// Beyond the largest finite value, 448 after rounding, there is only NaN, as in PyTorch.
__device__ __forceinline__ f8 to_f8(f32 value) {
    constexpr u32 SUBNORMAL_SHIFT = (127 - 7 + 23 - 3 + 1) << 23;
    const u32 bits = __float_as_uint(value), sign = bits & 0x80000000u, magnitude = bits ^ sign;
    u32 result;
    if (magnitude >= 1087u << 20) {
        result = 0x7f;
    } else if (magnitude < 121u << 23) {
        // An addition of the right power of two rounds a subnormal result.
        const f32 sum = __fadd_rn(__uint_as_float(magnitude), __uint_as_float(SUBNORMAL_SHIFT));
        result = __float_as_uint(sum) - SUBNORMAL_SHIFT;
    } else {
        result = (magnitude - (((127 - 7) << 23) - 0x7ffffu) + ((magnitude >> 20) & 1)) >> 20;
    }
    f8 made;
    made.__x = static_cast<u8>(result | sign >> 24);
    return made;
}

__device__ __forceinline__ f32 of_f8(f8 value) {
    const u32 bits = value.__x, magnitude = bits & 0x7f;
    const f32 scaled = __fmul_rn(__uint_as_float(magnitude << 20), __uint_as_float((254 - 7) << 23));
    const u32 special = magnitude == 0x7f ? 0x7fc00000u : 0;
    return __uint_as_float(__float_as_uint(scaled) | special | (bits & 0x80) << 24);
}

// The type through which an element goes to another: it holds every value.
__device__ __forceinline__ i32 wide(u8 x) { return x; }
__device__ __forceinline__ i32 wide(i16 x) { return x; }
__device__ __forceinline__ i32 wide(i32 x) { return x; }
__device__ __forceinline__ i64 wide(u32 x) { return x; }
__device__ __forceinline__ i64 wide(i64 x) { return x; }
__device__ __forceinline__ f32 wide(f16 x) { return load(x); }
__device__ __forceinline__ f32 wide(bf16 x) { return load(x); }
__device__ __forceinline__ f32 wide(f8 x) { return of_f8(x); }
__device__ __forceinline__ f32 wide(f32 x) { return x; }
__device__ __forceinline__ f64 wide(f64 x) { return x; }

// Integers wrap; floats round to nearest, those of less than 32 bits through f32.
template <class D> struct To {
    static __device__ __forceinline__ D of(i32 x) { return store<D>(static_cast<f32>(x)); }
    static __device__ __forceinline__ D of(i64 x) { return store<D>(static_cast<f32>(x)); }
    static __device__ __forceinline__ D of(f32 x) { return store<D>(x); }
    static __device__ __forceinline__ D of(f64 x) { return store<D>(static_cast<f32>(x)); }
};
template <> struct To<f8> {
    template <class S> static __device__ __forceinline__ f8 of(S x) { return to_f8(static_cast<f32>(x)); }
};
template <> struct To<f64> {
    template <class S> static __device__ __forceinline__ f64 of(S x) { return static_cast<f64>(x); }
};
// From a float, narrow integers go through the next wider one, as in PyTorch's code.
template <class D> struct ToInteger {
    static __device__ __forceinline__ D of(i32 x) { return static_cast<D>(x); }
    static __device__ __forceinline__ D of(i64 x) { return static_cast<D>(x); }
    static __device__ __forceinline__ D of(f32 x) { return static_cast<D>(to_i32(x)); }
    static __device__ __forceinline__ D of(f64 x) { return static_cast<D>(to_i32(x)); }
};
template <class D> struct ToLong {
    static __device__ __forceinline__ D of(i32 x) { return static_cast<D>(x); }
    static __device__ __forceinline__ D of(i64 x) { return static_cast<D>(x); }
    static __device__ __forceinline__ D of(f32 x) { return static_cast<D>(to_i64(x)); }
    static __device__ __forceinline__ D of(f64 x) { return static_cast<D>(to_i64(x)); }
};
template <> struct To<u8> : ToInteger<u8> {};
template <> struct To<i16> : ToInteger<i16> {};
template <> struct To<i32> : ToInteger<i32> {};
template <> struct To<u32> : ToLong<u32> {};
template <> struct To<i64> : ToLong<i64> {};

#define CAST(S, D)                                                                                     \
    extern "C" __global__ void cast_##S##_##D(const S *x, const Layout layout, D *y, size_t count) {   \
        map(x, layout, y, count, [](S x) -> D { return To<D>::of(wide(x)); });                         \
    }

// To a bool: NaN is not 0.
#define CASTS(S)                                                                                       \
    CAST(S, u8)                                                                                        \
    CAST(S, u32)                                                                                       \
    CAST(S, i16)                                                                                       \
    CAST(S, i32)                                                                                       \
    CAST(S, i64)                                                                                       \
    CAST(S, f16)                                                                                       \
    CAST(S, bf16)                                                                                      \
    CAST(S, f32)                                                                                       \
    CAST(S, f64)                                                                                       \
    CAST(S, f8)                                                                                        \
    extern "C" __global__ void cast_bool_##S(const S *x, const Layout layout, u8 *y, size_t count) {   \
        map(x, layout, y, count, [](S x) -> u8 { return wide(x) != 0; });                              \
    }
NUMBERS(CASTS)
CASTS(f8)
