// Attention in tiles (Dao, FlashAttention-2, 2023): what its forward and its backward have in common.
//
// A block has four warps, and a tile of rows of one head, 16 · M of them for each warp. It goes through the columns in tiles
// of N: scores, weights and their gradients are made in registers and never leave them. What lane holds which score of a
// 16×8 tile also holds that element of the left factor of the next product, so that they need not be moved.
#pragma once
#include "attention.cuh"
#include "tensor_core.cuh"

constexpr int FLASH_WARPS = 4;
constexpr int FLASH_THREADS = 32 * FLASH_WARPS;
// Elements of 16 bytes.
constexpr int PACK = 8;
// Shared memory that a block has on every GPU of capability 8.0 and later: 8.6 and 8.9 have the least.
constexpr int LEAST_SHARED = 99 << 10;
constexpr f32 LOG2_E = 1.44269504088896340736f;

// `Flash` in flash.rs, besides `Rows`.
struct Flash {
    i64 query[3], key[3], value[3], out[3];
    // Of gradients: of `out`, then of the inputs.
    i64 grad[3], query_grad[3], key_grad[3], value_grad[3];
    int group;              // heads that share those of keys and values
    int width, value_width; // multiples of PACK, and no larger than the D of the kernel
    f32 scale;
};

// A tile in shared memory has rows of D elements and PACK more: eight rows, which `load_matrices` reads 16 bytes of at a
// time, then begin in eight different quarters of the banks, whatever D is, and addresses are sums with constants.
template <int D> constexpr int PITCH = D + PACK;

// Starts the copy of a tile's rows, with zeros beyond the rows that are left and beyond the width.
template <class T, int D, int ROWS>
__device__ __forceinline__ void load_tile(T *tile, const T *from, i64 stride, int rows_left, int width) {
    // A thread's packs are in one column. With 96 columns some threads have none, so that nobody has to divide.
    constexpr int COLUMNS = D == 96 ? 16 : D / PACK, STEP = FLASH_THREADS / COLUMNS;
    static_assert(ROWS % STEP == 0, "each thread copies as much as the others");
    const int row = threadIdx.x / COLUMNS, column = threadIdx.x % COLUMNS * PACK;
    if (column >= D) return;
    const u32 to = shared_address(tile + row * PITCH<D> + column);
    const T *next = from + row * stride + column;
    const int end = column < width ? rows_left : 0;
#pragma unroll
    for (int i = 0; i < ROWS; i += STEP) {
        const bool inside = row + i < end;
        copy_pack(to + sizeof(T) * i * PITCH<D>, inside ? next : from, inside);
        next += STEP * stride;
    }
}

// What a lane adds to a tile's address to say where its row of four 8×8 matrices is: for the left factor of a product, and
// the right one when it lies in memory as its rows...
template <class T, int D> __device__ __forceinline__ u32 matrices_down() {
    const int lane = threadIdx.x % 32;
    return sizeof(T) * (lane % 16 * PITCH<D> + lane / 16 * PACK);
}

// ... and for the right factor when it lies in memory as its columns.
template <class T, int D> __device__ __forceinline__ u32 matrices_across() {
    const int lane = threadIdx.x % 32;
    return sizeof(T) * ((lane / 16 * 8 + lane % 8) * PITCH<D> + lane / 8 % 2 * PACK);
}

// Numbers of a warp in rows of N: those of lane l are in the rows l / 4 and l / 4 + 8 of 16, in two neighbouring columns
// from 2 (l % 4) of each 8.
template <int M, int N> struct Sums {
    f32 of[M][N / 8][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int m = 0; m < M; ++m)
#pragma unroll
            for (int n = 0; n < N / 8; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) of[m][n][i] = 0;
    }
};

// Such numbers, rounded, as the left factor of a product.
template <int M, int N> struct Factors {
    u32 of[M][N / 16][4];

    template <class T> __device__ __forceinline__ void set(const Sums<M, N> &sums, T type) {
#pragma unroll
        for (int m = 0; m < M; ++m)
#pragma unroll
            for (int k = 0; k < N / 16; ++k)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const f32 *pair = &sums.of[m][2 * k + i / 2][i % 2 * 2];
                    of[m][k][i] = packed(pair[0], pair[1], type);
                }
    }
};

// sums += rows · columnsᵀ: 16 · M rows of one tile and N of another.
template <class T, int D, int M, int N>
__device__ __forceinline__ void add_scores(Sums<M, N> &sums, u32 rows, u32 columns) {
#pragma unroll
    for (int k = 0; k < D; k += 16) {
        u32 left[M][4];
#pragma unroll
        for (int m = 0; m < M; ++m) load_matrices(left[m], rows + sizeof(T) * (m * 16 * PITCH<D> + k));
#pragma unroll
        for (int n = 0; n < N / 16; ++n) {
            u32 right[4];
            load_matrices(right, columns + sizeof(T) * (n * 16 * PITCH<D> + k));
#pragma unroll
            for (int m = 0; m < M; ++m) {
                multiply(sums.of[m][2 * n], left[m], right[0], right[1], T());
                multiply(sums.of[m][2 * n + 1], left[m], right[2], right[3], T());
            }
        }
    }
}

// sums += factors · columns: N rows of a tile.
template <class T, int D, int M, int N>
__device__ __forceinline__ void add_weighted(Sums<M, D> &sums, const Factors<M, N> &factors, u32 columns) {
#pragma unroll
    for (int k = 0; k < N / 16; ++k) {
#pragma unroll
        for (int n = 0; n < D / 16; ++n) {
            u32 right[4];
            load_transposed(right, columns + sizeof(T) * (k * 16 * PITCH<D> + n * 16));
#pragma unroll
            for (int m = 0; m < M; ++m) {
                multiply(sums.of[m][2 * n], factors.of[m][k], right[0], right[1], T());
                multiply(sums.of[m][2 * n + 1], factors.of[m][k], right[2], right[3], T());
            }
        }
    }
}

// Writes a warp's rows, each multiplied with `scale(m, half)`, through its own rows of a tile that nobody reads any more, so
// that memory is written 16 bytes at a time.
template <class T, int D, int M, class Scale>
__device__ __forceinline__ void store_rows(T *tile, const Sums<M, D> &sums, T *to, i64 stride, int rows_left, int width,
                                           Scale scale) {
    const int lane = threadIdx.x % 32;
    __syncwarp();
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const f32 factor = scale(m, half);
#pragma unroll
            for (int n = 0; n < D / 8; ++n) {
                const f32 *pair = &sums.of[m][n][2 * half];
                T *place = tile + (m * 16 + half * 8 + lane / 4) * PITCH<D> + n * 8 + lane % 4 * 2;
                *reinterpret_cast<u32 *>(place) = packed(pair[0] * factor, pair[1] * factor, T());
            }
        }
    __syncwarp();
    constexpr int PACKS = D / PACK;
#pragma unroll
    for (int at = lane; at < 16 * M * PACKS; at += 32) {
        const int row = at / PACKS, column = at % PACKS * PACK;
        if (row < rows_left && column < width) {
            *reinterpret_cast<uint4 *>(to + row * stride + column) =
                *reinterpret_cast<const uint4 *>(tile + row * PITCH<D> + column);
        }
    }
}

// Which rows a block has. Of causal queries the last ones take the most keys: those blocks begin first.
struct Place {
    int first; // of the rows
    i64 batch, head;

    __device__ __forceinline__ Place(int count, int rows, i64 heads, bool backwards) {
        const u32 tiles = (count + rows - 1) / rows, tile = blockIdx.x % tiles;
        first = static_cast<int>(backwards ? tiles - 1 - tile : tile) * rows;
        head = blockIdx.x / tiles % static_cast<u32>(heads);
        batch = blockIdx.x / tiles / static_cast<u32>(heads);
    }

    template <class T> __device__ __forceinline__ T *in(T *array, const i64 (&strides)[3], i64 of_head) const {
        return array + batch * strides[0] + of_head * strides[1];
    }
};

// The number of a query among those of all heads.
__device__ __forceinline__ size_t line_of(const Rows &rows, const Place &place, i64 head, int query) {
    return static_cast<size_t>((place.batch * rows.heads + head) * rows.queries + query);
}
