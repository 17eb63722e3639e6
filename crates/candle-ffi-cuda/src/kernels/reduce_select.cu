// The largest or the smallest element with its first position; NaN comes before all.
#include "reduce.cuh"

template <class W> struct Place {
    W value;
    i64 position;  // Negative: none.
};

template <class T, bool MAX> struct Position : ReduceOp<Position<T, MAX>> {
    using Item = wide_t<T>;
    using Acc = Place<wide_t<T>>;
    const T *x;
    T *values;
    i64 *positions;
    __device__ Acc none() const { return {0, -1}; }
    __device__ Item item(i64 offset) const { return load(x[offset]); }
    __device__ Acc lift(Item x, i64 position) const { return {x, position}; }
    __device__ Acc join(Acc a, Acc b) const {
        if (a.position < 0) return b;
        if (b.position < 0) return a;
        if (beats<MAX>(a.value, b.value)) return a;
        if (beats<MAX>(b.value, a.value)) return b;
        return a.position < b.position ? a : b;
    }
    __device__ void write(i64 output, Acc total) const {
        values[output] = static_cast<T>(total.value);
        positions[output] = total.position < 0 ? 0 : total.position;
    }
};

#define SELECT(name, T, max)                                                                                              \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                          \
        reduce_##name##_##T(const T *x, T *values, i64 *positions, const Reduction r, void *partial) {                    \
        reduce(Position<T, max>{{}, x, values, positions}, r, static_cast<Place<wide_t<T>> *>(partial));                  \
    }
#define KERNELS(T) SELECT(argmax, T, true) SELECT(argmin, T, false)
NUMBERS(KERNELS)
#undef KERNELS
