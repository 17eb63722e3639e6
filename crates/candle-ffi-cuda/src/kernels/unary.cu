// Elementwise functions of one floating array. NaN gives NaN.
#include "common.cuh"

template <class T, class Function>
__device__ __forceinline__ void map(const T *x, const Layout &layout, T *y, size_t count, Function function) {
    for_each(count, [&](size_t at) { y[at] = store<T>(function(load(x[offset_of(layout, at)]))); });
}

#define UNARY(name, T, expression)                                                                          \
    extern "C" __global__ void name##_##T(const T *x, const Layout layout, T *y, size_t count) {             \
        map(x, layout, y, count, [](compute_t<T> x) -> compute_t<T> { return expression; });                  \
    }

#define KERNELS(T)              \
    UNARY(unary_exp, T, exp(x)) \
    UNARY(unary_expm1, T, expm1(x))
FLOATS(KERNELS)
