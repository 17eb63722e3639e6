// Variances.
#include "moments.cuh"

template <class T> struct Variance : Moments<T, Variance<T>> {
    T *y;
    f64 divisor;
    __device__ void write(i64 output, Distances total) const {
        y[output] = store<T>(static_cast<compute_t<T>>(this->squares(total) / divisor));
    }
};

#define KERNELS(T)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                       \
        reduce_var_##T(const T *x, const f64 *shifts, T *y, f64 divisor, const Reduction r, void *partial) {           \
        Variance<T> op;                                                                                                \
        op.x = x, op.shifts = shifts, op.n = static_cast<f64>(r.n), op.shift = 0.0, op.y = y, op.divisor = divisor;    \
        reduce(op, r, static_cast<Distances *>(partial));                                                              \
    }
FLOATS(KERNELS)
#undef KERNELS
