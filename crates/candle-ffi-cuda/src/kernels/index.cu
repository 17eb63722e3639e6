// Reading and writing through i64 indices. One that is not there is passed over: the caller asks `index_check` for it.
#include "common.cuh"

__device__ __forceinline__ bool inside(i64 index, i64 size) { return index >= 0 && index < size; }

// Elements are moved, not looked at: one kernel for each size of them.
template <class T>
__device__ __forceinline__ void gather(const T *x, const Layout &xs, i64 step, i64 size, const i64 *index, const Layout &is,
                                       T *y, size_t count) {
    for_each(count, [&](size_t at) {
        const i64 which = index[offset_of(is, at)];
        if (inside(which, size)) y[at] = x[offset_of(xs, at) + which * step];
    });
}

// Rows of `inner` elements of x [outer, size, inner] at the places of an index of k.
template <class T>
__device__ __forceinline__ void rows(const T *x, i64 size, i64 inner, const i64 *index, i64 k, T *y, size_t count) {
    for_each(count, [&](size_t at) {
        i64 row, column, plane, place;
        if (count <= UINT32_MAX) {
            const u32 short_row = static_cast<u32>(at) / static_cast<u32>(inner);
            row = short_row, column = static_cast<u32>(at) - short_row * static_cast<u32>(inner);
            plane = short_row / static_cast<u32>(k), place = row - plane * k;
        } else {
            row = static_cast<i64>(at) / inner, column = static_cast<i64>(at) - row * inner;
            plane = row / k, place = row - plane * k;
        }
        const i64 which = index[place];
        if (inside(which, size)) y[at] = x[(plane * size + which) * inner + column];
    });
}

#define KERNELS(T)                                                                                                          \
    extern "C" __global__ void index_gather_##T(const T *x, const Layout xs, i64 step, i64 size, const i64 *index,          \
                                                const Layout is, T *y, size_t count) {                                      \
        gather(x, xs, step, size, index, is, y, count);                                                                     \
    }                                                                                                                       \
    extern "C" __global__ void index_rows_##T(const T *x, i64 size, i64 inner, const i64 *index, i64 k, T *y,               \
                                              size_t count) {                                                               \
        rows(x, size, inner, index, k, y, count);                                                                           \
    }
KERNELS(u8)
KERNELS(i16)
KERNELS(u32)
KERNELS(i64)
KERNELS(uint4)
#undef KERNELS

// For each bag and column of rows of `width`, the row with the largest number, the first of equal ones; bag b ends before
// row ends[b]. Row 0 for an empty bag.
#define KERNELS(T)                                                                                                          \
    extern "C" __global__ void index_bag_argmax_##T(const T *x, i64 width, const i64 *ends, i64 *y, size_t count) {         \
        for_each(count, [&](size_t at) {                                                                                    \
            const i64 bag = static_cast<i64>(at) / width, column = static_cast<i64>(at) - bag * width;                      \
            const i64 first = bag == 0 ? 0 : ends[bag - 1], end = ends[bag];                                                \
            i64 best = first < end ? first : 0;                                                                             \
            for (i64 row = first + 1; row < end; ++row) {                                                                   \
                if (load(x[row * width + column]) > load(x[best * width + column])) best = row;                             \
            }                                                                                                               \
            y[at] = best;                                                                                                   \
        });                                                                                                                 \
    }
FLOATS(KERNELS)
#undef KERNELS
