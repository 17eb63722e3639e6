// Layer and RMS normalisation of rows, in two passes over what threads hold, so that a large mean costs no digits. Sums are
// of the type that is computed in, as f64 is slow; what that of a long row loses is found in the second pass.
#include "lines.cuh"

// `centered`: the mean is taken off, as in layer normalisation.
template <class T>
__device__ __forceinline__ void forward(const T *x, const T *weight, const T *bias, u32 centered, f64 eps, T *y,
                                        compute_t<T> *means, compute_t<T> *rstds, const Lines &l) {
    using C = compute_t<T>;
    for_each_line(l, [&](const Line &line) {
        const Elements<T> elements(x, line);
        C mean = 0;
        if (centered) {
            C sum = 0;
            elements.each(line, [&](C x, i64) { sum += x; });
            mean = join_line(l, sum, Add()) / static_cast<C>(line.n);
        }
        C sum = 0, rest = 0;
        elements.each(line, [&](C x, i64) {
            sum += (x - mean) * (x - mean);
            rest += x - mean;
        });
        C variance = join_line(l, sum, Add()) / static_cast<C>(line.n);
        if (centered) {
            // What the sum of a long row has lost.
            rest = join_line(l, rest, Add()) / static_cast<C>(line.n);
            mean += rest;
            variance = max(variance - rest * rest, C(0));
        }
        const C rstd = C(1) / sqrt(variance + static_cast<C>(eps));
        if (line.inside && line.lane == 0) {
            means[line.at] = mean;
            rstds[line.at] = rstd;
        }
        elements.each(line, [&](C x, i64 i) {
            C normal = (x - mean) * rstd;
            if (weight) normal *= load(weight[i]);
            if (bias) normal += load(bias[i]);
            y[line.base + i] = store<T>(normal);
        });
    });
}

template <class T>
__device__ __forceinline__ void backward(const T *grad, const T *x, const compute_t<T> *means,
                                         const compute_t<T> *rstds, const T *weight, u32 centered, T *dx, const Lines &l) {
    using C = compute_t<T>;
    for_each_line(l, [&](const Line &line) {
        const Pairs<T> pairs(x, grad, line);
        const C mean = line.inside ? means[line.at] : C(0), rstd = line.inside ? rstds[line.at] : C(0);
        const auto weighted = [&](C g, i64 i) { return weight ? g * load(weight[i]) : g; };
        C sum = 0, product = 0;
        pairs.each(line, [&](C x, C g, i64 i) {
            const C w = weighted(g, i);
            sum += w;
            product += w * (x - mean) * rstd;
        });
        const C share = C(1) / static_cast<C>(line.n);
        sum = centered ? join_line(l, sum, Add()) * share : C(0);
        product = join_line(l, product, Add()) * share;
        pairs.each(line, [&](C x, C g, i64 i) {
            dx[line.base + i] = store<T>(rstd * (weighted(g, i) - sum - (x - mean) * rstd * product));
        });
    });
}

// For a column of some rows (y of the grid), the parts of the gradients of its weight and its bias: partial[part][2][n].
template <class T>
__device__ __forceinline__ void columns(const T *grad, const T *x, const compute_t<T> *means,
                                        const compute_t<T> *rstds, i64 rows, i64 n, i64 part, f64 *partial) {
    using C = compute_t<T>;
    __shared__ f64 room[REDUCE_THREADS];
    const i64 start = static_cast<i64>(blockIdx.y) * part, end = min(start + part, rows);
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < n; first += static_cast<i64>(gridDim.x) * blockDim.x) {
        const i64 column = first + threadIdx.x;
        C weight = 0, bias = 0;
        if (column < n) {
#pragma unroll 4
            for (i64 row = start + threadIdx.y; row < end; row += blockDim.y) {
                const C g = load(grad[row * n + column]);
                weight += g * ((load(x[row * n + column]) - means[row]) * rstds[row]);
                bias += g;
            }
        }
        const f64 weights = join_column(static_cast<f64>(weight), room, Add());
        const f64 biases = join_column(static_cast<f64>(bias), room, Add());
        if (column < n && threadIdx.y == 0) {
            partial[(2 * static_cast<i64>(blockIdx.y)) * n + column] = weights;
            partial[(2 * static_cast<i64>(blockIdx.y) + 1) * n + column] = biases;
        }
    }
}

// The gradients from their parts: a column for each x of the block, whose parts are dealt to the threads of y.
template <class T>
__device__ __forceinline__ void weights(const f64 *partial, i64 parts, i64 n, T *dweight, T *dbias) {
    __shared__ f64 room[REDUCE_THREADS];
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < n; first += static_cast<i64>(gridDim.x) * blockDim.x) {
        const i64 column = first + threadIdx.x;
        f64 weight = 0.0, bias = 0.0;
        if (column < n) {
#pragma unroll 4
            for (i64 part = threadIdx.y; part < parts; part += blockDim.y) {
                weight += partial[2 * part * n + column];
                bias += partial[(2 * part + 1) * n + column];
            }
        }
        weight = join_column(weight, room, Add());
        bias = join_column(bias, room, Add());
        if (column < n && threadIdx.y == 0) {
            dweight[column] = store<T>(static_cast<compute_t<T>>(weight));
            dbias[column] = store<T>(static_cast<compute_t<T>>(bias));
        }
    }
}

#define LINES_KERNEL extern "C" __global__ void __launch_bounds__(LINE_THREADS)
#define KERNELS(T)                                                                                                         \
    LINES_KERNEL norm_rows_forward_##T(const T *x, const T *weight, const T *bias, u32 centered, f64 eps, T *y,            \
                                       compute_t<T> *means, compute_t<T> *rstds, const Lines l) {                          \
        forward(x, weight, bias, centered, eps, y, means, rstds, l);                                                       \
    }                                                                                                                      \
    LINES_KERNEL norm_rows_grad_##T(const T *grad, const T *x, const compute_t<T> *means, const compute_t<T> *rstds,       \
                                    const T *weight, u32 centered, T *dx, const Lines l) {                                 \
        backward(grad, x, means, rstds, weight, centered, dx, l);                                                          \
    }                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                           \
        norm_rows_columns_##T(const T *grad, const T *x, const compute_t<T> *means, const compute_t<T> *rstds, i64 rows,   \
                              i64 n, i64 part, f64 *partial) {                                                             \
        columns(grad, x, means, rstds, rows, n, part, partial);                                                            \
    }                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                           \
        norm_rows_weights_##T(const f64 *partial, i64 parts, i64 n, T *dweight, T *dbias) {                                \
        weights(partial, parts, n, dweight, dbias);                                                                        \
    }
FLOATS(KERNELS)
#undef KERNELS
