// Elements moved, whatever they are: one kernel for each of their sizes.
#include "elementwise.cuh"

// Planes of matrices whose rows lie close in the source and whose columns lie close in the target, through squares that
// are read along one and written along the other.
constexpr int TILE = 32;
constexpr int TILE_ROWS = 8;

template <class T>
__device__ __forceinline__ void transpose(const T *x, T *y, const Joint<2> &planes, size_t plane_count, u32 rows,
                                          u32 columns, i64 column_stride, i64 row_step) {
    __shared__ T tile[TILE][TILE + 1];
    const size_t down = (static_cast<size_t>(rows) + TILE - 1) / TILE;
    const size_t across = (static_cast<size_t>(columns) + TILE - 1) / TILE;
    for (size_t task = blockIdx.x; task < plane_count * down * across; task += gridDim.x) {
        const size_t plane = task / (down * across), place = task - plane * down * across;
        const i64 first_row = static_cast<i64>(place / across * TILE);
        const i64 first_column = static_cast<i64>(place % across * TILE);
        const auto offsets = offsets_of(planes, plane);
        for (int step = threadIdx.y; step < TILE; step += TILE_ROWS) {
            const i64 row = first_row + threadIdx.x, column = first_column + step;
            if (row < rows && column < columns) {
                tile[step][threadIdx.x] = x[offsets.of[0] + row + column * column_stride];
            }
        }
        __syncthreads();
        for (int step = threadIdx.y; step < TILE; step += TILE_ROWS) {
            const i64 row = first_row + step, column = first_column + threadIdx.x;
            if (row < rows && column < columns) {
                y[offsets.of[1] + row * row_step + column] = tile[threadIdx.x][step];
            }
        }
        __syncthreads();
    }
}

#define MOVES(T)                                                                                                   \
    extern "C" __global__ void fill_##T(uint64_t bits, T *y, size_t count) {                                       \
        const T value = of_bits<T>(bits);                                                                          \
        zip(y, count, [=]() -> T { return value; });                                                               \
    }                                                                                                              \
    extern "C" __global__ void copy_##T(const T *x, T *y, size_t count) {                                          \
        zip(y, count, [](T x) -> T { return x; }, Reader<T>(x));                                                   \
    }                                                                                                              \
    extern "C" __global__ void copy_strided_##T(const T *x, T *y, const Joint<2> joint, size_t count) {            \
        for_each(count, [&](size_t at) {                                                                           \
            const auto offsets = offsets_of(joint, at);                                                            \
            y[offsets.of[1]] = x[offsets.of[0]];                                                                   \
        });                                                                                                        \
    }                                                                                                              \
    extern "C" __global__ void copy_transposed_##T(const T *x, T *y, const Joint<2> planes, size_t plane_count,    \
                                                   u32 rows, u32 columns, i64 column_stride, i64 row_step) {       \
        transpose(x, y, planes, plane_count, rows, columns, column_stride, row_step);                              \
    }                                                                                                              \
    /* Matrices with zeros above a diagonal, or below it: 0 is the main one, positive ones lie above it. */        \
    extern "C" __global__ void triangle_##T(const T *x, T *y, u32 rows, u32 columns, i64 diagonal, u32 lower,      \
                                            size_t count) {                                                        \
        for_each(count, [&](size_t at) {                                                                           \
            const size_t line = rows_before(at, columns);                                                          \
            const i64 column = static_cast<i64>(at - line * columns);                                              \
            const i64 row = static_cast<i64>(line - rows_before(line, rows) * rows);                               \
            const bool kept = lower ? column - row <= diagonal : column - row >= diagonal;                         \
            y[at] = kept ? x[at] : T(0);                                                                           \
        });                                                                                                        \
    }
MOVES(u8)
MOVES(i16)
MOVES(i32)
MOVES(i64)

// A row of `classes` for each index, with a one where the index says. Where an index is no class, the flag is set.
extern "C" __global__ void one_hot(const i64 *index, i64 *y, u32 classes, u32 *wrong, size_t count) {
    for_each(count, [&](size_t at) {
        const size_t row = rows_before(at, classes);
        const i64 found = index[row];
        if (found < 0 || found >= classes) *wrong = 1;
        y[at] = static_cast<i64>(at - row * classes) == found;
    });
}
