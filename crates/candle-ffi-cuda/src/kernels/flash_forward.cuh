// The forward of attention in tiles: rows are queries, columns are keys.
#pragma once
#include "flash_mask.cuh"

template <class T, int D, int M, int N>
constexpr int FORWARD_SHARED = sizeof(T) * (FLASH_WARPS * 16 * M + 2 * N) * PITCH<D>;

// The softmax of a row so far: its maximum, and the sum of exponentials of the distances from it that this lane has seen.
struct Softmax {
    f32 most, sum;
};

// The exponential of the distance of a score from the row's maximum. PLAIN scores are not scaled yet, and `scale` includes
// the way from exponents of e to those of 2; with others, which a mask may have brought to the end of the range, the
// distance has to come first.
template <bool PLAIN> __device__ __forceinline__ f32 weight_of(f32 score, f32 shift, f32 scale) {
    return PLAIN ? power_of_two(fmaf(score, scale, -(shift * scale))) : power_of_two((score - shift) * LOG2_E);
}

// PLAIN: no mask, no dropout and a positive scale.
template <class T, int D, int M, int N, bool PLAIN>
__device__ __forceinline__ void flash_forward(const T *query, const T *key, const T *value, const void *mask, T *out,
                                              f32 *statistics, const Flash &flash, const Rows &rows) {
    static_assert(FORWARD_SHARED<T, D, M, N> <= LEAST_SHARED, "some GPUs have no room for the tiles");
    constexpr int ROWS = FLASH_WARPS * 16 * M;
    extern __shared__ __align__(16) unsigned char flash_memory[];
    T *query_tile = reinterpret_cast<T *>(flash_memory);
    T *key_tile = query_tile + ROWS * PITCH<D>, *value_tile = key_tile + N * PITCH<D>;

    const int queries = static_cast<int>(rows.queries), keys = static_cast<int>(rows.keys);
    const Place place(queries, ROWS, rows.heads, rows.causal);
    const i64 shared_head = place.head / flash.group;
    const T *queries_from = place.in(query, flash.query, place.head) + place.first * flash.query[2];
    const T *keys_from = place.in(key, flash.key, shared_head);
    const T *values_from = place.in(value, flash.value, shared_head);

    const int lane = threadIdx.x % 32, own = threadIdx.x / 32 * 16 * M; // the warp's first row in the tile
    const u32 query_matrices = shared_address(query_tile + own * PITCH<D>) + matrices_down<T, D>();
    const u32 key_matrices = shared_address(key_tile) + matrices_across<T, D>();
    const u32 value_matrices = shared_address(value_tile) + matrices_down<T, D>();
    const f32 scale = PLAIN ? flash.scale * LOG2_E : flash.scale;

    // Set one by one: of initial values in the structure nvcc 13.0 gives an array of arrays only the first ones.
    Softmax softmax[M][2];
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) softmax[m][half] = {-INFINITY, 0.f};
    Sums<M, D> result;
    result.clear();
    load_tile<T, D, ROWS>(query_tile, queries_from, flash.query[2], queries - place.first, flash.width);
    load_tile<T, D, N>(key_tile, keys_from, flash.key[2], keys, flash.width);
    const int reach = rows.causal ? min(keys, place.first + ROWS) : keys;
    for (int start = 0; start < reach; start += N) {
        wait_for_copies();
        // The keys are there, and nobody reads the values before any more.
        __syncthreads();
        load_tile<T, D, N>(value_tile, values_from + start * flash.value[2], flash.value[2], keys - start,
                           flash.value_width);
        Sums<M, N> scores;
        scores.clear();
        add_scores<T, D>(scores, query_matrices, key_matrices);

        // Keys that are not there, or come after the query.
        const bool cut = start + N > keys || (rows.causal && start + N > place.first + own + 1);
        if (!PLAIN || cut) {
#pragma unroll
            for (int m = 0; m < M; ++m)
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const int at = place.first + own + m * 16 + half * 8 + lane / 4;
                    const auto columns = Masked<N>::keys(mask, rows, place, place.head, at, start);
                    if (PLAIN) {
                        columns.cut(scores.of[m], half);
                    } else {
                        columns.apply(scores.of[m], half, scale, rows.mask_kind);
                    }
                }
        }

        wait_for_copies();
        // The values are there, and nobody reads the keys any more.
        __syncthreads();
        if (start + N < reach) {
            const int next = start + N;
            load_tile<T, D, N>(key_tile, keys_from + next * flash.key[2], flash.key[2], keys - next, flash.width);
        }

#pragma unroll
        for (int m = 0; m < M; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                Softmax &so_far = softmax[m][half];
                f32 most = so_far.most;
#pragma unroll
                for (int n = 0; n < N / 8; ++n)
#pragma unroll
                    for (int i = 0; i < 2; ++i) most = fmaxf(most, scores.of[m][n][2 * half + i]);
                // The four lanes of a row.
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
                const f32 shift = most == -INFINITY ? 0.f : most;
                // Exactly 1 where the maximum has not changed: `weight_of` rounds on the way, in each tile.
                const f32 before =
                    PLAIN ? power_of_two((so_far.most - shift) * scale) : weight_of<PLAIN>(so_far.most, shift, scale);
                f32 sum = 0;
#pragma unroll
                for (int n = 0; n < N / 8; ++n)
#pragma unroll
                    for (int i = 0; i < 2; ++i) {
                        f32 &score = scores.of[m][n][2 * half + i];
                        score = weight_of<PLAIN>(score, shift, scale);
                        sum += score;
                    }
                so_far = {most, so_far.sum * before + sum};
#pragma unroll
                for (int n = 0; n < D / 8; ++n)
#pragma unroll
                    for (int i = 0; i < 2; ++i) result.of[m][n][2 * half + i] *= before;
                if (!PLAIN && rows.dropout) {
                    const int at = place.first + own + m * 16 + half * 8 + lane / 4;
                    const u32 kept = kept_columns<N>(rows, line_of(rows, place, place.head, at), start + lane % 4 * 2);
#pragma unroll
                    for (int i = 0; i < N / 4; ++i) {
                        if (!(kept >> i & 1)) scores.of[m][i / 2][2 * half + i % 2] = 0;
                    }
                }
            }
        Factors<M, N> weights;
        weights.set(scores, T());
        add_weighted<T, D>(result, weights, value_matrices);
    }

#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            f32 &sum = softmax[m][half].sum;
            sum += __shfl_xor_sync(0xffffffffu, sum, 1);
            sum += __shfl_xor_sync(0xffffffffu, sum, 2);
            const int at = place.first + own + m * 16 + half * 8 + lane / 4;
            if (lane % 4 == 0 && at < queries) {
                const f32 most = PLAIN ? softmax[m][half].most * flash.scale : softmax[m][half].most;
                f32 *own_statistics = statistics + 2 * line_of(rows, place, place.head, at);
                own_statistics[0] = sum == 0.f ? 0.f : most;
                own_statistics[1] = sum == 0.f ? INFINITY : logf(sum);
            }
        }
    T *to = place.in(out, flash.out, place.head) + (place.first + own) * flash.out[2];
    // A row that takes no key is zero.
    const f32 kept = PLAIN || !rows.dropout ? 1.f : static_cast<f32>(rows.kept);
    store_rows<T, D>(query_tile + own * PITCH<D>, result, to, flash.out[2], queries - place.first - own, flash.value_width,
                     [&](int m, int half) {
                         const f32 sum = softmax[m][half].sum;
                         return sum == 0.f ? 0.f : kept / sum;
                     });
}
