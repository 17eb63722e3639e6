// What clipping gradients needs: their norm as one vector, and a factor for all of them.
#include "tables.cuh"

constexpr u32 WARP = 32;

// The sum over a block, in its first thread; the same order each time.
__device__ __forceinline__ f64 sum_of_block(f64 value) {
    __shared__ f64 sums[WARP];
    for (u32 step = WARP / 2; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
    const u32 lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    if (lane == 0) sums[warp] = value;
    __syncthreads();
    value = threadIdx.x < blockDim.x / WARP ? sums[threadIdx.x] : 0;
    if (warp == 0) {
        for (u32 step = WARP / 2; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
    }
    __syncthreads();
    return value;
}

// The sum of the squares of each chunk: in the type that is computed in for a thread, in f64 for all of them.
template <class T> __device__ __forceinline__ void squares(const TableOf<1> &table, f64 *sums) {
    constexpr int LANES = 16 / sizeof(T);
    for_each_piece<1>(table, [&](const Piece &piece, u32 chunk) {
        const Reader<T> x(static_cast<const T *>(table.at[0][piece.tuple]) + piece.start);
        const size_t packs = x.template aligned<LANES>() ? piece.count / LANES : 0;
        compute_t<T> sum = 0;
        const auto add = [&](T element) {
            const auto wide = load(element);
            sum += wide * wide;
        };
        for (size_t at = threadIdx.x; at < packs; at += blockDim.x) {
            const auto pack = x.template pack<LANES>(at);
#pragma unroll
            for (int lane = 0; lane < LANES; ++lane) add(pack.lanes[lane]);
        }
        for (size_t at = packs * LANES + threadIdx.x; at < piece.count; at += blockDim.x) add(x.at(at));
        const f64 total = sum_of_block(sum);
        if (threadIdx.x == 0) sums[chunk] = total;
    });
}

#define CLIP(T)                                                                                               \
    extern "C" __global__ void clip_squares_##T(const TableOf<1> table, f64 *sums) { squares<T>(table, sums); } \
    /* By one block. */                                                                                       \
    extern "C" __global__ void __launch_bounds__(1024) clip_norm_##T(const f64 *sums, T *norm, size_t count) {                        \
        f64 sum = 0;                                                                                          \
        for (size_t at = threadIdx.x; at < count; at += blockDim.x) sum += sums[at];                          \
        sum = sum_of_block(sum);                                                                              \
        if (threadIdx.x == 0) *norm = store<T>(static_cast<compute_t<T>>(sqrt(sum)));                         \
    }                                                                                                         \
    extern "C" __global__ void clip_scale_##T(const TableOf<1> table, const T *factor) {                      \
        const auto by = load(*factor);                                                                        \
        const auto scaled = [&](T element) -> T { return store<T>(load(element) * by); };                     \
        for_each_piece<1>(table, [&](const Piece &piece, u32) { replace<T>(table, piece, scaled); });         \
    }
FLOATS(CLIP)
