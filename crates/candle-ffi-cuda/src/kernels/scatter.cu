// Writing and adding through i64 indices, which may repeat. An index that is not there is passed over: the caller asks
// `index_check` for it.
#include "common.cuh"

// The order of `Scatter` in scatter.rs.
enum Op { ASSIGN, ADD, MUL, MAX, MIN };

template <class T> struct Arithmetic {
    using C = compute_t<T>;
    static __device__ T add(T a, T b) { return store<T>(load(a) + load(b)); }
    static __device__ T mul(T a, T b) { return store<T>(load(a) * load(b)); }
};
// Integers wrap.
#define WRAPPING(T, U)                                                                                \
    template <> struct Arithmetic<T> {                                                                \
        static __device__ T add(T a, T b) { return static_cast<T>(static_cast<U>(a) + static_cast<U>(b)); } \
        static __device__ T mul(T a, T b) { return static_cast<T>(static_cast<U>(a) * static_cast<U>(b)); } \
    };
WRAPPING(u8, u32)
WRAPPING(i16, u32)
WRAPPING(i32, u32)
WRAPPING(u32, u32)
WRAPPING(i64, uint64_t)

template <class T> __device__ __forceinline__ T join(u32 op, T a, T b) {
    const auto x = load(a), y = load(b);
    switch (op) {
        case ASSIGN: return b;
        case ADD: return Arithmetic<T>::add(a, b);
        case MUL: return Arithmetic<T>::mul(a, b);
        // NaN comes out where there is one.
        case MAX: return x != x || x > y ? a : b;
        default: return x != x || x < y ? a : b;
    }
}

// One thread for each line along the dimension, in the order of the index: the same result every time. Layouts are of the
// other dimensions; `k` indices a line.
template <class T>
__device__ __forceinline__ void lines(u32 op, T *y, const Layout &ys, i64 y_step, i64 size, const i64 *index,
                                      const Layout &is, i64 i_step, const T *x, const Layout &xs, i64 x_step, i64 k,
                                      size_t count) {
    for_each(count, [&](size_t at) {
        T *line = y + offset_of(ys, at);
        const i64 *places = index + offset_of(is, at);
        const T *values = x + offset_of(xs, at);
#pragma unroll 1
        for (i64 i = 0; i < k; ++i) {
            const i64 which = places[i * i_step];
            if (which < 0 || which >= size) continue;
            T *cell = line + which * y_step;
            *cell = join(op, *cell, values[i * x_step]);
        }
    });
}

// A number as the bits that can be compared and exchanged.
template <int BYTES> struct bits;
template <> struct bits<2> { using type = unsigned short; };
template <> struct bits<4> { using type = unsigned int; };
template <> struct bits<8> { using type = unsigned long long; };

template <class T> __device__ __forceinline__ void exchange(u32 op, T *cell, T value) {
    using B = typename bits<sizeof(T)>::type;
    B *place = reinterpret_cast<B *>(cell), seen = *place, before;
    do {
        before = seen;
        T old;
        memcpy(&old, &before, sizeof(T));
        const T next = join(op, old, value);
        B after;
        memcpy(&after, &next, sizeof(T));
        seen = atomicCAS(place, before, after);
    } while (seen != before);
}

// The processor's own additions.
template <class T> __device__ __forceinline__ void add(T *cell, T value) { exchange(ADD, cell, value); }
template <> __device__ __forceinline__ void add(f32 *cell, f32 value) { atomicAdd(cell, value); }
template <> __device__ __forceinline__ void add(f64 *cell, f64 value) { atomicAdd(cell, value); }
template <> __device__ __forceinline__ void add(i32 *cell, i32 value) { atomicAdd(cell, value); }
template <> __device__ __forceinline__ void add(u32 *cell, u32 value) { atomicAdd(cell, value); }
template <> __device__ __forceinline__ void add(i64 *cell, i64 value) {
    atomicAdd(reinterpret_cast<unsigned long long *>(cell), static_cast<unsigned long long>(value));
}

// One thread for each index, for few long lines. Sums and products of floats depend on which thread comes first, as those
// of PyTorch on CUDA do.
template <class T>
__device__ __forceinline__ void each(u32 op, T *y, const Layout &ys, i64 y_step, i64 size, const i64 *index,
                                     const Layout &is, const T *x, const Layout &xs, size_t count) {
    for_each(count, [&](size_t at) {
        const i64 which = index[offset_of(is, at)];
        if (which < 0 || which >= size) return;
        T *cell = y + offset_of(ys, at) + which * y_step;
        const T value = x[offset_of(xs, at)];
        if (op == ADD) {
            add(cell, value);
        } else {
            exchange(op, cell, value);
        }
    });
}

#define LINES(T)                                                                                                             \
    extern "C" __global__ void scatter_lines_##T(u32 op, T *y, const Layout ys, i64 y_step, i64 size, const i64 *index,      \
                                                 const Layout is, i64 i_step, const T *x, const Layout xs, i64 x_step,       \
                                                 i64 k, size_t count) {                                                      \
        lines(op, y, ys, y_step, size, index, is, i_step, x, xs, x_step, k, count);                                          \
    }
NUMBERS(LINES)

#define EACH(T)                                                                                                              \
    extern "C" __global__ void scatter_each_##T(u32 op, T *y, const Layout ys, i64 y_step, i64 size, const i64 *index,       \
                                                const Layout is, const T *x, const Layout xs, size_t count) {                \
        each(op, y, ys, y_step, size, index, is, x, xs, count);                                                              \
    }
FLOATS(EACH)
EACH(u32) EACH(i16) EACH(i32) EACH(i64)

// Sums of halves in f32: in their own dtype each addition would be rounded, and there is no atomic one on every processor.
#define SUM(T)                                                                                                               \
    extern "C" __global__ void scatter_sum_##T(f32 *y, const Layout ys, i64 y_step, i64 size, const i64 *index,              \
                                               const Layout is, const T *x, const Layout xs, size_t count) {                 \
        for_each(count, [&](size_t at) {                                                                                     \
            const i64 which = index[offset_of(is, at)];                                                                      \
            if (which < 0 || which >= size) return;                                                                          \
            atomicAdd(y + offset_of(ys, at) + which * y_step, load(x[offset_of(xs, at)]));                                   \
        });                                                                                                                  \
    }
SUM(f16)
SUM(bf16)

// Assignment where several meet: the last of them stays. First each place learns which index that is, counted from 1.
extern "C" __global__ void scatter_last(u32 *last, const Layout ys, i64 y_step, i64 size, const i64 *index, const Layout is,
                                        size_t count) {
    for_each(count, [&](size_t at) {
        const i64 which = index[offset_of(is, at)];
        if (which >= 0 && which < size) atomicMax(last + offset_of(ys, at) + which * y_step, static_cast<u32>(at) + 1);
    });
}

#define ASSIGN_KERNEL(T)                                                                                                     \
    extern "C" __global__ void scatter_assign_##T(const u32 *last, T *y, const Layout ys, i64 y_step, i64 size,              \
                                                  const i64 *index, const Layout is, const T *x, const Layout xs,            \
                                                  size_t count) {                                                            \
        for_each(count, [&](size_t at) {                                                                                     \
            const i64 which = index[offset_of(is, at)];                                                                      \
            if (which < 0 || which >= size) return;                                                                          \
            const i64 place = offset_of(ys, at) + which * y_step;                                                            \
            if (last[place] == static_cast<u32>(at) + 1) y[place] = x[offset_of(xs, at)];                                    \
        });                                                                                                                  \
    }
NUMBERS(ASSIGN_KERNEL)
