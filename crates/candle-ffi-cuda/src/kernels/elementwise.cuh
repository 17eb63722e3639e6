// What elementwise kernels of several inputs share: inputs of three kinds, several elements at a time, and strides that
// are followed for all inputs at once.
#pragma once
#include "common.cuh"

// `Operand` in operand.rs: an element for each of the result, one in memory for all, or one that came with the launch.
struct Operand {
    const void *data;
    uint64_t bits;
    u32 kind;
};
constexpr u32 EACH = 0;
constexpr u32 ONE = 1;
constexpr u32 NUMBER = 2;

// Whether a number is negative, which an unsigned one never is.
template <class T> __device__ __forceinline__ bool is_negative(T x) {
    if constexpr (T(-1) < T(1)) return x < T(0);
    else return false;
}

template <class T> __device__ __forceinline__ T of_bits(uint64_t bits) {
    T value;
    memcpy(&value, &bits, sizeof(T));
    return value;
}

// An operand of a contiguous kernel.
template <class T> struct Reader {
    const T *data;
    T value;
    bool each;

    __device__ __forceinline__ explicit Reader(const T *data) : data(data), value(), each(true) {}
    __device__ __forceinline__ explicit Reader(const Operand &from)
        : data(static_cast<const T *>(from.data)), value(), each(from.kind == EACH) {
        if (from.kind == ONE) value = *data;
        if (from.kind == NUMBER) value = of_bits<T>(from.bits);
    }
    __device__ __forceinline__ T at(size_t position) const { return each ? data[position] : value; }
    template <int N> __device__ __forceinline__ bool aligned() const {
        return !each || reinterpret_cast<uintptr_t>(data) % sizeof(Pack<T, N>) == 0;
    }
    template <int N> __device__ __forceinline__ Pack<T, N> pack(size_t position) const {
        if (each) return reinterpret_cast<const Pack<T, N> *>(data)[position];
        Pack<T, N> same;
#pragma unroll
        for (int lane = 0; lane < N; ++lane) same.lanes[lane] = value;
        return same;
    }
};

template <int N, class R, class Function, class... Packs>
__device__ __forceinline__ Pack<R, N> lanes_of(Function function, const Packs &...packs) {
    Pack<R, N> result;
#pragma unroll
    for (int lane = 0; lane < N; ++lane) result.lanes[lane] = function(packs.lanes[lane]...);
    return result;
}

template <class... Sizes> constexpr int widest(int first, Sizes... rest) {
    int most = first;
    ((most = most > static_cast<int>(rest) ? most : static_cast<int>(rest)), ...);
    return most;
}

// y[i] = function(x[i]...), 16 bytes of the widest type at a time where all lie well.
template <class R, class Function, class... T>
__device__ __forceinline__ void zip(R *y, size_t count, Function function, Reader<T>... x) {
    constexpr int N = 16 / widest(sizeof(R), sizeof(T)...);
    const bool aligned = reinterpret_cast<uintptr_t>(y) % sizeof(Pack<R, N>) == 0 && (... && x.template aligned<N>());
    const size_t packs = aligned ? count / N : 0;
    for_each(packs, [&](size_t at) {
        reinterpret_cast<Pack<R, N> *>(y)[at] = lanes_of<N, R>(function, x.template pack<N>(at)...);
    });
    const size_t done = packs * N;
    for_each(count - done, [&](size_t at) { y[done + at] = function(x.at(done + at)...); });
}

// `Joint` in operand.rs: how the elements of several arrays lie, in one shape.
template <int N> struct Joint {
    u32 rank;
    Divisor dims[MAX_RANK];
    i64 strides[N][MAX_RANK];
};

template <int N> struct Offsets {
    i64 of[N];
};

// Where the elements at a position in row-major order lie. The rank is at least 1.
template <int N> __device__ __forceinline__ Offsets<N> offsets_of(const Joint<N> &joint, size_t position) {
    Offsets<N> offsets = {};
    size_t left = position;
#pragma unroll 1
    for (int at = static_cast<int>(joint.rank) - 1; at > 0; --at) {
        const size_t rows = rows_before(left, joint.dims[at]);
        const i64 index = static_cast<i64>(left - rows * joint.dims[at].size);
#pragma unroll
        for (int n = 0; n < N; ++n) offsets.of[n] += index * joint.strides[n][at];
        left = rows;
    }
#pragma unroll
    for (int n = 0; n < N; ++n) offsets.of[n] += static_cast<i64>(left) * joint.strides[n][0];
    return offsets;
}

// An operand of a strided kernel.
template <class T> __device__ __forceinline__ T element(const Operand &from, i64 offset) {
    return from.kind == NUMBER ? of_bits<T>(from.bits) : static_cast<const T *>(from.data)[offset];
}

// A function of one array, which need not be contiguous.
template <class S, class R, class Function>
__device__ __forceinline__ void map(const S *x, const Layout &layout, R *y, size_t count, Function function) {
    if (layout.rank == 0) return zip(y, count, function, Reader<S>(x));
    for_each(count, [&](size_t at) { y[at] = function(x[offset_of(layout, at)]); });
}

// A kernel for a function of one array: `expression` of `x`, the element in the type that is computed in.
#define UNARY(name, T, expression)                                                                   \
    extern "C" __global__ void name##_##T(const T *x, const Layout layout, T *y, size_t count) {     \
        map(x, layout, y, count, [](T element) -> T {                                                \
            const compute_t<T> x = load(element);                                                    \
            return store<T>(expression);                                                             \
        });                                                                                          \
    }
