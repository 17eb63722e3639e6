// Lines of an array seen as [outer, n, inner], each worked on by some threads of a block that know what all of them found.
#pragma once
#include "reduce.cuh"

// `Lines` in lines.rs.
struct Lines {
    i64 lines;
    i64 n;
    i64 inner;
    u32 rows;  // Whether the threads of a line are neighbours (x), else those of neighbouring lines.
};

constexpr int LINE_THREADS = 512;
// Elements of a line that a thread keeps in registers; of longer lines it reads them again.
constexpr int HELD = 8;

// What one thread has to do with a line.
struct Line {
    i64 at;      // Which line.
    i64 base;    // Where its first element is.
    i64 stride;  // How far the next one is.
    i64 n;
    int lane, lanes;
    bool inside;  // Whether there is such a line; every thread of a block goes through the same steps.

    // Calls f(position) for the elements of this thread.
    template <class F> __device__ __forceinline__ void each(F f) const {
        if (!inside) return;
#pragma unroll 4
        for (i64 i = lane; i < n; i += lanes) f(i);
    }
};

// Calls f(line) for the lines of this thread.
template <class F> __device__ __forceinline__ void for_each_line(const Lines &l, F f) {
    const int lane = l.rows ? threadIdx.x : threadIdx.y, lanes = l.rows ? blockDim.x : blockDim.y;
    const int own = l.rows ? threadIdx.y : threadIdx.x, each = l.rows ? blockDim.y : blockDim.x;
    for (i64 first = static_cast<i64>(blockIdx.x) * each; first < l.lines; first += static_cast<i64>(gridDim.x) * each) {
        const i64 at = first + own;
        const i64 plane = l.inner == 1 ? at : at / l.inner;
        f(Line{at, plane * l.n * l.inner + (at - plane * l.inner), l.inner, l.n, lane, lanes, at < l.lines});
    }
}

// The join over the threads of each line; known to all of them.
template <class A, class Join> __device__ __forceinline__ A join_line(const Lines &l, A value, Join join) {
    __shared__ __align__(16) unsigned char bytes[LINE_THREADS * sizeof(A)];
    A *room = reinterpret_cast<A *>(bytes);
    if (l.rows) return join_row(value, blockDim.x, room, join);
    return join_column(value, room, join);
}

// The elements of a line as they are computed with: f(element, position).
template <class T> struct Elements {
    const T *x;
    bool held;
    compute_t<T> values[HELD];

    __device__ __forceinline__ Elements(const T *x, const Line &line) : x(x), held(line.n <= i64(HELD) * line.lanes) {
        if (!held || !line.inside) return;
#pragma unroll
        for (int k = 0; k < HELD; ++k) {
            const i64 i = line.lane + i64(k) * line.lanes;
            if (i < line.n) values[k] = load(x[line.base + i * line.stride]);
        }
    }

    template <class F> __device__ __forceinline__ void each(const Line &line, F f) const {
        if (!line.inside) return;
        if (held) {
#pragma unroll
            for (int k = 0; k < HELD; ++k) {
                const i64 i = line.lane + i64(k) * line.lanes;
                if (i < line.n) f(values[k], i);
            }
            return;
        }
#pragma unroll 4
        for (i64 i = line.lane; i < line.n; i += line.lanes) f(load(x[line.base + i * line.stride]), i);
    }
};

// The same of two arrays that lie alike: f(element, other, position).
template <class T> struct Pairs {
    const T *x, *y;
    bool held;
    compute_t<T> xs[HELD], ys[HELD];

    __device__ __forceinline__ Pairs(const T *x, const T *y, const Line &line)
        : x(x), y(y), held(line.n <= i64(HELD) * line.lanes) {
        if (!held || !line.inside) return;
#pragma unroll
        for (int k = 0; k < HELD; ++k) {
            const i64 i = line.lane + i64(k) * line.lanes, at = line.base + i * line.stride;
            if (i < line.n) xs[k] = load(x[at]), ys[k] = load(y[at]);
        }
    }

    template <class F> __device__ __forceinline__ void each(const Line &line, F f) const {
        if (!line.inside) return;
        if (held) {
#pragma unroll
            for (int k = 0; k < HELD; ++k) {
                const i64 i = line.lane + i64(k) * line.lanes;
                if (i < line.n) f(xs[k], ys[k], i);
            }
            return;
        }
#pragma unroll 4
        for (i64 i = line.lane; i < line.n; i += line.lanes) {
            const i64 at = line.base + i * line.stride;
            f(load(x[at]), load(y[at]), i);
        }
    }
};

struct Add {
    template <class A> __device__ __forceinline__ A operator()(A a, A b) const { return a + b; }
};

// The larger of two numbers; NaN need not come out.
struct Larger {
    template <class A> __device__ __forceinline__ A operator()(A a, A b) const { return b > a ? b : a; }
};

template <class A> __device__ __forceinline__ A minus_infinity() { return static_cast<A>(-__builtin_huge_val()); }
