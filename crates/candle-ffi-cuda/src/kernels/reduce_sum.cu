// Sums, means, products and variances. Sums of floats go to f64 in groups of four, those of integers to i64, wrapping.
#include "reduce.cuh"

template <class T> constexpr bool IS_FLOAT = false;
template <> constexpr bool IS_FLOAT<f16> = true;
template <> constexpr bool IS_FLOAT<bf16> = true;
template <> constexpr bool IS_FLOAT<f32> = true;
template <> constexpr bool IS_FLOAT<f64> = true;

template <class T, bool FLOAT = IS_FLOAT<T>> struct Sum;

template <class T> struct Sum<T, true> : ReduceOp<Sum<T, true>> {
    using Item = compute_t<T>;
    using Acc = f64;
    using Result = T;
    const T *x;
    Result *y;
    f64 divisor;
    __device__ Acc none() const { return 0.0; }
    __device__ Item item(i64 offset) const { return load(x[offset]); }
    __device__ Acc lift(Item x, i64) const { return x; }
    __device__ Acc join(Acc a, Acc b) const { return a + b; }
    __device__ Acc four(Item a, Item b, Item c, Item d, i64, i64) const { return (a + b) + (c + d); }
    __device__ void write(i64 output, Acc total) const {
        y[output] = store<T>(static_cast<compute_t<T>>(total / divisor));
    }
};

template <class T> struct Sum<T, false> : ReduceOp<Sum<T, false>> {
    using Item = T;
    using Acc = i64;
    using Result = i64;
    const T *x;
    Result *y;
    f64 divisor;
    __device__ Acc none() const { return 0; }
    __device__ Item item(i64 offset) const { return x[offset]; }
    __device__ Acc lift(Item x, i64) const { return static_cast<i64>(x); }
    // Unsigned, since these wrap.
    __device__ Acc join(Acc a, Acc b) const { return static_cast<i64>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
    __device__ void write(i64 output, Acc total) const { y[output] = total; }
};

template <class T, bool FLOAT = IS_FLOAT<T>> struct Product;

template <class T> struct Product<T, true> : ReduceOp<Product<T, true>> {
    using Item = compute_t<T>;
    using Acc = compute_t<T>;
    using Result = T;
    const T *x;
    Result *y;
    __device__ Acc none() const { return 1; }
    __device__ Item item(i64 offset) const { return load(x[offset]); }
    __device__ Acc lift(Item x, i64) const { return x; }
    __device__ Acc join(Acc a, Acc b) const { return a * b; }
    __device__ void write(i64 output, Acc total) const { y[output] = store<T>(total); }
};

template <class T> struct Product<T, false> : ReduceOp<Product<T, false>> {
    using Item = T;
    using Acc = i64;
    using Result = i64;
    const T *x;
    Result *y;
    __device__ Acc none() const { return 1; }
    __device__ Item item(i64 offset) const { return x[offset]; }
    __device__ Acc lift(Item x, i64) const { return static_cast<i64>(x); }
    __device__ Acc join(Acc a, Acc b) const { return static_cast<i64>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }
    __device__ void write(i64 output, Acc total) const { y[output] = total; }
};

#define KERNELS(T)                                                                                                        \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                          \
        reduce_sum_##T(const T *x, Sum<T>::Result *y, f64 divisor, const Reduction r, void *partial) {                    \
        reduce(Sum<T>{{}, x, y, divisor}, r, static_cast<Sum<T>::Acc *>(partial));                                        \
    }                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                          \
        reduce_prod_##T(const T *x, Product<T>::Result *y, const Reduction r, void *partial) {                            \
        reduce(Product<T>{{}, x, y}, r, static_cast<Product<T>::Acc *>(partial));                                         \
    }
NUMBERS(KERNELS)
#undef KERNELS
