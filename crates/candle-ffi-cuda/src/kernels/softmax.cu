// Softmax, its logarithm and the logarithm of the sum of exponentials along lines.
#include "lines.cuh"

enum Mode { SOFTMAX, LOG_SOFTMAX, LOG_SUM };

template <Mode MODE, class T> __device__ __forceinline__ void forward(const T *x, T *y, const Lines &l) {
    using C = compute_t<T>;
    for_each_line(l, [&](const Line &line) {
        const Elements<T> elements(x, line);
        C max = minus_infinity<C>();
        // NaN need not be found here: it comes back through the sum.
        elements.each(line, [&](C x, i64) { max = Larger()(max, x); });
        max = join_line(l, max, Larger());
        // Minus infinities alone must not turn a logarithm of a sum into NaN.
        if (MODE == LOG_SUM && isinf(max)) max = 0;
        C sum = 0;
        elements.each(line, [&](C x, i64) { sum += exp(x - max); });
        sum = join_line(l, sum, Add());
        if (MODE == SOFTMAX) {
            const C factor = C(1) / sum;
            elements.each(line, [&](C x, i64 i) { y[line.base + i * line.stride] = store<T>(exp(x - max) * factor); });
            return;
        }
        const C log_sum = log(sum);
        if (MODE == LOG_SUM) {
            if (line.inside && line.lane == 0) y[line.at] = store<T>(max + log_sum);
            return;
        }
        elements.each(line, [&](C x, i64 i) { y[line.base + i * line.stride] = store<T>(x - max - log_sum); });
    });
}

// The gradient of the input from the output `y` and its gradient.
template <Mode MODE, class T> __device__ __forceinline__ void backward(const T *y, const T *grad, T *dx, const Lines &l) {
    using C = compute_t<T>;
    for_each_line(l, [&](const Line &line) {
        const Pairs<T> pairs(y, grad, line);
        C sum = 0;
        pairs.each(line, [&](C y, C g, i64) { sum += MODE == LOG_SOFTMAX ? g : y * g; });
        sum = join_line(l, sum, Add());
        pairs.each(line, [&](C y, C g, i64 i) {
            const C slope = MODE == LOG_SOFTMAX ? g - exp(y) * sum : y * (g - sum);
            dx[line.base + i * line.stride] = store<T>(slope);
        });
    });
}

#define LINES_KERNEL extern "C" __global__ void __launch_bounds__(LINE_THREADS)
#define KERNELS(T)                                                                                                          \
    LINES_KERNEL softmax_forward_##T(const T *x, T *y, const Lines l) { forward<SOFTMAX>(x, y, l); }                        \
    LINES_KERNEL softmax_log_##T(const T *x, T *y, const Lines l) { forward<LOG_SOFTMAX>(x, y, l); }                        \
    LINES_KERNEL softmax_logsumexp_##T(const T *x, T *y, const Lines l) { forward<LOG_SUM>(x, y, l); }                      \
    LINES_KERNEL softmax_grad_##T(const T *y, const T *grad, T *dx, const Lines l) { backward<SOFTMAX>(y, grad, dx, l); }   \
    LINES_KERNEL softmax_log_grad_##T(const T *y, const T *grad, T *dx, const Lines l) {                                    \
        backward<LOG_SOFTMAX>(y, grad, dx, l);                                                                              \
    }
FLOATS(KERNELS)
#undef KERNELS
