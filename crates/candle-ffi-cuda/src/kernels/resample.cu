// Resampling: weighted sums of a few elements along each of three dimensions. Also its gradient, which is the same with the
// transposed tables. Planes are contiguous [planes, depth, height, width].
#include "common.cuh"

// The elements of result `i` of a dimension are places[starts[i]] … places[starts[i + 1] - 1], with such weights.
template <class C> struct Taps {
    const u32 *starts, *places;
    const C *weights;
};

struct Sizes {
    u32 input[3], output[3];
    // Where the parts of the tables begin, for each dimension.
    u32 starts[3], places[3], weights[3];
};

template <class T>
__device__ void resample(const T *x, const u32 *numbers, const compute_t<T> *weights, T *y, const Sizes &sizes,
                         size_t count) {
    using C = compute_t<T>;
    Taps<C> taps[3];
    for (int d = 0; d < 3; ++d) {
        taps[d] = {numbers + sizes.starts[d], numbers + sizes.places[d], weights + sizes.weights[d]};
    }
    const size_t plane = static_cast<size_t>(sizes.input[0]) * sizes.input[1] * sizes.input[2];
    for_each(count, [&](size_t at) {
        const u32 w = static_cast<u32>(at % sizes.output[2]);
        size_t rest = at / sizes.output[2];
        const u32 h = static_cast<u32>(rest % sizes.output[1]);
        rest /= sizes.output[1];
        const u32 d = static_cast<u32>(rest % sizes.output[0]);
        const T *from = x + rest / sizes.output[0] * plane;
        C sum = 0;
        for (u32 i = taps[0].starts[d]; i < taps[0].starts[d + 1]; ++i) {
            C by_depth = 0;
            for (u32 j = taps[1].starts[h]; j < taps[1].starts[h + 1]; ++j) {
                const T *line = from + (static_cast<size_t>(taps[0].places[i]) * sizes.input[1] + taps[1].places[j]) * sizes.input[2];
                C by_height = 0;
                for (u32 k = taps[2].starts[w]; k < taps[2].starts[w + 1]; ++k) {
                    by_height += load(line[taps[2].places[k]]) * taps[2].weights[k];
                }
                by_depth += by_height * taps[1].weights[j];
            }
            sum += by_depth * taps[0].weights[i];
        }
        y[at] = store<T>(sum);
    });
}

#define KERNELS(T)                                                                                               \
    extern "C" __global__ void resample_##T(const T *x, const u32 *numbers, const compute_t<T> *weights, T *y,   \
                                            const Sizes sizes, size_t count) {                                   \
        resample(x, numbers, weights, y, sizes, count);                                                          \
    }
FLOATS(KERNELS)
