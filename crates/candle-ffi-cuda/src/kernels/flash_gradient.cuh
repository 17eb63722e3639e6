// The backward of attention in tiles. Scores are made again; nothing is added up by several blocks, so that results are the
// same each time: one kernel has a tile of queries and goes through the keys, the other has a tile of keys and goes through
// the queries of all heads that share them.
#pragma once
#include "flash_mask.cuh"

// Two tiles of rows; two of columns, twice, so that the next ones come while these are worked on; and three numbers for each
// column that is a query.
template <class T, int D, int M, int N>
constexpr int GRADIENT_SHARED = sizeof(T) * (2 * FLASH_WARPS * 16 * M + 4 * N) * PITCH<D> + sizeof(f32) * 6 * N;

// What a block works with: where its rows and columns come from.
template <class T> struct Gradient {
    const T *query, *key, *value, *grad;
    const void *mask;
    const f32 *statistics, *along;
    // Of the rows: of queries, or of keys and of values.
    T *first, *second;
};

// The weight of a score, not dropped. PLAIN scores have no mask that could bring them to the end of the range: one rounding of
// `most`, which is as large as the score, costs less than rounding the weight to a half while scores are below some thousands.
template <bool PLAIN> __device__ __forceinline__ f32 final_weight(f32 score, f32 most, f32 log_sum, f32 scale) {
    return PLAIN ? power_of_two(fmaf(score, scale, -((most + log_sum) * LOG2_E)))
                 : power_of_two((score - most - log_sum) * LOG2_E);
}

// KEYS: the rows are keys, the columns queries. PLAIN: no mask, no dropout and a positive scale.
template <class T, int D, int M, int N, bool PLAIN, bool KEYS>
__device__ __forceinline__ void flash_gradient(const Gradient<T> &arrays, const Flash &flash, const Rows &rows) {
    static_assert(GRADIENT_SHARED<T, D, M, N> <= LEAST_SHARED, "some GPUs have no room for the tiles");
    constexpr int ROWS = FLASH_WARPS * 16 * M;
    extern __shared__ __align__(16) unsigned char flash_memory[];
    // What is multiplied to scores, and what to their gradients: queries and keys, gradients and values.
    T *first_rows = reinterpret_cast<T *>(flash_memory), *second_rows = first_rows + ROWS * PITCH<D>;
    T *columns = second_rows + ROWS * PITCH<D>;
    f32 *numbers = reinterpret_cast<f32 *>(columns + 4 * N * PITCH<D>);

    const int queries = static_cast<int>(rows.queries), keys = static_cast<int>(rows.keys);
    const int row_count = KEYS ? keys : queries, column_count = KEYS ? queries : keys;
    const i64 heads = KEYS ? rows.heads / flash.group : rows.heads;
    // Of queries the last ones take the most keys, of keys the first ones are taken by the most queries.
    const Place place(row_count, ROWS, heads, !KEYS && rows.causal);
    const i64 shared_head = KEYS ? place.head : place.head / flash.group;
    const int lane = threadIdx.x % 32, own = threadIdx.x / 32 * 16 * M;

    // The tiles of columns: of one head, or one after the other of all heads of the group.
    const int skipped = KEYS && rows.causal ? place.first / N : 0;
    const int reach = !KEYS && rows.causal ? min(keys, place.first + ROWS) : column_count;
    const int tiles = max((reach + N - 1) / N - skipped, 0), steps = KEYS ? tiles * flash.group : tiles;

    const auto load_columns = [&](int step) {
        const int start = (step % tiles + skipped) * N;
        const i64 head = KEYS ? shared_head * flash.group + step / tiles : shared_head;
        T *to = columns + step % 2 * 2 * N * PITCH<D>;
        const i64 *strides[2] = {KEYS ? flash.query : flash.key, KEYS ? flash.grad : flash.value};
        const T *from[2] = {KEYS ? place.in(arrays.query, flash.query, head) : place.in(arrays.key, flash.key, head),
                            KEYS ? place.in(arrays.grad, flash.grad, head) : place.in(arrays.value, flash.value, head)};
        load_tile<T, D, N>(to, from[0] + start * strides[0][2], strides[0][2], column_count - start, flash.width);
        load_tile<T, D, N>(to + N * PITCH<D>, from[1] + start * strides[1][2], strides[1][2], column_count - start,
                           flash.value_width);
        // The statistics of N queries, then what lies along their weights.
        if (KEYS) {
            const size_t line = line_of(rows, place, head, start);
            f32 *room = numbers + step % 2 * 3 * N;
            for (int at = threadIdx.x; at < 3 * N; at += FLASH_THREADS) {
                const int column = at < 2 * N ? at / 2 : at - 2 * N;
                const f32 *source = at < 2 * N ? arrays.statistics + 2 * line + at : arrays.along + line + column;
                const bool inside = start + column < queries;
                copy_word(shared_address(room + at), inside ? source : arrays.along, inside);
            }
        }
    };

    {
        const i64 head = KEYS ? shared_head : place.head;
        const T *from[2] = {KEYS ? place.in(arrays.key, flash.key, head) : place.in(arrays.query, flash.query, head),
                            KEYS ? place.in(arrays.value, flash.value, head) : place.in(arrays.grad, flash.grad, head)};
        const i64 strides[2] = {KEYS ? flash.key[2] : flash.query[2], KEYS ? flash.value[2] : flash.grad[2]};
        load_tile<T, D, ROWS>(first_rows, from[0] + place.first * strides[0], strides[0], row_count - place.first,
                              flash.width);
        load_tile<T, D, ROWS>(second_rows, from[1] + place.first * strides[1], strides[1], row_count - place.first,
                              flash.value_width);
    }
    if (steps > 0) load_columns(0);

    // Of rows that are queries.
    f32 maxima[M][2], log_sums[M][2], along[M][2];
    if (!KEYS) {
#pragma unroll
        for (int m = 0; m < M; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int at = place.first + own + m * 16 + half * 8 + lane / 4;
                const size_t line = line_of(rows, place, place.head, min(at, queries - 1));
                maxima[m][half] = arrays.statistics[2 * line];
                log_sums[m][half] = arrays.statistics[2 * line + 1];
                along[m][half] = arrays.along[line];
            }
    }

    const u32 first_matrices = shared_address(first_rows + own * PITCH<D>) + matrices_down<T, D>();
    const u32 second_matrices = shared_address(second_rows + own * PITCH<D>) + matrices_down<T, D>();
    const f32 scale = PLAIN ? flash.scale * LOG2_E : flash.scale;
    Sums<M, D> first_grad, second_grad;
    first_grad.clear();
    if (KEYS) second_grad.clear();

    for (int step = 0; step < steps; ++step) {
        wait_for_copies();
        // The columns are there, and nobody reads those before any more.
        __syncthreads();
        if (step + 1 < steps) load_columns(step + 1);
        const u32 first_columns = shared_address(columns + step % 2 * 2 * N * PITCH<D>);
        const u32 second_columns = first_columns + sizeof(T) * N * PITCH<D>;
        const f32 *of_columns = numbers + step % 2 * 3 * N;
        const int start = (step % tiles + skipped) * N;
        const i64 head = KEYS ? shared_head * flash.group + step / tiles : place.head;

        Sums<M, N> weights, slopes;
        weights.clear();
        add_scores<T, D>(weights, first_matrices, first_columns + matrices_across<T, D>());
        slopes.clear();
        add_scores<T, D>(slopes, second_matrices, second_columns + matrices_across<T, D>());

        // Columns that are not there, and keys that come after the query.
        const int first_row = place.first + own;
        const bool later = rows.causal && (KEYS ? first_row + 16 * M > start + 1 : start + N > first_row + 1);
        const bool cut = start + N > column_count || later;
#pragma unroll
        for (int m = 0; m < M; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int at = first_row + m * 16 + half * 8 + lane / 4;
                if (!PLAIN || cut) {
                    const auto others = KEYS ? Masked<N>::queries(arrays.mask, rows, place, head, at, start)
                                             : Masked<N>::keys(arrays.mask, rows, place, head, at, start);
                    if (PLAIN) {
                        others.cut(weights.of[m], half);
                    } else {
                        others.apply(weights.of[m], half, scale, rows.mask_kind);
                    }
                }
                u32 kept = ~0u;
                if (!PLAIN && rows.dropout) {
                    const int first = start + lane % 4 * 2;
                    kept = KEYS ? kept_rows<N>(rows, line_of(rows, place, head, first), at)
                                : kept_columns<N>(rows, line_of(rows, place, head, at), first);
                }
                const f32 kept_factor = PLAIN || !rows.dropout ? 1.f : static_cast<f32>(rows.kept);
                Masked<N>::each([&](int column, int n, int i) {
                    f32 &weight = weights.of[m][n][2 * half + i], &slope = slopes.of[m][n][2 * half + i];
                    const f32 most = KEYS ? of_columns[2 * column] : maxima[m][half];
                    const f32 log_sum = KEYS ? of_columns[2 * column + 1] : log_sums[m][half];
                    const f32 product = KEYS ? of_columns[2 * N + column] : along[m][half];
                    // What is not a number elsewhere does not matter where nothing is taken.
                    const bool none = (!PLAIN || cut) && weight == -INFINITY;
                    const f32 all = none ? 0.f : final_weight<PLAIN>(weight, most, log_sum, scale);
                    const f32 factor = PLAIN ? 1.f : kept >> (2 * n + i) & 1 ? kept_factor : 0.f;
                    weight = all * factor;
                    slope = none ? 0.f : all * (slope * factor - product);
                });
            }

        Factors<M, N> factors;
        if (KEYS) {
            factors.set(weights, T());
            add_weighted<T, D>(second_grad, factors, second_columns + matrices_down<T, D>());
        }
        factors.set(slopes, T());
        add_weighted<T, D>(first_grad, factors, first_columns + matrices_down<T, D>());
    }

    // What is in the tiles of rows has been waited for in the first step, if there was one.
    wait_for_copies();
    __syncthreads();
    const i64 of_head = KEYS ? shared_head : place.head;
    const i64 (&first_strides)[3] = KEYS ? flash.key_grad : flash.query_grad;
    const int left = row_count - place.first - own;
    T *to = place.in(arrays.first, first_strides, of_head) + (place.first + own) * first_strides[2];
    store_rows<T, D>(first_rows + own * PITCH<D>, first_grad, to, first_strides[2], left, flash.width,
                     [&](int, int) { return flash.scale; });
    if (KEYS) {
        to = place.in(arrays.second, flash.value_grad, of_head) + (place.first + own) * flash.value_grad[2];
        store_rows<T, D>(second_rows + own * PITCH<D>, second_grad, to, flash.value_grad[2], left, flash.value_width,
                         [](int, int) { return 1.f; });
    }
}
