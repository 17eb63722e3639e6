// What all kernels share: names of element types, arithmetic in them, and how strided elements are found.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <stdint.h>

using u8 = uint8_t;
using u32 = uint32_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;
using f16 = __half;
using bf16 = __nv_bfloat16;
using f32 = float;
using f64 = double;
using f8 = __nv_fp8_e4m3;

// The type in which a floating element is computed: halves in f32.
template <class T> struct compute { using type = T; };
template <> struct compute<f16> { using type = f32; };
template <> struct compute<bf16> { using type = f32; };
template <> struct compute<f8> { using type = f32; };
template <class T> using compute_t = typename compute<T>::type;

// An element as what it is computed in.
template <class T> __device__ __forceinline__ compute_t<T> load(T x) { return static_cast<compute_t<T>>(x); }
template <> __device__ __forceinline__ f32 load(f16 x) { return __half2float(x); }
template <> __device__ __forceinline__ f32 load(bf16 x) { return __bfloat162float(x); }

// What was computed, rounded once to the element type.
template <class T> __device__ __forceinline__ T store(compute_t<T> x) { return static_cast<T>(x); }
template <> __device__ __forceinline__ f16 store<f16>(f32 x) { return __float2half_rn(x); }
template <> __device__ __forceinline__ bf16 store<bf16>(f32 x) { return __float2bfloat16_rn(x); }

// Neighbouring elements that are moved together.
template <class T, int N> struct alignas(sizeof(T) * N) Pack {
    T lanes[N];
};

// `Divisor` in divisor.rs: a number that was known when the kernel started.
struct Divisor {
    u32 size;
    u32 magic;
    u32 shift;
    // n / size for n below 2^31.
    __device__ __forceinline__ u32 quotient(u32 n) const { return (__umulhi(n, magic) + n) >> shift; }
};

// `Strides` in array.rs: how elements lie. Rank 0: one after the other.
constexpr int MAX_RANK = 12;
struct Layout {
    u32 rank;
    Divisor dims[MAX_RANK];
    i64 strides[MAX_RANK];
};

// A division of 64 bits, which is long; not inlined, as few arrays need it.
static __device__ __noinline__ size_t far_quotient(size_t position, u32 size) { return position / size; }

__device__ __forceinline__ size_t rows_before(size_t position, u32 size) {
    // Division of 32 bits is several times cheaper.
    if (position <= UINT32_MAX) return static_cast<u32>(position) / size;
    return far_quotient(position, size);
}

// A multiplication is cheaper still.
__device__ __forceinline__ size_t rows_before(size_t position, const Divisor &by) {
    if (position <= INT32_MAX) return by.quotient(static_cast<u32>(position));
    return far_quotient(position, by.size);
}

// Where the element at a position in row-major order lies.
__device__ __forceinline__ i64 offset_of(const Layout &layout, size_t position) {
    if (layout.rank == 0) return static_cast<i64>(position);
    i64 offset = 0;
    size_t left = position;
#pragma unroll 1
    for (int at = static_cast<int>(layout.rank) - 1; at > 0; --at) {
        const size_t rows = rows_before(left, layout.dims[at]);
        offset += static_cast<i64>(left - rows * layout.dims[at].size) * layout.strides[at];
        left = rows;
    }
    return offset + static_cast<i64>(left) * layout.strides[0];
}

// The positions of a thread in `count` elements: `for_each(count, [&](size_t at) { ... })`.
template <class Body> __device__ __forceinline__ void for_each(size_t count, Body body) {
    const size_t step = static_cast<size_t>(gridDim.x) * blockDim.x;
    for (size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; at < count; at += step) body(at);
}

// Each kernel of a file for a set of element types: FLOATS(KERNELS) with `#define KERNELS(T) extern "C" … name_##T(…)`.
#define FLOATS(KERNELS) KERNELS(f16) KERNELS(bf16) KERNELS(f32) KERNELS(f64)
#define INTEGERS(KERNELS) KERNELS(u8) KERNELS(u32) KERNELS(i16) KERNELS(i32) KERNELS(i64)
#define NUMBERS(KERNELS) FLOATS(KERNELS) INTEGERS(KERNELS)
