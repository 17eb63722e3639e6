// The largest and the smallest element; NaN comes before all. Any and all of bools.
#include "reduce.cuh"

template <class W> constexpr W LEAST = 0;
template <> constexpr i32 LEAST<i32> = INT32_MIN;
template <> constexpr i64 LEAST<i64> = INT64_MIN;
template <> constexpr f32 LEAST<f32> = -__builtin_huge_valf();
template <> constexpr f64 LEAST<f64> = -__builtin_huge_val();
template <class W> constexpr W MOST = 0;
template <> constexpr i32 MOST<i32> = INT32_MAX;
template <> constexpr u32 MOST<u32> = UINT32_MAX;
template <> constexpr i64 MOST<i64> = INT64_MAX;
template <> constexpr f32 MOST<f32> = __builtin_huge_valf();
template <> constexpr f64 MOST<f64> = __builtin_huge_val();

template <class T, bool MAX> struct Extreme : ReduceOp<Extreme<T, MAX>> {
    using Item = wide_t<T>;
    using Acc = wide_t<T>;
    const T *x;
    T *y;
    i64 n;
    __device__ Acc none() const { return MAX ? LEAST<Acc> : MOST<Acc>; }
    __device__ Item item(i64 offset) const { return load(x[offset]); }
    __device__ Acc lift(Item x, i64) const { return x; }
    __device__ Acc join(Acc a, Acc b) const { return beats<MAX>(a, b) ? a : (beats<MAX>(b, a) ? b : a); }
    // Of no elements 0, as on the CPU; the caller refuses that.
    __device__ void write(i64 output, Acc total) const { y[output] = static_cast<T>(n > 0 ? total : Acc(0)); }
};

template <bool ALL> struct Truth : ReduceOp<Truth<ALL>> {
    using Item = u32;
    using Acc = u32;
    const u8 *x;
    u8 *y;
    __device__ Acc none() const { return ALL; }
    __device__ Item item(i64 offset) const { return x[offset] != 0; }
    __device__ Acc lift(Item x, i64) const { return x; }
    __device__ Acc join(Acc a, Acc b) const { return ALL ? a & b : a | b; }
    __device__ void write(i64 output, Acc total) const { y[output] = static_cast<u8>(total); }
};

#define EXTREME(name, T, max)                                                                                             \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                          \
        reduce_##name##_##T(const T *x, T *y, const Reduction r, void *partial) {                                         \
        reduce(Extreme<T, max>{{}, x, y, r.n}, r, static_cast<wide_t<T> *>(partial));                                     \
    }
#define KERNELS(T) EXTREME(max, T, true) EXTREME(min, T, false)
NUMBERS(KERNELS)
#undef KERNELS

#define TRUTH(name, all)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                          \
        reduce_##name##_u8(const u8 *x, u8 *y, const Reduction r, void *partial) {                                        \
        reduce(Truth<all>{{}, x, y}, r, static_cast<u32 *>(partial));                                                     \
    }
TRUTH(any, false)
TRUTH(all, true)
