// What products need besides cuBLAS: results begun with a bias, and products of integers.
#include "common.cuh"

// One number for each of n channels, `inner` adjacent elements of each. Without numbers, zeros.
template <class T>
__device__ __forceinline__ void fill(const T *numbers, T *out, size_t inner, size_t n, size_t count) {
    if (numbers == nullptr) {
        for_each(count, [&](size_t at) { out[at] = store<T>(compute_t<T>(0)); });
    } else if (count <= UINT32_MAX) {
        // Division of 32 bits is several times cheaper.
        const u32 short_inner = static_cast<u32>(inner), short_n = static_cast<u32>(n);
        for_each(count, [&](size_t at) { out[at] = numbers[static_cast<u32>(at) / short_inner % short_n]; });
    } else {
        for_each(count, [&](size_t at) { out[at] = numbers[at / inner % n]; });
    }
}

#define FILL(T)                                                                                                   \
    extern "C" __global__ void matmul_fill_##T(const T *numbers, T *out, size_t inner, size_t n, size_t count) { \
        fill(numbers, out, inner, n, count);                                                                     \
    }
FLOATS(FILL)

constexpr int TILE = 16;

// Sums of unsigned numbers wrap around, and their low bits are those of every width.
template <class T> struct wrapping { using type = u32; };
template <> struct wrapping<i64> { using type = unsigned long long; };

// Where matrices of a batch lie, and elements in one.
template <class T> struct Operand {
    const T *start;
    const Layout &batch;
    size_t down, right;
};

// A block makes tiles of TILE × TILE results, of pieces of the operands that it keeps in shared memory.
template <class T>
__device__ void integer(Operand<T> lhs, Operand<T> rhs, T *out, size_t m, size_t n, size_t k, size_t tiles) {
    using U = typename wrapping<T>::type;
    __shared__ U left[TILE][TILE + 1];
    __shared__ U right[TILE][TILE + 1];
    const size_t across = (n + TILE - 1) / TILE, down = (m + TILE - 1) / TILE;
    for (size_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const size_t matrix = tile / (across * down);
        const size_t row = tile / across % down * TILE + threadIdx.y, column = tile % across * TILE + threadIdx.x;
        const T *from_left = lhs.start + offset_of(lhs.batch, matrix);
        const T *from_right = rhs.start + offset_of(rhs.batch, matrix);
        U sum = 0;
        for (size_t start = 0; start < k; start += TILE) {
            const size_t inner_left = start + threadIdx.x, inner_right = start + threadIdx.y;
            left[threadIdx.y][threadIdx.x] =
                row < m && inner_left < k ? static_cast<U>(from_left[row * lhs.down + inner_left * lhs.right]) : 0;
            right[threadIdx.y][threadIdx.x] = inner_right < k && column < n
                                                  ? static_cast<U>(from_right[inner_right * rhs.down + column * rhs.right])
                                                  : 0;
            __syncthreads();
            for (int at = 0; at < TILE; ++at) sum += left[threadIdx.y][at] * right[at][threadIdx.x];
            __syncthreads();
        }
        if (row < m && column < n) out[(matrix * m + row) * n + column] = static_cast<T>(sum);
    }
}

#define INTEGER(T)                                                                                              \
    extern "C" __global__ void matmul_integer_##T(                                                              \
        const T *lhs, const Layout lhs_batch, size_t lhs_down, size_t lhs_right,                                \
        const T *rhs, const Layout rhs_batch, size_t rhs_down, size_t rhs_right,                                \
        T *out, size_t m, size_t n, size_t k, size_t tiles) {                                                   \
        integer<T>({lhs, lhs_batch, lhs_down, lhs_right}, {rhs, rhs_batch, rhs_down, rhs_right}, out, m, n, k, tiles); \
    }
INTEGERS(INTEGER)
