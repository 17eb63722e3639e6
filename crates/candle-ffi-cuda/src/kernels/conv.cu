// Convolutions: patches of the large side as columns of a matrix, columns added up to a large side, and the direct way for
// groups of few channels. Sides are contiguous [batch, channels, depth, height, width]; what meets what is said in
// `Geometry` of the CPU kernels.
#include "common.cuh"

// `Sizes` in conv.rs: a dimension is depth, height or width.
struct Sizes {
    int groups, large_channels, small_channels;
    int large[3], small[3], kernel[3], stride[3], padding[3], dilation[3];
};

__device__ __forceinline__ int volume(const int (&sizes)[3]) { return sizes[0] * sizes[1] * sizes[2]; }

// Which channels and positions of how many images a matrix of columns is about, and how it lies.
struct Columns {
    int channels, first_channel;   // of the large side
    int positions, first_position; // of the small side
    size_t image, row;             // elements from one image to the next, and from one row to the next
};

// Row (channel, tap), column (image, position): the element of the large side that the tap meets there, or zero.
// A thread takes all taps of a position, so that neighbours write neighbours.
template <class T>
__device__ void to_columns(const T *large, T *columns, const Sizes &sizes, const Columns &of, size_t count) {
    const int taps = volume(sizes.kernel);
    const size_t inside = static_cast<size_t>(volume(sizes.large));
    for_each(count, [&](size_t at) {
        const int place = static_cast<int>(at % of.positions), position = of.first_position + place;
        const size_t rest = at / of.positions;
        const int channel = static_cast<int>(rest % of.channels);
        const size_t image = rest / of.channels;
        const int x = position % sizes.small[2], line = position / sizes.small[2];
        const int from_x = x * sizes.stride[2] - sizes.padding[2];
        const int from_y = line % sizes.small[1] * sizes.stride[1] - sizes.padding[1];
        const int from_z = line / sizes.small[1] * sizes.stride[0] - sizes.padding[0];
        const T *plane = large + (image * sizes.large_channels + of.first_channel + channel) * inside;
        T *to = columns + image * of.image + static_cast<size_t>(channel) * taps * of.row + place;
        for (int kz = 0; kz < sizes.kernel[0]; ++kz) {
            const int z = from_z + kz * sizes.dilation[0];
            for (int ky = 0; ky < sizes.kernel[1]; ++ky) {
                const int y = from_y + ky * sizes.dilation[1];
                const bool in_plane = z >= 0 && z < sizes.large[0] && y >= 0 && y < sizes.large[1];
                for (int kx = 0; kx < sizes.kernel[2]; ++kx, to += of.row) {
                    const int x = from_x + kx * sizes.dilation[2];
                    *to = in_plane && x >= 0 && x < sizes.large[2]
                              ? plane[(static_cast<size_t>(z) * sizes.large[1] + y) * sizes.large[2] + x]
                              : store<T>(compute_t<T>(0));
                }
            }
        }
    });
}

// The element of the small side that a tap meets at a place of the large side, or -1.
__device__ __forceinline__ int met(const Sizes &sizes, int dim, int place, int tap) {
    const int reach = place + sizes.padding[dim] - tap * sizes.dilation[dim];
    if (reach < 0) return -1;
    const int at = reach / sizes.stride[dim];
    return at * sizes.stride[dim] == reach && at < sizes.small[dim] ? at : -1;
}

// Calls `body(tap, position)` for each tap that meets an element of the small side at a place of the large side.
template <class Body>
__device__ __forceinline__ void each_met(const Sizes &sizes, int z, int y, int x, Body body) {
    for (int kz = 0; kz < sizes.kernel[0]; ++kz) {
        const int at_z = met(sizes, 0, z, kz);
        if (at_z < 0) continue;
        for (int ky = 0; ky < sizes.kernel[1]; ++ky) {
            const int at_y = met(sizes, 1, y, ky);
            if (at_y < 0) continue;
            for (int kx = 0; kx < sizes.kernel[2]; ++kx) {
                const int at_x = met(sizes, 2, x, kx);
                if (at_x < 0) continue;
                body((kz * sizes.kernel[1] + ky) * sizes.kernel[2] + kx,
                     (at_z * sizes.small[1] + at_y) * sizes.small[2] + at_x);
            }
        }
    }
}

// Each element of the large side: the sum of the columns' elements that belong to it, and the bias of its channel.
template <class T, class S>
__device__ void from_columns(const S *columns, const T *bias, T *large, const Sizes &sizes, const Columns &of,
                             size_t count) {
    const int taps = volume(sizes.kernel), inside = volume(sizes.large);
    for_each(count, [&](size_t at) {
        const int place = static_cast<int>(at % inside);
        const size_t rest = at / inside;
        const int channel = static_cast<int>(rest % of.channels);
        const size_t image = rest / of.channels;
        const int x = place % sizes.large[2], line = place / sizes.large[2];
        const int y = line % sizes.large[1], z = line / sizes.large[1];
        const S *from = columns + image * of.image + static_cast<size_t>(channel) * taps * of.row;
        compute_t<T> sum = 0;
        each_met(sizes, z, y, x, [&](int tap, int position) { sum += load(from[tap * of.row + position]); });
        if (bias != nullptr) sum += load(bias[of.first_channel + channel]);
        large[(image * sizes.large_channels + of.first_channel + channel) * static_cast<size_t>(inside) + place] =
            store<T>(sum);
    });
}

// An element of the small side: the sum over the channels of its group and all taps.
template <class T>
__device__ void to_small(const T *large, const T *weight, const T *bias, T *small, const Sizes &sizes, size_t count) {
    const int taps = volume(sizes.kernel), inside = volume(sizes.small);
    const size_t plane = static_cast<size_t>(volume(sizes.large));
    const int large_group = sizes.large_channels / sizes.groups, small_group = sizes.small_channels / sizes.groups;
    for_each(count, [&](size_t at) {
        const int place = static_cast<int>(at % inside);
        const size_t rest = at / inside;
        const int channel = static_cast<int>(rest % sizes.small_channels);
        const size_t image = rest / sizes.small_channels;
        const int line = place / sizes.small[2];
        const int from_x = place % sizes.small[2] * sizes.stride[2] - sizes.padding[2];
        const int from_y = line % sizes.small[1] * sizes.stride[1] - sizes.padding[1];
        const int from_z = line / sizes.small[1] * sizes.stride[0] - sizes.padding[0];
        const size_t first = image * sizes.large_channels + channel / small_group * large_group;
        const T *weights = weight + static_cast<size_t>(channel) * large_group * taps;
        compute_t<T> sum = 0;
        for (int in = 0; in < large_group; ++in) {
            const T *from = large + (first + in) * plane;
            for (int kz = 0; kz < sizes.kernel[0]; ++kz) {
                const int z = from_z + kz * sizes.dilation[0];
                for (int ky = 0; ky < sizes.kernel[1]; ++ky) {
                    const int y = from_y + ky * sizes.dilation[1];
                    const bool in_plane = z >= 0 && z < sizes.large[0] && y >= 0 && y < sizes.large[1];
                    for (int kx = 0; kx < sizes.kernel[2]; ++kx, ++weights) {
                        const int x = from_x + kx * sizes.dilation[2];
                        if (!in_plane || x < 0 || x >= sizes.large[2]) continue;
                        sum += load(from[(static_cast<size_t>(z) * sizes.large[1] + y) * sizes.large[2] + x]) *
                               load(*weights);
                    }
                }
            }
        }
        if (bias != nullptr) sum += load(bias[channel]);
        small[at] = store<T>(sum);
    });
}

// An element of the large side: the sum over the channels of its group and the taps that meet it.
template <class T>
__device__ void to_large(const T *small, const T *weight, const T *bias, T *large, const Sizes &sizes, size_t count) {
    const int taps = volume(sizes.kernel), inside = volume(sizes.large);
    const size_t plane = static_cast<size_t>(volume(sizes.small));
    const int large_group = sizes.large_channels / sizes.groups, small_group = sizes.small_channels / sizes.groups;
    for_each(count, [&](size_t at) {
        const int place = static_cast<int>(at % inside);
        const size_t rest = at / inside;
        const int channel = static_cast<int>(rest % sizes.large_channels);
        const size_t image = rest / sizes.large_channels;
        const int x = place % sizes.large[2], line = place / sizes.large[2];
        const int y = line % sizes.large[1], z = line / sizes.large[1];
        const int first = channel / large_group * small_group;
        compute_t<T> sum = 0;
        for (int in = first; in < first + small_group; ++in) {
            const T *from = small + (image * sizes.small_channels + in) * plane;
            const T *weights = weight + (static_cast<size_t>(in) * large_group + channel % large_group) * taps;
            each_met(sizes, z, y, x, [&](int tap, int position) { sum += load(from[position]) * load(weights[tap]); });
        }
        if (bias != nullptr) sum += load(bias[channel]);
        large[at] = store<T>(sum);
    });
}

// An element of the weight's gradient for each block: the sum over all images and positions.
template <class T>
__device__ void to_weight(const T *large, const T *small, T *weight, const Sizes &sizes, size_t images, size_t weights) {
    using C = compute_t<T>;
    __shared__ C parts[32];
    const int taps = volume(sizes.kernel), inside = volume(sizes.small);
    const size_t plane = static_cast<size_t>(volume(sizes.large));
    const int large_group = sizes.large_channels / sizes.groups, small_group = sizes.small_channels / sizes.groups;
    for (size_t at = blockIdx.x; at < weights; at += gridDim.x) {
        const int tap = static_cast<int>(at % taps), in = static_cast<int>(at / taps % large_group);
        const int channel = static_cast<int>(at / taps / large_group);
        const int shift_x = tap % sizes.kernel[2] * sizes.dilation[2] - sizes.padding[2];
        const int shift_y = tap / sizes.kernel[2] % sizes.kernel[1] * sizes.dilation[1] - sizes.padding[1];
        const int shift_z = tap / sizes.kernel[2] / sizes.kernel[1] * sizes.dilation[0] - sizes.padding[0];
        const int large_channel = channel / small_group * large_group + in;
        C sum = 0;
        for (size_t element = threadIdx.x; element < images * inside; element += blockDim.x) {
            const size_t image = element / inside;
            const int place = static_cast<int>(element % inside), line = place / sizes.small[2];
            const int x = place % sizes.small[2] * sizes.stride[2] + shift_x;
            const int y = line % sizes.small[1] * sizes.stride[1] + shift_y;
            const int z = line / sizes.small[1] * sizes.stride[0] + shift_z;
            if (x < 0 || x >= sizes.large[2] || y < 0 || y >= sizes.large[1] || z < 0 || z >= sizes.large[0]) continue;
            const size_t met = (static_cast<size_t>(z) * sizes.large[1] + y) * sizes.large[2] + x;
            sum += load(large[(image * sizes.large_channels + large_channel) * plane + met]) *
                   load(small[(image * sizes.small_channels + channel) * inside + place]);
        }
        for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
        if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) sum += parts[warp];
            weight[at] = store<T>(sum);
        }
        __syncthreads();
    }
}

#define KERNELS(T)                                                                                                   \
    extern "C" __global__ void conv_to_columns_##T(                                                                  \
        const T *large, T *columns, const Sizes sizes, const Columns of, size_t count) {                             \
        to_columns(large, columns, sizes, of, count);                                                                \
    }                                                                                                                \
    extern "C" __global__ void conv_from_columns_##T(                                                                \
        const compute_t<T> *columns, const T *bias, T *large, const Sizes sizes, const Columns of, size_t count) {   \
        from_columns<T>(columns, bias, large, sizes, of, count);                                                     \
    }                                                                                                                \
    extern "C" __global__ void conv_fold_##T(                                                                        \
        const T *columns, const T *bias, T *large, const Sizes sizes, const Columns of, size_t count) {              \
        from_columns<T>(columns, bias, large, sizes, of, count);                                                     \
    }                                                                                                                \
    extern "C" __global__ void conv_to_small_##T(                                                                    \
        const T *large, const T *weight, const T *bias, T *small, const Sizes sizes, size_t count) {                 \
        to_small(large, weight, bias, small, sizes, count);                                                          \
    }                                                                                                                \
    extern "C" __global__ void conv_to_large_##T(                                                                    \
        const T *small, const T *weight, const T *bias, T *large, const Sizes sizes, size_t count) {                 \
        to_large(small, weight, bias, large, sizes, count);                                                          \
    }                                                                                                                \
    extern "C" __global__ void conv_to_weight_##T(                                                                   \
        const T *large, const T *small, T *weight, const Sizes sizes, size_t images, size_t weights) {               \
        to_weight(large, small, weight, sizes, images, weights);                                                     \
    }
FLOATS(KERNELS)
